"""Decay curves, and exact distances in tables that one can do in the head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import distance_transform_edt

from manul.exposure import nearest as kernels
from manul.exposure import strips
from manul.exposure.decay import CURVES, decay

TABLE = [[0, 1], [100, 0.5], [200, 0.25]]
ROOT2 = np.float32(np.sqrt(2))


@pytest.mark.parametrize(
    ("kind", "scale", "reach", "at", "value"),
    [
        ("linear", None, 200, 50, 0.75),
        ("linear", None, 200, 200, 0.0),
        ("exponential", 100, 300, 100, np.exp(-1)),
        ("exponential", 100, 300, 300, np.exp(-3)),
        ("gaussian", 100, 300, 200, np.exp(-2)),
        ("half_saturation", 100, 300, 100, 0.5),
        ("table", None, 300, 50, 0.75),
        ("table", None, 300, 150, 0.375),
        ("table", None, 300, 300, 0.25),
    ],
)
def test_a_curve_has_its_value_inside_and_zero_beyond(kind, scale, reach, at, value):
    curve = decay(kind, scale, reach, TABLE)
    assert curve(at) == pytest.approx(value)
    assert curve(np.nextafter(reach, np.inf)) == 0
    assert curve([np.inf, 0.0]).tolist() == [0.0, 1.0]
    assert np.isnan(curve(np.nan))


@given(st.sampled_from(sorted(CURVES)), st.floats(1, 1e4), st.floats(1, 1e5))
@settings(deadline=None)
def test_every_curve_stays_in_0_1_and_never_rises(kind, scale, reach):
    values = decay(kind, scale, reach, TABLE)(np.linspace(0, 1.1 * reach, 300))
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("cubic", 1, 1), "cubic"),
        (("linear", None, 0), "reach_m"),
        (("linear", None, np.nan), "reach_m"),
        (("linear", None, None), "reach_m"),
        (("gaussian", -5, 10), "scale_m"),
        (("exponential", None, 10), "scale_m"),
        (("table", None, 10), "pairs"),
        (("table", None, 10, [[0, 1], [0, 0.5]]), "ascending"),
        (("table", None, 10, [[-1, 1], [0, 0.5]]), "negative"),
        (("table", None, 10, [[0, 1.5], [5, 0.5]]), "0..1"),
        (("table", None, 10, [[0, 0.5], [5, -0.1]]), "0..1"),
        (("table", None, 10, [[0, 0.5], [5, 0.9]]), "rise"),
        (("table", None, 10, [[0, 1], [2, 0.5], [5, 0.9]]), "rise"),
        (("table", None, 10, [[0, 1], [5, 0.5], [2, 0.1]]), "ascending"),
        (("table", None, 10, [[0, 1], [np.inf, 0.5]]), "finite"),
        (("table", None, 10, [[0, np.nan]]), "finite"),
    ],
)
def test_a_wrong_curve_is_refused_by_name(arguments, named):
    with pytest.raises(ValueError, match=named):
        decay(*arguments)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[ROOT2, 1, ROOT2], [1, 0, 1], [ROOT2, 1, ROOT2]]),
        ([[1, 0, 0], [0, 0, 0], [0, 0, 1]], [[0, 1, 2], [1, ROOT2, 1], [2, 1, 0]]),
        ([[1, 1, 1], [1, 1, 1]], [[0, 0, 0], [0, 0, 0]]),
        ([[0, 0, 1, 0, 0, 0, 1]], [[2, 1, 0, 1, 2, 1, 0]]),
        ([[0, np.nan], [np.nan, 0]], [[np.inf, np.inf], [np.inf, np.inf]]),
    ],
)
def test_distance_by_hand(mask, expected):
    got = strips.distance(np.array(mask), 10.0, strip_rows=1)
    np.testing.assert_allclose(got, 10 * np.array(expected), rtol=1e-7)


def test_distance_of_cells_taller_than_wide():
    got = strips.distance(np.array([[1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]), (3.0, 4.0))
    expected = [[0, 3, 6, 9, 12], [4, 5, np.sqrt(52), np.sqrt(97), np.sqrt(160)]]
    np.testing.assert_allclose(got, expected, rtol=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.003, 0.03, 0.3, 0.97]),
    st.integers(1, 60),
    st.integers(2, 120),
)
def test_squared_distances_are_those_of_scipy(seed, share, rows, columns):
    mask = np.random.default_rng(seed).random((rows, columns)) < share
    mask[0, -1] = True
    rows_at, columns_at = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    y, x = np.indices(mask.shape)
    squared = np.square(y - rows_at) + np.square(x - columns_at)
    got = strips.distance(mask, 1.0, strip_rows=13).astype("float64")
    np.testing.assert_array_equal(np.rint(got**2).astype("int64"), squared)


@pytest.mark.parametrize("shape", [(1, 70_000), (70_000, 1), (3, 70_000)])
def test_squares_beyond_32_bits_are_exact(shape):
    mask = np.zeros(shape, dtype="uint8")
    mask[0, 0] = 1
    y, x = np.indices(shape, dtype="int64")
    expected = np.sqrt(y * y + x * x).astype("float32")
    np.testing.assert_array_equal(strips.distance(mask, 1.0, strip_rows=30_000), expected)


def test_carries_reach_over_a_million_rows():
    none_above = np.full(2, kernels.ABOVE_ALL, dtype="int32")
    source_far_below = np.array([1_000_003, kernels.BELOW_ALL], dtype="int32")
    empty = np.zeros((1, 2), dtype="uint8")
    got = kernels.distance_rows(empty, 3, none_above, source_far_below, 30.0)
    expected = [[3e7, 30 * np.sqrt(1e12 + 1)]]
    np.testing.assert_array_equal(got, np.array(expected, dtype="float32"))


def test_scan_hands_each_strip_its_nearest_rows_outside():
    blocks = [np.array([[1, 0]]), np.array([[0, 0]]), np.array([[1, 1]])]
    profiles = [kernels.profile(kernels.sources(block), row) for row, block in enumerate(blocks)]
    carries = [(above.tolist(), below.tolist()) for above, below in kernels.scan(profiles)]
    none, beyond = kernels.ABOVE_ALL, kernels.BELOW_ALL
    assert carries == [
        ([none, none], [2, 2]),
        ([0, none], [2, 2]),
        ([0, none], [beyond, beyond]),
    ]


@given(hnp.arrays("uint8", (6, 6), elements=st.integers(0, 1)))
@settings(max_examples=30, deadline=None)
def test_a_table_of_decay_keeps_the_cut_off_of_the_curve(mask):
    # A reach of 150 m is met exactly by the 3-4-5 triangle of 30 m cells.
    curve = decay("linear", None, 150)
    kept = decay("table", None, 150, [[0, 1]])
    np.testing.assert_allclose(
        strips.exposure(mask, 30, curve), curve(strips.distance(mask, 30)), atol=1e-7
    )
    np.testing.assert_array_equal(strips.exposure(mask, 30, kept), strips.distance(mask, 30) <= 150)


@pytest.mark.parametrize("cell", [0, np.nan, (30, 0), np.inf])
def test_a_cell_without_size_is_refused(cell):
    with pytest.raises(ValueError, match="cell size"):
        kernels.cell_size(cell)

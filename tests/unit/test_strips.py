"""The strip engine against brute force on small rasters, and its promises about grids."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from manul.exposure import saturating, strip_tasks, strips
from manul.exposure.decay import decay
from manul.exposure.kernel_sums import kernel_mass, stamp_sum, transform_rows, transform_sum
from manul.exposure.nearest import decay_table

COMMON = settings(max_examples=60, deadline=None)
CELLS = st.sampled_from([1.0, 30.0, (30.0, 30.0), (30.0, 40.0), (25.0, 7.3), (1.0, 9.0)])
SIDES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14)
KINDS = st.sampled_from(["linear", "exponential", "gaussian", "half_saturation", "table"])
FEW = st.sampled_from([0.0, 0.0, 0.0, 0.25, 0.5, 1.0, np.nan])
MANY = st.one_of(st.just(0.0), st.floats(0, 1, width=32), st.just(np.float32(np.nan)))
RUNNING = st.fixed_dictionaries({"strip_rows": st.integers(1, 16), "threads": st.integers(1, 3)})


@st.composite
def curves(draw):
    reach = draw(st.sampled_from([20.0, 60.0, 200.0]))
    table = [[0, 1], [reach / 3, 0.7], [reach, 0.1]]
    return decay(draw(KINDS), draw(st.sampled_from([10.0, 60.0])), reach, table)


@st.composite
def rasters(draw, values, k=1):
    rows, columns = draw(SIDES)
    return draw(hnp.arrays("float32", (rows * k, columns * k), elements=values))


def sides(cell):
    return np.broadcast_to(cell, 2)


def offsets(shape, cell):
    """Distance (m) between all pairs of cells, (cells, cells)."""
    dx, dy = sides(cell)
    rows, columns = np.indices(shape).reshape(2, -1)
    across, down = np.subtract.outer(columns, columns), np.subtract.outer(rows, rows)
    return dx * np.sqrt(across**2 + (dy / dx) ** 2 * down**2)


def brute_distance(mask, cell):
    apart = np.where((mask > 0).ravel(), offsets(mask.shape, cell), np.inf)
    return apart.min(axis=1).reshape(mask.shape)


def brute_nearest(intensity, cell, curve):
    strength = np.nan_to_num(intensity).ravel() * curve(offsets(intensity.shape, cell))
    return strength.max(axis=1).reshape(intensity.shape)


def brute_density(intensity, cell, curve):
    dx, dy = sides(cell)
    mass = kernel_mass(decay_table(curve, cell)) * dx * dy / 1e6
    strength = np.nan_to_num(intensity).ravel() * curve(offsets(intensity.shape, cell))
    return strength.sum(axis=1).reshape(intensity.shape) / mass


def brute_saturating(points, shape, cell, curve):
    dx, dy = sides(cell)
    y, x = np.indices(shape)
    absent = np.ones(shape)
    for px, py, strength, radius in zip(*vars(points).values(), strict=True):
        d = np.hypot((x + 0.5) * dx - px, (y + 0.5) * dy - py)
        absent *= 1 - strength * curve(np.maximum(d - radius, 0))
    return 1 - absent


def coarse(fine, k):
    rows, columns = fine.shape
    return fine.reshape(rows // k, k, columns // k, k).mean(axis=(1, 3))


@COMMON
@given(rasters(MANY), CELLS, RUNNING)
def test_distance_is_brute_force_in_any_strips(raster, cell, running):
    got = strips.distance(raster, cell, **running)
    np.testing.assert_allclose(got, brute_distance(raster, cell), rtol=3e-7)
    assert got.tobytes() == strips.distance(raster, cell).tobytes()


@COMMON
@given(rasters(FEW), CELLS, curves(), RUNNING)
def test_nearest_is_exact_for_few_intensities(raster, cell, curve, running):
    got = strips.exposure(raster, cell, curve, **running)
    np.testing.assert_allclose(got, brute_nearest(raster, cell, curve), atol=2e-7)
    assert got.tobytes() == strips.exposure(raster, cell, curve).tobytes()


@COMMON
@given(rasters(MANY), CELLS, curves(), RUNNING, st.sampled_from([1 / 512, 1 / 20, 0.5]))
def test_nearest_is_within_the_tolerance_for_many(raster, cell, curve, running, tolerance):
    got = strips.exposure(raster, cell, curve, tolerance=tolerance, **running)
    expected = brute_nearest(raster, cell, curve)
    np.testing.assert_allclose(got, expected, atol=tolerance + 1e-6)


def test_nearest_takes_levels_when_sources_are_dense():
    raster = np.random.default_rng(5).random((60, 50)).astype("float32") ** 8
    curve = decay("exponential", 300, 900)
    got = strips.exposure(raster, 30, curve, strip_rows=7)
    expected = brute_nearest(raster, 30, curve)
    # One step of tolerance 1/2 is still a level, not "any source": 0.4 counts for nothing.
    rough = strips.exposure(0.4 * raster, 30, curve, tolerance=0.5)
    assert rough.max() == 0
    assert 1e-6 < np.abs(got - expected).max() <= 1 / 512 + 1e-6
    assert got.tobytes() == strips.exposure(raster, 30, curve, strip_rows=60).tobytes()


@COMMON
@given(rasters(MANY), CELLS, curves(), RUNNING)
def test_density_is_brute_force(raster, cell, curve, running):
    got = strips.exposure(raster * 3, cell, curve, kernel="density", **running)
    expected = brute_density(raster * 3, cell, curve)
    tail = 1e-11 * expected.max()  # of a gaussian, far out, which float32 rounds to 0
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=max(1e-9, tail))
    again = strips.exposure(raster * 3, cell, curve, kernel="density")
    assert got.tobytes() == again.tobytes()


@pytest.mark.parametrize("shape", [(300, 8), (8, 300)])
def test_density_of_a_dense_raster_is_brute_force_by_transform(shape):
    """Long enough for several tiles of the transform either way."""
    raster = np.random.default_rng(5).random(shape).astype("float32")
    raster.flat[:720] = 0
    curve = decay("gaussian", 120, 360)
    got = strips.exposure(raster, (30, 40), curve, kernel="density", strip_rows=7)
    expected = brute_density(raster, (30, 40), curve)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert got.tobytes() == strips.exposure(raster, (30, 40), curve, kernel="density").tobytes()
    assert (got[expected == 0] == 0).all() and (got == 0).any() == (expected == 0).any()


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays("float64", st.tuples(st.integers(0, 6), st.just(4)), elements=st.floats(0, 1)),
    SIDES,
    CELLS,
    curves(),
    RUNNING,
)
def test_saturating_points_are_brute_force(table, shape, cell, curve, running):
    dx, dy = sides(cell)
    x, y, strength, radius = table.T
    x, y = (x * 3 - 1) * shape[1] * dx, (y * 3 - 1) * shape[0] * dy
    # Round values keep the cut-off away from a rounding error of the two formulas.
    points = saturating.points(np.round(x, 3) + 1e-4, y, strength, np.round(radius * 50, 3))
    got = strips.saturating(points, shape, cell, curve, **running)
    np.testing.assert_allclose(got, brute_saturating(points, shape, cell, curve), atol=2e-4)
    assert got.tobytes() == strips.saturating(points, shape, cell, curve).tobytes()


@COMMON
@given(hnp.arrays("bool", SIDES), st.integers(-9, 9), st.integers(-9, 9), CELLS, curves(), RUNNING)
def test_an_extended_feature_acts_by_its_own_distance_field(mask, row, column, cell, curve, run):
    whole = np.zeros((40, 40), dtype="bool")
    whole[row + 10 : row + 10 + mask.shape[0], column + 10 : column + 10 + mask.shape[1]] = mask
    expected = 0.5 * brute_nearest(whole, cell, curve)[10:22, 10:23]
    road = saturating.Extended(mask, row, column, 0.5)
    got = strips.saturating(
        saturating.points([], []), (12, 13), cell, curve, extended=[road], **run
    )
    np.testing.assert_allclose(got, expected, atol=1e-6)
    twice = strips.saturating(
        saturating.points([], []), (12, 13), cell, curve, extended=[road, road], **run
    )
    np.testing.assert_allclose(twice, 1 - (1 - expected) ** 2, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 3), CELLS, curves(), RUNNING)
def test_oversample_is_the_mean_of_the_fine_map(data, k, cell, curve, running):
    raster = data.draw(rasters(FEW, k))
    for kernel in strips.KERNELS:
        fine = strips.exposure(raster, cell, curve, kernel=kernel)
        got = strips.exposure(raster, cell, curve, kernel=kernel, oversample=k, **running)
        np.testing.assert_allclose(got, coarse(fine, k), rtol=1e-6, atol=1e-7)
    points = saturating.points([31.0], [17.0], 0.7)
    fine = strips.saturating(points, raster.shape, cell, curve)
    got = strips.saturating(points, raster.shape, cell, curve, oversample=k, **running)
    np.testing.assert_allclose(got, coarse(fine, k), rtol=1e-6, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(rasters(FEW), st.data(), curves(), RUNNING)
def test_inner_is_a_window_of_the_whole(raster, data, curve, running):
    rows, columns = raster.shape
    row0, column0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    row1, column1 = (
        data.draw(st.integers(row0 + 1, rows)),
        data.draw(st.integers(column0 + 1, columns)),
    )
    inner = (row0, row1, column0, column1)
    window = np.s_[row0:row1, column0:column1]
    np.testing.assert_array_equal(
        strips.distance(raster, 30, inner=inner, **running), strips.distance(raster, 30)[window]
    )
    for kernel in strips.KERNELS:
        got = strips.exposure(raster, 30, curve, kernel=kernel, inner=inner, **running)
        expected = strips.exposure(raster, 30, curve, kernel=kernel)[window]
        np.testing.assert_array_equal(got, expected)
    points = saturating.points([40.0, 5.0], [10.0, 77.0], 0.7)
    got = strips.saturating(points, raster.shape, 30, curve, inner=inner, **running)
    whole = strips.saturating(points, raster.shape, 30, curve)
    np.testing.assert_array_equal(got, whole[window])


def test_exposure_by_hand():
    curve = decay("linear", None, 40)
    raster = np.array([[0.5, 0, 0, 0, 1.0], [np.nan, 0, 0, 0, 0]], dtype="float32")
    expected = [[0.5, 0.375, 0.5, 0.75, 1.0], [0.375, 0.5 * (1 - 2**0.5 / 4), 0, 0.75, 0.75]]
    expected[1][2], expected[1][3] = 1 - 5**0.5 / 4, 1 - 2**0.5 / 4
    np.testing.assert_allclose(strips.exposure(raster, 10, curve), expected, atol=1e-7)


def test_the_strongest_counts_not_the_nearest():
    curve = decay("exponential", 100, 500)
    raster = np.array([[1, 0, 0.1]], dtype="float32")
    got = strips.exposure(raster, 10, curve)[0, 2]
    assert got == pytest.approx(np.exp(-0.2))


def test_two_points_saturate():
    curve = decay("linear", None, 100)
    two = saturating.points([5, 5], [5, 5], [0.5, 0.4])
    got = strips.saturating(two, (1, 2), 10, curve)
    np.testing.assert_allclose(got, [[1 - 0.5 * 0.6, 1 - 0.55 * 0.64]], rtol=1e-6)


def test_a_treated_disc_acts_fully_inside():
    disc = saturating.points([5], [5], 0.8, 20)
    got = strips.saturating(disc, (1, 5), 10, decay("linear", None, 20))
    np.testing.assert_allclose(got, [[0.8, 0.8, 0.8, 0.4, 0]], atol=1e-7)


@pytest.mark.parametrize("kernel", strips.KERNELS)
def test_no_source_no_exposure(kernel):
    empty = np.array([[0, np.nan], [0, 0]], dtype="float32")
    got = strips.exposure(empty, 30, decay("gaussian", 50, 100), kernel=kernel)
    assert got.tolist() == [[0, 0], [0, 0]]
    none = strips.saturating(saturating.points([], []), (2, 2), 30, decay("gaussian", 50, 100))
    assert none.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("kernel", strips.KERNELS)
def test_doubling_the_intensity_doubles_the_exposure(kernel):
    raster = np.zeros((9, 9), dtype="float32")
    raster[4, 4], raster[0, 1] = 0.4, 0.1
    curve = decay("exponential", 50, 200)
    once, twice = (strips.exposure(f * raster, 30, curve, kernel=kernel) for f in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    assert once.max() > 0


@COMMON
@given(rasters(FEW), st.data(), curves())
def test_another_source_never_lowers_exposure(raster, data, curve):
    row, column = (data.draw(st.integers(0, side - 1)) for side in raster.shape)
    more = raster.copy()
    more[row, column] = 1
    for kernel in strips.KERNELS:
        before = strips.exposure(raster, 30, curve, kernel=kernel)
        assert (strips.exposure(more, 30, curve, kernel=kernel) >= before - 1e-6 * before).all()
    one, two = saturating.points([10], [10], 0.4), saturating.points([10, 50], [10, 20], [0.4, 0.9])
    before = strips.saturating(one, raster.shape, 30, curve)
    assert (strips.saturating(two, raster.shape, 30, curve) >= before).all()


def test_density_keeps_the_total():
    raster = np.zeros((81, 81), dtype="float32")
    raster[40, 38], raster[41, 41] = 3, 2
    for kind in ("linear", "exponential", "gaussian", "half_saturation"):
        got = strips.exposure(raster, (30, 50), decay(kind, 200, 900), kernel="density")
        assert got.sum(dtype="float64") * 0.03 * 0.05 == pytest.approx(5, rel=1e-5)


@pytest.mark.parametrize("kernel", strips.KERNELS)
def test_halving_the_source_cell_leaves_the_map(kernel):
    """The same disc of sources (for density: the same total) on cells of 50 m and of 25 m."""
    curve = decay("exponential", 300, 1200)
    maps = []
    for k in (20, 40):
        side = 1000 / k
        y, x = (np.indices((5 * k, 5 * k)) + 0.5) * side
        disc = (np.hypot(x - 2333, y - 2171) <= 300).astype("float32")
        strength = disc / disc.sum() if kernel == "density" else disc
        maps.append(strips.exposure(strength, side, curve, kernel=kernel, oversample=k))
    assert maps[0].shape == (5, 5)
    np.testing.assert_allclose(*maps, atol=0.03 * maps[0].max())


def test_halving_the_source_cell_leaves_the_saturating_map():
    camps = saturating.points([2333, 2420], [2171, 900], [0.7, 0.9], [0, 150])
    curve = decay("exponential", 300, 1200)
    coarser, finer = (
        strips.saturating(camps, (5 * k, 5 * k), 1000 / k, curve, oversample=k) for k in (20, 40)
    )
    np.testing.assert_allclose(coarser, finer, atol=0.005)


def test_a_source_that_crosses_the_border_changes_the_inside_continuously():
    curve = decay("linear", None, 600)
    inner = (25, 35, 25, 35)
    for kernel in strips.KERNELS:
        sums = []
        for column in range(20, 30):
            raster = np.zeros((60, 60), dtype="float32")
            raster[30, column] = 1
            got = strips.exposure(raster, 30, curve, kernel=kernel, inner=inner)
            sums.append(got.sum(dtype="float64"))
        steps = np.diff(sums)
        assert (steps > 0).all() and steps.max() < 0.1 * sums[0]
    at = [
        strips.saturating(saturating.points([x], [150]), (10, 10), 30, curve) for x in (-0.01, 0.01)
    ]
    assert 0 < np.abs(at[0] - at[1]).max() < 1e-4


def test_without_a_table_the_result_is_the_same(monkeypatch):
    raster = np.random.default_rng(2).choice([0, 0, 0, 0.5, 1], (30, 31)).astype("float32")
    curve, cell = decay("gaussian", 90, 300), (30, 20)
    expected = [strips.exposure(r, cell, curve) for r in (raster, raster == 1)]
    monkeypatch.setattr("manul.exposure.nearest.LARGEST_TABLE", 0)
    strip_tasks.table_of.cache_clear()
    got = [strips.exposure(r, cell, curve) for r in (raster, raster == 1)]
    with pytest.raises(ValueError, match="larger cells"):
        strips.exposure(raster, cell, curve, kernel="density")
    strip_tasks.table_of.cache_clear()
    np.testing.assert_allclose(got, expected, atol=1e-6)


class Reader:
    """A reader that can be sent to another process."""

    def __init__(self, array):
        self.array = array

    def __call__(self, row0, row1):
        return self.array[row0:row1]


def _through_pickle(function, iterable):
    for job in iterable:
        again, sent = pickle.loads(pickle.dumps((function, job)))
        yield again(sent)


def test_every_task_can_be_sent_elsewhere():
    raster = np.random.default_rng(2).choice([0, 0, 0.5, 1], (12, 9)).astype("float32")
    curve, read = decay("gaussian", 90, 300), Reader(raster)
    written = {}
    strips.distance_strips(
        read, raster.shape, 30, written.__setitem__, strip_rows=5, map_fn=_through_pickle
    )
    assert list(written) == [0, 5, 10]
    got = np.concatenate(list(written.values()))
    np.testing.assert_array_equal(got, strips.distance(raster, 30))
    for kernel in strips.KERNELS:
        written.clear()
        strips.exposure_strips(
            read,
            raster.shape,
            30,
            curve,
            written.__setitem__,
            kernel=kernel,
            map_fn=_through_pickle,
        )
        np.testing.assert_array_equal(written[0], strips.exposure(raster, 30, curve, kernel=kernel))


def test_progress_counts_the_strips():
    seen = []
    strips.distance(np.eye(10), 1, strip_rows=4, progress=lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("wrong", [1.5, -0.5, np.inf])
def test_an_intensity_outside_0_1_is_refused(wrong):
    with pytest.raises(ValueError, match="intensity"):
        strips.exposure(np.array([[0, wrong]]), 30, decay("linear", None, 60))


def test_a_wrong_grid_is_refused():
    curve, raster = decay("linear", None, 60), np.eye(6)
    with pytest.raises(ValueError, match="oversample"):
        strips.exposure(raster, 30, curve, oversample=4)
    with pytest.raises(ValueError, match="inner window"):
        strips.distance(raster, 30, inner=(0, 7, 0, 6))
    with pytest.raises(ValueError, match="tolerance"):
        strips.exposure(raster, 30, curve, tolerance=0)
    with pytest.raises(ValueError, match="at least one row"):
        strips.distance(raster, 30, strip_rows=0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([np.nan], [0]), "coordinates"),
        (([0], [0], np.nan), "intensities"),
        (([0], [0], 1.2), "intensities"),
        (([0], [0], 1, -1), "radii"),
    ],
)
def test_a_wrong_point_is_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        saturating.points(*arguments)


@pytest.mark.parametrize("wrong", [np.nan, 1.2, -0.1])
def test_a_wrong_extended_feature_is_refused(wrong):
    with pytest.raises(ValueError, match="intensity"):
        saturating.Extended(np.eye(2), 0, 0, wrong)


def test_the_memory_estimate_grows_with_what_is_held():
    small = strips.strip_memory_mb(20_000, 256, 2)
    assert 100 < small < 300
    assert strips.strip_memory_mb(20_000, 256, 2, itemsize=4, reach_rows=200) > small
    assert strips.strip_memory_mb(40_000, 256, 2) == pytest.approx(2 * small)
    assert strips.carries_memory_mb(20_000, 20_000, 256) == pytest.approx(12.64)
    # 100 rows of 1000 cells: 2 bytes read, 8 worked with, and 4 of each of two finished strips.
    assert strips.strip_memory_mb(1000, 100, 1) == pytest.approx(0.2 + 0.8 + 0.8)
    # With 10 rows on both sides: 6 bytes read, 12 worked with.
    wide = strips.strip_memory_mb(1000, 100, 1, reach_rows=10)
    assert wide == pytest.approx(0.72 + 1.2 + 0.8)
    # Cells of 2 x 2: twice the rows are worked with, half the columns are kept.
    assert strips.strip_memory_mb(1000, 100, 1, oversample=2) == pytest.approx(2 + 0.4)


@pytest.mark.parametrize("shape", [(5, 600), (600, 5)])
def test_sums_by_transform_are_those_by_stamping_over_many_tiles(shape):
    """Sources in every piece; the linear curve falls by a third each cell."""
    table = decay_table(decay("linear", None, 30), (10.0, 10.0))
    window = np.zeros(shape, "float32")
    window.ravel()[7::97] = 0.5
    assert transform_rows(table) == 256 - 2 * table.reach_rows
    made = [f(window, 0, 0, shape[0], table, 2.0) for f in (transform_sum, stamp_sum)]
    np.testing.assert_allclose(*made, atol=1e-6)
    alone = stamp_sum(np.float32([[0, 0, 0, 1, 0]]), 0, 0, 1, table, 2.0)
    np.testing.assert_allclose(alone, [[0, 1 / 6, 1 / 3, 1 / 2, 1 / 3]], rtol=1e-6)


@pytest.mark.parametrize("columns", [(0, 20), (6, 20), (9, 12), (0, 5)])
def test_points_let_through_the_same_in_any_window(columns):
    """One camp at the middle of column 8, which acts 4 cells far, and one beyond the grid."""
    curve = decay("linear", None, 4.0)
    camps = saturating.points([8.5, -2.0], [0.5, 0.5], [0.5, 1.0])
    found = saturating.absence(camps, saturating.spread(curve), 4.0, 1.0, (0, 1), columns)
    near = [1 - 0.5 * max(0, 1 - abs(x - 8) / 4) for x in range(20)]
    beyond = [min(1, (x + 2.5) / 4) for x in range(20)]
    whole = np.multiply(near, beyond)
    np.testing.assert_allclose(found, [whole[slice(*columns)]], atol=1e-9)

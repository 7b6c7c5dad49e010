"""Flow from everywhere: what blocks of sources keep of the full answer, gaps and bridges."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from manul.connectivity.flow import (
    BOUNDS,
    CLASSES,
    Windows,
    flow,
    flow_classes,
    normalised,
    pinch_points,
)


def ground(seed, shape):
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    habitat = (field - field.min()) / np.ptp(field)
    return 1 + 99 * (1 - habitat) ** 3, np.where(habitat > 0.5, habitat, 0.0)


def beyond(mine, full, null):
    """Rank agreement of two maps after what `null` explains of both is taken out."""
    a, b, c = (rankdata(part.ravel()) for part in (mine, full, null))
    a, b = (part - np.polyval(np.polyfit(c, part, 1), c) for part in (a, b))
    return np.corrcoef(a, b)[0, 1]


def test_blocks_keep_the_signal_beyond_the_resistance_at_a_tenth_of_the_cost():
    resistance, sources = ground(1, (34, 34))
    full = flow(resistance, sources, Windows(9))
    blocks = flow(resistance, sources, Windows(9, block=4))
    assert beyond(blocks, full, 1 / resistance) >= 0.9
    wrong = flow(resistance, np.roll(sources, 17, axis=1), Windows(9, block=4))
    assert beyond(wrong, full, 1 / resistance) < 0.5, "the measure tells a wrong map from a right"


def test_threads_give_the_same():
    resistance, sources = ground(2, (20, 20))
    one, two = (flow(resistance, sources, Windows(6, 3), threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one, two)


def test_flow_on_alike_ground_is_the_same_seen_from_each_side():
    found = flow(np.ones((27, 33)), np.ones((27, 33)), Windows(6, 3))
    for turned in (found[::-1], found[:, ::-1]):
        np.testing.assert_allclose(turned, found, rtol=1e-6)


def test_blocks_leave_no_pattern_on_even_ground():
    even = np.ones((45, 45))
    middle = flow(even, even, Windows(9, 3))[18:27, 18:27]
    assert np.ptp(middle) < 0.15 * middle.mean()


def test_each_part_of_a_block_takes_what_it_wants_from_what_it_is_joined_to():
    resistance = np.ones((9, 9))
    resistance[:, 4] = np.nan  # two parts, and a block on both
    sources = np.zeros((9, 9))
    sources[4, 3], sources[4, 5] = 2.0, 3.0
    sources[4, 0], sources[4, 8] = 5.0, 7.0
    found = flow(resistance, sources, Windows(20, 9))
    assert found[4, 4] != found[4, 4] and (np.nan_to_num(found) == 0).all(), "nothing is outside"
    shifted = flow(resistance, sources, Windows(20, 3))
    np.testing.assert_allclose(np.nansum(shifted[:, 1]), np.nansum(shifted[:, 2]))
    assert shifted[4, 3] == pytest.approx(2 + 5) and shifted[4, 5] == pytest.approx(3 + 7)


def wall_with_gap():
    resistance = np.ones((21, 31))
    resistance[:, 15] = np.nan
    resistance[8, 15] = 1.0
    sources = np.where(np.isnan(resistance), np.nan, 1.0)
    return resistance, sources


def test_a_gap_in_a_wall_is_the_pinch_point():
    resistance, sources = wall_with_gap()
    windows = Windows(12, 3)
    found = flow(resistance, sources, windows)
    open_ground = flow(np.ones(resistance.shape), np.ones(resistance.shape), windows)
    ratio = found / open_ground
    assert np.unravel_index(np.nanargmax(found), found.shape) == (8, 15)
    assert np.isnan(found[0, 15]) and np.isnan(ratio[0, 15])
    pinched = np.argwhere(pinch_points(found, ratio, high=99))
    assert (8, 15) in [tuple(at) for at in pinched]
    assert (np.abs(pinched - (8, 15)) <= 2).all()
    assert CLASSES[flow_classes(ratio)[8, 15] - 1] == "channelled"
    assert flow_classes(ratio)[0, 15] == 0


def test_alike_ground_flows_as_expected():
    resistance, sources = np.full((15, 15), 7.0), np.ones((15, 15))
    found = flow(resistance, sources, Windows(5, 3))
    ratio = normalised(found, resistance, sources, Windows(5, 3))
    np.testing.assert_allclose(ratio, 1.0)
    assert (flow_classes(ratio) == 2).all() and not pinch_points(found, ratio).any()


def test_a_bridge_raises_flow_on_it_and_not_far_from_it():
    resistance = np.ones((41, 41))
    resistance[:, 20] = 100.0
    bridged = resistance.copy()
    bridged[20, 20] = 1.0
    sources, windows = np.ones(resistance.shape), Windows(8, 3)
    more = flow(bridged, sources, windows) - flow(resistance, sources, windows)
    assert np.unravel_index(np.argmax(more), more.shape) == (20, 20)
    assert more[20, 20] > 5 * np.abs(more[[5, 35], 20]).max()
    rows, columns = np.indices(more.shape)
    out_of_reach = np.maximum(abs(rows - 20), abs(columns - 20)) > 2 * windows.radius + 3
    np.testing.assert_allclose(more[out_of_reach], 0, atol=1e-9)


@pytest.mark.parametrize("sources", [np.zeros((6, 6)), np.full((6, 6), np.nan)])
def test_without_habitat_nothing_flows(sources):
    assert (flow(np.ones((6, 6)), sources, Windows(3)) == 0).all()


def test_what_arrives_in_a_block_is_its_strength():
    sources = np.zeros((9, 9))
    sources[4, 1], sources[4, 7] = 2.0, 3.0
    found = flow(np.ones((9, 9)), sources, Windows(20))
    assert found[4, 1] == pytest.approx(5.0) and found[4, 7] == pytest.approx(5.0)
    np.testing.assert_allclose(found[:, 2:7].sum(axis=0) >= 5 - 1e-9, True)


def test_a_pinch_point_has_much_flow_that_crowds():
    low, mid, high = BOUNDS
    ratio = np.array([low - 0.01, low, mid, high - 0.01, high, np.nan, 0.0])
    assert flow_classes(ratio).tolist() == [1, 2, 3, 3, 4, 0, 1]
    found = np.linspace(1, 2, 7)
    pinch = pinch_points(found, ratio, high=0)
    assert pinch.tolist() == [False, False, False, False, True, False, False]
    assert pinch_points(found, np.full(7, high), high=50).tolist() == [False] * 3 + [True] * 4
    assert not pinch_points(np.full(7, np.nan), ratio).any()

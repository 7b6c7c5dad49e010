"""Cost distance from files is that of the whole map, however it is cut, also when broken off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.connectivity import large_maps
from manul.connectivity.cost_distance import cost_distance
from manul.connectivity.large_maps import spread, start
from manul.grid.disk_maps import DiskMap


def ground(seed, shape=(43, 51)):
    rng = np.random.default_rng(seed)
    resistance = rng.uniform(0.5, 20, shape)
    resistance[rng.random(shape) < 0.3] = np.nan
    return resistance, rng.random(shape) < 0.004


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), side=st.integers(3, 60), limit=st.floats(10, 500))
def test_any_cut_gives_the_same(seed, side, limit):
    resistance, sources = ground(seed)
    cost = np.empty(resistance.shape)
    start(resistance, cost, sources, side)
    assert np.isinf(spread(resistance, cost, limit, 2.0, side)).all()
    np.testing.assert_array_equal(cost, cost_distance(resistance, sources, limit, 2.0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_from_files_and_broken_off(tmp_path, dtype):
    resistance, sources = ground(1)
    resistance = resistance.astype(dtype)
    given_ = DiskMap.at(tmp_path / "resistance", resistance.shape, dtype)
    given_[:, :] = resistance
    cost = DiskMap.at(tmp_path / "cost", resistance.shape, "float64")
    start(given_, cost, sources, 16)
    pending, rounds = None, 0
    while pending is None or np.isfinite(pending).any():
        cost = DiskMap.at(tmp_path / "cost", cost.shape, "float64")
        pending = spread(given_, cost, side=16, pending=pending, visits=4)
        rounds += 1
    assert rounds > 2
    want = cost_distance(resistance, sources)
    np.testing.assert_array_equal(cost[:, :], want)


def test_after_a_crash_what_was_written_is_a_start():
    resistance, sources = ground(2)
    cost = np.empty(resistance.shape)
    start(resistance, cost, sources, 16)
    spread(resistance, cost, side=16, visits=3)
    spread(resistance, cost, side=16)
    np.testing.assert_array_equal(cost, cost_distance(resistance, sources))


@pytest.mark.parametrize("tiles", [1, 2, 5])
def test_tiles_give_way_to_others_without_a_loss(monkeypatch, tiles):
    monkeypatch.setattr(large_maps, "HELD", 12 * 16 * 16 * tiles)
    resistance, sources = ground(5)
    cost = np.empty(resistance.shape)
    start(resistance, cost, sources, 16)
    spread(resistance, cost, side=16)
    np.testing.assert_array_equal(cost, cost_distance(resistance, sources))

"""Cost distance from files is that of the whole map, however it is cut, also when broken off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.connectivity.cost_distance import cost_distance
from manul.connectivity.large_maps import spread, start
from manul.grid.disk_maps import DiskMap


def ground(seed, shape=(43, 51)):
    rng = np.random.default_rng(seed)
    resistance = rng.uniform(0.5, 20, shape)
    resistance[rng.random(shape) < 0.3] = np.nan
    return resistance, rng.random(shape) < 0.004


def reached_tiles(cost, side):
    rows, columns = np.nonzero(np.isfinite(cost))
    return sorted(map(list, {*zip(rows // side, columns // side, strict=True)}))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), side=st.integers(3, 60), limit=st.floats(10, 500))
def test_any_cut_gives_the_same(seed, side, limit):
    resistance, sources = ground(seed)
    cost = np.full(resistance.shape, np.inf)
    pending = start(resistance, cost, sources, side)
    assert np.isin(pending, [0]).sum() == len(reached_tiles(cost, side))
    left = spread(resistance, cost, limit, 2.0, side, pending)
    assert not np.isfinite(left).any()
    assert np.argwhere(left == np.inf).tolist() == reached_tiles(cost, side)
    np.testing.assert_array_equal(cost, cost_distance(resistance, sources, limit, 2.0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_from_files_and_broken_off(tmp_path, dtype):
    resistance, sources = ground(1)
    resistance = resistance.astype(dtype)
    given_ = DiskMap.at(tmp_path / "resistance", resistance.shape, dtype)
    given_[:, :] = resistance
    cost = DiskMap.at(tmp_path / "cost", resistance.shape, "float64", np.inf)
    pending, rounds = start(given_, cost, sources, 16), 0
    while np.isfinite(pending).any():
        cost = DiskMap.at(tmp_path / "cost", cost.shape, "float64", np.inf)
        pending = spread(given_, cost, side=16, pending=pending, visits=4)
        rounds += 1
    assert rounds > 2
    want = cost_distance(resistance, sources)
    np.testing.assert_array_equal(cost[:, :], want)


def test_after_a_crash_what_was_written_is_a_start():
    resistance, sources = ground(2)
    cost = np.full(resistance.shape, np.inf)
    start(resistance, cost, sources, 16)
    spread(resistance, cost, side=16, visits=3)
    spread(resistance, cost, side=16)
    np.testing.assert_array_equal(cost, cost_distance(resistance, sources))


@pytest.mark.parametrize("tiles", [1, 2, 5])
def test_tiles_give_way_to_others_without_a_loss(tiles):
    resistance, sources = ground(5)
    cost = np.full(resistance.shape, np.inf)
    pending = start(resistance, cost, sources, 16)
    spread(resistance, cost, side=16, pending=pending, held=12 * 16 * 16 * tiles)
    np.testing.assert_array_equal(cost, cost_distance(resistance, sources))


@pytest.mark.parametrize(("width", "dtype"), [(9, "float64"), (16_400, "float64"), (70_001, "i2")])
@pytest.mark.parametrize("fill", [0, 7])
def test_a_map_on_disk_is_an_array_whatever_its_rows_and_what_is_written(
    tmp_path, width, dtype, fill
):
    """Long rows begin with a page of the file."""
    rng, want = np.random.default_rng(1), np.full((7, width), fill, dtype)
    path = tmp_path / "map"
    disk = DiskMap.at(path, want.shape, dtype, fill)
    values = rng.integers(1, 99, (5, width)).astype(dtype)
    for window, part in [
        (np.s_[1:3, 2:8], values[:2, :6]), (np.s_[3:5, 1:4], np.asfortranarray(values[:2, :3])),
        (np.s_[5:7], values[1:3]), (np.s_[0:2, :], values[::2][:2]), (np.s_[2:3, 4:9:1], 5),
        (np.s_[0:4, 5:9], values[:, ::2][:4, :4]), (np.s_[3:3, 0:2], values[:0, :2]),
    ]:  # fmt: skip
        disk[window] = part
        want[window] = part
        np.testing.assert_array_equal(disk[window], want[window])
    for again in (disk, DiskMap.at(path, want.shape, dtype, fill)):
        np.testing.assert_array_equal(again[:], want)
        np.testing.assert_array_equal(again[2:6, 3:9], want[2:6, 3:9])


def test_a_window_is_read_into_an_array_that_fits(tmp_path):
    disk = DiskMap.at(tmp_path / "map", (4, 5), "float64")
    for out in (np.empty((2, 3), "float32"), np.empty((2, 2)), np.empty((2, 3), order="F")):
        with pytest.raises(ValueError, match=r"window of \(2, 3\)"):
            disk.read(np.s_[0:2, 0:3], out)

"""Cost distance, corridors and their widths against independent programs, and in the head."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from manul.connectivity import corridors, widths
from manul.connectivity.cost_distance import cost_distance, least_cost_path, nearest
from manul.connectivity.reaches import Reaches, least_cost_matrix
from manul.connectivity.widths import narrowest

ORACLE = Path(__file__).parents[1] / "oracle/connectivity"


def case(name):
    folder = ORACLE / name
    inputs, maps = np.load(folder / "inputs.npz"), np.load(folder / "answers.npz")
    answers = json.loads((folder / "answers.json").read_text())
    return inputs["resistance"], inputs["cores"].astype("int32"), maps, answers


@pytest.fixture(scope="module")
def paths_21():
    resistance, cores, maps, answers = case("least_cost_paths_21")
    cutoffs = answers["cutoffs"]
    found = list(corridors.links(resistance, cores, 500.0, cutoffs, follow=np.inf))
    return resistance, cores, maps, answers, {f"{link.a}-{link.b}": link for link in found}


def close(mine, theirs):
    reached = np.isfinite(theirs)
    np.testing.assert_array_equal(np.isfinite(mine), reached)
    np.testing.assert_allclose(mine[reached], theirs[reached], rtol=1e-6, atol=1e-2)


@pytest.mark.parametrize("name", ["least_cost_11", "least_cost_paths_21"])
def test_costs_between_cores(name):
    resistance, cores, _, answers = case(name)
    _, matrix = least_cost_matrix(resistance, cores, 500.0)
    np.testing.assert_allclose(matrix, answers["least_cost_distance"], rtol=1e-7)


def test_maps_of_case_11():
    resistance, cores, maps, answers = case("least_cost_11")
    close(cost_distance(resistance, cores == 1, cell=500.0), maps["distance_from_core_1"])
    cost, allocation = nearest(resistance, cores, cell=500.0)
    np.testing.assert_array_equal(allocation, maps["nearest_core"])
    pairs = sorted(corridors.contacts(resistance, cost, allocation, 500.0))
    assert pairs == [tuple(pair) for pair in answers["adjacent_pairs"]]
    found = list(corridors.links(resistance, cores, 500.0, follow=np.inf))
    close(corridors.mosaic(found, cores.shape), maps["corridor_mosaic"])
    for cutoff, areas in answers["corridor_area_km2_below"].items():
        mine = {f"{k.a}-{k.b}": (k.corridor < float(cutoff)).sum() / 4 for k in found}
        assert mine == pytest.approx(areas, abs=1e-6)


def test_maps_of_case_21(paths_21):
    resistance, cores, maps, answers, found = paths_21
    for core, theirs in enumerate(maps["cwd"], 1):
        close(cost_distance(resistance, cores == core, cell=500.0), theirs)
    cost, allocation = nearest(resistance, cores, cell=500.0)
    np.testing.assert_array_equal(allocation, maps["allocation"])
    touching = corridors.contacts(resistance, cost, allocation, 500.0)
    eight = {f"{a}-{b}": contact.sides_and_corners for (a, b), contact in touching.items()}
    assert eight == answers["neighbour_cell_pairs_eight"]
    four = {f"{a}-{b}": contact.sides for (a, b), contact in touching.items()}
    assert four == answers["neighbour_cell_pairs_four"]
    close(corridors.mosaic(list(found.values()), cores.shape), maps["nlcc_mosaic"])


def test_links_of_case_21(paths_21):
    _, _, maps, answers, found = paths_21
    assert set(found) == set(answers["pairs"])
    for name, theirs in answers["pairs"].items():
        mine = found[name]
        np.testing.assert_array_equal(mine.path, maps[f"path_{name.replace('-', '_')}"])
        assert mine.cost == pytest.approx(theirs["least_cost"], rel=1e-12)
        assert mine.length_m == pytest.approx(theirs["path_length_m"], rel=1e-12)
        assert mine.straight_m == pytest.approx(theirs["straight_m"], rel=1e-12)
        assert mine.cost_over_straight == pytest.approx(theirs["cost_over_straight"], rel=1e-12)
        assert mine.cost_over_path == pytest.approx(theirs["cost_over_path"], rel=1e-12)
        assert mine.other_cores == theirs["other_cores_on_path"]


def test_widths_of_case_21(paths_21):
    *_, answers, found = paths_21
    for name, theirs in answers["pairs"].items():
        for cutoff, want in theirs["corridor"].items():
            mine = found[name].widths[float(cutoff)]
            assert mine.area_km2 == pytest.approx(want["area_km2"], abs=1e-9)
            assert mine.mean_width_km == pytest.approx(want["mean_width_km"], abs=1e-6)
            assert mine.narrowest_m == pytest.approx(want["narrowest_m"], rel=1e-9)
            assert mine.meets_the_border == want["meets_the_border"]


def test_corridors_followed_only_as_far_as_needed_are_the_same(paths_21):
    resistance, cores, *_, full = paths_21
    for cutoff in (5000.0, 100000.0):
        for link in corridors.links(resistance, cores, 500.0, [cutoff]):
            whole = full[f"{link.a}-{link.b}"]
            assert link.widths[cutoff] == whole.widths[cutoff]
            np.testing.assert_array_equal(link.path, whole.path)
            part = whole.corridor[tuple(
                slice(mine.start - all_of.start, mine.stop - all_of.start)
                for mine, all_of in zip(link.box, whole.box, strict=True)
            )]  # fmt: skip
            np.testing.assert_array_equal(link.corridor, np.where(part <= cutoff, part, np.inf))


def rough_ground(seed, corners):
    """Resistance and square cores that begin at these cells."""
    random = np.random.default_rng(seed)
    resistance = np.exp(gaussian_filter(random.normal(size=(90, 150)), 3) * 12).clip(1, 200)
    resistance[random.random(resistance.shape) < 0.1] = np.nan
    cores = np.zeros(resistance.shape, "int32")
    for number, (row, column) in enumerate(corners, 1):
        cores[row : row + 6, column : column + 6] = number
        resistance[row : row + 6, column : column + 6] = 1.0
    return resistance, cores


@given(st.integers(0, 2**31), st.sampled_from([1.0, 30.0, 1e6]), st.sampled_from([0.0, 4.0]))
@settings(max_examples=25, deadline=None)
def test_a_core_is_followed_to_its_dearest_neighbour_whatever_that_may_cost(seed, more, follow):
    resistance, cores = rough_ground(seed, [(5, 8), (60, 20), (30, 70), (80, 140)])
    reaches = Reaches(resistance, cores, 1.0)
    costs = reaches.costs_to_cores(1)
    others = {core: costs[core] * more for core in (2, 3)}
    want, dearest = reaches.everywhere(1), max(costs[2], costs[3])
    reach = reaches.to(1, others, follow)
    got = np.full(cores.shape, np.inf)
    got[reach.box] = reach.cost
    near = want <= dearest + follow
    np.testing.assert_array_equal(got[near], want[near])
    reached = np.isfinite(got)
    np.testing.assert_array_equal(got[reached], want[reached])
    assert not reached[want > max(2 * (dearest + follow), min(others.values()) + follow)].any()
    again = reaches.everywhere(1)  # nothing is left behind
    np.testing.assert_array_equal(again, want)


@given(st.integers(0, 2**31), st.sampled_from([1.0, 30.0]), st.sampled_from([0.0, 4.0]))
@settings(max_examples=25, deadline=None)
def test_a_core_is_not_followed_where_no_core_is_reached_in_time(seed, more, follow):
    resistance, cores = rough_ground(seed, [(40, 60), (50, 75), (5, 140)])
    to_nearest, _ = nearest(resistance, cores)
    reaches = Reaches(resistance, cores, 1.0, to_nearest)
    want, least = reaches.everywhere(1), reaches.costs_to_cores(1)[2]
    reach = reaches.to(1, {2: least * more}, follow)
    got = np.full(cores.shape, np.inf)
    got[reach.box] = reach.cost
    near = want + to_nearest <= least + follow
    assert near.any()
    np.testing.assert_array_equal(got[near], want[near])
    limit = least * more + follow
    far = want + to_nearest > limit * (1 + 1e-6)
    if more == 1:  # by its cost alone it would be followed further
        assert (far & (want <= limit)).any()
    assert not np.isfinite(got[far]).any()
    np.testing.assert_array_equal(reaches.everywhere(1), want)


@pytest.mark.parametrize("seed", range(8))
def test_no_link_is_lost_where_nothing_is_followed_beyond_it(seed):
    """What a neighbour costs, and what it costs at most, are sums of the same steps."""
    random = np.random.default_rng(seed)
    resistance = random.uniform(0.1, 5, (24, 24))
    resistance[random.random((24, 24)) < 0.1] = np.nan
    cores = np.zeros((24, 24), "int32")
    at = random.choice(24 * 24, 6, replace=False)
    cores.ravel()[at], resistance.ravel()[at] = np.arange(1, 7), 1.0
    whole = {(k.a, k.b): k for k in corridors.links(resistance, cores, 1.0, follow=np.inf)}
    found = {(k.a, k.b): k for k in corridors.links(resistance, cores, 1.0)}
    assert found.keys() == whole.keys() and len(found) > 4
    for pair, link in found.items():
        assert link.cost == pytest.approx(whole[pair].cost, rel=1e-12)
        assert (link.corridor == 0).sum() == (whole[pair].corridor == 0).sum()
    row = np.full((1, 7), 0.7)
    assert len(list(corridors.links(row, np.array([[1, 0, 0, 0, 0, 0, 2]], "int32"), 1.0))) == 1


def test_a_core_that_a_neighbour_cannot_be_reached_from_ends_where_nothing_is_left():
    resistance = np.ones((20, 200))
    resistance[:, 100] = np.nan
    cores = np.zeros(resistance.shape, "int32")
    cores[3, 3], cores[3, 150] = 1, 2
    reach = Reaches(resistance, cores, 1.0).to(1, {2: np.inf}, 5.0)
    assert np.isfinite(reach.cost).sum() == 20 * 100
    assert not list(corridors.links(resistance, cores, 1.0, pairs=[(2, 1)], follow=5.0))


def test_the_lowest_costs_above_the_best_are_the_mosaic_of_the_links(paths_21):
    resistance, cores, _, _, _ = paths_21
    found = corridors.links(resistance, cores, 500.0, follow=40_000.0)
    want = corridors.mosaic(found, cores.shape)
    np.testing.assert_array_equal(corridors.lowest(resistance, cores, 500.0, 40_000.0), want)


def test_a_cut_off_for_an_area(paths_21):
    link = paths_21[-1]["4-5"]
    cutoff = link.cutoff_of_area(100.0)
    assert link.area_km2(cutoff) == 100.0
    assert link.area_km2(np.nextafter(cutoff, 0)) < 100.0
    assert link.cutoff_of_area(1e9) == np.inf


# ------------------------------------------------------------------------------ in the head


def test_a_wall_with_one_gap_is_narrowest_there():
    resistance = np.ones((31, 41))
    resistance[:, 20] = np.nan
    resistance[11, 20] = 1.0
    cores = np.zeros(resistance.shape, int)
    cores[:, :3], cores[:, -3:] = 1, 2
    (link,) = corridors.links(resistance, cores, 100.0, [3000.0])
    width = link.widths[3000.0]
    assert (width.narrowest_m, width.narrowest_at) == (100.0, (11, 20))
    assert (link.path == (11, 20)).all(axis=1).any()
    assert width.meets_the_border


def test_cores_that_touch_are_one_step_apart():
    cores = np.zeros((5, 6), int)
    cores[:, :3], cores[:, 3:] = 1, 2
    (link,) = corridors.links(np.full(cores.shape, 2.0), cores, 10.0, [50.0])
    assert (link.cost, link.length_m, link.straight_m, link.touches) == (20.0, 10.0, 10.0, True)
    assert link.widths[50.0].area_km2 == 0.0


def test_islands_and_cores_nobody_can_enter_stand_alone():
    resistance = np.ones((20, 20))
    resistance[:, 10] = np.nan
    cores = np.zeros(resistance.shape, int)
    cores[2, 2], cores[15, 4], cores[5, 15], cores[7, 10] = 3, 4, 8, 9
    found = list(corridors.links(resistance, cores, 1.0, [1.0]))
    assert [(link.a, link.b) for link in found] == [(3, 4)]
    assert corridors.alone([3, 4, 8, 9], found) == [8, 9]
    numbers, matrix = least_cost_matrix(resistance, cores)
    assert numbers.tolist() == [3, 4, 8, 9]
    assert np.isinf(matrix[2, [0, 1, 3]]).all() and (np.diag(matrix) == 0).all()


def test_one_core_or_none_has_no_link():
    for number in (0, 5):
        cores = np.zeros((4, 4), int)
        cores[1, 1] = number
        assert list(corridors.links(np.ones((4, 4)), cores, 1.0, [1.0])) == []


def test_a_passage_without_an_outside_has_no_narrowest_place():
    ends = np.array([[1, 0, 2]])
    width, _ = narrowest(np.ones((1, 3), bool), ends, (False,) * 4)
    assert width == np.inf
    apart, at = narrowest(np.array([[True, False, True]]), ends)
    assert np.isnan(apart) and at == (-1, -1)


# --------------------------------------------------------------------- what holds on any ground


def ground(seed, shape, blocked=0.2):
    rng = np.random.default_rng(seed)
    resistance = rng.uniform(0.5, 20, shape)
    resistance[rng.random(shape) < blocked] = np.nan
    return resistance, rng


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), tile=st.integers(1, 40), limit=st.floats(5, 500))
def test_any_tiling_gives_the_same(seed, tile, limit):
    resistance, rng = ground(seed, (37, 41))
    sources = rng.random(resistance.shape) < 0.005
    whole = cost_distance(resistance, sources, limit, tile=64)
    np.testing.assert_array_equal(cost_distance(resistance, sources, limit, tile=tile), whole)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_costs_between_cores_are_symmetric_and_never_longer_than_a_detour(seed):
    resistance, rng = ground(seed, (30, 30))
    cores = np.zeros(resistance.shape, int)
    cores.ravel()[rng.choice(cores.size, 5, replace=False)] = np.arange(1, 6)
    rows = [list(Reaches(resistance, cores, 1.0).costs_to_cores(k).values()) for k in range(1, 6)]
    matrix = np.array(rows)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)
    detours = (matrix[:, :, None] + matrix[None, :, :]).min(axis=1)
    open_core = np.isfinite(np.diag(matrix))
    assert (matrix[open_core] <= detours[open_core] * (1 + 1e-12)).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_a_path_costs_what_the_map_says_and_ends_in_the_nearest_core(seed):
    resistance, rng = ground(seed, (25, 25))
    cores = np.zeros(resistance.shape, int)
    cores.ravel()[rng.choice(cores.size, 4, replace=False)] = np.arange(1, 5)
    cost, allocation = nearest(resistance, cores)
    for end in zip(*np.nonzero(np.isfinite(cost)), strict=True):
        path = least_cost_path(resistance, cost, end)
        steps = np.hypot(*np.diff(path, axis=0).T)
        along = resistance[tuple(path.T)]
        assert ((along[1:] + along[:-1]) / 2 * steps).sum() == pytest.approx(cost[end])
        assert cores[tuple(path[0])] == allocation[end]


def test_half_the_cell_gives_the_same_costs_and_areas():
    field = gaussian_filter(np.random.default_rng(4).normal(size=(240, 240)), 24)
    fine = 1 + 20 * (field - field.min()) / np.ptp(field)
    coarse = fine.reshape(120, 2, 120, 2).mean(axis=(1, 3))
    cores = np.zeros(coarse.shape, int)
    cores[20:26, 20:26], cores[90:96, 80:86], cores[30:36, 90:96] = 1, 2, 3
    cutoffs = [3000.0, 12000.0]
    wide = list(corridors.links(coarse, cores, 100.0, cutoffs))
    narrow = list(corridors.links(fine, cores.repeat(2, 0).repeat(2, 1), 50.0, cutoffs))
    assert [(k.a, k.b) for k in wide] == [(k.a, k.b) for k in narrow]
    for one, two in zip(wide, narrow, strict=True):
        assert two.cost == pytest.approx(one.cost, rel=0.03)
        for cutoff in cutoffs:
            areas = one.widths[cutoff].area_km2, two.widths[cutoff].area_km2
            assert areas[1] == pytest.approx(areas[0], rel=0.1)


@pytest.mark.parametrize(
    ("side", "want"),
    [
        (0, [[1, 1, 1], [2, 2, 2], [3, 3, 3]]), (1, [[3, 3, 3], [2, 2, 2], [1, 1, 1]]),
        (2, [[1, 2, 3]] * 3), (3, [[3, 2, 1]] * 3),
    ],
)  # fmt: skip
def test_a_width_ends_where_there_is_ground_beyond_the_box(side, want):
    beyond = [i == side for i in range(4)]
    assert widths._away(np.ones((3, 3), bool), beyond).tolist() == want


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_a_corridor_meets_the_border_of_the_map_on_each_side(side):
    inside = np.zeros((4, 4), bool)
    inside[{"top": (0, 2), "bottom": (3, 2), "left": (2, 0), "right": (2, 3)}[side]] = True
    whole, rows = (slice(0, 4), slice(0, 4)), {"top": slice(1, 5), "bottom": slice(0, 4)}
    assert corridors._meets_the_border(inside, whole, (4, 4))
    # with one more row or column of ground on that side it ends inside the map
    box = (rows.get(side, slice(0, 4)), {"left": slice(1, 5)}.get(side, slice(0, 4)))
    grid = (5, 4) if side in rows else (4, 5)
    assert not corridors._meets_the_border(inside, box, grid)

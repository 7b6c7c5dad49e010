"""Lines that cannot be slipped through, and what opening a piece of them gives."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from manul.connectivity.barriers import cut, line_cells, number_cells, with_barriers
from manul.connectivity.cost_distance import cost_distance
from manul.connectivity.crossings import crossings, opened
from manul.connectivity.reaches import least_cost_matrix

GRID = GeoBox((30, 40), from_origin(0, 3000, 100, 100), "EPSG:3857")


@settings(deadline=None, max_examples=60)
@given(
    heights=st.lists(st.integers(1, 29) | st.floats(1, 29), min_size=2, max_size=9),
    exact=st.booleans(),
)
def test_nothing_slips_through_a_line(heights, exact):
    places = np.linspace(-300, 4300, len(heights))
    if exact:
        places = np.round(places, -2)  # on corners of cells
    line = shapely.LineString(np.column_stack([places, np.array(heights) * 100]))
    walled = with_barriers(np.ones(GRID.shape), [([line], np.inf)], GRID)
    top = np.zeros(GRID.shape, bool)
    top[0] = True
    assert np.isinf(cost_distance(walled, top)[-1]).all()


def test_the_diagonal_through_the_corners_is_closed():
    grid = GeoBox((4, 4), from_origin(0, 4, 1, 1), "EPSG:3857")
    cells = line_cells([shapely.LineString([(0.5, 0.5), (3.5, 3.5)])], grid)
    assert np.diag(np.flipud(cells)).all() and cells.sum() == 7


def test_kinds_multiply_and_openings_do_not():
    road = shapely.LineString([(50, 1550), (3950, 1550)])
    again = shapely.LineString([(50, 1560), (2050, 1560)])
    rail = shapely.LineString([(1050, 50), (1050, 2950)])
    bridge = shapely.Point(2050, 1550)
    resistance = np.full(GRID.shape, 2.0, "float32")
    resistance[14, 3] = np.nan
    out = with_barriers(resistance, [([road, again], 3), ([rail], 2)], GRID, [bridge])
    assert out.dtype == np.float32
    row, column = 14, 10
    assert (out[row, 1], out[0, column], out[row, column]) == (6, 4, 12)
    assert (out[row, 20], out[0, 0]) == (2, 2) and np.isnan(out[row, 3])
    assert with_barriers(resistance, [([], 3)], GRID)[5, 5] == 2


def test_pieces_of_a_kilometre():
    pieces = number_cells(cut(shapely.LineString([(0, 1550), (4000, 1550)]), 1000), GRID)
    assert np.unique(pieces).tolist() == [0, 1, 2, 3, 4]
    assert pieces[14].tolist() == pytest.approx(np.repeat([1, 2, 3, 4], 10), abs=1)


def test_pieces_are_ranked_by_the_flow_that_is_held_back():
    pieces = np.array([[1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 0, 0]])
    without = np.array([[4.0, 4, 2, 2, 1, np.nan], [0] * 6])
    with_it = np.array([[3.0, np.nan, 0, 0, 2, 2], [9] * 6])
    rows = crossings(with_it, without, [pieces])
    assert rows.piece.tolist() == [2, 1, 3]
    assert rows.barrier_effect.tolist() == [1.0, 0.25, 0.0]
    assert rows.held_back.tolist() == [2.0, 1.0, 0.0]
    assert rows["rank"].tolist() == [1, 2, 3]
    assert rows.cells.tolist() == [2, 1, 1], "unknown cells count for nothing"


def road_through(seed, factor):
    rng = np.random.default_rng(seed)
    free = rng.uniform(1, 4, GRID.shape)
    line = shapely.LineString([(0, 1550), (4000, 1250)])
    pieces = number_cells(cut(line, 1000), GRID)
    cores = np.zeros(GRID.shape, int)
    cores[2:4, 5], cores[26, 8], cores[27, 33] = 1, 2, 3
    return free, with_barriers(free, [([line], factor)], GRID), pieces, cores


@pytest.mark.parametrize("factor", [50, np.inf])
def test_opening_a_piece_saves_what_a_new_search_finds(factor):
    free, closed, pieces, cores = road_through(3, factor)
    pairs = [(1, 2), (1, 3), (2, 3)]
    rows = opened(closed, [free], [pieces], cores, pairs).set_index("piece")
    _, before = least_cost_matrix(closed, cores)
    for piece, row in rows.iterrows():
        _, after = least_cost_matrix(np.where(pieces == piece, free, closed), cores)
        saved = [before[a - 1, b - 1] - after[a - 1, b - 1] for a, b in pairs]
        finite = [gain for gain in saved if np.isfinite(gain)]
        assert row.saved == pytest.approx(sum(finite), abs=1e-9)
        assert row.joins == sum(np.isinf(gain) for gain in saved)
    assert rows.joins.sum() == (0 if factor == 50 else 8)


def test_a_railway_beside_a_road_is_told_of_beside_it():
    """Both run through the same row of cells: each is opened alone, and the other stays."""
    grid = GeoBox.from_bbox((0, 0, 3000, 3000), crs="EPSG:6933", resolution=1000)
    road, rail = (shapely.LineString([(0, y), (3000, y)]) for y in (1400, 1600))
    free = np.ones(grid.shape)
    slowed = with_barriers(free, [([road], 5), ([rail], 3)], grid)
    assert slowed[1].tolist() == [15, 15, 15]
    pieces = [number_cells([road], grid), number_cells([rail], grid, [2])]
    cores = np.zeros(grid.shape, int)
    cores[0, 1], cores[2, 1] = 1, 2
    without = (with_barriers(free, [other], grid) for other in [([rail], 3), ([road], 5)])
    cost = opened(slowed, without, pieces, cores, [(1, 2)])
    assert cost["saved"].tolist() == [12, 10], "a way of 16 in place of (1 + 3) and (1 + 5)"
    rows = crossings(1 / slowed, 1 / free, pieces, cost)
    assert rows[["piece", "cells", "rank"]].to_numpy().tolist() == [[1, 3, 1], [2, 3, 1]]
    assert crossings(free, free, []).empty


def test_lines_of_two_kinds_that_lie_apart_are_opened_each_for_itself():
    grid = GeoBox.from_bbox((0, 0, 3000, 5000), crs="EPSG:6933", resolution=1000)
    road, rail = (shapely.LineString([(0, y), (3000, y)]) for y in (3500, 1500))
    free = np.ones(grid.shape)
    slowed = with_barriers(free, [([road], 5), ([rail], 3)], grid)
    pieces = [number_cells([road], grid), number_cells([rail], grid, [2])]
    cores = np.zeros(grid.shape, int)
    cores[0, 1], cores[4, 1] = 1, 2
    without = (with_barriers(free, [other], grid) for other in [([rail], 3), ([road], 5)])
    cost = opened(slowed, without, pieces, cores, [(1, 2)])
    assert cost[["piece", "saved"]].to_numpy().tolist() == [[1, 4], [2, 2]]


def test_costs_join_the_table_of_flow():
    free, closed, pieces, cores = road_through(5, 20)
    rows = crossings(
        1 / closed, 1 / free, [pieces], opened(closed, [free], [pieces], cores, [(1, 2)])
    )
    assert {"saved", "link", "rank"} <= set(rows)
    assert (rows.barrier_effect > 0.9).all() and rows.saved.max() > 0


@pytest.mark.parametrize("seed", range(12))
def test_a_line_marks_the_cells_that_it_runs_through_and_no_others(seed):
    """Slanting lines in all directions, against points laid densely along them."""
    grid = GeoBox.from_bbox((0, 0, 20, 20), crs="EPSG:6933", resolution=1)
    ends = np.random.default_rng(seed).uniform(0, 20, (2, 2))
    x, y = (np.linspace(a, b, 200_001) for a, b in ends.T)
    want = np.zeros(grid.shape, bool)
    want[np.floor(20 - y).astype(int), np.floor(x).astype(int)] = True
    assert (line_cells([shapely.LineString(ends)], grid) == want).all()

"""Cells under zones and what is measured there, on a grid of four by three cells of 100 m."""

import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields
from manul.products import cover

GRID = GeoBox.from_bbox((0, 0, 400, 300), crs="EPSG:6933", resolution=100)
NUMBERS = np.arange(12, dtype="float32")  # row by row from the north-west corner


def under(*boxes) -> cover.Cover:
    return cover.Cover([shapely.box(*box) for box in boxes], GRID)


def cells_of(found, most=100):
    """(zone, cell): covered share."""
    return {
        (int(zone), int(cell)): float(weight)
        for part in found.cells(most)
        for zone, cell, weight in zip(*part, strict=True)
    }


def test_a_zone_has_its_cells_by_row_and_the_covered_share_of_each():
    found = under((50, 200, 200, 300))  # half of the first cell, the whole of the second
    assert cells_of(found) == {(0, 0): 0.5, (0, 1): 1}


def test_cells_that_are_covered_alike_are_one_run():
    """Rows of the grid follow each other, so the whole grid is one; a column is one a row."""
    whole, column = under((0, 0, 400, 300)), under((100, 0, 200, 300))
    assert [part.tolist() for part in whole.runs] == [[0], [12], [0], [1]]
    assert column.runs.start.tolist() == [1, 5, 9] and column.runs.length.tolist() == [1, 1, 1]
    both = under((0, 200, 100, 300), (100, 200, 200, 300))  # neighbours, but of two zones
    assert both.runs.length.tolist() == [1, 1] and both.runs.zone.tolist() == [0, 1]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_cells_come_some_at_a_time(most):
    found = under((0, 0, 350, 300), (100, 100, 200, 200))
    expected = {(0, i): 0.5 if i % 4 == 3 else 1.0 for i in range(12)} | {(1, 5): 1.0}
    assert cells_of(found, most) == expected


def test_mean_and_sum_are_weighted_and_the_ends_are_not():
    found = under((50, 200, 200, 300), (300, 0, 400, 50))
    values = NUMBERS + 3  # 3 and 4 in the first zone, 14 in the second
    assert found.mean(values) == pytest.approx([5.5 / 1.5, 14])
    assert found.sum(values) == pytest.approx([5.5, 7])
    assert found.min(values).tolist() == [3, 14] and found.max(values).tolist() == [4, 14]


def test_ends_are_those_of_all_cells_in_any_order():
    found = under((0, 0, 400, 300))
    values = np.array([5, -2, 7, 7, 1, np.nan, 9, 0, 3, -4, 8, 2], "float32")
    assert (found.min(values), found.max(values)) == ([-4], [9])
    values[3] = np.inf  # as the distance to something that is nowhere
    assert found.max(values) == [np.inf] and found.sum(values) == [values[:3].sum() + 19]


def test_unknown_cells_count_for_nothing_and_of_none_there_is_no_mean():
    found = under((0, 200, 200, 300), (200, 200, 300, 300), (900, 900, 950, 950))
    values = np.where(NUMBERS == 0, 8, np.nan)
    assert found.mean(values)[0] == 8 and np.isnan(found.mean(values)[1:]).all()
    assert found.sum(values).tolist() == [8, 0, 0]
    assert found.min(values)[0] == 8 and np.isnan(found.min(values)[1:]).all()
    assert found.max(values)[0] == 8 and np.isnan(found.max(values)[1:]).all()


def test_ground_beyond_the_grid_and_shapes_without_area_count_for_nothing():
    assert under((-500, 250, 100, 900)).sum(np.ones(12)).tolist() == [0.5]
    line = shapely.Polygon([(0, 0), (100, 0), (0, 0)])
    assert cells_of(cover.Cover([line], GRID)) == {}
    none = cover.Cover([], GRID)
    assert none.sum(NUMBERS).size == none.min(NUMBERS).size == 0 and cells_of(none) == {}


@pytest.mark.parametrize("piece", [1, 2, 3])
@pytest.mark.parametrize("some", [1, 5, 100])
def test_a_zone_looked_at_in_pieces_is_the_whole(monkeypatch, piece, some):
    """Two zones, one across all cells but half of the last column, one of a single cell."""
    boxes = (0, 0, 350, 300), (100, 100, 200, 200)
    whole = under(*boxes)
    monkeypatch.setattr(cover, "PIECE", piece)
    monkeypatch.setattr(cover, "CELLS", some)
    cut = under(*boxes)
    for found in (whole, cut):
        assert found.sum(np.ones(12)).tolist() == [10.5, 1]
        assert found.sum(NUMBERS).tolist() == [66 - (3 + 7 + 11) / 2, 5]
    assert cells_of(cut) == cells_of(whole)


def test_large_zones_are_cut_along_the_borders_of_cells_wherever_the_grid_lies(monkeypatch):
    """One zone is too wide, one too high, one small; the grid lies far from the origin."""
    monkeypatch.setattr(cover, "PIECE", 2)
    grid = GeoBox.from_bbox((7000, -900, 7400, -600), crs="EPSG:6933", resolution=100)
    zones = shapely.box(
        *np.array([[7050, -750, 7350, -650], [7150, -880, 7250, -620], [7000, -700, 7100, -600]]).T
    )
    zone, pieces = cover._pieces(zones, grid)
    west, south, east, north = shapely.bounds(pieces).T
    assert (east - west <= 200).all() and (north - south <= 200).all()
    assert np.bincount(zone, shapely.area(pieces)) == pytest.approx(shapely.area(zones))
    assert np.bincount(zone).tolist() == [2, 4, 1]
    assert {7200} == set(east[zone == 0]) & set(west[zone == 0])  # cut where cells end
    assert cover.Cover(zones, grid).sum(np.ones(12)) * 1e4 == pytest.approx(shapely.area(zones))


def test_the_boxes_of_pieces_hold_no_more_cells_than_are_planned_for():
    pieces = shapely.box(*np.array([[0, 0, 400, 300], [120, 120, 180, 180]]).T)
    assert cover._most_cells(pieces, GRID).tolist() == [20, 4]  # 4 x 3 may touch 5 x 4, 1 x 1 2 x 2


@pytest.mark.parametrize("side", [1, 2, 3, 100])
def test_values_of_cells_are_the_same_for_windows_of_any_size(monkeypatch, side):
    monkeypatch.setattr(cover, "SIDE", side)
    fields = Fields({"a": NUMBERS.reshape(3, 4)}, GRID)
    assert cover.cell_values("a", fields).tolist() == NUMBERS.tolist()

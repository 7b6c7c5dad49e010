"""Cells under zones and what is measured there, on a grid of four by three cells of 100 m."""

import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields
from manul.products import cover

GRID = GeoBox.from_bbox((0, 0, 400, 300), crs="EPSG:6933", resolution=100)
NUMBERS = np.arange(12, dtype="float32")  # row by row from the north-west corner


def maps(values) -> Fields:
    return Fields({"a": np.asarray(values).reshape(3, 4)}, GRID)


def under(*boxes) -> cover.Cover:
    return cover.Cover([shapely.box(*box) for box in boxes], GRID)


def cells_of(found, most=100):
    """(zone, cell): covered share; cells are numbered row by row."""
    return {
        (int(zone), int((rows.start + row) * 4 + columns.start + column)): float(weight)
        for runs, (rows, columns) in cover.windows(found, maps(NUMBERS))
        for part in runs.cells(most)
        for zone, row, column, weight in zip(*part, strict=True)
    }


def test_a_zone_has_its_cells_by_row_and_the_covered_share_of_each():
    found = under((50, 200, 200, 300))  # half of the first cell, the whole of the second
    assert cells_of(found) == {(0, 0): 0.5, (0, 1): 1}


def test_cells_that_are_covered_alike_are_one_run():
    whole, column = (under(box).within(0) for box in [(0, 0, 400, 300), (100, 0, 200, 300)])
    assert [p.tolist() for p in whole] == [[0, 1, 2], [0] * 3, [4] * 3, [0] * 3, [1] * 3]
    assert column.column.tolist() == column.length.tolist() == [1, 1, 1]
    both = under((0, 200, 100, 300), (100, 200, 200, 300)).within(0)  # neighbours, but of two zones
    assert both.length.tolist() == [1, 1] and both.zone.tolist() == [0, 1]


@pytest.mark.parametrize(("side", "number"), [(1, 12), (2, 4), (3, 2), (4, 1), (100, 1)])
def test_cells_are_the_same_in_windows_of_any_size(monkeypatch, side, number):
    """A zone across half the grid, and one of a single cell."""
    boxes = (0, 150, 350, 300), (300, 0, 400, 100)
    whole = cells_of(under(*boxes))
    expected = [sum(w * NUMBERS[cell] for (z, cell), w in whole.items() if z == i) for i in (0, 1)]
    monkeypatch.setattr(cover, "SIDE", side)
    found = under(*boxes)
    assert len(found._ends) == number + 1 and cells_of(found) == whole
    assert found.sum("a", maps(NUMBERS)).tolist() == expected
    assert found.max("a", maps(NUMBERS)).tolist() == [7, 11]


def test_maps_are_read_where_zones_are_and_once_for_all_of_them(monkeypatch):
    monkeypatch.setattr(cover, "SIDE", 2)
    read = []

    def seen(at):
        read.append(at["a"].tolist())
        return at["a"]

    covers = [under((0, 200, 50, 300)), under((0, 100, 100, 300), (300, 0, 400, 100))]
    found = cover.sums(covers, {"x": seen, "twice": lambda at: 2 * at["a"]}, maps(NUMBERS))
    assert read == [[[0, 1], [4, 5]], [[10, 11]]], "north-west and south-east"
    assert [of["x"].tolist() for of in found] == [[[0], [0.5]], [[4, 11], [2, 1]]]
    assert [of["twice"][0].tolist() for of in found] == [[0], [8, 22]]


def test_a_number_stands_for_every_cell():
    assert under((50, 200, 200, 300)).sum("2", maps(NUMBERS)).tolist() == [3]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_cells_come_some_at_a_time(most):
    found = under((0, 0, 350, 300), (100, 100, 200, 200))
    expected = {(0, i): 0.5 if i % 4 == 3 else 1.0 for i in range(12)} | {(1, 5): 1.0}
    assert cells_of(found, most) == expected


def test_mean_and_sum_are_weighted_and_the_ends_are_not():
    found = under((50, 200, 200, 300), (300, 0, 400, 50))
    values = maps(NUMBERS + 3)  # 3 and 4 in the first zone, 14 in the second
    assert found.mean("a", values) == pytest.approx([5.5 / 1.5, 14])
    assert found.sum("a", values) == pytest.approx([5.5, 7])
    assert found.min("a", values).tolist() == [3, 14]
    assert found.max("a", values).tolist() == [4, 14]


def test_ends_are_those_of_all_cells_in_any_order():
    found = under((0, 0, 400, 300))
    values = np.array([5, -2, 7, 7, 1, np.nan, 9, 0, 3, -4, 8, 2], "float32")
    at = maps(values.copy())
    assert (found.min("a", at), found.max("a", at)) == ([-4], [9])
    values[3] = np.inf  # as the distance to something that is nowhere
    at = maps(values)
    assert found.max("a", at) == [np.inf] and found.sum("a", at) == [values[:3].sum() + 19]


def test_unknown_cells_count_for_nothing_and_of_none_there_is_no_mean():
    found = under((0, 200, 200, 300), (200, 200, 300, 300), (900, 900, 950, 950))
    at = maps(np.where(NUMBERS == 0, 8, np.nan))
    assert found.sum("a", at).tolist() == [8, 0, 0]
    for values in (found.mean("a", at), found.min("a", at), found.max("a", at)):
        assert values[0] == 8 and np.isnan(values[1:]).all()


def test_ground_beyond_the_grid_and_shapes_without_area_count_for_nothing():
    assert under((-500, 250, 100, 900)).sum("a", maps(np.ones(12))).tolist() == [0.5]
    line = shapely.Polygon([(0, 0), (100, 0), (0, 0)])
    assert cells_of(cover.Cover([line], GRID)) == {}
    none = cover.Cover([], GRID)
    assert none.sum("a", maps(NUMBERS)).size == none.min("a", maps(NUMBERS)).size == 0
    assert cells_of(none) == {}


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
        assert found.sum("a", maps(np.ones(12))).tolist() == [10.5, 1]
        assert found.sum("a", maps(NUMBERS)).tolist() == [66 - (3 + 7 + 11) / 2, 5]
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
    ones = Fields({"a": np.ones((3, 4))}, grid)
    assert cover.Cover(zones, grid).sum("a", ones) * 1e4 == pytest.approx(shapely.area(zones))


def test_the_boxes_of_pieces_hold_no_more_cells_than_are_planned_for():
    pieces = shapely.box(*np.array([[0, 0, 400, 300], [120, 120, 180, 180]]).T)
    assert cover._most_cells(pieces, GRID).tolist() == [20, 4]  # 4 x 3 may touch 5 x 4, 1 x 1 2 x 2

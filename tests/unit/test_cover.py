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


def test_a_zone_has_its_cells_by_row_and_the_covered_share_of_each():
    found = under((50, 200, 200, 300))  # half of the first cell, the whole of the second
    assert dict(zip(found.cells.tolist(), found.weights.tolist(), strict=True)) == {0: 0.5, 1: 1}
    assert found.start.tolist() == [0, 2] and found.zones().tolist() == [0, 0]


def test_mean_and_sum_are_weighted_and_the_ends_are_not():
    found = under((50, 200, 200, 300), (300, 0, 400, 50))
    values = (NUMBERS + 3)[found.cells]  # 3 and 4 in the first zone, 14 in the second
    assert found.mean(values) == pytest.approx([5.5 / 1.5, 14])
    assert found.sum(values) == pytest.approx([5.5, 7])
    assert found.min(values).tolist() == [3, 14] and found.max(values).tolist() == [4, 14]
    assert found.zones().tolist() == [0, 0, 1]


def test_unknown_cells_count_for_nothing_and_of_none_there_is_no_mean():
    found = under((0, 200, 200, 300), (200, 200, 300, 300), (900, 900, 950, 950))
    values = np.where(found.cells == 0, 8, np.nan)
    assert found.mean(values)[0] == 8 and np.isnan(found.mean(values)[1:]).all()
    assert found.sum(values).tolist() == [8, 0, 0]
    assert found.min(values)[0] == 8 and np.isnan(found.min(values)[1:]).all()
    assert found.max(values)[0] == 8 and np.isnan(found.max(values)[1:]).all()


def test_ground_beyond_the_grid_and_shapes_without_area_count_for_nothing():
    assert under((-500, 250, 100, 900)).sum(np.ones(1)).tolist() == [0.5]
    line = shapely.Polygon([(0, 0), (100, 0), (0, 0)])
    assert len(cover.Cover([line], GRID).cells) == 0
    none = cover.Cover([], GRID)
    assert none.sum(none.weights).size == none.min(none.weights).size == 0


@pytest.mark.parametrize("piece", [1, 2, 3])
def test_a_zone_looked_at_in_pieces_is_the_whole(monkeypatch, piece):
    """Two zones, one across all cells but half of the last column, one of a single cell."""
    boxes = (0, 0, 350, 300), (100, 100, 200, 200)
    whole = under(*boxes)
    monkeypatch.setattr(cover, "PIECE", piece)
    cut = under(*boxes)
    for found in (whole, cut):
        assert found.sum(np.ones(len(found.cells))).tolist() == [10.5, 1]
        assert found.sum(NUMBERS[found.cells]).tolist() == [66 - (3 + 7 + 11) / 2, 5]
    assert np.sort(cut.cells).tolist() == np.sort(whole.cells).tolist()


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_values_of_cells_are_the_same_for_any_number_of_rows_at_once(monkeypatch, rows):
    monkeypatch.setattr(cover, "ROWS", rows)
    fields = Fields({"a": NUMBERS.reshape(3, 4)}, GRID)
    assert cover.cell_values("a", fields).tolist() == NUMBERS.tolist()
    found = under((300, 0, 400, 100))
    assert found.values("a", fields).tolist() == [11]

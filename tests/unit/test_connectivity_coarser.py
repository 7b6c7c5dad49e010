"""Larger cells for smaller ones, in numbers that one can do in the head."""

import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from manul.connectivity.coarser import Coarser

GRID = GeoBox.from_bbox((0, 0, 3000, 3000), crs="EPSG:6933", resolution=1000)
VALUES = np.array([[1, 3, 5], [np.nan, np.nan, 7], [2, np.nan, np.nan]], "float32")


def test_a_larger_cell_covers_the_ground_of_the_smaller_ones():
    made = Coarser(GRID, 2)
    assert made.grid.shape == (2, 2) and made.grid.resolution.x == 2000
    left, bottom, right, top = made.grid.boundingbox
    assert (left, top) == (0, 3000) and (right, bottom) == (4000, -1000)  # beyond the border


def test_the_mean_of_blocks_leaves_out_what_is_unknown():
    found = Coarser(GRID, 2).means(VALUES)
    assert found[0].tolist() == [2, 6] and found[1, 0] == 2 and np.isnan(found[1, 1])


def test_the_middle_of_a_cell_at_the_border_lies_inside():
    found = Coarser(GRID, 2).middles(np.arange(9).reshape(3, 3))
    assert found.tolist() == [[4, 5], [7, 8]]


@pytest.mark.parametrize(
    ("window", "want"),
    [
        ((), [[1, 1, 2], [1, 1, 2], [3, 3, 4]]),
        ((slice(1, 3), slice(2, 3)), [[2], [4]]),
    ],
)
def test_each_small_cell_has_the_value_of_the_large_one_around_it(window, want):
    assert Coarser(GRID, 2).spread(np.array([[1, 2], [3, 4]]), *window).tolist() == want


def test_cells_that_are_not_joined_stay_as_they_are():
    made = Coarser(GRID, 1)
    assert made.grid == GRID and made.means(VALUES) is VALUES
    np.testing.assert_array_equal(made.spread(made.middles(VALUES)), VALUES)

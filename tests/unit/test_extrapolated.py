"""How much of a surface is guessed where nothing was measured."""

import numpy as np
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields
from manul.products import extrapolated

GRID = GeoBox.from_bbox((0, 0, 400, 100), crs="EPSG:6933", resolution=100)


def fields(value, far) -> Fields:
    maps = {"burrows": np.array([value], float), "burrows_extrapolated": np.array([far], float)}
    return Fields(maps, GRID)


def limits(value, far) -> list[str]:
    return extrapolated.limits(fields(value, far), {"burrows": "burrows_extrapolated"})


def test_the_share_is_that_of_known_ground():
    assert limits([1, 0, 2, np.nan], [1, 1, 0, 1]) == [
        "burrows: 67 % extrapolated, no site in reach"
    ]


def test_means_over_areas_count_with_their_share():
    """As where the places of surveys are not public."""
    assert limits([1, 2, 3, np.nan], [0.75, 0.75, 0, 1]) == [
        "burrows: 50 % extrapolated, no site in reach"
    ]


def test_what_is_measured_everywhere_or_nowhere_known_is_not_told():
    assert limits([1, 0, 2, 3], [0, 0, 0, 0]) == []
    assert limits([np.nan] * 4, [1] * 4) == []
    assert extrapolated.limits(fields([1] * 4, [1] * 4), {}) == []

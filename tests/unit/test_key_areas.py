"""Key areas: chains of patches cut into sites, and where each lies in words."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage

from manul.products import key_areas

RULES = {"join_km": 2, "density_km": 8, "area_km2": 50}
EAST = slice(0, 10), slice(50, 60)  # 10 x 10 km
WEST = slice(0, 10), slice(0, 10)
CORRIDOR = slice(4, 5), slice(10, 50)  # 1 km wide, 40 km long
WHOLE = slice(None), slice(None)


def found(*blocks, cell_m=1000, **rules):
    n = 1000 // cell_m
    key = np.zeros((10 * n, 60 * n), bool)
    for rows, columns in blocks:
        key[rows.start * n : rows.stop * n, columns.start * n : columns.stop * n] = True
    size = 60_000, 10_000
    grid = GeoBox.from_bbox((0, 0, *size), crs="EPSG:6933", resolution=cell_m)
    away = (
        ndimage.distance_transform_edt(~key) * cell_m if key.any() else np.full(key.shape, np.inf)
    )
    return key_areas.find(key, away, grid, RULES | rules).window(*WHOLE, away)


def test_a_chain_is_cut_where_there_is_least_key_habitat():
    areas = found(WEST, CORRIDOR, EAST)
    assert set(np.unique(areas[4])) == {1, 2}  # the corridor runs through, and is shared
    assert areas[4, 5] != areas[4, 55]
    border = int(np.flatnonzero(np.diff(areas[4]))[0])
    assert 12 <= border <= 47  # between the blocks, which stay whole


def test_areas_are_numbered_by_their_key_habitat():
    areas = found((slice(0, 10), slice(0, 8)), EAST)  # 80 and 100 km2
    assert areas[5, 5] == 2
    assert areas[5, 55] == 1


def test_what_is_too_small_joins_its_neighbour_or_is_none():
    small = slice(0, 6), slice(12, 18)  # 36 km2, 2 km from the western block
    areas = found(WEST, small, EAST, density_km=2)
    assert areas[2, 15] == areas[2, 5] == 1  # 136 km2
    assert areas[5, 55] == 2
    alone = slice(0, 6), slice(30, 36)
    assert found(WEST, alone, EAST)[2, 33] == 0


@pytest.mark.parametrize(("area_km2", "number"), [(49, 1), (49.5, 0)])
def test_an_area_of_just_the_least_size_is_one(area_km2, number):
    alone = slice(0, 7), slice(30, 37)  # 49 km2
    assert found(alone, area_km2=area_km2)[3, 33] == number


@pytest.mark.parametrize(("smallest", "into"), [(10, [0, 1, 2]), (10.5, [0, 2, 2])])
def test_a_basin_of_just_the_least_size_joins_no_other(smallest, into):
    saddles = {(1, 2): 0.5}
    assert key_areas._merged(np.array([0.0, 10, 60]), saddles, smallest).tolist() == into


def test_a_merged_basin_has_the_highest_saddles_of_its_parts():
    """Of 10, 20, 100 and 100 km2: the first joins the second and brings its way to the third."""
    saddles = {(1, 2): 5.0, (1, 3): 4.0, (2, 3): 1.0, (2, 4): 2.0}
    km2 = np.array([0.0, 10, 20, 100, 100])
    assert key_areas._merged(km2, saddles, 50).tolist() == [0, 3, 3, 3, 4]
    assert km2.tolist() == [0, 10, 20, 100, 100]


def test_ground_beside_key_habitat_is_part_of_the_area_as_far_as_patches_join():
    areas = found(EAST)
    assert areas[5, 47:51].tolist() == [0, 0, 1, 1]  # 1 km of the 2 km
    assert (areas > 0).sum() == 110  # 10 x 11


def test_a_gap_is_known_to_a_quarter_of_a_cell():
    """Half of 2.4 km and 250 m: the cells at the corners, 1.41 km away, are of the area."""
    block = slice(0, 5), slice(30, 40)
    areas = found(block, join_km=2.4)
    assert (areas > 0).sum() == 6 * 12
    assert (found(block, join_km=2.3) > 0).sum() == 6 * 12 - 2


@pytest.mark.parametrize(
    ("density_km", "cell_m", "apart", "number"),
    [(8, 1000, 7, 1), (8, 1000, 9, 2), (10, 250, 9, 1), (10, 250, 11, 2)],
)
def test_two_strips_are_one_hill_up_to_twice_the_spread(density_km, cell_m, apart, number):
    """The sum of two bells of a spread of 4 km has one peak as long as they are 8 km apart."""
    strips = ((slice(0, 10), slice(x, x + 1)) for x in (25, 25 + apart))
    rules = {"join_km": 12, "area_km2": 10, "density_km": density_km}
    assert found(*strips, cell_m=cell_m, **rules).max() == number


@pytest.mark.parametrize(("density_km", "side"), [(8, 1), (40, 2), (80, 4)])
def test_hills_are_looked_for_on_squares_of_a_twentieth_of_their_width(density_km, side):
    grid = GeoBox.from_bbox((0, 0, 8000, 8000), crs="EPSG:6933", resolution=1000)
    key = np.ones(grid.shape, bool)
    areas = key_areas.find(key, 0.0 * key, grid, RULES | {"density_km": density_km})
    assert areas.side == side and areas.numbers.tolist() == np.ones([8 // side] * 2).tolist()


@pytest.mark.parametrize("low", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)])
def test_a_square_runs_up_to_any_of_its_eight_neighbours(low):
    density, basins = np.zeros((3, 3)), np.zeros((3, 3), int)
    density[1, 1], density[low] = 5, 3
    assert key_areas._basins(density, density > 0)[low] == 1
    basins[1, 1], basins[low] = 2, 1
    assert key_areas._saddles(basins, density) == {(1, 2): 3}


def test_halving_the_cell_keeps_the_areas():
    coarse, fine = (found(WEST, CORRIDOR, EAST, cell_m=c) for c in (1000, 250))
    same = np.kron(coarse, np.ones((4, 4), int)) == fine
    assert same.mean() > 0.95


def test_nothing_is_no_area():
    assert found().max() == 0


def test_a_site_is_named_from_the_nearest_town():
    crs = "EPSG:6933"
    towns = gpd.GeoDataFrame(
        {"name": ["Naryn", None, "At-Bashy"]},
        geometry=[shapely.Point(0, 0), shapely.Point(20_000, 1), shapely.Point(90_000, 0)],
        crs=crs,
    )
    sites = gpd.GeoSeries(
        [shapely.Point(x, y).buffer(100) for x, y in ((0, 1000), (-7000, -7000), (90_000, 12_000))],
        crs=crs,
    )
    assert key_areas.names(sites, towns) == ["at Naryn", "10 km SW of Naryn", "12 km N of At-Bashy"]
    assert key_areas.names(sites, None) == ["", "", ""]


@pytest.mark.parametrize(("away", "told"), [(2900, "at Naryn"), (3100, "3 km S of Naryn")])
def test_a_site_within_3_km_is_at_the_town(away, told):
    towns = gpd.GeoDataFrame({"name": ["Naryn"]}, geometry=[shapely.Point(0, 0)], crs="EPSG:6933")
    site = gpd.GeoSeries([shapely.Point(0, -away).buffer(10)], crs="EPSG:6933")
    assert key_areas.names(site, towns) == [told]


@pytest.mark.parametrize("name", ["title", "id"])
def test_places_without_names_name_nothing(name):
    towns = gpd.GeoDataFrame({name: ["x"]}, geometry=[shapely.Point(0, 0)], crs="EPSG:6933")
    sites = gpd.GeoSeries([shapely.Point(0, 9)], crs="EPSG:6933")
    assert key_areas.names(sites, towns) == [""]

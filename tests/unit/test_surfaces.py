"""Each kind of surface on a few cells of 1 km, with numbers that one can do in the head."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from manul import surfaces
from manul.grid import burn, disk_maps
from manul.grid.rasters import Raster
from manul.surfaces import blocks, proximity, registry, travel_time
from manul.uncertainty import alternatives

CRS = "EPSG:6933"
KM = 1000
GRID = GeoBox.from_bbox((0, 0, 9 * KM, 9 * KM), crs=CRS, resolution=KM)
NAN = np.nan
# The cell in the middle, the cells that share a side with it, and how far they lie beyond GRID.
MIDDLE, MARGIN = (4, 4), 60
CROSS = [(4, 4), (3, 4), (5, 4), (4, 3), (4, 5)]


class Held:
    """A raster of the grid's cells and `MARGIN` more on each side, whatever is asked for."""

    def __init__(self, values, pixel_m=(KM, KM)):
        across, down = pixel_m
        corner = Affine(across, 0, -MARGIN * KM, 0, -down, (9 + MARGIN) * KM)
        crs = rasterio.CRS.from_string(CRS)
        self.raster = Raster(np.asarray(values, "float32"), corner, crs, pixel_m)

    def read(self, crs, bounds, margin=0.0):
        return self.raster


class Drawn:
    """A prepared vector layer; `extent` is what of the land was surveyed."""

    def __init__(self, *shapes, extent=None, **columns):
        self.table, self.extent = gpd.GeoDataFrame(columns, geometry=[*shapes], crs=CRS), extent

    def read(self, bounds=None):
        return self.table

    def rows(self):
        return self.table


def cells(fill=0.0, at=()):
    """Values of the cells that a `Held` raster has, those of the grid by (row, column)."""
    out = np.full((9 + 2 * MARGIN,) * 2, fill, "float32")
    for (row, column), value in dict(at).items():
        out[row + MARGIN, column + MARGIN] = value
    return out


def made(block, rules=None, grid=GRID, **layers):
    given = registry.Sources(layers, {"kinds": dict.fromkeys(layers, "continuous")} | (rules or {}))
    return surfaces.make(block, grid, given)["value"]


def centre(row, column):
    """The point in the middle of a cell."""
    return shapely.Point((column + 0.5) * KM, (8.5 - row) * KM)


def around(value, other=0.0, where=CROSS):
    """A map of one value at some cells and another one elsewhere."""
    out = np.full((9, 9), other)
    out[tuple(np.transpose(where))] = value
    return out


# ------------------------------------------------------------------------------------- rasters


def test_a_raster_stands_as_it_is_and_unknown_stays_unknown():
    layer = Held(cells(7, at={(0, 1): 3, (2, 2): NAN}))
    value = made({"kind": "value", "layer": "a"}, a=layer)
    assert value[0, 1] == 3 and value[8, 8] == 7
    assert np.argwhere(np.isnan(value)).tolist() == [[2, 2]]


def test_classes_become_scores_and_a_class_without_one_is_unknown():
    layer = Held(cells(1, at={(0, 1): 2, (2, 2): 5}))
    value = made({"kind": "value", "layer": "a", "scores": {"1": 0.25, "2": 0.75}}, a=layer)
    assert value[0, 1] == 0.75 and value[8, 8] == 0.25 and np.isnan(value[2, 2])


def test_counts_add_up_over_the_pixels_of_a_cell():
    fine = Held(np.full((258, 258), 3.0), (500, 500))
    value = made({"kind": "value", "layer": "a"}, {"kinds": {"a": "counts"}}, a=fine)
    np.testing.assert_allclose(value, 12, rtol=1e-6)


def test_relief_is_the_highest_less_the_lowest_of_the_known_cells_within_the_radius():
    layer = Held(cells(100, at={MIDDLE: 400, (0, 0): NAN}))
    block = {"kind": "relief", "layer": "a", "radius_m": KM}
    expected = around(300.0)
    expected[0, 0] = NAN
    np.testing.assert_array_equal(made(block, a=layer), expected)
    wide = made(block | {"radius_m": 2 * KM}, a=layer)
    assert (wide == 300).sum() == 13, "the cells whose centres lie within two cells"


@pytest.mark.parametrize(
    ("per_column", "per_row", "degrees"),
    [(0, 0, 0), (1000, 0, 45), (0, 500, 45), (-1000, 0, 45), (600, 400, 45), (2000, 0, 63.435)],
)
def test_slope_of_a_plane_of_pixels_of_1000_by_500_m(per_column, per_row, degrees):
    rows, columns = np.mgrid[:258, :129]
    layer = Held(per_column * columns + per_row * rows, (1000, 500))
    value = made({"kind": "slope", "layer": "a"}, a=layer)
    np.testing.assert_allclose(value, degrees, atol=1e-3)


def test_position_is_the_height_above_the_mean_of_what_is_near():
    layer = Held(cells(100, at={MIDDLE: 400}))
    value = made({"kind": "position", "layer": "a", "radius_m": KM}, a=layer)
    expected = around(-60.0)  # 100 less the mean of 400 and four times 100
    expected[MIDDLE] = 240
    np.testing.assert_allclose(value, expected, atol=1e-4)


def test_ruggedness_is_of_bends_and_not_of_steepness():
    rows, columns = np.mgrid[:258, :129]
    plane = Held(700.0 * columns + 300 * rows, (1000, 1000))
    block = {"kind": "ruggedness", "layer": "a", "radius_m": 1000}
    np.testing.assert_allclose(made(block, a=plane), 0, atol=1e-6)
    crest = np.abs(np.arange(258) - 64.0)  # slopes of 45 degrees that meet at a crest
    value = made(block, a=Held(np.tile(1000 * crest, (258, 1)), (1000, 1000)))
    at = int(value[0].argmax())
    # Of five normals three stand upright and two lean by 45 degrees to either side.
    assert value[0, at] == pytest.approx(1 - (3 + 2 * 0.5**0.5) / 5, abs=1e-4)
    assert value[0, at - 3] == pytest.approx(0, abs=1e-6)


def test_a_cell_gets_the_share_of_its_native_pixels_that_reach_a_limit():
    """Cells of 1 km over pixels of 500 m, of which one column in four is a cliff."""
    height = np.zeros((258, 258))
    height[:, 1::4] = 1000
    layer = Held(height, (500, 500))
    block = {"kind": "relief", "layer": "a", "radius_m": 100, "at_least": 900}
    value = made(block, a=layer)
    np.testing.assert_allclose(np.unique(value), [0.5, 1.0])  # a cliff's neighbours count, too
    steep = made({"kind": "slope", "layer": "a", "at_least": 45}, a=layer)
    np.testing.assert_allclose(np.unique(steep), [0.5])
    high = made({"kind": "position", "layer": "a", "radius_m": 500, "at_least": 300}, a=layer)
    np.testing.assert_allclose(np.unique(high), [0.0, 0.5])


def test_a_focal_mean_is_that_of_the_known_cells_within_the_radius():
    block = {"kind": "focal_mean", "radius_m": KM, "of": {"kind": "value", "layer": "a"}}
    value = made(block, a=Held(cells(0, at={MIDDLE: 5})))
    np.testing.assert_allclose(value, around(1.0), atol=1e-6)
    unknown = made(block, a=Held(cells(0, at={MIDDLE: 5, (3, 4): NAN})))
    assert unknown[MIDDLE] == 1.25, "5 over 4 known cells"
    assert unknown[3, 4] == 1.25, "also where the cell itself is unknown"
    alone = made(block, a=Held(cells(NAN, at={MIDDLE: 5})))
    np.testing.assert_array_equal(alone, around(5.0, NAN))


def test_a_climate_layer_is_moved_from_its_height_to_that_of_the_cell():
    block = {
        "kind": "lapse_rate", "layer": "t", "elevation_layer": "e", "reference_layer": "r",
        "lapse_per_m": -0.0065,
    }  # fmt: skip
    layers = {"t": Held(cells(10)), "e": Held(cells(1500)), "r": Held(cells(1000))}
    np.testing.assert_allclose(made(block, **layers), 6.75, rtol=1e-6)


# ------------------------------------------------------------------------------------ features


def test_the_share_of_a_cell_under_polygons():
    left_half = shapely.box(4 * KM, 4 * KM, 4.5 * KM, 5 * KM)
    same = shapely.box(4 * KM, 4 * KM, 4.25 * KM, 5 * KM)
    value = made({"kind": "share", "layer": "a"}, a=Drawn(left_half, same))
    np.testing.assert_array_equal(value, around(0.5, where=[MIDDLE]))


def test_metres_to_the_nearest_feature_cut_at_the_reach():
    block = {"kind": "distance", "layer": "a", "reach_m": 5 * KM}
    value = made(block, a=Drawn(centre(8, 0), centre(8, 1)))
    assert value[8].tolist() == [0, 0, 1000, 2000, 3000, 4000, 5000, 5000, 5000]
    assert value[4, 4] == 5000, "3 cells across and 4 up"
    assert value[7, 2] == pytest.approx(np.sqrt(2) * KM)
    beyond = made(block, a=Drawn(centre(8, -2)))
    assert beyond[8, 0] == 2000, "a feature beside the grid counts"


def test_metres_to_where_another_surface_is_high_enough():
    block = {"kind": "distance", "reach_m": 3 * KM, "minimum": 30}
    block["of"] = {"kind": "value", "layer": "a"}
    value = made(block, a=Held(cells(29, at={(8, 0): 30, (8, 2): NAN})))
    assert value[8, [0, 1, 3, 4]].tolist() == [0, 1000, 3000, 3000]
    assert np.isnan(value[8, 2]), "there may be a source"


EXPOSURE = {
    "kind": "exposure", "layer": "a", "decay": "linear", "scale_m": 4 * KM, "reach_m": 8 * KM,
    "unknown_intensity": 0.5, "intensity": {"field": "size"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "shared"),
    [
        ("nearest", [1, 0.875, 0.75, 0.625, 0.5, 0.4375, 0.5, 0.4375, 0.375]),
        # At the fifth 1 - (1 - 0.5)(1 - 0.375), at the seventh 1 - (1 - 0.25)(1 - 0.5).
        ("saturating", [1, None, None, None, 0.6875, None, 0.625, None, None]),
    ],
)
def test_exposure_by_distance_and_intensity(kernel, shared):
    """Sources of intensity 1 and (it is not known) 0.5, six cells apart."""
    layer = Drawn(centre(8, 0), centre(8, 6), size=["1", "unknown"])
    value = made(EXPOSURE | {"kernel": kernel}, a=layer)
    for found, expected in zip(value[8], shared, strict=True):
        assert expected is None or found == pytest.approx(expected, abs=2e-3)
    assert value[0, 0] == pytest.approx(0, abs=1e-6), (
        "8 cells from the strong one, 10 from the other"
    )


def test_lines_and_polygons_act_from_their_rim_on_and_add_up_with_points():
    pit, road = shapely.box(0, 0, 2 * KM, KM), shapely.LineString([(6.5 * KM, 0), (6.5 * KM, 1)])
    layer = Drawn(pit, road, centre(8, 8), size=[1, 0.5, 0], n=[1, 1, 1])
    value = made(EXPOSURE | {"kernel": "saturating"}, a=layer)
    # Cells 0 and 1 are the pit, the road is in cell 6 and has half the strength.
    assert value[8, :3].tolist() == pytest.approx([1, 1, 1 - 0.125 * 0.75])
    assert value[8, 6] == pytest.approx(1 - 0.625 * 0.5)
    far = 1 - np.hypot(6, 2) / 8
    assert value[6, 0] == pytest.approx(1 - 0.25 * (1 - 0.5 * far), abs=1e-6)


def test_points_with_an_area_act_in_full_on_all_of_it():
    mine = Drawn(centre(8, 0), size=[1], ha=[np.pi * 400])  # a radius of 2 km
    block = EXPOSURE | {"kernel": "saturating", "area_ha_field": "ha"}
    assert made(block, a=mine)[8, [0, 2, 4, 6]].tolist() == pytest.approx([1, 1, 0.75, 0.5])


def test_exposure_of_a_density_keeps_the_sum():
    layer = Drawn(centre(4, 4), centre(4, 4), size=[0.25, 0.5])
    block = EXPOSURE | {"kernel": "density", "scale_m": 4 * KM, "reach_m": 3 * KM}
    value = made(block, a=layer)
    assert value.sum() == pytest.approx(0.75, rel=1e-3), "cells of 1 km2"
    assert value.argmax() == 40 and value[4, 1] == value[4, 7] == pytest.approx(0, abs=1e-6)


def test_exposure_is_unknown_where_the_inner_surface_is():
    block = {
        "kind": "exposure", "of": {"kind": "value", "layer": "a"}, "minimum": 30,
        "decay": "linear", "scale_m": 4 * KM, "reach_m": 8 * KM, "kernel": "nearest",
    }  # fmt: skip
    value = made(block, a=Held(cells(0, at={(8, 0): 30, (8, 1): NAN})))
    assert value[8, [0, 2, 8]].tolist() == [1, 0.75, 0] and np.isnan(value[8, 1])


@pytest.mark.parametrize(
    ("scale_m", "reach_m", "finer"),
    [(4000, 9000, 1), (9000, 9000, 1), (2000, 9000, 2), (1000, 9000, 4), (1001, 9000, 4),
     (999, 9000, 5), (100, 9000, 8), (None, 8000, 2)],
)  # fmt: skip
def test_a_steep_decay_divides_the_cells(scale_m, reach_m, finer):
    block = {"scale_m": scale_m, "reach_m": reach_m}
    assert proximity.oversample(block, GRID) == finer


def test_points_and_kilometres_of_line_per_km2():
    """Within 1 km lie five cells of 1 km2."""
    block = {"kind": "density", "layer": "a", "radius_m": KM}
    points = Drawn(centre(4, 4), centre(4, 4), centre(4, 5))
    value = made(block, a=points)
    assert value[4].tolist() == pytest.approx([0, 0, 0, 0.4, 0.6, 0.6, 0.2, 0, 0])
    road = Drawn(shapely.LineString([(3 * KM, 4.5 * KM), (6 * KM, 4.5 * KM)]))
    assert made(block, a=road)[4].tolist() == pytest.approx([0, 0, 0.2, 0.4, 0.6, 0.4, 0.2, 0, 0])


def test_a_cell_beside_the_surveyed_land_is_unknown():
    layer = Drawn(centre(4, 4), extent=shapely.box(0, 0, 9 * KM, 5 * KM))
    value = made({"kind": "density", "layer": "a", "radius_m": KM}, a=layer)
    assert np.isnan(value[:4]).all() and value[4, 4] == 0.2 and value[8, 8] == 0


def test_burrows_per_ha_by_strata_within_the_habitat():
    """Plots of 2 ha with 4 and 8 burrows in the low stratum, of 1 ha with 6 in the high one."""
    high = np.indices(cells().shape)[1] >= MARGIN + 5
    flat = cells(1, at={(0, 0): 0, (0, 1): 3})
    layers = {"e": Held(np.where(high, 1000, 999)), "flat": Held(flat)}
    layers["plots"] = Drawn(
        centre(4, 0), centre(4, 4), centre(4, 5), quadrat_id=["a", "b", "c"],
        date=["2025-06-01"] * 3, area_m2=[2e4, 2e4, 1e4], n_active=[4, 5, 6], n_inactive=[0, 3, 0],
    )  # fmt: skip
    value = {"kind": "value"}
    block = {
        "kind": "burrow_density", "quadrats_layer": "plots", "method": "stratum_means",
        "strata": {"of": value | {"layer": "e"}, "breaks": [1000]},
        "within": {"of": value | {"layer": "flat"}, "minimum": 1, "maximum": 2},
        "covariates": [value | {"layer": "e"}, value | {"layer": "flat"}],
        "bandwidth_m": 2000, "seed": 0,
    }  # fmt: skip
    rules = {"kinds": dict.fromkeys(layers, "continuous"), "as_of": "2025-10-01"}
    rules["burrows"] = {"collapse_half_life_yr": 8, "fresh_yr": 3}
    found = made(block, rules, **layers)
    expected = np.where(np.arange(9) < 5, 3.0, 6.0)
    np.testing.assert_allclose(found[1:], np.broadcast_to(expected, (8, 9)))
    assert np.isnan(found[0, :2]).all() and found[0, 2] == 3
    # With a limit at one end alone.
    of = {"of": value | {"layer": "flat"}}
    for limit, unknown in (({"minimum": 1}, 0), ({"maximum": 2}, 1)):
        found = made(block | {"within": of | limit}, rules, **layers)
        assert np.argwhere(np.isnan(found)).tolist() == [[0, unknown]]


# --------------------------------------------------------------------------------- travel time

TRAVEL = {
    "kind": "travel_time", "layer": "towns", "elevation_layer": "e", "roads_layer": "roads",
    "class_field": "class", "speeds_km_h": {"paved": 50, "track": 10}, "off_road_km_h": 5,
    "reach_h": 1.0,
}  # fmt: skip
NO_ROADS = Drawn(**{"class": []})
TOWN = Drawn(centre(8, 0))


def row(start, end, at):
    """A line through the middles of the cells of a row of the grid."""
    return shapely.LineString([centre(at, start), centre(at, end)])


def test_hours_on_foot_and_just_above_the_reach():
    value = made(TRAVEL, towns=TOWN, e=Held(cells(700)), roads=NO_ROADS)
    told = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert value[8, :6].tolist() == pytest.approx(told)
    assert value[7, 1] == pytest.approx(0.2 * np.sqrt(2))
    assert (value[8, 6:] == np.nextafter(np.float32(1), np.float32(2))).all()


def test_a_road_is_faster_and_the_faster_of_two_counts():
    tracks = Drawn(row(0, 8, 8), row(0, 8, 8), row(0, 8, 8), **{"class": ["track", "paved", "?"]})
    value = made(TRAVEL, towns=TOWN, e=Held(cells(700)), roads=tracks)
    assert value[8, 8] == pytest.approx(8 / 50)
    assert value[7, 8] == pytest.approx(8 / 50 + (1 / 50 + 1 / 5) / 2), "one step off the road"


def test_a_slope_slows_down_as_tobler_says():
    """A rise of 200 m in each km: exp(-3.5 x 0.2) of the speed."""
    rows, _ = np.mgrid[: 9 + 2 * MARGIN, :1]
    rising = np.broadcast_to(200.0 * rows, cells().shape)
    value = made(TRAVEL, towns=TOWN, e=Held(rising), roads=NO_ROADS)
    assert value[8, 2] == pytest.approx(2 / (5 * np.exp(-0.7)), rel=1e-5)


@pytest.mark.parametrize("wall", ["water", "unknown height"])
def test_water_and_unknown_ground_are_crossed_on_a_road_alone(wall):
    """A wall beyond the first column of cells, from far south to far north."""
    height = cells(700)
    lake = Drawn(shapely.box(KM, -80 * KM, 1.6 * KM, 80 * KM))
    layers = {"towns": TOWN, "e": Held(height), "roads": NO_ROADS}
    block = TRAVEL
    if wall == "water":
        block, layers = TRAVEL | {"water_layer": "lakes"}, layers | {"lakes": lake}
    else:
        height[:, MARGIN + 1] = NAN
        layers["e"] = Held(height)
    assert made(block, **layers)[8, 3] > 1
    bridge = layers | {"roads": Drawn(row(0, 5, 8), **{"class": ["paved"]})}
    assert made(block, **bridge)[8, 3] == pytest.approx(3 / 50)


def test_water_on_half_of_a_cell_is_no_wall():
    ford = Drawn(shapely.box(KM, -80 * KM, 1.5 * KM, 80 * KM))
    block = TRAVEL | {"water_layer": "lakes"}
    value = made(block, towns=TOWN, e=Held(cells(700)), roads=NO_ROADS, lakes=ford)
    assert value[8, 3] == pytest.approx(0.6)


def test_people_start_in_a_town_on_a_lake_at_a_kilometre_an_hour():
    lake = Drawn(shapely.box(0, 0, KM, KM))
    block = TRAVEL | {"water_layer": "lakes"}
    value = made(block, towns=TOWN, e=Held(cells(700)), roads=NO_ROADS, lakes=lake)
    assert value[8, 1] == pytest.approx((1 + 0.2) / 2)


# ----------------------------------------------------------------------- blocks and their margin


def test_a_surface_at_points_is_that_of_their_cells_also_beyond_the_grid():
    layer = Held(np.arange(129 * 129.0).reshape(129, 129))
    given = registry.Sources({"a": layer}, {"kinds": {"a": "continuous"}})
    found = given.at({"kind": "value", "layer": "a"}, GRID, [500, 8999, -500], [8500, 1, 9500])
    assert found.tolist() == [60 * 129 + 60, 68 * 129 + 68, 59 * 129 + 59]


@pytest.mark.parametrize("on_disk", [False, True])
def test_windows_of_what_is_worked_out_at_once_are_parts_of_it(tmp_path, monkeypatch, on_disk):
    """Hours, also of maps that lie on disk; ground that nobody surveyed is unknown in all."""
    monkeypatch.setattr(disk_maps, "HELD", 0 if on_disk else 1e9)
    monkeypatch.setattr(travel_time, "SIDE", 16)
    surveyed = shapely.box(0, 0, 7 * KM, 9 * KM)
    towns = Drawn(centre(8, 0), extent=surveyed)
    layers = {"towns": towns, "e": Held(cells(700)), "roads": NO_ROADS}
    given = registry.Sources(layers, {"kinds": {"e": "continuous"}}, tmp_path)
    whole = registry.make(TRAVEL, GRID, given)["value"]
    assert whole[8, :6].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert whole.dtype == "float32" and np.isnan(whole[:, 7:]).all()
    window = registry.windows(TRAVEL, GRID, given)
    for rows, columns in ((slice(0, 9), slice(0, 3)), (slice(4, 9), slice(3, 9))):
        np.testing.assert_array_equal(window(rows, columns)["value"], whole[rows, columns])
    slow = TRAVEL | {"off_road_km_h": 2.5}
    both = alternatives.windows("t", [("a", TRAVEL, given), ("b", slow, given)], GRID)
    found = both(slice(8, 9), slice(0, 3))["t"]
    assert found["a"].tolist() == [pytest.approx([0, 0.2, 0.4])]
    assert found["b"].tolist() == [pytest.approx([0, 0.4, 0.8])]
    assert not list(tmp_path.iterdir())


def test_bands_of_a_kind_that_is_worked_out_at_once(monkeypatch):
    whole = {"value": np.arange(81).reshape(9, 9), "other": np.zeros((9, 9))}
    made = registry.Kind(lambda *_: whole, {"other": ""}, True, lambda *_: 1)
    monkeypatch.setitem(registry.KINDS, "all_bands", made)
    asked = []
    monkeypatch.setitem(registry.KINDS, "counted", replace(made, make=lambda *_: asked.append(1)))
    registry.windows({"kind": "counted"}, GRID, registry.Sources({}))
    assert not asked, "blocks that an earlier run kept need no whole"
    found = registry.windows({"kind": "all_bands"}, GRID, registry.Sources({}))
    window = found(slice(1, 2), slice(3, 5))
    assert window["value"].tolist() == [[12, 13]] and window["other"].tolist() == [[0, 0]]


def test_what_is_worked_out_once_is_kept():
    given = registry.Sources({})
    assert [given.once("k", lambda i=i: i) for i in (1, 2)] == [1, 1]


@pytest.mark.parametrize(
    ("block", "side"),
    [
        ({"kind": "value"}, 2048),
        ({"kind": "travel_time"}, 2048),
        ({"kind": "exposure", "scale_m": 4000, "reach_m": 9000}, 2048),
        ({"kind": "exposure", "scale_m": 2000, "reach_m": 9000}, 1024),
        ({"kind": "exposure", "scale_m": 1400, "reach_m": 9000}, 512),  # 682 in whole 512
        ({"kind": "exposure", "scale_m": 100, "reach_m": 9000}, 512),
    ],
)
def test_blocks_are_smaller_where_cells_are_divided(block, side):
    assert registry.block_size(block, GRID) == side


@pytest.mark.parametrize(("metres", "pad"), [(0, 1), (1, 2), (1000, 2), (1001, 3)])
def test_a_margin_holds_the_reach_and_a_cell_more(metres, pad):
    assert blocks.cells(metres, GRID) == pad


def test_the_middles_of_cells():
    x, y = blocks.centres(GRID)
    assert x[:2].tolist() == [500, 1500] and y[[0, -1]].tolist() == [8500, 500]


@pytest.mark.parametrize(
    ("radii", "cells_"), [((0.5, 0.5), 1), ((1, 1), 5), ((2, 2), 13), ((2, 1), 7), ((1, 2), 7)]
)
def test_a_disc_holds_the_cells_whose_centres_lie_in_it(radii, cells_):
    disc = blocks.disc(*radii)
    assert disc.sum() == cells_
    assert disc.shape == (2 * int(radii[1]) + 1, 2 * int(radii[0]) + 1)


def test_an_amount_is_shared_by_the_parts_of_a_line_and_lost_beside_the_grid():
    line = shapely.MultiLineString([[(0, 500), (3000, 500)], [(8000, 500), (9000, 500)]])
    out = blocks.amount_per_cell([line, shapely.Point(9001, 500)], [8.0, 5.0], GRID)
    assert out[8].tolist() == pytest.approx([2, 2, 2, 0, 0, 0, 0, 0, 2]) and out.sum() == 8
    half_out = shapely.LineString([(500, 8000), (500, 10_000)])
    assert blocks.amount_per_cell([half_out], [2.0], GRID)[0, 0] == pytest.approx(1)


def test_what_has_no_shape_covers_no_cell():
    shapes = [None, shapely.Polygon(), shapely.box(0, 0, 1.25 * KM, 1.25 * KM)]
    assert burn.burn([(g, 5) for g in shapes], GRID).sum() == 5 * 4, "every cell that is touched"
    assert burn.burn_inside(shapes, GRID).sum() == 1
    assert burn.burn_inside(shapes[:2], GRID).sum() == 0 == burn.burn([], GRID).sum()
    assert burn.cover_share(shapes, GRID).sum() == 1.25**2


def test_shares_are_found_in_strips_of_a_tall_grid():
    tall = GeoBox.from_bbox((0, 0, 2, 300), crs=CRS, resolution=1)
    share = burn.cover_share([shapely.box(0, 0, 1, 300)], tall)
    assert share.tolist() == [[1, 0]] * 300

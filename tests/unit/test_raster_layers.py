"""Rasters as teams hand them over: tags of scale, nodata that nobody declared, bands, places."""

import re

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from manul.grid import burn, rasters
from manul.grid.region import bounds, grid_of
from manul.preflight import rasters as preflight

REGION = {"bounds": [77.0, 42.0, 77.4, 42.3], "cell_m": 1000.0, "crs": "EPSG:6933"}
CONFIG = {"region": REGION, "surfaces": {}, "rules": {}}
AROUND = Affine(0.01, 0, 76.7, 0, -0.01, 42.6)  # 100 x 90 cells of 0.01 degrees
HEIGHTS = np.linspace(1000, 5000, 9000).reshape(90, 100)
BLOCK = {"kind": "continuous", "units": "m", "valid": [-40_000, 70_000]}


def write(path, values, transform=AROUND, bands=1, **more):
    values = np.broadcast_to(values, (bands, *np.shape(values)))
    profile = {"driver": "GTiff", "crs": "EPSG:4326", "dtype": "float32", **more}
    _, height, width = values.shape
    with rasterio.open(
        path, "w", count=bands, height=height, width=width, transform=transform, **profile
    ) as out:
        out.write(values.astype(profile["dtype"]))
    return str(path)


def found(path, **block):
    """The errors and warnings of a raster layer, as they are told."""
    block = BLOCK | {"path": path} | block
    return [str(p) for p in preflight.check("heights", block, CONFIG, {})]


def spoilt(number, share):
    """The heights, a share of whose cells, evenly spread, hold a number."""
    values = HEIGHTS.copy()
    values.flat[:: int(1 / share)] = number
    return values


def test_heights_raise_no_question(tmp_path):
    assert found(write(tmp_path / "a.tif", HEIGHTS)) == []


@pytest.mark.parametrize(("key", "factor", "offset"), [({}, 0.1, -5), ({"scale": 2.0}, 2.0, 0)])
def test_tags_of_scale_are_applied_unless_the_config_says_otherwise(tmp_path, key, factor, offset):
    path = write(tmp_path / "a.tif", np.full((90, 100), 2447), dtype="uint16")
    with rasterio.open(path, "r+") as tagged:
        tagged.scales, tagged.offsets = (0.1,), (-5.0,)
    rasters.clip(path, tmp_path / "b.tif", key, grid_of(REGION), 0, {})
    with rasterio.open(tmp_path / "b.tif") as clipped:
        np.testing.assert_allclose(clipped.read(1), 2447 * factor + offset, rtol=1e-6)
        assert clipped.scales == (1.0,)
    told, alike = found(path, **key)
    assert f"found {2447 * factor + offset:g} in every cell of the region" in alike
    assert "scale 0.1, offset -5" in told
    assert ("They are applied" in told) != bool(key)


@pytest.mark.parametrize(
    ("number", "dtype", "severity"),
    [
        (-32767, "int16", "ERROR"),
        (9999, "float32", "ERROR"),
        (-3000, "int16", "ERROR"),
        (-9999, "float32", "ERROR"),
        (65535, "uint16", "ERROR"),
        (0, "uint16", "WARNING"),
        (0, "float32", "WARNING"),
        (30_000, "float32", "WARNING"),
    ],
)
def test_undeclared_nodata_within_the_limits_is_asked_for(tmp_path, number, dtype, severity):
    path = write(tmp_path / "a.tif", spoilt(number, 0.1), dtype=dtype)
    (told,) = found(path)
    assert told.startswith(severity) and f"`nodata: {number:g}`" in told
    assert found(path, nodata=[]) == []
    (share,) = found(path, nodata=number)
    assert "values for 90 % of the region" in share or "values for 89 %" in share


def test_named_nodata_is_unknown_when_the_layer_is_prepared(tmp_path):
    path = write(tmp_path / "a.tif", spoilt(-3000, 0.1))
    rasters.clip(path, tmp_path / "b.tif", {"nodata": [-3000, 7e9]}, grid_of(REGION), 0, {})
    with rasterio.open(tmp_path / "b.tif") as clipped:
        values = clipped.read(1)
    assert np.isnan(values).mean() == pytest.approx(0.1, abs=0.01)
    assert np.nanmin(values) >= 1000


@pytest.mark.parametrize(
    ("block", "wrong", "told"),
    [
        ({"kind": "continuous", "valid": [0, 9000]}, 9001, "found value 9001, in 1 cells of this "
         "part; expected 0 to 9000."),
        ({"kind": "continuous", "valid": [0, 900], "scale": 0.1}, -10, "found value -1,"),
        ({"kind": "classes", "classes": {"0": "a", "4321": "b"}}, 7, "found class 7,"),
    ],
)  # fmt: skip
def test_what_preflight_did_not_look_at_is_told_where_the_layer_is_prepared(
    tmp_path, block, wrong, told
):
    values = np.where(np.arange(100) % 2, 0, 4321) * np.ones((90, 1))
    path = write(tmp_path / "a.tif", values)
    block = block | {"path": str(path)}
    rasters.clip(path, tmp_path / "b.tif", block, grid_of(REGION), 0, {})
    values[40, 50] = wrong
    write(path, values)
    with pytest.raises(rasters.UnbelievableError, match=re.escape(told)) as error:
        rasters.clip(path, tmp_path / "b.tif", block, grid_of(REGION), 0, {})
    assert f"{path} (row 40, column 50)" in str(error.value)
    named = block | {"nodata": wrong}
    rasters.clip(path, tmp_path / "b.tif", named, grid_of(REGION), 0, {})
    with rasterio.open(tmp_path / "b.tif") as clipped:
        assert np.isnan(clipped.read(1)).sum() == 1


@pytest.mark.parametrize(
    ("value", "valid", "scale", "offset"),
    [
        (-0.2, [-0.2, 0.9], 1, 0), (0.1, [0, 0.1], 1, 0), (7000, [0, 0.7], 0.0001, 0),
        (553, [-30, 55.3], 0.1, 0), (51000, [-100, 1], 0.001, -50),
        (2730, [-300, -0.2], 0.1, -273.2),
    ],
)  # fmt: skip
def test_values_on_the_limits_are_within_them_whatever_float32_makes_of_them(
    tmp_path, value, valid, scale, offset
):
    values = np.where(np.arange(100) % 2, value, value / 2) * np.ones((90, 1))
    path, key = write(tmp_path / "a.tif", values), {"scale": scale, "offset": offset}
    block = {"path": path, "kind": "continuous", "valid": valid, **key}
    assert not [told for told in found(path, valid=valid, **key) if "ERROR" in told]
    rasters.clip(path, tmp_path / "b.tif", block, grid_of(REGION), 0, {})
    narrow = block | {"valid": [valid[0] + 0.01, valid[1] - 0.01]}
    assert any("ERROR" in told for told in found(**narrow))
    with pytest.raises(rasters.UnbelievableError):
        rasters.clip(path, tmp_path / "b.tif", narrow, grid_of(REGION), 0, {})


def test_zeros_that_go_on_into_small_numbers_raise_no_question(tmp_path):
    snow = np.maximum(HEIGHTS - 2000, 0) / 100
    assert found(write(tmp_path / "a.tif", snow)) == []


def test_the_hint_of_a_scale_is_the_nearest_that_fits_and_names_the_others(tmp_path):
    (told,) = found(write(tmp_path / "a.tif", HEIGHTS), valid=[0, 600])
    assert "`scale: 0.1` would fit (0.01, 0.001, 0.0001 too)" in told


@pytest.mark.parametrize(
    ("units", "values", "valid", "words"),
    [
        ("degC", HEIGHTS / 100 + 263.15, [-60, 60],
         "kelvin? Then `scale: 1` and `offset: -273.15`"),
        ("degC", HEIGHTS / 100 + 50, [-60, 60],
         "Fahrenheit? Then `scale: 0.555556` and `offset: -17.7778`"),
        ("m", HEIGHTS / 0.3048, [-450, 8900], "feet? Then `scale: 0.3048` would fit"),
        ("degC", HEIGHTS / 100 + 1000, [-60, 60], None),
    ],
)  # fmt: skip
def test_numbers_in_other_units_are_told_with_what_brings_them_back(
    tmp_path, units, values, valid, words
):
    (told,) = found(write(tmp_path / "a.tif", values), valid=valid, units=units)
    assert words in told if words else "Are these" not in told


def test_numbers_of_colours_are_asked_for_and_no_table_of_classes_is(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS / 20, dtype="uint8")
    with rasterio.open(path, "r+") as raster:
        raster.write_colormap(1, {i: (i, i, i, 255) for i in range(256)})
    (told,) = found(path)
    assert told.startswith("WARNING") and "colours in a table" in told
    names = {str(code): f"class {code}" for code in range(256)}
    assert found(path, kind="classes", classes=names) == []


def test_a_raster_of_half_of_the_region_is_told(tmp_path):
    half = Affine(0.01, 0, 77.2, 0, -0.01, 42.6)
    (told,) = found(write(tmp_path / "a.tif", HEIGHTS, transform=half))
    assert "values for 50 % of the region" in told or "values for 51 %" in told


def test_bands_are_chosen_by_name(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS, bands=3, photometric="minisblack")
    assert "found 3 bands" in found(path)[0] and "key `band`" in found(path)[0]
    (twin,) = found(path, band=2)
    assert "band 2 equal to band 1" in twin


def test_a_colour_picture_is_no_elevation(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS / 20, bands=3, dtype="uint8", photometric="rgb")
    (told,) = found(path)
    assert "3 bands of a colour picture" in told and "colours and no values" in told


def test_a_band_of_transparency_does_not_count(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS, bands=2)
    with rasterio.open(path, "r+") as raster:
        raster.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
    assert not [text for text in found(path) if "bands;" in text]


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Affine(-0.01, 0, 77.7, 0, -0.01, 42.6), "from east to west"),
        (Affine(0.01, 0, 76.7, 0, 0.01, 41.7), "from north to south"),
        (Affine.identity(), "row and column"),
    ],
)
def test_a_raster_that_lies_wrong_is_told_why(tmp_path, transform, words):
    assert words in found(write(tmp_path / "a.tif", HEIGHTS, transform=transform))[0]


def test_ground_control_points_are_no_grid(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS, transform=None, crs=None)
    corners = [(0, 0, 76.7, 42.6), (0, 100, 77.7, 42.6), (90, 0, 76.7, 41.7)]
    with rasterio.open(path, "r+") as raster:
        raster.gcps = [GroundControlPoint(*corner) for corner in corners], "EPSG:4326"
    (told,) = found(path)
    assert "3 ground control points" in told and "gdalwarp -tps" in told


def test_class_codes_that_float32_cannot_tell_apart_are_refused(tmp_path):
    codes = np.where(HEIGHTS > 3000, 16_777_217, 16_777_216)
    path = write(tmp_path / "a.tif", codes, dtype="int32")
    names = {"16777216": "steppe", "16777217": "rock"}
    (told,) = found(path, kind="classes", classes=names)
    assert "class 16777216" in told and "number the classes anew" in told


def test_longitudes_to_360_get_the_right_hint(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS, transform=Affine(0.01, 0, 240, 0, -0.01, 42.6))
    (told,) = found(path)
    assert "no overlap" in told and "0 to 360" in told


def test_a_look_at_a_huge_raster_reads_some_blocks_evenly_spread(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tif", HEIGHTS)
    monkeypatch.setattr(rasters, "BLOCK", 4)
    monkeypatch.setattr(rasters, "LOOKED", 10)
    grid = grid_of(REGION)
    parts = list(rasters.RasterFile(path).blocks(str(grid.crs), bounds(grid)))
    assert len(parts) == 10
    every = np.concatenate([part.ravel() for part in parts])
    assert every.max() - every.min() > 1000


def test_a_look_reads_all_of_a_small_raster_and_some_blocks_of_a_huge_one():
    side = rasters.BLOCK
    assert [part.width for part in rasters.to_look_at(Window(0, 0, 2 * side + 1, 9))] == [
        side, side, 1,
    ]  # fmt: skip
    cells = sum(p.width * p.height for p in rasters.to_look_at(Window(0, 0, 100_000, 100_000)))
    assert cells < 3e8


def test_a_band_without_a_description_has_an_empty_one(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS, bands=3)
    with rasterio.open(path, "r+") as raster:
        raster.descriptions = ("height [m]", None, "plain")
    assert rasters.descriptions(path) == ["height", "", "plain"]


def test_a_margin_widens_a_grid_on_all_four_sides():
    grid = GeoBox.from_bbox((0, 100, 300, 500), crs="EPSG:6933", resolution=100)
    assert bounds(grid) == (0, 100, 300, 500)
    assert bounds(grid, 50) == (-50, 50, 350, 550)


def test_cells_of_a_map_are_read_tile_by_tile(tmp_path, monkeypatch):
    """Each cell holds its own number; one is unknown."""
    numbers = np.arange(9000.0).reshape(90, 100)
    numbers[0, 0] = np.nan
    path = write(tmp_path / "a.tif", numbers, nodata=np.nan)
    monkeypatch.setattr(rasters, "SOUGHT", 40)
    found = rasters.read_cells({"a": path, "b": path}, [89, 0, 41, 0], [99, 1, 39, 0])
    np.testing.assert_array_equal(found["a"], [8999, 1, 4139, np.nan])
    np.testing.assert_array_equal(found["b"], found["a"])


def test_windows_and_bands_of_a_map(tmp_path):
    numbers = np.arange(9000.0).reshape(90, 100)
    path = write(tmp_path / "a.tif", numbers, bands=2)
    with rasterio.open(path, "r+") as raster:
        raster.write(-numbers.astype("float32"), 2)
    window = (10, 12, 5, 8)  # rows 10 and 11, columns 5, 6 and 7
    expected = [[1005, 1006, 1007], [1105, 1106, 1107]]
    assert rasters.read_block(path, window).tolist() == expected
    assert rasters.read_block(path, window, 2)[0, 0] == -1005
    assert rasters.read_bands(path, window, (2, 1))[:, 1, 2].tolist() == [-1107, 1107]
    assert rasters.read_map(path, 2)[89, 99] == -8999


def test_a_map_of_classes_stays_whole_numbers(tmp_path):
    path = write(tmp_path / "a.tif", np.full((90, 100), 255), dtype="uint8", nodata=255)
    found = rasters.read_map(path)
    assert found.dtype == "uint8" and (found == 255).all()


def test_of_many_blocks_of_a_window_some_are_looked_at_evenly_spread(monkeypatch):
    monkeypatch.setattr(rasters, "BLOCK", 10)
    few = rasters.to_look_at(Window(0, 0, 25, 10))
    assert [(at.col_off, at.width) for at in few] == [(0, 10), (10, 10), (20, 5)]
    monkeypatch.setattr(rasters, "LOOKED", 2)
    some = rasters.to_look_at(Window(0, 0, 40, 10))
    assert [at.col_off for at in some] == [0, 20]


def test_the_share_of_a_cell_is_counted_in_eighths_of_its_sides(monkeypatch):
    """Strips of an eighth and a half of a cell, and a cell of which nothing is covered."""
    grid = GeoBox.from_bbox((0, 0, 300, 200), crs="EPSG:6933", resolution=100)
    shapes = [shapely.box(0, 0, 12.5, 200), shapely.box(100, 0, 150, 100), None]
    expected = [[0.125, 0, 0], [0.125, 0.5, 0]]
    assert burn.cover_share(shapes, grid).tolist() == expected
    monkeypatch.setattr(burn, "ROWS", 1)
    assert burn.cover_share(shapes, grid).tolist() == expected
    assert not burn.cover_share([], grid).any()


METRES = {"crs": "EPSG:6933", "transform": Affine(10, 0, 0, 0, -10, 200)}  # 20 x 20 cells
SQUARE = np.arange(400).reshape(20, 20)


@pytest.mark.parametrize(
    ("box", "margin", "rows", "columns"),
    [
        ((50, 50, 100, 100), 0, (8, 17), (3, 12)),  # rows 10 to 14, columns 5 to 9, two around
        ((50, 50, 100, 100), 10, (7, 18), (2, 13)),
        ((54, 57, 96, 93), 0, (8, 17), (3, 12)),  # cells in part are whole ones
        ((0, 150, 50, 200), 0, (0, 7), (0, 7)),
        ((150, -50, 250, 30), 0, (15, 20), (13, 20)),
        ((215, 0, 220, 10), 0, (17, 20), (19, 20)),  # within two cells of the raster
    ],
)
def test_a_window_holds_its_bounds_and_two_cells_more(tmp_path, box, margin, rows, columns):
    file = rasters.RasterFile(write(tmp_path / "a.tif", SQUARE, **METRES))
    found = file.read("EPSG:6933", box, margin)
    np.testing.assert_array_equal(found.values, SQUARE[slice(*rows), slice(*columns)])
    assert (found.transform.c, found.transform.f) == (10 * columns[0], 200 - 10 * rows[0])
    assert found.pixel_m == (10, 10)


@pytest.mark.parametrize("box", [(240, 0, 250, 10), (-60, 0, -30, 10), (0, 240, 10, 250)])
def test_bounds_beside_a_raster_are_no_window(tmp_path, box):
    file = rasters.RasterFile(write(tmp_path / "a.tif", SQUARE, **METRES))
    with pytest.raises(rasters.NoOverlapError, match="does not overlap"):
        file.read("EPSG:6933", box)


@pytest.mark.parametrize(
    ("crs", "step", "expected"),
    [
        ("EPSG:6933", (10, 20), (10, 20)),
        ("EPSG:2263", (10, 20), (3.048006, 6.096012)),  # US survey feet
        # Half a degree around 59.75 N and a degree of longitude there: cos 59.75 is 0.5038.
        ("EPSG:4326", (1, 0.5), (111.32e3 * 0.5038, 55.7e3)),
    ],
)
def test_a_pixel_is_as_large_as_at_the_centre_of_its_raster(tmp_path, crs, step, expected):
    transform = Affine(step[0], 0, 10, 0, -step[1], 61)
    path = write(tmp_path / "a.tif", np.zeros((4, 4)), transform=transform, crs=crs)
    with rasterio.open(path) as raster:
        assert rasters.pixel_size_m(raster) == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({}, (1, ())),
        ({"band": 3, "nodata": -9}, (3, (-9.0,))),
        ({"nodata": [0, 255]}, (1, (0.0, 255.0))),
        ({"nodata": []}, (1, ())),
    ],
)
def test_a_layer_names_its_band_and_its_numbers_of_no_value(layer, expected):
    file = rasters.of_layer("a.tif", layer)
    assert (file.path, file.band, file.nodata) == ("a.tif", *expected)


def test_scale_and_offset_are_those_of_the_band_unless_the_config_names_one(tmp_path):
    path = write(tmp_path / "a.tif", SQUARE, bands=2, **METRES)
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (1, 0.5), (0, 7)
    with rasterio.open(path) as raster:
        assert rasters.scaling(raster, {}) == (1, 0)
        assert rasters.scaling(raster, {"band": 2}) == (0.5, 7)
        assert rasters.scaling(raster, {"band": 2, "scale": 3}) == (3, 0)
        assert rasters.scaling(raster, {"band": 2, "offset": 4}) == (1, 4)


def test_infinite_and_named_numbers_are_unknown_and_neighbours_of_them_are_not():
    values = np.ma.masked_equal([[-9999.0, -9998, np.inf, 1e300, 5, 3]], 5)
    found = rasters._numbers(values, (-9999.0,))
    np.testing.assert_array_equal(found, [[np.nan, -9998, np.nan, np.nan, np.nan, 3]])


def test_shapes_are_burnt_onto_every_cell_they_touch_and_may_add_up():
    grid = GeoBox.from_bbox((0, 0, 300, 200), crs="EPSG:6933", resolution=100)
    shapes = [(shapely.box(10, 10, 110, 90), 2), (shapely.LineString([(50, 50), (50, 150)]), 3)]
    nothing = [(None, 9), (shapely.Polygon(), 9)]
    assert burn.burn([*shapes, *nothing], grid).tolist() == [[3, 0, 0], [3, 2, 0]]
    assert burn.burn(shapes, grid, "add").tolist() == [[3, 0, 0], [5, 2, 0]]
    assert burn.burn(nothing, grid).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_polygons_are_numbered_from_1_over_the_centres_of_cells():
    grid = GeoBox.from_bbox((0, 0, 300, 200), crs="EPSG:6933", resolution=100)
    shapes = [shapely.box(0, 0, 160, 40), None, shapely.box(100, 0, 300, 100)]
    assert burn.number_inside(shapes, grid).tolist() == [[0, 0, 0], [0, 3, 3]]
    assert burn.burn_inside(shapes, grid).tolist() == [[False] * 3, [False, True, True]]
    for empty in ([None, shapely.Polygon()], []):
        assert not burn.number_inside(empty, grid).any() and not burn.burn_inside(empty, grid).any()


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("float32", np.nan), ("float32", -9999), ("uint8", 255)]
)
def test_no_value_of_a_map_is_nan_however_the_file_writes_it(tmp_path, dtype, nodata):
    numbers = np.arange(12.0).reshape(3, 4)
    numbers[1, 2] = nodata
    if dtype == "float32":
        numbers[0, 1] = np.inf
    path = str(tmp_path / "map.tif")
    told = {"height": 3, "width": 4, "count": 1, "crs": "EPSG:6933", "dtype": dtype}
    told["transform"] = Affine(10, 0, 0, 0, -10, 30)
    with rasterio.open(path, "w", "GTiff", nodata=nodata, **told) as raster:
        raster.write(numbers.astype(dtype), 1)
    found = rasters.read_block(path, (0, 3, 0, 4))
    assert found.dtype == "float32" and np.isnan(found[1, 2]) and found[2, 3] == 11
    assert np.isnan(found).sum() == (2 if dtype == "float32" else 1)
    np.testing.assert_array_equal(rasters.read_bands(path, (0, 3, 0, 4), (1,))[0], found)

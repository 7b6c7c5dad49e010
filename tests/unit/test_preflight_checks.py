"""Single checks of the preflight, each at its limits, without a config or a demo around them."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from conftest import demo_config
from rasterio.io import MemoryFile

from manul import preflight
from manul.config import load
from manul.grid.region import bounds, grid_of
from manul.preflight import answers, invest, places, uses
from manul.preflight import rasters as check_rasters
from manul.preflight import vectors as check_vectors

SPHERE = "+R=6371000 +units=m"
PLACE = {"bounds": [74.0, 40.0, 81.0, 43.5], "crs": "EPSG:6933", "cell_m": 1000}


def told(found):
    return [(p.severity, p.value) for p in found]


def frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:6933")


# ---------------------------------------------------------------------------------- the region


@pytest.mark.parametrize(
    ("projection", "north", "area", "distance"),
    [
        ("merc", 60, 3, 1),  # of a Mercator map lengths are 1 / cos 60, which is 2
        ("cea", 60, 0, 1),  # here as long across, half as long along
        ("laea +lat_0=60 +lon_0=11", 60, 0, 0),
    ],
)
def test_areas_and_distances_are_off_as_the_projection_has_it(projection, north, area, distance):
    region = {"bounds": [10.9, north - 0.1, 11.1, north], "crs": f"+proj={projection} {SPHERE}"}
    assert places.off_by(region) == pytest.approx((area, distance), abs=1e-4)


@pytest.mark.parametrize(
    ("projection", "north", "expected"),
    [
        ("merc", 10, [("warning", "areas up to 3.1 % off")]),  # 1 / cos² = 1.031
        ("merc", 13, [("error", "areas up to 5.3 % off")]),
        ("cea", 20, [("warning", "distances up to 6.4 % off")]),  # 1 / cos = 1.064
        ("cea", 15, []),
        ("merc", 30, [("error", "areas up to 33 % off")]),  # the distances go without saying
    ],
)
def test_a_grid_that_is_off_is_told_with_a_better_one(projection, north, expected):
    region = {"bounds": [10, 0, 12, north], "crs": f"+proj={projection} {SPHERE}"}
    found = list(preflight._areas(region))
    assert [p.severity for p in found] == [severity for severity, _ in expected]
    for problem, (_, words) in zip(found, expected, strict=True):
        assert words in problem.value
        assert f"+lat_0={north / 2:g} +lon_0=11 " in problem.mend


def test_where_areas_are_off_an_equal_area_grid_is_advised_also_of_a_large_region():
    crs = "+proj=lcc +lat_1=30 +lat_2=62 +lat_0=47 +lon_0=105 +datum=WGS84 +units=m"
    (problem,) = preflight._areas({"bounds": [60, 30, 150, 60], "crs": crs})
    assert problem.severity == "error" and "Take for example '+proj=laea" in problem.mend


@pytest.mark.parametrize(("layer", "unknown"), [("elevation", True), ("ndvi_max", False)])
def test_habitat_of_which_too_little_is_known_anywhere_stops_the_run(layer, unknown):
    """Without elevation half of the weights has no layer; vegetation alone may be unknown."""
    config = demo_config()
    config["layers"][layer] = None
    found = list(uses._habitat_known(load.load(config)["current"]))
    assert [p.severity for p in found] == ["error"] * unknown
    for problem in found:
        assert "unknown in every cell" in problem.value and "50%" in problem.expected
        assert problem.mend.startswith("Give a layer, at best the first of: elevation (an elev")


def test_over_a_region_so_large_that_no_grid_is_right_none_is_advised():
    crs = "+proj=laea +lat_0=42 +lon_0=85 +datum=WGS84 +units=m +no_defs"
    (problem,) = preflight._areas({"bounds": [45, 27, 125, 56], "crs": crs})
    assert problem.severity == "warning" and problem.value.startswith(f"{crs}, with distances up")
    assert problem.mend.endswith("No system does much better over a region so large")


@pytest.mark.parametrize(
    ("text", "latest"),
    [
        ("2024", "2024-01-01"),
        ("2019-2021", "2021-01-01"),
        ("2023-05-28 to 2024-02", "2024-02-01"),
        ("2024-11-28, 2024-10", "2024-11-28"),
        ("2023-01-29", "2023-01-29"),
        ("2024-12-31", "2024-12-31"),
        ("2024-02-30", "0001-01-01"),
        ("2024-12", "2024-12-01"),
        ("2024-13", "0001-01-01"),
        ("0000", "0001-01-01"),
        ("unknown, 12345", "0001-01-01"),
    ],
)
def test_the_latest_date_of_a_text_is_taken_for_its_first_day(text, latest):
    assert preflight._latest(text).isoformat() == latest


def test_a_copied_block_is_told_and_layers_without_a_file_are_not():
    same = {"path": "a.tif", "kind": "continuous"}
    layers = {
        "a": same, "b": same | {"band": 2}, "c": same | {"filter": "x > 1"}, "d": dict(same),
        "e": {"kind": "absent"}, "f": {"kind": "absent"}, "g": same | {"path": "b.tif"},
        **{name: {"path": "d.gpkg", "layer": name} for name in ("roads", "towns")},
        **{name: {"path": "c.zip", "table": name} for name in ("deployments", "observations")},
    }  # fmt: skip
    (problem,) = preflight._copies(layers)
    assert (problem.layer, problem.value) == ("d", "the same as layer 'a'")


@pytest.mark.parametrize(("swapped", "one"), [(2, False), (3, True)])
def test_layers_that_lie_swapped_are_told_as_one_if_they_are_most(swapped, one):
    layers = {name: {"path": name} for name in "abcd"} | {"e": {"kind": "absent"}}
    config = {"region": {"bounds": [42.2, 78.0, 42.7, 78.8]}, "layers": layers}
    problems = [preflight.Problem("error", name, mend=places.SWAPPED) for name in "abcd"[:swapped]]
    found = places.of_region(config, problems)
    assert len(found) == one
    assert all("write [78.0, 42.2, 78.8, 42.7]" in p.mend for p in found)


# ------------------------------------------------------------------------------------- rasters


def test_the_two_smallest_and_two_largest_values_are_counted_over_all_blocks():
    blocks = [np.array([[1, 1, np.nan], [7, 9, 4]]), np.array([[0, 1, 5, 9]]), np.array([[np.nan]])]
    found = check_rasters._summary(blocks, {"kind": "continuous"}, (2, 1))
    assert (found.cells, found.known) == (11, 9)
    assert found.ends == {1: 1, 3: 3, 15: 1, 19: 2}  # 0, 1, 7 and 9, twice as large and 1 more
    assert (found.low, found.high) == (1, 19) and found.codes == set()
    found = check_rasters._summary(blocks, {"kind": "classes"}, (1, 0))
    assert found.codes == {0, 1, 4, 5, 7, 9}
    few = check_rasters._summary([np.array([3, 3, 5])], {"kind": "continuous"}, (1, 0))
    assert few.ends == {3: 2, 5: 1}


def questions(ends, known, dtype="float32", kind="continuous"):
    summary = check_rasters._Summary(known, known, ends)
    block = {"kind": kind, "path": "a.tif"}
    raw = {value: value for value in ends}
    return list(check_rasters._questions("a", block, summary, raw, dtype))


@pytest.mark.parametrize(
    ("ends", "known", "dtype", "expected"),
    [
        ({0: 9, 10: 9, 20: 9, 30: 20}, 100, "float32", None),  # 20 cells may hold any number
        ({0: 9, 10: 9, 20: 9, 30: 21}, 100, "float32", "warning: 30, which fills 21 of 100 cells"),
        ({0: 9, 10: 9, 20: 9, 30: 100}, 5000, "float32", None),
        ({0: 9, 10: 9, 20: 9, 30: 101}, 5000, "float32",
         "warning: 30, which fills 101 of 5000 cells"),
        ({0: 9, 10: 9, 100: 9, 104: 99}, 100, "float32", None),  # 4 of 100 from the others
        ({0: 9, 10: 9, 100: 9, 106: 99}, 100, "float32",
         "warning: 106, which fills 99 of 100 cells"),
        ({0: 9, 10: 9, 20: 9, 60: 1}, 100, "float32", None),  # as far as the range, twice
        ({0: 9, 10: 9, 20: 9, 70: 1}, 100, "float32",
         "warning: 70, which lies 2.5 times the range of all others away from them"),
        ({-100: 1, 10: 9, 20: 9, 50: 9}, 100, "float32",
         "warning: -100, which lies 2.8 times the range of all others away from them"),
        ({0: 1, 10: 9, 20: 9, 255: 1}, 100, "uint8",
         "error: 255, which is the end of uint8 and lies 11.8 times"),
        ({0: 1, 100: 9, 110: 9, 120: 9}, 100, "uint8",
         "warning: 0, which is the end of uint8 and lies 5.0 times"),
        ({-99: 1, 10: 9, 20: 9, 200: 9}, 100, "int16",
         "error: -99, which is a number that programs write for no value"),
        ({0: 1, 10: 9, 99999: 1}, 100, "float32", None),  # too few values to tell
    ],
)  # fmt: skip
def test_a_number_at_an_end_that_may_mean_no_value_is_asked_for(ends, known, dtype, expected):
    found = [f"{p.severity}: {p.value}" for p in questions(ends, known, dtype)]
    assert len(found) == bool(expected)
    assert "".join(found).startswith(expected or "")


def test_nobody_asks_why_so_many_cells_have_a_count_of_0():
    ends = {0: 900, 50: 1, 60: 1, 70: 1}
    assert not questions(ends, 1000, kind="counts")
    assert next(p.value for p in questions(ends, 1000)).startswith("0, which fills 900 of 1000")


NO_VALUES = {
    "heights of the shuttle": -32768, "packed numbers of netCDF": -32767, "int32": 2147483647,
    "the other end of int32": -2147483648, "grids of Esri": -9999, "wider grids": -99999,
    "vegetation": -3000, "weather stations": 9999, "older stations": 99999, "tables": -999,
    "short tables": -99, "int16": 32767, "uint16": 65535, "float32 of Esri": -3.4e38,
    "climate models": 1e20,
}  # fmt: skip


@pytest.mark.parametrize("source", NO_VALUES)
def test_numbers_that_programs_write_for_no_value_are_known_also_in_float32(source):
    value = NO_VALUES[source]
    assert check_rasters._is_stand_in(value)
    assert check_rasters._is_stand_in(float(np.float32(value)))  # as rasters are read


@pytest.mark.parametrize("value", [0, 255, 99, 999, 3000, -9998, -9999.002, 100_000, 1e14, -65535])
def test_numbers_that_a_layer_may_well_hold_are_not_taken_for_no_value(value):
    assert not check_rasters._is_stand_in(value)


def test_a_missing_factor_and_other_units_are_told_with_the_tags_of_the_file():
    """Raw numbers 2450 to 2950 with a tag of 0.1 and 5 came as 250 to 300; in kelvin they are
    -23 to 27 degrees, by a scale of 0.1 and an offset of 5 - 273.15."""
    found = SimpleNamespace(low=250, high=300)
    block = {"valid": [-60, 60], "units": "degC"}
    assert check_rasters._why_outside(found, block, [], (0.1, 5.0)) == (
        "Is a scale factor missing? `scale: 0.01` would fit (0.001, 0.0001, 1e-05 too). Are these "
        "kelvin? Then `scale: 0.1` and `offset: -268.15` would fit; the document of the data tells "
        "the right one"
    )
    block["valid"] = [700, 900]
    assert "units right?" in check_rasters._why_outside(found, block, [], (1, 0))
    assert "`nodata: -999`" in check_rasters._why_outside(found, block, [-999], (1, 0))


def test_classes_that_have_no_name_are_told_the_first_eight():
    block = {"kind": "classes", "path": "a.tif", "classes": {"1": "steppe", "2": "rock"}}
    summary = check_rasters._Summary(codes={1.0, *map(float, range(11, 21))})
    (problem,) = check_rasters._codes("cover", block, summary)
    assert problem.value == "class 11, 12, 13, 14, 15, 16, 17, 18"
    assert problem.expected == "the classes 1, 2"
    assert not list(check_rasters._codes("cover", block, check_rasters._Summary(codes={1.0, 2.0})))
    large = check_rasters._Summary(codes={1.0, 2.0**24, -(2.0**24) - 2})
    (problem,) = check_rasters._codes("cover", block, large)
    assert problem.value == "class -16777218" and "codes below 16777216" in problem.expected


@pytest.mark.parametrize(("keys", "severity"), [({}, "error"), ({"scale": 2.0}, "warning")])
def test_a_scale_that_cannot_be_stops_unless_the_config_says_another(keys, severity):
    source = SimpleNamespace(scales=(0.0,), offsets=(5.0,))
    (problem,) = check_rasters._scaled("a", {"path": "a.tif", **keys}, source)
    assert told([problem]) == [(severity, "tags of scale 0 and offset 5")]
    plain = SimpleNamespace(scales=(1.0,), offsets=(0.0,))
    assert not list(check_rasters._scaled("a", {"path": "a.tif"}, plain))


def test_a_nodata_value_that_is_a_class_is_told_and_of_quantities_it_may_be_any():
    source = SimpleNamespace(nodatavals=(None, 3.0))
    block = {"kind": "classes", "path": "a.tif", "band": 2, "classes": {"3": "rock"}}
    (problem,) = check_rasters._nodata_class("cover", block, source)
    assert problem.value == "nodata 3, which is also class 'rock'"
    assert not list(check_rasters._nodata_class("cover", block | {"band": 1}, source))
    assert not list(check_rasters._nodata_class("cover", block | {"kind": "continuous"}, source))


# ------------------------------------------------------------------------------------- vectors


@pytest.mark.parametrize(("features", "gap", "is_told"), [
    (9, 0.4, False), (10, 0.4, True), (10, 0.26, True), (10, 0.24, False),
])  # fmt: skip
def test_an_empty_quarter_of_the_region_is_asked_for_if_there_are_ten_features(
    features, gap, is_told
):
    left, bottom, right, top = bounds(grid_of(PLACE))
    west = left + gap * (right - left)
    ends = [shapely.Point(west, bottom), shapely.Point(right, top)]
    near = frame([*ends, *[ends[0]] * (features - 2)])
    config = {"region": PLACE, "surfaces": {"s": {"kind": "distance", "layer": "camps"}}}
    found = told(check_vectors._gaps("camps", {"path": ""}, near, config))
    value = f"no feature in the {100 * gap:.0f} % in the west of the region"
    assert found == ([("warning", value)] if is_told else [])
    assert not list(check_vectors._gaps("camps", {}, near, config | {"surfaces": {}}))


@pytest.mark.parametrize(("share", "is_told"), [(0.97, True), (0.99, False)])
def test_an_extent_of_less_than_the_region_is_told_with_its_share(tmp_path, share, is_told):
    left, bottom, right, top = bounds(grid_of(PLACE))
    path = tmp_path / "extent.gpkg"
    frame([shapely.box(left, bottom, left + share * (right - left), top)]).to_file(path)
    config = {"region": PLACE, "surfaces": {}, "rules": {}}
    block = {"path": "", "extent": str(path)}
    found = told(check_vectors._extent("camps", block, config))
    assert found == ([("warning", "an extent of 97 % of the region")] if is_told else [])


def test_columns_that_maps_would_show_are_noted_where_a_layer_lacks_them():
    config = {
        "region": {"units": "provinces"}, "maps": {"context": {"settlements": "towns"}}, "rules": {}
    }  # fmt: skip
    near = frame([shapely.Point(0, 0)], name=["Naryn"])
    found = list(check_vectors._for_products("towns", {"path": ""}, near, config))
    assert [(p.severity, p.field) for p in found] == [("note", "population")]
    near["population"] = 1
    assert not list(check_vectors._for_products("towns", {"path": ""}, near, config))


@pytest.mark.parametrize("number", [1, 3])
def test_broken_shapes_are_counted_and_the_first_has_its_row(number):
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    table = frame([shapely.box(0, 0, 1, 1), *[bow_tie] * number])
    (problem,) = check_vectors._broken("lakes", {}, table)
    assert problem.row == "2" and problem.value.startswith("Self-intersection")
    assert problem.value.endswith("(and 2 more)") == (number == 3)
    assert "(and" in problem.value or number == 1
    assert not list(check_vectors._broken("lakes", {}, table.iloc[:1]))


@pytest.mark.parametrize(("number", "words"), [
    (0, "kind holds nothing"), (8, "k6, k7, k8"), (9, "k7, k8, ..."),
])  # fmt: skip
def test_what_a_column_holds_is_told_up_to_eight_values(number, words):
    kinds = [f"k{1 + i % number}" if number else None for i in range(10)]
    table = frame([shapely.Point(0, 0)] * 10, kind=kinds)
    assert check_vectors.held(table, "kind == 'x'").endswith(words)


def test_words_that_differ_by_case_or_blanks_are_told_with_their_number():
    kinds = ["Gold mine", "gold  mine", "coal", None, "gold mine", "Gold mine"]
    table = frame([shapely.Point(0, 0)] * 6, kind=kinds, n=range(6))
    near = check_vectors.near_misses
    (problem,) = near("mines", {}, "filter", "kind == 'gold mine' and n < 9", table)
    assert problem.value == "'Gold mine', 'gold  mine' in column kind (3 of 6 features)"
    every = "kind in ['gold mine', 'Gold mine', 'gold  mine']"
    assert not list(near("mines", {}, "filter", every, table))
    assert not list(near("mines", {}, "filter", None, table))


def test_only_units_get_names_of_their_own():
    left, bottom, _, _ = bounds(grid_of(PLACE))
    shapes = [shapely.box(left, bottom, left + 5000, bottom + 5000)] * 2
    config = {
        "region": PLACE | {"units": "parks"}, "surfaces": {}, "rules": {}, "maps": {"context": {}}
    }  # fmt: skip
    tables: dict = {}
    for name in ("parks", "lakes"):
        table = frame(shapes, name=["Naryn", "Naryn"])
        found = list(check_vectors._shapes(name, {"path": ""}, table, config, tables))
        assert [p.value for p in found] == ["several units called 'Naryn'"] * (name == "parks")
    assert tables["parks"]["name"].tolist() == ["Naryn (1)", "Naryn (2)"]
    assert tables["lakes"]["name"].tolist() == ["Naryn", "Naryn"]


def test_features_without_a_place_are_counted_where_others_have_one(monkeypatch):
    left, bottom, _, _ = bounds(grid_of(PLACE))
    point = shapely.Point(left + 1, bottom + 1)
    config = {
        "region": PLACE | {"units": "parks"}, "surfaces": {}, "rules": {}, "maps": {"context": {}}
    }  # fmt: skip
    for shapes, expected in (
        ([point, None, shapely.Polygon()], [("warning", "2 of 3 features without a geometry")]),
        ([point], []),
        ([None, shapely.Polygon()], [("error", "no feature with a geometry")]),
    ):
        made = frame(shapes), []
        monkeypatch.setattr(check_vectors.layer_files, "read_layer", lambda *_, made=made: made)
        found = check_vectors.check_vector("camps", {"path": ""}, config, {})
        assert told(found) == expected


@pytest.mark.parametrize(("mode", "severity"), [("stop", "error"), ("continue", "warning")])
def test_a_rejected_row_is_told_with_the_beginning_of_its_value(monkeypatch, mode, severity):
    rows = pd.DataFrame(
        [["x" * 61, "dogs", "found it; a number is needed.", 3], ["", "date", "no date", 4]],
        columns=["value", "field", "reason", "row"],
    )
    made = SimpleNamespace(rejected=rows, accepted=[], normalised=[])
    monkeypatch.setattr(check_vectors.field_tables, "read", lambda *_: made)
    block = {"path": "c.csv", "on_rejected": mode}
    first, second, last = check_vectors.check_records("camps", block, {"as_of": ""}, {})
    assert (first.severity, first.row, first.field) == (severity, "3", "dogs")
    assert (first.value, first.mend) == (repr("x" * 60), "A number is needed")
    assert (second.value, second.mend) == ("nothing", "No date")
    assert (last.severity, last.value) == ("error", "no usable row")


@pytest.mark.parametrize(
    ("far", "severity", "rows"),
    [
        ([], None, ""), ([7], "warning", "9"), ([3, 7], "warning", "5, 9"),
        ([3, 7, 9], "note", "5, 9, 11"), ([*range(1, 8)], "note", "3, 4, 5, 6, 7, ..."),
        ([*range(20)], None, ""),
    ],
)  # fmt: skip
def test_records_that_lie_far_off_are_told_with_their_rows(tmp_path, far, severity, rows):
    at = [(75.0 if i not in far else 57.0, 41.5 + i / 50) for i in range(20)]
    lines = [f"c{i},summer,{lon},{lat},2,2" for i, (lon, lat) in enumerate(at)]
    path = tmp_path / "camps.csv"
    path.write_text("\n".join(["id,season,lon,lat,households,dogs", *lines]), encoding="utf-8")
    block = {"kind": "records", "table": "camp", "path": str(path), "on_rejected": "stop"}
    config = {"region": PLACE, "surfaces": {}, "rules": {}, "layers": {}}
    table = check_vectors.field_tables.features(
        check_vectors.field_tables.read(str(path), block, "2025-01-01"), block
    )
    found = [*check_vectors._far("camps", block, table, config)]
    assert [(problem.severity, problem.row) for problem in found] == (
        [(severity, rows)] if severity else []
    )
    if found:
        assert found[0].value.startswith(f"{len(far)} record")
        assert ("mistyped" in found[0].mend) == (severity == "warning")


# ------------------------------------------------------------------------ what is made of layers


@pytest.mark.parametrize(
    ("west", "width", "value"),
    [
        (9_910, 10_000, None),  # 0.9 of 100 km2
        (9_890, 10_000, "'0' and '1', which share 1 km2"),
        (8_000, 2_040, "'0' and '1', which share 20 km2"),  # most of the smaller one
        (9_990, 500, "'0' and '1', which share 0 km2"),  # 0.1 of 5 km2
        (9_996, 500, None),
    ],
)
def test_units_that_share_a_hundredth_of_the_smaller_one_are_told(west, width, value):
    shapes = [shapely.box(0, 0, 10_000, 10_000), shapely.box(west, 0, west + width, 10_000)]
    found = told(uses._overlaps("units", {}, frame(shapes)))
    assert found == ([("warning", value)] if value else [])


def test_further_pairs_of_units_that_overlap_are_counted_and_names_are_told():
    shapes = [shapely.box(0, 0, 1000, 1000)] * 3
    (problem,) = uses._overlaps("units", {}, frame(shapes, name=["A", "B", "C"]))
    assert problem.value == "'A' and 'B', which share 1 km2 (and 2 more pairs)"
    (problem,) = uses._overlaps("units", {}, frame(shapes[:2], name=["A", "B"]))
    assert problem.value == "'A' and 'B', which share 1 km2"


@pytest.mark.parametrize(("reach", "error", "is_told"), [
    (99, 100, True), (100, 100, False), (100, None, False), (None, 100, False),
])  # fmt: skip
def test_a_reach_within_the_error_of_its_layer_is_told(reach, error, is_told):
    block = {"layer": "camps"} | ({"reach_m": reach} if reach else {})
    config = {"layers": {"camps": {"positional_error_m": error}}}
    found = list(uses._reach_and_error("surface a", block, config))
    assert told(found) == ([("warning", "99 m")] if is_told else [])
    assert all(p.expected.endswith("layer camps, 100 m") for p in found)


def test_road_classes_without_a_speed_are_told():
    block = {
        "kind": "travel_time", "roads_layer": "roads", "class_field": "class",
        "speeds_km_h": {"main": 60},
    }  # fmt: skip
    config = {"layers": {"roads": {"path": "r.gpkg"}}}
    tables = {"roads": frame([shapely.Point(0, 0)] * 4, **{"class": ["main", "track", None, "a"]})}
    (problem,) = uses._travel_classes("s", block, config, tables)
    assert problem.value == "road class a, track without a speed"
    (problem,) = uses._travel_classes("s", block | {"class_field": "kind"}, config, tables)
    assert problem.value == "no such column" and problem.field == "kind"
    tables["roads"] = tables["roads"].iloc[:1]
    assert not list(uses._travel_classes("s", block, config, tables))
    assert not list(uses._travel_classes("s", block, config, {}))
    assert not list(uses._travel_classes("s", block | {"kind": "distance"}, config, tables))


@pytest.mark.parametrize(
    ("kind", "shapes", "value"),
    [
        (
            "share", [shapely.Point(0, 0), shapely.LineString([(0, 0), (1, 1)])],
            ("error", "LineString, Point"),
        ),
        (
            "share", [shapely.Point(0, 0), shapely.box(0, 0, 1, 1)],
            ("warning", "Point (1 of 2 features)"),
        ),
        ("density", [shapely.Point(0, 0), shapely.box(0, 0, 1, 1)], ("error", "Point, Polygon")),
        ("density", [shapely.Point(0, 0)], None),
        ("distance", [shapely.box(0, 0, 1, 1)], None),
    ],
)  # fmt: skip
def test_shares_need_polygons_and_densities_none(kind, shapes, value):
    found = told(uses._right_shapes("s", {"kind": kind}, {}, frame(shapes)))
    assert found == ([value] if value else [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{loss:.2f} of {habitat:.0%}, {camp_name}", None),
        ("{loss:>9}", "found '>9' after a measure"),
        ("{loss!r}", "found"),
        ("{loss", "expected '}'"),
        ("{los}", "{los}"),
    ],
)
def test_a_reason_holds_measures_and_plain_formats(text, words):
    found = list(uses._reason("R1", text, ["loss", "habitat", "camp_name"]))
    assert len(found) == bool(words) and (words or "") in "".join(p.value for p in found)


@pytest.mark.parametrize(
    ("text", "what", "expected"),
    [
        ("loss > 0.5 and camp_name == 'Naryn'", "measure", None),
        ("camp_name == 'Naryn'", "map", "names, numbers"),
        ("los > 0.5", "measure", "perhaps 'loss'"),
        ("xyzzy > 0.5", "measure", "one of camp_name, loss"),
        ("loss + 1", "measure", "names, numbers"),  # no condition
        ("loss >", "map", "names, numbers"),
    ],
)
def test_a_condition_of_a_rule_knows_its_names_and_only_measures_are_texts(text, what, expected):
    found = list(uses._expression("R1", "when", text, ["loss", "camp_name"], what, True))
    assert len(found) == bool(expected)
    assert all(p.severity == "error" and expected in p.expected for p in found)


def test_measures_of_a_rule_have_ranks_and_what_is_near_a_distance_and_a_name():
    rule = {"measures": {"loss": {}}, "nearest": {"camp": {}}}
    assert uses._measures(rule) == ["loss", "loss_rank", "camp_distance_m", "camp_name"]


@pytest.mark.parametrize("layer", ["camps", None])
def test_columns_that_a_rule_asks_for_are_told(layer):
    config = {"layers": {"camps": {"path": "c.gpkg"}}}
    tables = {"camps": frame([shapely.Point(0, 0)], date=["2024"], dogs=[3])}
    spec = {"layer": layer, "where": "dogs > 'x'" if layer else "dogs"}
    found = list(uses._columns_of("rule R1", spec, ["date", None, "name"], config, tables))
    assert [(p.field, p.value) for p in found] == (
        [("name", "no such column"), ("where", repr("dogs > 'x'"))] if layer else []
    )


@pytest.mark.parametrize(
    ("land", "near", "told"),
    [
        ("fields", "roads > 0 or effect_dogs > 0.1", []),
        ("mines_footprint", "mines > 0", []),  # taken away with the threat
        ("feilds", "roads > 0", ["perhaps 'fields'"]),
        ("fields > 0.5", "roads + 1", ["names, numbers, comparisons and arithmetic"]),
    ],
)
def test_how_complete_layers_are_is_asked_of_maps_that_there_are(land, near, told):
    block = {"land": land, "near": near, "words": "of fields"}
    config = {"tables": {"completeness": {"roads": block}}, "surfaces": {"roads": {}, "fields": {}}}
    config["taken_away"] = {"effect_mines": "threat mines"}
    found = list(uses.check_completeness(config, ["effect_dogs"]))
    assert [p.expected for p in found] == told
    assert all(p.layer == "tables.completeness.roads" for p in found)
    assert [p.severity for p in found] == ["warning" if "perhaps" in t else "error" for t in told]


SQUARE, ROAD, SPOT = (
    shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)]), shapely.Point(0, 0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "shapes", "severity", "told"),
    [
        ("features", [SQUARE, SQUARE], None, ""),
        ("features", [SPOT], "error", "Rule R1 looks at polygons"),
        ("features", [SQUARE, SPOT, ROAD], "warning", "2 of 3 features are left out"),
        ("segments", [ROAD], None, ""),
        ("segments", [SQUARE], "error", "Rule R1 looks at lines"),
        ("points", [SQUARE], None, ""),  # discs around their middles
    ],
)
def test_a_rule_needs_features_of_the_shape_of_its_zones(kind, shapes, severity, told):
    config, tables = {"layers": {"blocks": {"path": "b.gpkg"}}}, {"blocks": frame(shapes)}
    found = list(uses._rule_shapes("R1", {"kind": kind, "layer": "blocks"}, config, tables))
    assert [p.severity for p in found] == ([severity] if severity else [])
    assert all(told in p.mend and p.layer == "blocks" for p in found)


# -------------------------------------------------------------------------------- InVEST cases


def grid_in_memory(memory, values):
    values = np.atleast_2d(np.asarray(values, "float64"))
    height, width = values.shape
    with memory.open(
        driver="GTiff", width=width, height=height, count=1, dtype="float64", nodata=-7,
        crs="EPSG:6933", transform=Affine(30, 0, 0, 0, -40, 0),
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    return memory.open()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, np.nan, -7], []),
        ([0, 1e-5], []),
        ([0, 0.5, 1.5], [("error", "values 0 to 1.5")]),
        ([-3, 0, 1], [("error", "values -3 to 1")]),
        ([0, 1e-9, 1], [("error", "a value of 1e-09")]),
        ([0, 0, -7], [("warning", "no cell above 0")]),
        ([-7, np.nan], [("warning", "no cell above 0")]),
    ],
)
def test_a_threat_is_0_where_it_is_not_and_up_to_1_where_it_is(values, expected):
    with MemoryFile() as memory, grid_in_memory(memory, values) as raster:
        found = list(invest._check_sources("case", "mine.tif", raster))
    assert told(found) == expected
    if -3 in values:
        assert "-a_nodata -3" in found[0].mend


@pytest.mark.parametrize(
    ("reaches", "expected"),
    [
        ([30, 100], []),  # a cell is 30 x 40 m
        ([30, 99], [("warning", "no max_dist above 99")]),
        ([29, 5000, 12], [("error", "max_dist 29 of t0"), ("error", "max_dist 12 of t2")]),
    ],
)
def test_reaches_that_may_be_in_km_are_told(reaches, expected):
    threats = [SimpleNamespace(name=f"t{i}", max_dist_m=r) for i, r in enumerate(reaches)]
    land = SimpleNamespace(transform=Affine(30, 0, 0, 0, -40, 0))
    found = list(invest._check_distances("case", "threats.csv", threats, land))
    assert told(found) == expected
    if len(found) == 2:
        assert found[1].mend == "If it is in km, write 12000"
        assert found[0].expected == "metres, at least a cell of 30 m"


def test_classes_of_the_land_cover_without_a_row_are_told_the_first_eight():
    table = SimpleNamespace(codes=np.array([1, 2]))
    with MemoryFile() as memory, grid_in_memory(memory, [1, 2, -7, *range(20, 29)]) as land:
        (problem,) = invest._check_classes("case", "s.csv", table, land)
        assert problem.value.startswith("class 20, 21, 22, 23, 24, 25, 26, 27 in ")
    with MemoryFile() as memory, grid_in_memory(memory, [1, 2, -7, np.nan]) as land:
        assert not list(invest._check_classes("case", "s.csv", table, land))


@pytest.mark.parametrize(
    ("code", "unit"), [(6933, None), (4326, "cells in degrees"), (2263, "cells in US survey foot")]
)
def test_distances_need_a_grid_in_metres(code, unit):
    land = SimpleNamespace(crs=rasterio.CRS.from_epsg(code), name="lulc.tif")
    found = told(invest._check_metres("case", land))
    assert found == ([("error", unit)] if unit else [])


@pytest.mark.parametrize(
    ("size", "corner", "is_told"),
    [((3, 4), 0, False), ((3, 5), 0, True), ((4, 4), 0, True), ((3, 4), 30, True)],
)
def test_a_threat_on_another_grid_is_told_with_both(tmp_path, size, corner, is_told):
    path = tmp_path / "mine.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=size[0], width=size[1], count=1, dtype="uint8",
        crs="EPSG:6933", transform=Affine(30, 0, corner, 0, -40, 0),
    ) as raster:  # fmt: skip
        raster.write(np.ones((1, *size), "uint8"))
    with MemoryFile() as memory, grid_in_memory(memory, np.ones((3, 4))) as land:
        found = list(invest._check_raster("case", path, land))
    assert len(found) == is_told
    for problem in found:
        assert problem.value == (f"EPSG:6933, {size[0]} x {size[1]} cells of 30 from ({corner}, 0)")
        assert problem.expected.endswith("EPSG:6933, 3 x 4 cells of 30 from (0, 0)")


# ----------------------------------------------------------------------------- experts' answers


@pytest.mark.parametrize(
    ("usable", "mode", "severities"),
    [
        (3, "stop", ["error", "note"]),
        (3, "continue", ["warning", "note"]),
        (0, "stop", ["error", "note"]),
        (0, "continue", ["warning", "error", "note"]),
    ],
)
def test_rejected_answers_stop_or_are_left_out_but_not_all_of_them(usable, mode, severities):
    columns = ["value", "expert", "parameter", "reason", "row", "field"]
    row = ["x", "Ann", "a", "found 'x'; a number is needed", 3, "best"]
    given = SimpleNamespace(
        rejected=pd.DataFrame([row], columns=columns),
        usable=pd.DataFrame({"expert": ["Bob"] * usable}),
        seeds=pd.DataFrame({"parameter": ["a"] * 2}),
    )
    found = list(answers._rejected(given, {"path": "a.csv", "on_rejected": mode}))
    assert [p.severity for p in found] == severities
    assert found[0].value == "'x' by expert 'Ann' on 'a'"
    assert (found[0].row, found[0].field, found[0].mend) == ("3", "best", "A number is needed")
    many = f"{usable or 'no'} answers"
    assert found[-1].value.endswith(", 2 on seed questions")
    assert found[-1].value.startswith(many) or not usable


def test_who_stays_unnamed_is_kept_out_of_the_public_table():
    for block, private in (
        ({"path": "a.csv", "names": False}, ["elicitation"]),
        ({"path": "a.csv", "names": True}, []),
        ({"path": "", "names": False}, []),
        (None, []),
    ):
        config = {"elicitation": block, "layers": {}, "surfaces": {}}
        assert answers.private_blocks(config) == private


@pytest.mark.parametrize(
    ("kind", "column", "config", "where"),
    [
        ("poison", "compound", {"compounds": {"zinc": {}}}, "compounds"),
        ("burrow_density", "method", {"burrows": {"detection": {"zinc": 1}}}, "burrows.detection"),
    ],
)
def test_words_of_a_table_need_a_number_in_the_config(kind, column, config, where):
    rows = pd.DataFrame({column: ["zinc", "bran", None, "bran"]})
    surface = {"kind": kind, "layer": "events"}
    config = config | {"surfaces": {"s": surface}}
    block = {"path": "events.csv"}
    (told,) = check_vectors._words_without_number("events", block, rows, config)
    assert told.severity == "error" and "'bran'" in str(told) and f"`{where}`" in str(told)
    assert not list(check_vectors._words_without_number("other", block, rows, config))
    assert not list(check_vectors._words_without_number("events", block, rows[:1], config))

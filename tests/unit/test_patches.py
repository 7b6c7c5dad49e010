"""Key habitat: sizes of patches, clusters, and the range of cats."""

import errno
import itertools
import os
import tempfile
from functools import partial

import geopandas as gpd
import geopandas.testing
import numpy as np
import pandas as pd
import pytest
import scipy.ndimage
import shapely
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from odc.geo.geobox import GeoBox
from rasterio.features import shapes

from manul.grid import disk_maps, vectors
from manul.grid.fields import Fields
from manul.products import key_habitat, key_polygons, outlines, patches, units, zones

RULES = {
    "suitable": 0.4,
    "key": 0.6,
    "core_km2": 4.2,
    "breeding_km2": 23,
    "area_km2": 100,
    "join_km": 5,
    "density_km": 0,
    "density_per_100_km2": {"low": {"suitable": 2, "key": 4}, "high": {"suitable": 4, "key": 15}},
}
STAMP = {"data_status": "illustrative", "scenario": "current", "notice": "Camps are invented"}
GRID = GeoBox.from_bbox((0, 0, 40_000, 30_000), crs="EPSG:6933", resolution=1000)
WHOLE = slice(None), slice(None)


def habitat(*blocks):
    h = np.full(GRID.shape, 0.2, "float32")
    for rows, columns in blocks:
        h[slice(*rows), slice(*columns)] = 0.7
    return h


def classify(now, before):
    """Masks of key, breeding, degraded habitat, and the class map."""
    maps = {"habitat": now, "habitat_reference": before}
    found = key_habitat.find(Fields(maps, GRID), RULES)
    found = found.maps(*WHOLE)["key_habitat"]["key habitat class"]
    codes = {"key": (2, 3), "breeding": (3,), "key_degraded": (4,)}
    return {"class": found} | {name: np.isin(found, c) for name, c in codes.items()}


def areas(h):
    found = key_habitat.find(Fields({"habitat": h, "habitat_reference": h}, GRID), RULES)
    return found.maps(*WHOLE)["key_areas"]["key_area"]


def polygons(h, threat, shares):
    maps = {"habitat": h, "habitat_reference": h, "threat": threat, "value_at_risk": threat * h}
    maps |= key_habitat.find(Fields(maps, GRID), RULES).named(*WHOLE)
    maps |= {f"share_{name}": share for name, share in shares.items()}
    threats = {"a": "Dogs", "b": "Roads"}
    return dict(key_polygons.tables(Fields(maps, GRID), threats, RULES, "cats", STAMP))


def test_no_core_below_4_2_km2_and_no_breeding_patch_below_23():
    h = habitat(((0, 2), (0, 2)), ((5, 6), (0, 5)), ((10, 12), (0, 11)), ((20, 21), (0, 23)))
    found = classify(h, h)
    assert found["key"].sum() == 5 + 22 + 23  # 4 km2 is no core
    assert found["breeding"].sum() == 23
    assert set(np.unique(found["class"])) == {0, 2, 3} | ({1} if (h >= 0.4).any() else set())


@pytest.mark.parametrize(("smallest_km2", "number"), [(1.25, 1), (1.26, 0)])
def test_a_patch_of_just_the_least_size_is_one(smallest_km2, number):
    """Five cells of half a kilometre."""
    numbers, km2 = patches.numbered(np.array([[1, 1, 1, 1, 1, 0]]), 0.25, smallest_km2)
    assert numbers.tolist() == [[number] * 5 + [0]] and km2.tolist() == [0, 1.25][: number + 1]


def test_each_map_that_rules_name_holds_its_own_classes():
    """A breeding patch, a core, what was good before, what is suitable, the rest."""
    now = habitat(((0, 5), (0, 5)), ((10, 11), (0, 5)))
    now[20, :5], now[25, :5] = 0.3, 0.5
    before = np.where(np.arange(30)[:, None] == 20, 0.7, now)
    found = key_habitat.find(Fields({"habitat": now, "habitat_reference": before}, GRID), RULES)
    maps = found.named(*WHOLE)
    rows = [0, 10, 20, 25, 29]
    assert {name: maps[name][rows, 0].tolist() for name in (*key_polygons.LAYERS.values(),)} == {
        "suitable": [1, 1, 0, 1, 0],
        "key": [1, 1, 0, 0, 0],
        "breeding": [1, 0, 0, 0, 0],
        "key_area": [0, 0, 0, 0, 0],
        "key_degraded": [0, 0, 1, 0, 0],
    }
    assert maps["key_class"][rows, 0].tolist() == [3, 2, 4, 1, 0]
    assert maps["key_patch"][rows, 0].tolist() == [1, 2, 0, 0, 0]
    bands = {name: list(made) for name, made in found.maps(*WHOLE).items()}
    assert {name: list(titles) for name, titles, _ in key_habitat.MAPS} == bands


def test_a_patch_joins_over_corners():
    h = habitat(((0, 2), (0, 2)), ((2, 4), (2, 4)))
    assert classify(h, h)["key"].sum() == 8


def test_degraded_key_habitat_is_where_only_the_reference_is_good():
    now, before = habitat(), habitat(((0, 4), (0, 4)))
    found = classify(now, before)
    assert found["key_degraded"].sum() == 16
    assert not found["key"].any()


def test_unknown_habitat_is_in_no_patch():
    h = habitat(((0, 6), (0, 6)))
    h[2, 2] = np.nan
    found = classify(h, h)
    assert found["class"][2, 2] == 255
    assert found["key"].sum() == 35


def test_key_areas_join_within_the_distance_and_need_the_area():
    near = habitat(((0, 6), (0, 10)), ((0, 6), (14, 24)))  # 4 km apart, 120 km2 together
    assert areas(near).max() == 1
    far = habitat(((0, 6), (0, 10)), ((0, 6), (16, 26)))  # 6 km apart, 60 km2 each
    assert areas(far).max() == 0


@pytest.mark.parametrize("name", ["threat", "value_at_risk", "habitat", "key", "area"])
def test_a_threat_may_be_called_as_a_map_is(name):
    """One of a quarter of the value at risk, whatever its name."""
    h = habitat(((0, 5), (0, 5)))
    maps = {"habitat": h, "habitat_reference": h, "threat": 0.4 * h, "value_at_risk": 0.5 * h}
    maps |= key_habitat.find(Fields(maps, GRID), RULES).named(*WHOLE)
    quarter = np.full(GRID.shape, 0.25, "float32")
    fields = Fields(maps | {f"share_{name}": quarter, "share_b": 3 * quarter}, GRID)
    rules = RULES | {"protected": None}
    given = fields, {name: "Dogs", "b": "Roads"}, rules, "cats", STAMP
    box = gpd.GeoDataFrame(
        {"name": ["W"]}, geometry=[shapely.box(0, 25e3, 5e3, 30e3)], crs=GRID.crs
    )
    key = dict(key_polygons.tables(*given))["key"]
    for table in (key, units.units(box, *given)):
        row = table.iloc[0]
        assert (row["threat_1"], row["threat_2"]) == ("Roads 75 %", "Dogs 25 %")
        assert row["mean_threat"] == pytest.approx(0.28, abs=1e-3)
    assert key["mean_habitat"].tolist() == [pytest.approx(0.7, abs=1e-3)]


def test_tables_have_area_means_threats_and_cats():
    h = habitat(((0, 5), (0, 5)))
    one = np.ones(GRID.shape, "float32")
    made = polygons(h, 0.3 * one, {"a": one, "b": 0 * one})
    row = made["key"].iloc[0]
    assert row["area_km2"] == pytest.approx(25)
    assert row["mean_habitat"] == pytest.approx(0.7)
    assert row["threat_1"] == "Dogs 100 %"
    assert row["id"].startswith("key-")
    assert {name: row[name] for name in STAMP} == STAMP
    assert row["threat_2"] == ""
    assert (row["cats_low"], row["cats_high"]) == pytest.approx((1.0, 3.8), abs=0.06)
    assert all(table.is_valid.all() for table in made.values() if len(table))


def test_a_row_of_a_unit_says_on_what_data_it_rests():
    one = np.ones(GRID.shape, "float32")
    names = ("habitat", "habitat_reference", "threat", "value_at_risk", "suitable", "key")
    maps = dict.fromkeys([*names, "breeding", "key_degraded", "share_a"], one)
    box = gpd.GeoDataFrame(
        {"name": ["Naryn"]}, geometry=[shapely.box(0, 0, 10_000, 10_000)], crs="EPSG:6933"
    )
    rules = RULES | {"protected": ""}
    (row,) = units.units(box, Fields(maps, GRID), {"a": "Dogs"}, rules, "cats", STAMP).to_dict(
        "records"
    )
    assert row["id"].startswith("unit-") and row["area_km2"] == pytest.approx(100)
    assert {name: row[name] for name in STAMP} == STAMP


@pytest.mark.parametrize(("before", "change"), [(None, None), (0.25, 75.0), (1.0, 0.0)])
def test_a_unit_tells_what_a_scenario_puts_at_risk_beyond_the_first(before, change):
    one = np.ones(GRID.shape, "float32")  # 100 km2 in the unit
    names = ("habitat", "habitat_reference", "threat", "value_at_risk", "suitable", "key")
    maps = dict.fromkeys([*names, "breeding", "key_degraded", "share_a"], one)
    if before is not None:
        maps[outlines.BEFORE] = before * one
    box = gpd.GeoDataFrame(
        {"name": ["Naryn"]}, geometry=[shapely.box(0, 0, 10_000, 10_000)], crs="EPSG:6933"
    )
    rules = RULES | {"protected": ""}
    table = units.units(box, Fields(maps, GRID), {"a": "Dogs"}, rules, "cats", STAMP)
    found = table[outlines.CHANGE].item()
    assert np.isnan(found) if change is None else found == pytest.approx(change)


def test_a_breeding_patch_holds_about_one_cat():
    low, high = key_habitat.cats(
        23.1, 23.1, {"low": {"suitable": 0, "key": 4}, "high": {"suitable": 0, "key": 8}}
    )
    assert (round(float(low), 1), round(float(high), 1)) == (0.9, 1.8)
    six = {end: {"suitable": 0, "key": 6} for end in ("low", "high")}
    assert float(key_habitat.cats(830, 830, six)[0]) == pytest.approx(50, abs=0.5)


def test_nothing_at_all():
    h = np.full(GRID.shape, np.nan, "float32")
    made = polygons(h, h, {"a": h, "b": h})
    assert [len(t) for t in made.values()] == [0, 0, 0, 0, 0]


def test_each_column_of_the_table_of_units():
    """Cells of 1 km2; West has 100 of which one is unknown, East 50, Nowhere none."""
    shape = GRID.shape

    def cells(rows, columns, value=True, other=False):
        out = np.full(shape, other, np.asarray(value).dtype)
        out[rows, columns] = value
        return out

    habitat_ = np.full(shape, 0.5)
    habitat_[20, 0] = np.nan
    suitable, key = cells(slice(24, 30), slice(0, 10)), cells(slice(25, 30), slice(0, 5))
    maps = {
        "habitat": habitat_, "habitat_reference": habitat_,
        "suitable": suitable, "key": key, "breeding": cells(slice(25, 27), slice(0, 5)),
        "key_degraded": cells(slice(20, 24), slice(9, 10)),
        "threat": np.where(suitable, 0.25, 0.5), "value_at_risk": np.full(shape, 0.1),
        "share_a": np.full(shape, 0.25), "share_b": np.full(shape, 0.75),
        "park": cells(slice(25, 26), slice(0, 4), 1.0, 0.0),
    }  # fmt: skip
    boxes = [shapely.box(0, 0, 10_000, 10_000), shapely.box(10_000, 0, 15_000, 10_000),
             shapely.box(90_000, 0, 99_000, 9_000)]  # fmt: skip
    names = {"name": ["West", None, "Nowhere"], "country": ["K", "L", "M"]}
    polygons_ = gpd.GeoDataFrame(names, geometry=boxes, crs=GRID.crs)
    titles = {"a": "Dogs", "b": "Roads"}
    rules = RULES | {"protected": "park"}
    table = units.units(polygons_, Fields(maps, GRID), titles, rules, "cats", STAMP)
    assert table["value_at_risk_change_km2"].isna().all()  # there is no first scenario
    columns = ["id", "value_at_risk_change_km2", "completeness", *STAMP]
    first, second = table.drop(columns=columns).to_dict("records")
    assert first == pytest.approx(
        {
            "unit": "West", "country": "K", "area_km2": 99, "suitable_km2": 60, "key_km2": 25,
            "breeding_patch_km2": 10, "key_degraded_km2": 4,
            "key_percent": 25.3,  # 25 of 99
            "key_protected_percent": 16,  # 4 of 25
            "mean_threat": 0.348,  # (60 x 0.25 + 39 x 0.5) / 99
            "mean_threat_suitable": 0.25, "value_at_risk_km2": 9.9,
            "threat_1": "Roads 75 %", "threat_2": "Dogs 25 %", "threat_3": "",
            "cats_low": 2,  # 35 x 2 % + 25 x 4 % = 1.7
            "cats_high": 5,  # 35 x 4 % + 25 x 15 % = 5.15
        }
    )  # fmt: skip
    told = {n: second[n] for n in ("unit", "area_km2", "key_km2", "key_percent", "mean_threat")}
    assert told == {
        "unit": "(no name)", "area_km2": 50, "key_km2": 0, "key_percent": 0, "mean_threat": 0.5,
    }  # fmt: skip
    assert np.isnan([second["key_protected_percent"], second["mean_threat_suitable"]]).all()


def test_numbers_of_a_unit_are_rounded_to_what_can_be_read():
    """One unit of 7 cells of 1 km2 (1 key), and maps of 1/3 and 1/7."""
    one = np.zeros(GRID.shape)
    maps = dict.fromkeys(("suitable", "breeding", "key_degraded"), one.astype(bool))
    key = one.astype(bool)
    key[29, 0] = True
    suitable = key.copy()
    maps |= {
        "habitat": one, "habitat_reference": one, "key": key, "suitable": suitable,
        "threat": one + 1 / 3, "value_at_risk": one + 1 / 7, "share_a": one + 1,
        "park": one + 1 / 7, outlines.BEFORE: one,
    }  # fmt: skip
    box = gpd.GeoDataFrame(
        {"name": ["West"]}, geometry=[shapely.box(0, 0, 7_000, 1_000)], crs=GRID.crs
    )
    rules = RULES | {"protected": "park"}
    table = units.units(box, Fields(maps, GRID), {"a": "Dogs"}, rules, "cats", STAMP)
    (row,) = table.to_dict("records")
    assert row["key_percent"] == row["key_protected_percent"] == 14.3
    assert row["mean_threat"] == row["mean_threat_suitable"] == 0.333
    assert row["value_at_risk_km2"] == row[outlines.CHANGE] == 1.0
    assert row["country"] == ""


def test_how_complete_a_layer_is_in_a_unit():
    """Fields in 4 of 7 cells, one of them in half of it; a road near 2 of them and near others."""
    names = ("habitat", "threat", "value_at_risk", "suitable", "key", "breeding", "key_degraded")
    maps = dict.fromkeys(names, np.ones(GRID.shape))
    maps |= {"fields": np.zeros(GRID.shape), "roads": np.full(GRID.shape, np.nan)}
    maps["fields"][-1, :4] = [1, 1, 1, 0.5]
    maps["roads"][-1, :7] = [0.2, np.nan, 0, 0.1, 0.3, 0.3, 0.3]
    boxes = [shapely.box(0, 0, 7_000, 1_000), shapely.box(7_000, 0, 9_000, 1_000)]
    units_ = gpd.GeoDataFrame({"name": ["West", "East"]}, geometry=boxes, crs=GRID.crs)
    asked = {"roads": {"land": "fields", "near": "roads > 0", "words": "of fields have a road"}}
    rules = RULES | {"protected": None}
    maps = Fields(maps | {"share_a": np.ones(GRID.shape)}, GRID)
    table = units.units(units_, maps, {"a": "Dogs"}, rules, "cats", STAMP, asked)
    told = table.set_index("unit")["completeness"]
    assert told["West"] == "43% of fields have a road"  # 1.5 of 3.5
    assert told["East"] == ""  # no fields, so nothing must have a road


def test_a_unit_is_told_in_km2_and_needs_no_map_of_what_is_protected():
    """A unit of 100 km2 in 25 cells of 2 km, with cats at 4 and 15 in 100 km2."""
    grid = GeoBox.from_bbox((0, 0, 20_000, 20_000), crs="EPSG:6933", resolution=2000)
    names = ("habitat", "threat", "value_at_risk", "suitable", "key", "breeding", "key_degraded")
    maps = dict.fromkeys(names, np.ones(grid.shape)) | {outlines.BEFORE: np.zeros(grid.shape)}
    box = gpd.GeoDataFrame(
        {"name": ["West"]}, geometry=[shapely.box(0, 0, 10_000, 10_000)], crs=grid.crs
    )
    rules = RULES | {"protected": "park"}
    (row,) = units.units(box, Fields(maps, grid), {}, rules, "cats", STAMP).to_dict("records")
    told = [*units.AREAS, "area_km2", "value_at_risk_km2", outlines.CHANGE]
    assert {row[name] for name in told} == {100}
    assert (row["cats_low"], row["cats_high"]) == (4, 15)
    assert np.isnan(row["key_protected_percent"])


def test_recommendations_of_each_rule_are_counted_in_their_unit():
    table = pd.DataFrame({"unit": ["West", "East"]})
    nan = np.nan
    found = {
        "R1": pd.DataFrame(
            {"unit": ["West", "West", ""], "area_km2": [1.25, 2.0, 9], "length_km": [nan] * 3}
        ),
        "R4": pd.DataFrame({"unit": ["East"], "area_km2": [nan], "length_km": [3.21]}),
    }
    found = {name: of.assign(verdict="issue") for name, of in found.items()}
    found["R5"] = found["R4"].assign(verdict="not supported")
    found["R7"] = found["R1"][:0]
    made = units.with_rules(table, found)
    none = {"R5_count": 0, "R5_km": 0, "R7_count": 0, "R7_km2": 0}
    assert made.set_index("unit").to_dict("index") == {
        "West": {"R1_count": 2, "R1_km2": 3.2, "R4_count": 0, "R4_km": 0, **none},
        "East": {"R1_count": 0, "R1_km2": 0, "R4_count": 1, "R4_km": 3.2, **none},
    }


def test_the_strongest_threats_are_told_by_their_part_of_the_value_at_risk():
    parts = {"a": np.array([1.0, 0]), "b": np.array([3.0, 0]), "c": np.array([0.0, np.nan])}
    titles = {"a": "Dogs", "b": "Roads", "c": "Snares"}
    first, second, third = outlines.top_threats(parts, titles)
    assert first == ["Roads 75 %", ""] and second == ["Dogs 25 %", ""] and third == ["", ""]
    assert outlines.top_threats({}, {}) == [[], [], []]


def test_polygons_have_the_means_and_sums_of_their_own_cells():
    h = habitat(((0, 5), (0, 5)), ((10, 12), (0, 5)))
    h[:2, :5] = 0.9
    one = np.ones(GRID.shape, "float32")
    made = polygons(h, 0.5 * one, {"a": 0.25 * one, "b": 0.75 * one})
    (large, small) = made["key"].sort_values("area_km2", ascending=False).to_dict("records")
    assert large["mean_habitat"] == 0.78  # 10 x 0.9 and 15 x 0.7 of 25
    assert large["mean_value_at_risk"] == 0.39 and large["mean_threat"] == 0.5
    assert (small["area_km2"], small["mean_habitat"]) == (10, 0.7)
    assert (small["threat_1"], small["threat_2"]) == ("Roads 75 %", "Dogs 25 %")
    assert (small["cats_low"], small["cats_high"]) == (0.4, 1.5)  # 10 km2 at 4 and 15 per 100 km2
    assert [len(t) for t in made.values()] == [2, 2, 1, 0, 0]


def test_distances_to_key_habitat_and_to_a_breeding_patch():
    h = habitat(((0, 5), (0, 5)), ((0, 5), (10, 11)))
    maps = {"habitat": h, "habitat_reference": h}
    found = key_habitat.find(Fields(maps, GRID), RULES).maps(*WHOLE)["key_areas"]
    assert found["key_distance_m"][0, [4, 5, 8, 9, 10, 12]].tolist() == [
        0, 1000, 2000, 1000, 0, 2000,
    ]  # fmt: skip
    assert found["breeding_distance_m"][0, [4, 5, 10]].tolist() == [0, 1000, 6000]
    assert found["key_patch"][0, [0, 10, 20]].tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("now", "before", "code", "suitable"),
    [(0.39, 0.39, 0, 0), (0.4, 0.4, 1, 1), (0.59, 0.6, 4, 1), (0.3, 0.6, 4, 0), (0.6, 0.6, 2, 1)],
)
def test_a_cell_by_its_habitat_now_and_before(now, before, code, suitable):
    maps = {n: np.full((1, 5), v, "float64") for n, v in {"h": now, "r": before}.items()}
    grid = GeoBox.from_bbox((0, 0, 5000, 1000), crs="EPSG:6933", resolution=1000)
    fields = Fields({"habitat": maps["h"], "habitat_reference": maps["r"]}, grid)
    made = key_habitat.find(fields, RULES).maps(*WHOLE)["key_habitat"]
    assert (made["key habitat class"] == code).all() and (made["suitable"] == suitable).all()


def test_parts_that_meet_at_a_corner_are_one_patch_of_two_polygons():
    numbers = np.zeros(GRID.shape, "int32")
    numbers[0, 0], numbers[4, 4], numbers[5, 5] = 2, 1, 1
    table = outlines.outlines(numbers, GRID)
    assert table["patch"].tolist() == [1, 2] and table["area_km2"].tolist() == [2, 1]
    assert table.geom_type.tolist() == ["MultiPolygon", "Polygon"]


@st.composite
def numbered_maps(draw):
    """Maps of numbers: of cells, of patches that touch over corners, of some cells of some."""
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    shape = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    if draw(st.booleans()):
        return patches.label(random.random(shape) < draw(st.sampled_from([0.4, 0.6, 0.8])))[0]
    return random.integers(0, draw(st.integers(2, 5)), shape)


@given(numbered_maps(), st.sampled_from([10**6, 5, 1]))
@settings(max_examples=300, deadline=None)
def test_outlines_are_those_of_gdal_in_any_strips(numbers, strip):
    height, width = numbers.shape
    grid = GeoBox((height, width), Affine(10, 0, 100, 0, -10, 500), "EPSG:6933")
    want: dict[int, list] = {}
    source = numbers.astype("int32")
    for shape, number in shapes(source, source > 0, connectivity=4, transform=grid.affine):
        want.setdefault(int(number), []).append(shapely.geometry.shape(shape))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patches, "STRIP", strip * width)
        patched.setattr(patches, "TILE", min(strip, 3))
        found = outlines.outlines(numbers, grid)
    assert found["patch"].tolist() == sorted(want)
    for number, shape in zip(found["patch"], found.geometry, strict=True):
        whole = shapely.multipolygons(want[number])
        assert shape.is_valid and shape.equals(whole) and shape.area == whole.area
        # no corner too many, no part too many; around land against the clock
        assert shapely.get_num_coordinates(shape) == shapely.get_num_coordinates(whole)
        assert len(shapely.get_parts(shape)) == len(want[number])
        for part in shapely.get_parts(shape):
            assert part.exterior.is_ccw and not any(ring.is_ccw for ring in part.interiors)


@pytest.mark.parametrize("side", [3, 40])
def test_outlines_of_squares_that_all_meet_at_corners(side):
    numbers = 1 + np.indices((side, side)).sum(0) % 2
    table = outlines.outlines(numbers, GeoBox((side, side), Affine(1, 0, 0, 0, -1, 0), "EPSG:6933"))
    assert [len(shape.geoms) for shape in table.geometry] == [-(-(side**2) // 2), side**2 // 2]
    assert table.geometry.is_valid.all() and table.area.sum() == side**2


def test_what_is_no_number_of_a_patch_has_no_outline():
    numbers = np.array([[-1, 2], [0, 2]])
    grid = GeoBox((2, 2), Affine(1, 0, 0, 0, -1, 0), "EPSG:6933")
    assert outlines.outlines(numbers, grid)["patch"].tolist() == [2]
    assert not len(zones.key_patches({}, Fields({"key_patch": None}, grid), {}))


def test_outlines_of_a_map_on_disk_are_those_of_the_array(tmp_path, monkeypatch):
    numbers = patches.label(np.random.default_rng(3).random(GRID.shape) < 0.5)[0].astype("int32")
    monkeypatch.setattr(patches, "STRIP", 4 * GRID.width)
    monkeypatch.setattr(patches, "TILE", 2)
    made = disk_maps.DiskMap.nameless(GRID.shape, "int32", tmp_path)
    made[:] = numbers
    on_disk, held = outlines.outlines(made, GRID), outlines.outlines(numbers, GRID)
    assert on_disk.geometry.to_wkb().tolist() == held.geometry.to_wkb().tolist()
    assert not len(outlines.outlines(np.zeros(GRID.shape, int), GRID))
    of, again = (outlines.cut(map_, 50, 7) for map_ in (made, numbers))
    assert len(of) and (of == again).all() and (made[:] == numbers).all()
    parts = [pd.concat(outlines.in_parts(map_, GRID, 50)) for map_ in (made, numbers)]
    gpd.testing.assert_geodataframe_equal(*parts)


@given(numbered_maps(), st.integers(1, 150), st.sampled_from([10**6, 3]))
@example(np.array([[1, 0, 2]]), 32, 3)
@settings(max_examples=200, deadline=None)
def test_outlines_in_parts_are_those_of_the_whole(numbers, most, strip):
    """Of each part, the corners are no more than allowed, or those of one patch."""
    grid = GeoBox(numbers.shape, Affine(10, 0, 100, 0, -10, 500), "EPSG:6933")
    whole = outlines.outlines(numbers, grid)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patches, "STRIP", strip * numbers.shape[1])
        patched.setattr(patches, "TILE", min(strip, 3))
        parts = list(outlines.in_parts(numbers, grid, most))
    found = [n for part in parts for n in part["patch"]]
    assert found == whole["patch"].tolist()
    shapes_ = [shape for part in parts for shape in part.geometry]
    for shape, expected in zip(shapes_, whole.geometry, strict=True):
        assert shape.normalize().equals_exact(shapely.normalize(_alike(expected, shape)))
    assert [a for part in parts for a in part["area_km2"]] == whole["area_km2"].tolist()
    closed = [shapely.get_num_coordinates(p.geometry).sum() - _rings(p) for p in parts]
    sizes = [n + 14 * len(part) for part, n in zip(parts, closed, strict=True)]
    for part, size in zip(parts, sizes, strict=True):
        assert size <= most or len(part) == 1
    assert all(a + b > most for a, b in itertools.pairwise(sizes)), "a part more than is needed"
    if len(parts) > 1:
        assert {kind for part in parts for kind in part.geom_type} == {"MultiPolygon"}


@given(numbered_maps(), st.integers(4, 40), st.integers(1, 14))
@settings(max_examples=100, deadline=None)
def test_patches_of_many_corners_are_cut_into_squares(numbers, most, side):
    grid = GeoBox(numbers.shape, Affine(10, 0, 100, 0, -10, 500), "EPSG:6933")
    whole = outlines.outlines(numbers, grid)
    corners = shapely.get_num_coordinates(whole.geometry.to_numpy())
    rings = [_rings(whole[i : i + 1]) for i in range(len(whole))]
    large = whole["patch"][corners - rings > most].tolist() if len(whole) else []
    pieces = numbers.astype("int32")
    of = outlines.cut(pieces, most, side)
    if not large:
        assert not len(of) and (pieces == numbers).all()
        return
    assert (of[pieces] == numbers).all(), "each piece is of the patch that it was cut from"
    kept = ~np.isin(numbers, large)
    assert (pieces[kept] == numbers[kept]).all()
    rows, columns = np.indices(numbers.shape) // side
    for number in np.unique(pieces[~kept]):
        here = pieces == number
        assert len({*zip(rows[here], columns[here], strict=True)}) == 1
        same = (numbers == of[number]) & (rows == rows[here][0]) & (columns == columns[here][0])
        assert (same == here).all()


def _alike(shape, other):
    return shapely.multipolygons([shape]) if shape.geom_type != other.geom_type else shape


def _rings(part):
    return sum(1 + len(p.interiors) for p in shapely.get_parts(part.geometry.to_numpy()))


def test_a_layer_of_polygons_in_parts_is_that_of_the_whole(tmp_path, monkeypatch):
    """Two patches of the same place to 100 m have ids of their own, also in two parts."""
    h = np.zeros((8, 9), "float32")
    h[1, 1], h[1, 3], h[5:8, 2:8] = 0.9, 0.9, 0.9
    grid = GeoBox((8, 9), Affine(10, 0, 0, 0, -10, 0), "EPSG:6933")
    key = (h > 0).astype("float32")
    maps = dict.fromkeys(("suitable", "key", "breeding", "key_area", "key_degraded"), key)
    maps |= {"habitat": h, "threat": h / 2, "value_at_risk": h * h / 2, "share_a": h}
    given = Fields(maps, grid), {"a": "Dogs"}, RULES, "cats", STAMP
    whole = dict(key_polygons.tables(*given))
    monkeypatch.setattr(key_polygons, "in_parts", partial(outlines.in_parts, most=4))
    monkeypatch.setattr(key_polygons, "cut", lambda numbers: np.arange(0))
    vectors.write_vector(tmp_path / "parts.gpkg", key_polygons.tables(*given), {})
    found = vectors.read_layers(tmp_path / "parts.gpkg")
    assert list(found) == list(whole)
    for name, table in found.items():
        assert len(table) == (1 if name == "key_area" else 3)
        assert table["id"].is_unique
        plain = pd.DataFrame(whole[name].drop(columns="geometry"))
        columns = plain.columns.drop(["data_dates", "illustrative_layers"], errors="ignore")
        for column in columns:
            assert table[column].fillna("?").tolist() == plain[column].fillna("?").tolist()
        assert table.geometry.geom_equals(whole[name].geometry.set_crs(table.crs)).all()


def test_rows_of_a_patch_that_is_cut_add_up(monkeypatch):
    """A block of 6 x 3 cells with a hole, in squares of 3; the key area has no interval then."""
    h = np.zeros((8, 9), "float32")
    h[1, 1], h[3:6, 0:6] = 0.9, 0.8
    h[4, 1] = 0
    grid = GeoBox((8, 9), Affine(1000, 0, 0, 0, -1000, 0), "EPSG:6933")
    key = (h > 0).astype("float32")
    maps = dict.fromkeys(("suitable", "key", "breeding", "key_degraded"), key)
    maps["key_area"] = np.where(h == 0.9, 2, key)
    maps |= {"habitat": h, "threat": h / 2, "value_at_risk": h * h / 2, "share_a": h}
    of_draws = pd.DataFrame({"patch": [1, 2], "key_km2_p05": [9.0, 0.5], "key_km2_p95": [20.0, 2]})
    given = Fields(maps, grid), {"a": "Dogs"}, RULES, "cats", STAMP, None, None, of_draws
    monkeypatch.setattr(key_polygons, "cut", partial(outlines.cut, most=6, side=3))
    found = dict(key_polygons.tables(*given))
    for name, table in found.items():
        first = 1 if name == "key_area" else 2  # numbers in reading order
        assert sorted(table["patch"]) == sorted([first, first, 3 - first])
        assert sorted(table["area_km2"]) == [1, 8, 9]
        assert table["mean_habitat"].round(1).tolist().count(0.8) == 2 and table["id"].is_unique
    areas = found["key_area"].set_index("area_km2")
    assert areas["key_km2_p05"].to_dict() == {1: 0.5, 8: pytest.approx(np.nan, nan_ok=True)} | {
        9: pytest.approx(np.nan, nan_ok=True)
    }


def test_areas_count_square_kilometres_and_not_cells():
    """Cells of 2 km: 4 km2 each."""
    grid = GeoBox.from_bbox((0, 0, 20_000, 20_000), crs="EPSG:6933", resolution=2000)
    assert key_habitat.cell_km2(grid) == 4
    h = np.full(grid.shape, 0.2, "float32")
    h[:5, :5] = 0.7
    mask = h > 0.6
    maps = {"habitat": h, "suitable": mask, "key": mask, "breeding": mask}
    maps |= {"key_degraded": ~mask, "key_area": mask}
    table = dict(key_polygons.tables(Fields(maps, grid), {}, RULES, "cats", STAMP))["key"]
    row = table.iloc[0]
    assert (row["area_km2"], row["cats_low"], row["cats_high"]) == (100, 4, 15)
    assert "mean_p_key" not in table
    maps["p_key"] = 0.5 * mask
    area = dict(key_polygons.tables(Fields(maps, grid), {}, RULES, "cats", STAMP))["key_area"].iloc[
        0
    ]
    assert (area["key_km2"], area["expected_key_km2"], area["mean_p_key"]) == (100, 50, 0.5)


def test_key_areas_have_the_interval_of_the_draws_by_their_number():
    areas = gpd.GeoDataFrame({"patch": [2, 1], "key_km2": [5.0, 7.0], "name": ["b", "a"]})
    of_draws = pd.DataFrame({"patch": [1, 2], "key_km2_p05": [6.0, 1.0], "key_km2_p95": [8.0, 9.0]})
    found = key_polygons.with_intervals(areas, of_draws)
    assert list(found.columns) == ["patch", "key_km2", "key_km2_p05", "key_km2_p95", "name"]
    assert found[["key_km2_p05", "key_km2_p95"]].values.tolist() == [[1, 9], [6, 8]]


def test_a_key_area_tells_what_follows_from_its_chances():
    h = habitat(((0, 10), (0, 12)))
    maps = {"habitat": h, "habitat_reference": h, "p_key": np.where(h >= 0.6, 0.8, 0.1)}
    maps |= key_habitat.find(Fields(maps, GRID), RULES).named(*WHOLE)
    area = dict(key_polygons.tables(Fields(maps, GRID), {}, RULES, "cats", STAMP))["key_area"].iloc[
        0
    ]
    assert area["key_km2"] == 120 and area["expected_key_km2"] >= 96
    share = area["expected_key_km2"] / area["area_km2"]
    assert area["mean_p_key"] == pytest.approx(share, abs=1e-3)


def test_numbers_of_key_areas_are_rounded_and_stand_beside_the_area():
    """A third of 167 cells: 10 x 12 and two cells beside them but for the corner."""
    h = habitat(((0, 10), (0, 12)))
    maps = {"habitat": h, "habitat_reference": h, "p_key": np.full(h.shape, 1 / 3)}
    maps |= key_habitat.find(Fields(maps, GRID), RULES).named(*WHOLE)
    area = dict(key_polygons.tables(Fields(maps, GRID), {}, RULES, "cats", STAMP))["key_area"].iloc[
        0
    ]
    assert area.drop("geometry").index[:5].tolist() == [
        "id", "name", "patch", "key_km2", "expected_key_km2",
    ]  # fmt: skip
    assert area[["area_km2", "key_km2", "expected_key_km2"]].tolist() == [167, 120, 55.67]
    assert area["mean_p_key"] == 0.333
    fine = GeoBox.from_bbox((0, 0, 1000, 1000), crs="EPSG:6933", resolution=250)
    one = np.zeros(fine.shape)
    one[0, 0] = 1  # 1/16 km2
    maps = dict.fromkeys(("habitat", *key_polygons.LAYERS.values()), one)
    area = dict(key_polygons.tables(Fields(maps, fine), {}, RULES, "cats", STAMP))["key_area"].iloc[
        0
    ]
    assert area["key_km2"] == 0.06


def test_each_number_of_a_unit_has_its_interval_beside_it():
    table = pd.DataFrame(
        {"unit": ["east", "west"], "key_km2": [5.0, 1.0], "cats_low": [1, 0], "cats_high": [3, 1],
         "threat_1": ["Dogs", ""]}
    )  # fmt: skip
    by_unit = pd.DataFrame(
        {"unit": ["west", "east"], "key_km2_p05": [0, 2], "key_km2_p95": [2, 9],
         "cats_low": [0.1, 0.4], "cats_high": [2, 6], "notice": ["a", "a"]}
    )  # fmt: skip
    other = pd.DataFrame(
        {"unit": ["east", "west"], "mean_threat_p05": [0, 0], "notice": ["b", "b"]}
    )
    made = units.with_intervals(table, "cats", other, by_unit)
    assert list(made) == [
        "unit", "key_km2", "key_km2_p05", "key_km2_p95", "cats_low", "cats_high", "cats_p05",
        "cats_p95", "threat_1",
    ]  # fmt: skip
    assert made.set_index("unit").loc["east", ["key_km2_p95", "cats_p05", "cats_p95"]].tolist() == [
        9, 0.4, 6,
    ]  # fmt: skip


# ----------------------------------------------------------------------------- strip by strip


MASKS = arrays("bool", st.tuples(st.integers(1, 14), st.integers(1, 9)))


@settings(deadline=None, max_examples=300)
@given(MASKS, st.lists(st.integers(1, 13), max_size=5), st.integers(0, 5))
def test_patches_and_their_numbers_are_the_same_for_any_strips(mask, cuts, smallest):
    whole, km2 = patches.numbered(mask, 1.0, smallest)
    ends = [0, *sorted({cut for cut in cuts if cut < len(mask)}), len(mask)]
    rows = [slice(a, b) for a, b in itertools.pairwise(ends)]
    out = np.full(mask.shape, -1, "int32")
    found = patches.number(lambda part: mask[part], rows, out, 1.0, smallest)
    np.testing.assert_array_equal(out, whole)
    np.testing.assert_array_equal(found, km2)


@settings(deadline=None, max_examples=100)
@given(MASKS, st.integers(0, 4))
def test_large_patches_are_numbered_in_reading_order(mask, smallest):
    numbers, km2 = patches.numbered(mask, 0.5, smallest)
    labels, count = scipy.ndimage.label(mask, np.ones((3, 3)))
    sizes = [(labels == n).sum() / 2 for n in range(1, count + 1)]
    kept = [n for n in range(1, count + 1) if sizes[n - 1] >= smallest]
    assert km2.tolist() == [0, *(sizes[n - 1] for n in kept)]
    for number, n in enumerate(kept, 1):
        assert ((numbers == number) == (labels == n)).all()
    assert numbers.max(initial=0) == len(kept)


@pytest.mark.parametrize(
    ("shape", "rows"),
    [((3000, 100), [3000]), ((3000, 2**15), [512] * 5 + [440]), ((9, 2**25), [9])],
)
def test_strips_end_between_tiles(shape, rows):
    found = patches.strips(shape)
    assert [part.stop - part.start for part in found] == rows
    assert found[0].start == 0 and found[-1].stop == shape[0]


def test_key_habitat_of_a_map_too_large_for_memory_is_the_same(tmp_path, monkeypatch):
    """Held in files, strip by strip."""
    rng = np.random.default_rng(4)
    h = scipy.ndimage.gaussian_filter(rng.random(GRID.shape), 2)
    h = ((h - h.min()) / np.ptp(h)).astype("float32")
    h[3, 5:20] = np.nan
    fields = Fields({"habitat": h, "habitat_reference": np.minimum(h + 0.1, 1)}, GRID)
    whole = key_habitat.find(fields, RULES).named(*WHOLE)
    assert whole["key"].any() and whole["key_area"].any() and whole["breeding"].any()
    monkeypatch.setattr(patches, "STRIP", 3 * GRID.shape[1])
    monkeypatch.setattr(patches, "TILE", 3)
    monkeypatch.setattr(disk_maps, "HELD", 0)
    assert len(patches.strips(GRID.shape)) == 10
    parts = key_habitat.find(fields, RULES, folder=tmp_path)
    assert isinstance(parts.patches, disk_maps.DiskMap)
    for name, values in parts.named(*WHOLE).items():
        np.testing.assert_array_equal(values, whole[name])
    window = parts.maps(slice(7, 19), slice(30, 40))["key_areas"]["key_distance_m"]
    np.testing.assert_array_equal(window, whole["key_distance_m"][7:19, 30:40])
    maps = {"threat": h / 2, "value_at_risk": h * h / 2, "share_a": h, "share_b": 1 - h}
    of_map = Fields(maps | whole | {"habitat": h, "habitat_reference": h}, GRID)
    given = of_map, {"a": "Dogs", "b": "Roads"}, RULES, "cats", STAMP, None
    from_files = dict(key_polygons.tables(*given, folder=tmp_path))
    monkeypatch.undo()
    for name, table in key_polygons.tables(*given):
        assert len(table) > (name in ("key", "key_degraded"))
        gpd.testing.assert_geodataframe_equal(from_files[name], table)
    assert not list(tmp_path.iterdir())  # nothing is left, also where the job is killed


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.lists(st.tuples(*[st.integers(0, 6)] * 4), min_size=1, max_size=4),
    st.sampled_from(["C", "F", "half", "one"]), st.sampled_from(["int32", "float64", "bool"]),
    st.sampled_from([0, 1, np.inf]),
)  # fmt: skip
def test_a_map_on_disk_is_an_array(shape, windows, order, dtype, fill):
    """A system may read and write a few bytes at a time."""
    few = {"pwrite": os.pwrite, "preadv": os.preadv}
    with pytest.MonkeyPatch.context() as slow, tempfile.TemporaryDirectory() as folder:
        slow.setattr(os, "pwrite", lambda file, data, at: few["pwrite"](file, data[:5], at))
        slow.setattr(os, "preadv", lambda file, to, at: few["preadv"](file, [to[0][:7]], at))
        fill = 1 if dtype == "int32" and fill else fill
        made = disk_maps.DiskMap.nameless(shape, dtype, folder, fill)
        plain = np.full(shape, fill, dtype)
        for i, (top, bottom, left, right) in enumerate(windows, 1):
            window = slice(top, bottom), slice(left, right)
            height, width = plain[window].shape
            values = np.arange(i, i + 2 * height * width).reshape(height, 2 * width)
            values = {
                "C": values[:, :width].copy(), "F": np.asfortranarray(values[:, :width]),
                "half": values[:, ::2], "one": i,
            }[order]  # fmt: skip
            made[window] = values
            plain[window] = values
            np.testing.assert_array_equal(made[window], plain[window])
        np.testing.assert_array_equal(made[:], plain)
        assert made[:].dtype == plain.dtype


@pytest.mark.parametrize(("rows", "on_disk"), [(5, False), (6, True)])
def test_maps_lie_on_disk_where_they_would_be_large(tmp_path, monkeypatch, rows, on_disk):
    assert disk_maps.HELD == 268_435_456  # a quarter of a GiB
    monkeypatch.setattr(disk_maps, "HELD", 5 * 40 * 4)
    made = disk_maps.empty((rows, 40), "int32", tmp_path)
    assert isinstance(made, disk_maps.DiskMap) == on_disk
    assert isinstance(disk_maps.empty((rows, 40), "int32", None), np.ndarray)
    assert not made[:].any() and made.shape == (rows, 40)
    assert (disk_maps.empty((rows, 40), "float64", tmp_path, np.inf)[:] == np.inf).all()


def test_a_map_on_a_full_disk_is_an_error(tmp_path, monkeypatch):
    made = disk_maps.DiskMap.nameless((4, 5), "int32", tmp_path)
    made[1:3] = np.arange(10).reshape(2, 5)
    assert made[1:3, 1:4].tolist() == [[1, 2, 3], [6, 7, 8]] and not made[0:1].any()
    made[1:3, 1:4] = np.asfortranarray(np.array([[9, 8, 7], [6, 5, 4]], "int32"))
    assert made[1:3, 1:4].tolist() == [[9, 8, 7], [6, 5, 4]]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        made[0:1] = np.ones((1, 5))

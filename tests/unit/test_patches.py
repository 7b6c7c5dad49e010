"""Key habitat: sizes of patches, clusters, and the range of cats."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul.grid.datasets import Fields
from manul.products import key_habitat, key_polygons, units

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
    found = key_habitat.find(Fields(maps, GRID), RULES).maps(*WHOLE)
    for name, (file, band, _, _, codes) in key_habitat.BANDS.items():
        values = list(found[file].values())[band - 1]
        maps[name] = np.isin(values, codes) if codes else values
    maps |= {f"share_{name}": share for name, share in shares.items()}
    return key_polygons.tables(
        Fields(maps, GRID), {"a": "Dogs", "b": "Roads"}, RULES, "cats", STAMP
    )


def test_no_core_below_4_2_km2_and_no_breeding_patch_below_23():
    h = habitat(((0, 2), (0, 2)), ((5, 6), (0, 5)), ((10, 12), (0, 11)), ((20, 21), (0, 23)))
    found = classify(h, h)
    assert found["key"].sum() == 5 + 22 + 23  # 4 km2 is no core
    assert found["breeding"].sum() == 23
    assert set(np.unique(found["class"])) == {0, 2, 3} | ({1} if (h >= 0.4).any() else set())


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

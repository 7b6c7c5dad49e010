"""Recommendation rules on synthetic ground: the demo's own rule blocks, known answers."""

import re
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import demo_config
from odc.geo.geobox import GeoBox

from manul.config import expressions, load, selection
from manul.graph import Graph
from manul.grid import vectors
from manul.grid.fields import Fields
from manul.products import cover, key_habitat, outlines, recommendations, stamp, zones
from manul.products.gains import Gains

ROOT = Path(__file__).parents[2]
CONFIG = load.load(demo_config())["current"]
RULES = CONFIG["rules"]
CELL = 100
GRID = GeoBox.from_bbox((0, 0, 30_000, 30_000), crs="EPSG:6933", resolution=CELL)


def maps_of(key_cells) -> dict:
    """Habitat 0.7 in the key cells and 0.5 elsewhere, all other maps 0.1, one threat."""
    h = np.full(GRID.shape, 0.5, "float32")
    h[key_cells] = 0.7
    made = {"habitat": h, "habitat_reference": h}
    found = key_habitat.find(Fields(made, GRID), CONFIG["key_habitat"])
    low = np.full(GRID.shape, 0.1, "float32")
    names = selection.maps_of_rules(CONFIG, Graph({"current": CONFIG}).names("current"))
    maps = dict.fromkeys([*names, "threat", "value_at_risk"], low) | made
    maps["share_dogs"] = np.ones(GRID.shape, "float32")
    return maps | found.named(slice(None), slice(None))


def place(key_cells, layers=None, **more):
    record = {"camps": {"title": "Camps", "status": "illustrative", "date": "2024"}}
    told = {"private": {}, **more}
    return recommendations.Place(
        fields=Fields(maps_of(key_cells) | told.pop("maps", {}), GRID),
        layers=layers or {},
        records={"value_at_risk": record},
        units=told.pop("units", None),
        threats={"dogs": "Dogs"},
        as_of="2025-10-01",
        scenario="current",
        **told,
    )


def licence_rules(share, **maps):
    """Rules that fire on a 5000 ha licence with an isolated key patch of this share."""
    cells = np.zeros(GRID.shape, bool)
    count = round(share * 50e6 / CELL**2)
    cells.ravel()[np.ravel_multi_index(np.divmod(np.arange(count), 60), GRID.shape)] = True
    cells = np.roll(cells, (120, 120), (0, 1))
    licence = shapely.box(10_000, 13_000, 20_000, 18_000)
    assert cells.sum() == count
    layer = gpd.GeoDataFrame({"zone": ["L1"]}, geometry=[licence], crs="EPSG:6933")
    fired = []
    for name in ("R1a", "R1b"):
        rule = RULES[name] | {"zones": {"kind": "features", "layer": "licences"}}
        table = recommended(name, rule, place(cells, {"licences": layer}, maps=maps))
        fired += list(table["rule"])
    return fired


def recommended(name, rule, here):
    """The recommendations of a rule in the main run alone."""
    return recommendations.recommend(recommendations.assess(name, rule, here), here)


def unmet(rule, here):
    """Why no place meets a rule."""
    return recommendations.nowhere(recommendations.assess("", rule, here), here.fields)


@pytest.mark.parametrize(("share", "fired"), [(0.31, ["R1a"]), (0.29, ["R1b"]), (0.09, [])])
def test_a_licence_by_its_share_of_key_habitat(share, fired):
    assert licence_rules(share) == fired


@pytest.mark.parametrize(
    ("name", "level", "fired"),
    [
        ("protected", 0.6, []), ("protected", 0.4, ["R1a"]), ("protected", np.nan, ["R1a"]),
        ("conversion_footprint", 1.0, []), ("mines_large_footprint", 0.5, []),
        ("mines_large_footprint", np.nan, ["R1a"]),
    ],
)  # fmt: skip
def test_a_licence_that_is_taken_or_protected_already_is_no_matter(name, level, fired):
    assert licence_rules(0.31, **{name: np.full(GRID.shape, level, "float32")}) == fired


def test_poison_four_km_from_key_habitat_is_restricted_not_forbidden():
    cells = np.zeros(GRID.shape, bool)
    cells[:60, :60] = True
    here = place(cells)
    polygon = shapely.box(10_050, 27_000, 11_000, 28_000)  # 4 km east of the key patch
    inside = {}
    for name in ("R2a", "R2b"):
        table = recommended(name, RULES[name], here)
        inside[name] = table.intersects(polygon).any()
        assert table.is_valid.all()
    assert inside == {"R2a": False, "R2b": True}


def test_a_recommendation_says_why_what_who_and_on_what_data():
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    row = recommended("R1a", RULES["R1a"], place(cells)).iloc[0]
    assert "%" in row["reason"] and "{" not in row["reason"]
    assert row["data_status"] == "illustrative" and row["illustrative_layers"] == "Camps"
    assert row["agency"] and row["iucn_actions"] and row["cmp_actions"]
    assert row["threat_1"] == "Dogs 100 %"


@pytest.mark.parametrize("name", ["threat", "value_at_risk"])
def test_a_threat_may_be_called_as_a_map_is(name):
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    known = recommended("R1a", RULES["R1a"], place(cells)).iloc[0]
    here = place(cells)
    maps = maps_of(cells)
    fields = Fields(maps | {f"share_{name}": maps["share_dogs"]}, GRID)
    here = replace(here, threats={name: "Dogs"}, fields=fields)
    row = recommended("R1a", RULES["R1a"], here).iloc[0]
    for column in ("threat_1", "mean_threat", "value_at_risk_km2", "id"):
        assert row[column] == known[column]


@pytest.mark.parametrize(("towns", "named"), [(True, ", 12 km E of Naryn, West"), (False, "")])
def test_a_key_area_is_named_by_its_number_a_town_and_its_unit(towns, named):
    cells = np.zeros(GRID.shape, bool)
    cells[90:210, 90:210] = True  # around the middle
    rule = RULES["R1a"] | {"zones": {"kind": "key_areas"}, "measures": {}, "when": "True"}
    told = {
        "units": provinces(shapely.box(0, 0, 30_000, 30_000)),
        "towns": layer(shapely.Point(3000, 15_000), name=["Naryn"]),
    }
    here = place(cells, maps={"key_area": cells.astype("int32")}, **(told if towns else {}))
    found = recommendations._zones(rule | {"nearest": {}}, here)[0]
    assert found["zone"].tolist() == [f"key area 1{named}"]


def test_a_place_tells_what_a_scenario_puts_at_risk_beyond_the_first():
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    before = np.full(GRID.shape, 0.06, "float32")  # now it is 0.1 everywhere
    first = recommended("R1a", RULES["R1a"], place(cells))
    later = recommended("R1a", RULES["R1a"], place(cells, maps={outlines.BEFORE: before}))
    assert first[outlines.CHANGE].isna().all()
    assert later[outlines.CHANGE].tolist() == pytest.approx(0.04 * later["area_km2"], abs=1e-3)


def test_the_first_of_the_priority_list_is_the_label_where_rules_overlap():
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    found = {n: recommended(n, RULES[n], place(cells)) for n in ("R2a", "R1a")}
    recommendations.label_overlaps(found, CONFIG["priority"])
    assert set(found["R2a"]["primary_rule"]) == {"R1a"}
    assert "R2a" in found["R1a"]["other_rules"].iloc[0]


@pytest.mark.parametrize(
    ("shape", "others"),
    [
        (shapely.box(0, 0, 1000, 90), ""),  # has a side in common
        (shapely.box(0, 0, 1500, 90), "B"),
        (shapely.LineString([(1500, 50), (2000, 50)]), "B"),
        (shapely.LineString([(0, 50), (990, 50)]), ""),
    ],
)
def test_zones_that_only_touch_do_not_overlap(shape, others):
    one = gpd.GeoDataFrame({"rule": ["A"]}, geometry=[shapely.box(1000, 0, 3000, 90)])
    other = gpd.GeoDataFrame({"rule": ["B"]}, geometry=[shape])
    recommendations.label_overlaps({"A": one, "B": other, "C": other[:0].copy()}, ["B"])
    assert one["other_rules"].tolist() == [others]
    assert one["primary_rule"].tolist() == [others or "A"]
    assert other["other_rules"].tolist() == ["A" if others else ""]
    assert other["primary_rule"].tolist() == ["B"]


def test_what_holds_in_half_of_the_draws_is_recommended_with_its_share():
    """Of four zones the rule holds in the first; in draws also in the third, seldom in others."""
    shapes = [shapely.box(x, 0, x + 900, 900) for x in range(0, 4000, 1000)]
    table = layer(*shapes, size=[9, 2, 3, 4])
    rule = RULES["R1a"] | {
        "zones": {"kind": "features", "layer": "mines"}, "measures": {"size": {"field": "size"}},
        "nearest": {}, "when": "size > 5", "reason": "size {size:.0f}",
    }  # fmt: skip
    here = place(np.zeros(GRID.shape, bool), {"mines": table})
    found = recommendations.assess("R1a", rule, here)
    draws = np.array([[1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, 1]], bool)
    made = recommendations.recommend(found, here, draws)
    assert dict(zip(made["reason"], made["support"], strict=True)) == {
        "size 4": 1, "size 3": 0.5, "size 9": 0.25,
    }  # fmt: skip
    assert made["confidence"].tolist()[1] == "holds in 50% of 4 draws"
    tips = recommendations.recommend(found, here, draws, lambda some: ["a tip"] * len(some))
    assert tips["confidence"].tolist()[1] == "holds in 50% of 4 draws; a tip"


def test_a_rule_may_ask_for_the_best_of_its_zones():
    """Of four zones the largest has a rank of 1 and the next one of 3/4."""
    shapes = [shapely.box(x, 0, x + 900, 900) for x in range(0, 4000, 1000)]
    rule = RULES["R1a"] | {
        "zones": {"kind": "features", "layer": "mines"}, "measures": {"size": {"field": "size"}},
        "nearest": {}, "when": "size_rank >= 0.75", "reason": "{size:.0f}: {size_rank:.0%}",
    }  # fmt: skip
    here = place(np.zeros(GRID.shape, bool), {"mines": layer(*shapes, size=[9, 2, 3, 4])})
    assert set(recommended("R1a", rule, here)["reason"]) == {"9: 100%", "4: 75%"}


def test_each_row_has_the_gains_of_its_zone_where_its_rule_acts():
    """Mines of sizes 9, 2, 8, 4: A stands on two of them, B acts on nothing, C on the small one."""
    shapes = [shapely.box(x, 0, x + 900, 900) for x in range(0, 4000, 1000)]
    here = place(np.zeros(GRID.shape, bool), {"mines": layer(*shapes, size=[9, 2, 8, 4])})

    def assessed(name, when, *threats):
        rule = RULES["R1a"] | {
            "zones": {"kind": "features", "layer": "mines"}, "reason": "{size:.0f}", "nearest": {},
            "measures": {"size": {"field": "size"}}, "when": when, "gain": {"without": threats},
        }  # fmt: skip
        return recommendations.assess(name, rule, here)

    every = [
        assessed("A", "size > 5", "dogs"), assessed("B", "size > 8"),
        assessed("C", "size < 3", "dogs"),
    ]  # fmt: skip
    assert [shape.bounds for shape in every[0].ground] == [shape.bounds for shape in shapes]
    zone = np.arange(12)  # of the rules, one after the other; a face of its own each
    km2 = np.stack([zone, zone + 2], axis=1).astype("float32")
    gained = Gains((("without", "dogs"),), zone.astype(object), 0 * zone, km2, zone, zone)
    found, of_rows = recommendations.recommend_all(every, here, {}, None, gained)
    columns = ["reason", *recommendations.GAIN, "gain_of"]
    assert found["A"][columns].values.tolist() == [
        ["9", 1, 0.1, 1.9, "without Dogs"], ["8", 3, 2.1, 3.9, "without Dogs"],
    ]  # fmt: skip
    assert found["C"][columns].values.tolist() == [["2", 10, 9.1, 10.9, "without Dogs"]]
    assert found["A"]["key_gain_km2"].isna().all()
    assert found["A"][[*recommendations.BACK]].equals(
        found["A"][[*recommendations.GAIN]].set_axis([*recommendations.BACK], axis=1)
    ), "all of it comes back"
    dogs_take = replace(here, takes_habitat={"dogs"})
    doubled = np.r_[zone, zone]
    gained = Gains(
        (("without", "dogs"), ("again", "dogs")), zone.astype(object), np.repeat([0, 1], 12),
        np.r_[km2, km2 / 2], np.arange(24), doubled,
    )  # fmt: skip
    twice, _ = recommendations.recommend_all(every, dogs_take, {}, None, gained)
    assert twice["A"][columns].equals(found["A"][columns])
    assert twice["A"][[*recommendations.KEY_GAIN]].values.tolist() == [
        [0.5, 0.05, 0.95], [1.5, 1.05, 1.95],
    ]  # fmt: skip
    assert twice["B"]["key_gain_km2"].isna().all()
    assert found["B"]["gain_km2"].isna().all() and found["B"]["gain_of"].tolist() == [""]
    assert of_rows.names.tolist() == [i for table in found.values() for i in table["id"]]
    assert of_rows.of_each()[:, 0].tolist() == [0, 2, 4, 9]


NO_KEY = np.zeros(GRID.shape, bool)


def test_a_licence_block_is_a_polygon_and_nothing_else():
    blocks = layer(shapely.box(0, 0, 9, 9), shapely.Point(3, 3), name=["L1", "office"])
    found = zones.find(
        {"kind": "features", "layer": "licences"},
        place(NO_KEY, {"licences": blocks}).fields, {"licences": blocks},
    )  # fmt: skip
    assert found["zone"].tolist() == ["L1"]


def test_a_rule_may_rank_its_places_by_a_measure():
    west, east = shapely.box(0, 0, 4000, 4000), shapely.box(4000, 0, 8000, 4000)
    blocks = layer(west, east, worth=[3.0, 8.0])
    rule = RULES["R1a"] | {
        "zones": {"kind": "features", "layer": "licences"},
        "measures": {"worth": {"field": "worth"}}, "when": "worth > 1", "reason": "{worth:.0f}",
    }  # fmt: skip
    here = place(NO_KEY, {"licences": blocks})
    assert recommended("R1a", rule | {"rank": "worth"}, here)["reason"].tolist() == ["8", "3"]
    here = place(NO_KEY, {"licences": blocks.assign(worth=[9.0, 8.0])})
    assert recommended("R1a", rule | {"rank": "worth"}, here)["reason"].tolist() == ["9", "8"]
    small = shapely.box(4000, 0, 5000, 4000)  # equal but for what sums leave: most value first
    here = place(NO_KEY, {"licences": layer(west, small, worth=[8.0, 8.0 + 1e-12])})
    found = recommended("R1a", rule | {"rank": "worth"}, here)
    assert found["area_km2"].tolist() == [16, 4]
    assert found["value_at_risk_km2"].is_monotonic_decreasing


def test_layers_of_places_are_drawn_by_verdict_and_roads_as_lines():
    areas = layer(shapely.box(0, 0, 9, 9), verdict=["issue"])
    roads = layer(shapely.LineString([(0, 0), (9, 9)]), verdict=["issue"], length_km=1)
    words = {"length_km": {"title": "Length", "unit": "km"}}
    made = recommendations.styles({"R1": areas, "R4": roads, "R5": areas[:0]}, words)
    assert {name: style.line for name, style in made.items()} == {"R1": False, "R4": True}
    assert made["R4"].aliases["length_km"] == "Length (km)"


def test_the_table_tells_what_was_not_assessed_and_what_found_nothing():
    empty = recommended("R1a", RULES["R1a"], place([]))
    lacking = {"R8": "needs grazing pressure"}
    table = recommendations.listing(
        {"R1a": empty}, RULES, lacking, withheld={"R6": "Dog management zone"}
    )
    reasons = dict(zip(table["rule"], table["reason"], strict=True))
    assert reasons == {
        "R1a": "assessed: no place meets the rule",
        "R8": "not assessed: needs grazing pressure",
        "R6": "withheld: its places are not public",
    }


def test_zonal_means_are_weighted_by_cover():
    grid = GeoBox.from_bbox((0, 0, 4, 2), crs="EPSG:6933", resolution=1)
    values = np.array([[1, 2, np.nan, 4], [1, 2, 3, 4]], float)
    shape = [shapely.box(0.5, 0, 3, 2)]  # half of the first column, all of the next two
    fields = Fields({"x": values}, grid)
    assert zones.zonal("x", shape, fields) == pytest.approx([(0.5 * 2 + 2 * 2 + 3) / 4])


@pytest.mark.parametrize("statistic", ["mean", "sum", "min", "max"])
def test_a_large_zone_in_pieces_has_the_numbers_of_the_whole(monkeypatch, statistic):
    grid = GeoBox.from_bbox((0, 0, 300, 200), crs="EPSG:6933", resolution=1)
    values = np.random.default_rng(0).random((200, 300))
    values[50:80, 40:90] = np.nan
    numbers = np.repeat(np.repeat(np.arange(6).reshape(2, 3), 100, 0), 100, 1)
    fields = Fields({"x": values, "key_patch": numbers, "key": numbers > 0}, grid)
    shapes = [
        shapely.Point(150, 100).buffer(90.3),
        shapely.box(-20, 3.25, 280.5, 60.75),
        shapely.box(10, 10, 12, 12),
        shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(250, 150, 299, 199)]),
    ]
    table = gpd.GeoDataFrame({"zone": list("abcd")}, geometry=shapes, crs="EPSG:6933")
    whole = zones.zonal("x", shapes, fields, statistic)
    share = zones.Measures(table, fields.grid).measure({"patch_share": "key"}, fields)
    monkeypatch.setattr(cover, "PIECE", 32)
    np.testing.assert_allclose(zones.zonal("x", shapes, fields, statistic), whole, rtol=1e-9)
    np.testing.assert_allclose(
        zones.Measures(table, fields.grid).measure({"patch_share": "key"}, fields), share
    )
    assert share[1] == pytest.approx(0.575, abs=1e-6)  # 57.5 of the 100 rows of patch 4


# Cells of 1 km, 20 x 10: habitat 0.2 in the left half, 0.8 in the right one, unknown on top.
WIDE = GeoBox.from_bbox((0, 0, 20_000, 10_000), crs="EPSG:6933", resolution=1000)
HALVES = np.where(np.arange(20) < 10, 0.2, 0.8)[None, :] * np.ones((10, 1))
HALVES[0] = np.nan


def wide_fields(**maps):
    return Fields({"habitat": HALVES, **maps}, WIDE)


def layer(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:6933")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"mean": "habitat"}, [0.5, 0.2, np.nan]),
        ({"mean": "habitat * 10"}, [5, 2, np.nan]),
        ({"minimum": "habitat"}, [0.2, 0.2, np.nan]),
        ({"maximum": "habitat"}, [0.8, 0.2, np.nan]),
        ({"share": "habitat > 0.5"}, [0.5, 0, np.nan]),
        ({"area": "habitat > 0.5"}, [8, 0, 0]),
        ({"patch_share": "key"}, [8 / 80, 0, 2 / 80]),
        ({"left_mean": "habitat"}, [0.2, 0.2, 0.2]),
        ({"right_mean": "habitat"}, [0.8, 0.8, 0.8]),
        ({"field": "tons"}, [3, np.nan, 5.5]),
    ],
)
def test_each_measure_of_a_zone(how, expected):
    """Zones of 4 x 4 cells over both halves, 2.5 x 2 in the left one, 4 x 1 where all is unknown.

    The one patch has 80 cells of the right half, two rows of it being left out.
    """
    boxes = [(8, 2, 12, 6), (1.5, 2, 4, 4), (8, 9, 12, 10)]
    shapes = [shapely.box(*(1000 * n for n in box)) for box in boxes]
    beside = {n: [shapely.box(*(1000 * i for i in box))] * 3 for n, box in
              {"left": (6, 2, 8, 4), "right": (11, 2, 12, 3)}.items()}  # fmt: skip
    table = layer(*shapes, zone=list("abc"), tons=["3", "many", "5.5"], **beside)
    patch = (np.arange(20) >= 10)[None, :] * np.ones((10, 1), "int32")
    patch[1:3, 10:20] = 0
    fields = wide_fields(key_patch=patch, key=patch > 0)
    found = zones.Measures(table, WIDE).measure(how, fields)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_square_blocks_cover_what_is_known():
    """Blocks of 4 km2; those of the unknown top row are half known, which is too little."""
    found = zones.find({"kind": "tiles", "area_km2": 4}, wide_fields(), {})
    assert len(found) == 10 * 4 and set(found.area) == {4e6}
    assert found.total_bounds.tolist() == [0, 0, 20_000, 8_000]
    assert found["zone"][0] == "2 km block at 0.0078° N 0.0104° E"


def test_blocks_end_where_the_region_does():
    """Five by three km in blocks of 2 km: the last of each row and column is half as wide."""
    grid = GeoBox.from_bbox((0, 0, 5_000, 3_000), crs="EPSG:6933", resolution=1000)
    fields = Fields({"habitat": np.ones(grid.shape)}, grid)
    found = zones.find({"kind": "tiles", "area_km2": 4}, fields, {})
    assert found.total_bounds.tolist() == [0, 0, 5_000, 3_000]
    assert (found.area / 1e6).tolist() == [4, 4, 2, 2, 2, 1]
    assert found["zone"][5] == "2 km block at 0.0196° N 0.0466° E"  # its middle lies in the region


@pytest.mark.parametrize(("side", "told"), [(99_700, "100"), (12_300, "12"), (7071, "7.1")])
def test_the_side_of_a_block_is_told_without_a_power_of_ten(side, told):
    (name,) = zones._named_by_middle([0], [0], side, GRID)
    assert name == f"{told} km block at 0.00° N 0.00° E"


def test_features_have_the_name_of_their_column_or_the_number_of_their_row():
    spots = [shapely.box(n, n, n + 1, n + 1) for n in range(3)]
    mines = layer(*spots, id=["A", None, " "], size=[1, 2, 3])
    spec = {"kind": "features", "layer": "mines"}
    found = zones.find(spec | {"id_field": "id"}, wide_fields(), {"mines": mines})
    assert found["zone"].tolist() == ["A", "no name 1", "no name 2"]
    found = zones.find(spec | {"where": "size >= 2"}, wide_fields(), {"mines": mines})
    assert found["zone"].tolist() == ["1", "2"]
    discs = zones.find(spec | {"kind": "points", "radius_m": 1000}, wide_fields(), {"mines": mines})
    assert discs.area.tolist() == pytest.approx([np.pi * 1e6] * 3, rel=0.01)


@pytest.mark.parametrize(("smallest_km2", "patches"), [(3, 2), (3.5, 1), (91, 0)])
def test_patches_where_an_expression_holds_and_large_enough(smallest_km2, patches):
    """The right half has 90 known cells; three more lie in the left one."""
    also = np.zeros((10, 20), bool)
    also[5, 2:5] = True
    spec = {"kind": "mask", "where": "habitat > 0.5 or also", "smallest_km2": smallest_km2}
    found = zones.find(spec, wide_fields(also=also), {})
    assert len(found) == patches
    assert found["area_km2"].tolist() == [90, 3][:patches]
    assert found["zone"].tolist() == ["patch 1", "patch 2"][:patches]


@pytest.mark.parametrize(("smallest_km2", "areas"), [(4, [8, 4]), (5, [8]), (9, [])])
def test_the_least_size_of_a_patch_is_in_km2_and_not_in_cells(smallest_km2, areas):
    """Cells of 2 km: a patch of two of them has 8 km2, one of one has 4."""
    here = np.zeros((5, 5), bool)
    here[0, :2] = here[4, 4] = True
    grid = GeoBox.from_bbox((0, 0, 10_000, 10_000), crs="EPSG:6933", resolution=2000)
    spec = {"kind": "mask", "where": "here", "smallest_km2": smallest_km2}
    found = zones.find(spec, Fields({"here": here}, grid), {})
    assert found["area_km2"].tolist() == areas


def test_patches_and_areas_of_key_habitat_by_their_number():
    numbers = np.zeros((10, 20), "int32")
    numbers[2:4, 2:5], numbers[6, 6] = 1, 2
    fields = wide_fields(key_patch=numbers, key_area=numbers > 1)
    patches = zones.find({"kind": "patches"}, fields, {})
    assert patches["zone"].tolist() == ["key patch 1", "key patch 2"]
    assert patches["area_km2"].tolist() == [6, 1]
    areas = zones.find({"kind": "key_areas"}, fields, {})
    assert (areas["zone"].tolist(), areas["area_km2"].tolist()) == (["key area 1"], [1])


@pytest.mark.parametrize(
    ("length", "pieces"),
    [(300, [300]), (2000, [1000, 1000]), (2000.5, [1000, 1000.5]), (2001.5, [1000, 1000, 1.5])],
)
def test_a_line_leaves_no_rest_below_a_metre(length, pieces):
    cut_ = zones._cut(shapely.LineString([(0, 0), (length, 0)]), 1000)
    assert [piece.length for piece in cut_] == pieces


def test_a_road_is_cut_into_pieces_with_a_strip_on_each_side():
    road = shapely.LineString([(-5000, 5000), (4500, 5000)])
    roads = layer(road, shapely.box(0, 0, 1000, 1000), name=["A 365", "B"])
    spec = {"kind": "segments", "layer": "roads", "length_m": 2000, "side_m": 500}
    found = zones.find(spec, wide_fields(), {"roads": roads})
    assert found["zone"].tolist() == ["A 365, km 0", "A 365, km 2", "A 365, km 4"]
    assert found.length.tolist() == [2000, 2000, 500] and set(found["line"]) == {"A 365"}
    left, right = found["left"][0], found["right"][0]
    assert left.bounds == (0, 5000, 2000, 5500) and right.bounds == (0, 4500, 2000, 5000)


@pytest.mark.parametrize(
    ("newest", "metres", "name"),
    [
        ("2025-09-21", 3000, "near"),  # 10 days ago, as old as it may be
        ("2025-09-20", 4000, "far"),
        ("2025-10-02", 4000, "far"),  # not yet
    ],
)
def test_the_nearest_record_of_the_wanted_age(newest, metres, name):
    zone = layer(shapely.box(0, 0, 1000, 1000))
    events = layer(
        shapely.Point(4000, 500), shapely.Point(5000, 500),
        date=[newest, "2025-10-01"], soum=["near", "far"],
    )  # fmt: skip
    here = recommendations.Place(
        wide_fields(), {"events": events}, {}, None, {}, as_of="2025-10-01", scenario="current"
    )
    spec = {"layer": "events", "within_m": 4000, "newer_than_days": 10, "date_field": "date",
            "name_field": "soum"}  # fmt: skip
    found = recommendations._nearest("event", spec, zone, here)
    assert (found["event_distance_m"][0], found["event_name"][0]) == (metres, name)
    beyond = recommendations._nearest("event", spec | {"within_m": 2999}, zone, here)
    assert np.isnan(beyond["event_distance_m"][0]) and beyond["event_name"][0] == ""


def test_each_number_of_a_recommendation():
    """A licence of 16 km2, half of it good; a road beside it, of which 2 km lie in the region."""
    tenth = np.full((10, 20), 0.1)
    fields = wide_fields(value_at_risk=tenth, threat=5 * tenth, share_dogs=10 * tenth)
    layers = {"licences": layer(shapely.box(8000, 2000, 12_000, 6000), id=["L 1"])}
    layers["roads"] = layer(shapely.LineString([(18_000, 5000), (22_000, 5000)]), name=["A"])
    units = layer(shapely.box(0, 0, 20_000, 10_000), name=["West"])
    here = recommendations.Place(
        fields, layers, {}, units, {"dogs": "Dogs"}, as_of="2025-10-01", scenario="current"
    )
    spec = {"kind": "features", "layer": "licences", "id_field": "id"}
    rule = RULES["R1a"] | {
        "zones": spec, "measures": {"good": {"share": "habitat > 0.5"}}, "nearest": {},
        "when": "good >= 0.5", "reason": "{good:.0%} of it is good",
    }  # fmt: skip
    row = recommended("R1a", rule, here).iloc[0]
    assert (row["zone"], row["unit"], row["reason"]) == ("R1a L 1", "West", "50% of it is good")
    assert (row["area_km2"], row["value_at_risk_km2"], row["mean_threat"]) == (16, 1.6, 0.5)
    assert np.isnan(row["length_km"]) and row["threat_1"] == "Dogs 100 %" and row["threat_2"] == ""
    assert not len(recommended("R1a", rule | {"when": "good > 0.5"}, here))
    road = {"kind": "segments", "layer": "roads", "length_m": 5000, "side_m": 500}
    measures = {side: {f"{side}_mean": "habitat"} for side in ("left", "right")}
    rule |= {"zones": road, "measures": measures, "when": "left > 0.7", "reason": "{right:.1f}"}
    row = recommended("R4", rule, here).iloc[0]
    assert (row["zone"], row["length_km"], row["reason"]) == ("R4 A, km 0", 2, "0.8")
    assert np.isnan(row["area_km2"]) and row["value_at_risk_km2"] == 0.2  # of 2 km2 on both sides


def test_numbers_of_a_recommendation_are_rounded_to_what_can_be_read():
    """A licence of a third of a km2 on maps of a third; a road of 2/3 km."""
    third = np.full((10, 20), 1 / 3)
    fields = wide_fields(value_at_risk=third, threat=third, share_dogs=3 * third)
    shape = shapely.box(8000, 2000, 9000, 2000 + 1000 / 3)
    layers = {"licences": layer(shape, id=["L"])}
    layers["roads"] = layer(shapely.LineString([(8000, 5000), (8000 + 2000 / 3, 5000)]), name=["A"])
    here = recommendations.Place(
        fields, layers, {}, None, {"dogs": "Dogs"}, as_of="2025-10-01", scenario="current"
    )
    rule = RULES["R1a"] | {
        "zones": {"kind": "features", "layer": "licences"}, "nearest": {},
        "measures": {"good": {"mean": "habitat"}}, "when": "good > 0", "reason": "good",
    }  # fmt: skip
    table = recommended("R1a", rule, here)
    row = table.iloc[0]
    told = row[["area_km2", "value_at_risk_km2", "mean_threat"]].tolist()
    assert told == [0.33, 0.111, 0.333]
    (place_,) = recommendations.listing({"R1a": table}, {"R1a": rule}, {}).to_dict("records")
    assert place_["longitude"] == round(place_["longitude"], 4) == pytest.approx(0.088, abs=1e-3)
    assert place_["latitude"] == round(place_["latitude"], 4) == pytest.approx(0.017, abs=1e-3)
    road = {"kind": "segments", "layer": "roads", "length_m": 5000, "side_m": 500}
    rule |= {"zones": road, "measures": {"good": {"left_mean": "habitat"}}}
    assert recommended("R4", rule, here)["length_km"].tolist() == [0.667]


def test_both_sides_of_a_road_are_looked_at():
    good = np.where(np.arange(300) < 150, 0.7, 0.3)[None, :] * np.ones((300, 1))
    road = gpd.GeoDataFrame(
        {"name": ["r"], "road_class": ["paved"]},
        geometry=[shapely.LineString([(15_000, 1_000), (15_000, 9_000)])],
        crs="EPSG:6933",
    )
    rule, maps = RULES["R4"], {"habitat_reference": good}
    here = place([], {"roads": road}, maps=maps)
    assert not len(recommended("R4", rule, here))
    west = road.set_geometry(road.translate(-5_000))
    table = recommended("R4", rule, place([], {"roads": west}, maps=maps))
    assert table["length_km"].sum() == pytest.approx(8)


@pytest.mark.parametrize("text", ["__import__('os')", "key.sum()", "[key for key in x]", "a +"])
def test_expressions_refuse_what_is_not_a_condition(text):
    with pytest.raises(expressions.ExpressionError):
        expressions.names(text)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(expressions.ExpressionError, match="habitat"):
        expressions.evaluate("habitt > 0", {"habitat": 1})


# ---------------------------------------------------------------------------- hidden places


def gaps(at, private=True):
    """The zones of R7 near one record of a cat, where an area may hold one place."""
    layer = gpd.GeoDataFrame(
        {"date": ["2025-01-01"], "category": ["C1"], "n_adults": [1]},
        geometry=[shapely.Point(at)],
        crs="EPSG:6933",
    )
    none = np.zeros(GRID.shape, "float32")
    rule = RULES["R7"] | {
        "nearest": {"record": RULES["R7"]["nearest"]["record"] | {"within_m": 5000}}
    }
    rule["when"] = rule["when"].replace("10000", "5000")
    maps = dict.fromkeys(("survey_effort", "suitability_mess"), none)
    everywhere = np.ones(GRID.shape, bool)
    rules = {"cell_m": 10_000, "least": 1, "reach_m": 0, "margin_m": 0}
    hidden = {"manul_records": rules} if private else {}
    here = place(everywhere, {"manul_records": layer}, maps=maps, private=hidden)
    table = recommended("R7", rule, here)
    return sorted(table.geometry.to_wkt())


def test_zones_do_not_give_away_where_in_its_10_km_cell_a_hidden_record_lies():
    assert gaps((10_100, 10_100)) == gaps((19_900, 19_900))
    assert gaps((10_100, 10_100)) != gaps((9_900, 9_900))
    assert gaps((10_100, 10_100), private=False) != gaps((19_900, 19_900), private=False)


def test_no_zone_lies_nearer_to_a_hidden_record_than_the_rule_allows():
    at = shapely.Point(19_000, 15_000)
    assert all(shapely.from_wkt(zone).distance(at) > 5000 for zone in gaps(at.coords[0]))
    assert gaps(at.coords[0])


# ---------------------------------------------------------------- what rows say of themselves


SQUARE = shapely.box(0, 0, 1000, 1000)


def test_a_place_keeps_its_name_as_long_as_it_is_the_same_place():
    turned = shapely.Polygon([(1000, 0), (1000, 1000), (0, 1000), (0, 0)])
    nearly = shapely.box(0.4, 0, 1000, 1000.3)
    names = [stamp.identities("R1a", [shape])[0] for shape in (SQUARE, turned, nearly)]
    assert len(set(names)) == 1 and names[0].startswith("R1a-")
    other = stamp.identities("R1a", [shapely.box(0, 0, 1000, 1200)])
    assert other[0] != names[0]
    assert stamp.identities("R1b", [SQUARE])[0] != names[0]


def test_places_in_one_spot_have_different_names():
    names = stamp.identities("key", [SQUARE, SQUARE, SQUARE])
    assert re.fullmatch("key-[0-9a-f]{8}", names[0])
    assert names[1:] == [f"{names[0]}-2", f"{names[0]}-3"]


@pytest.mark.parametrize("at_once", [1, 6, 12])
def test_names_do_not_depend_on_what_is_looked_at_together(monkeypatch, at_once):
    shapes = [shapely.box(d, 0, 1000 + d, 1000) for d in (0, 0, 300, 5000, 0)]
    want = stamp.identities("key", shapes)
    assert len(set(want)) == 5
    monkeypatch.setattr(stamp, "LARGE", at_once)
    found = stamp.identities("key", shapes)
    assert (found == want) == (at_once > 5)  # a shape has 5 corners, and large ones other names
    turned = [shapely.Polygon(shape.exterior.coords[1:]) for shape in shapes]
    assert stamp.identities("key", turned) == found and len(set(found)) == 5


def test_a_place_that_moves_by_more_than_100_m_is_another():
    moved = [shapely.box(d, 0, 1000 + d, 1000) for d in (0, 40, 60, 120)]
    first, near, next_, far = (stamp.identities("R1a", [shape])[0] for shape in moved)
    assert first == near != next_ == far


def test_a_stamp_names_the_weakest_data_and_the_largest_error():
    roads = {"title": "Roads", "status": "reconstructed", "date": "2019"}
    camps = {"title": "Camps", "status": "illustrative", "date": "2024"}
    record = {
        "a": roads | {"positional_error_m": 4000},
        "b": camps | {"positional_error_m": 50},
    }
    told = stamp.stamp(record, "planned")
    assert told["data_status"] == "illustrative" and told["illustrative_layers"] == "Camps"
    assert told["data_dates"] == "2019-2024" and told["positional_error_m"] == 4000
    assert told["scenario"] == "planned" and "Camps are invented" in told["notice"]


def test_every_row_has_its_own_name_status_scenario_and_notice():
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    found = {n: recommended(n, RULES[n], place(cells)) for n in ("R1a", "R1b", "R2a")}
    stamped = {"scenario": "current", "notice": "x", "data_status": "measured"}
    table = recommendations.listing(found, RULES, {"R8": "needs grazing"}, {}, stamped)
    assert table["id"].is_unique and table["id"].notna().all()
    assert table["zone"].dropna().is_unique
    for column in ("scenario", "notice", "data_status"):
        assert (table[column].fillna("") != "").all(), column


def test_a_block_is_named_by_its_middle_and_size():
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    zone = recommended("R1a", RULES["R1a"], place(cells))["zone"].iloc[0]
    # 15 km from the origin of EPSG:6933 is 0.16 degrees of longitude and 0.12 of latitude.
    assert re.fullmatch(r"R1a 7.1 km block at 0\.\d\d° N 0\.\d\d° E", zone)


@pytest.mark.parametrize(
    ("value", "form", "told"),
    [
        (0.003, ".0%", "<1%"), (0.0, ".0%", "0%"), (0.5, ".0%", "50%"), (0.004, ".2f", "<0.01"),
        (-0.004, ".2f", ">-0.01"), (0.2, ".0f", "<1"), (12.0, ".0f", "12"),
        (float("nan"), ".0%", "unknown"),
    ],
)  # fmt: skip
def test_a_number_that_is_not_zero_is_not_told_as_zero(value, form, told):
    assert format(recommendations.Told(value), form) == told


# ------------------------------------------------------------------------- borders, roads, limits


def provinces(*shapes) -> gpd.GeoDataFrame:
    names = ["West", "East"][: len(shapes)]
    return gpd.GeoDataFrame({"name": names}, geometry=list(shapes), crs="EPSG:6933")


def cut(units, smallest_km2=4.2):
    zone = gpd.GeoDataFrame({"zone": ["patch 1"]}, geometry=[shapely.box(0, 0, 10_000, 1_000)],
                            crs="EPSG:6933")  # fmt: skip
    found = recommendations._cut_by_units(zone, units, smallest_km2)
    return dict(zip(found["zone"], (found.area / 1e6).round(6), strict=True))


def test_a_border_cuts_a_zone_but_leaves_no_sliver():
    half = provinces(shapely.box(-1, -1, 5_000, 2_000), shapely.box(5_000, -1, 11_000, 2_000))
    assert cut(half) == {"patch 1, West": 5, "patch 1, East": 5}
    sliver = provinces(shapely.box(-1, -1, 9_990, 2_000), shapely.box(9_990, -1, 11_000, 2_000))
    assert cut(sliver) == {"patch 1, West": 10}


@pytest.mark.parametrize(("smallest_km2", "pieces"), [(3, [7, 3]), (3.5, [10])])
def test_a_piece_of_just_the_least_size_is_a_zone_of_its_own(smallest_km2, pieces):
    units = provinces(shapely.box(-1, -1, 7_000, 2_000), shapely.box(7_000, -1, 11_000, 2_000))
    assert list(cut(units, smallest_km2).values()) == pieces


def test_ground_beyond_all_units_stays_in_the_zone():
    west = provinces(shapely.box(-1, -1, 5_000, 2_000))
    assert cut(west) == {"patch 1, West": 5, "patch 1": 5}


def roads_in_one_valley(gap_m):
    """Places of R4 on two parallel roads of 4 km, so far apart, one half a kilometre ahead."""
    lines = [
        shapely.LineString([(10_000, 10_000), (14_000, 10_000)]),
        shapely.LineString([(10_500, 10_000 + gap_m), (14_500, 10_000 + gap_m)]),
    ]
    roads = gpd.GeoDataFrame(
        {"name": ["A", "B"], "road_class": ["paved", "haul"]}, geometry=lines, crs="EPSG:6933"
    )
    good = np.full(GRID.shape, 0.7, "float32")
    here = place([], {"roads": roads}, maps={"habitat_reference": good})
    return recommended("R4", RULES["R4"], here)


def test_two_roads_in_one_valley_are_one_place_to_mend():
    apart, together = roads_in_one_valley(4_000), roads_in_one_valley(600)
    assert len(apart) == 8 and apart["length_km"].sum() == pytest.approx(8)
    assert together["length_km"].sum() == pytest.approx(8)  # nothing is lost
    assert len(together) < 8
    every = " ".join(together["zone"])
    assert all(f"{road}, km {i}" in every for road in "AB" for i in range(4))


def test_a_stretch_says_how_well_the_place_of_its_road_is_known():
    roads = {"roads": {"title": "Roads", "status": "reconstructed", "date": "2024"}}
    roads["roads"]["positional_error_m"] = 4000
    here = place([])
    here.records["roads"] = roads
    told = recommendations._how_well_placed(RULES["R4"], here)
    assert told == "place of roads known to 4000 m"
    assert recommendations._how_well_placed(RULES["R1a"], here) == ""


@pytest.mark.parametrize(
    ("other", "beside"),
    [
        ([(0, 500), (1000, 500)], True),
        ([(500, 500), (1500, 500)], True),
        ([(1000, 0), (2000, 0)], False),  # goes on
        ([(1200, 0), (2200, 0)], False),  # goes on after a gap
        ([(600, 500), (1600, 500)], True),  # its middle is 100 m ahead of the end
        ([(900, 500), (1900, 500)], False),  # 400 m ahead, and 500 m aside
        ([(500, 0), (500, 1000)], False),  # crosses
        ([(329, -270), (671, 670)], False),  # crosses at 70 degrees
        ([(0, 1600), (1000, 1600)], False),  # too far
    ],
)
def test_what_runs_beside_a_road(other, beside):
    road = np.array([shapely.LineString([(0, 0), (1000, 0)])])
    found = recommendations._run_beside(road, shapely.LineString(other), 1500)
    assert found.tolist() == [beside]


def test_pieces_of_one_road_stay_apart():
    table = roads_in_one_valley(4_000)
    assert not table["zone"].str.contains("beside").any()
    assert set(table["zone"]) == {f"R4 {road}, km {i}" for road in "AB" for i in range(4)}


def test_a_rule_that_cannot_fire_says_which_of_its_limits_is_out_of_reach():
    weak = np.full(GRID.shape, 0.159, "float32")
    events = provinces().assign(date_start="2020-01-01", event_id="E1")
    here = place([], {"rodenticide_events": events}, maps={"effect_rodenticide_toxic": weak})
    why = unmet(RULES["R2c"], here)
    assert why == (
        "the rule asks for effect_rodenticide_toxic >= 0.2, but it is at most 0.159 in the region"
    )
    table = recommendations.listing({"R2c": provinces().iloc[:0]}, RULES, {}, {"R2c": why})
    assert table["reason"].tolist() == [f"assessed: no place meets the rule; {why}"]


def test_a_measure_that_no_zone_reaches_is_told():
    rule = RULES["R5"] | {"when": "habitat >= 0.5 and hunting >= 0.15"}
    why = unmet(rule, place([]))
    assert why == "the rule asks for hunting >= 0.15, but it is at most 0.1 in any zone"


def test_a_measure_below_which_no_zone_lies_is_told():
    cells = np.zeros(GRID.shape, bool)
    cells[100:200, 100:200] = True
    rule = RULES["R5"] | {"when": "habitat < 0.4", "measures": {"habitat": {"mean": "habitat"}}}
    why = unmet(rule, place(cells))
    assert why == "the rule asks for habitat < 0.4, but it is at least 0.5 in any zone"


@pytest.mark.parametrize(
    ("limit", "reached"),
    [("x > 2", False), ("x >= 2", True), ("x > 1.9", True), ("x >= 2.1", False),
     ("x < 1", False), ("x <= 1", True), ("x < 1.1", True), ("x <= 0.9", False)],
)  # fmt: skip
def test_a_limit_is_out_of_reach_beyond_the_smallest_and_largest_value(limit, reached):
    told = recommendations._out_of_reach(limit, {"x": (1.0, 2.0)}, "here")
    assert (told == "") == reached


def test_a_value_that_is_out_of_reach_is_told_without_a_power_of_ten():
    told = recommendations._out_of_reach("x < 500", {"x": (12_345.0, 9e9)}, "in any zone")
    assert told == "the rule asks for x < 500, but it is at least 12300 in any zone"


def test_limits_are_those_that_must_hold_alone():
    text = "(a - h >= 0.2) & (b < 3) & ((c > 1) | (d > 2)) & (2 > e) & (f == 1)"
    assert expressions.limits(text) == [("a - h", ">=", 0.2), ("b", "<", 3.0)]


def test_where_no_rule_may_be_shown_there_are_files_without_places(tmp_path):
    assert recommendations.listing({}, {}, {}).empty
    vectors.write_vector(tmp_path / "none.gpkg", {}, {"MANUL_SCENARIO": "current"})
    assert vectors.read_layers(tmp_path / "none.gpkg") == {}


def test_rules_that_look_at_the_same_zones_share_their_cells():
    here = place([])
    first, second = (recommendations.assess(n, RULES[n], here) for n in ("R1a", "R1b"))
    assert first.measures is second.measures
    assert first.found is second.found


@pytest.mark.parametrize(("columns", "holds"), [(20, True), (12, True), (8, False), (0, False)])
def test_in_a_draw_half_of_a_place_must_be_in_the_mask(columns, holds):
    maps = {"threat": np.zeros(GRID.shape, "float32")}
    maps["threat"][10:20, 10:30] = 0.5
    rule = RULES["R2a"] | {
        "zones": {"kind": "mask", "where": "threat >= 0.3", "smallest_km2": 1},
        "measures": {"habitat": {"mean": "habitat"}}, "when": "habitat >= 0.1",
    }  # fmt: skip
    here = place([], maps=maps)
    of = recommendations.assess("X", rule, here)
    drawn = np.zeros(GRID.shape, "float32")
    drawn[10:20, 10 : 10 + columns] = 0.5
    assert of.in_draw(here.fields).tolist() == [True]
    assert of.in_draw(here.fields.replaced({"threat": drawn})).tolist() == [holds]

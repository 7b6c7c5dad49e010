"""A region's file over its species model: what counts, what is taken away, what goes with data."""

import copy

import pytest
import yaml
from conftest import ROOT, demo_config

from manul.config import load, selection
from manul.config.load import laid_over

MINIMAL = """
region:
  name: small
  title: Small region
  crs: "+proj=laea +lat_0=41.6 +lon_0=75.5 +datum=WGS84 +units=m"
  cell_m: 1000
  bounds: [74.75, 41.25, 76.35, 42.0]
as_of: 2025-10-01
layers:
  elevation: resources/tien_shan/elevation.tif
  ndvi_max: resources/tien_shan/ndvi_max.tif
"""


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def minimal(**more) -> dict:
    return yaml.safe_load(MINIMAL) | more


def current(config) -> dict:
    return load.load(config)["current"]


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": 1, "b": 2}, {"a": None, "d": {"e": None}}, {"b": 2, "d": {}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        # a number with its range is one thing
        ({"w": {"value": 1, "range": [0, 2]}}, {"w": {"value": 5}}, {"w": {"value": 5}}),
        ({"w": {"value": 1, "range": [0, 2]}}, {"w": 3}, {"w": 3}),
        # so is a block of another kind, and another curve
        ({"s": {"kind": "value", "layer": "x"}}, {"s": {"kind": "slope", "layer": "y"}},
         {"s": {"kind": "slope", "layer": "y"}}),
        ({"s": {"kind": "relief", "radius_m": 1, "layer": "x"}}, {"s": {"radius_m": 2}},
         {"s": {"kind": "relief", "radius_m": 2, "layer": "x"}}),
        ({"response": {"ramp": {"lower": 0, "upper": 1}}}, {"response": {"complement": {}}},
         {"response": {"complement": {}}}),
        ({"response": {"ramp": {"lower": 0, "upper": 1}}}, {"response": {"ramp": {"upper": 2}}},
         {"response": {"ramp": {"lower": 0, "upper": 2}}}),
    ],
)  # fmt: skip
def test_what_is_laid_over_counts(base, changes, expected):
    before = copy.deepcopy((base, changes))
    assert laid_over(base, changes) == expected
    assert (base, changes) == before


def test_a_minimal_file_has_the_model_and_says_what_it_lacks():
    config = current(minimal())
    assert set(selection.available(config)) == {
        "rock_distance", "relief", "elevation", "slope", "ndvi",
    }  # fmt: skip
    told = selection.not_assessed(config)
    assert told["dogs_camps"] == "needs herding camps with their dogs"
    assert "camps" in told["R3"] and "R1a" not in told
    assert selection.assessed(config) == []
    words = selection.sheet_words(config)["limitations"]
    assert words[0].startswith("Habitat is computed without") and "snow depth" in words[0]


def test_the_demo_says_what_it_lacks_and_no_more():
    words = selection.sheet_words(current(demo_config()))["limitations"]
    assert words == [
        "Habitat is computed without snow depth: no layer",
        "Weights are expert guesses; no uncertainty run stands behind this map",
    ]


def test_further_layers_of_a_surface_are_left_out_where_they_are_absent():
    config = demo_config()
    config["layers"]["lakes"] = None
    made = current(config)
    assert "water_layer" not in made["surfaces"]["hunting"]
    assert "hunting" in selection.available(made)
    assert "lakes" not in made["maps"]["context"]
    assert current(demo_config())["surfaces"]["hunting"]["water_layer"] == "lakes"


def test_where_a_layer_comes_from_stands_beside_it_and_the_region_s_file_counts_more(tmp_path):
    (tmp_path / "dem.yaml").write_text("{date: 2000, source: S, licence: L, data_status: measured, "
                                       "positional_error_m: 5, caveat: coarse}")  # fmt: skip
    config = minimal()
    config["layers"]["elevation"] = {"path": f"{tmp_path}/dem.tif", "date": 2020, "caveat": None}
    layer = current(config)["layers"]["elevation"]
    assert (layer["date"], layer["source"], layer["units"]) == (2020, "S", "m")
    assert "caveat" not in layer


def test_a_key_of_that_file_that_is_unknown_is_told_with_the_file(tmp_path):
    (tmp_path / "dem.yaml").write_text("{sorce: S}")
    config = minimal()
    config["layers"]["elevation"] = f"{tmp_path}/dem.tif"
    with pytest.raises(load.ConfigError, match=r"dem.yaml: unknown key 'sorce'; did you mean"):
        load.load(config)


def test_what_is_missing_is_told_with_the_place_where_it_may_stand(tmp_path):
    config = minimal()
    config["layers"]["elevation"] = f"{tmp_path}/dem.tif"
    with pytest.raises(load.ConfigError, match=r"needs the key 'date', here or in .*dem.yaml"):
        load.load(config)


def test_what_was_said_of_a_file_does_not_go_over_to_another_one():
    config = demo_config()
    config["layers"]["roads"] = {"path": "resources/tien_shan/roads.gpkg", "source": "the ministry",
                                 "filter": "road_class == 'paved'"}  # fmt: skip
    railways = "resources/tien_shan/railways.gpkg"
    config["scenarios"]["planned"]["changes"]["layers"]["roads"] = railways
    layer = load.load(config)["planned"]["layers"]["roads"]
    assert layer["path"] == railways and "filter" not in layer
    assert layer["source"].startswith("waypoints joined")


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"region": None}, "'region' is missing"),
        ({"model": "pallas_kat"}, "did you mean 'pallas_cat'"),
        ({"layers": ["a"]}, "expected object"),
        ({"layers": {"elevation": 5}}, "layers.elevation: found 5"),
        ({"layers": {"elevation": {"date": 2000}}}, "layers.elevation: .*needs the key 'path'"),
        ({"rules": {"R1a": {"when": None}}}, "rules.R1a: the key 'when' is missing"),
        ({"priority": ["R99"]}, "priority: there is no rule 'R99'"),
        ({"counterfactuals": {"x": {"title": "X", "factors": {"dog": 0}}}}, "no threat 'dog'"),
    ],
)
def test_each_fault_names_its_place(changes, faults):
    with pytest.raises(load.ConfigError, match=faults):
        load.load(minimal() | changes)


def test_a_rule_or_threat_that_is_taken_away_leaves_no_trace():
    config = current(minimal(rules={"R9": None}, threats={"fire": None}))
    assert "R9" not in config["rules"] and "R9" not in config["priority"]
    assert "fire" not in config["threats"] and "fire" not in config["surfaces"]


def test_class_names_of_a_layer_take_the_scores_of_the_model():
    config = current(demo_config())
    scores = config["surfaces"]["land_cover_score"]["scores"]
    assert scores["10"] == 1.0 and scores["5"] == 0.05 and scores["16"] == 0.85
    footprint = config["surfaces"]["conversion_footprint"]["scores"]
    assert {c for c, s in footprint.items() if s} == {"12", "13", "14"}
    strange = demo_config()
    strange["layers"]["land_cover"] = {
        "path": "resources/tien_shan/land_cover.tif", "classes": {0: "water", 1: "jungle"},
    }  # fmt: skip
    with pytest.raises(load.ConfigError, match=r"no score for class 1 \(jungle\)"):
        load.load(strange)


def test_ranges_are_kept_with_the_path_where_the_number_stands():
    found = current(demo_config())["ranges"]
    assert found["threats.dogs_camps.weight"] == {
        "value": 0.45, "range": [0.25, 0.65], "status": "G",
    }  # fmt: skip
    assert found["surfaces.dogs_camps.scale_m"]["range"] == [500, 3000]  # moved out of the threat
    assert found["habitat.components.cover.terms.rock.response.exponential.scale"]["value"] == 1000
    weights = [f"habitat.components.{n}.weight" for n in ("cover", "den", "prey", "climate")]
    assert all(found[path]["range"] for path in weights)
    assert all(set(entry) <= {"value", "range", "status", "source"} for entry in found.values())


def test_a_config_written_out_in_one_file_means_the_same():
    assert load.load(load.written_out(demo_config())) == load.load(demo_config())


def test_scenarios_add_and_take_away_threats_layers_and_components():
    config = demo_config()
    fences = {"title": "Fences", "group": "infrastructure", "iucn": "4.1", "cmp": "1.1",
              "weight": 0.1, "surface": {"kind": "exposure", "layer": "fences", "decay": "linear",
                                         "reach_m": 1000}}  # fmt: skip
    layer = {"path": "resources/tien_shan/railways.gpkg", "kind": "vector", "title": "Fences"}
    config["scenarios"]["planned"]["changes"] |= {
        "layers": {"fences": layer, "roads": None},
        "threats": {"fences": fences, "disease": None},
        "habitat": {"components": {"climate": None}},
    }
    both = load.load(config)
    assert "fences" in selection.assessed(both["planned"])
    assert "fences" not in both["current"]["threats"]
    assert "disease" not in both["planned"]["threats"]
    assert "roads" in selection.not_assessed(both["planned"])["roads_paved"]
    assert "climate" in both["current"]["habitat"]["components"]
    assert "climate" not in both["planned"]["habitat"]["components"]


def test_a_counterfactual_is_the_present_with_less_of_some_threats():
    block = {"title": "Without dogs", "factors": {"dogs_camps": 0, "dogs_settlements": 0.5}}
    both = load.load(demo_config() | {"counterfactuals": {"no_dogs": block}})
    threats = both["no_dogs"]["threats"]
    assert (threats["dogs_camps"]["factor"], threats["dogs_settlements"]["factor"]) == (0, 0.5)
    assert threats["hunting"]["factor"] == 1
    assert both["no_dogs"]["products"] == ["maps", "tables"]

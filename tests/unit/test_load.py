"""A region's file over its species model: what counts, what is taken away, what goes with data."""

import copy

import pytest
import yaml
from conftest import ROOT, demo_config

from manul import preflight
from manul.config import documents, faults, load, selection
from manul.config.load import laid_over
from manul.config.responses import plain_class
from manul.graph import Graph

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
        'Weights are expert guesses; see the sheets "How sure"',
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


ODD = {"value": 0.1, "range": [0, 0.2], "distribution": "gauss"}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        (
            {"threats": {"disease": {"weight": ODD}}},
            "threats.disease.weight.distribution: found 'gauss', expected one of uniform, ",
        ),
        (
            {"draws": {"cumulative": {"additive": 0}}},
            "draws.cumulative: found {'additive': 0}, expected a chance above 0",
        ),
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
    config = current(minimal(rules={"R9": None}, threats={"fire": None, "overgrazing": None}))
    assert "R9" not in config["rules"] and "R9" not in config["priority"]
    assert "fire" not in config["threats"] and "fire" not in config["surfaces"]
    assert config["rules"]["R8"]["gain"]["without"] == ["overgrazing"], "it acts on nothing then"


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


# ---------------------------------------------------------------------------------- null, names


def faults_of(config) -> str:
    with pytest.raises(load.ConfigError) as error:
        load.load(config)
    first, *lines = str(error.value).splitlines()
    assert lines and first == f"the config has {len(lines)} fault{'s' * (len(lines) > 1)}:"
    return "\n".join(lines)


def in_one_file(**changes) -> dict:
    """The demo with its model in one file, as a file without a model is."""
    return load.written_out(demo_config()) | changes


@pytest.mark.parametrize(
    ("group", "name"),
    [("rules", "R1a"), ("threats", "fire"), ("groups", "disease"), ("layers", "snow_depth")],
)
def test_null_takes_an_entry_away_in_a_file_without_a_model_too(group, name):
    config = in_one_file()
    config[group] = config[group] | {name: None}
    config["threats"] = config["threats"] | {"disease": None}
    made = current(config)
    if group == "layers":
        assert made["layers"][name]["kind"] == "absent"
    else:
        assert name not in made[group] and name not in made["priority"]


def test_whole_blocks_may_be_null_or_empty():
    made = current(in_one_file(rules=None, key_habitat=None, maps=None, analyses=None))
    assert made["rules"] == made["analyses"] == {} and made["priority"] == []
    assert made["key_habitat"]["key"] == 0.6
    assert current(in_one_file(rules={}, priority=[]))["rules"] == {}
    config = demo_config()
    config["region"] |= {"units": None, "mask": None}
    assert current(config)["region"]["units"] is None
    config["scenarios"]["planned"]["changes"] = None
    assert load.load(config)["planned"]["rules"].keys() == current(config)["rules"].keys()


def test_a_layer_of_one_s_own_that_a_scenario_takes_away_is_absent():
    config = demo_config()
    config["layers"]["fences"] = {
        "path": "resources/tien_shan/railways.gpkg", "kind": "vector", "title": "Fences",
    }  # fmt: skip
    config["surfaces"]["fences"] = {"kind": "distance", "layer": "fences", "reach_m": 1000}
    config["scenarios"]["planned"]["changes"]["layers"]["fences"] = None
    both = load.load(config)
    assert both["planned"]["layers"]["fences"] == {
        **both["planned"]["layers"]["fences"], "kind": "absent", "title": "Fences",
    }  # fmt: skip
    assert "fences" in selection.available(both["current"])
    assert "fences" not in selection.available(both["planned"])


@pytest.mark.parametrize("key", ["units", "mask"])
def test_the_region_s_own_layers_must_be_there(key):
    config = demo_config()
    del config["layers"][config["region"][key]]
    assert f"region.{key}: " in faults_of(config)


def test_a_null_for_a_misspelt_name_is_told():
    told = faults_of(minimal(threats={"fires": None}))
    assert "threats: there is no 'fires' to take away; did you mean 'fire'?" in told
    scenarios = {"a": {"title": "A"}, "b": {"title": "B", "changes": {"rules": {"R1": None}}}}
    assert "scenario b: rules: there is no 'R1' to take away" in faults_of(
        minimal(scenarios=scenarios)
    )


@pytest.mark.parametrize("key", ["allow", "model", "counterfactuals"])
def test_what_holds_for_all_scenarios_is_no_change_of_one(key):
    scenarios = {"a": {"title": "A"}, "b": {"title": "B", "changes": {key: {"network": True}}}}
    assert f"scenario b: {key}: found a change" in faults_of(minimal(scenarios=scenarios))


@pytest.mark.parametrize("file", [None, "blocks.gpkg"])
def test_a_rule_looks_at_licence_blocks_where_there_is_a_cadastre_and_else_at_tiles(file):
    blocks = {
        "kind": "vector", "path": file, "title": "Licence blocks", "source": "the cadastre",
        "date": "2025", "licence": "open", "data_status": "measured", "positional_error_m": 10,
    }  # fmt: skip
    config = minimal()
    config["layers"] |= {"licences": blocks} if file else {}
    rules = current(config)["rules"]
    wanted = (
        {"kind": "features", "layer": "licences"} if file else {"kind": "tiles", "area_km2": 50}
    )
    for name in ("R1a", "R1b"):
        assert wanted.items() <= rules[name]["zones"].items()
        assert "otherwise" not in rules[name]["zones"]


@pytest.mark.parametrize(
    ("zones", "told"),
    [
        ({"area_km2": 20}, "rules.R1a.zones.area_km2: only tiles have it; put it under rules.R1a"),
        ({"kind": "tiles", "area_km2": 9, "otherwise": {"kind": "key_areas"}}, "no key 'layer'"),
        ({"otherwise": {"area": 20}}, "rules.R1a.zones.otherwise: unknown key 'area'"),
    ],
)
def test_zones_that_others_stand_in_for_are_of_a_layer(zones, told):
    assert told in faults_of(minimal(rules={"R1a": {"zones": zones}}))


def test_how_complete_layers_are_is_told_where_its_maps_are_there_and_can_be_read():
    words = "of fields lie near a road"
    blocks = {
        "roads": {"land": "fields", "near": "roads > 0", "words": words},
        "rails": {"land": "fields", "near": "rails > 0", "words": words},
        "spoilt": {"land": "fields", "near": "roads >", "words": words},
    }
    config = {"tables": {"completeness": blocks}}
    told = selection.completeness(config, ["fields", "roads"])
    assert list(told) == ["roads"]
    assert selection.maps_of_completeness(told) == ["fields", "roads"]


def test_a_rule_on_the_surface_of_an_absent_layer_is_not_assessed():
    rule = current(minimal())["rules"]["R5"]
    rule |= {"measures": {"snow": {"mean": "snow_depth"}, "v": {"mean": "1 - snow_depth"}}}
    rule |= {"when": "snow > 3", "reason": "{snow:.0f} cm"}
    config = current(minimal(rules={"W1": rule}))
    assert selection.not_assessed(config)["W1"].startswith("needs long-term mean of the 30-day")


@pytest.mark.parametrize(
    ("word", "needs"),
    [
        ("snow_depth", "long-term mean of the 30-day"),
        ("survey_effort_without_cat", "records of cats"),
        ("effect_fire", "burned area"),
        ("share_fire", "burned area"),
        ("suitability", "records of cats"),
        ("suitability_mess", "records of cats"),
        ("threat", ""),
        ("dominant_threat", ""),
    ],
)
def test_a_rule_on_a_map_that_an_absent_layer_would_give_is_not_assessed(word, needs):
    rule = current(minimal())["rules"]["R5"] | {"measures": {"a": {"mean": f"{word} * 2"}}}
    config = current(minimal(rules={"W1": rule | {"when": "a > 3", "reason": "{a:.0f}"}}))
    told = selection.not_assessed(config)
    assert told["W1"].startswith("needs ") and needs in told["W1"]
    maps = Graph({"current": config}).names("current")
    found = preflight.check(config, maps)
    assert not [p for p in found if p.layer == "rule W1" and p.severity == "error"]


BAD_NAMES = [
    "../../x", "a|b", ".*", "a" * 41, "roads\n", "1a", "", "ä", "a-b", "a b", "a.b", "x", "band",
    "spatial_ref", "where", "not", "lambda", "{key}", "/etc/x",
]  # fmt: skip
BLOCKS = {
    "layers": {"kind": "absent", "title": "T", "needs": "n"},
    "surfaces": {"kind": "slope", "layer": "elevation"},
    "groups": {"title": "T", "colour": "#112233"},
    "threats": {"title": "T", "group": "disease", "iucn": "1", "cmp": "1", "weight": 0.1,
                "surface": "ndvi", "response": {"complement": {}}},
    "scenarios": {"title": "T"},
    "counterfactuals": {"title": "T", "factors": {"fire": 0}},
    "invest": {"land_cover": "a.tif", "threats": "a.csv", "sensitivity": "b.csv"},
    "analyses": {"kind": "suitability", "records": "manul_records", "predictors": ["ndvi"]},
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_word_is_refused_wherever_it_stands(name):
    near = {"layer": "camps", "within_m": 1}
    config = minimal(scenarios={"current": {"title": "C"}}, habitat={"components": {name: {}}})
    config["rules"] = {"R5": {"measures": {name: {"mean": "habitat"}}, "nearest": {name: near}}}
    for group, block in BLOCKS.items():
        config[group] = config.get(group, {}) | {name: block}
    told = faults_of(config)
    for group in (*BLOCKS, "habitat.components", "rules.R5.measures", "rules.R5.nearest"):
        assert f"{group}: found {name!r}, expected another name" in told


@pytest.mark.parametrize("name", ["../x", "a|b", ".*", "a\n", "A", "a" * 41, ""])
def test_the_region_s_name_is_the_name_of_a_folder(name):
    region = minimal()["region"] | {"name": name}
    assert "region.name: found" in faults_of(minimal(region=region))


def test_names_that_differ_in_capitals_only_would_share_a_file():
    config = minimal()
    config["layers"] |= {"Roads": BLOCKS["layers"]}
    assert "layers.Roads: found beside 'roads'" in faults_of(config)


def test_two_surfaces_never_get_one_name():
    config = minimal(surfaces={"roads_paved": {"kind": "slope", "layer": "elevation"}})
    assert "surfaces.roads_paved: found two different surfaces" in faults_of(config)


@pytest.mark.parametrize("name", ["habitat", "threat", "key", "effect_hunting", "suitability"])
def test_two_maps_never_get_one_name(name):
    config = demo_config()
    config["surfaces"][name] = {"kind": "slope", "layer": "elevation"}
    with pytest.raises(load.ConfigError, match=f"two maps of the name '{name}', made by .*surface"):
        Graph(load.load(config))


def test_words_that_yaml_reads_as_true_or_false_are_told():
    config = minimal(scenarios=yaml.safe_load("{now: {title: Now}, no: {title: Without}}"))
    assert "scenarios: found the key false" in faults_of(config)
    config = minimal()
    config["layers"]["roads"] = {"path": "roads.gpkg"} | yaml.safe_load(
        "fields: {road_class: {from: sealed, values: {yes: paved, no: track}}}"
    )
    told = faults_of(config)
    assert "layers.roads.fields.road_class.values: found the key true" in told
    config["layers"]["roads"] = {"path": "roads.gpkg", "title": True}
    assert "layers.roads.title: found True, expected string. YAML reads" in faults_of(config)
    config["layers"]["roads"] = {"path": "r.gpkg", "classes": yaml.safe_load("{2024-01-01: a}")}
    assert "layers.roads.classes: found the key 2024-01-01" in faults_of(config)


# ---------------------------------------------------------------------------- numbers and words


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 10**400])
@pytest.mark.parametrize(
    "path",
    ["key_habitat.key", "threats.fire.weight.value", "region.cell_m", "habitat.floor",
     "surfaces.rock_distance.reach_m", "rules.R2a.zones.smallest_km2", "invest.a.half_saturation"],
)  # fmt: skip
def test_numbers_must_be_finite(path, number):
    config = minimal()
    *above, last = path.split(".")
    block = config
    for key in above:
        block = block.setdefault(key, {})
    block[last] = number
    assert f"{path}: found " in faults_of(config) and "a finite number" in faults_of(config)


OUT_OF_RANGE = {
    "a curve above 1": (
        {"habitat": {"components": {"vegetation": {
            "response": {"curve": {"points": [[0, 0], [1, 5.36]]}}}}}},
        "habitat.components.vegetation: its values can run from 0 to 5.36, expected 0 to 1",
    ),
    "a curve below 0": (
        {"threats": {"fire": {"response": {"curve": {"points": [[0, -0.5], [1, 0.2]]}}}}},
        "threats.fire: its values can run from -0.5 to 0.2",
    ),
    "a score above 1": (
        {"surfaces": {"land_cover_score": {"scores": {"bare": 3}}}},
        "habitat.gates.land_cover: its values can run from 0 to 3",
    ),
    "a threat in metres": (
        {"threats": {"roads_paved": {"surface": {
            "kind": "distance", "layer": "roads", "reach_m": 500}}}},
        "threats.roads_paved: its values can run from 0 to 500",
    ),
    "a complement of metres": (
        {"habitat": {"gates": {"open_water": {"surface": "rock_distance"}}}},
        "habitat.gates.open_water: its values can run from -19999 to 1",
    ),
    "a temperature as a gate": (
        {"habitat": {"gates": {"warm": {"surface": "temperature"}}}},
        "habitat.gates.warm: its values can run from -60 to 60",
    ),
    "weights that add up to more than 1": (
        {"habitat": {"components": {"cover": {"terms": {"relief": {"weight": 0.9}}}}}},
        "to 1.5, expected 0 to 1",
    ),
    "a constant": ({"threats": {"fire": None, "storm": {
        "title": "S", "group": "disease", "iucn": "1", "cmp": "1", "weight": 0.1, "constant": 2}}},
        "threats.storm: its values can run from 2 to 2"),
    "key below suitable": (
        {"key_habitat": {"suitable": 0.7}},
        "key_habitat.suitable: found 0.7, above key, 0.6",
    ),
    "a breeding patch smaller than the core": (
        {"key_habitat": {"breeding_km2": 1}}, "key_habitat.core_km2: found 4.2, above breeding_km2",
    ),
    "a floor above 1": (
        {"habitat": {"floor": 1.5}}, "habitat.floor: found 1.5, expected at most 1",
    ),
    "a component within a component": (
        {"habitat": {"components": {"den": {"terms": {"burrows": {
            "surface": None, "component": "cover"}}}}}},
        "habitat.components.den.terms.burrows.component: found 'cover', expected one of surface",
    ),
    "a column in a threat": (
        {"threats": {"fire": {"surface": None, "field": "dogs"}}},
        "threats.fire.field: found 'dogs', expected one of surface, component, loss_from",
    ),
    "a surface in an intensity": (
        {"threats": {"dogs_camps": {"surface": {"intensity": {
            "terms": [{"surface": "slope"}]}}}}},
        "intensity.terms.0.surface: found 'slope', expected one of field, constant",
    ),
    "a footprint within a term": (
        {"threats": {"subsidised_predators": {"terms": {"refuse": {
            "footprint": {"constant": 1}}}}}},
        "threats.subsidised_predators.terms.refuse.footprint: found",
    ),
    "a mean of a line": (
        {"rules": {"R4": {"measures": {"flow": {"mean": "habitat"}}}}},
        "rules.R4.measures.flow: a line has no 'mean'; expected left_mean or right_mean",
    ),
    "sides of a tile": (
        {"rules": {"R5": {"measures": {"left": {"left_mean": "habitat"}}}}},
        "rules.R5.measures.left: only segments have 'left_mean'; the zones are of kind tiles",
    ),
    "tiles of a thumb": (
        {"rules": {"R5": {"zones": {"area_km2": 1e-9}}}}, "rules.R5.zones.area_km2: found 1e-09",
    ),
    "a billion folds": (
        {"analyses": {"suitability": {"folds": 10**9}}}, "folds: found 1000000000",
    ),
    "a power that is a text to YAML": (
        {"analyses": {"suitability": {"folds": "1e9"}}},
        "folds: found '1e9', expected integer. YAML reads 1e3 as a text",
    ),
    "a reach round the world": (
        {"surfaces": {"rock_distance": {"reach_m": 1e12}}}, "reach_m: found 1000000000000.0",
    ),
    "a billion trees": (
        {"analyses": {"suitability": {"options": {"random_forest": {"trees": 10**9}}}}},
        "trees: found 1000000000, expected at most",
    ),
    "a scale of 0": (
        {"layers": {"elevation": {"scale": 0}}}, "layers.elevation.scale: found 0",
    ),
    "a title that opens a tag": (
        {"region": {"title": "A</script><script>alert(1)</script>"}},
        "region.title: found 'A</script>",
    ),
    "a caveat that opens a tag": (
        {"layers": {"elevation": {"caveat": "see <a href=x>"}}}, "layers.elevation.caveat: found",
    ),
    "a title of two lines": (
        {"region": {"title": "A\n.. raw:: html"}}, "region.title: found 'A\\n.. raw",
    ),
    "a limitation that opens a tag": (
        {"limitations": {"a": "<img src=x>"}}, "limitations.a: found",
    ),
    "a role of the context that no map has": (
        {"maps": {"context": {"towns": "lakes"}}}, "maps.context: 'towns' is not known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OUT_OF_RANGE)
def test_what_lies_outside_its_range_is_told(case):
    changes, told = OUT_OF_RANGE[case]
    changes = {"layers": {"elevation": {"path": "resources/tien_shan/elevation.tif"}}, **changes}
    if "elevation" in changes["layers"]:
        changes["layers"]["elevation"].setdefault("path", "resources/tien_shan/elevation.tif")
    assert told in faults_of(laid_over(minimal(), changes))


def uncertain(value, low, high):
    return {"value": value, "range": [low, high], "status": "G"}


COVER = {"terms": {"rock": {"response": {"exponential": {"scale": uncertain(300, -100, 600)}}}}}
CURVE = {"points": [[0, 0], [1, uncertain(1, 0.5, 1.5)]]}
RANGES = {
    "a scale below 0": (
        {"habitat": {"components": {"cover": COVER}}},
        "response.exponential.scale.range: found [-100, 600], expected numbers above 0",
    ),
    "a weight below 0": (
        {"threats": {"hunting": {"weight": uncertain(0.5, -0.3, 0.6)}}},
        "threats.hunting.weight.range: found [-0.3, 0.6], expected numbers of at least 0",
    ),
    "a weight above 1": (
        {"threats": {"hunting": {"weight": uncertain(0.5, 0.3, 1.6)}}},
        "threats.hunting.weight.range: found [0.3, 1.6], expected numbers of at least 0 and of at",
    ),
    "a reach of nothing": (
        {"threats": {"railways": {"surface": {"reach_m": uncertain(2000, 0, 3000)}}}},
        "reach_m.range: found [0, 3000], expected numbers above 0",
    ),
    "yes and no": (
        {"threats": {"hunting": {"weight": uncertain(0.5, False, True)}}},
        "threats.hunting.weight.range: found [False, True], expected two numbers",
    ),
    "a number and a yes": (
        {"threats": {"hunting": {"weight": uncertain(0.5, 0.2, True)}}},
        "threats.hunting.weight.range: found [0.2, True], expected two numbers",
    ),
    "a curve that can pass 1": (
        {"habitat": {"components": {"vegetation": {"response": {"curve": CURVE}}}}},
        "with all numbers at the high end of their ranges, habitat.components.vegetation: its "
        "values can run from 0 to 1.5",
    ),
    "a ramp that can turn round": (
        {"habitat": {"components": {"vegetation": {"response": {
            "ramp": {"lower": uncertain(0.2, 0.1, 0.8), "upper": 0.7}}}}}},
        "response.ramp: lower can be 0.1 to 0.8 and upper 0.7 to 0.7, so that the curve",
    ),
    "corners in another order": (
        {"habitat": {"components": {"vegetation": {"response": {
            "trapezoid": {"a": uncertain(0.1, 0.05, 0.5), "b": 0.2, "c": 0.6, "d": 0.8}}}}}},
        "with all numbers at the high end of their ranges, ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RANGES)
def test_an_end_of_a_range_must_be_what_the_number_may_be(case):
    changes, told = RANGES[case]
    assert told in faults_of(load.laid_over(in_one_file(), changes))


HIDDEN = [
    ("maps.context.lakes", "lakes"), ("maps.context.borders", "borders"),
    ("maps.context.settlements", "settlements"), ("maps.context.provinces", "provinces"),
    ("region.mask", "study_area"), ("region.units", "provinces"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "layer"), HIDDEN)
def test_a_hidden_layer_that_products_would_show_as_it_is_is_told(where, layer):
    config = demo_config()
    config["layers"][layer] = {"path": config["layers"][layer], "public": False}
    assert f"{where}: found '{layer}', which is not public" in faults_of(config)


def test_a_role_of_the_context_that_a_hidden_layer_takes_is_told():
    assert "maps.context.settlements: found 'camps', which is not public" in faults_of(
        demo_config() | {"maps": {"context": {"settlements": "camps"}}}
    )


UNFIT = {
    "maps.context.relief: the layer 'lakes' is of kind vector; expected continuous":
        {"maps": {"context": {"relief": "lakes"}}},
    "maps.context.mines: the layer 'elevation' is of kind continuous; expected vector or records":
        {"maps": {"context": {"mines": "elevation"}}},
    "tables.by.elevation: the layer 'elevation' is of kind continuous; expected vector or records":
        {"tables": {"by": {"elevation": {}}}},
    "tables.by.licences: there is no layer 'licences'": {"tables": {"by": {"licences": {}}}},
    "atlas.of[1]: the layer 'camps' is of kind records; expected vector":
        {"atlas": {"of": ["key_areas", "camps"]}},
    "atlas.scenarios: there is no scenario 'later'": {"atlas": {"scenarios": ["later"]}},
}  # fmt: skip


@pytest.mark.parametrize("told", UNFIT)
def test_a_layer_that_cannot_be_drawn_or_listed_is_told(told):
    assert told in faults_of(laid_over(demo_config(), UNFIT[told]))


def test_a_hidden_layer_that_no_product_shows_as_it_is_may_be_there():
    config = demo_config() | {"maps": {"context": {"lakes": None}}}
    config["layers"]["lakes"] = {"path": config["layers"]["lakes"], "public": False}
    assert "lakes" not in current(config)["maps"]["context"]


def test_a_cell_of_no_size_is_told_once():
    config = demo_config()
    config["region"]["cell_m"] = 0
    told = "  1. region.cell_m: found 0, expected more than 0 (cell size (m))"
    assert faults_of(config).splitlines() == [told]


def test_a_text_may_hold_a_plain_less_than_and_more_than_one_line():
    config = minimal(limitations={"a": "relief < 20 m,\nand <5 %; M&M > 1"})
    assert current(config)["limitations"]["a"].startswith("relief < 20 m")


# -------------------------------------------------------------------------------------- files


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path):
    path = tmp_path / "region.yaml"
    path.write_text(f"{MINIMAL}threats: {{fire: null}}\nrules: {{}}\nthreats:\n  fire: null\n")
    with pytest.raises(load.ConfigError) as error:
        load.load(minimal(), [path])
    lines = MINIMAL.count("\n")
    assert f"region.yaml, line {lines + 3}: the key 'threats' stands twice" in str(error.value)
    assert f"first in line {lines + 1}" in str(error.value)
    path.write_text(f"{MINIMAL}groups:\n  a: &a {{title: A}}\n  b:\n    <<: *a\n    title: B\n")
    assert load.load(minimal(), [path])


def test_a_key_that_stands_twice_beside_the_data_is_told(tmp_path):
    (tmp_path / "dem.yaml").write_text("source: S\ndate: 2000\nsource: T\n")
    config = minimal()
    config["layers"]["elevation"] = f"{tmp_path}/dem.tif"
    assert "dem.yaml, line 3: the key 'source' stands twice" in faults_of(config)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a: 0500", "line 1: found 0500, which YAML reads as 320; write 320, or put it in quotes"),
        ("a: {010: b}", "line 1: found 010, which YAML reads as 8"),
        ("a: 20:00", "line 1: found 20:00, which YAML reads as 1200"),
        ("a: 2023-02-30", "day is out of range for month; expected dates that there are"),
        ("a: .nan", "a: found nan, expected a finite number"),
        ("no: 1", "found the key false, expected a text"),
    ],
)
def test_what_yaml_reads_otherwise_than_it_looks_is_told(tmp_path, line, told):
    path = tmp_path / "model.yaml"
    path.write_text(f"{line}\n")
    with pytest.raises(documents.DocumentError) as error:
        documents.read(path)
    assert told in str(error.value) and error.value.faults
    path.write_text('a: 0.5\nb: 0\nc: -1e3\nd: "0500"\ne: 2023-02-28\nf: 10\ng: 0.05\n')
    found = documents.read(path)
    assert found == {
        "a": 0.5, "b": 0, "c": "-1e3", "d": "0500", "e": "2023-02-28", "f": 10, "g": 0.05,
    }  # fmt: skip


def test_long_codes_of_classes_stay_apart():
    assert [plain_class(code) for code in (4108123, "4108124.0", " 02", "yes", "a")] == [
        "4108123", "4108124", "2", "yes", "a",
    ]  # fmt: skip


def test_anchors_that_blow_up_are_refused_before_they_do():
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    )
    told = faults_of(minimal(limitations=yaml.safe_load(text)))
    assert "values, expected at most 200000" in told


def test_any_key_replaced_by_anything_gives_a_config_or_a_list_of_faults():
    whole = demo_config() | {"counterfactuals": {}, "rules": {}, "key_habitat": {}, "maps": {}}
    below = [(block, key) for block in whole.values() if isinstance(block, dict) for key in block]
    values = (None, "text", {"a": {"b": [None]}}, [[1]], True)
    for i, (block, key) in enumerate([*((whole, key) for key in whole), *below]):
        kept, block[key] = block[key], values[i % len(values)]
        try:
            assert load.load(copy.deepcopy(whole))
        except load.ConfigError as error:
            assert len(str(error).splitlines()) > 1, (key, block[key])
        block[key] = kept


def test_a_config_that_is_a_template_is_told_and_never_run(tmp_path):
    file, ran = tmp_path / "config.yaml", tmp_path / "ran"
    file.write_text(
        f"__use_yte__: true\n__definitions__: ['import pathlib', 'pathlib.Path(\"{ran}\").touch()']"
    )
    (told,) = documents.templates([file, tmp_path / "no such file.yaml"])
    assert "config.yaml, line 1: found the key __use_yte__" in told
    assert not ran.exists()
    file.write_text("region: &r {name: a}\nother: [{<<: *r, __use_yte__: no}]")
    assert "line 2" in documents.templates([file])[0]


# --------------------------------------------------------------------------- region and distances


@pytest.mark.parametrize(
    ("south", "told"),
    [
        (-0.03, []),  # 6.7 x 6.7 cells of 1 km at the equator
        (59.97, ["which gives about 22 cells"]),  # half as wide at 60 degrees north
    ],
)
def test_a_region_has_cells_enough(south, told):
    region = {"bounds": [0, south, 0.06, south + 0.06], "cell_m": 1000}
    found = list(faults._cells(region))
    assert len(found) == len(told) and all(words in found[0] for words in told)


def test_a_region_in_degrees_is_told_a_projection_about_its_middle():
    config = minimal()
    config["region"] |= {"crs": "EPSG:4326", "bounds": [74, 41, 77, 42]}
    assert "+proj=laea +lat_0=41.5 +lon_0=75.5 +datum=WGS84 +units=m" in faults_of(config)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"decay": "linear", "reach_m": 5}, None),
        ({"decay": "exponential", "reach_m": 5}, "needs the key 'scale_m'"),
        ({"decay": "table", "reach_m": 5}, "needs the key 'table'"),
        ({"decay": "exponential", "scale_m": 2, "reach_m": 5}, None),
        ({"decay": "steep", "reach_m": 5}, None),  # these two the schema has told
        ({"decay": "linear", "reach_m": "far"}, None),
    ],
)
def test_a_decay_has_what_its_curve_needs(block, told):
    found = list(faults._decay(block, "surfaces.a"))
    assert len(found) == (told is not None) and (not told or told in found[0])


# ------------------------------------------------------------------- what of a config can be made


def reaching(surfaces, rules=None, **more):
    """A config with some surfaces and rules, of cells of 100 m."""
    config = {"surfaces": surfaces, "rules": rules or {}, "region": {"cell_m": 100, "units": None}}
    return config | more


@pytest.mark.parametrize(
    ("surface", "margin"),
    [
        ({"kind": "value", "layer": "mines"}, 1000),  # ten cells
        ({"kind": "proximity", "layer": "mines", "reach_m": 3000}, 4000),
        ({"kind": "relief", "layer": "mines", "radius_m": 500}, 1500),
        ({"kind": "proximity", "layer": "mines", "reach_m": 3000, "area_ha_field": "ha"}, 24_000),
        ({"kind": "travel_time", "to_layer": "mines", "over": {"layer": "roads"}}, 51_000),
        ({"kind": "proximity", "layer": "roads", "reach_m": 3000}, 1000),
        ({"of": [{"layer": "mines", "radius_m": 200}, {"reach_m": 900}], "reach_m": 3000}, 4200),
    ],
)
def test_a_layer_matters_as_far_as_what_is_made_of_it_reaches(surface, margin):
    assert selection.margin_m(reaching({"a": surface}), "mines") == margin


@pytest.mark.parametrize(
    ("zones", "nearest", "margin"),
    [
        ({"kind": "points", "layer": "mines", "radius_m": 2000}, {}, 3000),
        ({"kind": "segments", "layer": "mines", "side_m": 700}, {}, 1700),
        ({"kind": "points", "layer": "roads", "radius_m": 2000}, {}, 1000),
        ({"kind": "tiles"}, {"mine": {"layer": "mines", "within_m": 9000}}, 10_000),
        ({"kind": "tiles"}, {"road": {"layer": "roads", "within_m": 9000}}, 1000),
    ],
)
def test_a_layer_matters_as_far_as_rules_look_for_it(zones, nearest, margin):
    config = reaching({}, {"R": {"zones": zones, "nearest": nearest}})
    assert selection.margin_m(config, "mines") == margin


def test_names_and_numbers_for_maps_are_kept_of_a_layer():
    zones = {"kind": "segments", "layer": "roads"}
    config = reaching({}, {"R1": {"zones": zones}, "R2": {"zones": {"kind": "tiles"}}})
    config |= {"maps": {"context": {"settlements": "towns", "provinces": "oblasts"}}}
    assert selection.columns_wanted(config, "towns") == ["name", "population"]
    assert selection.columns_wanted(config, "roads") == ["name"]
    assert selection.columns_wanted(config, "rails") == []
    config["region"]["units"] = "oblasts"  # whose names are needed, not only wanted
    assert selection.columns_wanted(config, "oblasts") == ["country"]
    config |= {"tables": {"by": {"rails": {}}}, "atlas": {"of": ["parks"]}}
    assert selection.columns_wanted(config, "rails") == ["name"]
    assert selection.columns_wanted(config, "parks") == ["name"]


def test_places_are_hidden_as_far_as_they_reach():
    layers = {
        "dens": {"public": False, "kind": "records"}, "mines": {"public": True, "kind": "vector"},
        "caves": {"public": False, "kind": "absent"},
    }  # fmt: skip
    config = reaching(
        {"a": {"layer": "dens", "reach_m": 800}, "b": {"layer": "mines", "reach_m": 5000}},
        layers=layers, privacy={"cell_m": 10_000},
    )  # fmt: skip
    assert selection.private_layers(config) == ["dens"]
    assert selection.hidden_behind(config, "a") == ["dens"]
    assert selection.hidden_behind(config, "b") == []
    assert selection.privacy_rules(config, ["dens"]) == {
        "cell_m": 10_000, "reach_m": 800, "margin_m": 1800,
    }  # fmt: skip


def test_places_that_are_withheld_have_no_layer_in_public():
    shown = current(demo_config())
    hidden = current(demo_config() | {"privacy": {"show": "withheld"}})
    assert shown["layers"]["camps"]["public"] is False
    assert "dogs_camps" in selection.available(selection.public_view(shown))
    view = selection.public_view(hidden)
    assert "dogs_camps" in selection.available(hidden)
    assert "dogs_camps" not in selection.available(view)
    assert "places that are not public" in selection.not_assessed(view)["dogs_camps"]
    assert view["exact"] is False and selection.has_two_views(hidden)
    assert set(selection.public_view(shown)["layers"]) == set(shown["layers"])


def test_the_exact_view_has_no_sheets_and_no_pages():
    config = current(demo_config())
    exact = selection.exact_view(config)
    gone = set(config["products"]) - set(exact["products"])
    assert {"sheets", "evidence"} <= gone <= {"sheets", "evidence", "states"}
    assert exact["scenario_title"].endswith("NOT FOR PUBLICATION")


def test_the_evidence_of_a_layer_is_what_is_made_of_its_records():
    config = current(demo_config())
    burrows = selection.evidence_of(config, "burrow_transects")
    assert list(burrows["surfaces"]) == ["burrow_density"] and burrows["analyses"] == {}
    assert "burrow_transects" in burrows["layers"]
    assert set(burrows["rules"]) == {"burrow_density", "poison"}
    cats = selection.evidence_of(config, "manul_records")
    assert set(cats["analyses"]) == {"suitability"}
    assert selection.evidence_of(config, "roads")["surfaces"] == {}


def test_a_surface_is_told_only_what_its_kind_uses():
    config = current(demo_config())
    rules = selection.surface_rules(config, "burrow_density")
    assert {"as_of", "burrows"} <= set(rules) and "poison" not in rules
    assert rules["kinds"]["burrow_transects"] == "records"
    assert selection.surface_rules(config, "slope") == {"kinds": {"elevation": "continuous"}}


def test_records_that_are_followed_in_time_are_those_that_may_be_shown():
    config = current(demo_config())
    found = selection.dated_records(config)
    assert {"burrow_transects", "rodenticide_events"} == set(found)
    hidden = config | {"layers": {n: b | {"public": False} for n, b in config["layers"].items()}}
    assert selection.dated_records(hidden) == []

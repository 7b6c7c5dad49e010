"""Areas in which hidden places may be told of: none in them, or enough."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import demo_config
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely import LineString, Point

from manul import graph
from manul.analyses import suitability
from manul.config import load
from manul.grid import privacy, provenance
from manul.grid.fields import Fields
from manul.products import generalised

BOX = (0.0, 0.0, 80_000.0, 80_000.0)


HIDDEN = ("camps", "manul_records", "collar_fixes", "cameras", "camera_observations", "sera")
SCENARIOS = ["current", "planned", "on_2019_10_01", "on_2021_10_01", "on_2023_10_01"]


def at(*points):
    return privacy.places([Point(p) for p in points])


def counted(areas, places):
    return np.bincount(areas.of(places[:, 0], places[:, 1]), minlength=len(areas) + 1)[1:]


def test_rows_of_one_camera_are_one_place_and_rows_without_a_place_are_none():
    shapes = [
        Point(100, 100),
        Point(400, 300),
        None,
        Point(5000, 100),
        LineString([(0, 0), (9e3, 0)]),
    ]
    np.testing.assert_array_equal(privacy.places(shapes)[:, :2], [[100, 100], [5000, 100], [0, 0]])


def test_halves_with_enough_places_are_cut_off_and_others_stay_together():
    # five in the north-west 10 km cell, five spread over the east
    west = [(1000 + 1500 * i, 79_000) for i in range(5)]
    east = [(45_000 + 7000 * i, 5_000 + 15_000 * i) for i in range(5)]
    areas = privacy.areas([at(*west, *east)], BOX, 10_000, 5, 0)
    boxes = areas.boxes()
    number = areas.of(*np.array(west).T)
    assert len(set(number)) == 1
    np.testing.assert_array_equal(boxes[number[0] - 1], [0, 70_000, 10_000, 80_000])
    number = areas.of(*np.array(east).T)
    np.testing.assert_array_equal(boxes[number[0] - 1], [40_000, 0, 80_000, 80_000])
    # 31 empty cells beside the one with five, and the east as a whole
    assert len(areas) == 1 + 31 + 1


def test_a_place_counts_where_it_reaches():
    # five places 1 km from the border of a cell: what they do beyond it would tell them there too
    near = [(9_000, 1_500 * i + 1_000) for i in range(5)]
    assert len(privacy.areas([at(*near)], BOX, 10_000, 5, 0)) == 64
    areas = privacy.areas([at(*near)], BOX, 10_000, 5, 2_000)
    assert len(areas) == 64  # all five reach into the next cell: enough
    four = [*near[:4], (2_000, 2_000)]
    areas = privacy.areas([at(*four)], BOX, 10_000, 5, 2_000)
    np.testing.assert_array_equal(
        areas.boxes()[areas.of([9e3], [1e3])[0] - 1], [0, 0, 20_000, 10_000]
    )


def test_with_endless_reach_no_area_is_without_places():
    west = [(1000 + 1500 * i, 79_000) for i in range(5)]
    areas = privacy.areas([at(*west)], BOX, 10_000, 5, np.inf)
    assert len(areas) == 1


def test_fewer_places_than_needed_make_one_area_and_none_at_all_make_cells():
    assert len(privacy.areas([at((1, 1), (70e3, 70e3))], BOX, 10_000, 5, 0)) == 1
    assert len(privacy.areas([at()], BOX, 10_000, 5, 0)) == 64


def test_each_hidden_layer_needs_enough_places_of_its_own():
    one = at(*[(1000 + 1500 * i, 1_000) for i in range(5)])
    other = at((2_000, 5_000), (3_000, 2_000))
    assert len(privacy.areas([one, other], BOX, 10_000, 5, 0)) == 1


def test_the_lattice_begins_on_whole_cells_and_covers_what_is_asked():
    areas = privacy.areas([at()], (3_000, -12_000, 47_000, 41_000), 10_000, 5, 0)
    assert (areas.west, areas.south) == (0, -20_000)
    assert areas.labels.shape == (7, 5)  # rows to 50 km in the north, columns to 50 km in the east
    np.testing.assert_array_equal(areas.boxes()[0], [0, -20_000, 10_000, -10_000])
    whole = privacy.areas([at((1, 1))], (0, 0, 30_000, 20_000), 10_000, 2, 0)
    assert whole.labels.shape == (2, 3)
    np.testing.assert_array_equal(whole.boxes(), [[0, 0, 30_000, 20_000]])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 79), st.integers(0, 79)), max_size=60),
    st.integers(1, 6),
    st.sampled_from([0, 3000, 15000]),
)
def test_every_area_holds_none_or_enough_and_all_ground_is_in_one(cells, least, reach):
    places = at(*[(1000 * x + 500, 1000 * y + 500) for x, y in set(cells)])
    areas = privacy.areas([places], BOX, 10_000, least, reach)
    held = counted(areas, places)
    if len(places) >= least:
        assert ((held == 0) | (held >= least)).all()
    assert areas.labels.min() == 1
    boxes = areas.boxes()
    assert ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum() == 80_000**2
    assert (np.bincount(areas.labels.ravel())[1:] > 0).all()


# ------------------------------------------------------------------- surfaces, and the two views


def test_a_surface_is_the_mean_of_its_areas_and_unknown_where_half_of_one_is():
    grid = GeoBox.from_bbox((0, 0, 40_000, 20_000), crs="EPSG:6933", resolution=10_000)
    values = np.array([[np.nan, np.nan, 8, 9], [np.nan, 3, 4, 5]], "float32")
    camps = [Point(11_000 + 100 * i, 1_000) for i in range(3)]  # one place, west
    rules = {"cell_m": 20_000, "least": 1, "reach_m": 0, "margin_m": 0}
    found = generalised.find(Fields({"value": values}, grid), [camps], rules)
    made = found.maps(slice(0, 2), slice(0, 4))["surface"]["value"]
    np.testing.assert_allclose(made, [[np.nan, np.nan, 6.5, 6.5]] * 2)
    made = found.maps(slice(1, 2), slice(1, 3))["surface"]["value"]  # a window is cut from it
    np.testing.assert_allclose(made, [[np.nan, 6.5]])


def test_areas_reach_as_far_around_the_region_as_places_were_read():
    box = GeoBox.from_bbox((0, 0, 40_000, 20_000), crs="EPSG:6933", resolution=10_000).boundingbox
    rules = {"cell_m": 10_000, "least": 1, "reach_m": 0, "margin_m": 25_000}
    areas = generalised.areas_of(box, [Point(-21_000, 43_000), Point(61_000, -24_000)], rules)
    assert (areas.west, areas.south, areas.labels.shape) == (-30_000, -30_000, (8, 10))
    boxes = generalised.boxes_around(areas, [Point(-21_000, 43_000), Point(61_000, -24_000)])
    assert [box.bounds for box in boxes] == [
        (-30_000, 40_000, -20_000, 50_000), (60_000, -30_000, 70_000, -20_000),
    ]  # fmt: skip


def test_the_layer_says_how_it_is_shown():
    record = {"camps": {"title": "Camps", "caveat": "old"}, "roads": {"title": "Roads"}}
    told = generalised.told_of(record, ["camps"], {"cell_m": 10_000, "least": 5})
    assert told["roads"] == record["roads"]
    assert provenance.is_generalised(told) and not provenance.is_generalised(record)
    assert told["camps"]["caveat"] == (
        "old; places are not public: means over areas of 10 km or more with at least 5 of them"
    )


def demo(**changes):
    return graph.Graph(load.load(demo_config() | changes))


def test_what_rests_on_hidden_places_is_generalised_and_exact_files_lie_apart():
    made = demo()
    assert made.scenarios == SCENARIOS
    home = "results/tien_shan/current"
    assert made.files("current", "prepare_records", "camps")["layer"] == (
        f"{home}/restricted/layers/camps.gpkg"
    )
    assert made.files("current", "surface", "dogs_camps")["surface"] == (
        f"{home}/restricted/surfaces/dogs_camps.tif"
    )
    assert made.files("current", "surface", "slope")["surface"] == f"{home}/surfaces/slope.tif"
    public, exact = (
        made.reads(n, "threats")["surfaces"] for n in ("current", "current/restricted")
    )
    assert f"{home}/generalised/dogs_camps.tif" in public
    assert f"{home}/restricted/surfaces/dogs_camps.tif" in exact
    assert not [path for path in public if "restricted" in path]
    assert made.files("planned/restricted", "threats")["threat"] == (
        "results/tien_shan/planned/restricted/threat.tif"
    )
    assert all(output.public for output in made.index("current").values())
    hidden = {n for n, output in made.index("current/restricted").items() if not output.public}
    assert {"dogs_camps", "effect_dogs_camps", "threat", "share_hunting"} <= hidden
    assert not {"habitat", "slope", "key"} & hidden


def test_a_file_knows_the_layers_behind_it_and_none_that_decides_no_number():
    made = demo()
    assert made.layers("current", "surface", "slope") == ("elevation",)
    assert made.layers("current", "surface", "dogs_camps") == ("camps",)
    habitat, threats = (made.layers("current", name) for name in ("habitat", "threats"))
    assert {"elevation", "ndvi_max"} <= set(habitat) and "roads" not in habitat
    assert set(habitat) < set(threats) and {"camps", "roads"} <= set(threats)
    assert made.configs["current"]["region"]["mask"] not in threats, "the outline of a summary"


@pytest.mark.parametrize("of", ["current", "planned", "on_2019_10_01"])
def test_draws_know_the_layers_that_weigh_threats_though_tables_alone_tell_of_them(of):
    made = demo()
    behind = {Path(path).stem for path in made.reads(of, "draws")[graph.BEHIND_TABLES]}
    assert behind == {"fates", "sera", "yearly"}, "deaths, blood samples, snow of each year"
    assert behind < set(made.layers(of, "draws")) and not made.private(of, "draws")
    assert graph.BEHIND_TABLES not in made.reads(of, "key_draws"), "the maps of draws tell it"
    without = demo(analyses={"survival": None, "disease": None, "fluctuations": None})
    assert graph.BEHIND_TABLES not in without.reads(of, "draws")


def test_no_public_job_reads_an_exact_file_of_a_hidden_layer_but_those_that_generalise():
    made = demo()
    readers = set()
    for scenario in made.scenarios:
        for name in made.rules(scenario):
            for key in made.keys(scenario, name):
                if not made.private(scenario, name, key):
                    roles = made.reads(scenario, name, key)
                    roles.pop(graph.BEHIND_TABLES, None)  # what layers say of themselves alone
                    paths = [path for paths in roles.values() for path in paths]
                    exact = [path for path in paths if "/restricted/" in path]
                    readers |= {name for _ in exact}
    generalising = {"generalise", "generalise_alternatives"}
    of_evidence = {"suitability", "home_range", "habitat_selection", "occupancy", "disease"}
    analyses = {f"analysis_{kind}" for kind in of_evidence | {"connectivity"}}
    assert readers == generalising | {"evidence", "recommend"} | analyses


def test_an_analysis_that_does_not_generalise_lies_apart_and_on_no_public_page(monkeypatch):
    monkeypatch.delattr(suitability, "GENERALISES")
    made = demo()
    home = "results/tien_shan/current"
    fitted = made.files("current/restricted", "analysis_suitability", "suitability")["fitted"]
    assert fitted == f"{home}/restricted/analyses/suitability/fitted.tif"
    assert "suitability" not in made.names("current")
    assert not made.reads("current", "evidence", "manul_records")["tables"]
    assert made.files("current", "recommend")["table"] == f"{home}/recommendations.csv"
    assert not [
        path for path in graph.products(made) if "suitability" in path and "restr" not in path
    ]
    rules = {"R7": {"optional": [], "measures": {"novel": {"share": "suitability_mess < 0"}}}}
    told = demo(rules=rules).job("current", "recommend").told["not_assessed"]
    assert told["R7"] == "needs places that are not public (taken away)"


def test_states_of_the_past_show_hidden_places_as_the_present_does_and_in_no_other_way():
    """A second view of the same places, with other areas, would tell more than one does."""
    config = demo_config()
    made = graph.Graph(load.load(config, ["config/config.yaml"]))
    past = [name for name in made.configs if name.startswith("on_") and "/" not in name]
    public = set(graph.public_products(made))
    assert len(past) == len(config["series"]["dates"])
    for name in past:
        read = [p for paths in made.reads(name, "draws").values() for p in paths]
        hidden = [path for path in read if "/generalised/" in path]
        home = "results/tien_shan/current"
        assert hidden == [
            f"{home}/generalised/dogs_camps.tif", f"{home}/uncertainty/generalised/dogs_camps.tif",
        ]  # fmt: skip
        own = {path for path in public if f"/{name}/" in path}
        assert own and all(f"/{name}/uncertainty/" in path for path in own)


def test_the_published_config_names_a_hidden_layer_and_no_more():
    config = demo_config()
    hidden = {"filter": "id != 'C17'", "extent": [77, 42, 78, 43]}
    config["layers"]["camps"] = {"path": "resources/tien_shan/camps.csv", **hidden}
    config["scenarios"]["planned"]["changes"]["layers"]["camps"] = {"filter": "id == 'C18'"}
    told = graph.crate(graph.Graph(load.load(config, ["config/config.yaml"])))
    for block in told["configs"].values():
        assert {"path", "filter", "extent"}.isdisjoint(block["layers"]["camps"])
        assert block["layers"]["camps"]["title"] == "Herding camps"
        assert block["layers"]["roads"]["path"] == "resources/tien_shan/roads.gpkg"
    assert not {"C17", "C18"} & set(re.findall(r"C1\d", str(told["configs"])))


def test_tables_of_later_scenarios_are_held_against_the_first_in_the_same_view():
    made = demo()
    home = "results/tien_shan"
    for rule in ("units", "recommend"):
        assert "before" not in made.reads("current", rule)
        for view in ("", "/restricted"):
            assert made.reads(f"planned{view}", rule)["before"] == [
                f"{home}/current{view}/value_at_risk.tif"
            ]


def test_a_first_scenario_without_hidden_layers_is_the_same_in_both_views():
    scenarios = {
        "bare": {"title": "B", "changes": {"layers": {"camps": None, "manul_records": None}}},
        "full": {"title": "F"},
    }
    made = demo(scenarios=scenarios)
    before = ["results/tien_shan/bare/value_at_risk.tif"]
    for view in ("full", "full/restricted"):
        assert made.reads(view, "units")["before"] == before


def test_every_job_has_its_files_where_hidden_places_are_withheld():
    """Margins of hidden layers are smaller in the public view, which does without them."""
    made = demo(privacy={"show": "withheld"})
    for scenario in made.configs:
        for name in made.rules(scenario):
            for key in made.keys(scenario, name):
                assert made.files(scenario, name, key)
                made.reads(scenario, name, key)
    (sera,) = made.reads("current", "analysis_disease", "disease")["sera"]
    assert sera == "results/tien_shan/current/restricted/layers/sera.gpkg"


def test_hidden_places_may_be_withheld_instead():
    made = demo(privacy={"show": "withheld"})
    assert "effect_dogs_camps" not in made.names("current")
    assert "effect_dogs_camps" in made.names("current/restricted")
    told = made.job("current", "recommend").told
    assert told["not_assessed"]["dogs_camps"] == (
        "needs places that are not public (herding camps; see the folder restricted)"
    )
    assert "R6" in told["withheld"] and "R6" not in told["rules"]


def test_a_rule_that_lacks_its_layer_is_not_assessed_rather_than_withheld():
    config = demo_config()
    del config["layers"]["camps"]
    told = graph.Graph(load.load(config)).job("current", "recommend").told
    assert told["not_assessed"]["R6"] == "needs herding camps with their dogs"
    assert told["withheld"] == {} and "R6" in told["rules"]


def test_a_region_without_hidden_layers_has_one_view():
    config = demo_config()
    for name in HIDDEN:
        config["layers"][name] = {"path": config["layers"][name], "public": True}
    made = graph.Graph(load.load(config | {"rules": {"R6": {"public": True}}}))
    assert list(made.configs) == SCENARIOS
    assert made.left_over("current") == []


def test_a_hidden_layer_that_is_absent_hides_nothing():
    config = demo_config()
    for name in HIDDEN:
        del config["layers"][name]
    assert list(graph.Graph(load.load(config)).configs) == SCENARIOS


def test_a_rule_that_is_not_public_is_applied_though_no_layer_is_hidden():
    config = demo_config()
    for name in HIDDEN:
        config["layers"][name] = {"path": config["layers"][name], "public": True}
    made = graph.Graph(load.load(config))
    assert "R6" in made.job("current", "recommend").told["withheld"]
    assert "R6" in made.job("current/restricted", "recommend").told["rules"]
    assert made.files("current/restricted", "threats") == made.files("current", "threats")


def test_exact_files_of_a_layer_that_was_public_before_are_known():
    left = demo().left_over("current")
    assert "results/tien_shan/current/layers/camps.gpkg" in left
    assert "results/tien_shan/current/surfaces/dogs_camps.tif" in left
    assert "results/tien_shan/current/layers/roads.gpkg" not in left

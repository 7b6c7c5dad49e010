"""What the sheets of a scenario say: on small maps whose answers can be counted."""

import itertools

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from conftest import demo_config
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from odc.geo.geobox import GeoBox

from manul.config import load, selection
from manul.graph import Graph, Ref
from manul.grid import provenance, vectors
from manul.grid.datasets import Source
from manul.maps import layouts, sheet_specs, sheets

CONFIGS = load.load(demo_config())
CONFIG = CONFIGS["current"]
GRID = GeoBox.from_bbox((0, 0, 20_000, 10_000), crs="EPSG:6933", resolution=1_000)
RECORD = {"camps": {"title": "Camps", "status": "illustrative", "date": "2024", "source": "none"}}
TAGS = {"MANUL_LAYERS": provenance.dump(RECORD)}


def filled(value, **parts) -> np.ndarray:
    """A map of one value, but for some columns: `c5=0.1` is column 5 and all east of it."""
    out = np.full(GRID.shape, value, "float32")
    for name, other in parts.items():
        out[:, int(name[1:]) :] = other
    return out


def scenario(folder, maps, tables=None, **more) -> sheets.Scenario:
    """A scenario of these maps, with the words of the demo's config."""
    sources = {}
    for name, values in maps.items():
        path = folder / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", height=10, width=20, count=1, dtype=values.dtype,
            crs=str(GRID.crs), transform=GRID.affine,
            nodata=255 if values.dtype == "uint8" else np.nan,
        ) as file:  # fmt: skip
            file.write(values, 1)
            file.update_tags(**TAGS)
        sources[name] = Source(str(path), title=name.replace("_", " "))
    paths = {}
    for name, layers in (tables or {}).items():
        paths[name] = str(folder / f"{name}.gpkg")
        vectors.write_vector(paths[name], layers, TAGS)
    words = selection.sheet_words(selection.public_view(CONFIG)) | more.pop("words", {})
    words["key_habitat"] = words["key_habitat"] | {"source": "expert values of the config"}
    return sheets.Scenario(sources, paths, GRID, words, layouts.Context(), "x", **more)


def said(figure, gid="limitation") -> list[str]:
    found = figure.findobj(lambda a: isinstance(a, Text) and a.get_gid() == gid)
    return [text.get_text().replace("\n", " ") for text in found]


def effects(**special) -> dict:
    """A known effect of 0.1 everywhere for each threat, but for those given."""
    names = selection.assessed(CONFIG)
    return {f"effect_{name}": special.get(name, filled(0.1)) for name in names}


# ------------------------------------------------------------------------- unknown and guessed


def test_a_sheet_of_threats_says_where_a_threat_is_unknown_and_which(tmp_path):
    # 10 of 20 columns are suitable; of these marmots are unknown in 4, hunting in 1 of the same.
    maps = effects(marmot_depletion=filled(0.1, c6=np.nan), hunting=filled(0.1, c9=np.nan)) | {
        "threat": filled(0.3),
        "habitat_reference": filled(0.7, c10=0.1),
    }
    maps |= {"value_at_risk": filled(0.2)}
    for draw in (sheets.threat, sheets.value_at_risk):
        (figure,) = draw(scenario(tmp_path, maps))
        told = [line for line in said(figure) if line.startswith("One or more threats are unknown")]
        assert told == [
            "One or more threats are unknown on 40 % of the suitable land, where this map shows "
            "the others alone: Loss of marmot burrows 40 %, Hunting and trade 10 %"
        ]
        assert {"no data", "data, but not on every threat"} <= set(said(figure, "legend"))
        assert said(figure, "share")[-2:] == ["none", "40 % of the suitable land"]


def test_nothing_is_said_of_unknown_threats_where_all_are_known(tmp_path):
    maps = effects() | {"threat": filled(0.3), "habitat_reference": filled(0.7)}
    (figure,) = sheets.threat(scenario(tmp_path, maps))
    assert not any("unknown" in line for line in said(figure))
    assert "data, but not on every threat" not in said(figure, "legend")
    assert said(figure, "share")[-1] == "none"


@pytest.mark.parametrize("name", ["threat", "dominant_threat", "value_at_risk"])
def test_sheets_of_threats_read_the_effects_and_what_is_suitable(name):
    drawn = sheet_specs.drawn(CONFIG)[name]
    assert drawn["maps"] == [name]
    assert {"effects", "habitat_reference"} <= set(drawn["beside"])


def test_classes_of_threat_are_shares_of_the_suitable_land(tmp_path):
    # Suitable are the ten columns in the west; five of these have a high threat.
    maps = effects() | {
        "threat": filled(0.5, c5=0.1),
        "habitat_reference": filled(0.7, c10=0.1),
    }
    (figure,) = sheets.threat(scenario(tmp_path, maps))
    assert said(figure, "share")[:4] == ["0 %", "50 %", "0 %", "50 %"]


def test_what_is_extrapolated_is_told_on_each_sheet_that_rests_on_it(tmp_path):
    maps = {
        "habitat": filled(0.7),
        "burrow_density": filled(1.0, c15=np.nan),  # known in 15 columns
        "far": filled(0.0, c3=1.0),  # in 12 of these no site is near
    }
    here = scenario(tmp_path, maps, extrapolated={"burrow_density": "far"})
    found = [line for line in said(sheets.habitat(here)[0]) if "extrapolated" in line]
    assert found == ["burrow density: 80 % extrapolated, no site in reach"]


@pytest.mark.parametrize("sheet", ["habitat", "threat", "key_habitat", "recommendations"])
def test_sheets_know_the_extrapolated_surfaces_behind_them(sheet):
    told = Graph(CONFIGS).job("current", "sheet", sheet).told
    assert told["extrapolated"] == {"burrow_density": "burrow_density_extrapolated"}
    assert set(told["maps"]) >= {"burrow_density", "burrow_density_extrapolated"}


def test_the_surfaces_behind_one_threat_are_its_own():
    roads = Ref("threats", "", "threats/roads_paved")
    assert Graph(CONFIGS).surfaces("current", [roads]) == ["roads_paved"]


def test_a_layer_that_is_absent_is_named_as_long_as_it_is():
    assert any(
        "without snow depth" in line for line in selection.sheet_words(CONFIG)["limitations"]
    )
    layer = {
        "path": "snow.tif",
        "source": "x",
        "date": 2020,
        "licence": "x",
        "positional_error_m": 1000,
        "data_status": "measured",
    }
    config = demo_config()
    config["layers"]["snow_depth"] = layer
    here = load.load(config)["current"]
    assert not any("snow" in line for line in selection.sheet_words(here)["limitations"])


# ------------------------------------------------------------------------------ titles and words


def test_no_sheet_of_a_plan_says_at_present(tmp_path):
    planned = {"scenario_title": "Planned: railways"}
    here = scenario(tmp_path, {"habitat": filled(0.7)}, words=planned)
    (figure,) = sheets.habitat(here)
    assert said(figure, "title") == ["Habitat of the Pallas's cat"]
    assert "Planned: railways" in said(figure, "subtitle")[0]
    for name, spec in sheet_specs.drawn(CONFIGS["planned"]).items():
        caption = sheet_specs.about(name, CONFIGS["planned"])
        assert not {"today", "present", "now"} & set(caption.replace(".", "").split()), spec


def test_a_panel_says_what_its_threat_does_on_its_own_ground(tmp_path):
    (figure,) = sheets.threats(scenario(tmp_path, effects()))
    told = dict(zip(said(figure, "panel-title"), said(figure, "panel-subtitle"), strict=True))
    assert told["Cropland and towns"].startswith("largest effect 0.2, 1 on its own ground ·")
    assert told["Tracks"].startswith("largest effect 0.05 ·")


def test_a_world_without_a_threat_has_no_effect_of_it_on_its_own_ground():
    mined = {"weight": 0.4, "footprint": {"surface": "x"}}
    assert sheets._largest(selection._largest_effect(mined)) == "0.4, 1 on its own ground"
    assert sheets._largest(selection._largest_effect(mined | {"factor": 0.0})) == "0"
    assert sheets._largest(selection._largest_effect({"weight": 0.4, "factor": 0.5})) == "0.2"


# --------------------------------------------------------------------------------------- rules


def places(*shapes) -> gpd.GeoDataFrame:
    row = {"data_status": "measured", "verdict": "", "support": np.nan}
    table = gpd.GeoDataFrame(row, geometry=list(shapes), crs="EPSG:6933",
                             index=range(len(shapes)))  # fmt: skip
    return table


def key_sheet(folder, **found):
    """The sheet of key habitat with these recommendations."""
    key = {name: places() for name in ("suitable", "key", "breeding_patch", "key_degraded")}
    tables = {"key_habitat": key, "recommendations": found}
    maps = {"habitat": filled(0.5), "key": filled(1, c10=0), "threat": filled(0.3, c1=0.1)}
    (figure,) = sheets.key_habitat(scenario(folder, maps, tables))
    return figure


def test_every_rule_with_places_is_on_the_key_habitat_sheet_or_named_as_left_out(tmp_path):
    few = places(shapely.box(0, 0, 2_000, 2_000))
    wide = places(shapely.box(0, 0, 20_000, 5_000))
    road = places(shapely.LineString([(0, 0), (5_000, 0)]))
    figure = key_sheet(tmp_path, R1a=wide, R1b=few, R4=road, R10=few, R2c=places())
    legend = said(figure, "legend")
    assert legend[:3] == [
        *("R1b Mining under conditions", "R4 Road stretch to mend", "R10 Protect"),
    ]
    told = " | ".join(said(figure))
    # One of the ten columns of key habitat has a threat of 0.3.
    assert "90 % of the key habitat is under low cumulative threat (below 0.2)" in told
    assert "see the sheet of all rules): R1a Mining no-go block |" in told
    assert "Rules that no place meets: R2c Poison response |" in told
    assert "Rules not assessed (see recommendations.csv): R8 Grazing plan, R9 Fire watch |" in told
    assert "R6 Dog management zone" in told.split("not for publication: ")[1].split(" | ")[0]


def test_a_rule_whose_places_need_a_survey_first_is_not_said_to_have_none(tmp_path):
    doubtful = places(shapely.box(0, 0, 2_000, 2_000)).assign(verdict="survey first", support=0.6)
    sure = places(shapely.box(9_000, 0, 10_000, 1_000)).assign(verdict="issue", support=0.9)
    sure = sure.assign(zone="R10 here", value_at_risk_km2=1.0)
    doubtful = doubtful.assign(zone="R1b there", value_at_risk_km2=2.0)
    told = " | ".join(said(key_sheet(tmp_path, R1b=doubtful, R10=sure)))
    assert "no place meets" not in told
    assert "1 recommendation in at least 70 % of the draws." in told
    assert "Not drawn: 1 to survey first (50-70 %), 0 not supported" in told
    assert "then by value at risk: 1. R10 here (90%)" in told


def test_a_road_of_one_cell_is_seen_on_the_panel_of_its_rule(tmp_path):
    short = places(shapely.LineString([(5_000, 5_000), (5_040, 5_000)]))
    found = {"R4": short, "R5": places()}
    (figure,) = sheets.recommendations(scenario(tmp_path, {}, {"recommendations": found}))
    signs = figure.findobj(lambda a: a.get_gid() == "small")
    assert [s.get_xydata().tolist() for s in signs] == [[[5_020, 5_000]]]
    assert said(figure, "panel-subtitle") == ["1 place", "no place meets the rule"]


def test_there_is_no_sheet_of_rules_where_none_may_be_shown():
    hidden = {"R6": CONFIG["rules"]["R6"]}
    unknown = {"R8": CONFIG["rules"]["R8"]}
    for rules in (hidden, unknown, hidden | unknown):
        drawn = sheet_specs.drawn(CONFIG | {"rules": rules})
        assert "recommendations" not in drawn and "key_habitat" in drawn
    some = hidden | {"R1a": CONFIG["rules"]["R1a"]}
    assert "recommendations" in sheet_specs.drawn(CONFIG | {"rules": some})


def test_rules_on_one_map_differ_in_colour_or_hatch():
    areas = places(shapely.box(0, 0, 1, 1))
    styles = [sheets._rule_style(i, areas) for i in range(25)]
    assert len({(style["edgecolor"], style["hatch"]) for style in styles}) == 25


# ------------------------------------------------------------------------------------- colours

# Machado, Oliveira & Fernandes 2009 (IEEE Trans. Vis. Comput. Graph. 15: 1291), severity 1.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of a colour as an eye of this kind sees it."""
    part = np.array(to_rgb(colour))
    light = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(vision @ light, 0, 1) / WHITE
    f = [t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def least_distance(colours, vision) -> tuple[float, tuple[str, str]]:
    pairs = itertools.combinations(colours, 2)
    return min((np.linalg.norm(lab(a, vision) - lab(b, vision)), (a, b)) for a, b in pairs)


GROUPS = [group["colour"] for group in CONFIG["groups"].values()]


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "colours",
    [
        [*GROUPS, layouts.NOTHING_COLOUR],
        list(sheets.AGREEMENT_COLOURS.values()),
        list(sheets.RULE_COLOURS),
        [style["facecolor"] for _, _, style in sheets.KEY_STYLES],
    ],
    ids=["threats", "agreement", "rules", "key habitat"],
)
def test_colours_that_mean_different_things_are_told_apart(colours, vision):
    distance, pair = least_distance(colours, VISION[vision])
    assert distance > 20, pair


def test_the_measure_of_colours_finds_the_two_that_used_to_merge():
    distance, _ = least_distance(["#8c6d1f", "#d55e00"], VISION["protanopia"])
    assert distance < 7
    assert lab("#ffffff", VISION["usual"]) == pytest.approx([100, 0, 0], abs=0.02)


def test_there_is_no_sheet_of_a_loss_where_none_is_asked_for():
    assert "habitat_reference" in sheet_specs.drawn(CONFIG)
    habitat = CONFIG["habitat"] | {"reference": {}}
    assert "habitat_reference" not in sheet_specs.drawn(CONFIG | {"habitat": habitat})


@pytest.mark.parametrize(
    ("values", "top"),
    [([0.0, 0.34], 0.4), ([0.4] * 9, 0.4), ([0.0, 0.01], 0.1), ([3.0] * 3, 1), ([np.nan], 1)],
)
def test_a_scale_ends_at_a_round_tenth(values, top):
    assert sheets._round_top(np.array(values)) == pytest.approx(top)


def test_a_scale_leaves_out_the_uppermost_of_a_thousand_values():
    assert sheets._round_top(np.array([0.15] * 999 + [0.9])) == pytest.approx(0.2)


def test_the_strongest_threat_is_shown_by_the_group_of_each_that_occurs(tmp_path):
    """Code 1 is the first assessed threat in the west, code 2 the second, 0 none in the east."""
    first, second = selection.assessed(CONFIG)[:2]
    codes = np.zeros(GRID.shape, "uint8")
    codes[:, :5], codes[:, 5:10] = 1, 2
    maps = effects() | {"habitat_reference": filled(0.7), "dominant_threat": codes}
    (figure,) = sheets.dominant_threat(scenario(tmp_path, maps))
    titles = [
        CONFIG["groups"][CONFIG["threats"][name]["group"]]["title"] for name in (first, second)
    ]
    legend = said(figure, "legend")
    assert legend[0] == f"no threat above {CONFIG['dominant_floor']:g}"
    assert set(legend[1 : legend.index("no data")]) == set(titles)
    assert said(figure, "share")[0] == "50 %"


# ------------------------------------------------------------------------------- which sheets


OF_THREATS = {"threat", "dominant_threat", "threats", "value_at_risk"}
OF_DRAWS = {"chance_key", "chance_top"}


def changed(**blocks) -> set[str]:
    """The sheets of the demo with some blocks of its config replaced."""
    return set(sheet_specs.drawn(CONFIG | blocks))


def test_sheets_of_threats_need_a_threat_that_is_assessed():
    whole = changed()
    assert whole >= OF_THREATS | {"habitat", "habitat_reference", "key_habitat", "recommendations"}
    assert whole - changed(threats={}) == OF_THREATS | (OF_DRAWS & {"chance_top"} & whole)


def test_sheets_of_chances_need_draws(monkeypatch):
    monkeypatch.setattr(sheet_specs.specs, "wanted", lambda config: True)
    assert changed() >= OF_DRAWS
    assert "chance_top" not in changed(threats={}) and "chance_key" in changed(threats={})
    monkeypatch.setattr(sheet_specs.specs, "wanted", lambda config: False)
    assert not changed() & OF_DRAWS


def test_a_sheet_of_the_reference_needs_one():
    habitat = CONFIG["habitat"]
    assert "habitat_reference" in changed(habitat=habitat | {"reference": {"a": 1}})
    assert "habitat_reference" not in changed(habitat=habitat | {"reference": {}})


def test_sheets_of_rules_need_a_rule_and_the_one_of_all_rules_a_public_one():
    assert not changed(rules={}) & {"key_habitat", "recommendations"}
    hidden = {name: rule | {"public": False} for name, rule in CONFIG["rules"].items()}
    assert changed() - changed(rules=hidden) == {"recommendations"}
    assert "key_habitat" in changed(rules=hidden)


def test_the_effects_of_a_sheet_are_those_of_the_index():
    index = ["habitat", "effect_dogs", "effect_roads"]
    assert sheet_specs.named("effects", index) == ["effect_dogs", "effect_roads"]
    assert sheet_specs.named("habitat", index) == ["habitat"]


def test_sheets_of_an_analysis_show_its_own_maps_and_tables():
    sheet = sheet_specs.drawn(CONFIG)["disagreement"]
    assert sheet["maps"] == ["suitability_agreement"]
    tables = ("evaluation", "thresholds")
    assert sheet["tables"] == [("analysis_suitability", "suitability", name) for name in tables]
    again = CONFIG | {"analyses": {"spring": CONFIG["analyses"]["suitability"]}}
    assert sheet_specs.drawn(again)["spring_disagreement"]["maps"] == ["spring_agreement"]


def test_the_caption_of_a_sheet_names_the_species_and_what_was_lost():
    assert "Pallas's cat" in sheet_specs.about("habitat", CONFIG)
    assert CONFIG["habitat"]["loss"] in sheet_specs.about("habitat_reference", CONFIG)

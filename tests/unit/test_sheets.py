"""What the sheets of a scenario say: on small maps whose answers can be counted."""

import itertools
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from conftest import demo_config
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from odc.geo.geobox import GeoBox

from manul.config import load, selection
from manul.graph import Graph, Ref
from manul.grid import plain_files, provenance, vectors
from manul.grid.fields import Source
from manul.maps import atlas_column, layouts, scales, sheet_specs, sheets

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
    (note,) = said(figure, "legend-note")
    assert note == (
        "Figures: how many, and their area or length. NOT DRAWN, as they cover much of the map: "
        "R1a Mining no-go block. See the sheet of all rules."
    )
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
    assert "1 zone of rules in at least 70 % of the draws." in told
    assert "Not drawn: 1 to survey first (50-70 %), 0 not supported" in told
    assert "then by value at risk: 1. R10 here (90%)" in told


def test_a_road_of_one_cell_is_seen_on_the_panel_of_its_rule(tmp_path):
    short = places(shapely.LineString([(5_000, 5_000), (5_040, 5_000)]))
    found = {"R4": short, "R5": places()}
    (figure,) = sheets.recommendations(scenario(tmp_path, {}, {"recommendations": found}))
    signs = figure.findobj(lambda a: a.get_gid() == "small")
    assert [s.get_xydata().tolist() for s in signs] == [[[5_020, 5_000]]]
    assert said(figure, "panel-subtitle") == ["1 zone", "no zone meets the rule"]


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
    styles = [sheets.rule_style(i, areas) for i in range(25)]
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
        [colour for _, colour in atlas_column.CHANCES],
        list(sheets.SEASON_COLOURS),
        list(sheets.CORRIDOR_COLOURS.values()),
        [colour for _, colour in sheets.FLOW_COLOURS],
        [style["color"] for _, style in sheets.CROSSING_STYLES.values()],
    ],
    ids=[
        "threats",
        "agreement",
        "rules",
        "key habitat",
        "chances of the atlas",
        "seasons",
        "corridors",
        "flow",
        "crossings",
    ],
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
OF_DRAWS = {"chance_key", "chance_top", "measure_habitat", "measure_threat"}


def changed(**blocks) -> set[str]:
    """The sheets of the demo with some blocks of its config replaced."""
    return set(sheet_specs.drawn(CONFIG | blocks))


def test_sheets_of_threats_need_a_threat_that_is_assessed():
    whole = changed()
    assert whole >= OF_THREATS | {"habitat", "habitat_reference", "key_habitat", "recommendations"}
    assert whole - changed(threats={}) == OF_THREATS | {"chance_top", "measure_threat"}


def test_sheets_of_chances_need_draws(monkeypatch):
    monkeypatch.setattr(sheet_specs.specs, "wanted", lambda config: True)
    assert changed() >= OF_DRAWS
    assert "chance_top" not in changed(threats={}) and "chance_key" in changed(threats={})
    monkeypatch.setattr(sheet_specs.specs, "wanted", lambda config: False)
    assert not changed() & OF_DRAWS


def test_a_sheet_of_the_reference_needs_one():
    habitat = CONFIG["habitat"]
    counted, unknown = ({"reference": {name: 1}} for name in ("burrow_density", "snow_depth"))
    assert "habitat_reference" in changed(habitat=habitat | counted)
    assert "habitat_reference" not in changed(habitat=habitat | unknown), "no layer tells the loss"
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


# ------------------------------------------------------------------------- size on paper


@pytest.mark.parametrize("panels", [1, 4, 16])
@pytest.mark.parametrize("width", [1_000, 4_000, 20_000, 100_000])
def test_a_map_is_read_as_fine_as_it_can_be_printed_and_no_finer_than_twice(width, panels):
    """A3 is 16.5 inches wide: 3307 dots of 200 for an inch, shared by the panels of a row."""
    grid = GeoBox.from_bbox((0, 0, width, width / 2), crs="EPSG:6933", resolution=1)
    here = sheets.Scenario({}, {}, grid, {}, layouts.Context(), "x").small(panels)
    overview, shown = here.shown
    assert tuple(shown.boundingbox)[::3] == tuple(grid.boundingbox)[::3]
    dots = 3307 / np.sqrt(panels)
    assert shown.width <= 1.05 * dots
    assert shown.width == width or shown.width > 0.48 * dots
    assert (overview is None) == (shown.width == width)
    if overview is not None:
        assert 2 ** (overview + 1) == pytest.approx(width / shown.width, rel=0.01)


# ------------------------------------------------------------------------- chances and fits


@pytest.mark.parametrize(
    ("draw", "name", "title"),
    [
        (sheets.chance_key, "p_key", "How sure: key habitat"),
        (sheets.chance_top, "p_top_tenth", "How sure: the tenth with most value at risk"),
    ],
)
def test_chances_are_told_in_words_for_their_share_of_the_draws(tmp_path, draw, name, title):
    """From west to east 4, 3, 1, 2, 5 and 5 of 20 columns lie in the six classes."""
    chance = np.repeat([0.04, 0.06, 0.31, 0.51, 0.71, 0.96], [4, 3, 1, 2, 5, 5])
    values = np.tile(chance.astype("float32"), (10, 1))
    (figure,) = draw(scenario(tmp_path, {name: values}))
    assert said(figure, "title") == [title]
    told = dict(zip(said(figure, "legend"), said(figure, "share"), strict=False))
    assert told == {
        "almost sure (0.95 and above)": "25 %",
        "likely (0.7 to 0.95)": "25 %",
        "rather yes: survey (0.5 to 0.7)": "10 %",
        "rather not (0.3 to 0.5)": "5 %",
        "unlikely (0.05 to 0.3)": "15 %",
        "almost surely not (below 0.05)": "20 %",
        "no data": "none",
    }


CLEAR = "hardly in doubt, or no input stands out"


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([1] * 10 + [2] * 5 + [255] * 5, {"Camps": "67 %", "Marmot burrows": "33 %"}),
        ([255] * 20, {"no data": "100 % of the region"}),
        (  # the ten inputs: nine have a colour, the least of them is told as others
            [*range(1, 11), *range(1, 10), 255],
            {"Camps": "11 %", "Input 9": "11 %", "other inputs": "5 %"},
        ),
        (
            [0] * 15 + [1] * 4 + [255],
            {CLEAR: "79 %", "Camps": "21 %", "no data": "5 % of the region"},
        ),
    ],
)
def test_what_is_behind_most_of_the_doubt_is_named(tmp_path, codes, told):
    made = scenario(tmp_path, {"measure_habitat": np.tile(np.array(codes, "uint8"), (10, 1))})
    names = ["Camps", "Marmot burrows", *(f"Input {i}" for i in range(3, 11))]
    with rasterio.open(made.path("measure_habitat"), "r+") as file:
        file.update_tags(CATEGORIES="; ".join(f"{i} {name}" for i, name in enumerate(names, 1)))
    (figure,) = sheets.measure_habitat(made)
    assert said(figure, "title") == ["What to measure to know the habitat better"]
    found = dict(zip(said(figure, "legend"), said(figure, "share"), strict=False))
    assert found.items() >= told.items()
    assert "Input 10" not in found
    assert (CLEAR in found) == (CLEAR in told or "100 %" in told.get("no data", ""))


def test_a_change_is_told_with_its_direction_and_how_sure_it_is(tmp_path):
    """From west to east 8, 2, 3, 4, 2 and 1 of 20 columns."""
    columns = [8, 2, 3, 4, 2, 1]
    mean = np.repeat([0.001, 0.03, 0.01, 0.01, -0.01, -0.02], columns)
    low = np.repeat([0.0, 0.01, 0.001, -0.01, -0.03, -0.03], columns)
    high = np.repeat([0.002, 0.05, 0.02, 0.03, 0.01, -0.01], columns)
    ends = {"mean": mean, "p05": low, "p95": high}
    maps = {
        f"change_value_at_risk_{end}": np.tile(values.astype("float32"), (10, 1))
        for end, values in ends.items()
    }
    made = scenario(tmp_path, maps)
    row = {"unit": ["(whole region)"], "value_at_risk_km2_mean": 3.04}
    row |= {"value_at_risk_km2_p05": -1.2, "value_at_risk_km2_p95": 7}
    plain_files.write_table(tmp_path / "change_units.csv", pd.DataFrame(row))
    made.tables["change_units"] = str(tmp_path / "change_units.csv")
    (figure,) = sheets.change(made)
    assert "Value at risk of the region: +3.0 km² (-1.2 to +7.0 in 90 % of the draws)" in " ".join(
        said(figure)
    )
    found = dict(zip(said(figure, "legend"), said(figure, "share"), strict=False))
    assert found == {
        "no change (less than 0.002)": "40 %",
        "more at risk, surely: by 0.02 and more": "10 %",
        "more at risk, surely: by less than 0.02": "15 %",
        "more at risk, not surely": "20 %",
        "less at risk, not surely": "10 %",
        "less at risk, surely": "5 %",
        "no data": "none",
    }


def fit_tables(folder, gate="passed", fold="mean") -> dict[str, str]:
    """The tables of a fit as its rule writes them."""
    scores = {"auc": 0.81, "tss": 0.5, "boyce": 0.7, "omission": 0.1}
    limits = {"map": "fitted", "suitable": 0.45, "records": 31, "note": "compare both maps"}
    tables = {
        "evaluation": pd.DataFrame([{"method": "maxent", "fold": fold} | scores]),
        "thresholds": pd.DataFrame([limits | {"gate": gate}]),
    }
    paths = {name: str(folder / f"{name}.csv") for name in tables}
    for name, table in tables.items():
        plain_files.write_table(paths[name], table)
    return paths


def of_a_fit(folder, name, values, gate="passed", fold="mean"):
    here = scenario(folder, {name: values})
    return replace(here, tables=fit_tables(folder, gate, fold))


def test_the_sheet_of_agreement_tells_each_code_and_masks_all_others(tmp_path):
    """Of 20 columns 8 are called suitable by none, 6 by both, 2 by the fit, 2 by the expert."""
    codes = np.tile(np.repeat([0, 1, 2, 3, 7, np.nan], [8, 6, 2, 2, 1, 1]), (10, 1))
    here = of_a_fit(tmp_path, "suitability_agreement", codes.astype("float32"))
    (figure,) = sheets.disagreement(here)
    told = dict(zip(said(figure, "legend"), said(figure, "share"), strict=False))
    assert told == {
        "Neither suitable": "44 %", "Both suitable": "33 %", "Fit only": "11 %",
        "Expert model only": "11 %", "no data": "10 % of the region",
    }  # fmt: skip
    (image,) = figure.findobj(lambda a: a.get_gid() == "raster")
    tints = [to_hex(image.cmap(image.norm(i))) for i in range(4)]
    assert tints == [*sheets.AGREEMENT_COLOURS.values()]


@pytest.mark.parametrize("gate", ["passed", "misses the gate for use: AUC 0.73 (0.75 or more)"])
def test_the_sheet_of_a_fit_tells_its_skill_and_first_of_all_its_doubt(tmp_path, gate):
    (figure,) = sheets.suitability(of_a_fit(tmp_path, "suitability", filled(0.7), gate))
    (notice,) = said(figure, "notice")
    assert notice.startswith(f"The fit {gate}.") == (gate != "passed")
    assert "Camps" in notice, "what is invented is told as well"
    told = " | ".join(said(figure))
    assert "Fitted to 31 independent records (maxent)" in told and "AUC 0.81" in told


@pytest.mark.parametrize("sheet", [sheets.suitability, sheets.disagreement])
def test_an_empty_sheet_of_a_fit_says_first_of_all_why_it_is_empty(tmp_path, sheet):
    reason = "3 distinct presences with all covariates known; a model needs at least 10"
    name = "fitted" if sheet is sheets.suitability else "suitability_agreement"
    here = of_a_fit(tmp_path, name, filled(np.nan), fold=f"not fitted: {reason}")
    (figure,) = sheet(here)
    (notice,) = said(figure, "notice")
    assert notice.startswith(f"NOTHING IS FITTED, so this map is empty: {reason}.")
    assert said(figure, "no-data") == ["no data"]
    assert any("maxent: not fitted" in line for line in said(figure))


# ------------------------------------------------------------------------- words of many things


def test_of_many_unknown_threats_the_three_worst_are_named_and_the_others_counted(tmp_path):
    names = selection.assessed(CONFIG)[:5]
    unknown = {name: filled(0.1, **{f"c{15 + i}": np.nan}) for i, name in enumerate(names)}
    maps = effects(**unknown) | {"threat": filled(0.3), "habitat_reference": filled(0.7)}
    (figure,) = sheets.threat(scenario(tmp_path, maps))
    (told,) = [line for line in said(figure) if line.startswith("One or more threats are unknown")]
    titles = [CONFIG["threats"][name]["title"] for name in names[:3]]
    shares = [f"{title} {part} %" for title, part in zip(titles, (25, 20, 15), strict=True)]
    assert told.endswith(f"alone: {', '.join(shares)} and 2 more")


@pytest.mark.parametrize(("cells", "told"), [(0, False), (1, True)])
def test_a_threat_unknown_on_half_a_per_cent_of_the_suitable_land_is_told(tmp_path, cells, told):
    """The grid has 200 cells, all of them suitable."""
    unknown = filled(0.1)
    unknown.flat[:cells] = np.nan
    maps = effects(hunting=unknown) | {"threat": filled(0.3), "habitat_reference": filled(0.7)}
    (figure,) = sheets.threat(scenario(tmp_path, maps))
    assert any("Hunting and trade <1 %" in line for line in said(figure)) == told


def test_the_ten_surest_places_are_named_by_their_share_of_the_draws_then_by_value(tmp_path):
    n = 12
    table = places(*[shapely.box(i, 0, i + 1, 1) for i in range(n)]).assign(
        verdict="issue", support=[0.75] * 6 + [0.9] * 6,
        value_at_risk_km2=np.arange(n, dtype=float), zone=[f"Z{i}" for i in range(n)],
    )  # fmt: skip
    poor = table.iloc[:1].assign(verdict="not supported", support=0.2)
    told = sheets._how_sure({"R1": table, "R2": poor})
    assert told[0].startswith("12 zones of rules in at least 70 % of the draws.")
    assert "0 to survey first (50-70 %), 1 not supported. Neighbouring zones" in told[0]
    named = told[1].partition(": ")[2].split("; ")
    order = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    shares = ["90%"] * 6 + ["75%"] * 4
    expected = [f"{i}. Z{z} ({s})" for i, (z, s) in enumerate(zip(order, shares, strict=True), 1)]
    assert named == expected
    assert len(sheets._how_sure({"R2": poor})) == 1
    without = sheets._how_sure({"R1": table.assign(support=np.nan)})
    assert without == ["Made without uncertainty draws: confidence is not assessed"]


@pytest.mark.parametrize(("side_m", "wide"), [(4_400, False), (4_600, True)])
def test_a_rule_on_more_than_a_tenth_of_the_land_would_cover_the_map(tmp_path, side_m, wide):
    """200 km2 of land, so at most 20; the more than 25 rules that follow have no style left."""
    here = scenario(tmp_path, {"habitat": filled(0.5)})
    found = {"R": places(shapely.box(0, 0, side_m, side_m))}
    assert sheets._by_extent(here, found) == (([], ["R"]) if wide else (["R"], []))
    half = scenario(tmp_path, {"habitat": filled(0.5, c10=np.nan)})
    assert sheets._by_extent(half, found)[1] == ["R"], "of the land, not of the map"
    many = {f"R{i}": places(shapely.box(0, 0, 10, 10)) for i in range(27)} | {"R99": places()}
    narrow, left = sheets._by_extent(here, many)
    assert (narrow, left) == ([f"R{i}" for i in range(25)], ["R25", "R26"])


def test_rules_of_lines_are_drawn_stronger_than_outlines_of_areas_and_not_filled():
    line = sheets.rule_style(0, places(shapely.LineString([(0, 0), (1, 1)])))
    area = sheets.rule_style(0, places(shapely.box(0, 0, 1, 1)))
    assert 3.5 > line["linewidth"] > 1.5 * area["linewidth"] > 0.5
    assert line["edgecolor"] == area["edgecolor"] and area["facecolor"] == "none"


def test_a_panel_of_a_rule_tells_sure_places_and_those_to_survey(tmp_path):
    sure = places(shapely.box(0, 0, 2_000, 2_000), shapely.box(5_000, 0, 7_000, 2_000))
    both = pd.concat([sure, sure.iloc[:1].assign(verdict="survey first", support=0.6)])
    found = {"R1b": both.set_axis(range(3)), "R10": sure.assign(verdict="not supported")}
    (figure,) = sheets.recommendations(scenario(tmp_path, {}, {"recommendations": found}))
    told = ["2 zones, 1 to survey first (hatched)", "no zone to act on, 2 not supported"]
    assert said(figure, "panel-subtitle") == told
    shapes = figure.findobj(lambda a: a.get_gid() == "overlay")
    assert [len(shape.get_paths()) for shape in shapes] == [2, 1]
    assert [bool(shape.get_hatch()) for shape in shapes] == [False, True]
    assert said(figure, "legend")[:2] == ["recommended here", "elsewhere"]
    shown = to_hex(shapes[0].get_facecolor()[0])
    boxes = [p for p in figure.axes[0].patches if to_hex(p.get_facecolor()) == shown]
    assert len(boxes) == 1, "the colour of the places is that of the legend"


def test_classes_of_maps_of_threats_begin_above_nothing(tmp_path):
    """From west to east none (below 0.01), slight, low, moderate, high, very high (from 0.4)."""
    each = np.repeat([0.0, 0.02, 0.06, 0.11, 0.21, 0.41], [5, 3, 3, 3, 3, 3])
    values = np.tile(each.astype("float32"), (10, 1))
    classes = scales.EFFECT_CLASSES
    assert classes.names == ("none", "slight", "low", "moderate", "high", "very high")
    found = np.searchsorted(classes.bounds, values[0], side="right")
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4, 5] and (found[:5] == 0).all()
    maps = effects() | {"threat": values, "habitat_reference": filled(0.7)}
    (figure,) = sheets.threat(scenario(tmp_path, maps))
    assert said(figure, "legend")[:4] == [
        *("very high (0.6 and above)", "high (0.4 to 0.6)"),
        *("moderate (0.2 to 0.4)", "low (below 0.2)"),
    ]
    assert said(figure, "share")[:4] == ["0 %", "15 %", "15 %", "70 %"]


def test_classes_of_habitat_lie_about_the_thresholds_in_use(tmp_path):
    """Suitable from 0.4, key from 0.6: marginal from the half of one, best half way up to 1."""
    values = np.tile(np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 4).astype("float32"), (10, 1))
    key = {"suitable": 0.4, "key": 0.6}
    here = scenario(tmp_path, {"habitat": values})
    words = here.config | {"key_habitat": here.config["key_habitat"] | key}
    (figure,) = sheets.habitat(replace(here, config=words))
    assert said(figure, "legend")[:5] == [
        *("best (0.8 and above)", "key (0.6 to 0.8)", "suitable (0.4 to 0.6)"),
        *("marginal (0.2 to 0.4)", "poor (below 0.2)"),
    ]
    assert said(figure, "share")[:5] == ["20 %"] * 5


# ------------------------------------------------------------------------------------- movement


def movement(folder, **maps):
    """A scenario with the tables that sheets of movement read, and what its map holds."""
    table = pd.DataFrame([{
        "areas": 2, "links": 1, "alone": 0, "equivalent_km2": 100.0, "equivalent_low_km2": 90.0,
        "equivalent_high_km2": 110.0, "median_low_km": 15.0, "median_high_km": 60.0,
        "cutoff_km": 50.0, "tested": "not tested with tracks", "protected_percent": 6.4,
        "connected_percent": 3.2, "connected_low_percent": 3.0, "connected_high_percent": 3.5,
        "cell_km": 1.0, "coarser": "no", "at_border": 0, "current_cell_km": 1.0,
    }])  # fmt: skip
    maps |= {"burrow_density_extrapolated": filled(0)}  # as beside each map that rests on it
    s = scenario(folder, maps, {"lines": {"links": gpd.GeoDataFrame(geometry=[], crs=GRID.crs)}})
    table.to_csv(folder / "summary.csv", index=False)
    return replace(s, tables=s.tables | {"summary": str(folder / "summary.csv")})


@pytest.fixture
def classes(monkeypatch):
    """The codes and the words of the legend of the next categorical sheet."""
    seen = {}

    def categorical(sheet, context, grid, codes, legend, heading, nodata):
        seen.update(codes=codes, legend={c.code: c.label for c in legend}, nodata=nodata)

    monkeypatch.setattr(layouts, "categorical", categorical)
    return seen


def test_corridors_tell_unknown_ground_from_ground_without_one(tmp_path, classes):
    cost = filled(np.nan, c5=0, c8=10, c11=40, c14=np.nan)
    often = filled(0.0, c18=np.nan)
    area = filled(0, c16=3, c17=0)
    sheets.corridors(movement(tmp_path, cost=cost, often=often, area=area))
    assert classes["codes"][0].tolist() == [0] * 5 + [1] * 3 + [2] * 3 + [3] * 3 + [0] * 2 + [
        4, 0, 255, 255,
    ]  # fmt: skip
    assert classes["legend"][2] == "at most 20 km of best ground dearer than the best way"


def test_movements_between_areas_are_told_by_what_they_are_spread_across(tmp_path, classes):
    share = filled(np.nan, c2=0.5, c4=2, c6=5, c8=10, c10=20, c12=150, c14=np.nan)
    often = filled(0.0, c18=np.nan)
    sheets.between(movement(tmp_path, share=share, often=often, key_area=filled(0, c16=3, c17=0)))
    assert classes["codes"][0].tolist() == [0] * 2 + [1] * 2 + [2] * 2 + [3] * 2 + [4] * 2 + [
        5] * 4 + [0] * 2 + [6, 0, 255, 255]  # fmt: skip
    assert list(classes["legend"].values()) == [
        "no corridor", "50 km or more", "20 to 50 km", "10 to 20 km", "5 to 10 km",
        "less than 5 km", "key area",
    ]  # fmt: skip


def test_flow_tells_its_classes_and_pinch_points(tmp_path, classes):
    kinds = filled(1, c5=2, c10=3, c12=4, c18=np.nan)
    sheets.flow(movement(tmp_path, kinds=kinds, pinch=filled(0, c15=1, c16=0)))
    codes = classes["codes"][0].tolist()
    assert codes == [1] * 5 + [2] * 5 + [3] * 2 + [4] * 3 + [5] + [4] * 2 + [255] * 2
    assert classes["legend"][5].startswith("pinch point")

"""Briefs of units: each sentence from a number of the tables, nothing where nothing is known."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.grid.templates import as_in_print
from manul.pages import briefs as pages
from manul.pages import figures
from manul.products import actions, briefs
from manul.products.recommendations import KEY_GAIN

CRS = "EPSG:6933"
UNIT = {
    "unit": "Naryn", "country": "KG", "area_km2": 1000.0, "suitable_km2": 400.0,
    "suitable_km2_p05": 300.0, "suitable_km2_p95": 450.0, "key_km2": 120.0, "key_km2_p05": 60.0,
    "key_km2_p95": 150.0, "key_percent": 12.0, "key_protected_percent": 8.0, "mean_threat": 0.2,
    "mean_threat_p05": 0.1, "mean_threat_p95": 0.3, "value_at_risk_km2": 50.0,
    "value_at_risk_km2_p05": 40.0, "value_at_risk_km2_p95": 60.0, "threat_1": "Hunting 60 %",
    "threat_2": "Dogs 40 %", "threat_3": np.nan, "cats_low": 5.0, "cats_high": 20.0,
    "cats_p05": 4.0, "cats_p95": 25.0, "data_status": "illustrative", "data_dates": "2001-2025",
}  # fmt: skip
SHAPE = shapely.box(0, 0, 20_000, 20_000)


def places(*rules):
    rows = [
        {name: "" for name in actions.COLUMNS}
        | {"rule": rule, "title": f"Title of {rule}", "unit": "Naryn", "place": f"place {i}",
           "agency": "Ministry; Rangers", "action": "Act", "verdict": "issue", "confidence": 0.8,
           "gain_km2": 3.2 if rule != "R7" else np.nan, "gain_p05_km2": 1.0, "gain_p95_km2": 12.0,
           "gain_of": "without Hunting", "dms": "41°N", **dict.fromkeys(KEY_GAIN, np.nan)}
        for i, rule in enumerate(rules, 1)
    ]  # fmt: skip
    shapes = [shapely.box(i * 1000, 0, i * 1000 + 900, 900) for i in range(len(rules))]
    columns = [*actions.COLUMNS]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry=shapes, crs=CRS)


def made(unit=UNIT, of=None, **more):
    units, outlines = (
        pd.DataFrame([unit]),
        gpd.GeoDataFrame({"name": ["Naryn"]}, geometry=[SHAPE], crs=CRS),
    )
    of = places("R5", "R5", "R7") if of is None else of
    region = more.get("region", SHAPE.buffer(1))
    matters = more.get("matters")
    (found,) = briefs.briefs(units, of, outlines, None, matters, "cats", "2026-11-28", region)
    return found


def test_what_lives_and_what_threatens_comes_with_its_interval():
    found = made()
    assert found["lives"] == [
        "400 (300 to 450) km² of 1,000 are suitable, 120 (60 to 150) km² of it key habitat "
        "(12 % of the land).",
        "It could hold 4 to 25 cats, where all of it is lived in: a range from densities "
        "elsewhere, not a count.",
        "8 % of the key habitat is protected.",
    ]
    assert found["threats"][0] == "Of the value at risk: Hunting 60 %, Dogs 40 %."
    assert "Mean threat 0.20 (0.10 to 0.30)" in found["threats"][1]


def test_of_a_unit_that_reaches_beyond_the_region_it_is_told_how_much_is_mapped(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "numbered_map", lambda shape, *_: drawn.append(shape) or b"")
    west, south, east, north = SHAPE.bounds
    quarter = shapely.box(west, south, west + (east - west) / 4, north)
    found = made(region=quarter)
    told = "Only 25 % of Naryn is mapped, and all that is told is of that part."
    assert found["lives"][0] == found["lines"][0] == told
    assert drawn[0].equals(quarter), "and no more is drawn"
    assert found["id"] == made()["id"], "as in the table of units, whatever part is mapped"
    assert made(region=quarter.buffer(-1e9))["map"] == b"" and len(drawn) == 2


def test_an_outline_that_crosses_itself_is_drawn(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "numbered_map", lambda shape, *_: drawn.append(shape) or b"")
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    monkeypatch.setitem(globals(), "SHAPE", bow)
    made(region=shapely.box(0, 0, 5, 10))
    assert drawn[0].area == 25


def test_the_best_place_of_each_rule_comes_before_the_second_best():
    found = made()
    assert [(r["number"], r["place"]) for r in found["actions"]] == [
        (1, "place 1"), (2, "place 3"), (3, "place 2"),
    ]  # fmt: skip
    assert found["actions"][0]["gain"] == "3.2 (1 to 12) without Hunting"
    assert found["actions"][0]["sure"] == "issue, 80% of the draws"
    assert (
        found["actions"][1]["gain"] == "" and found["more"] == "These are all places of this unit."
    )
    many = made(of=places(*["R5"] * 10))
    assert len(many["actions"]) == actions.FOREMOST and many["more"].startswith("2 more places")


def test_how_sure_names_the_numbers_that_matter():
    matters = pd.DataFrame(
        {"unit": ["Naryn", "Naryn", "Naryn", "Osh"], "outcome": "key_cell_km2",
         "rank": [2, 1, 3, 1], "words": ["second", "first", "third", "other"],
         "total": [0.2, 0.41, 0.1, 0.9]}
    )  # fmt: skip
    found = made(matters=matters)["sure"]
    assert found[0].endswith("key habitat is 60 to 150 km².")
    assert found[1].startswith("3 places to act on") and found[1].endswith(
        "on 0 a survey comes first."
    )
    assert found[2] == "Most of the doubt about key habitat comes from: first (41%); second (20%)."


def test_the_summary_names_the_first_of_many():
    """Three places, six agencies and two doubts, and of a sentence on inputs the first two."""
    many = places(*(f"R{i}" for i in range(10, 18)))
    many["agency"] = [f"Office {i}" for i in range(8)]
    matters = pd.DataFrame(
        {"unit": "Naryn", "outcome": "key_cell_km2", "rank": [3, 1, 2],
         "words": ["third", "first", "second"], "total": [0.1, 0.5, 0.0]}
    )  # fmt: skip
    found = made(of=many, matters=matters)
    assert found["sure"][2].endswith("comes from: first (50%).")
    lines = found["lines"]
    assert [line[:2] for line in lines if "Title" in line] == ["1.", "2.", "3."]
    assert lines[-2] == f"Whom to ask: {'; '.join(many['agency'][:6])}."
    assert (
        len(lines) == 3 + 2 + 3 + 2 + 2 and "place 1. 3.2 (1 to 12) km² of full quality" in lines[5]
    )


def test_without_draws_threats_and_places_it_says_so():
    bare = {k: v for k, v in UNIT.items() if not k.endswith(("_p05", "_p95"))}
    bare |= {"threat_1": np.nan, "threat_2": np.nan, "key_protected_percent": np.nan}
    found = made(unit=bare, of=places())
    assert found["lives"][0].startswith("400 km² of 1,000") and found["lives"][1].startswith(
        "It could hold 5 to 20"
    )
    assert len(found["lives"]) == 2 and "does not mean" in found["threats"][0]
    assert found["sure"] == ["How sure this is was not assessed: one run, no draws."]
    assert found["more"] == "No rule holds anywhere in this unit." and found["actions"] == []


def test_the_summary_has_a_dozen_lines_and_the_page_two_units():
    found = made()
    assert 10 <= len(found["lines"]) <= 12
    assert found["lines"][-2] == "Whom to ask: Ministry; Rangers."
    layers = [
        {"title": "<Roads>", "date": "2024", "status": "observed", "source": "x", "licence": "y"}
    ]
    page = pages.page([found, found], "Region", "Notice", "foot", ["no snow"], layers)
    assert page.count("<article") == 2 and "&lt;Roads&gt;" in page and "no snow" in page
    plain = pages.lines([found], "Region", "Invented: camps.")
    assert plain.startswith("NARYN (KG): Region\nInvented: camps.\n400 (300 to 450) km²")


def test_what_is_not_known_is_listed():
    told = briefs.unknown({"snow": "snow depth"}, {"fire": "Fire"}, ["Weights are guesses"])
    assert told == [
        "There are no data on: snow depth.",
        "Not assessed, and not drawn as absent: Fire.",
        "Weights are guesses.",
    ]
    assert briefs.unknown({}, {}, []) == []


def test_units_on_a_page_are_those_of_print():
    assert as_in_print("36 km2 (7% of it) and 90 % of 3 km2s") == (
        "36\u00a0km² (7\u00a0% of it) and 90\u00a0% of 3 km2s"
    )
    assert as_in_print("https://a.org/b2%20c?key_km2=1") == "https://a.org/b2%20c?key_km2=1"
    assert as_in_print(5) == 5

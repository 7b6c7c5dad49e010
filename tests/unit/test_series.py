"""From date to date: states of the past, trends in every draw, and reports that go with them."""

import io

import av
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml
from PIL import Image
from unit.test_draws import SPEC
from unit.test_load import MINIMAL

from manul import graph
from manul.comparison import maps
from manul.config import load, states
from manul.grid import features
from manul.pages import animation, figures, html
from manul.products.units import REGION
from manul.surveys import from_records
from manul.uncertainty import design, series, series_page

DAYS = ["2020-01-01", "2022-01-01", "2024-01-01"]


def units_of_draws(east, none, outcome="value_at_risk_km2"):
    """Tables of each date: `east` and land in no unit, (dates, draws)."""
    out = []
    for a, b in zip(none, east, strict=True):
        rows = [
            {"number": i, "unit": n, "draw": d, outcome: v, "threat_cells": 10 + 30 * i}
            for i, (n, values) in enumerate((("", a), ("east", b)))
            for d, v in enumerate(values, 1)
        ]
        out.append(pd.DataFrame(rows))
    return out


def reports(*of_region, unit=REGION):
    return pd.DataFrame({"unit": unit, "date": DAYS, "reports_poison": of_region})


def test_the_region_is_the_sum_of_its_units_and_a_mean_is_of_its_cells():
    east, none = np.array([[4.0, 8.0]] * 3), np.array([[1.0, 2.0]] * 3)
    found = series.at_each_date(units_of_draws(east, none), ["east"], ["value_at_risk_km2"])
    assert found[REGION]["value_at_risk_km2"].tolist() == [[5, 10]] * 3
    means = units_of_draws(east, none, "mean_threat")
    found = series.at_each_date(means, ["east"], ["mean_threat"])
    assert found[REGION]["mean_threat"][0].tolist() == [(4 * 40 + 10) / 50, (8 * 40 + 20) / 50]
    assert found["east"]["mean_threat"][0].tolist() == [4, 8]


def test_what_is_not_known_has_no_trend():
    tables = units_of_draws(np.full((3, 2), np.nan), np.array([[1.0, 2.0]] * 3), "mean_threat")
    for table in tables:
        table.loc[table["unit"] == "east", "threat_cells"] = 0
    found = series.at_each_date(tables, ["east"], ["mean_threat"])
    assert found[REGION]["mean_threat"].tolist() == [[1, 2]] * 3  # of the cells where it is known
    trends = series.trends(found, DAYS, reports(3, 3, 3))
    assert trends["unit"].tolist() == [REGION]
    later = np.array([[np.nan, np.nan], [1.0, 2.0], [2.0, 3.0]])  # unknown at the first date alone
    some = {REGION: {"mean_threat": later}}
    assert not len(series.trends(some, DAYS, reports(3, 3, 3)))
    nothing = units_of_draws(*np.full((2, 3, 2), np.nan))
    of = series.at_each_date(nothing, ["east"], ["value_at_risk_km2"])
    assert np.isnan(of[REGION]["value_at_risk_km2"]).all()


@pytest.mark.parametrize(
    ("values", "trend", "per_year"),
    [
        ([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], "rises", 0.75),  # by 0.5 and by 1 a year
        ([[3.0, 6.0], [2.0, 4.0], [1.0, 2.0]], "falls", -0.75),
        ([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]], "no clear trend", 0),
        ([[1.0, 2.0]] * 3, "does not change", 0),
    ],
)
def test_a_trend_is_told_where_the_draws_agree(values, trend, per_year):
    found = {REGION: {"value_at_risk_km2": np.array(values)}}
    (row,) = series.trends(found, DAYS, reports(3, 3, 3)).to_dict("records")
    assert row["trend"] == trend and row["follows"] == ""
    assert row["per_year_mean"] == pytest.approx(per_year, abs=2e-3)
    assert row["rises_in"] == {"rises": 1, "falls": 0, "does not change": 0}.get(trend, 0.5)


@pytest.mark.parametrize(
    ("counts", "follows"),
    [
        ((1, 5, 9), "poison"),  # people report more and more
        ((9, 5, 1), ""),  # fewer reports, and yet it rises
        ((4, 4, 4), ""),
        ((5, 1, 6), ""),
    ],
)
def test_a_trend_that_goes_with_the_reports_is_told_as_such(counts, follows):
    found = {REGION: {"value_at_risk_km2": np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])}}
    trends = series.trends(found, DAYS, reports(*counts))
    assert trends["follows"].tolist() == [follows]
    table = series.table(found, DAYS, reports(*counts))
    page = series_page.sections(table, trends, {"poison": "Poison reports"}, 3, b"GIF89a")
    assert ("CAUTION: the number of reports (poison reports)" in page[0].words[0]) == bool(follows)
    assert page[0].words[0].startswith("Value at risk (km² of full habitat) rises by +0.75 (+0.5")


def test_reports_of_the_years_before_each_date_are_counted_by_unit():
    days = ["2019-06-01", "2021-06-01", "2021-07-01", "2024-06-01", None]
    places = gpd.points_from_xy([5, 5, 15, 5, 5], [5] * 5)
    rows = gpd.GeoDataFrame({"date": days}, geometry=places, crs="EPSG:6933")
    east = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], crs="EPSG:6933")
    found = series.reports_of({"poison": (rows, "date")}, east, ["east"], DAYS, 2)
    assert found["unit"].tolist() == [REGION] * 3 + ["east"] * 3
    assert found["reports_poison"].tolist() == [1, 2, 0, 1, 1, 0]
    without = series.reports_of({"poison": (rows, "date")}, None, [], DAYS, 2)
    assert without["reports_poison"].tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("day", "counted"), [("2021-10-01", 1), ("2021-10-02", 0), ("2019-10-02", 1), ("2019-09-30", 0)]
)
def test_a_report_counts_for_two_years_of_365_and_a_quarter_days(day, counted):
    row = gpd.GeoDataFrame({"date": [day]}, geometry=[shapely.Point(0, 0)], crs="EPSG:6933")
    found = series.reports_of({"poison": (row, "date")}, None, [], ["2021-10-01"], 2)
    assert found["reports_poison"].tolist() == [counted]


def test_a_place_in_two_units_counts_in_the_first():
    row = gpd.GeoDataFrame({"date": ["2020-01-01"]}, geometry=[shapely.Point(5, 5)])
    both = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 9, 9), shapely.box(1, 1, 9, 9)])
    found = series.reports_of({"x": (row, "date")}, both, ["a", "b"], ["2020-02-01"], 2)
    assert found["reports_x"].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("reports_", "alike"),
    [((0, 2, 2), True), ((0, 5, 4), False), ((2, 2, 2), False), ((0, np.nan, 9), False)],
)
def test_series_go_together_from_a_correlation_of_four_fifths(reports_, alike):
    """Correlations of 0.87 and of 0.76 with 1, 2, 3."""
    assert series.together(np.array([1.0, 2, 3]), np.array(reports_, float)) == alike
    assert not series.together(np.ones(3), np.array(reports_, float))


def test_the_page_of_a_series_tells_each_unit_and_the_reports():
    same, rising = np.ones((3, 2)), np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]])
    open_ = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
    found = {
        REGION: {"value_at_risk_km2": open_}, "east": {"value_at_risk_km2": rising},
        "west": {"value_at_risk_km2": same},
    }  # fmt: skip
    told = pd.concat([reports(1, 5, 9), reports(1, 5, 9, unit="east"), reports(1, 2, 2, unit="w")])
    trends, table = series.trends(found, DAYS, told), series.table(found, DAYS, told)
    assert table["reports_poison"].tolist()[:6] == [1, 5, 9, 1, 5, 9]
    thirds = series.table({REGION: {"mean_threat": open_ / 3}}, DAYS, told)
    assert thirds["mean_threat_p05"].tolist() == [0.3667, 0.6667, 0.3667]  # 1.1 and 2 thirds
    page = series_page.sections(table, trends, {"poison": "Poison"}, 2.5, b"GIF89a")
    assert page[0].words == [
        "Value at risk (km² of full habitat): no clear trend (0 (−0.45 to +0.45) a year; it rises "
        "in 50%)."
    ]  # fmt: skip
    assert page[2].words[0].startswith("Rows that fall into the 2.5 years before each date.")
    assert page[2].tables[0][1].values.tolist() == [
        [day, n] for day, n in zip(DAYS, (1, 5, 9), strict=True)
    ]
    (east, risen), (west, flat) = page[4].tables[0][1].values.tolist()
    assert (east, west, flat) == ("east", "west", "does not change")
    assert risen.startswith("rises: +1.0 (+1.0 to +1.0)") and risen.endswith("as reports")


def test_rows_of_later_days_are_not_known_yet():
    rows = pd.DataFrame({"date": ["2019-06-01", None, "2021-06-01"], "n": [1, 2, 3]})
    assert from_records.until(rows, "date", "2021-05-31")["n"].tolist() == [1, 2]
    assert from_records.until(rows, "date", "2021-06-01")["n"].tolist() == [1, 2, 3]
    assert from_records.until(rows, "day", "2000-01-01")["n"].tolist() == [1, 2, 3]


# ------------------------------------------------------------------------ features that have dates


@pytest.mark.parametrize(
    ("since", "until", "there"),
    [
        ("2015", "", True),
        ("2021", "", True),  # its first day
        ("2021-01-02", "", False),
        ("", "2021", False),  # gone on that day
        ("", "2021-01-02", True),
        ("", "", True),
        (2015, 2020, False),
        (2015.0, None, True),
    ],
)
def test_a_feature_is_there_from_its_beginning_to_its_end(since, until, there):
    table = gpd.GeoDataFrame({"opened": [since], "closed": [until]}, geometry=[shapely.Point(0, 0)])
    block = {"since": "opened", "until": "closed"}
    assert features.there_on(table, block, "2021-01-01").tolist() == [there]


@pytest.mark.parametrize(
    ("column", "told"),
    [("opened", "holds 'long ago' in feature 2, expected a year or a day"), ("begin", "no column")],
)
def test_a_date_that_is_none_is_named(column, told):
    places = [shapely.Point(0, 0)] * 2
    table = gpd.GeoDataFrame({"opened": ["2015", "long ago"]}, geometry=places)
    with pytest.raises(features.LayerError, match=told):
        features.there_on(table, {"since": column}, "2021-01-01")


# -------------------------------------------------------------------------- scenarios of the past


def configs(**series_):
    config = yaml.safe_load(MINIMAL)
    return load.load(config | {"series": series_, "draws": {"number": 8}})


def test_each_date_is_a_scenario_in_which_only_the_day_differs():
    every = configs(dates=["2021-10-01", "2019-10-01"])
    assert list(every)[1:] == ["on_2019_10_01", "on_2021_10_01"]
    first = next(iter(every.values()))
    past = every["on_2019_10_01"]
    assert (past["as_of"], past["known_on"]) == ("2019-10-01", first["as_of"])
    assert states.is_past(past) and not states.is_past(first)
    assert past["scenario_title"] == "State on 2019-10-01"
    made = graph.Graph(every)
    assert made.keys("on_2019_10_01", "draws") == [""]
    for rule in ("sensitivity", "key_draws", "change", "series"):
        assert not made.keys("on_2019_10_01", rule)
    assert made.keys(next(iter(every)), "series") == [""]
    assert not any("on_2019" in path and "draws" not in path for path in graph.products(made)
                   if not path.startswith("results/small/on_2019_10_01/uncertainty"))  # fmt: skip


@pytest.mark.parametrize("day", ["2999-01-01", "present"])
def test_a_date_of_the_series_lies_before_as_of(day):
    present = next(iter(configs().values()))["as_of"]
    with pytest.raises(load.ConfigError, match=r"series\.dates: found .* before as_of") as told:
        configs(dates=[present if day == "present" else day])
    assert "known_on" not in str(told.value)  # one fault, told once


def test_what_is_known_is_not_older_than_the_day():
    config = yaml.safe_load(MINIMAL) | {"known_on": "1999-01-01"}
    with pytest.raises(load.ConfigError, match="known_on: found 1999-01-01, expected as_of"):
        load.load(config)


# ------------------------------------------------------------------------------------ animations


@pytest.fixture(scope="module")
def pictures():
    tints = maps.LinearSegmentedColormap.from_list("x", ["white", "red"])
    found = []
    for i, day in enumerate(DAYS[:2]):
        values, how = np.full((20, 30), i / 2, "float32"), (tints, maps.Normalize(0, 1))
        picture = figures.raster_map(values, (0, 0, 30, 20), None, how, "risk", title=day, foot="A")
        found.append(picture)
    return found


def test_a_gif_shows_each_picture_and_begins_again(pictures):
    made = animation.gif(pictures)
    moving = Image.open(io.BytesIO(made))
    assert moving.n_frames == 2 and moving.info["loop"] == 0
    assert moving.info["duration"] == 1500
    assert made == animation.gif(pictures)
    assert "data:image/gif;base64,R0lGOD" in html.page(
        "t", "s", "", [html.Section("a", figures=[("", made)])], "f"
    )


def test_a_film_shows_each_picture_as_long(pictures, tmp_path):
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in paths:
        animation.mp4(pictures, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with av.open(str(paths[0])) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 30 and frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0
    middle = frames[0].shape[0] // 2, frames[0].shape[1] // 3
    early, late = frames[5][middle].astype(int), frames[25][middle].astype(int)
    assert early.min() > 240 and late[0] > 220 and late[1] < 160  # white, then halfway to red


def test_a_picture_of_odd_sides_loses_a_row_and_a_column_of_dots(tmp_path):
    """A film of this kind asks for even sides."""
    picture, path = io.BytesIO(), tmp_path / "a.mp4"
    Image.new("RGB", (33, 23), "red").save(picture, format="PNG")
    animation.mp4([picture.getvalue()], path)
    with av.open(str(path)) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (32, 22)


def test_the_error_of_a_survey_is_another_one_at_another_date():
    weight = {"threats.dogs.weight": {"value": 0.4, "range": [0.2, 0.6], "status": "G"}}
    now = SPEC | {"parameters": weight, "errors": ["burrows"]}
    past = now | {"day": "2019-10-01"}
    together = {"together": design.shared([now, past])}
    a, b = (design.draw(of | together) for of in (now, past))
    np.testing.assert_array_equal(a.values["threats.dogs.weight"], b.values["threats.dogs.weight"])
    assert abs(np.corrcoef(a.errors["burrows"], b.errors["burrows"])[0, 1]) < 0.3
    assert list(a.table()) == list(b.table())

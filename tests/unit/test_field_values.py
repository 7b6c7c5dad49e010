"""Cells of field tables: coordinates, numbers with units and dates, as tables of cases."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from manul.records.text import Unusable, decimal
from manul.records.values import PARSERS, Context

ROOT = Path(__file__).parents[2]
SCHEMAS = yaml.safe_load((ROOT / "workflow/schemas/records.yaml").read_text(encoding="utf-8"))
CONTEXT = Context(SCHEMAS, dt.date(2026, 11, 23), (35, 25, 120, 56))


def parse(kind, text, **field):
    return PARSERS[kind](text, field, CONTEXT)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("75.3604", 75.3604),
        ("75,3604", 75.3604),
        ("75.3604°", 75.3604),
        ("75.3604 E", 75.3604),
        ("E75.3604", 75.3604),
        ("75°30'36\"E", 75.51),
        ("75° 30' 36\" E", 75.51),
        ("75°30′36″E", 75.51),
        ("75º30’36”E", 75.51),
        ("75°30'36''E", 75.51),
        ("E 75 30 36", 75.51),
        ("75:30:36", 75.51),
        ("75°30.6'", 75.51),
        ("75°30,6' в.д.", 75.51),
        ("75°30'36\" В", 75.51),
        ("东经75度30分36秒", 75.51),
        ("东经75°30′36″", 75.51),
        ("４１°２４′", 41.4),
        ("北纬41°24′54″", 41.415),
        ("41°24'54\" с.ш.", 41.415),
        ("41°24'54.0\"С", 41.415),
        ("N41 24.9", 41.415),
        ("41 град 24 мин 54 сек", 41.415),
        ("75°30'36\"W", -75.51),
        ("75°30'36\" З", -75.51),
        ("41°24'54\" ю.ш.", -41.415),
        ("-75.5", -75.5),
    ],
)
def test_angles(text, degrees):
    (value, _), _ = parse("longitude", text)
    assert value == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    "text", ["76, 25", "76. 5", "75°61'", "75°30'75\"", "75.5°30'", "-75 W", "75 7048", "E", "x"]
)
def test_angles_that_are_none(text):
    with pytest.raises(ValueError, match=r"expected|must|may"):
        parse("longitude", text)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("3.5", "ha", 3.5),
        ("3,5", "ha", 3.5),
        ("1 500", "ha", 1500),
        ("1\u00a0500,25 га", "ha", 1500.25),
        ("1,234.5", "ha", 1234.5),
        ("1.234,5", "ha", 1234.5),
        ("1,234,567", "ha", 1234567),
        ("0,500", "ha", 0.5),
        ("1e3", "ha", 1000),
        ("15 mu", "ha", 1),
        ("24000 mu", "ha", 1600),
        ("18750亩", "ha", 1250),
        ("1.5万亩", "ha", 1000),
        ("2 km2", "ha", 200),
        ("2 км²", "ha", 200),
        ("10000 m2", "ha", 1),
        ("1.2 km", "m", 1200),
        ("0.005 %", "ppm", 50),
        ("70 %", "1", 0.7),
        ("10 t", "kg", 10000),
        ("−4", "m", -4),
    ],
)
def test_numbers(text, unit, value):
    assert parse("number", text, unit=unit)[0] == value


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("1500.5", ""),
        ("3,5", "decimal comma"),
        ("1 500", "blanks between thousands"),
        ("1 500,5", "blanks between thousands, decimal comma"),
        ("1,234.5", "signs between thousands"),
        ("1.234,5", "decimal comma, signs between thousands"),
        ("1.234.567", "signs between thousands"),
    ],
)
def test_what_was_mended_in_a_number_is_told(text, rule):
    assert decimal(text)[1] == rule


@pytest.mark.parametrize(
    ("text", "value", "rule"),
    [("100", 100, ""), ("100 ha", 100, "unit removed"), ("1 km2", 100, "km2 to ha (x 100)")],
)
def test_the_unit_behind_a_number_is_told(text, value, rule):
    assert parse("number", text, unit="ha") == (value, rule)


def test_an_empty_geometry_says_so():
    with pytest.raises(ValueError, match="is empty"):
        parse("geometry", "POINT EMPTY", kinds=["Point"])


def test_a_number_of_many_digits_is_kept_as_a_computer_holds_it():
    assert decimal("0." + "3" * 37)[0] == "0." + "3" * 37, "39 signs"
    assert decimal("0." + "3" * 38)[0] == "0.3333333333333333"


@pytest.mark.parametrize("text", ["1,500", "1 50", "1,2,3", "many", "5 bags", "inf", "1e999"])
def test_numbers_that_are_none_or_ambiguous(text):
    with pytest.raises(ValueError, match=r"write|correct|mend"):
        parse("number", text, unit="ha")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), ("1,5", 1.5), ("0.500", 0.5), ("1.500", None), ("12.345", None), ("1500", 1500)],
)
def test_a_point_is_doubtful_where_decimals_have_a_comma(text, value):
    """A table with decimal commas may write 1.500 for a thousand and a half."""
    context = replace(CONTEXT, decimal_comma=True)
    if value is None:
        with pytest.raises(ValueError, match="other cells have a decimal comma; write 1500 or 1,5"):
            PARSERS["number"](text, {"unit": "ha"}, context)
    else:
        assert PARSERS["number"](text, {"unit": "ha"}, context)[0] == value


@pytest.mark.parametrize(
    "text",
    [
        "2021-07-15",
        "2021/07/15",
        "2021/7/15",
        "2021.07.15",
        "15.07.2021",
        "15.7.2021 г.",
        "15.07.21",
        "15/07/2021",
        "07/15/2021",
        "15-07-2021",
        "20210715",
        "44392",
        "44392.5",
        "2021年7月15日",
        "2021 оны 7 сарын 15",
        "2021-07-15 00:00:00",
        "2021-07-15T10:30:00Z",
    ],
)
def test_dates(text):
    assert parse("date", text)[0] == dt.date(2021, 7, 15)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("31.02.2022", "impossible"),
        ("2022-13-01", "impossible"),
        ("03/04/2021", "cannot be told apart"),
        ("2026-11-24", "future"),
        ("0001-01-01", "1900"),
        ("July 2021", "whole day"),
        ("2021", "whole day"),
    ],
)
def test_dates_that_are_none_or_ambiguous(text, why):
    with pytest.raises(ValueError, match=why):
        parse("date", text)


def test_today_is_not_the_future_and_a_licence_may_end_later():
    assert parse("date", "2026-11-23")[0] == dt.date(2026, 11, 23)
    assert parse("date", "2031-01-01", future="allowed")[0].year == 2031


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026", 2026), ("1900", 1900), ("2021 г.", 2021), ("2021年", 2021),
        ("2021 он", 2021), ("2027", "at latest 2026"), ("20223", "in the future"),
        ("1899", "from 1900"), ("22", "from 1900"), ("2021.5", "whole number"),
    ],
)  # fmt: skip
def test_a_year_is_not_after_that_of_the_config(text, expected):
    if isinstance(expected, int):
        assert parse("year", text)[0] == expected
        return
    with pytest.raises(ValueError, match=expected):
        parse("year", text)


def test_a_two_digit_year_lies_in_the_past():
    assert parse("date", "01.05.26")[0].year == 2026
    assert parse("date", "01.05.27")[0].year == 1927


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2021-03-01 04:00:00.000", "2021-03-01T04:00:00"),  # Movebank writes UTC so
        ("2021-03-01T04:00:00Z", "2021-03-01T04:00:00"),
        ("2021-03-01T04:00:00+06:00", "2021-02-28T22:00:00"),
        ("2021-03-01T04:00:00-0330", "2021-03-01T07:30:00"),
        ("01.03.2021 16:05", "2021-03-01T16:05:00"),
        ("2021/3/1 4:05 pm", "2021-03-01T16:05:00"),
        ("2021-03-01 12:05 am", "2021-03-01T00:05:00"),
        ("2021-03-01", "2021-03-01T00:00:00"),
        ("2021-03-01T04:00:00.25Z", "2021-03-01T04:00:00.250000"),
        ("44256.5", "2021-03-01T12:00:00"),  # days of a spreadsheet
    ],
)
def test_moments_are_kept_in_utc(text, utc):
    value, _ = parse("instant", text)
    assert value.tzinfo is dt.UTC and value.replace(tzinfo=None).isoformat() == utc


def test_a_time_without_an_offset_is_one_of_the_zone_of_its_table():
    there = replace(CONTEXT, time_zone=ZoneInfo("Asia/Bishkek"))
    value, rule = PARSERS["instant"]("2021-03-01 04:00", {}, there)
    assert value.isoformat() == "2021-02-28T22:00:00+00:00" and rule == "time of Asia/Bishkek"
    told, _ = PARSERS["instant"]("2021-03-01 04:00+00:00", {}, there)  # what is told goes first
    assert told.hour == 4
    summer = replace(CONTEXT, time_zone=ZoneInfo("Europe/Berlin"))
    with pytest.raises(Unusable, match="clocks of Europe/Berlin skipped this time"):
        PARSERS["instant"]("2021-03-28 02:30", {}, summer)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2021-03-01 25:00", "no clock shows this time"),
        ("2021-03-01 04:00+15:00", "no place has this offset"),
        ("2027-03-01 04:00", "the time is in the future"),
        ("03/04/2021 04:00", "day and the month cannot be told apart"),
    ],
)
def test_moments_that_are_none(text, why):
    with pytest.raises(Unusable, match=why):
        parse("instant", text)


def test_a_camera_must_tell_its_offset():
    with pytest.raises(Unusable, match="names no offset from UTC"):
        parse("instant", "2021-03-01 04:00", offset="required")

"""Text of one cell into one value: dates, numbers with units, angles, controlled words, geometry.

A parser takes `(text, field, context)` and returns `(value, rule)`; `rule` says in words what was
changed and is empty where the text was already as it should be. `Unusable` carries the reason.
"""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import shapely

from manul.records.text import (
    DAY_ZERO,
    NO_OFFSET,
    Unusable,
    day,
    decimal,
    degrees,
    fold,
    instant,
    join,
    period,
    plain,
)

NOT_ON_LIST = "not on the list"
PERIOD = "first day of a period"
FLAGGED = (NOT_ON_LIST, PERIOD)  # changes that leave something open


@dataclass(frozen=True)
class Context:
    """What a cell is read against: schemas, the last day, the box (west, south, east, north), a
    UTM zone, folded words for "no value", the areas of places, the day from which numbers count
    days, whether decimals of this table stand behind a comma, the zone of its clocks, and the
    spellings of each list, made when the first is met."""

    schemas: Mapping[str, Any]
    as_of: dt.date
    box: tuple[float, float, float, float]
    zone: str = ""
    blanks: frozenset[str] = frozenset()
    place_area_ha: Mapping[str, float] = field(default_factory=dict)
    day_zero: dt.date = DAY_ZERO
    decimal_comma: bool = False
    time_zone: ZoneInfo | None = None
    words: dict[str, dict[str, str]] = field(default_factory=dict, compare=False)


def parse_text(text: str, field: Mapping, context: Context) -> tuple[str, str]:
    """Free text stays as it is."""
    return text, ""


def parse_number(text: str, field: Mapping, context: Context) -> tuple[float, str]:
    """A finite number in the unit of the field; a suffix of another unit is converted, exactly."""
    match = re.fullmatch(r"([+-]?[0-9.,\s]*[0-9](?:e[+-]?[0-9]+)?)\s*(.*)", plain(text), re.DOTALL)
    if not match:
        raise Unusable(f"expected a number{_unit(field)}; write digits only")
    number, rule = decimal(match[1], context.decimal_comma)
    factor, unit_rule = _factor(match[2], field, context)
    value = float(Fraction(number) * factor)
    return value, join(rule, unit_rule)


def parse_count(text: str, field: Mapping, context: Context) -> tuple[float, str]:
    """A whole number, stored as float so that a blank stays NaN and never becomes 0."""
    value, rule = parse_number(text, field, context)
    if value != math.floor(value):
        raise Unusable("expected a whole number; write how many were counted")
    return value, rule


_YEAR_WORD = re.compile(r"\s*(г\.?|год|оны?|年)\s*$", re.IGNORECASE)


def parse_year(text: str, field: Mapping, context: Context) -> tuple[float, str]:
    """A year between 1900 and that of the as-of date."""
    value, rule = parse_count(_YEAR_WORD.sub("", text), field, context)
    if value < 1900:
        raise Unusable("expected a year from 1900; correct the year")
    if value > context.as_of.year:
        raise Unusable(
            f"the year is in the future; expected at latest {context.as_of.year}, the year of "
            "`as_of` of the config; correct the year, or that day"
        )
    return value, rule


def parse_date(text: str, field: Mapping, context: Context) -> tuple[dt.date, str]:
    """A whole day between 1900 and, unless the field allows the future, the as-of date."""
    first = period(plain(text)) if field.get("partial") == "first" else None
    if first is not None:
        value, rule = first, PERIOD
    else:
        whole = plain(text)
        head = whole.partition("/")[0]  # of a period within one day; other dates have "/" too
        within = field.get("partial") == "first" and re.match(r"\d{4}-\d\d-\d\d", head)
        value, rule = day(head if within else whole, context.as_of, context.day_zero)
    if value.year < 1900 or value.year > 2200:
        raise Unusable("expected a year from 1900 to 2200; correct the year")
    if value > context.as_of and field.get("future") != "allowed":
        raise Unusable(
            f"the date is in the future; expected at latest {context.as_of}, the day `as_of` of the"
            " config; correct the date, or that day"
        )
    return value, rule


def parse_instant(text: str, field: Mapping, context: Context) -> tuple[dt.datetime, str]:
    """A moment in UTC; a time without an offset is one of the table's zone, or of UTC.

    A field with `offset: required` takes no time whose zone is not told.
    """
    value, rule = instant(plain(text), context.as_of, context.time_zone, context.day_zero)
    if field.get("offset") == "required" and NO_OFFSET in rule:
        raise Unusable(
            "the time names no offset from UTC; expected a time as 2023-05-01T06:30:00+08:00; "
            "write it so, or give the layer its `time_zone`"
        )
    rule = ", ".join(part for part in rule.split(", ") if part != NO_OFFSET)  # the usual case
    if not 1900 <= value.year <= 2200:
        raise Unusable("expected a year from 1900 to 2200; correct the year")
    if value.date() > context.as_of + dt.timedelta(days=1) and field.get("future") != "allowed":
        raise Unusable(
            f"the time is in the future; expected at latest {context.as_of}, the day `as_of` of the"
            " config; correct the time, or that day"
        )
    return value, rule


def parse_choice(text: str, field: Mapping, context: Context) -> tuple[str, str]:
    """A word of a controlled list, by any of its synonyms; see `other` for words not on it."""
    names = context.schemas["lists"][field["list"]]
    if text in names:
        return text, ""
    known = context.words.setdefault(field["list"], {})
    if not known:
        known |= synonyms(names)
    found = known.get(fold(text))
    if found is not None:
        return found, f"synonym of {found}"
    return _other(text, field, names)


def parse_yes_no(text: str, field: Mapping, context: Context) -> tuple[bool, str]:
    """True or False from "y" or "n" in several languages."""
    word, rule = parse_choice(text, {"list": "yes_no"}, context)
    return word == "y", "" if fold(text) in ("true", "false") else rule  # as computers write it


def parse_angle(text: str, field: Mapping, context: Context) -> tuple[tuple[float, str], str]:
    """Degrees and the hemisphere letter ("" if none) of a decimal or degree-minute-second text."""
    return degrees(text, context.schemas["hemispheres"])


def parse_geometry(text: str, field: Mapping, context: Context) -> tuple[Any, str]:
    """A valid shape of a declared kind inside the box; an exchange of x and y is undone."""
    drawn = _wkt(text)
    shape = _one_part(drawn, field["kinds"])
    if shape.geom_type not in field["kinds"]:
        parts = shapely.get_num_geometries(shape)
        found = f"{shape.geom_type} of {parts} parts" if parts > 1 else shape.geom_type
        raise Unusable(f"found a {found}; expected {' or '.join(field['kinds'])}; redraw")
    rule = "" if shape is drawn else f"the one part of a {drawn.geom_type}"
    if not shape.is_valid:
        raise Unusable(f"the shape is not valid ({shapely.is_valid_reason(shape)}); redraw it")
    if _shape_inside(shape, context.box):
        return shape, rule
    turned = shapely.transform(shape, lambda xy: xy[:, ::-1])
    if _shape_inside(turned, context.box):
        return turned, join(rule, "longitude and latitude were swapped")
    raise Unusable(f"the shape lies outside {box_words(context.box)}; give WGS 84 degrees")


PARSERS = {
    "text": parse_text,
    "number": parse_number,
    "count": parse_count,
    "year": parse_year,
    "date": parse_date,
    "instant": parse_instant,
    "choice": parse_choice,
    "yes_no": parse_yes_no,
    "geometry": parse_geometry,
    "longitude": parse_angle,
    "latitude": parse_angle,
}


def synonyms(names: Mapping[str, list]) -> dict[str, str]:
    """Folded spelling -> canonical value, the canonical spelling included."""
    pairs = [(fold(str(word)), name) for name, words in names.items() for word in [name, *words]]
    return dict(pairs)


def box_words(box: tuple[float, float, float, float]) -> str:
    """The box as a person reads it."""
    west, south, east, north = box
    return f"longitude {west:g} to {east:g} and latitude {south:g} to {north:g}"


def inside(lon: float, lat: float, box: tuple[float, float, float, float]) -> bool:
    """Is the position in the box (edges included)? False for NaN."""
    west, south, east, north = box
    return west <= lon <= east and south <= lat <= north


def _factor(suffix: str, field: Mapping, context: Context) -> tuple[Fraction, str]:
    if not suffix:
        return Fraction(1), ""
    unit = field.get("unit", "")
    factors = {plain(str(k)): v for k, v in context.schemas["units"].get(unit, {}).items()}
    if suffix.rstrip(".") not in factors:
        raise Unusable(f"found {suffix!r} after the number; expected a number{_unit(field)}; mend")
    factor = Fraction(str(factors[suffix.rstrip(".")]))
    return factor, "unit removed" if factor == 1 else f"{suffix} to {unit} (x {factor})"


def _unit(field: Mapping) -> str:
    unit = field.get("unit", "")
    return f" in {unit}" if unit not in ("", "1") else ""


def _other(text: str, field: Mapping, names: Mapping) -> tuple[str, str]:
    other = field.get("other", "reject")
    if other == "reject":
        raise Unusable(f"expected one of {', '.join(names)}; choose one, or add it to the synonyms")
    return (text, NOT_ON_LIST) if other == "keep" else (other, NOT_ON_LIST)


def _wkt(text: str) -> Any:
    try:
        shape = shapely.from_wkt(re.sub(r"^\s*SRID=4326;", "", text))
    except (shapely.errors.ShapelyError, UnicodeError):
        raise Unusable("the geometry is not well-known text; expected e.g. POINT (75 41)") from None
    if shape is None or shape.is_empty:
        raise Unusable("the geometry is empty; expected a shape; draw it or leave the cell blank")
    return shapely.force_2d(shape)


def _one_part(shape: Any, kinds: list[str]) -> Any:
    """The part of a shape of many parts that has one, or whose lines join to one, where wanted."""
    if shape.geom_type in kinds:
        return shape
    if shape.geom_type == "MultiLineString":
        shape = shapely.line_merge(shape)
    while shapely.get_num_geometries(shape) == 1 and hasattr(shape, "geoms"):
        shape = shape.geoms[0]
    return shape


def _shape_inside(shape: Any, box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = shape.bounds
    return inside(west, south, box) and inside(east, north, box)

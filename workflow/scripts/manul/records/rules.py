"""One row of a field table, its position, and the rules between fields and between rows.

A rule takes `(rows, rule, context)`: all rows in file order, its block of the schemas, the context.
It rejects or flags rows in place. A row rejected before does not count as the first of a duplicate,
so a corrected second row is kept.
"""

import datetime as dt
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely
from pyproj import Geod

from manul.grid.crs import transformer
from manul.records.text import fold
from manul.records.values import Context, box_words, inside

_WGS84 = Geod(ellps="WGS84")
APART = 10  # lengths of a line between its ends: more is a slip of the pen
APART_M = 2000  # between two tellings of one place, which may each be rounded
_ZONES = range(42, 51)  # the northern zones from Lake Balkhash to the Khingan


@dataclass
class Row:
    """A row on its way: texts found, values read (None = blank), and what happened to it."""

    label: Hashable
    texts: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    changes: list[tuple] = field(default_factory=list)
    problems: list[tuple] = field(default_factory=list)

    def change(self, name: str, used: Any, rule: str) -> None:
        """Log that `name` was not taken as it was found."""
        self.changes.append((self.label, name, self.texts.get(name, ""), used, rule))

    def reject(self, name: str, reason: str) -> None:
        """Log a problem as one sentence: found, expected, how to mend."""
        text = self.texts.get(name, "")
        found = f"{text[:60]!r}" if text else "nothing"
        sentence = f"Found {found} in {name}; {reason}."
        self.problems.append((self.label, name, text, sentence))

    @property
    def name(self) -> str:
        """How another row's reason calls this one: its row and its first field."""
        return f"row {self.label} ({next(iter(self.texts.values()), '')})"


def locate(row: Row, position: Mapping, context: Context) -> None:
    """Set longitude and latitude (EPSG:4326) from degrees, UTM, geometry or, at worst, a place.

    A row that tells its place in two ways which lie more than `APART_M` apart is rejected.
    """
    given = [
        (columns, read)
        for columns, read in _SOURCES
        if any(row.texts.get(position.get(column, "")) for column in columns)
    ]
    if not given:
        return _from_place(row, position)
    places = {columns: _tried(row, position, context, read) for columns, read in given}
    used = next((columns for columns, place in places.items() if place), given[0][0])
    dict(given)[used](row, position, context)
    for columns, place in places.items():
        told, by = (" and ".join(position[c] for c in of) for of in (columns, used))
        if place is None and places[used]:
            row.change(position[columns[0]], "", f"{told} are no place; that of {by} is used")
            row.flags.append(f"{told} left aside")
        elif place and columns != used:
            _agree(row, position, columns, place, f"{by} lie", told)
    return None


def ordered(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject a row that ends before it starts."""
    for row in rows:
        start, end = row.values.get(rule["start"]), row.values.get(rule["end"])
        if start and end and end < start:
            row.reject(rule["end"], f"it ends before it starts ({start}); correct one of the dates")


def rising(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject a row whose highest number is not above its lowest."""
    for row in rows:
        low, high = row.values.get(rule["low"]), row.values.get(rule["high"])
        if low is not None and high is not None and high <= low:
            row.reject(rule["high"], f"expected more than the {rule['low']}, {low:g}; correct one")


def between(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject a row with a number outside its own lowest and highest."""
    for row in rows:
        low, value, high = (row.values.get(rule[key]) for key in ("low", "value", "high"))
        if low is None or value is None or high is None or low >= high:
            continue
        if not low <= value <= high:
            row.reject(
                rule["value"],
                f"expected a number from the {rule['low']} to the {rule['high']} of the row,"
                f" {low:g} to {high:g}; correct one of them",
            )


def unique(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject a row whose identifier was used by an earlier row."""
    first: dict[str, Row] = {}
    for row in _usable(rows):
        earlier = first.setdefault(row.values[rule["field"]], row)
        if earlier is not row:
            row.reject(rule["field"], f"{earlier.name} has this identifier; give each row its own")


def identical(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject or flag a row equal to an earlier one in all declared fields but `except`."""
    first: dict[tuple, Row] = {}
    for row in _usable(rows):
        same = tuple(_comparable(v) for k, v in row.values.items() if k != rule.get("except"))
        earlier = first.setdefault(same, row)
        if earlier is not row:
            _TWINS[rule["verdict"]](row, earlier)


def close_in_time(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject a second report: same place, at most `days` apart, amounts equal within `share`.

    Unknown place, date or amount compares with nothing.
    """
    kept: dict[str, list[Row]] = {}
    for row in _usable(rows):
        place, day, amount = (row.values.get(rule[key]) for key in ("place", "date", "amount"))
        if place is None or day is None or amount is None:
            continue
        others = kept.setdefault(fold(place), [])
        earlier = next((other for other in others if _close(row, other, rule)), None)
        if earlier is None:
            others.append(row)
        else:
            row.reject(rule["date"], _second_report(earlier, rule))


def once(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject a row that begins after, or tells again, what happens once to the one it is of.

    `of` names who, `event` the field that says yes, `start` and `end` the days of a row.
    """
    usable = list(_usable(rows))
    happened: dict[str, Row] = {}
    for row in usable:
        if row.values.get(rule["event"]) is True:
            who = fold(row.values[rule["of"]])
            earlier = happened.setdefault(who, row)
            if earlier is not row:
                row.reject(rule["event"], f"{earlier.name} says so too; it can be in one row alone")
    for row in _usable(usable):
        last = happened.get(fold(row.values[rule["of"]]))
        start, end = row.values.get(rule["start"]), last and last.values.get(rule["end"])
        if last is not None and last is not row and start and end and start > end:
            row.reject(
                rule["start"],
                f"it begins after {rule['event']} of {last.name}, {end}; correct one of the days, "
                f"or the {rule['of']}",
            )


def blank(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Flag rows in which a field is blank."""
    for row in rows:
        if row.values.get(rule["field"]) is None:
            row.flags.append(rule["flag"])


def length_fits(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Flag a length above `high` or below `low` times the geodesic between the ends (metres).

    A row whose ends lie more than `APART` times its length apart is rejected.
    """
    for row in _usable(rows):
        ends = [row.values[name] for name in (*rule["start"], *rule["end"])]
        distance_m = _WGS84.inv(*ends)[2]
        length_m = row.values[rule["length"]]
        if distance_m > APART * length_m:
            row.reject(
                rule["end"][0],
                f"the ends lie {distance_m / 1000:.0f} km apart for a length of {length_m:g} m; "
                "expected a line of about that length; correct a coordinate, or the length",
            )
        elif length_m > rule["high"] * distance_m or length_m < rule["low"] * distance_m:
            row.flags.append(rule["flag"])


def fits_place(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Flag an area larger than its place, where the area of the place is known."""
    known = {fold(name): area for name, area in context.place_area_ha.items()}
    for row in rows:
        area, place = row.values.get(rule["area"]), row.values.get(rule["place"])
        if area is not None and place is not None and area > known.get(fold(place), float("inf")):
            row.flags.append(rule["flag"])


def at_least(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Raise a number to `value` where the field `when` says yes, with a flag."""
    for row in rows:
        if row.values.get(rule["when"]):
            row.flags.append(rule["flag"])
            number = row.values.get(rule["field"])
            if number is None or number < rule["value"]:
                row.values[rule["field"]] = float(rule["value"])
                row.change(rule["field"], float(rule["value"]), rule["flag"])


def told_no(rows: Iterable[Row], rule: Mapping, context: Context) -> None:
    """Reject rows in which a field says no."""
    for row in rows:
        if row.values.get(rule["field"]) is False:
            row.reject(rule["field"], rule["reason"])


RULES = {
    "at_least": at_least,
    "told_no": told_no,
    "ordered": ordered,
    "rising": rising,
    "between": between,
    "unique": unique,
    "identical": identical,
    "close_in_time": close_in_time,
    "once": once,
    "blank": blank,
    "length_fits": length_fits,
    "fits_place": fits_place,
}


def _from_degrees(row: Row, position: Mapping, context: Context) -> None:
    names = position["lon"], position["lat"]
    for name, other in (names, names[::-1]):
        if not row.texts.get(name):
            return row.reject(name, f"{other} is given; expected both; add the missing one")
    if any(row.values[name] is None for name in names):
        return None  # a coordinate could not be read, which is already a problem of the row
    (x, x_letter), (y, y_letter) = (row.values[name] for name in names)
    if max(abs(x), abs(y)) > 180 and _zone_text(row, position, context):
        return _set_utm(row, position, context, x, y)
    order = _order((x, x_letter), (y, y_letter), context)
    return _ORDERS[order](row, position, context, (x, y))


def _order(x: tuple[float, str], y: tuple[float, str], context: Context) -> str:
    letters = x[1], y[1]
    if letters[0] in ("N", "S") or letters[1] in ("E", "W"):
        same_axis = {letters[0], letters[1]} in ({"N"}, {"S"}, {"N", "S"}, {"E"}, {"W"}, {"E", "W"})
        return "contrary" if same_axis or not inside(y[0], x[0], context.box) else "swapped"
    if inside(x[0], y[0], context.box):
        return "right"
    swap = inside(y[0], x[0], context.box) and letters == ("", "")
    return "swapped" if swap else "outside"


def _set(row: Row, position: Mapping, context: Context, xy: tuple[float, float]) -> None:
    row.values[position["lon"]], row.values[position["lat"]] = xy


def _swap(row: Row, position: Mapping, context: Context, xy: tuple[float, float]) -> None:
    _set(row, position, context, xy[::-1])
    row.change(position["lon"], xy[1], "longitude and latitude were swapped")
    row.change(position["lat"], xy[0], "longitude and latitude were swapped")


def _outside(row: Row, position: Mapping, context: Context, xy: tuple[float, float]) -> None:
    words = box_words(context.box)
    row.reject(
        position["lon"],
        f"with {xy[1]:g} in {position['lat']} the position is outside {words}; correct it",
    )


def _contrary(row: Row, position: Mapping, context: Context, xy: tuple[float, float]) -> None:
    lat = row.texts[position["lat"]]
    row.reject(
        position["lon"],
        f"with {lat[:60]!r} in {position['lat']} the letters contradict; expected E and N; mend",
    )


_ORDERS = {"right": _set, "swapped": _swap, "outside": _outside, "contrary": _contrary}


def _from_utm(row: Row, position: Mapping, context: Context) -> None:
    names = position["easting"], position["northing"]
    if any(row.values.get(name) is None for name in names):
        missing = next(name for name in names if row.values.get(name) is None)
        return row.reject(missing, "expected easting and northing in metres; give both as numbers")
    return _set_utm(row, position, context, *(row.values[name] for name in names))


def _set_utm(row: Row, position: Mapping, context: Context, east: float, north: float) -> None:
    text = _zone_text(row, position, context)
    match = re.fullmatch(r"(?:utm|zone|зона)?\s*([0-9]{1,2})\s*[nrstuv]?", fold(text))
    if not match or int(match[1]) not in _ZONES:
        reason = f"the UTM zone is {text or 'not given'}; expected 42N to 50N; state the zone"
        return row.reject(position["zone"], reason)
    if not (100_000 <= east <= 900_000 and 0 <= north <= 10_000_000):
        reason = f"UTM {east:g} E {north:g} N is not on the grid; correct easting or northing"
        return row.reject(position["easting"], reason)
    lon, lat = xy = transformer(32600 + int(match[1]), 4326).transform(east, north)
    if not inside(lon, lat, context.box):
        return _outside(row, position, context, xy)
    return _derive(row, position, xy, f"from UTM zone {match[1]}N")


def _zone_text(row: Row, position: Mapping, context: Context) -> str:
    return row.texts.get(position.get("zone", ""), "") or str(context.zone)


def _from_geometry(row: Row, position: Mapping, context: Context) -> None:
    shape = row.values.get(position["geometry"])
    if shape is None:
        return  # the geometry could not be read, which is already a problem of the row
    _derive(row, position, _PARTS[position["part"]](shape), f"{position['part']} of the geometry")


def _derive(row: Row, position: Mapping, xy: tuple[float, float], rule: str) -> None:
    for name, value in zip((position["lon"], position["lat"]), xy, strict=True):
        row.values[name] = float(value)
        row.change(name, float(value), rule)


def _centre(shape: Any) -> tuple[float, float]:
    # a point inside the shape, not its centroid, which may lie beyond a crescent
    point = shapely.point_on_surface(shape)
    return point.x, point.y


_PARTS = {
    "centre": _centre,
    "start": lambda shape: tuple(shapely.get_coordinates(shape)[0]),
    "end": lambda shape: tuple(shapely.get_coordinates(shape)[-1]),
}

_SOURCES = (
    (("lon", "lat"), _from_degrees),
    (("easting", "northing"), _from_utm),
    (("geometry",), _from_geometry),
)


def _tried(row, position, context, read) -> tuple[float, float] | None:
    """The longitude and latitude that a way of telling them leads to; None where it leads nowhere.

    A value that could not be read is a problem of the row already, whatever the way.
    """
    trial = Row(row.label, row.texts, dict(row.values))
    read(trial, position, context)
    lon, lat = (trial.values.get(position[axis]) for axis in ("lon", "lat"))
    if trial.problems or not (isinstance(lon, float) and isinstance(lat, float)):
        return None
    return lon, lat


def _agree(row, position, columns, place, first, second) -> None:
    """Reject a row whose place by `columns` lies far from the one that is set."""
    here = tuple(row.values.get(position[axis]) for axis in ("lon", "lat"))
    shape = row.values.get(position["geometry"]) if "geometry" in columns else None
    if shape is None:
        apart = _WGS84.inv(*here, *place)[2]
    elif position["part"] == "centre":
        apart = _WGS84.geometry_length(shapely.shortest_line(shapely.Point(here), shape))
    else:  # a line may be drawn from its other end
        ends = shapely.get_coordinates(shape)[[0, -1]]
        apart = min(_WGS84.inv(*here, *end)[2] for end in ends)
    if apart > max(APART_M, row.values.get("coord_error_m") or 0):
        row.reject(
            position["lon"],
            f"{first} {apart / 1000:.0f} km from the place of {second}; expected one place; "
            "correct the wrong one, or leave it out",
        )


def _from_place(row: Row, position: Mapping) -> None:
    place = position.get("place")
    if place is None or row.values.get(place["field"]) is None:
        instead = f" or a {place['field']}" if place else ""
        return row.reject(position["lon"], f"expected a position{instead}; fill it in")
    row.flags.append(place["flag"])
    for name, value in place["sets"].items():
        if row.values.get(name) != value:
            row.values[name] = value
            row.change(name, value, f"no coordinates, only a {place['field']}")
    return None


def _usable(rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in rows if not row.problems)


def _comparable(value: Any) -> Hashable:
    return shapely.to_wkb(value) if isinstance(value, shapely.Geometry) else value


_TWINS = {
    "reject": lambda row, earlier: row.reject(
        next(iter(row.texts)), f"the row repeats {earlier.name}; expected each once; remove one"
    ),
    "flag": lambda row, earlier: row.flags.append(f"repeats row {earlier.label}"),
}


def _close(row: Row, earlier: Row, rule: Mapping) -> bool:
    days = abs(row.values[rule["date"]] - earlier.values[rule["date"]])
    amount, first = row.values[rule["amount"]], earlier.values[rule["amount"]]
    return days <= dt.timedelta(days=rule["days"]) and abs(amount - first) <= rule["share"] * first


def _second_report(earlier: Row, rule: Mapping) -> str:
    return (
        f"{earlier.name} reports the same {rule['place']} within {rule['days']} days and"
        f" {rule['share']:.0%} of {rule['amount']}; expected each event once; remove one"
    )

"""A raw field table, all text, checked and typed: what is accepted, rejected and changed.

Rows in = rows accepted + rows rejected, always; a change of any cell or header is logged.
What a table holds stands in the schemas (a mapping, see `workflow/schemas/records.yaml`); this
module knows no table and no field by name.
"""

import datetime as dt
import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from manul.records.rules import RULES, Row, locate
from manul.records.text import DAY_ZERO, Unusable, decimal, fold, plain
from manul.records.values import FLAGGED, PARSERS, Context

RANGE_BOX = (35.0, 25.0, 120.0, 56.0)  # west, south, east, north of the manul's range, degrees
OVERFLOW = "cells beyond the header"  # a reader puts there what stands right of the last column
PROBLEM = "problem found on reading"  # and here "reason" or "field: reason" of a row, "" for most
RESERVED = {"flags", "row", "fid", "ogc_fid", "geom", "geometry", "index"}
HEADER = "header"  # the row of a log entry that is about the table and not about a row

_DTYPES = {
    "date": "datetime64[ns]",
    "instant": "datetime64[ns, UTC]",
    "yes_no": "boolean",
} | dict.fromkeys(("number", "count", "year", "longitude", "latitude"), "float64")
_BLANKS = r"[\s\u200b\ufeff]+"


class RecordsError(ValueError):
    """A table that cannot be read at all; the message says what was found and what to do."""


@dataclass(frozen=True)
class Records:
    """The outcome: `accepted` typed rows, `rejected` and `normalised` logs, one line per finding.

    `accepted` is indexed by row and has every declared field, the extra columns as they came, and
    `flags` ("; " between them). `rejected`: row, field, value, reason; a row may appear several
    times. `normalised`: row, field, value_found, value_used, rule.
    """

    accepted: pd.DataFrame
    rejected: pd.DataFrame
    normalised: pd.DataFrame


def read_records(
    raw: pd.DataFrame,
    table: str,
    schemas: Mapping[str, Any],
    as_of: dt.date,
    box: tuple[float, float, float, float] = RANGE_BOX,
    zone: str = "",
    place_area_ha: Mapping[str, float] | None = None,
    time_zone: str = "",
) -> Records:
    """Normalise and check `raw`, whose index is the row as a person counts it.

    No observation may be later than `as_of`. `zone` is the UTM zone of tables that do not
    state it ("46N"), `time_zone` the zone of clock times without an offset ("Asia/Bishkek").
    `place_area_ha` holds the areas of soums where known. `raw.attrs["read_as"]`
    (what the reader of the file chose) is logged. Raises `RecordsError` for an unknown table, a
    required column that is missing, or row labels that repeat.
    """
    spec = _spec(table, schemas)
    blanks = frozenset(fold(word) for word in schemas["blanks"])
    today = pd.Timestamp(as_of).date()
    columns, further, extras, log = _columns(raw, spec, schemas)
    _demand_columns(columns, raw, table, spec)
    lines = [(row, _with_largest(cells, columns, further)) for row, cells in _labelled(raw)]
    context = Context(
        schemas, today, box, zone or "", blanks, place_area_ha or {},
        raw.attrs.get("day_zero", DAY_ZERO), _has_decimal_comma(lines, columns, spec),
        _zone(time_zone),
    )  # fmt: skip
    rows = [_read_row(*item, columns, spec, context) for item in lines]
    _demand_whole_coordinates(rows, lines, columns, raw, spec)
    for rule in spec["rules"]:
        RULES[rule["rule"]](rows, rule, context)
    return _outcome(raw, rows, spec, extras, log)


def _zone(name: str) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise RecordsError(
            f"time_zone {name!r} is not known; expected a name as Asia/Bishkek or UTC."
        ) from error


def header_names(table: str, schemas: Mapping[str, Any]) -> frozenset[str]:
    """Every name, folded, that a column of a table may have; its head is found by them."""
    return frozenset(_header_names(_spec(table, schemas), schemas))


def columns_of(raw: pd.DataFrame, table: str, schemas: Mapping[str, Any]) -> dict[str, int]:
    """Where the fields of a table stand among the columns of `raw`, as far as they are there."""
    columns, _, _, _ = _columns(raw, _spec(table, schemas), schemas)
    return {name: number for name, (number, _) in columns.items()}


def document(schemas: Mapping[str, Any]) -> str:
    """The schemas as a Markdown page: each table, its fields and rules, then the lists."""
    parts = ["# Field tables", _INTRODUCTION]
    parts += [_document_table(name, spec) for name, spec in schemas["tables"].items()]
    parts += ["## Controlled lists", "Any spelling in the right column is read as the left one."]
    parts += [_document_list(name, names) for name, names in schemas["lists"].items()]
    return "\n\n".join(parts) + "\n"


def _spec(table: str, schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    if table not in schemas["tables"]:
        known = ", ".join(schemas["tables"])
        raise RecordsError(f"There is no table {table!r}; the tables are: {known}.")
    return schemas["tables"][table]


def _labelled(raw: pd.DataFrame) -> list[tuple[Hashable, list[str]]]:
    if not raw.index.is_unique:
        twice = raw.index[raw.index.duplicated()][0]
        raise RecordsError(f"Two rows are labelled {twice}; give each row its own label.")
    cells = raw.to_numpy(dtype=object)
    texts = [["" if pd.isna(cell) else str(cell) for cell in line] for line in cells]
    return list(zip(raw.index.tolist(), texts, strict=True))


def _has_decimal_comma(lines: list, columns: Mapping, spec: Mapping) -> bool:
    """Does a number of the table have its decimals behind a comma? 12,345 may be a thousand."""
    numbers = [n for name, (n, _) in columns.items() if _kind(spec, name) in _NUMERIC]
    cells = (line[number].strip() for _, line in lines for number in numbers)
    return any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)


_NUMERIC = {"number", "longitude", "latitude"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})|[+-]?(?:0|\d{4,}),\d+")


def _kind(spec: Mapping, name: str) -> str:
    return spec["fields"].get(name, {}).get("type", "number")  # eastings are no fields


# headers ------------------------------------------------------------------------------------------


def _columns(raw: pd.DataFrame, spec: Mapping, schemas: Mapping) -> tuple[dict, dict, dict, list]:
    """Field -> (column number, unit of its cells); field -> numbers of further columns of it, where
    it may have several; extra name -> column number; the log."""
    names, log = _header_names(spec, schemas), _read_as(raw)
    headers = [str(header) for header in raw.columns]
    columns: dict[str, tuple[int, str]] = {}
    further: dict[str, list[int]] = {}
    # exact names first, so that a synonym never takes the place of the field itself
    for number in sorted(range(len(headers)), key=lambda i: headers[i] not in names.values()):
        header = headers[number]
        known = header if header in names.values() else names.get(fold(header))
        field, _, unit = (known or "").partition(":")
        if field and field not in columns:
            columns[field] = number, unit
            log += [_header_change(header, field, unit)] if header != field else []
        elif "several" in spec["fields"].get(field, {}):
            further.setdefault(field, []).append(number)
            log.append((HEADER, field, header, field, "further column, the largest value counts"))
    taken = {number for number, _ in columns.values()}
    extras = _extras([(n, h) for n, h in enumerate(headers) if n not in taken], spec, log)
    return columns, further, extras, log


def _with_largest(cells: list[str], columns: Mapping, further: Mapping) -> list[str]:
    """The cells, with the largest value of a field that has several columns in its own column."""
    out = list(cells)
    for field, others in further.items():
        own = columns[field][0]
        out[own] = max([cells[own], *(cells[number] for number in others)], key=_size)
    return out


def _size(text: str) -> float:
    """The number in a text; a blank is smallest, and what is no number largest, so it is told."""
    if not text.strip():
        return -math.inf
    try:
        return float(decimal(plain(text))[0])
    except Unusable:
        return math.inf


def _header_names(spec: Mapping, schemas: Mapping) -> dict[str, str]:
    """Folded header -> field, or "field:unit"; the positions' own columns included."""
    wanted = [*spec["fields"], *(name for position in spec["positions"] for name in _utm(position))]
    names = {}
    for field in wanted:
        for synonym in schemas["headers"].get(field, []):
            word, _, unit = str(synonym).rpartition(":")
            known = unit in schemas["units"].get(spec["fields"].get(field, {}).get("unit", ""), {})
            if word and known:
                names[fold(word)] = f"{field}:{unit}"
            else:  # a colon of the name's own, as in gps:dop
                names[fold(str(synonym))] = field
    return names | {fold(field): field for field in [*wanted, OVERFLOW, PROBLEM]}


def _utm(position: Mapping) -> list[str]:
    return [position[key] for key in ("easting", "northing", "zone") if key in position]


def _read_as(raw: pd.DataFrame) -> list[tuple]:
    chosen = raw.attrs.get("read_as", {})
    return [(HEADER, key, "", str(value), "read as") for key, value in chosen.items()]


def _header_change(header: str, field: str, unit: str) -> tuple:
    rule = f"name of the column, cells in {unit}" if unit else "name of the column"
    return HEADER, field, header, field, rule


def _extras(left: list[tuple[int, str]], spec: Mapping, log: list) -> dict[str, int]:
    """Extra columns keep their name unless it is taken: where headers repeat, or differ in case
    only, which a GeoPackage does not see, or are names that it keeps for itself."""
    extras: dict[str, int] = {}
    taken = {name.lower() for field in spec["fields"] for name in (field, f"{field}_name")}
    taken |= RESERVED
    for number, header in left:
        name, copy = header, 2
        while name.lower() in taken:
            name, copy = f"{header} ({copy})", copy + 1
        extras[name] = number
        taken.add(name.lower())
        if name != header:
            log.append((HEADER, name, header, name, "name that is taken, not read"))
    return extras


def _demand_columns(columns: Mapping, raw: pd.DataFrame, table: str, spec: Mapping) -> None:
    instead: dict[str, list] = {}
    for position in spec["positions"]:
        others = [["easting", "northing"], ["geometry"]]
        ways = [[position[key] for key in way] for way in others]
        ways += [[position["place"]["field"]]] if "place" in position else []
        instead |= {position["lon"]: ways, position["lat"]: ways}
    for name, field in spec["fields"].items():
        ways = [[name], *instead.get(name, [])]
        if field.get("required") and not any(all(c in columns for c in way) for way in ways):
            named = (str(column) for column in raw if column not in (PROBLEM, OVERFLOW))
            found = ", ".join(named) or "no column"
            raise RecordsError(
                f"The table {table} needs a column {name!r} ({field['description']});"
                f" found: {found}. Add the column or rename the one that holds it."
            )


# rows ---------------------------------------------------------------------------------------------


def _read_row(
    label: Hashable, cells: list[str], columns: Mapping, spec: Mapping, context: Context
) -> Row:
    row = Row(label, {name: cells[number] for name, (number, _) in columns.items()})
    row.texts = {name: row.texts.get(name, "") for name in spec["fields"]} | row.texts
    units = {name: unit for name, (_, unit) in columns.items()}
    grid = {name: _METRES for position in spec["positions"] for name in _utm(position)[:2]}
    for name, field in (dict(spec["fields"]) | grid).items():
        row.values[name] = _read_cell(row, name, field, units.get(name, ""), context)
    for position in spec["positions"]:
        locate(row, position, context)
    _demand_values(row, spec)
    row.values = {name: row.values[name] for name in spec["fields"]}
    return row


_FEW_DIGITS = re.compile(r"\d{1,2}([.,]\d+)?")
_NAMELESS = re.compile(r"column \d+")
_MINUTES = re.compile(r"(lon|lat|долг|шир|经|經|纬|緯).*(min|мин|分|sec|сек|秒)")
_SHEET_ERROR = re.compile(r"#(?:N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)")
_METRES = {"type": "number", "unit": "m"}


def _demand_whole_coordinates(rows, lines, columns, raw, spec) -> None:
    """Reject rows whose degrees have their minutes in another column, which would be lost."""
    headers = [str(name) for name in raw.columns]
    places = [position[axis] for position in spec["positions"] for axis in ("lon", "lat")]
    for field in (name for name in places if name in columns):
        at = columns[field][0]
        beside = [at + 1] if _NAMELESS.fullmatch("".join(headers[at + 1 : at + 2])) else []
        beside += [i for i, name in enumerate(headers) if _MINUTES.search(fold(name))]
        for row, (_, cells) in zip(rows, lines, strict=True):
            numbers = [text for i in beside if _FEW_DIGITS.fullmatch(text := cells[i].strip())]
            if numbers and re.fullmatch(r"[+-]?\d{1,3}", cells[at].strip()):
                row.reject(
                    field,
                    f"{numbers[0]!r} stands beside it: are these minutes? Expected the whole "
                    "coordinate in one cell, such as 76.2 or 76°12'; join the cells",
                )


def _read_cell(row: Row, name: str, field: Mapping, unit: str, context: Context) -> Any:
    """The value of a cell, None where it is blank or cannot be used (then the row says why)."""
    text = _trimmed(row, name, field, context)
    if not text:
        return None
    if _SHEET_ERROR.fullmatch(text):
        row.reject(name, "an error of a spreadsheet; expected a value; mend the formula there")
        return None
    if unit and re.fullmatch(r"[0-9.,\s]+", text):
        text = f"{text} {unit}"
    try:
        value, rule = PARSERS[field["type"]](text, field, context)
        _demand_range(value, field)
    except Unusable as problem:
        row.reject(name, str(problem))
        return None
    if rule in FLAGGED:
        row.flags.append(f"{name} {rule}")
    if rule and value != text:
        row.change(name, value[0] if isinstance(value, tuple) else value, rule)
    return value


def _trimmed(row: Row, name: str, field: Mapping, context: Context) -> str:
    """The cell without outer blanks; a word for "no value" becomes blank, except in free text."""
    found = row.texts.get(name, "")
    text = re.sub(rf"^{_BLANKS}|{_BLANKS}$", "", found)
    if text and field["type"] != "text" and fold(text) in context.blanks:
        row.change(name, "", "word for no value")
        text = ""
    elif text != found:
        row.change(name, text, "blanks removed")
    row.texts[name] = found if text else ""
    return text


def _demand_range(value: Any, field: Mapping) -> None:
    outside = (
        ("above" in field and value <= field["above"])
        or ("min" in field and value < field["min"])
        or ("max" in field and value > field["max"])
    )
    if outside:
        raise Unusable(f"expected {range_words(field)}; check the unit and correct the value")


def _demand_values(row: Row, spec: Mapping) -> None:
    located = {position[key] for position in spec["positions"] for key in ("lon", "lat")}
    for name, field in spec["fields"].items():
        if field.get("required") == "value" and not row.texts[name] and name not in located:
            row.reject(name, f"expected a value ({field['description']}); fill it in")
    if row.texts.get(OVERFLOW):
        row.reject(OVERFLOW, "the row has more cells than the header; put quotes around commas")
    if problem := row.texts.pop(PROBLEM, ""):
        name, parted, reason = problem.partition(": ")
        if parted:
            row.reject(name, reason)
        else:
            told = f"Found a row that cannot be read whole; {problem}."
            row.problems.append((row.label, "row", "", told))


def range_words(field: Mapping) -> str:
    """The range of a field as a person reads it, "" where there is none."""
    words = " and ".join(word.format(field[key]) for key, word in _RANGE.items() if key in field)
    unit = field.get("unit", "")
    return f"{words} {unit}".strip() if words and unit != "1" else words


_RANGE = {"above": "above {}", "min": "at least {}", "max": "at most {}"}


# the outcome --------------------------------------------------------------------------------------


def _outcome(raw: pd.DataFrame, rows: list[Row], spec: Mapping, extras: Mapping, log: list):
    good = [row for row in rows if not row.problems]
    keep = [not row.problems for row in rows]
    index = pd.Index([row.label for row in good], name="row")
    data = {
        name: _series([row.values[name] for row in good], index, _DTYPES.get(field["type"], object))
        for name, field in spec["fields"].items()
    }
    data |= {name: raw.iloc[keep, number].set_axis(index) for name, number in extras.items()}
    data["flags"] = _series(["; ".join(row.flags) for row in good], index, object)
    return Records(
        pd.DataFrame(data, index=index),
        _log([problem for row in rows for problem in row.problems], _PROBLEM),
        _log(log + [change for row in rows for change in row.changes], _CHANGE),
    )


_PROBLEM = ["row", "field", "value", "reason"]
_CHANGE = ["row", "field", "value_found", "value_used", "rule"]


def _series(values: list, index: pd.Index, dtype: Any) -> pd.Series:
    # via object, because pandas would else guess a type from the values
    return pd.Series(values, index=index, dtype=object).astype(dtype)


def _log(entries: list[tuple], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(entries, columns=columns, dtype=object)


# the page -----------------------------------------------------------------------------------------

_INTRODUCTION = (
    "Send CSV, XLSX or a GeoPackage layer, coordinates in WGS 84; camera-trap packages (Camtrap DP)"
    " as they were exported, zipped, as manul_record. A field marked * needs a value in"
    " each row; (*) needs the column, a cell may be blank. Further columns are kept as they are."
)


def _document_table(name: str, spec: Mapping) -> str:
    lines = [
        f"## {name}",
        "",
        spec["description"],
        "",
        "| Field | Type | Unit | Values | Meaning |",
    ]
    lines += ["|---|---|---|---|---|"]
    lines += [_document_field(field, entry) for field, entry in spec["fields"].items()]
    lines += ["", *(_document_rule(rule) for rule in spec["rules"])]
    return "\n".join(lines)


def _document_field(name: str, field: Mapping) -> str:
    star = {"value": " *", "column": " (*)"}.get(field.get("required", ""), "")
    values = field.get("list") and f"list {field['list']}"
    values = values or " or ".join(field.get("kinds", [])) or range_words(field)
    cells = (f"`{name}`{star}", field["type"], field.get("unit", ""), values, field["description"])
    return f"| {' | '.join(cells)} |"


def _document_rule(rule: Mapping) -> str:
    what = (RULES[rule["rule"]].__doc__ or "").splitlines()[0]
    settings = ", ".join(f"{key}: {value}" for key, value in rule.items() if key != "rule")
    return f"- {what} ({settings})"


def _document_list(name: str, names: Mapping[str, list]) -> str:
    lines = [f"### {name}", "", "| Value | Also read |", "|---|---|"]
    lines += [f"| {value} | {', '.join(map(str, words))} |" for value, words in names.items()]
    return "\n".join(lines)

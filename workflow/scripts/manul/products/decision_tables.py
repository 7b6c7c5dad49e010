"""Tables of a country that actions need: who acts, and what an action costs.

agencies   agency (as in the rules), country, unit (blank: the whole country), name, status
costs      rule, per (km2, km or place), low, high, status, source
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from manul.records import table_files
from manul.records.check import PROBLEM

PER = ("km2", "km", "place")
COLUMNS = {
    "agencies": ("agency", "country", "name"),
    "costs": ("rule", "per", "low", "high"),
}
MORE = {"agencies": ("unit", "status"), "costs": ("status", "source")}
ONCE = {"agencies": ["agency", "country", "unit"], "costs": ["rule"]}
Fault = tuple[str, str, str, str]  # row (of the file, from 2), field, found, expected


def read(path, kind: str) -> pd.DataFrame:
    """A table (CSV, XLSX ...) as text, blank where a cell or an optional column is empty.

    The index is the row as a person counts it. Raises `RecordsError` for what is no table.
    """
    wanted = {*COLUMNS[kind], *MORE[kind]}
    table = table_files.read_table(path, table_files.Wanted(known=wanted))
    table = table.rename(columns=lambda column: str(column).strip().lower())
    for column in MORE[kind]:
        if column not in table:
            table[column] = ""
    text = [column for column in table if column in wanted]
    return table.assign(**{column: table[column].str.strip() for column in text})


def faults(table: pd.DataFrame, kind: str, known: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """What is wrong with a table; `known` are the values that columns may have."""
    for column in COLUMNS[kind]:
        if column not in table:
            yield "", column, "no such column", f"the columns {', '.join(COLUMNS[kind])}"
            return
    for row, cells in zip(table.index, table.to_dict("records"), strict=True):
        if cells.get(PROBLEM):
            yield str(row), "", str(cells[PROBLEM]), "as many cells as the head has"
            continue
        for column in COLUMNS[kind]:
            if not cells[column]:
                yield str(row), column, "nothing", "a value"
        for column, values in known.items():
            if cells.get(column) and cells[column] not in values:
                yield str(row), column, repr(cells[column]), f"one of {', '.join(values)}"
        if kind == "costs":
            yield from _amounts(row, cells)
    if all(column in table for column in ONCE[kind]):
        again = table[table.duplicated(ONCE[kind]) & (table[ONCE[kind][0]] != "")]
        for row, cells in zip(again.index, again.to_dict("records"), strict=True):
            named = ", ".join(filter(None, (cells[column] for column in ONCE[kind])))
            yield str(row), ONCE[kind][0], f"a second line for {named}", "one line for each"


def costs(table: pd.DataFrame) -> dict[str, dict]:
    """By rule: per, low, high (numbers), status."""
    rows = table.to_dict("records")
    return {
        row["rule"]: {**row, "low": float(row["low"]), "high": float(row["high"])} for row in rows
    }


def notice(table: pd.DataFrame | None) -> str:
    """A sentence where costs are not what somebody was asked for; empty without one."""
    status = sorted({text for text in table["status"] if text}) if table is not None else []
    return f"Costs: {', '.join(status)}." if status else ""


def who(roles: str, country: str, unit: str, agencies: pd.DataFrame | None) -> str:
    """The names of those who act: of the unit if one is told, else of the country, else the role.

    `roles` are those of a rule, with commas; a name that nobody has checked says so.
    """
    return "; ".join(_name(role, country, unit, agencies) for role in each_role(roles))


def each_role(roles: str) -> list[str]:
    """The agencies of a rule, one by one."""
    return [role.strip() for role in roles.split(",") if role.strip()]


def cost(places: pd.DataFrame, table: Mapping[str, Mapping]):
    """(low, high) cost of each place; NaN where the table has no line for its rule."""
    low, high = np.full(len(places), np.nan), np.full(len(places), np.nan)
    for i, row in enumerate(places.to_dict("records")):
        line = table.get(row["rule"])
        if line:
            amount = {"km2": row["area_km2"], "km": row["length_km"], "place": 1.0}[line["per"]]
            low[i], high[i] = line["low"] * amount, line["high"] * amount
    return low, high


# ------------------------------------------------------------------------------------- helpers


def _amounts(row, cells) -> Iterator[Fault]:
    found = []
    for column in ("low", "high"):
        try:
            found.append(float(cells[column]))
        except ValueError:
            if cells[column]:
                yield str(row), column, repr(cells[column]), "a number with a point, no letters"
            return
    if not 0 < found[0] <= found[1] < np.inf:
        yield str(row), "high", f"{found[0]:g} to {found[1]:g}", "0 < low <= high"


def _name(role, country, unit, agencies) -> str:
    if agencies is None:
        return role
    here = agencies[(agencies["agency"] == role) & (agencies["country"] == country)]
    for wanted in (unit, ""):
        found = here[here["unit"] == wanted]
        if len(found):
            row = found.iloc[0]
            return f"{row['name']} ({row['status']})" if row["status"] else row["name"]
    return role

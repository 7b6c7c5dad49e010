"""What an InVEST Habitat Quality case is given: its two tables, and which cells are sources.

Tables come as rows (dicts) of text or numbers, from a CSV file or a config alike. The names of
columns are compared in lower case, without blanks around them.
"""

from dataclasses import dataclass

import numpy as np

THREAT_COLUMNS = ("threat", "max_dist", "weight", "decay")
CLASS_COLUMNS = ("lucode", "habitat")
# A column of the class table that is none of these is a threat.
WORD_COLUMNS = ("name",)
DECAYS = ("linear", "exponential")


@dataclass(frozen=True)
class Threat:
    """One row of the threat table; `decay` is one of DECAYS, `max_dist_m` and `weight` above 0."""

    name: str
    max_dist_m: float
    weight: float
    decay: str


@dataclass(frozen=True)
class Classes:
    """The class table: codes (int64), habitat (0..1) and sensitivity (0..1) by threat name."""

    codes: np.ndarray
    habitat: np.ndarray
    sensitivity: dict


def threats_from(rows):
    """List of `Threat`, in the order of the table; further columns (paths) are left alone.

    ValueError for a missing column, a repeated name, an unknown decay, or a distance or weight
    that is not a positive number.
    """
    rows = _plain_rows(rows, "threat table", THREAT_COLUMNS)
    threats = [_threat(row) for row in rows]
    _check_unique("threat table", "threat", [threat.name for threat in threats])
    return threats


def sensitivity_from(rows):
    """`Classes`: every column beside lucode, name and habitat is the sensitivity to a threat.

    ValueError for a missing column, a repeated or fractional code, or a value outside 0..1.
    """
    rows = _plain_rows(rows, "class table", CLASS_COLUMNS)
    codes = [_number(row["lucode"], "class table, lucode") for row in rows]
    fractional = [code for code in codes if code != int(code)]
    if fractional:
        raise ValueError(f"class table, lucode: must be a whole number, found {fractional[0]}")
    _check_unique("class table", "lucode", codes)
    names = [name for name in rows[0] if name not in CLASS_COLUMNS + WORD_COLUMNS]
    return Classes(
        np.array(codes, dtype="int64"),
        _scores(rows, "habitat"),
        {name: _scores(rows, name) for name in names},
    )


def check_same_threats(threats, classes):
    """ValueError naming the threats that only one of the two tables knows."""
    ours, theirs = {threat.name for threat in threats}, set(classes.sensitivity)
    if ours - theirs:
        raise ValueError(f"threat without a column in the class table: {_listed(ours - theirs)}")
    if theirs - ours:
        raise ValueError(
            "column of the class table that is no threat of the threat table: "
            + _listed(theirs - ours)
        )


def threat_sources(block, nodata=None):
    """Bool array, True in cells that are neither 0 nor nodata nor NaN, whatever their intensity."""
    found = block != 0
    if nodata is not None and not np.isnan(nodata):
        found &= block != nodata
    if block.dtype.kind == "f":
        found &= block == block  # NaN alone differs from itself
    return found


def _plain_rows(rows, table, columns):
    rows = [{str(name).strip().lower(): value for name, value in row.items()} for row in rows]
    if not rows:
        raise ValueError(f"{table}: has no rows")
    for number, row in enumerate(rows, start=1):
        missing = (set(rows[0]) | set(columns)) - set(row)
        if missing:
            raise ValueError(f"{table}, row {number}: missing column {_listed(missing)}")
    return rows


def _threat(row):
    name = str(row["threat"]).strip().lower()
    where = f"threat table, {name}"
    kind = str(row["decay"]).strip().lower()
    if kind not in DECAYS:
        raise ValueError(f"{where}: decay {kind!r} is unknown; choose from {', '.join(DECAYS)}")
    max_dist, weight = (_number(row[key], f"{where}, {key}") for key in ("max_dist", "weight"))
    for key, value in (("max_dist", max_dist), ("weight", weight)):
        if value <= 0:
            raise ValueError(f"{where}, {key}: must be positive, found {value}")
    return Threat(name, max_dist, weight, kind)


def _scores(rows, column):
    values = [_number(row[column], f"class table, {column}") for row in rows]
    for row, value in zip(rows, values, strict=True):
        if not 0 <= value <= 1:
            code = row["lucode"]
            raise ValueError(f"class table, {column} of {code}: must lie in 0..1, found {value}")
    return np.array(values, dtype="float64")


def _number(value, where):
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: must be a number, found {value!r}") from None
    if not np.isfinite(number):
        raise ValueError(f"{where}: must be a finite number, found {value!r}")
    return number


def _check_unique(table, column, values):
    repeated = {value for value in values if values.count(value) > 1}
    if repeated:
        raise ValueError(f"{table}: {column} repeated: {_listed(repeated)}")


def _listed(names):
    return ", ".join(sorted(map(str, names)))

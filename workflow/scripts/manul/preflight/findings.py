"""Findings of the preflight: what is wrong, where, what was expected and how to mend it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import pandas as pd

IN_FULL = "Not public: row, value and reason stand in restricted/preflight.csv"
ORDER = {"error": 0, "warning": 1, "note": 2}
ALIKE = 3  # so many warnings of a kind are told as one


@dataclass(frozen=True)
class Problem:
    """One finding; `severity` is error, warning or note, `layer` the block of the config."""

    severity: str
    layer: str
    file: str = ""
    row: str = ""
    field: str = ""
    value: str = ""
    expected: str = ""
    mend: str = ""

    def __str__(self):
        told = (("file", self.file), ("row", self.row), ("field", self.field))
        place = ", ".join(f"{name} {text}" for name, text in told if text)
        where = f" ({place})" if place else ""
        found = f": found {self.value}" if self.value else ""
        expected = f"; expected {self.expected}" if self.expected else ""
        mend = f". {self.mend}" if self.mend else ""
        return f"{self.severity.upper()} {self.layer}{where}{found}{expected}{mend}"


def bad(name, block, value, expected, mend="", row="", field="", severity="error") -> Problem:
    """A problem of the file of a layer."""
    return Problem(severity, name, block.get("path", ""), row, field, value, expected, mend)


class PreflightError(ValueError):
    """Something would make a wrong map; the message lists every error."""


def as_table(problems: list[Problem], private: Iterable[str] = ()) -> pd.DataFrame:
    """The problems as a table, one row each; of `private` layers no row, value or reason."""
    columns = list(Problem.__dataclass_fields__)
    hidden = {"row": "", "value": "", "expected": "", "mend": IN_FULL}
    shown = [replace(p, **hidden) if p.layer in private else p for p in problems]
    return pd.DataFrame([asdict(p) for p in shown], columns=columns)


def number_of_warnings(problems: Iterable[Problem]) -> int:
    """How many warnings are in a list, each counted."""
    return sum(problem.severity == "warning" for problem in problems)


def warnings(problems: Iterable[Problem]) -> list[str]:
    """The warnings for the terminal; three or more of a kind are one line, with a count."""
    kinds: dict[tuple, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "warning":
            alike = (problem.field, problem.expected, problem.mend)
            kinds.setdefault(alike, []).append(problem)
    return [line for alike in kinds.values() for line in _told(alike)]


def _told(alike) -> list[str]:
    if len(alike) < ALIKE:
        return [str(problem) for problem in alike]
    layers = ", ".join(dict.fromkeys(problem.layer for problem in alike))
    of = f" of {layers}" if layers != alike[0].layer else ""
    return [f"{alike[0]} (and {len(alike) - 1} more like it{of}; all stand in preflight.csv)"]


def in_order(problems) -> list[Problem]:
    """Each problem once, errors first."""
    return sorted(dict.fromkeys(problems), key=lambda p: ORDER[p.severity])


def stop_on_errors(problems: list[Problem]) -> None:
    """Raise `PreflightError` with every error, numbered, if there is one."""
    errors = [p for p in problems if p.severity == "error"]
    if errors:
        many = f"{len(errors)} problems" if len(errors) > 1 else "1 problem"
        lines = [f"  {i}. {p}" for i, p in enumerate(errors, 1)]
        raise PreflightError("\n".join([f"no map is made: mend {many} first", *lines]))

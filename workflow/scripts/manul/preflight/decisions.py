"""Preflight of the tables that actions need: who acts, what it costs."""

from collections.abc import Iterator

from manul.config.types import Config
from manul.grid import reach
from manul.grid.data_files import on_disk
from manul.preflight.files import nearest_files
from manul.preflight.findings import Problem
from manul.products import decision_tables
from manul.records.check import PROBLEM, RecordsError

BLOCK = "actions"


def check(config: Config) -> Iterator[Problem]:
    """What is wrong with the tables of a scenario, and what will be missing of its actions."""
    for kind in ("agencies", "costs"):
        path = config["actions"][kind]
        if path:
            yield from _file(path, kind, config)
    if config["actions"]["budget"] and not config["actions"]["costs"]:
        yield _bad("", "no table of costs", "actions.costs", field="budget", severity="warning",
                   mend="Without costs the budget buys nothing")  # fmt: skip


# ------------------------------------------------------------------------------------- helpers


def _bad(file, value, expected, mend="", row="", field="", severity="error") -> Problem:
    return Problem(severity, BLOCK, file, row, field, value, expected, mend)


def _file(path, kind, config) -> Iterator[Problem]:
    away = [_bad(path, *told) for told in reach.beyond(path, config["allow"])]
    yield from away
    if away:
        return
    if not on_disk(path).is_file():
        yield _bad(path, "no such file", "an existing file", nearest_files(on_disk(path)))
        return
    try:
        table = decision_tables.read(path, kind)
    except RecordsError as error:
        yield _bad(path, " ".join(str(error).split()), "a table, as CSV or XLSX")
        return
    known = {"costs": {"per": decision_tables.PER}, "agencies": {}}[kind]
    for at, field, value, expected in decision_tables.faults(table, kind, known):
        yield _bad(path, value, expected, row=at, field=field)
    rules = config["rules"]
    roles = {role for rule in rules.values() for role in decision_tables.each_role(rule["agency"])}
    column, names = {"costs": ("rule", set(rules)), "agencies": ("agency", roles)}[kind]
    whole = table[table[PROBLEM] == ""] if PROBLEM in table else table
    for row, name in whole[column].items() if column in table else ():
        if name and name not in names:
            told = repr(name), f"{column} as a rule has it", "The row is not used"
            yield _bad(path, *told, str(row), column, "warning")

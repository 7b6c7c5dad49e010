"""The page on which one reads which numbers are behind the doubt about each outcome."""

from collections.abc import Sequence

import pandas as pd

from manul.config.hints import counted
from manul.pages import figures
from manul.pages.amounts import amount
from manul.pages.html import Section
from manul.products.units import REGION
from manul.uncertainty.sensitivity import OUTCOMES, REST, Sample

SHOWN = 10  # inputs on a figure
NAMED = 3  # in sentences
OF_UNIT = 2  # in the table of units
LEAST = 0.02  # of the doubt: less is not named
DRAWN = 0.005  # of the doubt, with others: less is not drawn
UNITS = {"key_cell_km2": " km2", "value_at_risk_km2": " km2"}


def sections(table: pd.DataFrame, inputs: int, cells: Sample) -> list[Section]:
    """What the page says and shows of the table of `sensitivity`."""
    of_region = table[table["unit"] == REGION]
    made = [_outcome(name, of_region[of_region["outcome"] == name]) for name in OUTCOMES]
    units = table[table["unit"] != REGION]
    parts = [_how_to_read(), *filter(None, made)]
    parts += [_units(units)] if len(units) else []
    return [*parts, _how_made(table, inputs, cells)]


# ---------------------------------------------------------------------------------- sections


def _how_to_read() -> Section:
    return Section(
        "How to read this page",
        [
            "No number of the model is known exactly. The draws let all of them vary within their "
            "ranges, and so each outcome varies: this is the doubt. This page tells which numbers "
            "are behind it. To learn more about those that stand first makes the outcome surer; to "
            "learn more about those that are not shown changes almost nothing.",
            "A blue bar is the part of the doubt (of the variance) that would be gone if this "
            "number alone were known exactly. The black line is the interval within which the part "
            "lies with 95 %. Grey is what the number does together with others: it goes only if "
            "those are known too.",
        ],
    )


def _outcome(name, table) -> Section | None:
    if not len(table):
        return None
    title = f"What the doubt about {OUTCOMES[name]} comes from"
    known = table.dropna(subset=["total"])
    if not len(known):
        return Section(title, ["It is the same in all draws: there is no doubt to explain."])
    told = [
        f"{_start(row.words)}: explains {_percent(row)} of the doubt. From its low to its high end "
        f"the outcome moves by {amount(row.mu_star, least=0)}{UNITS.get(name, '')} on average."
        for row in _named(known, NAMED)
    ]
    alone = known[known["total"] >= DRAWN].sort_values("first_order", ascending=False)
    rest = known["input"] == REST
    table = pd.concat([alone[alone["input"] != REST][:SHOWN], known[rest]])
    bars = pd.DataFrame(
        {
            "words": [_short(row) for row in table.itertuples()],
            "alone": table["first_order"],
            "together": table["total"],
            "low": table["first_order_low"],
            "high": table["first_order_high"],
        }
    )
    image = figures.shares(bars, f"part of the doubt about {OUTCOMES[name]}")
    return Section(title, told, figures=[("", image)])


def _units(table) -> Section:
    rows = []
    for (unit, outcome), part in table.groupby(["unit", "outcome"], sort=False):
        known = part.dropna(subset=["total"])
        named = _named(known, OF_UNIT)
        first = [f"{_start(row.words)} ({_percent(row)})" for row in named]
        rows.append({"unit": unit, "doubt about": OUTCOMES[outcome].removeprefix("the ")})
        rows[-1]["comes most from"] = "; ".join(first) or (
            "nothing by itself" if len(known) else "no doubt: the same in all draws"
        )
    found = pd.DataFrame(rows).sort_values(["unit", "doubt about"], kind="stable")
    return Section("In each unit", tables=[("", found)])


def _how_made(table, inputs, cells) -> Section:
    single = table.loc[table["total"].notna() & (table["input"] != REST), "input"].nunique()
    whole = "each cell" if cells.every == 1 else f"each {_nth(cells.every)} cell of each such row"
    return Section(
        "How this was found",
        [
            f"{counted(inputs, 'input')} are drawn. First each was moved from its 5th to its 95th "
            "percentile at several places of the range of the others (Morris screening: mu_star in "
            f"the table is how far the outcome moves). The {single} that move the outcomes of the "
            "region most were then looked at one by one, and all others together (Sobol indices). "
            f"The model was evaluated on {len(cells.unit):,} cells, {whole}; key habitat is land "
            "good enough for it, without the rule of the smallest patch.",
            "All numbers are in sensitivity.csv, for the region and each unit. An interval that "
            "reaches below 0 means that the part may as well be nothing.",
        ],
    )


# ---------------------------------------------------------------------------------- helpers


def _named(known, number) -> Sequence:
    """The inputs that explain most by themselves, as rows."""
    single = known[(known["input"] != REST) & (known["first_order"] >= LEAST)]
    ranked = single.sort_values("first_order", ascending=False, kind="stable")
    return list(ranked[:number].itertuples())


def _percent(row) -> str:
    return f"{100 * row.first_order:.0f} %"


def _start(words) -> str:
    return words[:1].upper() + words[1:]


def _short(row) -> str:
    return "all other inputs together" if row.input == REST else _start(row.words)


def _nth(number) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else endings.get(number % 10, 'th')}"

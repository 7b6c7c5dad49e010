"""Home ranges of collared animals, and when their ranges move.

Areas by autocorrelated kernel density, with the plain kernel and the convex polygon beside them;
the typical range over animals. Outlines are places: they are made only where fixes may be shown.
"""

from __future__ import annotations

import pandas as pd

from manul.config.types import Analysis, Config
from manul.pages.html import Section

MAPS: dict = {}
FIELDS: dict = {}
TABLES = ("cleaning", "ranges", "models", "population", "moves", "displacement", "sizes")
DRAWN = 8  # animals in the figure of displacement
OUTLINES = "outlines"  # a GeoPackage, where places may be shown
GENERALISES = ("fixes", "collars")  # into areas, which are nowhere
LEAST_FEMALES = 5
NOT_RESIDENT = "its range was crossed fewer than 5 times: no home range can be told"


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """The fixes, and who wore the collars."""
    there = [("layer", block["collars"])] if block["collars"] else []
    return {"fixes": [("layer", block["fixes"])], "collars": there}


def run(this) -> None:
    """Fit each animal as a whole, by season and by year; tell of moves; pool over animals."""
    from manul.analyses import home_range_fit

    home_range_fit.run(this)


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """Areas by animal and over animals, with effective sample sizes, and moves."""
    from manul.pages import figures

    found = Section("Home ranges of collared animals")
    of_ranges, population = tables["ranges"], tables["population"]
    whole = of_ranges[of_ranges["period"] == "all"]
    told = whole[whole["resident"] == "yes"]
    came, out = tables["cleaning"]["came"].sum(), tables["cleaning"]["used"].sum()
    found.head = f"Collars: {len(whole)} animals, {out} of {came} fixes used. " + _pooled(
        population
    )
    found.words.append(
        "Areas hold 95 % of an animal's time (autocorrelated kernel density, bias taken out). The "
        "effective size says how many independent crossings of its range a track holds; the plain "
        "kernel and the convex polygon take fixes to be independent and stand for comparison."
    )
    for note, few in whole[whole["resident"] == "no"].groupby("note"):
        found.words.append(f"{', '.join(few['animal'])}: {note}. Not pooled as a whole.")
    sizes = tables["sizes"].iloc[0]
    found.words.append(sizes["note"])
    if len(told):
        bars = told.rename(columns={"km2": "value", "animal": "words"})
        found.figures.append(
            ("Home range by animal", figures.intervals(bars, "km², 95 % interval"))
        )
    if len(tables["displacement"]):
        found.figures.append((_caption(tables), _displacement(tables)))
    found.tables.append(("Over animals: median, its interval, spread of ln area", population))
    found.tables.append(("By animal, season and year", of_ranges.drop(columns="note")))
    found.tables.append(("Moves of the range", tables["moves"]))
    found.tables.append(("Fixes left out, by reason", tables["cleaning"]))
    found.tables.append(("Movement models, best first", tables["models"]))
    for row in population.itertuples():
        found.numbers.append((f"home range, {row.group}", row.km2, row.low, row.high, "km2"))
    return found


def _displacement(tables) -> bytes:
    """Distance from the first week, one line an animal."""
    from manul.pages import figures

    table = tables["displacement"]
    shown = table[table["animal"].isin(_drawn(tables))]
    wide = shown.pivot(index="week", columns="animal", values="km")
    kinds = tables["moves"].set_index("animal")["class"]
    return figures.series(wide.rename(columns=lambda a: f"{a}, {kinds[a]}"), "km from first week")


def _drawn(tables) -> list[str]:
    """Animals in the figure, those that moved farthest first."""
    farthest = tables["displacement"].groupby("animal")["km"].max()
    return farthest.sort_values(ascending=False, kind="stable").index[:DRAWN].tolist()


def _caption(tables) -> str:
    every, drawn = tables["displacement"]["animal"].nunique(), len(_drawn(tables))
    told = "" if every == drawn else f" The {drawn} of {every} animals that went farthest."
    return f"How far from its first week each animal was (median place of a week).{told}"


def _pooled(population) -> str:
    if not len(population):
        return "No home range could be told."
    row = population.iloc[0]
    return (
        f"Median home range {row['km2']:.1f} km² ({row['low']:.1f}-{row['high']:.1f}, 95 % "
        f"interval, {row['animals']} resident animals)."
    )

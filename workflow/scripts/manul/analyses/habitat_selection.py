"""Which ground collared animals pick: step or resource selection, as a map beside the others.

A step is compared with steps at random from its start, a fix with places of the animal's own range.
The map is the chance to be picked before average ground: 0.5 is as often as there is of it.
"""

from __future__ import annotations

import pandas as pd

from manul.config.types import Analysis, Config
from manul.pages.html import Section

BANDS = {"selection": "0..1", "low": "0..1", "high": "0..1", "extrapolated": "0 or 1"}
SEASON = {"season": "", "first": "0..1", "second": "0..1"}
MAPS = {"selection": BANDS, "seasonal": SEASON}
FIELDS = {
    "": ("selection", 1, "Picked before average ground", "0..1"),
    "low": ("selection", 2, "Picked before average ground, low end", "0..1"),
    "high": ("selection", 3, "Picked before average ground, high end", "0..1"),
    "extrapolated": ("selection", 4, "Ground unlike any that was reached", ""),
    "season": ("seasonal", 1, "Season in which ground is picked", ""),
    "first_season": ("seasonal", 2, "Picked before average ground, first season", "0..1"),
    "second_season": ("seasonal", 3, "Picked before average ground, second season", "0..1"),
}
TABLES = ("cleaning", "coefficients", "validation", "seasons", "by_season", "summary")
OFTEN = 0.5  # from here on ground is picked before average ground
LEGEND = "Picked before average ground"
GENERALISES = ("fixes", "collars", "test")  # into a model of predictors


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """Fixes, collars, predictors, records to test on, and the expert model."""
    optional = {"collars": block["collars"], "test": block["test_on"]}
    return {
        "fixes": [("layer", block["fixes"])],
        **{role: [("layer", name)] if name else [] for role, name in optional.items()},
        "predictors": [("surface", name) for name in block["predictors"]],
        "habitat": [("map", "habitat")],
    }


def run(this) -> None:
    """Fit, validate by animal, test on other records, and map with an interval."""
    from manul.analyses import habitat_selection_fit

    habitat_selection_fit.run(this)


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """Coefficients with errors by animal, validation, and what seasons change."""
    from manul.pages import figures

    summary, found = tables["summary"].iloc[0], Section("Habitat selection of collared animals")
    found.head = headline(tables["summary"])
    found.words.append(SCALE)
    if summary["note"]:
        found.words.append(summary["note"])
    table = tables["coefficients"]
    if len(table):
        bars = table.assign(words=table["covariate"], value=table["coefficient"])
        label = "ln odds of one standard deviation, 95 % interval"
        found.figures.append(
            ("What is picked (right) and avoided (left)", figures.intervals(bars, label))
        )
        found.tables.append(("Coefficients of standardised predictors", table))
    found.tables.append(("Validation: by animal, and on other records", tables["validation"]))
    found.words.append(of_seasons(tables["summary"]))
    if len(tables["by_season"]):
        found.tables.append(("Coefficients in each season", tables["by_season"]))
    if len(tables["seasons"]):
        names = f"{summary['first_season']} less that used in {summary['second_season']}"
        found.tables.append((f"Ground used in {names}, mean over animals", tables["seasons"]))
    found.tables.append(("Fixes left out, by reason", tables["cleaning"]))
    for row in table.itertuples():
        found.numbers.append(
            (f"selection of {row.covariate}", row.coefficient, row.low, row.high, "ln odds per sd")
        )
    return found


def of_seasons(summary: pd.DataFrame) -> str:
    """How many steps or fixes stand behind the map of seasons, or why there is none."""
    row = summary.iloc[0]
    if isinstance(row["season_note"], str) and row["season_note"]:  # an empty cell is read as NaN
        return f"No map of seasons: {row['season_note']}."
    how = "steps" if row["method"] == "steps" else "fixes"
    return (
        f"Seasons, each fitted alone: {row['first_strata']} {how} in {row['first_season']}, "
        f"{row['second_strata']} in {row['second_season']}. Ground is picked in a season where its "
        f"chance is {OFTEN} or more; ground unlike any that was reached then is left blank."
    )


SCALE = (
    "The map is the chance that a place is picked before one of average ground: 0.5 is as often as "
    "there is of it, 0.8 four times as often as it is not."
)


def headline(summary: pd.DataFrame) -> str:
    """How many steps or fixes of how many animals, and what the errors take into account."""
    row = summary.iloc[0]
    how = "steps" if row["method"] == "steps" else "fixes"
    return (
        f"Habitat selection: {row['strata']} {how} of {row['animals']} animals, each against "
        f"{row['random']} places at random; {row['errors']}."
    )

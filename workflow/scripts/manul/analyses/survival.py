"""Survival of cats with known fates, what they die of, and what that says of threats."""

from __future__ import annotations

import numpy as np
import pandas as pd

from manul.config.types import Analysis, Config
from manul.pages.html import Section

MAPS: dict = {}
FIELDS: dict = {}
TABLES = ("summary", "curve", "incidence", "hazards", "causes", "weights_by_deaths")
WEIGHTS = "weights_by_deaths"
GENERALISES = ("fates", "series")  # there is no place in them


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """The fates, and yearly series that may act on them."""
    there = [("layer", block["series"])] if block["series"] else []
    return {"fates": [("layer", block["fates"])], "series": there}


def tells(block: Analysis, config: Config) -> dict:
    """The weights of the threats that causes of death tell of, as the config has them."""
    named = dict.fromkeys(threat for threats in block["causes"].values() for threat in threats)
    return {"weights": weights_of(config, named)}


def weights_of(config: Config, named) -> dict[str, dict]:
    """The weight of each threat with its range, as far as it is in the config and drawn."""
    found = {}
    for name in named:
        if name in config["threats"]:
            path = f"threats.{name}.weight"
            known = config["ranges"].get(path, {"value": config["threats"][name]["weight"]})
            found[name] = known
    return found


def run(this) -> None:
    """Curves by age class, incidence by cause, hazards, and pooled weights."""
    from manul.analyses import survival_fit

    survival_fit.run(this)


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """A year's survival with its interval, causes, and prior and data side by side."""
    from manul.pages import figures

    found, summary = Section("Survival and causes of death"), tables["summary"]
    found.head = "Survival: " + " ".join(_words(row) for row in summary.itertuples())
    found.words.append(
        "Kaplan-Meier with late entry, pooled over biological years (day 0 is the first of the "
        "month that the config names); intervals on the log-log scale. Causes by Aalen and "
        "Johansen."
    )
    found.words += [row.note for row in summary.itertuples() if row.note]
    found.tables.append(("A year's survival", summary.drop(columns="note")))
    if len(tables["curve"]):
        found.figures.append(
            ("Survival over a year, 95 % interval", figures.survival(tables["curve"]))
        )
    if len(tables["incidence"]):
        found.tables.append(("Share dead of each cause, by day of the year", tables["incidence"]))
    if len(tables["hazards"]):
        title = "Hazard ratios (Cox) of one unit of yearly series, robust by animal or litter"
        found.tables.append((title, tables["hazards"]))
    if len(causes := tables["causes"]):
        share = causes["weight_of_data"].iloc[0]
        found.words.append(
            f"Weights of threats in the draws: experts {1 - share:.0%}, {causes['deaths'].sum()} "
            f"deaths {share:.0%}. Both stand side by side in the table."
        )
        found.tables.append(
            ("Causes: share of the dead with 95 % interval, and of the experts", causes)
        )
    for row in summary.itertuples():
        found.numbers.append(
            (f"survival of {row.stage}s, a year", row.surv, row.lower, row.upper, "")
        )
    return found


def _words(row) -> str:
    if np.isfinite(row.lower):
        return (
            f"{row.animals} {row.stage}s, {row.deaths} deaths, a year's survival {row.surv:.2f} "
            f"({row.lower:.2f}-{row.upper:.2f}, 95 % interval)."
        )
    return f"{row.animals} {row.stage}s, {row.deaths} deaths: no interval can be told."

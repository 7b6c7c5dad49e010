"""Occupancy by cats from camera traps: from detections to a map, held against other evidence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from manul.config.types import Analysis, Config
from manul.pages.html import Section

BANDS = {"occupancy": "0..1", "low": "0..1", "high": "0..1", "extrapolated": "0 or 1"}
MAPS = {"occupancy": BANDS}
FIELDS = {
    "": ("occupancy", 1, "Chance that cats live here, from camera traps", "0..1"),
    "low": ("occupancy", 2, "Chance that cats live here, low end", "0..1"),
    "high": ("occupancy", 3, "Chance that cats live here, high end", "0..1"),
    "extrapolated": ("occupancy", 4, "Ground unlike that of all cameras", ""),
}
TABLES = ("summary", "left_out", "abundance", "coefficients", "years", "validation", "more")
LEGEND = "Chance that cats live here"
GENERALISES = ("cameras", "observations", "test")  # into a model of predictors


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """Deployments, observations, predictors, records to test on, and the expert model."""
    return {
        "cameras": [("layer", block["cameras"])],
        "observations": [("layer", block["observations"])],
        "test": [("layer", block["test_on"])] if block["test_on"] else [],
        "predictors": [("surface", name) for name in block["predictors"]],
        "habitat": [("map", "habitat")],
    }


def run(this) -> None:
    """Effort and events, histories, the fit with its test, and the map."""
    from manul.analyses import occupancy_fit

    occupancy_fit.run(this)


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """Occupancy with its interval, effort, what is modelled, and what more effort would tell."""
    from manul.pages import figures

    found, row = Section("Occupancy from camera traps"), tables["summary"].iloc[0]
    found.head = headline(tables["summary"])
    if row["fit"]:
        found.words.append(row["fit"])
    if len(tables["coefficients"]):
        found.tables.append(
            ("Coefficients (logit; predictors in standard deviations)", tables["coefficients"])
        )
    if len(tables["years"]):
        title = (
            "By year: occupancy, and the chance to be colonised and abandoned from one to the next"
        )
        found.tables.append((title, tables["years"]))
    found.tables.append(("Against other evidence", tables["validation"]))
    if len(tables["more"]):
        found.tables.append(("Effort for a wanted precision of mean occupancy", tables["more"]))
    if len(tables["abundance"]):
        rates = tables["abundance"].set_index("name")["per_100_days"].sort_values(ascending=False)
        found.figures.append(
            ("Independent events in 100 camera-days", figures.bars(rates.head(12), "", "events"))
        )
        found.tables.append(("Relative abundance by species", tables["abundance"]))
    found.tables.append(("Observations left out, by reason", tables["left_out"]))
    found.numbers.append(("occupancy", row["psi"], row["low"], row["high"], ""))
    return found


def headline(summary: pd.DataFrame) -> str:
    """How many sites and camera-days, and occupancy with its interval, or why there is none."""
    row = summary.iloc[0]
    told = f"Cameras: {row['sites']} sites, {row['camera_days']:.0f} camera-days, the cat at "
    told += f"{row['sites_with_cats']} of them. "
    if not np.isfinite(row["psi"]):
        return told + row["note"]
    return told + (
        f"Occupancy {row['psi']:.2f} ({row['low']:.2f}-{row['high']:.2f}, 95 % interval); seen in "
        f"{row['p']:.0%} of occasions where it lives."
    )

"""Ups and downs of cats from year to year: what they follow, and whether they have a period."""

from __future__ import annotations

import pandas as pd

from manul.config.types import Analysis, Config
from manul.pages.html import Section

MAPS: dict = {}
FIELDS: dict = {}
TABLES = ("index", "lags", "regression", "explained", "period")
GENERALISES = ("series",)  # there is no place in them


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """The yearly series."""
    return {"series": [("layer", block["series"])]}


def run(this) -> None:
    """The index, lags of each driver, shares of the swing, and periods."""
    from manul.analyses import fluctuations_fit

    fluctuations_fit.run(this)


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """The index with its effort, its period in honest words, and what it follows."""
    from manul.pages import figures

    found, index = Section("Ups and downs"), tables["index"]
    own = tables["period"].iloc[0]
    first, last = index["year"].min(), index["year"].max()
    found.head = f"Ups and downs: {len(index)} years, {first}-{last}. {own['words']}"
    found.words += [f"{row.series}: {row.words}" for row in tables["period"].iloc[1:].itertuples()]
    lines = index.set_index(pd.to_datetime(index["year"].astype(str)))[["rate"]]
    found.figures.append(("Cats counted for one unit of effort", figures.series(lines, "rate")))
    if len(tables["explained"]):
        told = tables["explained"]
        share = told.set_index("driver")["share"]
        found.figures.append(("Share of the swing", figures.bars(share, "", "share of deviance")))
        found.tables.append(("Share of the swing that each driver explains", told))
    if len(tables["regression"]):
        title = "Counts on drivers of the best lag; negative binomial where they vary beyond chance"
        found.tables.append((title, tables["regression"]))
    if len(tables["lags"]):
        found.tables.append(
            ("Lags compared on the same years; the smallest AIC is best", tables["lags"])
        )
    found.tables.append(("The series", index))
    found.numbers.append(("period of the cats", own["years"], own["low"], own["high"], "years"))
    return found

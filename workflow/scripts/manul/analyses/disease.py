"""How common infections are, from blood tests that err, and what that says of the threat."""

from __future__ import annotations

import numpy as np
import pandas as pd

from manul.analyses.survival import weights_of
from manul.config.types import Analysis, Config
from manul.pages.html import Section

MAPS: dict = {}
FIELDS: dict = {}
TABLES = ("prevalence", "by_distance", "weights_by_tests")
WEIGHTS = "weights_by_tests"
GENERALISES = ("sera", "distance")  # into shares and one slope
ENOUGH = 30  # samples from which the threat uses them
CAT = "manul"


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """The samples, and a surface with the distance to settlements."""
    return {
        "sera": [("layer", block["sera"])],
        "distance": [("surface", name) for name in block["distance"]],
    }


def tells(block: Analysis, config: Config) -> dict:
    """The weight of the threat, as the config has it."""
    return {"weights": weights_of(config, [block["threat"]] if block["threat"] else [])}


def run(this) -> None:
    """Apparent and true prevalence by species and pathogen, by distance, and the weight."""
    from manul.analyses import disease_fit

    disease_fit.run(this)


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """Positive of tested, true share with its interval, and whether the threat uses it."""
    from manul.pages import figures

    found, table = Section("Disease: what blood tests say"), tables["prevalence"]
    cats = table[table["species"] == CAT]
    words = [
        f"{row.pathogen} in {row.positive} of {row.tested} cats, true share {row.true_share:.2f} "
        f"({row.true_low:.2f}-{row.true_high:.2f}, 95 % interval)"
        for row in cats.itertuples()
        if np.isfinite(row.true_share)
    ]
    found.head = (
        "Disease: " + ("; ".join(words) if words else "no test of cats with known errors") + "."
    )
    found.words.append(
        "Shares of positive tests with the exact interval (Clopper and Pearson); the true share "
        "takes the test's sensitivity and specificity from the config (Rogan and Gladen)."
    )
    used = len(tables[WEIGHTS]) > 0
    found.words.append(
        "The draws take the weight of the threat from these samples."
        if used
        else f"The weight of the threat stays the experts': {ENOUGH} samples of cats are needed."
    )
    known = table[table["true_share"].notna()]
    if len(known):
        bars = pd.DataFrame(
            {
                "words": known["species"] + ": " + known["pathogen"], "value": known["true_share"],
                "low": known["true_low"], "high": known["true_high"],
            }
        )  # fmt: skip
        found.figures.append(("True prevalence", figures.intervals(bars, "share, 95 % interval")))
    found.tables.append(("By species and pathogen", table))
    if len(tables["by_distance"]):
        title = "Against distance to settlements (logit of the true share per km)"
        found.tables.append((title, tables["by_distance"]))
    for row in known.itertuples():
        what = f"true prevalence of {row.pathogen} in {row.species}"
        found.numbers.append((what, row.true_share, row.true_low, row.true_high, ""))
    return found

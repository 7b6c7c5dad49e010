"""What is said of a fit to records: its maps' bands and codes, thresholds in use, words on a sheet.

Apart from `fitting`, so that a product which only says it does not load the libraries that fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from manul.config.types import KeyHabitat

EXPERT = "expert values of the config"
PASSED = "passed"
NOT_FITTED = "not fitted: "  # begins what tables say in place of a fit, with the reason after it
AGREEMENT = {0: "neither suitable", 1: "both suitable", 2: "fit only", 3: "expert model only"}
BANDS = {
    "suitability": "0..1",
    "mess": "%",
    "most_dissimilar": "number",
    "rank_difference": "-1..1",
    "agreement": "class",
}
FITTED_BANDS = ("suitability", "mess", "most_dissimilar")
DISAGREEMENT = ("rank_difference", "agreement")


def key_rules(key: KeyHabitat, tables: Sequence[pd.DataFrame] = ()) -> dict[str, Any]:
    """The block `key_habitat` with thresholds and patch sizes in use, and where they come from.

    `tables` are those of thresholds (of a fit to records) and of sizes (of home ranges), if any.
    """
    found: dict[str, Any] = {**key, "source": EXPERT}
    for table in tables:
        found |= _sizes(table) if "breeding_km2" in table else _thresholds(key, table)
    return found


def _sizes(table: pd.DataFrame) -> dict[str, float]:
    row = table.iloc[0]
    return {name: float(row[name]) for name in ("core_km2", "breeding_km2")} if row["used"] else {}


def _thresholds(key: KeyHabitat, thresholds: pd.DataFrame) -> dict[str, Any]:
    used = thresholds[(thresholds["map"] == "habitat") & thresholds["used"].astype(bool)].iloc[0]
    found = {"suitable": float(used["suitable"]), "key": float(used["key"])}
    doubt = "" if used["by"] == EXPERT or used["gate"] == PASSED else f"; the fit {used['gate']}"
    return {**key, **found, "source": used["by"] + doubt}


def gate_words(scores: Mapping[str, float], gate: Mapping[str, float]) -> str:
    """`PASSED`, or which scores of a fit miss the gate of the config; an unknown one misses it."""
    missed = []
    for name, limit in gate.items():
        enough = scores[name] <= limit if name == "omission" else scores[name] >= limit
        if not enough:
            side = "or less" if name == "omission" else "or more"
            missed.append(f"{NAMES[name]} {scores[name]:.2f} ({limit:.2f} {side})")
    return f"misses the gate for use: {', '.join(missed)}" if missed else PASSED


def no_fit(evaluation: pd.DataFrame) -> str:
    """Why there is no fit, as sentences that an empty map begins with; nothing if there is one."""
    first = str(evaluation["fold"].iloc[0])
    reason = first.removeprefix(NOT_FITTED)
    return "" if reason == first else f"NOTHING IS FITTED, so this map is empty: {reason}."


def doubt(thresholds: pd.DataFrame) -> str:
    """A sentence if the fit misses its gate, or nothing."""
    told = thresholds[thresholds["map"] == "fitted"]
    found = told["gate"].iloc[0] if len(told) else PASSED
    return "" if found == PASSED else f"The fit {found}."


def threshold_words(key: Mapping[str, Any]) -> str:
    """Which thresholds a product used, as a sentence."""
    return f"Suitable from {key['suitable']:.2f}, key from {key['key']:.2f}: {key['source']}"


def sentences(evaluation: pd.DataFrame, thresholds: pd.DataFrame) -> tuple[str, ...]:
    """What must stand beside a map of the fit: records, skill on unseen blocks, thresholds."""
    method = evaluation["method"].iloc[0]
    whole = evaluation[(evaluation["method"] == method) & (evaluation["fold"] == "mean")]
    told = thresholds[thresholds["map"] == "fitted"]
    if not len(whole) or not len(told):
        return (f"{method}: {evaluation['fold'].iloc[0]}",)
    scores = ", ".join(f"{name} {whole[key].iloc[0]:.2f}" for key, name in NAMES.items())
    row = told.iloc[0]
    records = f"{row['records']} independent record{'s' if row['records'] != 1 else ''}"
    poor = doubt(thresholds)
    return (
        *([poor.rstrip(".")] if poor else []),
        f"Fitted to {records} ({method}); {row['note']}",
        f"On blocks it has not seen: {scores}",
        f"Suitable here from {row['suitable']:.2f} (10th percentile of held-out presences)",
    )


NAMES = {"auc": "AUC", "tss": "TSS", "boyce": "Boyce index", "omission": "omission"}

"""Prevalence of each pathogen in each species, by distance, and the weight that follows."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from manul.analyses import places, pooled_weights
from manul.analyses.disease import CAT, ENOUGH, WEIGHTS
from manul.demography import prevalence
from manul.grid import plain_files, vectors
from manul.grid.region import grid_of

LEAST_FOR_SLOPE = 20
DRAWS = 20_000


def run(this) -> None:
    """Apparent and true prevalence by species and pathogen, by distance, and the weight."""
    spec = this.told.block
    rows = vectors.read_rows(*this.inputs("sera"))
    sure = rows[rows["result"].isin(["positive", "negative"])]
    shares, slopes = [], []
    for (species, pathogen), own in sure.groupby(["species", "pathogen"], sort=True):
        test = spec["tests"].get(pathogen)
        unclear = int(((rows["species"] == species) & (rows["pathogen"] == pathogen)).sum()) - len(
            own
        )
        shares.append(_share(species, pathogen, own, test) | {"unclear": unclear})
        if test and this.inputs("distance"):
            slopes.append(_slope(this, species, pathogen, own, test))
    table = pd.DataFrame(shares, columns=SHARES)
    weights = _weights(table, this.told.weights, spec)
    plain_files.write_table(this.output("prevalence"), table)
    found = pd.DataFrame([s for s in slopes if s], columns=SLOPES)
    plain_files.write_table(this.output("by_distance"), found)
    plain_files.write_table(this.output(WEIGHTS), weights)


SHARES = [
    "species", "pathogen", "tested", "positive", "unclear", "apparent", "low", "high",
    "sensitivity", "specificity", "true_share", "true_low", "true_high",
]  # fmt: skip
SLOPES = ["species", "pathogen", "samples", "slope_per_km", "low", "high"]


def _share(species, pathogen, own, test) -> dict:
    n, x = len(own), int((own["result"] == "positive").sum())
    low, high = prevalence.interval(x, n)
    row: dict[str, Any] = {"species": species, "pathogen": pathogen, "tested": n, "positive": x}
    row |= {"apparent": x / n, "low": low, "high": high}
    if test:
        se, sp = test["sensitivity"], test["specificity"]
        ends = prevalence.true_interval(x, n, se, sp)
        row |= {"sensitivity": se, "specificity": sp, "true_low": ends[0], "true_high": ends[1]}
        row |= {"true_share": float(prevalence.true_share(x / n, se, sp))}
    return row


def _slope(this, species, pathogen, own, test) -> dict:
    placed = own[own.geometry.notna()]
    xy = np.column_stack([placed.geometry.centroid.x, placed.geometry.centroid.y])
    (name, path), *_ = this.named("distance").items()
    metres = places.at({name: path}, grid_of(this.told.region), xy)[name].to_numpy()
    known = np.isfinite(metres)
    if known.sum() < LEAST_FOR_SLOPE:
        return {}
    positive = (placed["result"] == "positive").to_numpy()[known]
    found = prevalence.by_distance(
        positive, metres[known], test["sensitivity"], test["specificity"]
    ).loc["distance_km"]
    row = {"species": species, "pathogen": pathogen, "samples": int(known.sum())}
    return row | {"slope_per_km": found["coefficient"], "low": found["low"], "high": found["high"]}


def _weights(table, weights, spec) -> pd.DataFrame:
    """The weight scaled by the share of cats infected, over the share for which it was given."""
    own = table[(table["species"] == CAT) & (table["pathogen"] == spec["pathogen"])]
    made = partial(pooled_weights.table, by="blood tests")
    if not weights or not len(own) or own["tested"].iloc[0] < ENOUGH or not spec["reference_share"]:
        return made({}, number=0)
    row = own.iloc[0]
    if not np.isfinite(row["true_share"]):
        return made({}, number=0)
    rng = np.random.default_rng(spec["seed"])
    x, n = int(row["positive"]), int(row["tested"])
    apparent = rng.beta(x + 0.5, n - x + 0.5, DRAWS)
    share = prevalence.true_share(apparent, row["sensitivity"], row["specificity"])
    expert = pooled_weights.experts(weights)[spec["threat"]].quantile(rng.random(DRAWS))
    drawn = np.clip(expert * share / spec["reference_share"], 0, 1)
    return made({spec["threat"]: drawn}, number=n)

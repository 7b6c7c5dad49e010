"""Curves by age class, hazards, and weights of threats from causes of death."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from manul.analyses import pooled_weights
from manul.analyses.survival import WEIGHTS
from manul.demography import shares, survival
from manul.grid import plain_files, vectors

UNKNOWN = ("", "unknown")
DAYS = (90, 180, 270, 365)


def run(this) -> None:
    """Curves by age class, incidence by cause, hazards, and pooled weights."""
    spec = this.told.block
    rows = vectors.read_rows(*this.inputs("fates"))
    fates = _fates(pd.DataFrame(rows), spec)
    series = vectors.read_rows(this.inputs("series")[0]) if this.inputs("series") else None
    summary, curves, incidence, hazards = [], [], [], []
    for stage, own in fates.groupby("stage", sort=True):
        pooled = survival.by_year_of_life(own)
        curve = survival.curve(pooled["entry"], pooled["exit"], pooled["died"], pooled["cause"])
        summary.append(_summary(stage, own, curve))
        curves.append(curve.steps.assign(stage=stage))
        incidence.append(curve.died_of(DAYS).assign(stage=stage))
        hazards.append(_hazards(stage, own, series, spec))
    known = fates[(fates["died"] == 1) & ~fates["cause"].isin(UNKNOWN)]
    deaths = known["cause"].value_counts().to_dict()
    experts = pooled_weights.experts(this.told.weights)
    equal_at = spec["deaths_that_weigh_as_experts"]
    groups = shares.groups(deaths, spec["causes"], experts)
    draws = shares.pool(groups, experts, equal_at, spec["seed"])
    causes = shares.table(groups, experts)
    number = sum(group.deaths for group in groups)
    causes["weight_of_data"] = number / (number + equal_at)
    tables = {
        "summary": pd.DataFrame(summary, columns=SUMMARY), "curve": _concat(curves),
        "incidence": _concat(incidence), "hazards": _concat(hazards), "causes": causes,
        WEIGHTS: pooled_weights.table(draws if number else {}, "causes of death", number),
    }  # fmt: skip
    for name, table in tables.items():
        plain_files.write_table(this.output(name), table)


SUMMARY = [
    "stage", "animals", "deaths", "animal_days", "surv", "lower", "upper", "rate_survival",
    "rate_low", "rate_high", "unknown_causes", "note",
]  # fmt: skip


def _fates(rows, spec) -> pd.DataFrame:
    """Rows as stretches of days since the first biological year, without those of no length."""
    entry, exit_ = (pd.to_datetime(rows[f"date_{edge}"]) for edge in ("entry", "exit"))
    first = entry.min()
    year = first.year - (first.month < spec["year_starts_month"])
    zero = pd.Timestamp(year, spec["year_starts_month"], 1)
    out = rows.assign(
        entry=(entry - zero).dt.days, exit=(exit_ - zero).dt.days,
        died=rows["died"].astype("boolean").fillna(False).astype(int),
        cause=rows["cause"].fillna("").replace("", "unknown"), zero=zero,
    )  # fmt: skip
    return out[out["exit"] > out["entry"]]


def _summary(stage, own, curve) -> dict:
    deaths, days = int(own["died"].sum()), float((own["exit"] - own["entry"]).sum())
    at = curve.at([survival.YEAR]).iloc[0]
    rate = survival.rate(deaths, days)
    notes = []
    if deaths < survival.FEW:
        notes.append(
            f"{stage.capitalize()}s: {deaths} deaths are few; trust the interval, not the value."
        )
    if np.isfinite(curve.emptied):
        notes.append(
            f"{stage.capitalize()}s: on day {curve.emptied:.0f} the last of those watched had died "
            "though others enter later: the curve stays 0 from there and is not to be used."
        )
    unknown = int(((own["died"] == 1) & own["cause"].isin(UNKNOWN)).sum())
    row: dict[str, Any] = {"stage": stage, "animals": own["animal"].nunique(), "deaths": deaths}
    row |= {"animal_days": days, "surv": at["surv"], "lower": at["lower"], "upper": at["upper"]}
    row |= {"rate_survival": rate["survival_year"], "rate_low": rate["survival_year_low"]}
    row |= {"rate_high": rate["survival_year_high"], "unknown_causes": unknown}
    return row | {"note": " ".join(notes)}


def _hazards(stage, own, series, spec) -> pd.DataFrame:
    """Cox on yearly series, each stretch cut at the turn of the biological year."""
    if series is None or not spec["covariates"] or not own["died"].any():
        return pd.DataFrame()
    wide = series.pivot_table(index="year", columns="series", values="value")
    names = [name for name in spec["covariates"] if name in wide]
    zero = own["zero"].iloc[0]
    parts = []
    for row in own.itertuples():
        group = row.animal if pd.isna(row.litter) or not row.litter else row.litter
        for k in range(int(row.entry // survival.YEAR), int(np.ceil(row.exit / survival.YEAR))):
            start, stop = max(row.entry, k * survival.YEAR), min(row.exit, (k + 1) * survival.YEAR)
            event = row.died if row.exit <= (k + 1) * survival.YEAR else 0
            year = (zero + pd.DateOffset(years=k)).year
            values = wide.reindex([year])[names].iloc[0].to_dict()
            # time within the year: animals of different years are compared on the same day of it
            parts.append({"start": start - k * survival.YEAR, "stop": stop - k * survival.YEAR,
                          "event": event, "group": group, **values})  # fmt: skip
    table = pd.DataFrame(parts).dropna(subset=names)
    if not names or table["event"].sum() < len(names) + 2:
        return pd.DataFrame()
    found = survival.cox(table, names, table["group"])
    return (
        found.rename_axis("covariate")
        .reset_index()
        .assign(stage=stage, deaths=table["event"].sum())
    )


def _concat(tables) -> pd.DataFrame:
    there = [table for table in tables if len(table)]
    return pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=["stage"])

"""From date to date: each unit's outcomes in every draw, their trend, and what was reported.

All dates have the same draws, so that a trend is told in each of them. Where people report more and
more, a threat seems to grow: a trend that goes with the number of reports is told as such.
"""

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from manul.products.units import REGION
from manul.uncertainty.tables import interval

OUTCOMES = {
    "value_at_risk_km2": "value at risk (km² of full habitat)",
    "mean_threat": "mean threat",
    "key_cell_km2": "land good enough for key habitat (km²)",
}
DAYS_PER_YEAR = 365.25
TOGETHER = 0.8  # correlation from which a trend goes with the reports
RISES, FALLS, NONE, SAME = "rises", "falls", "no clear trend", "does not change"


def at_each_date(
    tables: Sequence[pd.DataFrame], names: Sequence[str], outcomes: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """By unit (the region first) and outcome: (dates, draws).

    `tables` are those of `tables.units_of_draws`, one for each date. Means of the region are those
    of all its cells; NaN where nothing is known.
    """
    found: dict[str, dict[str, np.ndarray]] = {unit: {} for unit in (REGION, *names)}
    for outcome in outcomes:
        of, told = _stacked(tables, outcome), _stacked(tables, "threat_cells")
        weight = told if outcome == "mean_threat" else np.ones_like(told)
        known = np.isfinite(of)
        total = np.where(known, of * weight, 0).sum(1)
        if outcome == "mean_threat":
            total = total / np.maximum(weight.sum(1), 1)
        found[REGION][outcome] = np.where(known.any(1), total, np.nan)
        numbers = sorted(tables[0]["number"].unique())
        for i, unit in enumerate(names, 1):
            if i in numbers:
                found[unit][outcome] = of[:, numbers.index(i)]
    return {unit: of for unit, of in found.items() if of}


def table(found: Mapping, days: Sequence[str], reports: pd.DataFrame) -> pd.DataFrame:
    """One row for each unit and date: each outcome's mean, 5th and 95th percentile, and reports."""
    rows = []
    for unit, outcomes in found.items():
        for i, day in enumerate(days):
            row: dict = {"unit": unit, "date": day}
            for name, values in outcomes.items():
                row |= interval(name, values[i])
            rows.append(row)
    return pd.DataFrame(rows).merge(reports, on=["unit", "date"], how="left").round(4)


def trends(found: Mapping, days: Sequence[str], reports: pd.DataFrame) -> pd.DataFrame:
    """One row for each unit and outcome: its slope a year, which way it goes, and a warning.

    The slope is that of the straight line through all dates in each draw; `trend` is told where
    90 % of the draws agree on its sign. `follows` names the layers whose reports went the same way
    (with a correlation of 0.8 or more), so that the trend may be that of reporting. What is not
    known at some date has no trend.
    """
    years = _years(days)
    rows = []
    for unit, outcomes in found.items():
        mine = reports[reports["unit"] == unit].set_index("date").reindex(list(days))
        for name, values in outcomes.items():
            if np.isnan(values).any():
                continue
            slopes = _slope(years, values)
            row = {"unit": unit, "outcome": name} | interval("per_year", slopes)
            row["rises_in"] = np.mean(slopes > 0)
            row["trend"] = _way(row["per_year_p05"], row["per_year_p95"])
            told = {c: mine[c].to_numpy(float) for c in mine if c.startswith("reports_")}
            alike = [c for c, n in told.items() if together(values.mean(1), n)]
            sure = row["trend"] in (RISES, FALLS)
            row["follows"] = ", ".join(c.removeprefix("reports_") for c in alike) if sure else ""
            rows.append(row)
    return pd.DataFrame(rows).round(6)


def reports_of(
    layers: Mapping[str, tuple[gpd.GeoDataFrame, str]],
    units: gpd.GeoDataFrame | None,
    names: Sequence[str],
    days: Sequence[str],
    years: float,
) -> pd.DataFrame:
    """How many rows of each layer fall into the years before each date, by unit (the region too).

    `layers` holds rows and the name of the column with their day. Columns: unit, date and, for each
    layer, reports_LAYER. Rows without a place count for the region alone.
    """
    rows = [{"unit": unit, "date": day} for unit in (REGION, *names) for day in days]
    out = pd.DataFrame(rows)
    for layer, (table, column) in layers.items():
        where = _units_of(table, units, names)
        dates = pd.to_datetime(table[column], format="ISO8601")
        counts = []
        for row in rows:
            end = pd.Timestamp(row["date"])
            recent = (dates <= end) & (dates > end - pd.Timedelta(days=years * DAYS_PER_YEAR))
            there = row["unit"] == REGION
            counts.append(int((recent & (there | (where == row["unit"]))).sum()))
        out[f"reports_{layer}"] = counts
    return out


def together(values: np.ndarray, reports: np.ndarray) -> bool:
    """Do two series go the same way? False where either stays as it is."""
    if np.isnan(reports).any() or np.ptp(reports) == 0 or np.ptp(values) == 0:
        return False
    return bool(np.corrcoef(values, reports)[0, 1] >= TOGETHER)


# ------------------------------------------------------------------------------------- helpers


def _stacked(tables, column) -> np.ndarray:
    """A column of each date, (dates, units, draws)."""
    every = [t.pivot(index="number", columns="draw", values=column) for t in tables]
    return np.stack([table.to_numpy(float) for table in every])


def _years(days) -> np.ndarray:
    at = pd.to_datetime(list(days))
    return ((at - at[0]).days / DAYS_PER_YEAR).to_numpy(float)


def _slope(years, values) -> np.ndarray:
    """Least squares in each draw, a year."""
    away = years - years.mean()
    return away @ (values - values[0]) / (away @ away)  # exactly 0 where nothing changes


def _way(low, high) -> str:
    if low == high == 0:
        return SAME
    return RISES if low > 0 else FALLS if high < 0 else NONE


def _units_of(table, units, names) -> pd.Series:
    """The unit in which each row lies; empty for none."""
    found = pd.Series("", table.index, dtype=object)
    if units is None or not len(units):
        return found
    places = table.geometry.centroid
    for name, shape in zip(names, units.geometry, strict=True):
        found[places.within(shape) & (found == "")] = name
    return found

"""Lags, regressions and periods of yearly series."""

from __future__ import annotations

import numpy as np
import pandas as pd

from manul.demography import fluctuations
from manul.grid import plain_files, vectors

LEAST_YEARS = 8


def run(this) -> None:
    """The index, lags of each driver, shares of the swing, and periods."""
    spec = this.told.block
    rows = pd.DataFrame(vectors.read_rows(*this.inputs("series")))
    index = _index(rows, spec)
    drivers = [name for name in spec["drivers"] if name in index]
    lags, best = _lags(index, drivers, spec)
    x = pd.DataFrame({name: _before(index, name, lag) for name, lag in best.items()})
    x = x.dropna(axis=1, how="all")
    tables = {
        "index": index, "lags": lags, "regression": _regression(index, x),
        "explained": _explained(index, x, best), "period": _periods(index, drivers, spec),
    }  # fmt: skip
    for name, table in tables.items():
        plain_files.write_table(this.output(name), table)


def _index(rows, spec) -> pd.DataFrame:
    """year, count, effort, rate and each other series, one row a year.

    Counts of one year add up, and so do their efforts. Without any effort it was the same each
    time; where some rows tell it, one that does not is left out, as its effort is unknown.
    """
    cats = rows[rows["series"] == spec["index"]].astype({"year": int})
    told = cats["effort"].notna()
    cats = cats[told] if told.any() else cats.assign(effort=1.0)
    out = cats.groupby("year", as_index=False)[["value", "effort"]].sum()
    out = out.rename(columns={"value": "count"})
    out["rate"] = out["count"] / out["effort"]
    others = rows[rows["series"] != spec["index"]]
    wide = others.pivot_table(index="year", columns="series", values="value")
    years = pd.Index(range(int(rows["year"].min()), int(rows["year"].max()) + 1), name="year")
    table = pd.DataFrame({"year": years}).merge(out, how="left", on="year")
    return table.join(wide.reindex(years).reset_index(drop=True))


def _before(index, name, lag) -> pd.Series:
    return fluctuations.lagged(index, [name], lag)[name]


def _lags(index, drivers, spec) -> tuple[pd.DataFrame, dict[str, int]]:
    tables, best = [], {}
    for name in drivers:
        try:
            found = fluctuations.lags(index, name, [], spec["most_lag_years"])
        except ValueError as error:
            found = pd.DataFrame({"lag": [np.nan], "note": [str(error)]})
        else:
            best[name] = int(found.loc[found["aic"].idxmin(), "lag"])
        tables.append(found.assign(driver=name))
    columns = ["driver", "lag", "years", "aic", "coefficient", "se", "note"]
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return found.reindex(columns=columns), best


def _regression(index, x) -> pd.DataFrame:
    try:
        plain = fluctuations.regression(index["count"], index["effort"], x)
        family = "negbin" if plain.dispersion > 1.2 else "poisson"
        found = fluctuations.regression(index["count"], index["effort"], x, family)
    except ValueError:
        return pd.DataFrame(columns=["term", "coefficient", "se", "low", "high", "family"])
    error = found.coefficients["se"]
    low = found.coefficients["coefficient"] - 1.96 * error
    high = found.coefficients["coefficient"] + 1.96 * error
    return found.coefficients.assign(
        low=low, high=high, family=family, theta=found.theta, years=found.years
    )


def _explained(index, x, best) -> pd.DataFrame:
    try:
        shares = fluctuations.explained(index["count"], index["effort"], x)
    except ValueError:
        return pd.DataFrame(columns=["driver", "share"])
    names = {name: f"{name}, {best[name]} years before" for name in x} | {"": "none of them"}
    return pd.DataFrame({"driver": [names[n] for n in shares.index], "share": shares.to_numpy()})


def _periods(index, drivers, spec) -> pd.DataFrame:
    rows = []
    for name in ["rate", *drivers]:
        values = (
            fluctuations.log_rate(index["count"], index["effort"])
            if name == "rate"
            else index[name]
        )
        values = _longest(np.asarray(values, float))
        title = spec["index"] if name == "rate" else name
        if len(values) < LEAST_YEARS:
            words = f"{len(values)} years on end are too few to look for a period."
            rows.append({"series": title, "n": len(values), "words": words})
            continue
        found = fluctuations.period(values, spec["seed"])
        rows.append(
            {
                "series": title, "n": found.series, "years": found.years, "low": found.low,
                "high": found.high, "chance_without": found.chance,
                "told": "yes" if found.told else "no", "words": found.words,
            }
        )  # fmt: skip
    columns = ["series", "n", "years", "low", "high", "chance_without", "told", "words"]
    return pd.DataFrame(rows, columns=columns)


def _longest(values) -> np.ndarray:
    """The longest stretch of years without a gap."""
    known = np.isfinite(values)
    edges = np.flatnonzero(np.diff(np.r_[False, known, False]))
    if not len(edges):
        return np.empty(0)
    first, last = edges.reshape(-1, 2).T
    best = int(np.argmax(last - first))
    return values[first[best] : last[best]]

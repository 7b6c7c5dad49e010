"""The home range of a population from those of its animals, each known as well as it is.

Areas are chi-square about their truth, with the effective sample size of each track; between
animals they are log-normal. The log of an area with k = n_eff degrees has the bias
digamma(k) - ln k and the variance trigamma(k); the mean over animals weighs both spreads
(DerSimonian & Laird 1986), its interval is Student's with the spread that is left (Hartung & Knapp
2001, Statistics in Medicine 20: 3875), so that few animals give a wide one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats


def typical(areas: pd.DataFrame, level: float = 0.95) -> dict[str, float]:
    """The median area over animals: `animals`, `km2`, `low`, `high`, and `spread` between animals.

    `areas` has km2 and n_eff, one row an animal. `spread` is the standard deviation of ln area
    between animals. One animal has its own interval.
    """
    k = areas["n_eff"].to_numpy(float)
    logs = np.log(areas["km2"].to_numpy(float)) - (special.digamma(k) - np.log(k))
    variance = special.polygamma(1, k)
    n = len(logs)
    if n == 1:
        ends = logs[0] + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2]) * np.sqrt(variance[0])
        low, high = np.exp(ends)
        return {
            "animals": 1,
            "km2": float(np.exp(logs[0])),
            "low": low,
            "high": high,
            "spread": np.nan,
        }
    weight = 1 / variance
    mean = (weight @ logs) / weight.sum()
    excess = weight @ (logs - mean) ** 2 - (n - 1)
    between = max(excess / (weight.sum() - (weight**2).sum() / weight.sum()), 0.0)
    weight = 1 / (variance + between)
    mean = (weight @ logs) / weight.sum()
    left = max((weight @ (logs - mean) ** 2) / (n - 1), 1.0)
    half = stats.t.ppf((1 + level) / 2, n - 1) * np.sqrt(left / weight.sum())
    low, high = np.exp([mean - half, mean + half])
    return {
        "animals": n, "km2": float(np.exp(mean)), "low": float(low), "high": float(high),
        "spread": float(np.sqrt(between)),
    }  # fmt: skip

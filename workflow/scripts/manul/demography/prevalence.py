"""How common an infection is, from tests that are sometimes wrong.

The share of positive tests has the exact interval of Clopper & Pearson (1934), Jeffreys' or
Wilson's (1927); the true prevalence follows from the test's sensitivity and specificity (Rogan &
Gladen 1978, American Journal of Epidemiology 107: 71).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

METHODS = ("clopper_pearson", "jeffreys", "wilson")


def interval(positive: int, tested: int, method: str = "clopper_pearson", level: float = 0.95):
    """(low, high) of the share of positives; `tested` is 1 or more."""
    rest, x, n = (1 - level) / 2, positive, tested
    if method == "wilson":
        z = stats.norm.ppf(1 - rest)
        centre = (x + z**2 / 2) / (n + z**2)
        half = z / (n + z**2) * np.sqrt(x * (n - x) / n + z**2 / 4)
        return max(float(centre - half), 0.0), min(float(centre + half), 1.0)
    if method == "jeffreys":
        low, high = stats.beta.ppf([rest, 1 - rest], x + 0.5, n - x + 0.5)
    else:
        low = stats.beta.ppf(rest, x, n - x + 1) if x else 0.0
        high = stats.beta.ppf(1 - rest, x + 1, n - x) if x < n else 1.0
    return (0.0 if x == 0 else float(low)), (1.0 if x == n else float(high))


def true_share(apparent, sensitivity: float, specificity: float):
    """The share infected behind a share of positive tests, cut to 0..1.

    Raises ValueError for a test that is no better than a coin (sensitivity + specificity <= 1).
    """
    return np.clip(uncut(apparent, sensitivity, specificity), 0, 1)


def uncut(apparent, sensitivity: float, specificity: float):
    """The same before it is cut: below 0 where fewer are positive than the test's false ones."""
    better = sensitivity + specificity - 1
    if better <= 0:
        raise ValueError(
            f"sensitivity {sensitivity:g} and specificity {specificity:g} add up to 1 or less: "
            "such a test tells nothing"
        )
    return (np.asarray(apparent, float) + specificity - 1) / better


def true_interval(positive, tested, sensitivity, specificity, method="clopper_pearson", level=0.95):
    """(low, high) of the true share: the limits of the apparent share, taken through the test.

    `method` wald gives the error sqrt(p (1 - p) / n) / (Se + Sp - 1) about the estimate, cut.
    """
    if method == "wald":
        p = positive / tested
        z = stats.norm.ppf((1 + level) / 2)
        half = z * np.sqrt(p * (1 - p) / tested) / (sensitivity + specificity - 1)
        middle = uncut(p, sensitivity, specificity)
        low, high = np.clip([middle - half, middle + half], 0, 1)
    else:
        low, high = true_share(interval(positive, tested, method, level), sensitivity, specificity)
    return float(low), float(high)


def by_distance(positive, distance_m, sensitivity: float, specificity: float) -> pd.DataFrame:
    """Infection against distance: logit of the true share = intercept + slope x kilometres.

    The chance of a positive test is Se pi + (1 - Sp)(1 - pi), so the test's errors do not flatten
    the slope (Magder & Hughes 1997, American Journal of Epidemiology 146: 195). Rows intercept and
    distance_km with coefficient, se, low, high (95 %); NaN where no maximum was found.
    """
    y = np.asarray(positive, float)
    x = np.column_stack([np.ones(len(y)), np.asarray(distance_m, float) / 1000])

    def chance(beta):
        pi = special.expit(x @ beta)
        return sensitivity * pi + (1 - specificity) * (1 - pi), pi

    def cost(beta):
        p = np.clip(chance(beta)[0], 1e-12, 1 - 1e-12)
        return -(y * np.log(p) + (1 - y) * np.log1p(-p)).sum()

    def information(beta):
        p, pi = chance(beta)
        slope = ((sensitivity + specificity - 1) * pi * (1 - pi))[:, None] * x
        return slope.T @ (slope / np.clip(p * (1 - p), 1e-12, None)[:, None])

    start = np.array([special.logit(np.clip(y.mean(), 0.02, 0.98)), 0.0])
    found = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}
    )
    expected = information(found.x)
    known = found.success and np.linalg.cond(expected) < 1e10
    error = np.sqrt(np.diag(np.linalg.inv(expected))) if known else np.full(2, np.nan)
    beta = found.x if known else np.full(2, np.nan)
    z = stats.norm.ppf(0.975)
    return pd.DataFrame(
        {"coefficient": beta, "se": error, "low": beta - z * error, "high": beta + z * error},
        index=["intercept", "distance_km"],
    )

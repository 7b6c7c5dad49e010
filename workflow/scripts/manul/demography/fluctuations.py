"""Ups and downs of numbers: what they follow, with what delay, and whether they have a period.

Counts with effort as offset follow series of earlier years by Poisson or negative-binomial
regression. A period is that of a second-order autoregression (Royama 1992, Analytical population
dynamics); whether the years suffice to tell it is asked of simulated series of the same length
that have none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DRAWS = 2000
SURE = 0.05  # share of series without a period that may look as periodic
FEWEST_CYCLES = 3  # periods that a series must hold for one to be told


def log_rate(count, effort) -> np.ndarray:
    """ln((count + 1/2) / effort): defined for years without any."""
    return np.log((np.asarray(count, float) + 0.5) / np.asarray(effort, float))


def lagged(table: pd.DataFrame, names: Sequence[str], lag: int) -> pd.DataFrame:
    """Series `names` of the year `lag` years before each row's `year`; NaN where there is none."""
    by_year = table.set_index("year")[list(names)]
    return by_year.reindex(table["year"] - lag).set_axis(table.index)


@dataclass(frozen=True)
class Regression:
    """Coefficients of ln rate with errors, and theta of the negative binomial (inf: Poisson)."""

    family: str
    coefficients: pd.DataFrame
    theta: float
    log_likelihood: float
    aic: float
    deviance: float
    dispersion: float
    years: int


def regression(count, effort, covariates: pd.DataFrame, family: str = "poisson") -> Regression:
    """Counts on covariates with ln(effort) as offset (statsmodels); `family` poisson or negbin.

    Rows with an unknown value are left out and not counted in `years`. Raises ValueError where
    fewer years than coefficients + 2 are left.
    """
    import statsmodels.api as sm

    rows = covariates.notna().all(axis=1).to_numpy() & np.isfinite(np.asarray(count, float))
    x = sm.add_constant(covariates[rows].astype(float), has_constant="add")
    x = x.rename(columns={"const": "intercept"})
    y, offset = np.asarray(count, float)[rows], np.log(np.asarray(effort, float)[rows])
    if len(y) < x.shape[1] + 2:
        raise ValueError(f"{len(y)} years are too few for {x.shape[1]} coefficients")
    plain = sm.GLM(y, x, family=sm.families.Poisson(), offset=offset).fit(tol=1e-12)
    dispersion = float(plain.pearson_chi2 / plain.df_resid)
    theta, made = np.inf, plain
    if family == "negbin":
        made = sm.NegativeBinomial(y, x, offset=offset).fit(
            start_params=np.r_[plain.params, 0.1], disp=0, maxiter=500
        )
        theta = float(1 / made.params["alpha"])
    names = list(x.columns)
    table = pd.DataFrame(
        {
            "term": names,
            "coefficient": made.params[names].to_numpy(),
            "se": made.bse[names].to_numpy(),
        }
    )
    return Regression(
        family, table, theta, float(made.llf), float(-2 * made.llf + 2 * len(made.params)),
        float(plain.deviance), dispersion, len(y),
    )  # fmt: skip


def lags(table: pd.DataFrame, name: str, others: Sequence[str], most: int) -> pd.DataFrame:
    """lag, years, aic, coefficient, se of `name` 0 to `most` years before, the smallest AIC best.

    `table` has year, count, effort and the series; the same years are used for every lag, else
    AIC would mean nothing.
    """
    steps = range(most + 1)
    before = {lag: lagged(table, [name], lag) for lag in steps}
    common = np.logical_and.reduce([b[name].notna() for b in before.values()])
    rows = []
    for lag in steps:
        x = before[lag].join(table[list(others)])[common]
        found = regression(table["count"][common], table["effort"][common], x)
        own = found.coefficients.set_index("term").loc[name]
        rows.append((lag, found.years, found.aic, own["coefficient"], own["se"]))
    return pd.DataFrame(rows, columns=["lag", "years", "aic", "coefficient", "se"])


def explained(count, effort, covariates: pd.DataFrame) -> pd.Series:
    """The share of the deviance that each covariate explains; what none explains under "".

    Shapley values over all orders (Lindeman, Merenda & Gold 1980), so that shares of series that
    go together are not counted twice; at most eight covariates.
    """
    names = list(covariates.columns)
    if len(names) > 8:
        raise ValueError(f"{len(names)} covariates; at most 8 can be told apart")
    rows = covariates.notna().all(axis=1).to_numpy()
    y, e, x = np.asarray(count)[rows], np.asarray(effort)[rows], covariates[rows]
    deviance = {
        chosen: regression(y, e, x[list(chosen)]).deviance
        for k in range(len(names) + 1)
        for chosen in itertools.combinations(names, k)
    }
    null = deviance[()]
    shares = dict.fromkeys(names, 0.0)
    for name in names:
        rest = [n for n in names if n != name]
        for k in range(len(rest) + 1):
            weight = 1 / (len(names) * math.comb(len(rest), k))
            for chosen in itertools.combinations(rest, k):
                more = tuple(n for n in names if n in chosen or n == name)
                shares[name] += weight * (deviance[chosen] - deviance[more]) / null
    return pd.Series(shares | {"": deviance[tuple(names)] / null})


def autocorrelation(values, most: int) -> np.ndarray:
    """Correlation (most + 1,) of a series with itself 0 to `most` steps before."""
    x = np.asarray(values, float) - np.mean(values)
    return np.array([x[lag:] @ x[: len(x) - lag] for lag in range(most + 1)]) / (x @ x)


def newey_west(x: np.ndarray, residuals: np.ndarray, most: int = 2) -> np.ndarray:
    """Errors (k,) of a linear regression that allow for `most` years of correlation (1987)."""
    u = x * residuals[:, None]
    middle = u.T @ u
    for lag in range(1, most + 1):
        part = u[lag:].T @ u[:-lag]
        middle += (1 - lag / (most + 1)) * (part + part.T)
    bread = np.linalg.inv(x.T @ x)
    return np.sqrt(np.diag(bread @ middle @ bread))


def second_order(values: np.ndarray) -> np.ndarray:
    """phi1 and phi2 (..., 2) of x_t = m + phi1 x_t-1 + phi2 x_t-2 + e, by least squares.

    `values` is (..., years), without gaps.
    """
    return _autoregression(values, 2)[0]


def period_of(phi: np.ndarray) -> np.ndarray:
    """The period (years) of second-order coefficients (..., 2); NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):  # beyond 1 there is no turning
        return 2 * np.pi / np.arccos(phi[..., 0] / (2 * np.sqrt(-phi[..., 1])))


@dataclass(frozen=True)
class Period:
    """`years` of the period with its interval (NaN: none), how many the series has, and whether
    they can tell it: `chance` is the share of series without a period that look as periodic."""

    years: float
    low: float
    high: float
    series: int
    chance: float

    @property
    def told(self) -> bool:
        """Can the years tell the period?"""
        return self.chance < SURE and self.series >= FEWEST_CYCLES * self.years

    @property
    def words(self) -> str:
        """The honest answer."""
        if not np.isfinite(self.years):
            return f"{self.series} years show no period."
        if np.isnan(self.high):
            ends = f"{self.low:.1f} or more" if np.isfinite(self.low) else "any"
        else:
            ends = f"{self.low:.1f}-{self.high:.1f}"
        if self.told:
            return (
                f"A period of {self.years:.1f} years ({ends}, 95 % interval); of series "
                f"without any, {self.chance:.0%} look as periodic."
            )
        return (
            f"{self.series} years cannot tell a period of {self.years:.0f} ({ends}): of "
            f"series of this length without any period, {self.chance:.0%} look as periodic."
        )


def period(values, seed: int = 1, draws: int = DRAWS) -> Period:
    """The period of a yearly series without gaps, and whether its years can tell it.

    The interval is that of series simulated from the fitted second order; `chance` comes from
    series simulated from the first order, which have no period. Raises ValueError under 8 years.
    """
    x = np.asarray(values, float)
    if len(x) < 8 or not np.isfinite(x).all():
        raise ValueError(f"{np.isfinite(x).sum()} of {len(x)} years known; a period needs 8 on end")
    rng = np.random.default_rng(seed)
    phi, spread = _autoregression(x, 2)
    found = float(period_of(phi))
    first, of_first = _autoregression(x, 1)
    without = _simulate(first, of_first, len(x), draws, rng)
    chance = float((_evidence(without) >= _evidence(x)).mean()) if np.isfinite(found) else 1.0
    low = high = np.nan
    if np.isfinite(found):
        again = period_of(second_order(_simulate(phi, spread, len(x), draws, rng)))
        again = np.where(np.isnan(again), np.inf, again)  # a draw without a period: one too long
        ends = np.quantile(again, [0.025, 0.975], method="closest_observation")
        low, high = (float(e) if np.isfinite(e) else np.nan for e in ends)
    return Period(found, low, high, len(x), chance)


# ------------------------------------------------------------------------------------- helpers


def _autoregression(values, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (..., order) and the error's standard deviation, by least squares."""
    values = np.asarray(values, float)
    n = values.shape[-1]
    columns = [np.ones_like(values[..., order:])]
    columns += [values[..., order - k : n - k] for k in range(1, order + 1)]
    x, y = np.stack(columns, axis=-1), values[..., order:, None]
    turned = np.swapaxes(x, -1, -2)
    beta = np.linalg.solve(turned @ x, turned @ y)
    left = (y - x @ beta)[..., 0]
    spread = np.sqrt((left**2).sum(axis=-1) / max(n - 2 * order - 1, 1))
    return beta[..., 1:, 0], spread


def _evidence(values) -> np.ndarray:
    """How much better the second order is than the first, 0 where it has no period."""
    values = np.asarray(values, float)
    phi, second = _autoregression(values, 2)
    _, first = _autoregression(values[..., 1:], 1)  # on the same years
    n = values.shape[-1]
    gain = np.log(first**2 * max(n - 4, 1)) - np.log(second**2 * max(n - 5, 1))
    return np.where(np.isfinite(period_of(phi)), gain, 0.0)


def _simulate(phi, spread, years: int, draws: int, rng, settle: int = 100) -> np.ndarray:
    """Series (draws, years) of an autoregression; one that would grow is drawn back to the edge."""
    phi = np.atleast_1d(phi).astype(float)
    order = len(phi)
    if order == 1:
        phi = np.clip(phi, -0.99, 0.99)
    elif phi[1] < -0.99:
        phi = np.array([phi[0], -0.99])
    noise = rng.standard_normal((draws, years + settle)) * spread
    out = np.zeros((draws, years + settle))
    for t in range(order, years + settle):
        out[:, t] = noise[:, t] + sum(phi[k] * out[:, t - 1 - k] for k in range(order))
    return out[:, settle:]

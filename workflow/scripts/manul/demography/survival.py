"""Survival of animals with known fates, some seen late and some lost, and what they die of.

A record is a stretch of days (entry, exit] in which an animal was watched, and whether it ended in
death. Deaths come before losses on one day; an animal that enters on a day is not at risk on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

YEAR = 365
FEW = 10  # deaths below which an interval is told to rest on few


@dataclass(frozen=True)
class Curve:
    """Survival and incidence at the days on which a record ends.

    `steps` has day, n_risk, n_event, n_censor, surv, se (Greenwood), and the low and high end of
    the interval S^exp(+-z se(log(-log S))), which does not exist where S is 1 or 0. `incidence`
    has, by cause, the chance to have died of it (Aalen & Johansen 1978) and its error.
    """

    steps: pd.DataFrame
    incidence: dict[str, pd.DataFrame]
    entry: np.ndarray
    exit: np.ndarray

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """The curve on chosen days; n_risk is counted on that day."""
        before = np.searchsorted(self.steps["day"], days, side="right") - 1
        first = {"surv": 1.0, "se": 0.0, "lower": np.nan, "upper": np.nan}
        rows = [first if i < 0 else self.steps.iloc[i][[*first]].to_dict() for i in before]
        risk = [int(((self.entry < day) & (self.exit >= day)).sum()) for day in days]
        return pd.DataFrame({"day": days, "n_risk": risk}).join(pd.DataFrame(rows))

    def died_of(self, days: Sequence[float]) -> pd.DataFrame:
        """cause, day, share dead of it and its error, on chosen days."""
        rows = []
        for cause, steps in self.incidence.items():
            before = np.searchsorted(steps["day"], days, side="right") - 1
            rows += [
                {"cause": cause, "day": day}
                | ({"cif": 0.0, "se": 0.0} if i < 0 else dict(steps.iloc[i][["cif", "se"]]))
                for day, i in zip(days, before, strict=True)
            ]
        return pd.DataFrame(rows, columns=["cause", "day", "cif", "se"])

    @property
    def emptied(self) -> float:
        """The day after which none of those watched lived though others enter later, else NaN."""
        gone = self.steps.loc[self.steps["surv"] == 0, "day"]
        later = len(gone) and (self.exit > gone.iloc[0]).any()
        return float(gone.iloc[0]) if later else np.nan


def curve(entry, exit_, died, cause=None, level: float = 0.95) -> Curve:
    """Kaplan-Meier and Aalen-Johansen estimates with late entry (left truncation).

    `entry` < `exit_` in days, `died` 0 or 1, `cause` the name of the cause of each death. Once
    all that are watched have died, survival stays 0 although others enter later.
    """
    entry, exit_ = np.asarray(entry, float), np.asarray(exit_, float)
    died = np.asarray(died).astype(bool)
    if not (entry < exit_).all():
        raise ValueError("a record must end after it begins")
    cause = np.where(died, "death" if cause is None else np.asarray(cause, dtype=object), "")
    causes = sorted(set(cause[died]))
    share = np.r_[1.0, np.zeros(len(causes))]  # alive, dead of each cause
    spread = np.zeros((len(share), len(share)))
    greenwood, rows, dead = 0.0, [], []
    for day in np.unique(exit_):
        at_risk = int(((entry < day) & (exit_ >= day)).sum())
        ends = exit_ == day
        deaths = np.array([int((ends & died & (cause == name)).sum()) for name in causes])
        total = int(deaths.sum())
        if total:
            chance = np.r_[1 - total / at_risk, deaths / at_risk]
            step = np.eye(len(share))
            step[0] = chance
            draw = (np.diag(chance) - np.outer(chance, chance)) / at_risk
            spread = step.T @ spread @ step + share[0] ** 2 * draw
            share = share @ step
            left = at_risk - total
            greenwood += total / (at_risk * left) if left else np.inf
        low, high = _log_log(share[0], greenwood, level)
        se = share[0] * np.sqrt(greenwood) if share[0] else np.nan
        rows.append((day, at_risk, total, int(ends.sum()) - total, share[0], se, low, high))
        dead.append((*share[1:], *np.sqrt(np.diag(spread)[1:].clip(0))))
    columns = ["day", "n_risk", "n_event", "n_censor", "surv", "se", "lower", "upper"]
    steps, found = pd.DataFrame(rows, columns=columns), np.array(dead).reshape(len(rows), -1)
    incidence = {
        name: pd.DataFrame(
            {"day": steps["day"], "cif": found[:, i], "se": found[:, len(causes) + i]}
        )
        for i, name in enumerate(causes)
    }
    return Curve(steps, incidence, entry, exit_)


def by_year_of_life(records: pd.DataFrame, year: int = YEAR) -> pd.DataFrame:
    """Records cut at multiples of a year, each part on the days 0..`year` of its own year.

    Pooled over years they tell of one year's survival, which the whole study does not: its first
    deaths fall on the few animals that were watched first. Columns entry, exit, died are cut, the
    rest is repeated; a record that ends at the cut stays in the earlier year.
    """
    parts = []
    for _, row in records.iterrows():
        for k in range(int(row["entry"] // year), int(np.ceil(row["exit"] / year))):
            entry, exit_ = max(row["entry"], k * year), min(row["exit"], (k + 1) * year)
            ends = row["exit"] <= (k + 1) * year
            cut = {"entry": entry - k * year, "exit": exit_ - k * year, "year": k}
            parts.append(row.to_dict() | cut | {"died": row["died"] if ends else 0})
    return pd.DataFrame(parts, columns=[*records.columns, "year"])


def rate(deaths: int, animal_days: float, level: float = 0.95) -> dict[str, float]:
    """Deaths a day and a year's survival exp(-365 d), with the exact Poisson interval (Garwood)."""
    rest = (1 - level) / 2
    low = stats.chi2.ppf(rest, 2 * deaths) / 2 if deaths else 0.0
    high = stats.chi2.ppf(1 - rest, 2 * deaths + 2) / 2
    daily = deaths / animal_days
    return {
        "deaths": deaths, "animal_days": animal_days, "daily_rate": daily,
        "survival_year": float(np.exp(-YEAR * daily)),
        "survival_year_low": float(np.exp(-YEAR * high / animal_days)),
        "survival_year_high": float(np.exp(-YEAR * low / animal_days)),
        "survival_year_by_day": float((1 - daily) ** YEAR),
    }  # fmt: skip


def cox(intervals: pd.DataFrame, covariates: Sequence[str], groups=None, ties: str = "efron"):
    """Hazard ratios with covariates that change in time (Cox 1972; Andersen & Gill 1982).

    `intervals` has start, stop, event and the covariates, a row for each stretch in which they
    stay. Errors by animal or litter where `groups` names who belongs together (sandwich). Rows:
    coefficient, se, robust_se, ratio with its interval. A covariate that is equal for all that
    are at risk together cannot be told and is left out with NaN.
    """
    from statsmodels.duration.hazard_regression import PHReg

    told = [name for name in covariates if _varies(intervals, name)]
    out = pd.DataFrame(
        index=list(covariates), columns=["coefficient", "se", "robust_se"], dtype=float
    )
    if told:
        model = PHReg(
            intervals["stop"], intervals[told].astype(float), status=intervals["event"],
            # There, one who enters on the day of a death is at risk of it; here, later.
            entry=np.nextafter(intervals["start"].to_numpy(float), np.inf), ties=ties,
        )  # fmt: skip
        plain = model.fit()
        out.loc[told, "coefficient"] = plain.params
        out.loc[told, "se"] = plain.bse
        if groups is not None and pd.Series(groups).nunique() > len(told):  # else of no full rank
            out.loc[told, "robust_se"] = robust_errors(intervals, told, plain.params, groups, ties)
    error = out["robust_se"].fillna(out["se"])
    z = stats.norm.ppf(0.975)
    out["ratio"] = np.exp(out["coefficient"])
    out["ratio_low"] = np.exp(out["coefficient"] - z * error)
    out["ratio_high"] = np.exp(out["coefficient"] + z * error)
    return out


def robust_errors(intervals, covariates, beta, groups, ties="efron") -> np.ndarray:
    """Sandwich errors of a Cox fit from score residuals summed by group (Lin & Wei 1989)."""
    x = intervals[list(covariates)].to_numpy(float)
    start, stop = (intervals[k].to_numpy(float) for k in ("start", "stop"))
    event = intervals["event"].to_numpy().astype(bool)
    strata = intervals["stratum"].to_numpy() if "stratum" in intervals else np.zeros(len(x))
    scores, information = score_residuals(x, start, stop, event, strata, np.asarray(beta), ties)
    _, which = np.unique(np.asarray(groups), return_inverse=True)
    summed = np.zeros((which.max() + 1, x.shape[1]))
    np.add.at(summed, which, scores)
    bread = np.linalg.inv(information)
    return np.sqrt(np.diag(bread @ (summed.T @ summed) @ bread))


def score_residuals(x, start, stop, event, strata, beta, ties) -> tuple[np.ndarray, np.ndarray]:
    """Score residuals (n, p) and the information (p, p) of a Cox model at `beta`.

    (Therneau & Grambsch 2000, Modeling survival data, sections 3.3 and 7.1.)
    """
    weight = np.exp(x @ beta)
    scores, information = np.zeros_like(x), np.zeros((x.shape[1], x.shape[1]))
    for stratum in np.unique(strata):
        own = strata == stratum
        for day in np.unique(stop[own & event]):
            risk = np.flatnonzero(own & (start < day) & (stop >= day))
            dead = np.flatnonzero(own & event & (stop == day))
            parts = np.arange(len(dead)) / len(dead) if ties == "efron" else np.zeros(len(dead))
            is_dead = np.isin(risk, dead)
            for part in parts:
                w = weight[risk] * np.where(is_dead, 1 - part, 1)
                mean = w @ x[risk] / w.sum()
                information += (x[risk] - mean).T @ ((x[risk] - mean) * w[:, None]) / w.sum()
                scores[dead] += (x[dead] - mean) / len(dead)
                scores[risk] -= (x[risk] - mean) * (w / w.sum())[:, None]
    return scores, information


# ------------------------------------------------------------------------------------- helpers


def _log_log(surv: float, greenwood: float, level: float) -> tuple[float, float]:
    if not 0 < surv < 1:
        return np.nan, np.nan
    z = stats.norm.ppf((1 + level) / 2) * np.sqrt(greenwood) / np.log(surv)
    return float(surv ** np.exp(-z)), float(surv ** np.exp(z))


def _varies(intervals, name) -> bool:
    """Does the covariate differ among those at risk together at some death?"""
    for day in intervals.loc[intervals["event"] == 1, "stop"].unique():
        risk = (intervals["start"] < day) & (intervals["stop"] >= day)
        if intervals.loc[risk, name].nunique() > 1:
            return True
    return False

"""Steps of a track, and steps that it could have taken instead: which ground an animal picks.

Step selection compares each step with random ones from the same start, whose lengths and turns
follow the fitted distributions (Fortin et al. 2005, Ecology 86: 1320); with length and turn among
the covariates, the fit corrects these distributions (Avgar et al. 2016, Methods in Ecology and
Evolution 7: 619). Resource selection compares fixes with places of the home range at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

MOVES = ("sl_m", "log_sl", "cos_ta")  # covariates of the movement itself
MOST_KAPPA = 500.0


def steps(seconds: np.ndarray, xy: np.ndarray, every_s: float, tolerance_s: float) -> pd.DataFrame:
    """Steps between consecutive fixes `every_s` apart, give or take `tolerance_s`.

    Columns: from_row, to_row, sl_m (m), ta_rad in (-pi, pi], left positive, unknown unless the
    step before is regular too and both have a length.
    """
    seconds, xy = np.asarray(seconds, float), np.asarray(xy, float)
    regular = np.abs(np.diff(seconds) - every_s) <= tolerance_s
    move = np.diff(xy, axis=0)
    length = np.hypot(*move.T)
    heading = np.arctan2(move[:, 1], move[:, 0])
    turn = np.full(len(move), np.nan)
    turn[1:] = np.pi - (np.pi - np.diff(heading)) % (2 * np.pi)
    before = np.r_[False, regular[:-1] & (length[:-1] > 0)]
    turn[~(before & (length > 0))] = np.nan
    rows = np.flatnonzero(regular)
    return pd.DataFrame(
        {"from_row": rows, "to_row": rows + 1, "sl_m": length[rows], "ta_rad": turn[rows]}
    )


@dataclass(frozen=True)
class Kernel:
    """How far and how straight an animal goes: a gamma of step lengths, a von Mises of turns."""

    shape: float
    scale_m: float
    kappa: float

    def updated(self, beta: dict[str, float]) -> Kernel:
        """The kernel without what the ground did to it, from the coefficients of `MOVES`."""
        return Kernel(
            self.shape + beta["log_sl"],
            1 / (1 / self.scale_m - beta["sl_m"]),
            self.kappa + beta["cos_ta"],
        )


def kernel(lengths: np.ndarray, turns: np.ndarray) -> Kernel:
    """The likeliest kernel: gamma of lengths above 0 (m), von Mises of turns about 0."""
    lengths = lengths[lengths > 0]
    shape, _, scale = stats.gamma.fit(lengths, floc=0)
    cosine = float(np.cos(turns[np.isfinite(turns)]).mean())
    return Kernel(float(shape), float(scale), concentration(cosine))


def concentration(mean_cosine: float) -> float:
    """kappa with I1(kappa) / I0(kappa) = mean cosine of the turns; 0 where they turn back."""
    if mean_cosine <= 0:
        return 0.0

    def off(kappa):
        return special.i1e(kappa) / special.i0e(kappa) - mean_cosine

    return float(optimize.brentq(off, 1e-9, MOST_KAPPA)) if off(MOST_KAPPA) > 0 else MOST_KAPPA


def available(
    xy: np.ndarray, found: pd.DataFrame, number: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, Kernel]:
    """Each step that has a turn (case 1) with `number` random ones from its start (case 0).

    Columns: stratum, case, x, y (m, where the step ends), and `MOVES`.
    """
    used = found[np.isfinite(found["ta_rad"])].reset_index(drop=True)
    moves = kernel(used["sl_m"].to_numpy(), used["ta_rad"].to_numpy())
    n = len(used)
    start, end = xy[used["from_row"]], xy[used["to_row"]]
    heading = np.arctan2(*(end - start).T[::-1]) - used["ta_rad"].to_numpy()  # of the step before
    length = np.column_stack(
        [used["sl_m"], rng.gamma(moves.shape, moves.scale_m, (n, number)).clip(1e-3)]
    )
    turn = np.column_stack([used["ta_rad"], rng.vonmises(0, moves.kappa, (n, number))])
    ways = heading[:, None] + turn
    return pd.DataFrame(
        {
            "stratum": np.repeat(np.arange(n), number + 1),
            "case": np.tile(np.r_[1, np.zeros(number, int)], n),
            "x": (start[:, :1] + length * np.cos(ways)).ravel(),
            "y": (start[:, 1:] + length * np.sin(ways)).ravel(),
            "sl_m": length.ravel(),
            "log_sl": np.log(length).ravel(),
            "cos_ta": np.cos(turn).ravel(),
        }
    ), moves


@dataclass(frozen=True)
class Selection:
    """Fitted selection: `beta` (p,), its covariance, and that by group (sandwich) if any."""

    names: tuple[str, ...]
    beta: np.ndarray
    covariance: np.ndarray
    robust: np.ndarray | None
    log_likelihood: float
    null: float
    strata: int

    @property
    def trusted(self) -> np.ndarray:
        """The covariance to use: by group where it could be had."""
        return self.covariance if self.robust is None else self.robust

    def table(self) -> pd.DataFrame:
        """covariate, coefficient, errors, odds ratio of one unit with its 95 % interval."""
        error = np.sqrt(np.diag(self.trusted))
        z = stats.norm.ppf(0.975)
        robust = np.full(len(error), np.nan) if self.robust is None else error
        return pd.DataFrame(
            {
                "covariate": self.names, "coefficient": self.beta,
                "se": np.sqrt(np.diag(self.covariance)), "robust_se": robust,
                "ratio": np.exp(self.beta), "ratio_low": np.exp(self.beta - z * error),
                "ratio_high": np.exp(self.beta + z * error),
            }
        )  # fmt: skip


def conditional(table: pd.DataFrame, names: Sequence[str], groups=None) -> Selection:
    """Conditional logistic regression of `case` (0, 1) within `stratum`, one used row in each.

    McFadden 1974; `groups` names the animal (or day) of each row, for errors robust to what its
    steps have in common. Raises ValueError where a stratum has not exactly one used row, or where
    the covariates do not tell rows apart.
    """
    order = np.argsort(table["stratum"].to_numpy(), kind="stable")
    x = table[list(names)].to_numpy(float)[order]
    case = table["case"].to_numpy()[order].astype(bool)
    stratum = table["stratum"].to_numpy()[order]
    starts = np.flatnonzero(np.r_[True, stratum[1:] != stratum[:-1]])
    if not (np.add.reduceat(case.astype(int), starts) == 1).all():
        raise ValueError("each stratum must have exactly one used row")
    sizes = np.diff(np.r_[starts, len(x)])
    which = np.repeat(np.arange(len(starts)), sizes)
    x = x - (np.add.reduceat(x, starts) / sizes[:, None])[which]  # steadier; changes nothing
    scale = x.std(axis=0)
    if not (scale > 0).all():
        flat = [n for n, s in zip(names, scale, strict=True) if not s > 0]
        raise ValueError(f"the same at all places of every stratum: {', '.join(flat)}")
    x = x / scale
    beta = np.zeros(x.shape[1])
    for _ in range(100):
        value, slope, scores, information = _softmax(x, case, starts, which, beta)
        step = np.linalg.solve(information, slope)
        while _softmax(x, case, starts, which, beta + step)[0] < value - 1e-12:
            step = step / 2
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    value, slope, scores, information = _softmax(x, case, starts, which, beta)
    inverse = np.linalg.inv(information)
    robust = None
    if groups is not None:
        _, group = np.unique(np.asarray(groups)[order][starts], return_inverse=True)
        summed = np.zeros((group.max() + 1, len(beta)))
        np.add.at(summed, group, scores)
        if len(summed) > len(beta):  # with fewer groups the sandwich is not of full rank
            robust = inverse @ (summed.T @ summed) @ inverse / np.outer(scale, scale)
    return Selection(
        tuple(names), beta / scale, inverse / np.outer(scale, scale), robust,
        value, float(-np.log(sizes).sum()), len(starts),
    )  # fmt: skip


def _softmax(x, case, starts, which, beta):
    """ln L, its slope, the score of each stratum and the information."""
    eta = x @ beta
    top = np.maximum.reduceat(eta, starts)
    weight = np.exp(eta - top[which])
    total = np.add.reduceat(weight, starts)
    share = weight / total[which]
    mean = np.add.reduceat(x * share[:, None], starts)
    value = float((eta[case] - top - np.log(total)).sum())
    scores = x[case] - mean
    away = x - mean[which]
    return value, scores.sum(axis=0), scores, (away * share[:, None]).T @ away

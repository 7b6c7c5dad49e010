"""How well scores rank sites: AUC, TSS, the continuous Boyce index, omission, thresholds.

Pure functions of plain arrays, higher score = more suitable; an unknown score (NaN) takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata


@dataclass(frozen=True)
class Boyce:
    """The continuous Boyce index (-1..1) and the curve it is the rank correlation of."""

    index: float
    suitability: np.ndarray
    ratio: np.ndarray


def auc(at_presences: np.ndarray, elsewhere: np.ndarray) -> float:
    """Return the chance that a presence outranks a site elsewhere, ties as half; NaN if none."""
    present, absent = _known(at_presences), _known(elsewhere)
    if not len(present) or not len(absent):
        return float("nan")
    ranks = rankdata(np.r_[present, absent])[: len(present)]
    below = ranks.sum() - len(present) * (len(present) + 1) / 2
    return float(below / (len(present) * len(absent)))


def tss(at_presences: np.ndarray, elsewhere: np.ndarray) -> float:
    """Return the greatest true skill statistic, sensitivity + specificity - 1, over thresholds."""
    return _best_tss(at_presences, elsewhere)[0]


def thresholds(at_presences: np.ndarray, elsewhere: np.ndarray) -> dict[str, float]:
    """Return the two habitat thresholds: `presence_p10` and `max_tss`; NaN if there are no scores.

    `presence_p10` is the 10th percentile of the presences: a site at or above is suitable.
    `max_tss` is the presence's score at which TSS is greatest. Trees know the records they were
    fitted to by heart: for a forest, boosting or the ensemble give held-out scores
    (`cross_validate`), or both thresholds come out too high.
    """
    _, best = _best_tss(at_presences, elsewhere)
    return {"presence_p10": presence_threshold(at_presences), "max_tss": best}


def presence_threshold(at_presences: np.ndarray, share: float = 0.1) -> float:
    """Return the score that a `share` of presences does not reach (linear interpolation)."""
    present = _known(at_presences)
    return float(np.quantile(present, share)) if len(present) else float("nan")


def omission(at_presences: np.ndarray, threshold: float) -> float:
    """Return the share of presences that score below the threshold, 0..1; NaN if there are none."""
    present = _known(at_presences)
    return float((present < threshold).mean()) if len(present) else float("nan")


def boyce(
    at_presences: np.ndarray, background: np.ndarray, *, width: float = 0.1, windows: int = 101
) -> Boyce:
    """Return the continuous Boyce index: Spearman's rho of suitability and predicted/expected.

    Hirzel et al. 2006 (Ecol. Model. 199: 142). `windows` windows, `width` of the range of all
    scores wide, move evenly from the lowest score to the highest; both ends belong to a window, so
    the top window holds the most suitable sites. A window without background has no expectation
    and is left out. Runs of equal ratios are kept: nothing is removed before the correlation. The
    index is NaN if fewer than three windows remain or the ratio never changes.
    """
    present, ground = _known(at_presences), _known(background)
    if not len(present) or not len(ground):
        return Boyce(float("nan"), np.array([]), np.array([]))
    low, high = min(present.min(), ground.min()), max(present.max(), ground.max())
    starts = np.linspace(low, high - width * (high - low), windows)
    ends = starts + width * (high - low)
    # Rounding must not push the most suitable site out of the last window.
    ends[-1] = high
    predicted = _share_within(present, starts, ends)
    expected = _share_within(ground, starts, ends)
    held = expected > 0
    ratio, middle = predicted[held] / expected[held], ((starts + ends) / 2)[held]
    return Boyce(_spearman(middle, ratio), middle, ratio)


def _known(scores) -> np.ndarray:
    values = np.asarray(scores, float).ravel()
    return values[~np.isnan(values)]


def _best_tss(at_presences, elsewhere) -> tuple[float, float]:
    present, absent = np.sort(_known(at_presences)), np.sort(_known(elsewhere))
    if not len(present) or not len(absent):
        return float("nan"), float("nan")
    # Between two presences' scores only specificity changes, so the best cut is at a presence.
    cuts = np.unique(present)
    sensitivity = 1 - np.searchsorted(present, cuts, side="left") / len(present)
    specificity = np.searchsorted(absent, cuts, side="left") / len(absent)
    skill = sensitivity + specificity - 1
    best = int(np.argmax(skill))
    return float(skill[best]), float(cuts[best])


def _share_within(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    ordered = np.sort(values)
    upto = np.searchsorted(ordered, ends, side="right")
    before = np.searchsorted(ordered, starts, side="left")
    return (upto - before) / len(values)


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])

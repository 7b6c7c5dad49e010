"""When a range moves, how far, and whether the animal comes back.

The centre of a range stays, moves once, or moves and returns, while the animal wanders about it as
an OU process; which of these the track shows is told by BIC, with the dates of the moves (Gurarie
et al. 2017, Journal of Animal Ecology 86: 943). A move is told against the width of the range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

DAY_S = 86400.0
STAY_D = 30.0  # a centre holds for this long at least
MOST_CHANGES = 60  # candidates for the day of a move
TIMES_D = np.geomspace(0.1, 60, 14)  # times in which a range is crossed that are tried
WIDTH = 2 * np.sqrt(stats.chi2.ppf(0.95, 2))  # of a Gaussian range, in standard deviations
CLASSES = ("resident", "shifting", "dispersing", "migrating")


@dataclass(frozen=True)
class Shift:
    """`kind` one of CLASSES, or "too short"; `days` the move, or the move and the return (s);
    `distance_m` of it; `width_m` of the range between moves; `better` by how much BIC beats a
    range that stays (0 for resident)."""

    kind: str
    days: tuple[float, ...]
    distance_m: float
    width_m: float
    better: float


def classify(seconds: np.ndarray, xy: np.ndarray) -> Shift:
    """The class of a track, from one place a day; `seconds` rise, `xy` are metres.

    A return needs three stays of 30 days, so tracks under 60 days are too short for a move and
    those under 90 for a return.
    """
    seconds, xy = _daily(np.asarray(seconds, float), np.asarray(xy, float))
    span_d = (seconds[-1] - seconds[0]) / DAY_S
    if span_d < 2 * STAY_D or len(seconds) < 20:
        return Shift("too short", (), 0.0, np.nan, 0.0)
    stay = STAY_D * DAY_S
    inner = (seconds > seconds[0] + stay) & (seconds < seconds[-1] - stay)
    at = seconds[inner][:: max(1, int(inner.sum() / MOST_CHANGES))]
    best: dict[str, tuple] = {}
    for time in TIMES_D * DAY_S:
        for kind, bic, days, centres in _models(seconds, xy, at, time):
            if kind not in best or bic < best[kind][0]:
                best[kind] = bic, days, centres
    stays = best["stays"]
    kind, (bic, days, centres) = min(best.items(), key=lambda item: item[1][0])
    width = _width(seconds, xy, days)
    if kind == "stays":
        return Shift("resident", (), 0.0, width, 0.0)
    steps = np.hypot(*np.diff(centres, axis=0).T)
    if kind == "returns":
        name, told = ("migrating" if steps[0] >= width else "shifting"), days
    else:  # of two moves the larger one is told
        name = "dispersing" if steps.max() >= width else "shifting"
        told = (days[int(np.argmax(steps))],)
    return Shift(name, told, float(steps.max()), width, float(stays[0] - bic))


# ------------------------------------------------------------------------------------- helpers


def _daily(seconds, xy) -> tuple[np.ndarray, np.ndarray]:
    """The fix of each day that is nearest to its noon."""
    day = np.floor(seconds / DAY_S)
    off = np.abs(seconds / DAY_S - day - 0.5)
    order = np.lexsort((off, day))
    first = order[np.unique(day[order], return_index=True)[1]]
    return seconds[first], xy[first]


def _models(seconds, xy, at, time):
    """(kind, BIC, moves, centres) of the best moves of each kind at one OU time."""
    columns = [np.ones(len(seconds)), *(seconds >= t for t in at)]
    white, log_det = _whiten(seconds, np.column_stack([*columns, xy]).astype(float), time)
    steps, data = white[:, : 1 + len(at)], white[:, 1 + len(at) :]
    gram, cross, total = steps.T @ steps, steps.T @ data, float((data**2).sum())
    one, pairs = np.arange(1, 1 + len(at)), _pairs(at)
    tries = {"stays": [np.array([[0]])], "moves": [np.column_stack([0 * one, one])]}
    if len(pairs):
        tries["moves twice"] = [np.column_stack([np.zeros(len(pairs), int), pairs])]
    n = len(seconds)
    for kind, (rows,) in tries.items():
        inner = gram[rows[:, :, None], rows[:, None, :]]
        right = cross[rows]
        beta = np.linalg.solve(inner, right)
        left = total - (beta * right).sum(axis=(1, 2))
        yield _best(kind, rows, beta, left, n, log_det, at, rows.shape[1])
    if len(pairs):  # away and back: one column, the step out less the step home
        a, b = pairs.T
        inner = np.empty((len(pairs), 2, 2))
        inner[:, 0, 0] = gram[0, 0]
        inner[:, 0, 1] = inner[:, 1, 0] = gram[0, a] - gram[0, b]
        inner[:, 1, 1] = gram[a, a] - 2 * gram[a, b] + gram[b, b]
        right = np.stack([np.broadcast_to(cross[0], (len(pairs), 2)), cross[a] - cross[b]], axis=1)
        beta = np.linalg.solve(inner, right)
        left = total - (beta * right).sum(axis=(1, 2))
        rows = np.column_stack([np.zeros(len(pairs), int), pairs])
        yield _best("returns", rows, beta, left, n, log_det, at, 2)


def _best(kind, rows, beta, left, n, log_det, at, centres):
    i = int(np.argmin(left))
    variance = float(left[i]) / n  # of both coordinates together
    moves = rows.shape[1] - 1
    log_likelihood = -n * np.log(2 * np.pi) - log_det - n * np.log(variance / 2) - n
    parameters = 2 * centres + 2 * moves + 2  # centres, days found by a search, spread and time
    bic = parameters * np.log(2 * n) - 2 * log_likelihood
    days = tuple(float(at[j - 1]) for j in rows[i, 1:])
    return kind, bic, days, np.cumsum(beta[i], axis=0)


def _width(seconds, xy, days) -> float:
    """How wide the range is between moves, from the spread about the mean of each stay."""
    stay = np.searchsorted(days, seconds, side="right")
    left = [xy[stay == k] - xy[stay == k].mean(axis=0) for k in np.unique(stay)]
    return float(WIDTH * np.sqrt(np.concatenate(left).var()))


def _pairs(at) -> np.ndarray:
    """(out, home) as columns of the design, each stay long enough."""
    stay = STAY_D * DAY_S
    found = [(i + 1, j + 1) for i in range(len(at)) for j in range(i + 1, len(at))
             if at[j] - at[i] >= stay]  # fmt: skip
    return np.array(found, int).reshape(-1, 2)


def _whiten(seconds, columns, time) -> tuple[np.ndarray, float]:
    """Columns made independent under an OU process of this time, and ln of the determinant."""
    rho = np.exp(-np.diff(seconds) / time)[:, None]
    root = np.sqrt(1 - rho**2)
    out = np.vstack([columns[:1], (columns[1:] - rho * columns[:-1]) / root])
    return out, float(2 * np.log(root).sum())

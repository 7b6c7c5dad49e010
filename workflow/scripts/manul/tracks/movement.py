"""Continuous-time movement models of a track: how position at one time tells of it at another.

Both coordinates share one correlation of lag d (s), times the covariance Sigma (m2):

    IID   0 for d > 0
    OU    exp(-d / tp)
    OUF   (tp exp(-d / tp) - tv exp(-d / tv)) / (tp - tv), tp > tv

tp is the time in which a range is crossed, tv that in which a direction is kept (Fleming et al.
2014, American Naturalist 183: E154). The mean is constant. Each likelihood is exact and takes one
pass over the fixes: OU is a Markov process, OUF is filtered with its velocity (Kalman 1960).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

MODELS = ("IID", "OU", "OUF")
TIMES = {"IID": 0, "OU": 1, "OUF": 2}  # time scales of a model


def correlation(lags: np.ndarray, times: tuple[float, ...]) -> np.ndarray:
    """The correlation of positions at `lags` (s, 0 or more), for () IID, (tp,) OU, (tp, tv) OUF."""
    lags = np.asarray(lags, float)
    if not times:
        return (lags == 0).astype(float)
    if len(times) == 1 or times[1] == 0:
        return np.exp(-lags / times[0])
    tp, tv = times
    return (tp * np.exp(-lags / tp) - tv * np.exp(-lags / tv)) / (tp - tv)


@dataclass(frozen=True)
class Sums:
    """What a likelihood needs of a track under a correlation R of its n fixes.

    `mean` (2,) is the generalised least-squares mean (m), `square` (2, 2) is X' R^-1 X about it
    (m2), `ones` 1' R^-1 1, `log_det` ln |R|, `plain` (3, 3) the same product of x, y and 1.
    """

    n: int
    mean: np.ndarray
    square: np.ndarray
    ones: float
    log_det: float
    plain: np.ndarray


def sums(seconds: np.ndarray, xy: np.ndarray, times: tuple[float, ...]) -> Sums:
    """The sums of fixes at rising `seconds` (n,) and places `xy` (n, 2) in metres."""
    steps = np.diff(seconds)
    if (steps <= 0).any():
        raise ValueError("the times of the fixes must rise")
    centre = xy.mean(axis=0)
    columns = np.column_stack([xy - centre, np.ones(len(xy))])
    if not times:
        white, log_det = columns, 0.0
    elif len(times) == 1 or times[1] == 0:
        white, log_det = _whiten_ou(steps, columns, times[0])
    else:
        white, log_det = _whiten_ouf(steps, columns, *times)
    product = white.T @ white
    ones = product[2, 2]
    mean = product[:2, 2] / ones
    square = product[:2, :2] - np.outer(mean, mean) * ones
    return Sums(len(xy), mean + centre, square, ones, log_det, product)


def log_likelihood(found: Sums, sigma: np.ndarray, restricted: bool = False) -> float:
    """ln L of the covariance `sigma` (2, 2; m2), the mean profiled out.

    `restricted`: of what tells nothing of the mean (REML), which costs each coordinate one fix.
    """
    n = found.n - restricted
    value = -n * np.log(2 * np.pi) - found.log_det - n / 2 * np.linalg.slogdet(sigma)[1]
    value -= np.trace(np.linalg.solve(sigma, found.square)) / 2
    return float(value - np.log(found.ones) if restricted else value)


def log_likelihood_about(seconds, xy, times, sigma, mean) -> float:
    """ln L at a given mean (m), nothing profiled out."""
    found = sums(seconds, xy, times)
    away = found.mean - np.asarray(mean, float)
    square = found.square + np.outer(away, away) * found.ones
    return log_likelihood(
        Sums(found.n, found.mean, square, found.ones, found.log_det, found.plain), sigma
    )


# ------------------------------------------------------------------------------------- kernels


@numba.njit(cache=True)
def _whiten_ou(steps, columns, tp):
    """Innovations of each column, over their standard deviation, and ln of the determinant."""
    n, k = columns.shape
    out = np.empty((n, k))
    out[0] = columns[0]
    log_det = 0.0
    for i in range(1, n):
        rho = np.exp(-steps[i - 1] / tp)
        variance = -np.expm1(-2 * steps[i - 1] / tp)
        root = np.sqrt(variance)
        for j in range(k):
            out[i, j] = (columns[i, j] - rho * columns[i - 1, j]) / root
        log_det += np.log(variance)
    return out, log_det


@numba.njit(cache=True)
def _whiten_ouf(steps, columns, tp, tv):
    """The same for a state of position and velocity, of variance 1 and 1 / (tp tv)."""
    n, k = columns.shape
    out = np.empty((n, k))
    place, speed = np.zeros(k), np.zeros(k)
    p11, p12, p22 = 1.0, 0.0, 1 / (tp * tv)  # before the first fix
    log_det = 0.0
    for i in range(n):
        if i:
            d = steps[i - 1]
            e1, e2, w = np.exp(-d / tp), np.exp(-d / tv), tp - tv
            f11, f12 = (tp * e1 - tv * e2) / w, tp * tv * (e1 - e2) / w
            f21, f22 = -(e1 - e2) / w, (tp * e2 - tv * e1) / w
            s = 1 / (tp * tv)  # what the step adds: P - F P F' of the stationary P
            damping = 1 / tp + 1 / tv
            short = d * damping
            if short > 1e-3:
                q11 = 1 - f11 * f11 - f12 * f12 * s
                q12 = -f11 * f21 - f12 * f22 * s
                q22 = s - f21 * f21 - f22 * f22 * s
            else:  # the same as a series, where the differences would be lost to rounding
                noise = 2 * damping * s
                q11 = noise * d**3 / 3 * (1 - 0.75 * short)
                q12 = noise * d**2 / 2 * (1 - short)
                q22 = noise * d * (1 - short)
            a11, a12 = f11 * p11 + f12 * p12, f11 * p12 + f12 * p22
            a21, a22 = f21 * p11 + f22 * p12, f21 * p12 + f22 * p22
            p11, p12 = a11 * f11 + a12 * f12 + q11, a11 * f21 + a12 * f22 + q12
            p22 = a21 * f21 + a22 * f22 + q22
            for j in range(k):
                was = place[j]
                place[j] = f11 * was + f12 * speed[j]
                speed[j] = f21 * was + f22 * speed[j]
        root, gain = np.sqrt(p11), p12 / p11
        for j in range(k):
            new = columns[i, j] - place[j]
            out[i, j] = new / root
            place[j], speed[j] = columns[i, j], speed[j] + gain * new
        log_det += np.log(p11)
        p11, p12, p22 = 0.0, 0.0, max(p22 - gain * p12, 0.0)
    return out, log_det

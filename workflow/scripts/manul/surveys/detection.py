"""Distance sampling along a line: how wide a strip the observers really saw."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HalfNormal:
    """A fitted detection function; `kept` is the share of the distances it was fitted to."""

    sigma_m: float
    effective_half_width_m: float
    truncation_m: float
    n: int
    kept: float


def half_normal(distances_m, truncation_m=None):
    """Maximum-likelihood half-normal exp(-d^2 / 2 sigma^2), detection certain on the line itself.

    Distances beyond `truncation_m` (default: the largest one) are left out. Distances that do not
    fall off at all give an effective half width equal to the truncation. Buckland et al. 2001,
    Introduction to Distance Sampling. Raises ValueError without a usable distance.
    """
    distances = np.abs(np.asarray(distances_m, dtype=float))
    distances = distances[np.isfinite(distances)]
    width = float(truncation_m) if truncation_m is not None else distances.max(initial=0)
    inside = distances[distances <= width]
    if inside.size == 0 or width <= 0:
        raise ValueError(f"no perpendicular distance within {width} m of the line")
    sigma = _sigma(float((inside**2).sum()), inside.size, width)
    esw = _effective_half_width(sigma, width)
    return HalfNormal(sigma, esw, width, inside.size, inside.size / distances.size)


def line_half_width(distances_m, truncation_m, strip_half_width_m, p, min_distances=40):
    """Half width in m of the strip which, fully searched, holds what was counted from the line.

    With `min_distances` or more it is fitted; with fewer, the assumed strip times detectability p.
    Divide the whole count by it: what was seen beyond the truncation is allowed for.
    """
    distances = np.asarray(distances_m, dtype=float)
    if np.isfinite(distances).sum() < min_distances:
        return strip_half_width_m * p
    fit = half_normal(distances, truncation_m)
    return fit.effective_half_width_m / fit.kept


def _sigma(sum_of_squares, n, width):
    def minus_log_likelihood(log_sigma):
        sigma = math.exp(log_sigma)
        return sum_of_squares / (2 * sigma**2) + n * math.log(_effective_half_width(sigma, width))

    from scipy.optimize import minimize_scalar  # takes long to import, and few jobs fit

    # beyond 50 widths the function is flat to 2 parts in 10 000, so the bound costs nothing
    bounds = (math.log(width / 1000), math.log(width * 50))
    return math.exp(minimize_scalar(minus_log_likelihood, bounds=bounds, method="bounded").x)


def _effective_half_width(sigma, width):
    return sigma * math.sqrt(math.pi / 2) * math.erf(width / (sigma * math.sqrt(2)))

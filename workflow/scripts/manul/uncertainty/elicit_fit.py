"""From an expert's interval to a distribution, and from several to one.

An interval that an expert is 60 % sure of is stretched in proportion, about the best guess, to one
that would hold the truth with a common probability (the IDEA protocol; Hemming et al. 2018, Methods
in Ecology and Evolution 9: 169-180). A PERT distribution with its peak at the best guess is laid
through the ends of that interval. Several experts are pooled by the mean of their cumulative
distributions, the linear pool, which keeps apart what they disagree on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.special import betainc, betaincinv

from manul.uncertainty.distributions import PERT_SHAPE, pert, pert_shapes

PROBABILITIES = np.round(np.linspace(0, 1, 201), 3)  # at which pooled quantiles are told
STEPS = np.linspace(0, 1, 1001)  # at which the distributions of experts are laid together
NEAR_THE_END = 0.1  # how near a tail comes to an end that is not allowed itself, see `reachable`


@dataclass(frozen=True)
class Pert:
    """A distribution from `lowest` to `highest` with its peak at `mode`."""

    lowest: float
    mode: float
    highest: float

    def cdf(self, x) -> np.ndarray:
        """The probability of at most x."""
        place = (np.asarray(x, float) - self.lowest) / (self.highest - self.lowest)
        peak = (self.mode - self.lowest) / (self.highest - self.lowest)
        return betainc(*pert_shapes(peak), np.clip(place, 0, 1))

    def quantile(self, probability) -> np.ndarray:
        """The value that is not exceeded with a probability."""
        return pert(probability, self.lowest, self.mode, self.highest)

    @property
    def mean(self) -> float:
        """The expected value."""
        return (self.lowest + PERT_SHAPE * self.mode + self.highest) / (PERT_SHAPE + 2)

    @property
    def variance(self) -> float:
        """The squared standard deviation."""
        return (self.mean - self.lowest) * (self.highest - self.mean) / (PERT_SHAPE + 3)


@dataclass(frozen=True)
class Pooled:
    """Quantiles of a pool at `PROBABILITIES`, and how far its experts disagree.

    `disagreement` is the part of the pool's variance that lies between the experts: 0 if all say
    the same, near 1 if each is sure of something else.
    """

    quantiles: np.ndarray
    disagreement: float

    def at(self, probability: float) -> float:
        """The quantile at a probability."""
        return float(np.interp(probability, PROBABILITIES, self.quantiles))


def stretched(
    lowest: float, best: float, highest: float, confidence: float, certainty: float
) -> tuple[float, float]:
    """The interval that holds the truth with probability `certainty`, by linear extrapolation.

    `confidence` (0 to 1) is the probability that the expert gives to [lowest, highest].
    """
    factor = certainty / confidence
    return best - (best - lowest) * factor, best + (highest - best) * factor


def fit(
    interval: tuple[float, float],
    best: float,
    certainty: float,
    ends: tuple[float, float] = (-inf, inf),
) -> Pert:
    """The PERT distribution with its peak at `best` and equal tails outside `interval`.

    It stays within `ends`. Where it would reach beyond one of them it begins or ends there, the
    other end of the interval keeps its tail, and the one beside it may have a smaller tail.
    """
    tail = (1 - certainty) / 2
    low, high = max(interval[0], ends[0]), min(interval[1], ends[1])
    place = _root(lambda r: _place(r, tail) - (best - low) / (high - low), 0, 1)
    left, right = betaincinv(*pert_shapes(place), [tail, 1 - tail])
    width = (high - low) / (right - left)
    first, last = best - place * width, best + (1 - place) * width
    if first < ends[0]:
        last = _far_end(ends[0], best, high, tail)
    elif last > ends[1]:
        first = -_far_end(-ends[1], -best, -low, tail)
    return Pert(max(first, ends[0]), best, min(last, ends[1]))


def reachable(lowest: float, allowed: tuple[float, float], above: bool) -> tuple[float, float]:
    """How far a distribution may reach where the parameter allows from .. to.

    An end that is not allowed itself (`above`) is not reached: a scale of almost 0 makes no map.
    The tail stops at a tenth of the way from it to the expert's own `lowest`.
    """
    low, high = allowed
    return (low + NEAR_THE_END * (lowest - low) if above else low), high


def pool(fits: Sequence[Pert], weights: Sequence[float]) -> Pooled:
    """The linear pool; weights need not add up to 1. Those without weight play no part."""
    heard = [(f, w / sum(weights)) for f, w in zip(fits, weights, strict=True) if w > 0]
    x = np.unique(np.concatenate([f.quantile(STEPS) for f, _ in heard]))
    together = sum(w * f.cdf(x) for f, w in heard)
    quantiles = np.interp(PROBABILITIES, together, x)
    ends = min(f.lowest for f, _ in heard), max(f.highest for f, _ in heard)
    quantiles[[0, -1]] = ends
    return Pooled(np.clip(quantiles, *ends), _between(heard))


# ------------------------------------------------------------------------------------- helpers


def _place(r, tail) -> float:
    """Where the peak of a PERT from 0 to 1 lies between its own two quantiles (0: at the lower)."""
    left, right = betaincinv(*pert_shapes(r), [tail, 1 - tail])
    return (r - left) / (right - left)


def _far_end(first, mode, high, tail) -> float:
    """The highest value of a PERT that begins at `first` and has its upper tail above `high`."""

    def missing(last):
        return Pert(first, mode, last).cdf(high) - (1 - tail)

    far = high + (high - first)
    while missing(far) > 0:
        far = high + 2 * (far - high)
    return _root(missing, high, far)


def _between(heard) -> float:
    """The variance between the experts beside the whole variance of the pool."""
    mean = sum(w * f.mean for f, w in heard)
    between = sum(w * (f.mean - mean) ** 2 for f, w in heard)
    within = sum(w * f.variance for f, w in heard)
    return between / (between + within)


def _root(function, low, high) -> float:
    from scipy.optimize import brentq  # takes long to import, and few jobs fit

    return brentq(function, low, high)

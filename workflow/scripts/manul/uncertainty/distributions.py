"""Distributions of uncertain numbers, each by its quantile function.

A number with a `range` [lowest, highest] is triangular around its value where it was found in a
published source (status F) and uniform where it is a guess (G), unless it names another.
"""

from collections.abc import Callable, Mapping

import numpy as np

PERT_SHAPE = 4  # weight of the most likely value (Malcolm et al. 1959)


def uniform(u, lowest, value, highest):
    """Every number of the range is as likely as any other."""
    return lowest + u * (highest - lowest)


def triangular(u, lowest, value, highest):
    """Most likely at the value, falling in straight lines to both ends."""
    below = (value - lowest) / (highest - lowest)
    left = lowest + np.sqrt(u * (value - lowest) * (highest - lowest))
    right = highest - np.sqrt((1 - u) * (highest - value) * (highest - lowest))
    return np.where(u < below, left, right)


def pert(u, lowest, value, highest):
    """A smooth peak at the value: beta with shapes 1 + 4 p and 5 - 4 p, p its place there."""
    from scipy.special import betaincinv  # takes long to import

    shapes = pert_shapes((value - lowest) / (highest - lowest))
    return lowest + (highest - lowest) * betaincinv(*shapes, u)


def pert_shapes(place) -> tuple:
    """The shapes of the beta distribution of a PERT with its peak at `place` (0 to 1)."""
    return 1 + PERT_SHAPE * place, 1 + PERT_SHAPE * (1 - place)


DISTRIBUTIONS: dict[str, Callable] = {f.__name__: f for f in (uniform, triangular, pert)}
BY_STATUS = {"F": "triangular", "G": "uniform"}


def named(parameter: Mapping) -> str:
    """The name of the distribution of a number of the config."""
    return parameter.get("distribution") or BY_STATUS.get(parameter.get("status", "G"), "uniform")


def drawn(parameter: Mapping) -> bool:
    """True for a number that has a range, and not of no width."""
    lowest, highest = parameter.get("range") or (0, 0)
    return lowest < highest


def quantiles(parameter: Mapping, u) -> np.ndarray:
    """The values of a number at probabilities `u`; shape of `u`.

    With `pooled`, (probabilities, quantiles) of experts' answers, those stand for the range.
    """
    if "pooled" in parameter:
        return np.interp(u, *parameter["pooled"])
    lowest, highest = parameter["range"]
    return DISTRIBUTIONS[named(parameter)](np.asarray(u), lowest, parameter["value"], highest)

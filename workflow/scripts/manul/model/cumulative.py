"""How the effects of several threats add up, and what part of the sum each has."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from manul.config.nodes import Value, filled, known_in_any, valued

NO_DOMINANT, DOMINANT_NODATA = 0, 255

LOOKED_AT = 2**10  # numbers of an effect, at most, that are looked at to leave it out
LARGEST_EFFECT = np.float32(1 - 1e-6)  # beyond it a share could not be told


def cumulate(effects: Mapping[str, np.ndarray], mode: str, dominant_floor: float = 0.0) -> dict:
    """Cumulative threat, each threat's share of it (sums to 1) and the dominant threat.

    An unknown effect (NaN) is left out; where every effect is unknown, so is the threat.
    """
    values = [valued(np.asarray(e, "float32")) for e in effects.values()]
    e, known = known_effects(values)
    parts = CUMULATIVE[mode].parts(e)
    sum_of_parts = sum(parts)
    scale = 1 / np.where(sum_of_parts > 0, sum_of_parts, 1)
    shares = (filled(Value(part * scale, known)) for part in parts)
    out = {f"share:{name}": share for name, share in zip(effects, shares, strict=True)}
    out["threat"] = filled(Value(CUMULATIVE[mode].total(e), known))
    main = dominant_of(e, dominant_floor)
    out["dominant_threat"] = main if known is None else np.where(known, main, DOMINANT_NODATA)
    return out


def known_effects(values: Sequence[Value]) -> tuple[list[np.ndarray], np.ndarray | None]:
    """The effects, 0 where they are unknown, and where any is known (None: everywhere)."""
    e = [v.number if v.known is None else np.where(v.known, v.number, 0) for v in values]
    return e, known_in_any([(1, v) for v in values])


def dominant_of(e: Sequence[np.ndarray], floor: float = 0.0) -> np.ndarray:
    """The number of the strongest effect, from 1, uint8; 0 where all are below `floor`."""
    best: np.ndarray = np.asarray(e[0])
    which = np.ones((), "uint8")
    for i, effect in enumerate(e[1:], 2):
        which = np.where(effect > best, np.uint8(i), which)
        best = np.maximum(best, effect)
    return np.where(best >= least_dominant(floor), which, np.uint8(NO_DOMINANT))


def least_dominant(floor: float) -> float:
    """The smallest effect that is told as the strongest: the floor, and more than nothing."""
    return max(floor, 1e-6)


def amount(effect):
    """-ln(1 - e), the part of an effect in a saturating sum; finite also for an effect of 1."""
    return -np.log1p(-np.clip(effect, 0, LARGEST_EFFECT))


def _there(e):
    """Without effects of few numbers that are all 0, as of a threat nowhere near; one at least."""
    return [effect for effect in e if np.size(effect) > LOOKED_AT or np.any(effect)] or [e[0]]


class Mode(NamedTuple):
    """How effects add up: their total (0..1), the parts whose shares are told, and it in words."""

    total: Callable
    parts: Callable
    words: str


def _ranked(e):
    """Ranked from the strongest, the k-th of n weighs (n - k + 1) / n."""
    stack = np.stack(np.broadcast_arrays(*e))
    n = len(stack)
    order = np.argsort(np.argsort(-stack, axis=0, kind="stable"), axis=0)
    return list(stack * ((n - order) / n).astype("float32"))


def _falling_sum(e):
    """The sum of `_ranked`, without the order: pairs are swapped until the largest is first."""
    n, e = len(e), list(np.broadcast_arrays(*_there(e)))
    for last in range(len(e) - 1, 0, -1):
        for i in range(last):
            e[i], e[i + 1] = np.maximum(e[i], e[i + 1]), np.minimum(e[i], e[i + 1])
    return sum(np.float32((n - k) / n) * effect for k, effect in enumerate(e))


def _strongest(e):
    largest = reduce(np.maximum, e)
    return [effect * (effect == largest) for effect in e]


# The parts of saturation are -ln(1 - e), so that shares are exact.
CUMULATIVE = {
    "saturation": Mode(
        lambda e: 1 - reduce(np.multiply, [1 - effect for effect in _there(e)]),
        lambda e: [np.abs(amount(effect)) for effect in e],
        "T = 1 − Π (1 − e): each threat takes its part of what the others leave.",
    ),
    "additive": Mode(
        lambda e: np.minimum(reduce(np.add, _there(e)), 1),
        list,
        "T = Σ e, cut at 1: effects add up.",
    ),
    "diminishing": Mode(
        lambda e: np.minimum(_falling_sum(e), 1),
        _ranked,
        "T = Σ e (n − k + 1) / n, cut at 1: the k-th strongest of n effects counts less and less.",
    ),
    "dominant": Mode(
        lambda e: reduce(np.maximum, _there(e)),
        _strongest,
        "T = max e: the strongest threat alone counts.",
    ),
}

"""How the effects of several threats add up, and what part of the sum each has."""

from collections.abc import Mapping

import numpy as np

NO_DOMINANT, DOMINANT_NODATA = 0, 255

LARGEST_EFFECT = np.float32(1 - 1e-6)  # beyond it a share could not be told


def cumulate(effects: Mapping[str, np.ndarray], mode: str, dominant_floor: float = 0.0) -> dict:
    """Cumulative threat, each threat's share of it (sums to 1) and the dominant threat.

    An unknown effect (NaN) is left out; where every effect is unknown, so is the threat.
    """
    stack = np.stack(np.broadcast_arrays(*effects.values())).astype("float32")
    missing = np.isnan(stack)
    unknown = missing.all(0)
    e = np.where(missing, np.float32(0), stack)
    total, parts = CUMULATIVE[mode](e)
    sum_of_parts = parts.sum(0)
    shares = parts / np.where(sum_of_parts > 0, sum_of_parts, 1)
    shares = np.where(unknown, np.nan, shares)
    dominant = np.where(e.max(0) >= max(dominant_floor, 1e-6), e.argmax(0) + 1, NO_DOMINANT)
    out = {f"share:{name}": share for name, share in zip(effects, shares, strict=True)}
    out["threat"] = np.where(unknown, np.float32(np.nan), total)
    out["dominant_threat"] = np.where(unknown, DOMINANT_NODATA, dominant).astype("uint8")
    return out


def amount(effect):
    """-ln(1 - e), the part of an effect in a saturating sum; finite also for an effect of 1."""
    return -np.log1p(-np.clip(effect, 0, LARGEST_EFFECT))


def saturation(e):
    """1 - prod(1 - e); parts are -ln(1 - e), so shares are exact."""
    return 1 - (1 - e).prod(0), np.abs(amount(e))


def additive(e):
    """The sum, cut at 1."""
    return np.minimum(e.sum(0), 1), e


def diminishing(e):
    """Ranked from the strongest, the k-th of n weighs (n - k + 1) / n; cut at 1."""
    n = len(e)
    order = np.argsort(np.argsort(-e, axis=0, kind="stable"), axis=0)
    parts = e * ((n - order) / n).astype("float32")
    return np.minimum(parts.sum(0), 1), parts


def dominant(e):
    """The strongest alone."""
    return e.max(0), e * (e == e.max(0))


CUMULATIVE = {f.__name__: f for f in (saturation, additive, diminishing, dominant)}

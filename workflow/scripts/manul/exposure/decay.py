"""How strongly a source acts at a distance: decay curves with a hard cut-off."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Decay:
    """A curve from distance to 0..1 that never rises; exactly 0 beyond `reach_m`, kept at it.

    Build it with `decay`, which checks the values. `scale_m` has no meaning for the linear and
    table kinds. `table` is a tuple of (distance in metres, value) pairs.
    """

    kind: str
    scale_m: float
    reach_m: float
    table: tuple = ()

    def __call__(self, d_m):
        """Value at each distance (m, float64); an unknown distance (NaN) stays unknown."""
        d = np.asarray(d_m, dtype="float64")
        # Far distances are pulled to the reach first, so that infinity overflows no curve.
        value = CURVES[self.kind](np.minimum(d, self.reach_m), self)
        return np.where(d > self.reach_m, 0.0, value)


def decay(kind, scale_m, reach_m, table=None):
    """A checked `Decay`.

    A table must not rise: the nearest of equal sources would otherwise not be the strongest.
    Raises ValueError naming the parameter for an unknown kind, a scale or reach that is not a
    positive number, or a table that is not ascending in distance, falling in value and in 0..1.
    """
    if kind not in CURVES:
        raise ValueError(f"decay kind {kind!r} is unknown; choose from {', '.join(CURVES)}")
    _check_positive("reach_m", reach_m)
    if kind in SCALED:
        _check_positive("scale_m", scale_m)
    pairs = _checked_table(table) if kind == "table" else ()
    return Decay(kind, float(scale_m or 0.0), float(reach_m), pairs)


def _linear(d, curve):
    return 1.0 - d / curve.reach_m


def _exponential(d, curve):
    return np.exp(-d / curve.scale_m)


def _gaussian(d, curve):
    return np.exp(-0.5 * np.square(d / curve.scale_m))


def _half_saturation(d, curve):
    return curve.scale_m / (curve.scale_m + d)


def _table(d, curve):
    at, value = np.array(curve.table).T
    return np.interp(d, at, value)


# To add a curve: write it above, name it here, and name it in SCALED if it uses the scale.
CURVES = {
    "linear": _linear,
    "exponential": _exponential,
    "gaussian": _gaussian,
    "half_saturation": _half_saturation,
    "table": _table,
}
SCALED = {"exponential", "gaussian", "half_saturation"}


def _check_positive(name, number):
    if number is None or not np.isfinite(number) or number <= 0:
        raise ValueError(f"decay {name} must be a positive number of metres, found {number!r}")


def _checked_table(table):
    pairs = np.asarray(table if table is not None else [], dtype="float64")
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError("decay table must be a list of [distance_m, value] pairs")
    at, value = pairs.T
    if not np.all(np.isfinite(pairs)) or at[0] < 0 or np.any(np.diff(at) <= 0):
        raise ValueError("decay table distances must be finite, not negative and ascending")
    if np.any(value < 0) or np.any(value > 1) or np.any(np.diff(value) > 0):
        raise ValueError("decay table values must lie in 0..1 and never rise with distance")
    return tuple(map(tuple, pairs.tolist()))

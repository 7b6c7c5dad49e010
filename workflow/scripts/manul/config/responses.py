"""Response curves: from a surface in its own units to a number, usually 0..1.

A response stands in the config as a mapping with one key, its name, and its parameters:
`{trapezoid: {a: 20, b: 100, c: 600, d: 1200}}`. Every curve keeps the shape of its argument and
NaN stays NaN: unknown in, unknown out.
"""

from itertools import pairwise

import numpy as np

from manul.config.types import Response


def respond(response: Response | None, x):
    """Pass `x` (any shape) through `{name: parameters}`; None is the identity."""
    if response is None:
        return np.asarray(x)
    ((name, parameters),) = response.items()
    return RESPONSES[name](x, **parameters)


def identity(x):
    """The surface as it stands."""
    return np.asarray(x)


def complement(x):
    """1 - x, for a surface that is already 0..1; 0 also where rounding took it beyond 1."""
    return np.maximum(1 - np.asarray(x), 0)


def multiply(x, factor):
    """x times a constant, for a change of units."""
    return np.asarray(x) * factor


def affine(x, slope, intercept=0.0):
    """intercept + slope x, cut to 0..1."""
    return np.clip(intercept + slope * np.asarray(x), 0, 1)


def ramp(x, lower, upper):
    """0 at `lower` and below, 1 at `upper` and above, straight between; falls if lower > upper."""
    return np.clip((np.asarray(x) - lower) / (upper - lower), 0, 1)


def exponential(x, scale, reach=np.inf):
    """exp(-x / scale), and 0 beyond `reach`; both in the units of x."""
    x = np.asarray(x)
    return np.where(x > reach, 0, np.exp(-x / scale))


def gaussian(x, scale, centre=0.0):
    """exp(-(x - centre)^2 / (2 scale^2))."""
    return np.exp(-((np.asarray(x) - centre) ** 2) / (2 * scale**2))


def half_saturation(x, half):
    """x / (x + half): 0 at 0, 0.5 at `half`; x must not be negative."""
    x = np.asarray(x)
    return x / (x + half)


def logistic_fall(x, midpoint, slope):
    """A falling logistic, 0.5 at `midpoint`, rescaled to be exactly 1 at 0.

    With midpoint 15 and slope 2 (snow, cm): 0.99, 0.93, 0.50, 0.08 at 5, 10, 15, 20.
    """
    x = np.asarray(x)
    at_0 = 1 + np.exp(np.asarray(-midpoint / slope, np.result_type(x, "float32")))
    return at_0 / (1 + np.exp((x - midpoint) / slope))


def trapezoid(x, a, b, c, d):
    """0 at `a` and below, 1 from `b` to `c`, 0 at `d` and above."""
    x = np.asarray(x)
    return np.clip(np.minimum((x - a) / (b - a), (d - x) / (d - c)), 0, 1)


def curve(x, points):
    """Straight lines through [[x, y], ...], level beyond both ends."""
    x = np.asarray(x)
    if all(np.ndim(number) == 0 for point in points for number in point):
        xs, ys = np.asarray(points, float).T
        return np.interp(x, xs, ys).astype(np.result_type(x, "float32"))
    out = points[0][1]
    for (a, y0), (b, y1) in pairwise(points):  # some are draws
        out = out + np.clip((x - a) / (b - a), 0, 1) * (y1 - y0)
    return out


def threshold(x, minimum=-np.inf, maximum=np.inf):
    """1 where minimum <= x <= maximum, 0 elsewhere, NaN where x is NaN."""
    x = np.asarray(x)
    met = ((x >= minimum) & (x <= maximum)).astype(np.result_type(x, "float32"))
    return np.where(np.isnan(x), x, met)


def classes(x, scores, other=None):
    """A score for each class (number or text); `other` (None: unknown) stands for the rest.

    NaN and blank text stay unknown.
    """
    x = np.asarray(x)
    is_number = x.dtype.kind in "uifb"
    found = x if is_number else np.array([plain_class(value) for value in x.flat]).reshape(x.shape)
    out = np.full(x.shape, np.nan, "float32")
    if other is not None:
        out[x == x if is_number else found != ""] = other
    for key, score in scores.items():
        out[found == (_number(key) if is_number else plain_class(key))] = score
    return out


def plain_class(value) -> str:
    """A class as the config writes it: "2" for "02", " 2" and "2.0"; "yes" and "no" for each form.

    YAML reads yes and no without quotation marks, as true, false, on and off, as logical values.
    """
    text = str(value).strip()
    if text.lower() in YES_NO:
        return YES_NO[text.lower()]
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text


YES_NO = {"yes": "yes", "true": "yes", "on": "yes", "no": "no", "false": "no", "off": "no"}


def _number(key) -> float:
    """The number of a class among numbers or logical values; NaN for a name, which is none."""
    text = {"yes": "1", "no": "0"}.get(plain_class(key), str(key))
    try:
        return float(text)
    except ValueError:
        return float("nan")


RESPONSES = {
    f.__name__: f
    for f in (
        identity,
        complement,
        multiply,
        affine,
        ramp,
        exponential,
        gaussian,
        half_saturation,
        logistic_fall,
        trapezoid,
        curve,
        threshold,
        classes,
    )
}

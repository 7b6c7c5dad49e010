"""How low and how high the values of a node can run, from the config alone.

An extent is (lowest, highest), with infinity for no end; None where the config does not tell.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from math import inf, prod

import numpy as np

from manul.config import nodes
from manul.config.responses import respond
from manul.config.schema import kind_of_surface
from manul.config.types import Node

Extent = tuple[float, float] | None
FALLING_OR_RISING = (
    "identity", "multiply", "affine", "ramp", "exponential", "logistic_fall",
)  # fmt: skip


def of_node(node: Node, leaf: Callable[[str, str], Extent]) -> Extent:
    """The extent of a node; `leaf(kind, name)` gives that of what it reads."""
    kind, name = nodes.leaf(node)
    if kind:
        found: Extent = (name, name) if kind == "constant" else leaf(kind, name)
    else:
        parts = [(term["weight"], of_node(term, leaf)) for term in nodes.terms(node)]
        known = [(w, extent) for w, extent in parts if extent]
        found = COMBINED[node["combine"]](known) if len(known) == len(parts) else None
    return _through(node.get("response"), found)


def of_surface(block: Mapping, layers: Mapping) -> Extent:
    """The extent of a surface: that of its kind, of its scores, or what its layer may hold."""
    if block["kind"] == "value":
        scores = list(block.get("scores", {}).values())
        layer = layers.get(block["layer"], {})
        low, high = (min(scores), max(scores)) if scores else layer.get("valid", (-inf, inf))
        return None if (low, high) == (-inf, inf) else (low, high)
    ends = kind_of_surface(block["kind"]).get("x-range")
    if not ends or block.get("kernel") == "density":
        return None
    told = [block.get(end) if isinstance(end, str) else end for end in ends]
    low, high = (inf if end is None else end for end in told)
    return low, high


def _through(response, extent: Extent) -> Extent:
    """The extent of what a response makes of values within an extent."""
    if response is None:
        return extent
    ((kind, parameters),) = response.items()
    if kind in ("curve", "classes"):
        values = parameters.get("scores") or dict(parameters.get("points", {}))
        return min(values.values()), max(values.values())
    if kind == "complement":  # `responses.complement` hides what would be below 0; told here
        return extent and (1 - extent[1], 1 - extent[0])
    if kind in FALLING_OR_RISING and extent:
        with np.errstate(all="ignore"):
            ends = respond(response, np.array(extent, "float64"))
        return None if np.isnan(ends).any() else (float(ends.min()), float(ends.max()))
    if kind == "half_saturation":
        return (0.0, 1.0) if extent and extent[0] >= 0 else None
    return None if kind in FALLING_OR_RISING else (0.0, 1.0)


def _times(a, b) -> tuple[float, float]:
    ends = [0.0 if 0 in (x, y) else x * y for x in a for y in b]
    return min(ends), max(ends)


def _scaled(parts) -> list[tuple[float, float]]:
    return [_times((w, w), extent) for w, extent in parts]


def _sum(parts):
    lows, highs = zip(*_scaled(parts), strict=True)
    return sum(lows), sum(highs)


def _maximum(parts):
    lows, highs = zip(*_scaled(parts), strict=True)
    return max(lows), max(highs)


def _product(parts):
    return reduce(_times, [extent for _, extent in parts])


def _noisy_or(parts):
    low, high = (1 - prod(1 - extent[end] for extent in _scaled(parts)) for end in (0, 1))
    return min(low, high), max(low, high)


def _mean(parts):
    return min(e[0] for _, e in parts), max(e[1] for _, e in parts)


COMBINED: dict[str, Callable] = {
    "sum": _sum,
    "product": _product,
    "noisy_or": _noisy_or,
    "maximum": _maximum,
    "geometric_mean": _mean,
}

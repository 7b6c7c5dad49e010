"""Nodes: how the config says "these surfaces, through these responses, combined like this".

A node is a leaf or a combination, and may pass its result through a `response`:

    {surface: relief, response: {trapezoid: {...}}, weight: 0.4}
    {combine: sum, terms: {name: node, ...}}      # or terms: [node, ...]

The weight is used by the combination above. Unknown is never zero: an unknown term is left out and
the other weights are scaled up, and a node whose every term is unknown is unknown.

A number of a node may be an array of draws, shape (draws,), and a leaf then has a last axis of 1:
shapes follow by broadcasting. What is unknown is so in every draw, and is looked up once.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from manul.config.responses import respond
from manul.config.types import Node

LEAVES = ("surface", "component", "loss_from", "field", "constant")


class Value(NamedTuple):
    """A number for each cell, and where it is known; `known` None: everywhere."""

    number: np.ndarray
    known: np.ndarray | None = None


def evaluate(node: Node, lookup: Callable) -> np.ndarray:
    """The value of `node`; `lookup(kind, name)` gives the array of a leaf (NaN where unknown)."""
    return filled(value(node, lambda kind, name: valued(lookup(kind, name))))


def value(node: Node, lookup: Callable) -> Value:
    """The same from and to `Value`s, for leaves that several nodes read."""
    kind, name = leaf(node)
    if kind == "constant":
        found = Value(np.asarray(name))
    elif kind:
        found = lookup(kind, name)
    else:
        found = COMBINE[node["combine"]]([(t["weight"], value(t, lookup)) for t in terms(node)])
    response = node.get("response")
    if response is None:
        return found
    number = respond(response, found.number)
    return valued(number) if "classes" in response else Value(number, found.known)


def valued(array) -> Value:
    """An array with NaN where it is unknown, as a value."""
    number = np.asarray(array)
    if number.dtype.kind != "f":
        return Value(number)
    unknown = np.isnan(number)
    return Value(number, ~unknown if unknown.any() else None)


def filled(of: Value) -> np.ndarray:
    """A value as an array with NaN where it is unknown."""
    if of.known is None:
        return np.asarray(of.number)
    return np.where(of.known, of.number, np.float32(np.nan))


def unknown(shape=()) -> Value:
    """A value that is known nowhere."""
    return Value(np.full(shape, np.nan, "float32"), np.zeros(shape, bool))


def leaf(node: Node) -> tuple[str, Any]:
    """Which leaf the node is and what it names; ("", None) for a combination."""
    return next(((kind, name) for kind, name in node.items() if kind in LEAVES), ("", None))


def terms(node: Node) -> list[Node]:
    """The nodes below a combination, in order."""
    return [term for _, term in named_terms(node)]


def named_terms(node: Node) -> list[tuple]:
    """The nodes below a combination with their names, or their places in a list."""
    below = node.get("terms", [])
    return list(below.items() if isinstance(below, dict) else enumerate(below))


def leaves(node: Node, kind: str) -> Iterator[str]:
    """The names of every leaf of one kind at or below the node."""
    here, name = leaf(node)
    if here == kind:
        yield name
    for term in terms(node):
        yield from leaves(term, kind)


def classed(node: Node) -> Iterator[str]:
    """The fields at or below the node whose values are classes and not numbers."""
    yield from (field for field, _ in class_scores(node))


def class_scores(node: Node) -> Iterator[tuple[str, dict]]:
    """Those fields with the parameters of the response that scores their classes."""
    if "field" in node and "classes" in (node.get("response") or {}):
        yield node["field"], node["response"]["classes"]
    for term in terms(node):
        yield from class_scores(term)


def names_layer(key: str, value) -> bool:
    """True for a key of a surface block under which a layer is named."""
    return isinstance(value, str) and (key == "layer" or key.endswith("_layer"))


def layers_of(block) -> list[str]:
    """Every layer that a surface block reads, in order."""
    found = []
    if isinstance(block, dict):
        for key, value in block.items():
            if names_layer(key, value):
                found.append(value)
            else:
                found += layers_of(value)
    elif isinstance(block, list):
        for value in block:
            found += layers_of(value)
    return list(dict.fromkeys(found))


Parts = list[tuple[Any, Value]]  # weights and what they weigh


def weighted_sum(parts: Parts) -> Value:
    """Sum of w x, where unknown terms give their weight to the known ones."""
    number, weight, known = _accumulate(parts, lambda w, x: w * x)
    if known is None:
        return Value(number)
    return Value(number * (sum(w for w, _ in parts) / _nonzero(weight)), known)


def geometric_mean(parts: Parts, floor=0.0) -> Value:
    """prod x^w with the weights of the known terms scaled to 1; no term counts below `floor`."""
    return mean_of_logs([(w, log_of(part, floor)) for w, part in parts])


def log_of(part: Value, floor: float) -> Value:
    """ln max(x, floor)."""
    with np.errstate(divide="ignore"):  # without a floor, the log of 0 is -inf and the mean 0
        return Value(np.log(np.maximum(np.asarray(part.number, "float32"), floor)), part.known)


def mean_of_logs(logs: Parts) -> Value:
    """The `geometric_mean` of parts whose logs are worked out already."""
    number, weight, known = _accumulate(logs, lambda w, log: w * log)
    return Value(np.exp(number / _nonzero(weight)), known)


def product(parts: Parts) -> Value:
    """prod x over the known terms (weights play no part)."""
    return _fold(parts, lambda out, _, x: out * x)


def noisy_or(parts: Parts) -> Value:
    """1 - prod(1 - w x): several causes, never above 1."""
    number, known = _fold(parts, lambda out, w, x: out * (1 - w * x))
    return Value(1 - number, known)


def maximum(parts: Parts) -> Value:
    """The largest w x of the known terms."""
    return _fold(parts, lambda out, w, x: np.maximum(out, w * x), start=-np.inf)


def known_in_any(parts: Parts):
    """Where at least one term is known; None: everywhere."""
    known: Any = np.zeros((), bool)
    for _, part in parts:
        if part.known is None:
            return None
        known = known | part.known
    return known


def known_in_all(values) -> np.ndarray | None:
    """Where every one of some values is known; None: everywhere."""
    told = [value.known for value in values if value.known is not None]
    return reduce(np.logical_and, told) if told else None


def _accumulate(parts, term):
    """Sum of term(w, x) and of w over the known terms, and where any is known."""
    number = weight = np.zeros((), "float32")
    for w, (x, known) in parts:
        w = np.asarray(w, "float32")
        y = term(w, np.asarray(x, "float32"))
        if known is None:
            number, weight = number + y, weight + w
        else:
            number, weight = number + np.where(known, y, 0), weight + w * known
    every = all(part.known is None for _, part in parts)
    return number, weight, None if every else _some(parts)


def _some(parts):
    known = known_in_any(parts)
    return np.ones((), bool) if known is None else known


def _fold(parts, step, start=1.0) -> Value:
    """Fold the known terms."""
    out = np.array(start, "float32")
    for w, (x, known) in parts:
        y = step(out, np.asarray(w, "float32"), np.asarray(x, "float32"))
        out = y if known is None else np.where(known, y, out)
    return Value(out, known_in_any(parts))


def _nonzero(weight):
    return np.where(weight > 0, weight, 1)


COMBINE = {
    "sum": weighted_sum,
    "geometric_mean": geometric_mean,
    "product": product,
    "noisy_or": noisy_or,
    "maximum": maximum,
}

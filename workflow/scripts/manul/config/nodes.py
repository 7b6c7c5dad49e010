"""Nodes: how the config says "these surfaces, through these responses, combined like this".

A node is a leaf or a combination, and may pass its result through a `response`:

    {surface: relief, response: {trapezoid: {...}}, weight: 0.4}
    {combine: sum, terms: {name: node, ...}}      # or terms: [node, ...]

The weight is used by the combination above. Unknown is never zero: a NaN term is left out and the
other weights are scaled up, and a node whose every term is unknown is unknown.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from manul.config.responses import respond
from manul.config.types import Node

LEAVES = ("surface", "component", "loss_from", "field", "constant")


def evaluate(node: Node, lookup: Callable):
    """The value of `node`; `lookup(kind, name)` gives the array of a leaf (NaN where unknown)."""
    kind, name = leaf(node)
    if kind:
        x = name if kind == "constant" else lookup(kind, name)
    else:
        x = COMBINE[node["combine"]]([(t["weight"], evaluate(t, lookup)) for t in terms(node)])
    return respond(node.get("response"), x)


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


def weighted_sum(parts):
    """Sum of w x, where unknown terms give their weight to the known ones."""
    total = sum(w for w, _ in parts)
    value, known = _accumulate(parts, lambda w, x: w * x)
    return _where_known(value * (total / _nonzero(known)), known)


def geometric_mean(parts, floor=0.0):
    """prod x^w with the weights of the known terms scaled to 1; no term counts below `floor`."""
    with np.errstate(divide="ignore"):  # without a floor, the log of 0 is -inf and the mean 0
        value, known = _accumulate(parts, lambda w, x: w * np.log(np.maximum(x, floor)))
    return _where_known(np.exp(value / _nonzero(known)), known)


def product(parts):
    """prod x over the known terms (weights play no part)."""
    return _fold(parts, lambda out, _, x: out * x)


def noisy_or(parts):
    """1 - prod(1 - w x): several causes, never above 1."""
    return 1 - _fold(parts, lambda out, w, x: out * (1 - w * x))


def maximum(parts):
    """The largest w x of the known terms."""
    return _fold(parts, lambda out, w, x: np.maximum(out, w * x), start=-np.inf)


def _accumulate(parts, term):
    """Sum of term(w, x) and sum of w over the known cells."""
    value = known = np.zeros((), "float32")
    for w, x in parts:
        x = np.asarray(x, "float32")
        ok = ~np.isnan(x)
        y = term(np.float32(w), x)
        if ok.all():
            value, known = value + y, known + np.float32(w)
        else:
            value, known = value + np.where(ok, y, 0), known + np.float32(w) * ok
    return value, known


def _fold(parts, step, start=1.0):
    """Fold the known terms; NaN where no term is known."""
    out, known = np.array(start, "float32"), np.zeros((), bool)
    for w, x in parts:
        x = np.asarray(x, "float32")
        ok = ~np.isnan(x)
        y = step(out, np.float32(w), x)
        out = y if ok.all() else np.where(ok, y, out)
        known = known | ok
    return _where_known(out, known)


def _nonzero(known):
    return np.where(known > 0, known, 1)


def _where_known(value, known):
    known = np.asarray(known, bool)
    return value if known.all() else np.where(known, value, np.float32(np.nan))


COMBINE = {
    "sum": weighted_sum,
    "geometric_mean": geometric_mean,
    "product": product,
    "noisy_or": noisy_or,
    "maximum": maximum,
}

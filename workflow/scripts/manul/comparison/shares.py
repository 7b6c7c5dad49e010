"""A change split among its causes, so that the parts sum to the whole.

Shapley (1953): the part of a cause is what it adds, averaged over all orders in which the causes
may come. It needs the value with each subset of causes, so of more than MOST causes each is taken
after those before it, in the order given.
"""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from math import factorial

import numpy as np

MOST = 6

Subset = frozenset[Hashable]


def subsets(causes: Sequence[Hashable], most: int = MOST) -> list[Subset]:
    """The subsets of causes with which the value must be known; none and all among them."""
    n = len(causes)
    if n > most:
        return [frozenset(causes[:i]) for i in range(n + 1)]
    return [frozenset(some) for size in range(n + 1) for some in combinations(causes, size)]


def split(
    causes: Sequence[Hashable], value: Callable[[Subset], np.ndarray], most: int = MOST
) -> dict:
    """The part of each cause, an array like `value(subset)`.

    They sum to value(all) - value(none).
    """
    if len(causes) > most:
        steps = [value(subset) for subset in subsets(causes, most)]
        return {
            c: after - before for c, before, after in zip(causes, steps, steps[1:], strict=False)
        }
    return {cause: _shapley(cause, causes, value) for cause in causes}


def _shapley(cause, causes, value) -> np.ndarray:
    others = [c for c in causes if c != cause]
    n = len(causes)
    part = np.zeros_like(value(frozenset()))
    for subset in subsets(others, n):
        weight = factorial(len(subset)) * factorial(n - len(subset) - 1) / factorial(n)
        part = part + weight * (value(subset | {cause}) - value(subset))
    return part

"""Ways to solve a circuit: a direct factorisation, or multigrid on the cells."""

from typing import Protocol

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu


class Solver(Protocol):
    """Potentials for what is injected; 0 at held nodes and in parts without a ground."""

    def solve(self, ampere: np.ndarray) -> np.ndarray:
        """Volt of each node (n,) for ampere into each node (n,)."""


def solver(net, earth: np.ndarray, held: np.ndarray) -> Solver:
    """For a net of nodes with conductances to `earth` and nodes `held` at 0 volt."""
    return Direct(net.one, net.two, net.G, earth, held, net.parts)


class Direct:
    """A sparse factorisation of the Laplacian."""

    def __init__(self, one, two, G, earth, held, parts):
        number = int(parts.max()) + 1
        grounded = np.bincount(parts, weights=held | (earth > 0), minlength=number) > 0
        self._free = np.flatnonzero(~held & grounded[parts])
        n = held.size
        diagonal = np.bincount(one, G, n) + np.bincount(two, G, n) + earth
        place = np.full(n, -1)
        place[self._free] = np.arange(self._free.size)
        inner = (place[one] >= 0) & (place[two] >= 0)
        a, b, G = place[one[inner]], place[two[inner]], G[inner]
        k = np.arange(self._free.size)
        self._n, self._lu = n, None
        if k.size:
            matrix = coo_array(
                (
                    np.concatenate([diagonal[self._free], -G, -G]),
                    (np.concatenate([k, a, b]), np.concatenate([k, b, a])),
                ),
                (k.size, k.size),
            )
            self._lu = splu(
                matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )  # fmt: skip

    def solve(self, ampere: np.ndarray) -> np.ndarray:
        """Volt of each node."""
        volt = np.zeros(self._n)
        if self._lu is not None:
            volt[self._free] = self._lu.solve(ampere[self._free])
        return volt

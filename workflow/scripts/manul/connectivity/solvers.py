"""Ways to solve a circuit: a direct factorisation, or multigrid on the cells."""

from typing import Protocol

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from manul.connectivity.multigrid import Multigrid

SMALL = 2000  # nodes: fewer are solved directly


def beside(values: np.ndarray, shift: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two views: each cell and the one that lies `shift` (rows down, columns) from it."""
    down, right = shift
    height, width = values.shape
    left, rest = max(-right, 0), width - max(right, 0)
    return values[: height - down, left:rest], values[down:, left + right : rest + right]


class Solver(Protocol):
    """Potentials for what is injected; 0 at held nodes and in parts without a ground."""

    def solve(self, ampere: np.ndarray) -> np.ndarray:
        """Volt of each node (n,) for ampere into each node (n,)."""


def solver(net, earth: np.ndarray, held: np.ndarray) -> Solver:
    """For a net of nodes with conductances to `earth` and nodes `held` at 0 volt."""
    method = net.circuit.method
    if method == "auto":
        method = "direct" if net.n < SMALL else "multigrid"
    return METHODS[method](net, earth, held)


def _live(parts, way_out):
    """Nodes in a part that has a way out."""
    number = int(parts.max(initial=-1)) + 1
    return (np.bincount(parts, weights=way_out, minlength=number) > 0)[parts]


class Direct:
    """A sparse factorisation of the Laplacian."""

    def __init__(self, net, earth, held):
        one, two, G = net.conductors()
        self._free = np.flatnonzero(~held & _live(net.parts, held | (earth > 0)))
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


class Cells:
    """Multigrid on cells; joined nodes are solved for apart, with one solution on cells for each.

    With A of the cells, B what joins them to the joined nodes, and y = A^-1 b: the joined nodes
    have (D - B'A^-1 B) v = b_joined + B'y, and the cells y + A^-1 B v.
    """

    def __init__(self, net, earth, held):
        live = ~held & _live(net.parts, held | (earth > 0))
        cells = net.label.ravel()
        several = np.bincount(cells[cells >= 0], minlength=net.n) > 1
        self._shape, self._label = net.shape, net.label
        self._free = (live & ~several)[net.label] & (net.label >= 0)
        self._joined = np.flatnonzero(live & several)
        self._grid = Multigrid(*self._operator(net, earth))
        if self._joined.size:
            self._join(net, earth)

    def solve(self, ampere: np.ndarray) -> np.ndarray:
        """Volt of each node."""
        volt = np.zeros(ampere.size)
        y = self._grid.solve(np.where(self._free, ampere[self._label], 0.0))
        if self._joined.size:
            known = ampere[self._joined] + self._reach @ y[self._free]
            volt[self._joined] = np.linalg.solve(self._between, known)
            y[self._free] += self._answers.T @ volt[self._joined]
        volt[self._label[self._free]] = y[self._free]
        return volt

    def _operator(self, net, earth):
        links, diagonal = np.zeros((4, *self._shape)), np.zeros(self._shape)
        for k, (shift, G) in enumerate(net.links.items()):
            (here, there), (a, b) = beside(diagonal, shift), beside(self._free, shift)
            here += G
            there += G
            beside(links[k], shift)[0][:] = np.where(a & b, G, 0.0)
        diagonal += np.where(self._free, earth[net.label], 0.0)
        diagonal[~self._free] = 0.0
        return links, diagonal

    def _join(self, net, earth):
        one, two, G = net.conductors()
        n, m = net.n, self._joined.size
        place = np.full(n, -1)
        place[self._joined] = np.arange(m)
        a, b = np.concatenate([one, two]), np.concatenate([two, one])
        twice = np.concatenate([G, G])
        mine = place[a] >= 0
        a, b, twice = place[a[mine]], b[mine], twice[mine]
        to = coo_array((twice, (a, b)), (m, n)).tocsr()
        self._reach = to[:, self._label[self._free]]
        self._answers = np.zeros((m, int(self._free.sum())))
        for j in range(m):
            given = np.zeros(self._shape)
            given[self._free] = self._reach[[j]].toarray()[0]
            self._answers[j] = self._grid.solve(given)[self._free]
        among = to[:, self._joined].toarray()
        self._between = np.diag(to.sum(axis=1) + earth[self._joined]) - among
        self._between -= self._reach @ self._answers.T


METHODS: dict[str, type[Direct] | type[Cells]] = {"direct": Direct, "multigrid": Cells}

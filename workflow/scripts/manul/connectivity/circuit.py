"""Current and effective resistance between places of a grid, as in an electric circuit.

A cell is a node and its neighbours are joined by conductors (McRae et al. 2008,
doi:10.1890/07-1861.1); resistances are in steps of one cell, so the cell's length does not enter.
Potentials are linear in what is injected: K places need K - 1 solutions, not one for each pair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from manul.connectivity.solvers import Solver, beside, solver

DIAGONAL = np.sqrt(2.0)
MEANS = {
    "resistance": lambda a, b: 2 * a * b / np.where(a + b > 0, a + b, 1.0),
    "conductance": lambda a, b: (a + b) / 2,
}
SIDES, CORNERS = ((0, 1), (1, 0)), ((1, 1), (1, -1))
EIGHT = np.ones((3, 3))
APART = -1.0  # instead of a resistance: not joined, or on no node


@dataclass(frozen=True)
class Circuit:
    """Cells with their conductance (rows, columns; 0 = no node) and regions without resistance.

    `average`: conductance of a link from the mean of the two `resistance`s or `conductance`s.
    `regions`: cells of one number, wherever they lie, are one node; 0 = none. A cell that is no
    node counts to its region if that has a node elsewhere.
    """

    conductance: np.ndarray
    neighbours: int = 8
    average: str = "resistance"
    regions: np.ndarray | None = None
    method: str = "auto"  # or "direct", "multigrid"


@dataclass
class Pairwise:
    """Effective resistances between places, -1 where they are not joined, and sums of currents.

    `numbers` (k,) of the places; `resistance` (k, k); `cumulative` and `maximum` (rows, columns):
    sum and largest of the currents of all pairs, in ampere.
    """

    numbers: list[int]
    resistance: np.ndarray
    cumulative: np.ndarray
    maximum: np.ndarray


@dataclass
class EachInTurn:
    """For each place `results` (k,), -1 where it is not joined to another, and sums of currents."""

    numbers: list[int]
    results: np.ndarray
    cumulative: np.ndarray
    maximum: np.ndarray


Watch = Callable[[tuple[int, ...], np.ndarray, np.ndarray], None]


def conductance(
    values: np.ndarray, habitat_is: str = "resistance", mask: np.ndarray | None = None
) -> np.ndarray:
    """Conductance of each cell, float64; 0, no node, where there is no value or no `mask` > 0."""
    values = np.asarray(values, float)
    known = np.isfinite(values)
    if habitat_is == "resistance":
        if (values[known] <= 0).any():
            raise ValueError("A resistance must be more than 0.")
        with np.errstate(divide="ignore", invalid="ignore"):
            values = 1 / values
    out = np.where(known & (values > 0), values, 0.0)
    return out if mask is None else np.where(np.asarray(mask) > 0, out, 0.0)


def pairwise(
    circuit: Circuit,
    focal: np.ndarray,
    pairs: Sequence[tuple[int, int]] | None = None,
    watch: Watch | None = None,
) -> Pairwise:
    """One ampere in at b and out at a, for each pair a < b of the numbers in `focal` (0 = none).

    Where a number has several cells, only the two places of the pair are joined, and each pair is
    a circuit of its own. `watch` is called with (a, b), the potentials and the currents.
    """
    numbers = _numbers(focal)
    wanted = list(combinations(numbers, 2))
    if pairs is not None:
        wanted = [(int(min(p)), int(max(p))) for p in pairs]
    sums = _Sums(circuit.conductance.shape, watch)
    resistance = np.full((len(numbers), len(numbers)), APART)
    np.fill_diagonal(resistance, 0.0)
    if np.isin(focal, numbers).sum() > len(numbers):
        groups = [(_Net(circuit, np.where(np.isin(focal, p), focal, 0)), [p]) for p in wanted]
    else:
        groups = [(_Net(circuit, None), wanted)]
    for net, some in groups:
        for (a, b), r in _of_pairs(net, focal, some, sums):
            i, j = numbers.index(a), numbers.index(b)
            resistance[i, j] = resistance[j, i] = r
    return Pairwise(numbers, resistance, sums.cumulative, sums.maximum)


def one_to_all(circuit: Circuit, focal: np.ndarray, watch: Watch | None = None) -> EachInTurn:
    """Each place in turn gets one ampere, all others are held at 0 volt; results: its volt."""
    return _each_in_turn(circuit, focal, watch, _from_one)


def all_to_one(circuit: Circuit, focal: np.ndarray, watch: Watch | None = None) -> EachInTurn:
    """Each place in turn is held at 0 volt, all others get one ampere; results: 0, or -1."""
    return _each_in_turn(circuit, focal, watch, _to_one)


def advanced(
    circuit: Circuit, sources: np.ndarray, grounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Potentials and currents for sources (ampere) and conductances to earth (inf = 0 volt)."""
    net = _Net(circuit, None)
    return net.maps(net.sum(sources), net.sum(grounds))


def exchange_current(circuit: Circuit, ampere: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """Currents if each cell takes what is `wanted` there, and `ampere` is scaled to bring that.

    In each part of the circuit by itself; None if no part has both.
    """
    net = _Net(circuit, None)
    fed, taken = net.sum(ampere), net.sum(wanted)
    brings, takes = (np.bincount(net.parts, part) for part in (fed, taken))
    both = (brings > 0) & (takes > 0)
    if not both.any():
        return None
    scale = np.divide(takes, brings, out=np.zeros(both.size), where=both)[net.parts]
    earth = np.zeros(net.n)  # one cell in each part, which nothing needs to flow to
    at = np.flatnonzero((taken > 0) & both[net.parts])
    earth[at[np.unique(net.parts[at], return_index=True)[1]]] = np.inf
    return net.maps(np.where(both[net.parts], fed * scale - taken, 0.0), earth)[1]


def _numbers(focal):
    return [int(k) for k in np.unique(focal[np.isfinite(focal)]) if k > 0]


class _Sums:
    """Adds maps of currents up, and shows them to who watches."""

    def __init__(self, shape, watch):
        self.cumulative, self.maximum, self._watch = np.zeros(shape), np.zeros(shape), watch

    def add(self, names, volt, current):
        self.cumulative += current
        np.maximum(self.maximum, current, out=self.maximum)
        if self._watch is not None:
            self._watch(names, volt, current)


def _of_pairs(net, focal, pairs, sums):
    """((a, b), resistance) of pairs in one circuit; their currents go to `sums`."""
    solved = _Basis(net, {k: net.node(focal == k) for pair in pairs for k in pair})
    for a, b in pairs:
        one, two = solved.nodes[a], solved.nodes[b]
        if one < 0 or two < 0 or net.parts[one] != net.parts[two]:
            continue
        if one == two:
            yield (a, b), 0.0
            continue
        volt = solved.potential(b) - solved.potential(a)
        volt -= volt[one]
        volt[net.parts != net.parts[one]] = 0.0
        sums.add((a, b), net.cells(volt), net.cells(net.current(volt)))
        yield (a, b), float(volt[two])


class _Basis:
    """Potentials for one ampere in at each place, and out at the first place of its part."""

    def __init__(self, net, nodes):
        self.nodes = nodes
        self._earth = {}
        for node in nodes.values():
            if node >= 0:
                self._earth.setdefault(net.parts[node], node)
        held = np.zeros(net.n, bool)
        held[list(self._earth.values())] = True
        self._solver = net.solver(np.zeros(net.n), held) if self._earth else None
        self._known = {}
        self._n = net.n

    def potential(self, number) -> np.ndarray:
        node = self.nodes[number]
        if node in self._earth.values():
            return np.zeros(self._n)
        if node not in self._known:
            ampere = np.zeros(self._n)
            ampere[node] = 1.0
            self._known[node] = self._solver.solve(ampere)
        return self._known[node]


def _each_in_turn(circuit, focal, watch, how):
    net = _Net(circuit, focal)
    numbers, sums = _numbers(focal), _Sums(focal.shape, watch)
    nodes = {k: net.node(focal == k) for k in numbers}
    results = np.full(len(numbers), APART)
    for i, k in enumerate(numbers):
        others = {node for j, node in nodes.items() if j != k and node >= 0} - {nodes[k]}
        others = [node for node in others if net.parts[node] == net.parts[nodes[k]]]
        if nodes[k] < 0 or not others:
            continue
        ampere, earth = how(net.n, nodes[k], others, nodes)
        volt, current = net.maps(ampere, earth)
        results[i] = volt[focal == k][0]
        sums.add((k,), volt, current)
    return EachInTurn(numbers, results, sums.cumulative, sums.maximum)


def _from_one(n, node, others, nodes):
    ampere, earth = np.zeros(n), np.zeros(n)
    ampere[node], earth[others] = 1.0, np.inf
    return ampere, earth


def _to_one(n, node, others, nodes):
    ampere, earth = np.zeros(n), np.zeros(n)
    for other in nodes.values():
        if other in others:
            ampere[other] += 1.0
    earth[node] = np.inf
    return ampere, earth


class _Net:
    """Nodes and conductors: cells, with those of a region joined to one node."""

    def __init__(self, circuit: Circuit, focal: np.ndarray | None):
        self.circuit = circuit
        g = circuit.conductance
        self.shape = g.shape
        self.label, is_node = _join(g, [circuit.regions, focal])
        self.n = int(self.label.max()) + 1 if is_node.any() else 0
        self.links = _links(g, is_node, circuit)
        self.alone = circuit.regions is None and focal is None
        self.parts = self._parts()

    def conductors(self):
        """Nodes at both ends, and conductance, of all links between two nodes."""
        ends = [self._ends(shift, G) for shift, G in self.links.items()]
        return tuple(np.concatenate(part) for part in zip(*ends, strict=True))

    def _parts(self):
        """Number of the part that each node belongs to."""
        if self.alone:  # far less memory than a search over the links
            found = label(self.label >= 0, None if self.circuit.neighbours == 4 else EIGHT)[0]
            return found[self.label >= 0] - 1
        one, two, G = self.conductors()
        joined = coo_array((np.ones(G.size), (one, two)), (self.n, self.n))
        return connected_components(joined, directed=False)[1]

    def _ends(self, shift, G):
        one, two = beside(self.label, shift)
        there = (G > 0) & (one != two)
        return one[there], two[there], G[there]

    def node(self, where) -> int:
        """The node of the first of these cells that is one; -1 if none is."""
        found = self.label[where]
        return int(found.max(initial=-1))

    def sum(self, cells) -> np.ndarray:
        """What is given for cells, added up for each node."""
        there = (self.label >= 0) & (np.nan_to_num(cells, posinf=1.0) != 0)
        return np.bincount(self.label[there], weights=cells[there], minlength=self.n)

    def cells(self, nodes) -> np.ndarray:
        """What is known of nodes, for each of their cells; 0 where there is no node."""
        return np.where(self.label >= 0, np.append(nodes, 0.0)[self.label], 0.0)

    def solver(self, earth, held) -> Solver:
        """For conductances to earth and nodes held at 0 volt."""
        return solver(self, earth, held)

    def maps(self, ampere, earth):
        """Potentials and currents of cells; 0 in parts without a source or without a ground."""
        held = np.isinf(earth)
        number = int(self.parts.max()) + 1 if self.n else 0
        grounded = np.bincount(self.parts, weights=earth > 0, minlength=number) > 0
        fed = np.bincount(self.parts, weights=ampere != 0, minlength=number) > 0
        live = (grounded & fed)[self.parts]
        volt = np.zeros(self.n)
        if live.any():
            finite = np.where(held, 0.0, earth)
            volt = self.solver(finite, held).solve(np.where(live & ~held, ampere, 0.0))
            volt[~live] = 0.0
        return self.cells(volt), self.cells(self.current(volt, earth))

    def current(self, volt, earth=None) -> np.ndarray:
        """The larger of what flows into and out of each node, through its links and its ground."""
        into, out = self._flows_of_cells(volt) if self.alone else self._flows(volt)
        if earth is not None:
            down = np.where(np.isinf(earth), 0.0, earth) * volt
            out, into = out + np.maximum(down, 0), into + np.maximum(-down, 0)
            # A node held at 0 volt passes to earth what its links bring.
            held = np.isinf(earth)
            out[held] = into[held] = np.maximum(out, into)[held]
        return np.maximum(out, into)

    def _flows(self, volt):
        one, two, G = self.conductors()
        flow = G * (volt[one] - volt[two])
        ahead, back = np.maximum(flow, 0), np.maximum(-flow, 0)
        out = np.bincount(one, ahead, self.n) + np.bincount(two, back, self.n)
        into = np.bincount(two, ahead, self.n) + np.bincount(one, back, self.n)
        return into, out

    def _flows_of_cells(self, volt):
        volt = self.cells(volt)
        into, out = np.zeros(self.shape), np.zeros(self.shape)
        for shift, G in self.links.items():
            here, there = beside(volt, shift)
            flow = G * (here - there)
            for total, first, sign in ((out, 0, 1), (into, 1, 1), (into, 0, -1), (out, 1, -1)):
                side = beside(total, shift)[first]
                side += np.maximum(sign * flow, 0)
        return into[self.label >= 0], out[self.label >= 0]


def _join(g, groups):
    """(node of each cell, -1 for none; whether a cell is a node), with the cells of groups joined.

    `groups`: maps of numbers, 0 = none, or None; groups that share a cell are one.
    """
    groups = [np.nan_to_num(part).astype(np.int64) for part in groups if part is not None]
    is_node = g > 0
    for part in groups:
        alive = np.unique(part[(part > 0) & is_node])
        is_node = is_node | np.isin(part, alive)
    nodes = np.where(is_node, np.cumsum(is_node).reshape(g.shape) - 1, -1)
    ends, others, n = [], [], int(is_node.sum())
    for part in groups:
        member = (part > 0) & is_node
        ends.append(nodes[member])
        others.append(n + part[member])
        n += int(part.max(initial=0)) + 1
    if not ends:
        return nodes, is_node
    one, two = np.concatenate(ends), np.concatenate(others)
    joint = connected_components(coo_array((np.ones(one.size), (one, two)), (n, n)), False)[1]
    numbers = np.unique(joint[: int(is_node.sum())], return_inverse=True)[1]
    nodes[is_node] = numbers
    return nodes, is_node


def _links(g, is_node, circuit):
    """Conductance of the link from each cell to the one that lies a shift from it."""
    shifts = SIDES if circuit.neighbours == 4 else SIDES + CORNERS
    return {shift: _mean(g, is_node, shift, circuit.average) for shift in shifts}


def _mean(g, is_node, shift, average):
    (a, b), (there, here) = beside(g, shift), beside(is_node, shift)
    out = MEANS[average](a, b)
    out[~(there & here)] = 0.0
    return out / DIAGONAL if shift[0] and shift[1] else out

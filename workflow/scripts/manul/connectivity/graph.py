"""Patches joined by links: probability of connectivity, and what each patch and link is worth.

Probability of connectivity, equivalent connected area and the parts of each patch: Saura &
Pascual-Hortal 2007, doi:10.1016/j.landurbplan.2007.03.005; Saura & Rubio 2010,
doi:10.1111/j.1600-0587.2009.05760.x. ProtConn: Saura et al. 2017, doi:10.1016/j.ecolind.2016.12.047
and 2018, doi:10.1016/j.biocon.2017.12.020.

Taking a patch away changes only ways that lead through it: from each patch, only what hangs below
the one taken away in its tree of best ways is searched anew. So all patches and links together
cost about as many searches as there are patches, times the mean number of steps of a way.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from manul.connectivity.heap import pop, push

STEP = 1e-9  # per cent of PC: a connector part below it is rounding


@dataclass(frozen=True)
class Graph:
    """Patches of `areas` (n,), 0 for a mere stepping stone, and links with a probability each.

    `pairs` (m, 2): which patches a link joins, from 0; `probability` (m,): 0 < p <= 1.
    """

    areas: np.ndarray
    pairs: np.ndarray
    probability: np.ndarray


@dataclass(frozen=True)
class Worth:
    """`numerator`: sum of a_i a_j p*_ij (area squared). The rest in per cent of it.

    Of patches (n,): `patches` = `intra` + `flux` + `connector`, lost with the patch; of `links`
    (m,): lost with the link.
    """

    numerator: float
    intra: np.ndarray
    flux: np.ndarray
    connector: np.ndarray
    links: np.ndarray

    @property
    def patches(self) -> np.ndarray:
        """dPC of each patch."""
        return self.intra + self.flux + self.connector

    @property
    def equivalent_area(self) -> float:
        """EC: the area of one patch that would be worth as much, in the unit of the areas."""
        return float(np.sqrt(self.numerator))

    def probability(self, landscape: float) -> float:
        """PC, 0..1, in a landscape of this area."""
        return self.numerator / landscape**2

    def stepping_stones(self) -> np.ndarray:
        """Patches that join others, those without which most is lost first."""
        order = np.argsort(-self.connector, kind="stable")
        return order[self.connector[order] > STEP]


@dataclass(frozen=True)
class Protected:
    """ProtConn, per cent of the region; the parts named `of_*` are in per cent of ProtConn.

    Prot = ProtConn + ProtUnconn; of_prot = of_within + of_contig; of_prot + of_trans + of_unprot
    = 100: ways inside protected land, over protected land outside of the region, over other land.
    """

    prot: float
    protconn: float
    of_within: float
    of_contig: float
    of_trans: float
    of_unprot: float

    @property
    def protunconn(self) -> float:
        """Protected and not connected, per cent of the region."""
        return self.prot - self.protconn

    @property
    def relconn(self) -> float:
        """ProtConn in per cent of what is protected."""
        return 100 * self.protconn / self.prot

    @property
    def of_prot(self) -> float:
        """The part of ProtConn inside protected land."""
        return self.of_within + self.of_contig


def dispersal(distance: np.ndarray, median: float) -> np.ndarray:
    """Probability to go that far or farther: 0.5 ** (distance / median); 0 where it is infinite."""
    return 0.5 ** (np.asarray(distance, float) / median)


def graph(
    areas: np.ndarray, pairs: np.ndarray, distance: np.ndarray, median: float, least: float = 0.0
) -> Graph:
    """Patches and those links whose probability is at least `least` and above 0.

    `pairs` (m, 2) from 0; `distance` (m,) in the unit of `median`: effective (cost) or straight.
    """
    p = dispersal(distance, median)
    kept = (p >= least) & (p > 0)
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    return Graph(np.asarray(areas, float), pairs[kept], p[kept])


def complete(areas: np.ndarray, distances: np.ndarray, median: float, least: float = 0.0) -> Graph:
    """The same from a symmetric matrix of distances between all patches."""
    pairs = np.column_stack(np.triu_indices(len(areas), 1))
    return graph(areas, pairs, np.asarray(distances, float)[tuple(pairs.T)], median, least)


def best_products(net: Graph) -> np.ndarray:
    """p* (n, n): the largest product of probabilities along a way between two patches."""
    out = np.zeros((len(net.areas), len(net.areas)))
    _products(*_rows(net), out)
    return out


def equivalent_area(net: Graph) -> float:
    """EC alone, without what each patch is worth: one search a patch."""
    sums = _sums(net, worth=False)
    return float(np.sqrt(net.areas @ sums[0]))


def worth(net: Graph) -> Worth:
    """What each patch and each link adds to the whole."""
    reached, patches, links = _sums(net, worth=True)
    numerator = float(net.areas @ reached)
    per_cent = 100 / numerator if numerator > 0 else 0.0
    intra = net.areas**2
    flux = 2 * (net.areas * reached - intra)
    return Worth(numerator, intra * per_cent, flux * per_cent, patches * per_cent, links * per_cent)


def protconn(
    areas: np.ndarray,
    distances: np.ndarray,
    touching: np.ndarray,
    landscape: float,
    median: float,
    least: float = 0.0,
) -> Protected:
    """How much of a region is protected and connected.

    `distances` (k, k): between the n protected areas and, after them, k - n outside of the region
    that only carry movement. `touching` (m, 2): areas that touch, from 0. `landscape`: its area.
    """
    n, all_of = len(areas), len(distances)
    stones = np.concatenate([areas, np.zeros(all_of - n)])
    inside = np.asarray(distances)[:n, :n]
    alone = equivalent_area(complete(areas, inside, median, least))
    both = equivalent_area(complete(stones, distances, median, least))
    clusters = np.bincount(_clusters(n, touching), weights=areas)
    within, land = np.linalg.norm(areas), np.linalg.norm(clusters)
    of = 100 / both if both > 0 else 0.0
    return Protected(
        100 * float(np.sum(areas)) / landscape,
        100 * both / landscape,
        float(within * of),
        float((land - within) * of),
        (both - alone) * of,
        float((alone - land) * of),
    )


def _clusters(n, touching):
    one, two = np.asarray(touching, int).reshape(-1, 2).T
    joined = coo_array((np.ones(len(one)), (one, two)), (n, n))
    return connected_components(joined, directed=False)[1]


def _rows(net):
    """For each patch its links: starts (n + 1,), neighbours, -ln p and numbers of links (2 m,)."""
    ends = np.concatenate([net.pairs, net.pairs[:, ::-1]])
    number = np.tile(np.arange(len(net.pairs)), 2)
    order = np.argsort(ends[:, 0], kind="stable")
    starts = np.searchsorted(ends[order, 0], np.arange(len(net.areas) + 1))
    lengths = -np.log(net.probability)[number[order]]
    return starts, ends[order, 1], np.maximum(lengths, 0.0), number[order]


def _sums(net, worth):
    """Sum of a_j p*_ij (n,), and what is lost by way of each patch (n,) and each link (m,)."""
    n = len(net.areas)
    reached, patches, links = np.zeros(n), np.zeros(n), np.zeros(len(net.pairs))
    _all_sources(*_rows(net), net.areas, worth, reached, patches, links)
    return reached, patches, links


@njit(nogil=True, cache=True)
def _products(starts, ends, lengths, numbers, out):
    n = starts.size - 1
    state = _state(n, ends.size)
    for source in range(n):
        found = _search(starts, ends, lengths, numbers, source, state)
        for i in range(found):
            j = state[1][i]
            out[source, j] = np.exp(-state[0][j])


@njit(nogil=True, cache=True)
def _all_sources(starts, ends, lengths, numbers, areas, worth, reached, patches, links):
    n = starts.size - 1
    state = _state(n, ends.size)
    length, order, parent, link = state[:4]
    below = np.empty(n, np.int64)  # patches in the tree below and with a patch
    first = np.empty(n, np.int64)  # its place in a list of the tree, its branches behind it
    tree = np.empty(n, np.int64)
    anew = np.empty(n)
    heap = state[4], state[5]
    for source in range(n):
        found = _search(starts, ends, lengths, numbers, source, state)
        for i in range(found):
            reached[source] += areas[order[i]] * np.exp(-length[order[i]])
        if not worth or areas[source] == 0:
            continue
        _list_tree(order, parent, found, below, first, tree)
        for i in range(1, found):
            k = order[i]
            at, size = first[k], below[k]
            lost = _lost(
                starts, ends, lengths, numbers, length, tree, first, at, at + size, -1, link[k],
                areas, anew, heap,
            )  # fmt: skip
            links[link[k]] += areas[source] * lost
            if size > 1:
                lost = _lost(
                    starts, ends, lengths, numbers, length, tree, first, at + 1, at + size, k, -1,
                    areas, anew, heap,
                )  # fmt: skip
                patches[k] += areas[source] * lost


@njit(nogil=True, cache=True)
def _state(n, m):
    """Length, order, parent, link to the parent; keys and items of a heap."""
    return (
        np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64),
        np.empty(m + n + 1), np.empty(m + n + 1, np.int64),
    )  # fmt: skip


@njit(nogil=True, cache=True)
def _search(starts, ends, lengths, numbers, source, state):
    """Best ways from a patch (Dijkstra 1959); the number of patches that are reached."""
    length, order, parent, link, keys, items = state
    length[:] = np.inf
    parent[:] = -1
    length[source] = 0.0
    keys[0], items[0] = 0.0, source
    size, found = 1, 0
    done = np.zeros(length.size, np.bool_)
    while size > 0:
        at = items[0]
        size = pop(keys, items, size)
        if done[at]:
            continue
        done[at] = True
        order[found] = at
        found += 1
        for e in range(starts[at], starts[at + 1]):
            to, total = ends[e], length[at] + lengths[e]
            if total < length[to]:
                length[to], parent[to], link[to] = total, at, numbers[e]
                size = push(keys, items, size, total, to)
    return found


@njit(nogil=True, cache=True)
def _list_tree(order, parent, found, below, first, tree):
    """List the tree so that what hangs below a patch stands right behind it."""
    first[:] = -1
    below[:] = 1
    for i in range(found - 1, 0, -1):
        below[parent[order[i]]] += below[order[i]]
    free = np.empty(below.size, np.int64)
    for i in range(found):
        k = order[i]
        if i == 0:
            first[k] = 0
        else:
            first[k] = free[parent[k]]
            free[parent[k]] += below[k]
        free[k] = first[k] + 1
        tree[first[k]] = k


@njit(nogil=True, cache=True)
def _lost(
    starts, ends, lengths, numbers, length, tree, first, low, high, patch, cut, areas, anew, heap
):
    """Sum of a_j (p* before - after) over a part of the tree, without a patch or a link."""
    keys, items = heap
    size = 0
    for i in range(low, high):
        at = tree[i]
        anew[at] = np.inf
        for e in range(starts[at], starts[at + 1]):
            near = ends[e]
            inside = low <= first[near] < high
            if inside or near == patch or numbers[e] == cut:
                continue
            anew[at] = min(anew[at], length[near] + lengths[e])
        if anew[at] < np.inf:
            size = push(keys, items, size, anew[at], at)
    while size > 0:
        key, at = keys[0], items[0]
        size = pop(keys, items, size)
        if key > anew[at]:
            continue
        for e in range(starts[at], starts[at + 1]):
            to, total = ends[e], key + lengths[e]
            if low <= first[to] < high and numbers[e] != cut and total < anew[to]:
                anew[to] = total
                size = push(keys, items, size, total, to)
    lost = 0.0
    for i in range(low, high):
        at = tree[i]
        lost += areas[at] * (np.exp(-length[at]) - np.exp(-anew[at]))
    return lost

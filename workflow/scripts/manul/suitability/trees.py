"""Tree ensembles: a forest in which each tree sees as many background points as presences, and
boosted trees averaged over draws of the background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
from sklearn import config_context
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from .training import Training

TREES = 500
# More of each kind in one tree adds nodes, not skill.
MOST_PER_TREE = 1000
GROUND_PER_BAG = 1500
SITES_AT_ONCE = 1024


@dataclass(frozen=True)
class Forest:
    """All trees in one set of arrays; `children` holds left and right by turns.

    A leaf is its own child, so that every site may take as many steps as the tree is deep.
    """

    roots: np.ndarray
    depths: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    value: np.ndarray

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the mean over trees of the leaf a site is in: a share of presences, 0..1."""
        nodes = (self.feature, self.threshold, self.children, self.value)
        sites = np.ascontiguousarray(matrix, np.float32)
        return _mean_leaf(sites, self.roots, self.depths, *nodes)


@dataclass(frozen=True)
class Boosted:
    """Boosted trees of several draws; `rounds` trees add up to one draw's log-odds."""

    trees: Forest
    rounds: int

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probability at the draws' mean log-odds, both kinds weighing alike, 0..1."""
        link = self.trees.predict(matrix) * self.rounds
        return 1.0 / (1.0 + np.exp(-np.clip(link, -35, 35)))


def fit_forest(train: Training, *, trees: int = TREES, leaf: int = 1) -> Forest:
    """Fit a down-sampled random forest (Valavi et al. 2021, Ecography 44: 1731).

    Each tree draws n presences and n background points with replacement, by their weights, and
    grows until its leaves are pure or hold `leaf` sites; sqrt(p) covariates are tried at a split.
    Every second tree is an extremely randomised one (Geurts et al. 2006, Mach. Learn. 63: 3): of
    thresholds drawn at random it takes the best. Its steps lie elsewhere, and the mean is smoother.
    """
    rng = np.random.default_rng(train.seed)
    size = min(len(train.presences), MOST_PER_TREE)
    labels = np.r_[np.ones(size), np.zeros(size)]
    presences, background = (m.astype(np.float32) for m in (train.presences, train.background))
    shares = [np.cumsum(w) / w.sum() for w in (train.presence_weights, train.background_weights)]
    grown = []
    # A small tree grows in less time than it takes to look through what it is told.
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for number in range(trees):
            rows, ground = (_draw(rng, share, size) for share in shares)
            tree = (ExtraTreeClassifier if number % 2 else DecisionTreeClassifier)(
                max_features="sqrt", min_samples_leaf=leaf, random_state=int(rng.integers(2**31))
            )
            sample = np.vstack([presences[rows], background[ground]])
            grown.append(tree.fit(sample, labels, check_input=False).tree_)
    return _flattened(grown)


def fit_boosted(
    train: Training, *, rounds: int = 60, rate: float = 0.05, leaves: int = 5, bags: int = 3
) -> Boosted:
    """Fit boosted trees to draws of the presences and the background, and average their log-odds.

    A draw has three quarters of the presences and up to `GROUND_PER_BAG` background points; half of
    it, drawn again, makes one tree (stochastic boosting; Elith et al. 2008, J. Anim. Ecol. 77:
    802).
    """
    rng = np.random.default_rng(train.seed)
    with config_context(skip_parameter_validation=True, assume_finite=True):
        grown = [tree for _ in range(bags) for tree in _boost(train, rng, rounds, rate, leaves)]
    flat = _flattened(grown)
    return Boosted(replace(flat, value=flat.value * rate), rounds)


def _boost(train: Training, rng: np.random.Generator, rounds, rate, leaves) -> list:
    n, m = len(train.presences), len(train.background)
    rows = rng.permutation(n)[: max(int(np.ceil(0.75 * n)), min(n, 10))]
    ground = rng.permutation(m)[: max(GROUND_PER_BAG, n)]
    matrix, presence, weights = train.subset(rows, ground).stacked()
    model = GradientBoostingClassifier(
        learning_rate=rate,
        n_estimators=rounds,
        max_leaf_nodes=leaves,
        max_depth=None,
        # Few records: a leaf must hold a fair share of the weight, or it learns a single record.
        min_weight_fraction_leaf=min(0.05, 2.0 / n),
        subsample=0.5,
        max_features=0.5,
        random_state=int(rng.integers(2**31)),
    )
    weights = weights / weights.mean()
    return [tree.tree_ for tree in model.fit(matrix, presence, weights).estimators_[:, 0]]


def _draw(rng: np.random.Generator, shares: np.ndarray, size: int) -> np.ndarray:
    """Draw row numbers with replacement; `shares` is the cumulative weight, up to 1."""
    return np.searchsorted(shares[:-1], rng.random(size), side="right")


def _flattened(trees: list) -> Forest:
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    shifted = list(zip(trees, roots, strict=True))
    left = np.concatenate([tree.children_left + root for tree, root in shifted])
    right = np.concatenate([tree.children_right + root for tree, root in shifted])
    feature = np.concatenate([tree.feature for tree in trees])
    leaf, own = feature < 0, np.arange(len(feature))
    children = np.column_stack([np.where(leaf, own, left), np.where(leaf, own, right)])
    return Forest(
        roots=roots,
        depths=np.array([tree.max_depth for tree in trees]),
        feature=np.where(leaf, 0, feature).astype(np.int32),
        threshold=_rounded_down(np.concatenate([tree.threshold for tree in trees])),
        children=children.ravel().astype(np.int32),
        value=np.concatenate([tree.value[:, 0, -1] for tree in trees]),
    )


def _rounded_down(threshold: np.ndarray) -> np.ndarray:
    # A float32 is at most t just when it is at most the greatest float32 that is.
    near = threshold.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near > threshold, below, near)


@numba.njit(cache=True, nogil=True)
def _mean_leaf(matrix, roots, depths, feature, threshold, children, value):
    total = np.zeros(matrix.shape[0])
    for start in range(0, matrix.shape[0], SITES_AT_ONCE):
        sites = matrix[start : start + SITES_AT_ONCE]
        nodes = np.empty(sites.shape[0], np.int32)
        for tree in range(roots.size):
            nodes[:] = roots[tree]
            # All sites go down one level together: no branch to mispredict, twice as fast.
            for _ in range(depths[tree]):
                for i in range(nodes.size):
                    node = nodes[i]
                    over = sites[i, feature[node]] > threshold[node]
                    nodes[i] = children[2 * node + np.int64(over)]
            for i in range(nodes.size):
                total[start + i] += value[nodes[i]]
    return total / roots.size

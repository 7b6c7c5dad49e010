"""Maxent: the flattest distribution over the background whose feature means match the presences'.

Features and penalties are the published defaults of maxnet 0.1.4 (Phillips et al. 2017, Ecography
40: 887-893); the fit itself is exact (`solvers.maxent_lasso`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .design import Design
from .solvers import maxent_lasso
from .training import Training

KNOTS = 50
# Feature classes by the least number of presences at which each comes in.
CLASS_FROM = {"linear": 0, "quadratic": 10, "hinge": 15, "product": 80}

# Penalty of a class over (presences, multiplier); the richest of the three sets those of all three.
_SMOOTH = {
    "linear": ((0, 10, 30, 100), (1.0, 1.0, 0.2, 0.05)),
    "quadratic": ((0, 10, 17, 30, 100), (1.3, 0.8, 0.5, 0.25, 0.05)),
    "product": ((0, 10, 17, 30, 100), (2.6, 1.6, 0.9, 0.55, 0.05)),
}
_OWN = {
    "hinge": ((0, 1), (0.5, 0.5)),
    "indicator": ((0, 10, 17), (0.65, 0.5, 0.25)),
}


@dataclass(frozen=True)
class Feature:
    """One column of the expanded design; `low` and `high` are the feet of a hinge."""

    kind: str
    first: int
    second: int = -1
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Maxent:
    """A fitted Maxent model: features with a coefficient, and the constants of its output."""

    features: tuple[Feature, ...]
    coef: np.ndarray
    offset: float
    entropy: float

    def link(self, matrix: np.ndarray) -> np.ndarray:
        """Return the log of the relative occurrence rate, which sums to 1 over the background."""
        # Column by column, not as a product: the sum must not depend on how many rows there are.
        link = np.full(len(matrix), -self.offset)
        for feature, coef in zip(self.features, self.coef, strict=True):
            link += coef * EVALUATE[feature.kind](matrix, feature)
        return link

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the cloglog suitability 1 - exp(-exp(entropy + link)), 0..1."""
        return -np.expm1(-np.exp(np.minimum(self.entropy + self.link(matrix), 700.0)))


def fit_maxent(
    train: Training, *, multiplier: float = 1.0, classes: tuple[str, ...] | None = None
) -> Maxent:
    """Fit Maxent; `multiplier` scales every penalty, `classes` overrides those by sample size.

    Presences join the background, so that no presence lies outside it. The bias of the background
    is the base measure: what remains is the species, not the effort.
    """
    matrix = np.vstack([train.background, train.presences])
    base = np.r_[train.background_weights, train.presence_weights]
    kinds = classes or classes_for(len(train.presences))
    features = features_for(train.design, kinds)
    values = expand(matrix, features)
    on_presences = values[len(train.background) :]
    share = train.presence_weights / train.presence_weights.sum()
    penalty = multiplier * penalties(features, on_presences, np.ptp(values, axis=0))
    coef = maxent_lasso(values, base, share @ on_presences, penalty)
    kept = np.flatnonzero(coef)
    model = Maxent(tuple(features[i] for i in kept), coef[kept], 0.0, 0.0)
    return _normalised(model, matrix)


def classes_for(n_presences: int) -> tuple[str, ...]:
    """Name the feature classes that this many presences can carry."""
    return tuple(kind for kind, least in CLASS_FROM.items() if n_presences >= least)


def features_for(design: Design, kinds: tuple[str, ...]) -> tuple[Feature, ...]:
    """List the features of these classes on the numbers, and the indicators of the categories."""
    numeric = np.flatnonzero(design.numeric)
    made = [feature for kind in kinds for feature in _MAKE[kind](numeric)]
    return (*made, *(Feature("indicator", c) for c in np.flatnonzero(~design.numeric).tolist()))


def expand(matrix: np.ndarray, features: tuple[Feature, ...]) -> np.ndarray:
    """Evaluate every feature on a matrix in 0..1: (n, p) to (n, len(features)), by columns."""
    values = np.empty((len(matrix), len(features)), order="F")
    for column, feature in enumerate(features):
        values[:, column] = EVALUATE[feature.kind](matrix, feature)
    return values


def penalties(
    features: tuple[Feature, ...], on_presences: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Return the L1 penalty of each feature: class multiplier x standard error over presences.

    `on_presences` (n, p) are the features there, `spread` (p,) their range everywhere. A floor
    keeps a hinge that is nearly constant over few presences from being free.
    """
    n = len(on_presences)
    kinds = np.array([feature.kind for feature in features])
    richest = [kind for kind in _SMOOTH if kind in kinds or kind == "linear"][-1]
    tables = {kind: _SMOOTH[richest] for kind in _SMOOTH} | _OWN
    class_penalty = np.array([np.interp(n, *tables[kind]) for kind in kinds]) / np.sqrt(n)
    deviation = on_presences.std(axis=0, ddof=1)
    hinge_floor = np.maximum(deviation, 1 / np.sqrt(n)) * 0.5 / np.sqrt(n)
    return np.maximum.reduce(
        [0.001 * spread, np.where(kinds == "hinge", hinge_floor, 0.0), deviation * class_penalty]
    )


def _raw(matrix, feature):
    return matrix[:, feature.first]


def _square(matrix, feature):
    return matrix[:, feature.first] ** 2


def _product(matrix, feature):
    return matrix[:, feature.first] * matrix[:, feature.second]


def _hinge(matrix, feature):
    return np.clip(
        (matrix[:, feature.first] - feature.low) / (feature.high - feature.low), 0.0, 1.0
    )


EVALUATE = {
    "linear": _raw,
    "quadratic": _square,
    "product": _product,
    "hinge": _hinge,
    "indicator": _raw,
}


def _linear_features(numeric):
    return (Feature("linear", column) for column in numeric)


def _quadratic_features(numeric):
    return (Feature("quadratic", column) for column in numeric)


def _product_features(numeric):
    return (Feature("product", a, b) for i, a in enumerate(numeric) for b in numeric[i + 1 :])


def _hinge_features(numeric):
    knots = np.linspace(0.0, 1.0, KNOTS)
    for column in numeric:
        yield from (Feature("hinge", column, low=low, high=1.0) for low in knots[:-1])
        # A falling hinge is a rising one with the sign turned: lower foot fixed, upper foot moving.
        yield from (Feature("hinge", column, low=0.0, high=high) for high in knots[1:])


_MAKE = {
    "linear": _linear_features,
    "quadratic": _quadratic_features,
    "hinge": _hinge_features,
    "product": _product_features,
}


def _normalised(model: Maxent, matrix: np.ndarray) -> Maxent:
    link = model.link(matrix)
    top = link.max()
    offset = float(top + np.log(np.exp(link - top).sum()))
    rate = np.exp(link - offset)
    entropy = float(-(rate * (link - offset)).sum())
    return Maxent(model.features, model.coef, offset, entropy)

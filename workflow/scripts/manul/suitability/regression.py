"""Logistic regressions: penalised splines over all covariates, and ensembles of small models."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .measures import auc
from .training import Training

SPLINE_KNOTS = 6
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
INTERACTING = 4
CHECK_BACKGROUND = 2000


@dataclass(frozen=True)
class Term:
    """One column of a regression: a product of up to two basis functions, standardised."""

    kind: str
    first: int
    second: int
    knots: tuple[float, ...]
    centre: float
    scale: float


@dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression over terms."""

    terms: tuple[Term, ...]
    intercept: float
    coef: np.ndarray

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probability of presence at equal numbers of both kinds, 0..1."""
        # Column by column, not as a product: the sum must not depend on how many rows there are.
        link = np.full(len(matrix), self.intercept)
        for term, coef in zip(self.terms, self.coef, strict=True):
            link += coef * _column(matrix, term)
        return 1.0 / (1.0 + np.exp(-np.clip(link, -35, 35)))


@dataclass(frozen=True)
class SmallModels:
    """Logistic regressions on two covariates each, averaged by how well each ranks."""

    members: tuple[Logistic, ...]
    weights: np.ndarray

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the weighted mean probability, 0..1; 0.5 where no member beat chance."""
        if not self.members:
            return np.full(len(matrix), 0.5)
        total = np.zeros(len(matrix))
        for member, weight in zip(self.members, self.weights, strict=True):
            total += weight * member.predict(matrix)
        return total / self.weights.sum()


def fit_logistic(train: Training, *, strengths: tuple[float, ...] = STRENGTHS) -> Logistic:
    """Fit natural cubic splines and the products of the leading covariates, under a ridge.

    The strength of the ridge is the one with the least cross-validated deviance; a wiggle is
    penalised as much as a slope, a product four times as much.
    """
    terms = _standardised(_spline_terms(train) + _product_terms(train), train)
    factors = np.array([4.0 if term.second >= 0 else 1.0 for term in terms])
    if len(strengths) == 1:
        return _fit(train, terms, strengths[0] * factors)
    losses = [_deviance(train, terms, strength * factors) for strength in strengths]
    return _fit(train, terms, strengths[int(np.argmin(losses))] * factors)


def fit_esm(train: Training, *, strength: float = 1.0) -> SmallModels:
    """Fit every pair of covariates as a quadratic and weigh it by Somers' D = 2 AUC - 1.

    Breiner et al. 2015 (Methods Ecol. Evol. 6: 1210). AUC is over held-out folds; pairs that rank
    no better than chance are dropped. With a single covariate that one makes the ensemble.
    """
    groups = train.design.groups
    pairs = list(combinations(range(len(groups)), 2)) or [(0, 0)]
    folds = _folds(train)
    members, weights = [], []
    for pair in pairs:
        terms = _standardised(_quadratic_terms(train, sorted(set(pair))), train)
        ridge = np.full(len(terms), strength)
        score = 2 * _held_out_auc(train, terms, ridge, folds) - 1
        if score > 0:
            members.append(_fit(train, terms, ridge))
            weights.append(score)
    return SmallModels(tuple(members), np.array(weights))


def _fit(train: Training, terms: tuple[Term, ...], ridge: np.ndarray) -> Logistic:
    """Least of sum(w logloss) + sum(ridge b^2) / 2: a ridge of each column is a scale of it."""
    from sklearn.linear_model import LogisticRegression  # slow to load, and not every fit needs it

    matrix, presence, weights = train.stacked()
    scale = np.sqrt(ridge)
    model = LogisticRegression(solver="newton-cholesky", tol=1e-8, max_iter=200)
    model.fit(_columns(matrix, terms) / scale, presence, sample_weight=weights)
    return Logistic(terms, float(model.intercept_[0]), model.coef_[0] / scale)


def _folds(train: Training, most: int = 5) -> list[tuple[Training, Training]]:
    """Deal rows to folds at random; a thinned background is enough to compare settings."""
    rng = np.random.default_rng(train.seed)
    n, m = len(train.presences), min(len(train.background), CHECK_BACKGROUND)
    rows = rng.permutation(len(train.background))[:m]
    k = min(most, n)
    dealt, bg_dealt = rng.permutation(n) % k, np.arange(m) % k
    return [
        (
            train.subset(np.flatnonzero(dealt != i), rows[bg_dealt != i]),
            train.subset(np.flatnonzero(dealt == i), rows[bg_dealt == i]),
        )
        for i in range(k)
    ]


def _deviance(train: Training, terms: tuple[Term, ...], ridge: np.ndarray) -> float:
    total = 0.0
    for inner, held in _folds(train):
        model = _fit(inner, terms, ridge)
        matrix, presence, weights = held.stacked()
        chance = np.clip(model.predict(matrix), 1e-9, 1 - 1e-9)
        total -= weights @ np.log(np.where(presence == 1, chance, 1 - chance))
    return float(total)


def _held_out_auc(train, terms, ridge, folds) -> float:
    on_presences, on_background = [], []
    for inner, held in folds:
        model = _fit(inner, terms, ridge)
        on_presences.append(model.predict(held.presences))
        on_background.append(model.predict(held.background))
    return auc(np.concatenate(on_presences), np.concatenate(on_background))


def _spline_terms(train: Training) -> list[Term]:
    terms = [_plain("raw", column) for column in range(len(train.design.numeric))]
    for column in np.flatnonzero(train.design.numeric).tolist():
        quantiles = np.linspace(0.05, 0.95, SPLINE_KNOTS)
        knots = np.unique(np.quantile(train.background[:, column], quantiles))
        if len(knots) >= 3:
            bends = range(len(knots) - 2)
            terms += [Term("spline", column, -1, (*knots, bend), 0.0, 1.0) for bend in bends]
    return terms


def _product_terms(train: Training) -> list[Term]:
    leading = sorted(np.flatnonzero(train.design.numeric).tolist(), key=lambda c: -_shift(train, c))
    pairs = combinations(leading[:INTERACTING], 2)
    return [Term("product", a, b, (), 0.0, 1.0) for a, b in pairs]


def _quadratic_terms(train: Training, pair: list[int]) -> list[Term]:
    groups, numeric = train.design.groups, train.design.numeric
    columns = np.concatenate([groups[i] for i in pair])
    squares = [_plain("square", c) for c in columns if numeric[c]]
    return [_plain("raw", c) for c in columns] + squares


def _plain(kind: str, column: int) -> Term:
    return Term(kind, int(column), -1, (), 0.0, 1.0)


def _shift(train: Training, column: int) -> float:
    """Measure how far the presences stand from the background, in its standard deviations."""
    values = train.background[:, column]
    return abs(train.presences[:, column].mean() - values.mean()) / (values.std() + 1e-12)


def _standardised(terms: list[Term], train: Training) -> tuple[Term, ...]:
    """Centre and scale each term on the background; a term that is constant there is left out."""
    kept = []
    for term in terms:
        values = _column(train.background, term)
        centre, scale = float(values.mean()), float(values.std())
        if scale > 1e-9:
            kept.append(Term(term.kind, term.first, term.second, term.knots, centre, scale))
    return tuple(kept)


def _columns(matrix: np.ndarray, terms: tuple[Term, ...]) -> np.ndarray:
    values = np.empty((len(matrix), len(terms)), order="F")
    for column, term in enumerate(terms):
        values[:, column] = _column(matrix, term)
    return values


def _column(matrix: np.ndarray, term: Term) -> np.ndarray:
    return (_BASIS[term.kind](matrix, term) - term.centre) / term.scale


def _spline(matrix: np.ndarray, term: Term) -> np.ndarray:
    """Evaluate one natural cubic basis function (Hastie et al. 2009, eq. 5.4-5.5)."""
    *knots, bend = term.knots
    values = matrix[:, term.first]
    return _truncated(values, knots, int(bend)) - _truncated(values, knots, len(knots) - 2)


def _truncated(values: np.ndarray, knots: list[float], index: int) -> np.ndarray:
    last = knots[-1]
    rise = np.maximum(values - knots[index], 0.0)
    over = np.maximum(values - last, 0.0)
    return (rise * rise * rise - over * over * over) / (last - knots[index])


_BASIS = {
    "raw": lambda matrix, term: matrix[:, term.first],
    "square": lambda matrix, term: matrix[:, term.first] ** 2,
    "product": lambda matrix, term: matrix[:, term.first] * matrix[:, term.second],
    "spline": _spline,
}

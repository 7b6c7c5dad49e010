"""The mean of ranks: a prediction becomes the share of the background below it, then they average.

Ranks make unlike scales comparable. They average as log-odds: a model that puts a site among the
very best or the very worst is heard more than one that puts it in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .maxent import fit_maxent
from .regression import fit_esm, fit_logistic
from .training import Training
from .trees import fit_boosted, fit_forest

SINGLE: dict[str, Callable] = {
    "maxent": fit_maxent,
    "logistic": fit_logistic,
    "random_forest": fit_forest,
    "boosted": fit_boosted,
    "esm": fit_esm,
}

# Weights by the least number of presences from which they hold, chosen by mean AUC at the test
# sites of 113 species, half of the NCEAS data (Elith et al. 2020, Biodivers. Inform. 15: 69), with
# all covariates and with fewer. The forest ranks best at any number of records, and Maxent helps
# where the forest errs. The third matters little: smooth curves help at few records, boosting at
# many. Small models (esm) have no vote of their own.
WEIGHTS = {
    0: {"random_forest": 4.0, "maxent": 2.0, "logistic": 1.0},
    21: {"random_forest": 4.0, "maxent": 2.0, "boosted": 1.0},
}
RANK_KNOTS = 2001
# Ranks are told no finer than a background point in ten thousand, and their log-odds are finite.
FINEST = 1e-4


@dataclass(frozen=True)
class Ranks:
    """A score's cumulative share over the background, at up to `RANK_KNOTS` quantiles."""

    scores: np.ndarray
    shares: np.ndarray

    def share(self, scores: np.ndarray) -> np.ndarray:
        """Return the share of the background (0..1) that a score exceeds; linear between knots."""
        return np.interp(scores, self.scores, self.shares)


@dataclass(frozen=True)
class Ensemble:
    """Fitted models by name, how each ranks the background, and their weights."""

    members: dict[str, Any]
    ranks: dict[str, Ranks]
    weights: dict[str, float]

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the rank at the weighted mean of log-odds of ranks, 0..1: not a probability."""
        total = np.zeros(len(matrix))
        for name, member in self.members.items():
            total += self.weights[name] * _log_odds(self.ranks[name].share(member.predict(matrix)))
        return 1.0 / (1.0 + np.exp(-total / sum(self.weights.values())))


def fit_ensemble(
    train: Training,
    *,
    model_weights: Mapping[str, float] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Ensemble:
    """Fit each model that has a weight above 0; `model_weights` may come from cross-validation."""
    weights = {n: w for n, w in (model_weights or weights_for(train)).items() if w > 0}
    unknown = sorted(set(weights) - set(SINGLE))
    if unknown or not weights:
        raise ValueError(f"model_weights names {unknown or 'no model'}; there are {[*SINGLE]}")
    options = options or {}
    members = {name: SINGLE[name](train, **options.get(name, {})) for name in weights}
    ranks = {
        name: background_ranks(member.predict(train.background), train.background_weights)
        for name, member in members.items()
    }
    return Ensemble(members, ranks, weights)


def weights_for(train: Training) -> dict[str, float]:
    """Return the default weights for this number of presences."""
    return WEIGHTS[max(least for least in WEIGHTS if least <= len(train.presences))]


def _log_odds(share: np.ndarray) -> np.ndarray:
    kept = np.clip(share, FINEST, 1 - FINEST)
    return np.log(kept / (1 - kept))


def background_ranks(scores: np.ndarray, weights: np.ndarray) -> Ranks:
    """Learn the cumulative weighted share of the background at each score, ties at their middle."""
    values, where = np.unique(scores, return_inverse=True)
    mass = np.bincount(where, weights) / weights.sum()
    shares = np.cumsum(mass) - mass / 2
    if len(values) > RANK_KNOTS:
        kept = np.unique(np.searchsorted(shares, np.linspace(shares[0], shares[-1], RANK_KNOTS)))
        kept = kept[kept < len(values)]
        values, shares = values[kept], shares[kept]
    # Above the best background site the rank still rises, to 1; below the worst, falls to 0.
    room = max(np.ptp(values), 1e-12) * 0.05
    return Ranks(np.r_[values[0] - room, values, values[-1] + room], np.r_[0.0, shares, 1.0])

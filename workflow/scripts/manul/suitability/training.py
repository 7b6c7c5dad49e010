"""What every method is given: two matrices, their weights, the design that made them, a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .design import Design


@dataclass(frozen=True)
class Training:
    """Presences (n, p) and background (m, p) in 0..1 with positive weights, each of mean 1."""

    presences: np.ndarray
    background: np.ndarray
    presence_weights: np.ndarray
    background_weights: np.ndarray
    design: Design
    seed: int

    def stacked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return matrix, presence (1, 0) and weights; both kinds weigh as much as the presences.

        Otherwise ten thousand background points drown the records (Valavi et al. 2022).
        """
        n, m = len(self.presences), len(self.background)
        matrix = np.vstack([self.presences, self.background])
        shares = (w * (n / w.sum()) for w in (self.presence_weights, self.background_weights))
        weights = np.concatenate([*shares])
        return matrix, np.r_[np.ones(n), np.zeros(m)], weights

    def subset(self, presences: np.ndarray, background: np.ndarray) -> Training:
        """Return the training of some rows of each kind."""
        return replace(
            self,
            presences=self.presences[presences],
            background=self.background[background],
            presence_weights=self.presence_weights[presences],
            background_weights=self.background_weights[background],
        )

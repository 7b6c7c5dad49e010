"""Fit a suitability model to plain tables of covariates, and predict with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from .design import Design, TooFewError, learn_design
from .ensemble import SINGLE, fit_ensemble
from .training import Training

MIN_PRESENCES = 5
MIN_BACKGROUND = 20

# To add a method: (1) write `fit_x(train, **options)` that returns an object with
# `predict(matrix) -> 0..1`, row by row; (2) name it here, or in `ensemble.SINGLE` to have it vote.
METHODS: dict[str, Callable] = SINGLE | {"ensemble": fit_ensemble}


@dataclass(frozen=True)
class Model:
    """A fitted suitability model: what it learned and from how much."""

    method: str
    design: Design
    fitted: Any
    n_presences: int
    n_background: int
    dropped_presences: int
    dropped_background: int
    seed: int
    options: dict[str, Any]

    def predict(self, data) -> np.ndarray:
        """Return suitability 0..1 (n,) for a table, or an array (n, k) with the training columns.

        A row with an unknown covariate is NaN. A category never seen in training acts as no
        category (`unseen` marks such rows); a number beyond the training range acts as its end.
        Each row stands alone: a raster may be predicted in blocks of any size.
        """
        table = self.design.table(data)
        known = self.design.known(table)
        suitability = np.full(len(table), np.nan)
        if known.any():
            suitability[known] = self.fitted.predict(self.design.matrix(table[known]))
        return suitability

    def unseen(self, data) -> np.ndarray:
        """Mark rows (n,) whose category training never saw."""
        return self.design.unseen(data)


def fit(
    presences: pd.DataFrame,
    background: pd.DataFrame,
    method: str = "ensemble",
    categorical: Sequence[str] = (),
    weights: Sequence[float] | None = None,
    bias: Sequence[float] | None = None,
    seed: int = 0,
    **options: Any,
) -> Model:
    """Fit `method` to covariates at presences and at background points.

    The columns of `presences` are the covariates; `background` must have them too. `weights` (> 0)
    weigh the presences. `bias` (> 0) is the relative effort at each background point, for a
    background that was not already drawn by effort (`effort_background`). Text columns and those
    named in `categorical` are categories. Rows with an unknown covariate are left out and counted.
    `options` go to the method. Raises ValueError under five distinct presences.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not one of {[*METHODS]}")
    columns = list(presences.columns)
    absent = [name for name in columns if name not in background.columns]
    if absent:
        raise ValueError(f"the background lacks covariates that presences have: {absent}")
    joined = pd.concat([presences, background[columns]], ignore_index=True)
    design = learn_design(joined, categorical)
    sites, site_weights = _usable(design, presences, weights, "weights")
    ground, ground_weights = _usable(design, background[columns], bias, "bias")
    require_enough(sites, ground)
    train = Training(
        design.matrix(sites), design.matrix(ground), site_weights, ground_weights, design, seed
    )
    # One thread for the small matrices: more only wait for each other, and may round differently.
    with threadpool_limits(1, user_api="blas"):
        fitted = METHODS[method](train, **options)
    return Model(
        method=method,
        design=design,
        fitted=fitted,
        n_presences=len(sites),
        n_background=len(ground),
        dropped_presences=len(presences) - len(sites),
        dropped_background=len(background) - len(ground),
        seed=seed,
        options=options,
    )


def _usable(design: Design, table, weights, name) -> tuple[pd.DataFrame, np.ndarray]:
    values = np.ones(len(table)) if weights is None else np.asarray(weights, float)
    if values.shape != (len(table),):
        raise ValueError(f"{name} has shape {values.shape}, expected ({len(table)},)")
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"{name} must be numbers above 0")
    known = design.known(table)
    values = values[known]
    return table[known], values / values.mean() if len(values) else values


def require_enough(sites: pd.DataFrame, ground: pd.DataFrame) -> None:
    """Raise `TooFewError` if these are too few for a model; a record copied is one record."""
    distinct = len(sites.drop_duplicates())
    if distinct < MIN_PRESENCES:
        raise TooFewError(
            f"{distinct} distinct presences with all covariates known; "
            f"a model needs at least {MIN_PRESENCES}"
        )
    if len(ground) < MIN_BACKGROUND:
        raise TooFewError(
            f"{len(ground)} background points with all covariates known; "
            f"a model needs at least {MIN_BACKGROUND}"
        )

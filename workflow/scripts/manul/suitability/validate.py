"""Cross-validation: what a model says of records it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .ensemble import SINGLE
from .measures import auc, boyce, omission, presence_threshold, tss
from .models import Model, fit


@dataclass(frozen=True)
class Validation:
    """Scores by fold, and the held-out suitability of every row (NaN where unknown).

    `scores` has the rows 0..k-1, `mean` (over folds, by their presences) and `pooled` (all held-out
    predictions together), and the columns n_presences, n_background, auc, tss, boyce, omission.
    """

    scores: pd.DataFrame
    at_presences: np.ndarray
    at_background: np.ndarray


def cross_validate(
    presences: pd.DataFrame,
    background: pd.DataFrame,
    presence_folds: Sequence[int],
    background_folds: Sequence[int],
    method: str = "ensemble",
    **arguments: Any,
) -> Validation:
    """Fit without each fold in turn, presences and background both, and score it on that fold.

    Omission counts presences below the 10th percentile of the held-out presences of the other
    folds: scores of records that a model was fitted to would set the bar too high. Folds come from
    `spatial_blocks`; `arguments` are those of `fit`. Raises ValueError under two folds.
    """
    return cross_validate_members(
        presences, background, presence_folds, background_folds, method, **arguments
    )[method]


def cross_validate_members(
    presences: pd.DataFrame,
    background: pd.DataFrame,
    presence_folds: Sequence[int],
    background_folds: Sequence[int],
    method: str = "ensemble",
    categorical: Sequence[str] = (),
    weights: Sequence[float] | None = None,
    bias: Sequence[float] | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, Validation]:
    """`cross_validate` of a method and, from the very same fits, of each model that votes in it."""
    fold_p, fold_b = _folds(presence_folds, presences), _folds(background_folds, background)
    folds = np.unique(fold_p)
    if len(folds) < 2:
        raise ValueError(f"presences lie in {len(folds)} fold(s); cross-validation needs two")
    held: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for fold in folds:
        in_p, in_b = fold_p == fold, fold_b == fold
        kept = _part(weights, ~in_p), _part(bias, ~in_b)
        tables = presences[~in_p], background[~in_b]
        model = fit(*tables, method, categorical, *kept, seed, **options)
        for name, one in members(model).items():
            at_p, at_b = held.setdefault(name, (_unknown(presences), _unknown(background)))
            at_p[in_p] = one.predict(presences[in_p])
            at_b[in_b] = one.predict(background[in_b])
    return {
        name: Validation(_score_table(at_p, at_b, fold_p, fold_b), at_p, at_b)
        for name, (at_p, at_b) in held.items()
    }


def members(model: Model) -> dict[str, Model]:
    """The model by its method's name, then each model that votes in it."""
    voters = getattr(model.fitted, "members", {})
    if not isinstance(voters, dict):  # a forest's or small models' own parts are not methods
        voters = {}
    return {model.method: model} | {
        name: replace(model, method=name, fitted=fitted) for name, fitted in voters.items()
    }


def skill_weights(
    presences: pd.DataFrame,
    background: pd.DataFrame,
    presence_folds: Sequence[int],
    background_folds: Sequence[int],
    methods: Sequence[str] = tuple(SINGLE),
    **arguments: Any,
) -> dict[str, float]:
    """Return each method's Somers' D = 2 AUC - 1 on held-out folds, 0 where below chance.

    Meant as `model_weights` of the ensemble; `arguments` are those of `cross_validate`.
    """
    weights = {}
    for method in methods:
        held = cross_validate(
            presences, background, presence_folds, background_folds, method, **arguments
        )
        skill = 2 * held.scores.loc["mean", "auc"] - 1
        weights[method] = float(max(skill, 0.0)) if np.isfinite(skill) else 0.0
    return weights


def _unknown(table) -> np.ndarray:
    return np.full(len(table), np.nan)


def _folds(folds, table) -> np.ndarray:
    values = np.asarray(folds)
    if values.shape != (len(table),):
        raise ValueError(f"folds have shape {values.shape}, expected ({len(table)},)")
    return values


def _part(values, mask):
    return None if values is None else np.asarray(values, float)[mask]


def _score_table(at_presences, at_background, fold_p, fold_b) -> pd.DataFrame:
    bars, rows = np.full(len(at_presences), np.nan), {}
    for fold in np.unique(fold_p):
        here = fold_p == fold
        bars[here] = presence_threshold(at_presences[~here])
        rows[int(fold)] = _scores(at_presences[here], at_background[fold_b == fold], bars[here])
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.loc["mean"] = _mean_row(table)
    table.loc["pooled"] = _scores(at_presences, at_background, bars)
    return table.rename_axis("fold")


def _scores(at_presences, at_background, bars) -> dict[str, float]:
    return {
        "n_presences": float((~np.isnan(at_presences)).sum()),
        "n_background": float((~np.isnan(at_background)).sum()),
        "auc": auc(at_presences, at_background),
        "tss": tss(at_presences, at_background),
        "boyce": boyce(at_presences, at_background).index,
        "omission": omission(at_presences - bars, 0.0),
    }


def _mean_row(table: pd.DataFrame) -> pd.Series:
    totals = table[["n_presences", "n_background"]].sum()
    means = {}
    for name in ("auc", "tss", "boyce", "omission"):
        held = table[name].notna() & (table["n_presences"] > 0)
        means[name] = (
            np.average(table.loc[held, name], weights=table.loc[held, "n_presences"])
            if held.any()
            else np.nan
        )
    return pd.concat([totals, pd.Series(means)])

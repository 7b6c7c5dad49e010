"""What a model learned and where it guesses: response curves, importance, MESS, ODMAP record."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import sklearn

from .measures import auc
from .models import Model

NOT_STATED = "to be written by the authors"


def response_curves(model: Model, data: pd.DataFrame, points: int = 50) -> pd.DataFrame:
    """Return suitability along each covariate, the others held at their median (commonest level).

    One row a point: covariate, value, suitability. Numbers run over the training range, categories
    over the training levels. `data` gives the medians; presences show the species' own conditions.
    """
    table = model.design.table(data)
    table = table[model.design.known(table)]
    if table.empty:
        raise ValueError("no row of the data has all covariates known")
    typical = {
        name: table[name].mode().iloc[0] if name in model.design.levels else table[name].median()
        for name in table.columns
    }
    curves = []
    for name in model.design.used:
        values = _steps(model, name, points)
        sites = pd.DataFrame({**typical, name: values}, columns=list(model.design.columns))
        curve = {"covariate": name, "value": values, "suitability": model.predict(sites)}
        curves.append(pd.DataFrame(curve).astype({"value": object}))
    return pd.concat(curves, ignore_index=True)


def importance(
    model: Model,
    presences: pd.DataFrame,
    background: pd.DataFrame,
    repeats: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much AUC falls when a covariate is shuffled over presences and background.

    Columns covariate, auc_drop (mean), auc_drop_sd, share (of all positive drops, sums to 1 unless
    none is positive). Covariates that stand for one another share the drop.
    """
    rng = np.random.default_rng(seed)
    names = list(model.design.columns)
    joined = pd.concat([presences[names], background[names]], ignore_index=True)
    whole = _split_auc(model, joined, len(presences))
    drops: dict[str, list[float]] = {name: [] for name in model.design.used}
    for name in drops:
        for _ in range(repeats):
            order = rng.permutation(len(joined))
            shuffled = joined.assign(**{name: joined[name].to_numpy()[order]})
            drops[name].append(whole - _split_auc(model, shuffled, len(presences)))
    table = pd.DataFrame(
        {
            "covariate": list(drops),
            "auc_drop": [np.mean(values) for values in drops.values()],
            "auc_drop_sd": [np.std(values) for values in drops.values()],
        }
    )
    gains = table["auc_drop"].clip(lower=0)
    return table.assign(share=gains / gains.sum() if gains.sum() > 0 else 0.0)


def mess(reference: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the MESS value (n,) and the column (n,) of the most dissimilar covariate.

    Elith et al. 2010 (Methods Ecol. Evol. 1: 330): 100 at the median of the reference, 0 at its
    ends, negative beyond, in per cent of the range; -inf off a reference that never varies. Inputs
    are numbers (m, k) and (n, k); a point with an unknown value has NaN and column -1. Ties go to
    the first column.
    """
    reference, points = np.asarray(reference, float), np.asarray(points, float)
    if reference.ndim != 2 or points.ndim != 2 or reference.shape[1] != points.shape[1]:
        raise ValueError(f"expected (m, k) and (n, k), found {reference.shape}, {points.shape}")
    known_reference = reference[np.isfinite(reference).all(axis=1)]
    if not len(known_reference):
        raise ValueError("no row of the reference has all covariates known")
    columns = zip(known_reference.T, points.T, strict=True)
    similarity = np.column_stack([_similarity(np.sort(ref), at) for ref, at in columns])
    known = np.isfinite(points).all(axis=1)
    worst = np.where(known, np.argmin(similarity, axis=1), -1)
    return np.where(known, similarity.min(axis=1), np.nan), worst


def odmap(
    model: Model,
    answers: Mapping[str, str] | None = None,
    performance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the ODMAP record (Zurell et al. 2020, Ecography 43: 1261): section, element, value.

    The model fills what it knows; `answers` by element name add what only people know and go before
    it; the rest is named as the authors' to write. `performance` is `Validation.scores`. An unknown
    element raises ValueError.
    """
    answers = dict(answers or {})
    elements = [element for section in _ODMAP.values() for element in section]
    unknown = [name for name in answers if name not in elements]
    if unknown:
        raise ValueError(f"ODMAP has no element {unknown}; there are {elements}")
    stated = _known_to_model(model) | _known_from_scores(performance) | answers
    rows = [(s, e, stated.get(e, NOT_STATED)) for s, names in _ODMAP.items() for e in names]
    return pd.DataFrame(rows, columns=["section", "element", "value"])


_ODMAP = {
    "Overview": (
        "Authorship", "Model objective", "Focal taxon", "Location", "Scale of analysis",
        "Biodiversity data overview", "Type of predictors", "Conceptual model", "Assumptions",
        "Algorithms", "Workflow", "Software",
    ),
    "Data": (
        "Biodiversity data", "Sample size", "Background data", "Data cleaning", "Data partitioning",
        "Predictor variables", "Categorical variables",
    ),
    "Model": (
        "Variable pre-selection", "Multicollinearity", "Model settings", "Model averaging",
        "Non-independence", "Threshold selection",
    ),
    "Assessment": ("Performance statistics", "Plausibility check"),
    "Prediction": ("Prediction output", "Clamping", "Uncertainty quantification"),
}  # fmt: skip


def _known_to_model(model: Model) -> dict[str, str]:
    design = model.design
    levels = [f"{name} ({len(values)} levels)" for name, values in design.levels.items()]
    return {
        "Algorithms": model.method,
        "Software": f"manul; scikit-learn {sklearn.__version__}; numpy {np.__version__}",
        "Sample size": f"{model.n_presences} presences",
        "Background data": f"{model.n_background} background points",
        "Data cleaning": (
            f"left out for unknown covariates: {model.dropped_presences} presences, "
            f"{model.dropped_background} background points"
        ),
        "Predictor variables": ", ".join(design.used),
        "Categorical variables": ", ".join(levels) or "none",
        "Variable pre-selection": "constant, left out: " + (", ".join(design.constant) or "none"),
        "Model settings": f"seed {model.seed}; options {model.options or 'default'}",
        "Prediction output": "relative suitability 0..1; unknown where a covariate is unknown",
        "Clamping": "numbers clamped to the training range; unseen categories act as none",
    }


def _known_from_scores(performance: pd.DataFrame | None) -> dict[str, str]:
    if performance is None:
        return {}
    mean = performance.loc["mean"]
    numbers = [f"{name} {mean[name]:.3f}" for name in ("auc", "tss", "boyce", "omission")]
    return {
        "Performance statistics": "mean over folds: " + ", ".join(numbers),
        "Data partitioning": f"{len(performance) - 2} cross-validation folds",
    }


def _steps(model: Model, name: str, points: int) -> np.ndarray:
    if name in model.design.levels:
        return np.array(model.design.levels[name], dtype=object)
    return np.linspace(*model.design.ranges[name], points)


def _split_auc(model: Model, joined: pd.DataFrame, n_presences: int) -> float:
    scores = model.predict(joined)
    return auc(scores[:n_presences], scores[n_presences:])


def _similarity(reference: np.ndarray, values: np.ndarray) -> np.ndarray:
    low, high = reference[0], reference[-1]
    below = 100 * np.searchsorted(reference, values, side="left") / len(reference)
    inside = np.where(below <= 50, 2 * below, 2 * (100 - below))
    with np.errstate(divide="ignore", invalid="ignore"):
        under = 100 * (values - low) / (high - low)
        over = 100 * (high - values) / (high - low)
    outer = np.where(values <= low, under, np.where(values > high, over, inside))
    # 0/0: the one value of a reference that never varies is no extrapolation.
    return np.where(values == low, 0.0, outer)

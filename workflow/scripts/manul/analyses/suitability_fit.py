"""Suitability fitted to field records: which count, where the background lies, what is told.

`spec` is the config block `suitability`. A region with too few records gets no fit but its reason;
maps are then unknown and tables say so, for the expert model needs no records.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from manul import suitability
from manul.analyses.suitability_words import BANDS, EXPERT, NOT_FITTED, gate_words
from manul.config.types import Analysis, KeyHabitat
from manul.grid.features import select
from manul.records.presences import numbers, wild_animal
from manul.suitability.ensemble import Ranks, background_ranks

DAYS_PER_YEAR = 365.25
CANDIDATES = 20  # cells looked at for each background point
SAMPLE = 5000  # cells from which ranks over the region are learned
NOBODY = 0.01  # relative effort granted to places far from all effort
LOWEST_MESS = -1000.0
LEAST_ERROR_M = 1000.0  # positions better than this are used on any grid
SCORES = ("auc", "tss", "boyce", "omission")


@dataclass(frozen=True)
class Fitted:
    """A fit with all that is told about it; `model` is None, and `reason` says why, if none."""

    predictors: tuple[str, ...]
    tables: dict[str, pd.DataFrame]
    reason: str = ""
    model: suitability.Model | None = None
    reference: np.ndarray = field(
        default_factory=lambda: np.zeros((0, 0))
    )  # conditions at surveyed places, for MESS
    ranks: dict[str, Ranks] = field(default_factory=dict)
    suitable: dict[str, float] = field(default_factory=dict)


def presences(
    records, spec: Analysis, as_of, cell_m: float = 0.0
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Places (x, y) of independent presences, and how many records were left after each step.

    A row that tells of no animal, or of one that was not wild, is never a presence. A position is
    left out where its error is larger than `max_error_m`, by default the larger of 1000 m and a
    cell (`cell_m`); an unknown error passes. Records after `as_of` count as new; undated ones are
    left out. Thinned so that none lies closer than `thin_m` to another.
    """
    found = select(records, spec.get("where"))
    found = found[wild_animal(found)]
    placed = found[~(numbers(found, "coord_error_m") > _largest_error(spec, cell_m))]
    age = (pd.Timestamp(as_of) - pd.to_datetime(placed[spec["date_field"]])).dt.days / DAYS_PER_YEAR
    young = placed[age <= spec["max_age_years"]]
    xy = _xy(young)
    kept = suitability.thin(xy, distance_m=spec["thin_m"], seed=spec["seed"])
    steps = {
        "records": len(records),
        "presences": len(found),
        "placed well enough": len(placed),
        "young enough": len(young),
        "independent": len(kept),
    }
    return pd.DataFrame(xy[kept] if len(xy) else xy, columns=["x", "y"]), steps


def effort_places(records, others: list, spec: Analysis) -> np.ndarray | None:
    """Where somebody looked, (n, 2); None if effort plays no part.

    `target_group`: every record of the layer, whatever its category, absences too. A place that is
    known worse than `bandwidth_m` shows nothing.
    """
    how = spec["background"]["effort"]
    if how == "none":
        return None
    tables = [records] if how == "target_group" else others
    known = [t[~(numbers(t, "coord_error_m") > spec["background"]["bandwidth_m"])] for t in tables]
    return np.vstack([_xy(table) for table in known])


def draw_sites(found: pd.DataFrame, looked, grid, read_habitat, spec: Analysis) -> pd.DataFrame:
    """Presences, background points and a sample of the region: kind, x, y, row, column, effort.

    The background is drawn from cells of known habitat, by effort around the places `looked`.
    `read_habitat(rows, columns)` gives the expert model's values, which become `habitat`.
    """
    rng = np.random.default_rng(spec["seed"])
    points = spec["background"]["points"]
    cells = _some_cells(rng, grid, CANDIDATES * points)
    cells["habitat"] = read_habitat(cells["row"], cells["column"])
    cells = cells[cells["habitat"].notna()].reset_index(drop=True)
    if not len(cells):
        raise ValueError("habitat is unknown everywhere: there is no background to draw from")
    cells["effort"] = _effort(cells, looked, spec["background"]["bandwidth_m"])
    drawn = suitability.effort_background(_xy(cells), cells["effort"], points, spec["seed"])
    there = _inside(found, grid)
    there["habitat"] = read_habitat(there["row"], there["column"])
    kinds = {"presence": there, "background": cells.iloc[drawn], "sample": cells[:SAMPLE]}
    return pd.concat([t.assign(kind=kind) for kind, t in kinds.items()], ignore_index=True)


def fit(
    sites: pd.DataFrame,
    values: pd.DataFrame,
    steps: dict,
    spec: Analysis,
    key: KeyHabitat,
    about: Mapping[str, str] | None = None,
) -> Fitted:
    """Fit, validate in spatial blocks, and tell; `values` holds the predictors at the sites.

    `about` answers elements of the ODMAP protocol that only the run knows: taxon, location ...
    """
    here = (sites["kind"] != "sample") & values.notna().all(axis=1)
    present = sites["kind"] == "presence"
    tables = values[here & present], values[here & ~present]
    try:
        suitability.require_enough(*tables)
        folds = suitability.spatial_blocks(
            _xy(sites[here]), spec["block_m"], spec["folds"], spec["seed"], present[here]
        )
        split = folds[present[here]], folds[~present[here]]
        options = _options(tables, split, spec)
        held = suitability.cross_validate_members(
            *tables, *split, spec["method"], seed=spec["seed"], **options
        )
        model = suitability.fit(*tables, spec["method"], seed=spec["seed"], **options)
    except suitability.TooFewError as problem:
        return _not_fitted(tuple(values), str(problem), steps, spec, key)
    answers = _answers(steps, spec) | dict(about or {})
    return _described(sites, values, here, present, held, model, answers, spec, key)


def predict(fitted: Fitted, values: pd.DataFrame, habitat: np.ndarray, key: KeyHabitat) -> dict:
    """Maps of some cells: suitability, mess, most_dissimilar, rank_difference, agreement.

    `habitat` is the expert model there. `most_dissimilar` is the number of a predictor, from 1.
    """
    unknown = np.full(len(values), np.nan)
    if fitted.model is None:
        return dict.fromkeys(BANDS, unknown)
    shown = fitted.model.predict(values)
    mess, worst = suitability.mess(fitted.reference, values.to_numpy(float))
    known = np.isfinite(shown) & np.isfinite(habitat)
    by_fit, by_expert = shown >= fitted.suitable["fitted"], habitat >= key["suitable"]
    code = np.select([by_fit & by_expert, by_fit, by_expert], [1, 2, 3], 0)
    difference = fitted.ranks["fitted"].share(shown) - fitted.ranks["habitat"].share(habitat)
    return {
        "suitability": shown,
        "mess": np.maximum(mess, LOWEST_MESS),
        "most_dissimilar": np.where(worst >= 0, worst + 1, np.nan),
        "rank_difference": np.where(known, difference, np.nan),
        "agreement": np.where(known, code, np.nan),
    }


# ------------------------------------------------------------------------------------- helpers


def _largest_error(spec, cell_m) -> float:
    told = spec.get("max_error_m")
    return max(LEAST_ERROR_M, cell_m) if told is None else told


def _xy(table) -> np.ndarray:
    if not isinstance(table, gpd.GeoDataFrame):
        return table[["x", "y"]].to_numpy(float)
    points = table.geometry.centroid
    return np.column_stack([points.x, points.y])[(~table.geometry.isna()).to_numpy()]


def _some_cells(rng, grid, n) -> pd.DataFrame:
    """Up to n different cells of the grid with their centres, in random order."""
    size = grid.height * grid.width
    drawn = rng.permutation(size) if size <= 2 * n else rng.integers(0, size, n)
    flat = pd.unique(drawn)[:n]
    row, column = np.divmod(flat, grid.width)
    x, y = grid.affine @ (column + 0.5, row + 0.5)
    return pd.DataFrame({"row": row, "column": column, "x": x, "y": y})


def _effort(cells, looked, bandwidth_m) -> np.ndarray:
    if looked is None or not len(looked):
        return np.ones(len(cells))
    return suitability.record_effort(_xy(cells), looked, bandwidth_m, NOBODY)


def _inside(found, grid) -> pd.DataFrame:
    """The places that lie on the grid, with their cells."""
    column, row = ~grid.affine @ (found["x"].to_numpy(), found["y"].to_numpy())
    table = found.assign(row=np.floor(row).astype(int), column=np.floor(column).astype(int))
    on = (table["row"].between(0, grid.height - 1)) & (table["column"].between(0, grid.width - 1))
    return table[on].reset_index(drop=True)


def _options(
    tables: tuple[pd.DataFrame, pd.DataFrame], split: tuple[pd.Series, pd.Series], spec: Analysis
) -> dict[str, Any]:
    """What the method is told; an ensemble's weights may come from a first cross-validation."""
    if spec["method"] != "ensemble":
        return spec["options"].get(spec["method"], {})
    options: dict[str, Any] = {"options": spec["options"]}
    if spec["weights"] == "by_records":
        return options
    held = suitability.cross_validate_members(
        *tables, *split, "ensemble", seed=spec["seed"], **options
    )
    skill = {
        name: max(2 * float(v.scores.loc["mean", "auc"]) - 1, 0.0)
        for name, v in held.items()
        if name != "ensemble"
    }
    return options | ({"model_weights": skill} if any(skill.values()) else {})


def _described(sites, values, here, present, held, model, answers, spec, key) -> Fitted:
    scores = held[spec["method"]]
    surveyed = here & (present | (sites["effort"] > NOBODY))
    sample = sites["kind"] == "sample"
    ground = values[here & ~present]
    habitat = sites["habitat"]
    limits = {
        "fitted": suitability.thresholds(scores.at_presences, scores.at_background),
        "habitat": suitability.thresholds(habitat[here & present], habitat[here & ~present]),
    }
    tables = {
        "evaluation": _evaluation(held),
        "response_curves": suitability.response_curves(model, values[here & present]),
        "importance": suitability.importance(model, values[here & present], ground, 3),
        "odmap": suitability.odmap(model, answers, scores.scores),
        "thresholds": _threshold_table(limits, int((here & present).sum()), spec, key).assign(
            gate=gate_words(scores.scores.loc["mean"], spec["gate"])
        ),
    }
    shown = model.predict(values[sample])
    return Fitted(
        predictors=tuple(values),
        tables=tables,
        model=model,
        reference=values[surveyed].to_numpy(float),
        ranks={"fitted": _ranks(shown), "habitat": _ranks(habitat[sample])},
        suitable={"fitted": limits["fitted"]["presence_p10"]},
    )


def _ranks(scores) -> Ranks:
    known = np.asarray(scores, float)
    known = known[np.isfinite(known)]
    return background_ranks(known, np.ones(len(known)))


def _evaluation(held) -> pd.DataFrame:
    tables = [v.scores.reset_index().assign(method=name) for name, v in held.items()]
    table = pd.concat(tables, ignore_index=True)
    return table[["method", "fold", "n_presences", "n_background", *SCORES]].round(4)


def _threshold_table(limits, n, spec, key) -> pd.DataFrame:
    """Expert and fitted thresholds of both maps; just one row of each map is in use."""
    enough = n >= spec["minimum_records"]
    fitted = enough and key["thresholds"] != "expert"
    rows = [("habitat", key["suitable"], key["key"], EXPERT, not fitted)]
    for name, found in limits.items():
        low = found["presence_p10"]
        by = f"{n} independent records: 10th percentile of presences, and largest TSS"
        rows.append((name, low, max(low, found["max_tss"]), by, fitted or name == "fitted"))
    table = pd.DataFrame(rows, columns=["map", "suitable", "key", "by", "used"]).round(4)
    few = f"fewer than the {spec['minimum_records']} records that thresholds need"
    advice = "expert model is the default" if n < spec["prefer_at"] else "compare both maps"
    return table.assign(records=n, note=advice if enough else f"{few}; {advice}")


def _answers(steps, spec) -> dict[str, str]:
    effort = spec["background"]["effort"]
    words = effort if isinstance(effort, str) else ", ".join(effort)
    averaged = f"ensemble, weights {spec['weights']}".replace("_", " ")
    return {
        "Model objective": "map of relative suitability, beside an expert model",
        "Biodiversity data overview": (
            f"records layer {spec['records']}; presences: {spec.get('where') or 'all rows'}; "
            f"at most {spec['max_age_years']:g} years old"
        ),
        "Type of predictors": f"maps of numbers per cell: {', '.join(spec['predictors'])}",
        "Workflow": (
            "records thinned; background drawn by effort; validated in spatial blocks; predicted "
            "for each cell"
        ),
        "Data partitioning": (
            f"{spec['folds']} folds of spatial blocks of {spec['block_m'] / 1000:g} km"
        ),
        "Multicollinearity": "no predictor left out for it",
        "Model averaging": averaged if spec["method"] == "ensemble" else "none, one model",
        "Biodiversity data": "; ".join(f"{n} {name}" for name, n in steps.items()),
        "Non-independence": f"no record closer than {spec['thin_m']:g} m to another",
        "Background data": f"{spec['background']['points']} points at most, effort: {words}",
        "Threshold selection": "10th percentile of held-out presences; largest TSS",
        "Uncertainty quantification": "MESS and most dissimilar predictor in fitted.tif",
    }


def _not_fitted(predictors, reason, steps, spec, key) -> Fitted:
    told = pd.DataFrame([{"method": spec["method"], "fold": f"{NOT_FITTED}{reason}"}])
    n = steps["independent"]
    tables = {
        "evaluation": told.reindex(
            columns=["method", "fold", "n_presences", "n_background", *SCORES]
        ),
        "response_curves": pd.DataFrame(columns=["covariate", "value", "suitability"]),
        "importance": pd.DataFrame(columns=["covariate", "auc_drop", "auc_drop_sd", "share"]),
        "odmap": pd.DataFrame(columns=["section", "element", "value"]),
        "thresholds": _threshold_table({}, n, spec, key | {"thresholds": "expert"}).assign(
            gate="not fitted"
        ),
    }
    return Fitted(predictors, tables, reason)

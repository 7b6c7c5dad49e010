"""Used and available places, the fit with errors by animal, its validation and its map."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import shapely
from scipy import special, stats

from manul.analyses import collars, places
from manul.analyses.habitat_selection import BANDS, MAPS, OFTEN, SCALE, SEASON
from manul.grid import block_maps, plain_files, rasters, vectors
from manul.grid.region import grid_of
from manul.suitability import measures
from manul.tracks import steps

BLOCK = 512
LEAST_STEPS = 50


def run(this) -> None:
    """Fit, validate by animal, test on other records, and map with an interval."""
    spec, grid = this.told.block, grid_of(this.told.region)
    files, (habitat,) = this.named("predictors"), this.inputs("habitat")
    used, counted, _ = collars.read(this)
    in_months = used[used["time"].dt.month.isin(spec["months"])]
    choices, values, names = _known_choices(in_months, files, grid, spec)
    this.log.info("%d strata of %d animals", choices["stratum"].nunique(), len(counted))
    model = _fit(choices, values, names, spec)
    seasons = _by_season(used, files, grid, spec)
    land = places.land(grid, this.inputs("mask"), files, spec["seed"])
    fixes = _daily(in_months)
    at_fixes = places.at(files | {"habitat": habitat}, grid, fixes[["x", "y"]].to_numpy())
    land_habitat = rasters.read_cells({"habitat": habitat}, land["row"], land["column"])
    validation = _validation(choices, values, names, spec)
    validation += _tests(this, model, files, grid, land, at_fixes, land_habitat["habitat"])
    tables = {
        "cleaning": counted,
        "coefficients": _coefficients(model, spec),
        "validation": pd.DataFrame(validation, columns=VALIDATION),
        "seasons": _seasons(used, files, grid, spec),
        "by_season": pd.concat(
            [_coefficients(m, spec).assign(season=name) for name, (m, _) in seasons.items()]
            or [pd.DataFrame(columns=["season"])]
        ),
        "summary": _summary(in_months, choices, model, spec).assign(**_of_seasons(seasons)),
    }
    for name, table in tables.items():
        plain_files.write_table(this.output(name), table)
    made = [
        this.map_file(name, this.output(name), grid, bands).told({"MANUL_SELECTION": SCALE})
        for name, bands in MAPS.items()
    ]
    both = [m for m, _ in seasons.values()]
    work = partial(_on_block, files, this.inputs("mask"), grid, model, both)
    this.run(work, made, block_maps.blocks(grid, BLOCK))


VALIDATION = ["what", "auc", "boyce", "places", "note"]


class Model:
    """A fit on standardised predictors; `ends` are the least and largest value that was reached."""

    def __init__(self, names, mean, spread, ends, fitted, note=""):
        self.names, self.mean, self.spread, self.ends = names, mean, spread, ends
        self.fitted, self.note = fitted, note

    def scores(self, values: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(selection, low, high), each (n,) in 0..1; NaN where a predictor is unknown."""
        if self.fitted is None:
            unknown = np.full(len(values), np.nan)
            return unknown, unknown, unknown
        z = ((values[self.names] - self.mean) / self.spread).to_numpy(float)
        k = len(self.names)
        eta = z @ self.fitted.beta[:k]
        variance = np.einsum("ni,ij,nj->n", z, self.fitted.trusted[:k, :k], z)
        half = stats.norm.ppf(0.975) * np.sqrt(variance)
        return special.expit(eta), special.expit(eta - half), special.expit(eta + half)

    def extrapolated(self, values: pd.DataFrame) -> np.ndarray:
        """1 where a predictor lies beyond all that the animals could have reached, else 0."""
        low, high = self.ends
        beyond = (values[self.names] < low) | (values[self.names] > high)
        return beyond.any(axis=1).to_numpy(float)


def _known_choices(used, files, grid, spec) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Choices on known ground, the predictors there, and the names of those that vary."""
    choices = _choices(used, spec)
    values = places.at(files, grid, choices[["x", "y"]].to_numpy())
    known = _whole_strata(choices, values)
    choices, values = choices[known], values[known]
    return choices, values, [n for n in files if values[n].std() > 0]


def _by_season(used, files, grid, spec) -> dict[str, tuple[Model, int]]:
    """The first two seasons with a fit of their own each, and how many strata it has."""
    season = collars.seasons(used["time"], spec["seasons"])
    out = {}
    for name in list(spec["seasons"])[:2]:
        choices, values, names = _known_choices(used[season == name], files, grid, spec)
        out[name] = _fit(choices, values, names, spec), choices["stratum"].nunique()
    return out if len(out) == 2 else {}


def _of_seasons(seasons) -> dict[str, Any]:
    """What the summary says of the two seasons."""
    if not seasons:
        names, strata = ("the first season", "the second season"), (0, 0)
        note = "the config names fewer than two seasons"
    else:
        names, strata = tuple(seasons), tuple(n for _, n in seasons.values())
        notes = [f"{name}: {m.note}" for name, (m, _) in seasons.items() if m.fitted is None]
        note = "; ".join(notes)
    return {
        "first_season": names[0], "second_season": names[1], "first_strata": strata[0],
        "second_strata": strata[1], "season_note": note,
    }  # fmt: skip


def _choices(used, spec) -> pd.DataFrame:
    """Used and available places: animal, stratum, case, x, y, and the moves of steps."""
    rng = np.random.default_rng(spec["seed"])
    parts, before = [], 0
    for animal, track in used.groupby("animal", sort=True):
        xy = track[["x", "y"]].to_numpy()
        if spec["method"] == "steps":
            every, slack = spec["every_h"] * 3600, spec["tolerance_h"] * 3600
            found = steps.steps(track["seconds"].to_numpy(), xy, every, slack)
            if found["ta_rad"].notna().sum() < LEAST_STEPS:
                continue
            table, _ = steps.available(xy, found, spec["random"], rng)
        elif len(track) < LEAST_STEPS:
            continue
        else:
            table = _around(xy, spec["random"], rng)
        parts.append(table.assign(animal=animal, stratum=table["stratum"] + before))
        before += int(table["stratum"].max()) + 1
    columns = ["stratum", "case", "x", "y", *steps.MOVES, "animal"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _around(xy, number, rng) -> pd.DataFrame:
    """Each fix with places at random in the convex polygon of all."""
    hull = shapely.MultiPoint(xy).convex_hull.buffer(1.0)
    west, south, east, north = hull.bounds
    wanted, inside = len(xy) * number, np.empty((0, 2))
    while len(inside) < wanted:
        drawn = np.column_stack(
            [rng.uniform(west, east, 2 * wanted), rng.uniform(south, north, 2 * wanted)]
        )
        inside = np.vstack([inside, drawn[shapely.contains_xy(hull, *drawn.T)]])
    places = np.concatenate([xy[:, None], inside[:wanted].reshape(len(xy), number, 2)], axis=1)
    flat = places.reshape(-1, 2)
    return pd.DataFrame(
        {
            "stratum": np.repeat(np.arange(len(xy)), number + 1), "x": flat[:, 0], "y": flat[:, 1],
            "case": np.tile(np.r_[1, np.zeros(number, int)], len(xy)),
        }
    )  # fmt: skip


def _whole_strata(choices, values) -> np.ndarray:
    """Rows of known ground whose used place is known too, with at least one other."""
    known = values.notna().all(axis=1).to_numpy()
    of = choices["stratum"].to_numpy()
    used = set(of[known & (choices["case"] == 1).to_numpy()])
    others = set(of[known & (choices["case"] == 0).to_numpy()])
    return known & np.isin(of, list(used & others))


def _fit(choices, values, names, spec) -> Model:
    """Conditional logistic regression, errors by animal."""
    mean, spread = values[names].mean(), values[names].std()
    ends = values[names].min(), values[names].max()
    strata = choices["stratum"].nunique()
    if not names or strata < LEAST_STEPS:
        note = f"not fitted: {strata} steps or fixes with known ground; {LEAST_STEPS} are needed"
        return Model(names, mean, spread, ends, None, note)
    table = (values[names] - mean) / spread
    moves = [m for m in steps.MOVES if spec["method"] == "steps"]
    table = table.join(choices[["stratum", "case", *moves]])
    fitted = steps.conditional(table, [*names, *moves], choices["animal"].to_numpy())
    return Model(names, mean, spread, ends, fitted)


def _coefficients(model, spec) -> pd.DataFrame:
    if model.fitted is None:
        return pd.DataFrame(
            columns=["covariate", "sd", "coefficient", "se", "robust_se", "low", "high"]
        )
    table = model.fitted.table().iloc[: len(model.names)].assign(sd=model.spread.to_numpy())
    low, high = np.log(table["ratio_low"]), np.log(table["ratio_high"])
    names = ["covariate", "sd", "coefficient", "se", "robust_se"]
    return table[names].assign(low=low, high=high)


def _validation(choices, values, names, spec) -> list[dict]:
    """Each animal judged by a fit to the others: does it pick what they do?"""
    animals = choices["animal"].unique()
    rows = []
    for animal in animals if len(animals) > 1 else []:
        own = (choices["animal"] == animal).to_numpy()
        model = _fit(choices[~own], values[~own], names, spec)
        score = model.scores(values[own])[0]
        case = (choices["case"] == 1).to_numpy()[own]
        rows.append(
            _scored(f"animal {animal}, fitted to the others", score[case], score[~case], model.note)
        )
    if rows:
        of = {key: float(np.nanmean([row[key] for row in rows])) for key in ("auc", "boyce")}
        rows.append(
            {"what": "mean of animals", "places": sum(r["places"] for r in rows), "note": "", **of}
        )
    return rows


def _tests(this, model, files, grid, land, at_fixes, land_habitat) -> list[dict]:
    """The map at records of another kind, and the expert map at the fixes."""
    rows = []
    if names := this.inputs("test"):
        xy = places.daily_fixes(vectors.read_rows(names[0]))
        scores = model.scores(places.at(files, grid, xy))[0]
        what = f"fitted to collars, tested on {this.told.block['test_on']}"
        rows.append(_scored(what, scores, model.scores(land)[0], model.note))
    expert = at_fixes["habitat"].to_numpy()
    rows.append(
        _scored("expert habitat at the fixes (one a day)", expert, land_habitat.to_numpy(), "")
    )
    return rows


def _scored(what, there, elsewhere, note) -> dict:
    there = there[np.isfinite(there)]
    enough = len(there) >= 10
    return {
        "what": what, "auc": measures.auc(there, elsewhere), "places": len(there), "note": note,
        "boyce": measures.boyce(there, elsewhere).index if enough else np.nan,
    }  # fmt: skip


def _seasons(used, files, grid, spec) -> pd.DataFrame:
    """Of each predictor: winter less summer, mean over animals with Student's interval."""
    names = list(spec["seasons"])[:2]
    season = collars.seasons(used["time"], spec["seasons"])
    values = places.at(files, grid, used[["x", "y"]].to_numpy())
    by = values.groupby([used["animal"].to_numpy(), season.to_numpy()]).mean()
    rows = []
    for name in files:
        means = by[name].unstack().reindex(columns=names).dropna()
        apart = means[names[0]] - means[names[1]] if len(names) == 2 else pd.Series(dtype=float)
        n = len(apart)
        half = stats.t.ppf(0.975, n - 1) * apart.std() / np.sqrt(n) if n > 1 else np.nan
        row: dict[str, Any] = {"predictor": name, "animals": n, "difference": apart.mean()}
        rows.append(row | {"low": apart.mean() - half, "high": apart.mean() + half})
    return pd.DataFrame(rows)


def _summary(used, choices, model, spec) -> pd.DataFrame:
    animals = choices["animal"].nunique()
    by_animal = model.fitted is not None and model.fitted.robust is not None
    row = {
        "method": spec["method"], "animals": animals, "fixes": len(used), "random": spec["random"],
        "strata": choices["stratum"].nunique(), "note": model.note,
        "errors": "errors robust by animal" if by_animal
        else "errors take the steps to be independent: too few animals for robust ones",
        "log_likelihood": model.fitted.log_likelihood if model.fitted else np.nan,
        "without_predictors": model.fitted.null if model.fitted else np.nan,
    }  # fmt: skip
    return pd.DataFrame([row])


def _daily(used) -> pd.DataFrame:
    """The first fix of each day and animal, so that dense days do not weigh more."""
    return used.groupby(["animal", used["time"].dt.date]).head(1)


def _on_block(files, mask, grid, model, seasons, block) -> dict:
    values = pd.DataFrame({n: rasters.read_block(p, block).ravel() for n, p in files.items()})
    part = block_maps.part(grid, block)
    selection, low, high = model.scores(values)
    beyond = np.where(np.isnan(selection), np.nan, model.extrapolated(values))
    outside = ~vectors.inside(mask, part)

    def of(names, arrays):
        bands = dict(zip(names, arrays, strict=True))
        return {n: np.where(outside, np.nan, a.reshape(part.shape)) for n, a in bands.items()}

    return {
        "selection": of(BANDS, (selection, low, high, beyond)),
        "seasonal": of(SEASON, _in_seasons(seasons, values)),
    }


def _in_seasons(seasons, values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In which season ground is picked (0 none, 1 the first, 2 the second, 3 both), and how often.

    Unknown on ground unlike any that was reached in a season.
    """
    often = [np.full(len(values), np.nan)] * 2
    for i, model in enumerate(seasons):
        if model.fitted is not None:
            near = model.extrapolated(values) == 0
            often[i] = np.where(near, model.scores(values)[0], np.nan)
    first, second = often
    season = (first >= OFTEN) + 2.0 * (second >= OFTEN)
    return np.where(np.isnan(first + second), np.nan, season), first, second

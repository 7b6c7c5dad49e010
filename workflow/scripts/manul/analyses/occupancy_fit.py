"""Detection histories, the fit with its test, validation, and the map."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from manul.analyses import places
from manul.analyses.occupancy import BANDS, MAPS
from manul.cameras import occupancy, traps
from manul.grid import block_maps, plain_files, rasters, vectors
from manul.grid.region import grid_of
from manul.records import animals
from manul.suitability import measures

BLOCK = 512
UNEVEN = 0.1  # spread of the occasions' length, in occasions, from which it is a covariate
LEAST_SITES, LEAST_DETECTIONS = 10, 3
PRECISIONS = (0.1, 0.05, 0.025)  # standard errors of occupancy for which effort is told


def run(this) -> None:
    """Effort and events, histories, the fit with its test, and the map."""
    spec, grid = this.told.block, grid_of(this.told.region)
    files, (habitat,) = this.named("predictors"), this.inputs("habitat")
    stood_at = vectors.read_vector(*this.inputs("cameras"))
    for name in ("time_start", "time_end"):
        stood_at[name] = pd.to_datetime(stood_at[name], utc=True)
    seen = vectors.read_rows(*this.inputs("observations"))
    seen["time"] = pd.to_datetime(seen["time"], utc=True)
    stood = traps.effort(stood_at)
    level = "event" if seen["level"].fillna("event").eq("event").any() else "media"
    used = traps.records(seen, stood, level)
    events = traps.events(used.records, spec["independent_minutes"])
    cats = used.records[[animals.seen(n) is animals.Seen.CAT for n in used.records["name"]]]
    periods = traps.detections(cats, traps.occasions(stood, spec["occasion_days"]))
    xy = np.column_stack([stood_at.geometry.centroid.x, stood_at.geometry.centroid.y])
    values = places.at(files | {"habitat": habitat}, grid, xy)
    model = Model.fitted_to(periods, values[list(files)], spec)
    this.log.info("%s", model.note or model.fit.table().to_string(index=False))
    land = places.land(grid, this.inputs("mask"), files | {"habitat": habitat}, spec["seed"])
    tables = {
        "summary": _summary(model, stood, periods, cats, spec),
        "left_out": pd.DataFrame(used.left_out.items(), columns=["reason", "rows"]),
        "abundance": traps.relative_abundance(events, stood),
        "coefficients": model.table(),
        "seasons": model.by_season(),
        "validation": _validation(this, model, files, grid, values, land),
        "more": _more(model, periods),
    }
    for name, table in tables.items():
        plain_files.write_table(this.output(name), table)
    made = [this.map_file(name, this.output(name), grid, bands) for name, bands in MAPS.items()]
    work = partial(_on_block, files, this.inputs("mask"), grid, model)
    this.run(work, made, block_maps.blocks(grid, BLOCK))


class Model:
    """A fit to detection histories; `fit` is None, and `note` says why, where there is none."""

    def __init__(self, names, mean, spread, ends, fit, note, years=()):
        self.names, self.mean, self.spread, self.ends = names, mean, spread, ends
        self.fit, self.note, self.years = fit, note, years
        self.test = occupancy.goodness(fit) if fit is not None else {}

    @classmethod
    def fitted_to(cls, periods, values, spec) -> Model:
        """The fit of `periods` (deployments as `values` has them) on standardised predictors."""
        seen, days, _ = traps.histories(periods, spec["occasion_days"] / 2)
        known = values.notna().all(axis=1).to_numpy() & np.isfinite(seen).any(axis=1)
        names = [n for n in values if values.loc[known, n].std() > 0]
        of = values.loc[known, names]
        mean, spread, ends = of.mean(), of.std(), (of.min(), of.max())
        detections = int(np.nansum(seen[known]))
        if known.sum() < LEAST_SITES or detections < LEAST_DETECTIONS:
            note = (
                f"No occupancy is told: {known.sum()} sites with {detections} detections; "
                f"{LEAST_SITES} sites and {LEAST_DETECTIONS} detections are needed."
            )
            return cls(names, mean, spread, ends, None, note)
        z = (of - mean) / spread
        days = days[known] / spec["occasion_days"]
        visit = {"days": days - 1} if np.nanstd(days) > UNEVEN else {}
        data = occupancy.data(seen[known], {n: z[n].to_numpy() for n in names}, visit)
        fit = occupancy.fit(data)
        note = "" if fit.converged else "The fit found no maximum: fewer predictors or more sites."
        return cls(names, mean, spread, ends, fit if fit.converged else None, note)

    def mean_occupancy(self) -> tuple[float, float, float]:
        """At a site of average predictors."""
        one = np.r_[1.0, np.zeros(len(self.names))][None]
        return tuple(float(v[0]) for v in self.fit.chance("psi", one))  # type: ignore[return-value]

    def scores(self, values: pd.DataFrame):
        """(occupancy, low, high) at rows of predictors; NaN where one is unknown."""
        if self.fit is None:
            return (np.full(len(values), np.nan),) * 3
        z = ((values[self.names] - self.mean) / self.spread).to_numpy(float)
        return self.fit.chance("psi", np.column_stack([np.ones(len(z)), z]))

    def extrapolated(self, values: pd.DataFrame) -> np.ndarray:
        """1 where a predictor lies beyond those of all cameras."""
        low, high = self.ends
        beyond = (values[self.names] < low) | (values[self.names] > high)
        return beyond.any(axis=1).to_numpy(float)

    def table(self) -> pd.DataFrame:
        """Coefficients; empty where there is no fit."""
        columns = ["term", "coefficient", "se", "low", "high"]
        return self.fit.table() if self.fit is not None else pd.DataFrame(columns=columns)

    def by_season(self) -> pd.DataFrame:
        """Occupancy of the sites' population by season."""
        share = self.fit.projected() if self.fit is not None else []
        return pd.DataFrame({"season": range(1, len(share) + 1), "occupancy": share})


def _summary(model, stood, periods, cats, spec) -> pd.DataFrame:
    row: dict[str, Any] = {
        "sites": len(stood), "camera_days": stood["camera_days"].sum(),
        "occasions": len(periods), "occasion_days": spec["occasion_days"],
        "records_of_cats": len(cats), "sites_with_cats": cats["deployment"].nunique(),
        "psi": np.nan, "low": np.nan, "high": np.nan, "p": np.nan, "note": model.note, "fit": "",
    }  # fmt: skip
    if model.fit is not None:
        row["psi"], row["low"], row["high"] = model.mean_occupancy()
        columns = np.zeros((1, len(model.fit.data.names["p"])))
        columns[0, 0] = 1
        row["p"] = float(model.fit.chance("p", columns)[0][0])
        good = model.test["p"] >= 0.05
        row["fit"] = (
            f"{'No sign of misfit' if good else 'The model misses something'}: "
            f"{model.test['p']:.0%} of {model.test['draws']} simulated sets fit worse "
            "(parametric bootstrap of Freeman and Tukey's statistic; spread "
            f"{model.test['spread']:.2f})."
        )
    return pd.DataFrame([row])


def _validation(this, model, files, grid, values, land) -> pd.DataFrame:
    """The expert map at sites with cats and without, and the fitted one at other records."""
    rows = []
    if model.fit is not None:
        seen = (np.nan_to_num(model.fit.data.seen) == 1).any(axis=(1, 2))
        known = values[list(files)].notna().all(axis=1).to_numpy()
        expert = values["habitat"].to_numpy()[known][: len(seen)]
        auc = measures.auc(expert[seen], expert[~seen])
        what = "expert habitat: sites with cats against sites without"
        rows.append({"what": what, "auc": auc, "boyce": np.nan, "places": len(seen)})
        if paths := this.inputs("test"):
            xy = places.daily_fixes(vectors.read_rows(paths[0]))
            there, elsewhere = model.scores(places.at(files, grid, xy))[0], model.scores(land)[0]
            there = there[np.isfinite(there)]
            what = f"fitted to cameras, tested on {this.told.block['test_on']}"
            rows.append(
                {
                    "what": what, "auc": measures.auc(there, elsewhere), "places": len(there),
                    "boyce": measures.boyce(there, elsewhere).index,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "auc", "boyce", "places"])


def _more(model, periods) -> pd.DataFrame:
    """Sites and camera-days for a standard error of occupancy, at today's chance to see a cat."""
    columns = ["standard_error", "sites", "occasions_each", "camera_days"]
    if model.fit is None:
        return pd.DataFrame(columns=columns)
    data = model.fit.data
    psi = model.mean_occupancy()[0]
    seen = np.isfinite(data.seen)
    p = float(data.chances(model.fit.beta)["p"][seen].mean())
    visits = max(round(seen.sum() / len(data.seen)), 2)
    days = float(periods["effort_days"].mean())
    rows = []
    for se in PRECISIONS:
        sites = int(np.ceil(occupancy.sites_for(psi, p, visits, se)))
        rows.append((se, sites, visits, round(sites * visits * days)))
    return pd.DataFrame(rows, columns=columns)


def _on_block(files, mask, grid, model, block) -> dict:
    values = pd.DataFrame({n: rasters.read_block(p, block).ravel() for n, p in files.items()})
    part = block_maps.part(grid, block)
    psi, low, high = model.scores(values)
    beyond = np.where(np.isnan(psi), np.nan, model.extrapolated(values))
    outside = ~vectors.inside(mask, part)
    bands = dict(zip(BANDS, (psi, low, high, beyond), strict=True))
    return {
        "occupancy": {n: np.where(outside, np.nan, a.reshape(part.shape)) for n, a in bands.items()}
    }

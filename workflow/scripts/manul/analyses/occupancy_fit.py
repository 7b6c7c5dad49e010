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
SAME_M = 100.0  # deployments this near are one site
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
    used = traps.records(seen, stood, _level(seen))
    events = traps.events(used.records, spec["independent_minutes"])
    cats = used.records[[animals.seen(n) is animals.Seen.CAT for n in used.records["name"]]]
    periods = traps.detections(cats, traps.occasions(stood, spec["occasion_days"]))
    xy = np.column_stack([stood_at.geometry.centroid.x, stood_at.geometry.centroid.y])
    site, first = _sites(xy)
    of_site = dict(zip(stood["deployment"], site, strict=True))
    year = periods["deployment"].map(stood.set_index("deployment")["start"].dt.year)
    periods = periods.assign(site=periods["deployment"].map(of_site), year=year)
    values = places.at(files | {"habitat": habitat}, grid, xy[first])
    model = Model.fitted_to(periods, values[list(files)], spec)
    this.log.info("%s", model.note or model.table().to_string(index=False))
    land = places.land(grid, this.inputs("mask"), files | {"habitat": habitat}, spec["seed"])
    tables = {
        "summary": _summary(model, stood, periods, cats, spec),
        "left_out": pd.DataFrame(used.left_out.items(), columns=["reason", "rows"]),
        "abundance": traps.relative_abundance(events, stood),
        "coefficients": model.table(),
        "years": model.by_year(),
        "validation": _validation(this, model, files, grid, values, land),
        "more": _more(model, periods),
    }
    for name, table in tables.items():
        plain_files.write_table(this.output(name), table)
    made = [this.map_file(name, this.output(name), grid, bands) for name, bands in MAPS.items()]
    work = partial(_on_block, files, this.inputs("mask"), grid, model)
    this.run(work, made, block_maps.blocks(grid, BLOCK))


def _level(seen) -> str:
    """The level of observations that is counted: events, if there are any, else single media."""
    return "event" if seen["level"].fillna("event").eq("event").any() else "media"


def _sites(xy) -> tuple[np.ndarray, np.ndarray]:
    """The number of each deployment's site, and the first deployment of each site."""
    _, first, number = np.unique(
        np.round(xy / SAME_M), axis=0, return_index=True, return_inverse=True
    )
    return number.ravel(), first


class Model:
    """A fit to detection histories; `fit` is None, and `note` says why, where there is none.

    Each site and year is a row of the fit, in the order of `rows` (site, year); `over_years` is the
    fit of colonisation and extinction where cameras stood in several years.
    """

    def __init__(self, names, mean, spread, ends, note):
        self.names, self.mean, self.spread, self.ends = names, mean, spread, ends
        self.note, self.rows, self.test = note, pd.DataFrame(), {}
        self.fit: occupancy.Fit | None = None
        self.over_years: occupancy.Fit | None = None

    @classmethod
    def fitted_to(cls, periods, values, spec) -> Model:
        """The fit of `periods`, which name their site and year, on standardised predictors.

        `values` has the predictors of each site, by its number.
        """
        kept = periods[periods["effort_days"] >= spec["occasion_days"] / 2]
        kept = kept[values.notna().all(axis=1).reindex(kept["site"]).to_numpy(bool)]
        kept = kept.assign(visit=kept.groupby(["site", "year"]).cumcount())
        wide = kept.pivot(index=["site", "year"], columns="visit", values="detected")
        of = values.loc[wide.index.get_level_values("site").unique()]
        names = [n for n in values if of[n].std() > 0]
        mean, spread, ends = of[names].mean(), of[names].std(), (of[names].min(), of[names].max())
        detections = int(np.nansum(wide))
        made = cls(names, mean, spread, ends, "")
        if len(of) < LEAST_SITES or detections < LEAST_DETECTIONS:
            made.note = (
                f"No occupancy is told: {len(of)} sites with {detections} detections; "
                f"{LEAST_SITES} sites and {LEAST_DETECTIONS} detections are needed."
            )
            return made
        made.rows = wide.index.to_frame(index=False)
        z = (values[names] - mean) / spread
        days = kept.pivot(index=["site", "year"], columns="visit", values="effort_days")
        days = days / spec["occasion_days"] - 1
        uneven = np.nanstd(days.to_numpy()) > UNEVEN
        site = {n: z[n].reindex(made.rows["site"]).to_numpy() for n in names}
        found = occupancy.fit(
            occupancy.data(wide.to_numpy(float), site, {"days": days} if uneven else {})
        )
        if not found.converged:
            made.note = "The fit found no maximum: take fewer predictors, or more sites."
            return made
        made.fit, made.test = found, occupancy.goodness(found)
        if (years := sorted(made.rows["year"].unique()))[1:]:
            made.over_years = _over_years(wide, z, years)
        return made

    def mean_occupancy(self) -> tuple[float, float, float]:
        """(estimate, low, high) at a site of average predictors; there must be a fit."""
        assert self.fit is not None
        value, low, high = self.fit.chance("psi", np.r_[1.0, np.zeros(len(self.names))][None])
        return float(value[0]), float(low[0]), float(high[0])

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

    def by_year(self) -> pd.DataFrame:
        """Mean occupancy of the sites by year, with colonisation and extinction between years."""
        columns = ["year", "occupancy", "colonised", "abandoned"]
        fit = self.over_years
        if fit is None or not fit.converged:
            return pd.DataFrame(columns=columns)
        moves = {
            part: float(fit.chance(part, np.ones((1, 1)))[0][0]) for part in ("gamma", "epsilon")
        }
        years = sorted(self.rows["year"].unique())
        return pd.DataFrame(
            {
                "year": years, "occupancy": fit.projected(),
                "colonised": moves["gamma"], "abandoned": moves["epsilon"],
            }
        )  # fmt: skip


def _over_years(wide, z, years) -> occupancy.Fit:
    """Occupancy of the first year, and constant colonisation and extinction between years."""
    sites = wide.index.get_level_values("site").unique()
    every = pd.MultiIndex.from_product([sites, years], names=["site", "year"])
    seen = wide.reindex(every).to_numpy(float).reshape(len(sites), len(years), -1)
    return occupancy.fit(occupancy.data(seen, {n: z.loc[sites, n].to_numpy() for n in z}))


def _summary(model, stood, periods, cats, spec) -> pd.DataFrame:
    with_cats = periods.loc[periods["detected"] == 1, "site"].nunique()
    row: dict[str, Any] = {
        "sites": periods["site"].nunique(), "camera_days": stood["camera_days"].sum(),
        "occasions": len(periods), "occasion_days": spec["occasion_days"],
        "records_of_cats": len(cats), "sites_with_cats": with_cats,
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
        expert = values["habitat"].reindex(model.rows["site"]).to_numpy()
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
    columns = ["standard_error", "sites", "occasions_each", "camera_days", "more_camera_days"]
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
        need = round(sites * visits * days)
        rows.append((se, sites, visits, need, max(need - round(periods["effort_days"].sum()), 0)))
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

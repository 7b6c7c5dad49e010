"""What people counted in the field as surfaces: burrows, rodenticide, survey effort."""

import numpy as np
import pandas as pd

from manul.grid.region import bounds
from manul.surfaces import registry
from manul.surfaces.blocks import amount_per_cell, cells, centres, per_km2
from manul.surfaces.registry import kind
from manul.surveys import from_records


@kind("burrow_density", bands={"cv": "1", "extrapolated": "1"})
def burrow_density(block, grid, sources):
    """Usable burrows per ha, with its coefficient of variation and where it is extrapolated."""
    fitted = sources.once("density", lambda: _fitted_density(block, grid, sources))
    covariates = {str(i): sources.of(part, grid) for i, part in enumerate(block["covariates"])}
    x, y = centres(grid)
    made = fitted.on(x, y, _strata(block, lambda part: sources.of(part, grid)), covariates)
    return {"value": made["density"], "cv": made["cv"], "extrapolated": made["extrapolated"]}


def _fitted_density(block, grid, sources):
    """What the sites say, wherever they lie."""
    from manul.surveys.density import fit_density  # compiled: takes long to import

    sites = from_records.burrow_sites(
        _rows(block, sources, "layer"),
        _rows(block, sources, "quadrats_layer"),
        _rows(block, sources, "observations_layer"),
        sources.rules["as_of"],
        sources.rules["burrows"],
    )

    def strata_at(x, y):
        return _strata(block, lambda part: sources.at(part, grid, x, y))

    def covariates_at(x, y):
        found = [sources.at(part, grid, x, y) for part in block["covariates"]]
        return np.array(found).T.reshape(len(x), -1)

    return fit_density(
        sites, strata_at, covariates_at, len(block["covariates"]), block["method"],
        bandwidth_m=block["bandwidth_m"], seed=block["seed"],
    )  # fmt: skip


def _strata(block, of) -> np.ndarray:
    """Stratum of each cell or point, NaN outside the habitat; `of(part)` gives a surface there."""
    by = of(block["strata"]["of"])
    strata = np.where(np.isnan(by), np.nan, np.digitize(by, block["strata"]["breaks"]))
    for key in ("within", "elevation"):
        if key in block:
            values, limit = of(block[key]["of"]), block[key]
            low, high = limit.get("minimum", -np.inf), limit.get("maximum", np.inf)
            strata[~((values >= low) & (values <= high))] = np.nan
    return strata


@kind("poison", bands={"reports_within_50_km": "1"}, saturating=True)
def poison_exposure(block, grid, sources):
    """Exposure to rodenticide at the as-of date and at `dates`, and events within 50 km.

    An event that names only its district is spread over it, if the block has `districts_layer`.
    """
    from manul.surveys import rodenticide  # compiled: takes long to import

    rows, as_of = sources.layers[block["layer"]].rows(), sources.rules["as_of"]
    events = from_records.events(rows, block, as_of)
    districts = {}
    if block.get("districts_layer"):
        polygons = sources.layers[block["districts_layer"]].read()
        districts = from_records.districts(polygons, block["districts_field"])
    path = {"source": block["path"], "decay_m": block["scale_m"], "cut_m": block["reach_m"]}
    x, y = centres(grid)
    days = pd.to_datetime([as_of, *block["dates"]])
    shown = rodenticide.exposure(
        events, x, y, days, path, sources.rules["compounds"], sources.rules["poison"], districts
    )
    names = list(registry.bands(block))
    reports = rodenticide.reporting_effort(events, x, y, 50_000, districts)
    return dict(zip(names, [shown[0], reports, *shown[1:]], strict=True))


@kind("effort")
def effort(block, grid, sources):
    """Camera-days per km2 within a radius, of records with and without a cat, and of routes."""
    pad = cells(block["radius_m"], grid)
    wide = grid.pad(pad)
    amount = np.zeros(wide.shape)
    for key in ("layer", "routes_layer"):
        if key in block:
            found = from_records.effort(
                sources.layers[block[key]].read(bounds(wide)), block, sources.rules["as_of"]
            )
            amount += amount_per_cell(*found, wide)
    return per_km2(amount, block["radius_m"], grid, pad)


def _rows(block, sources, key):
    """All rows of a layer, those without a place too; None if the block names none."""
    return sources.layers[block[key]].rows() if block.get(key) else None

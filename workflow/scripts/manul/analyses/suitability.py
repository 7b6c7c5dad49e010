"""Suitability fitted to the records of the species, beside the expert model.

`suitability_fit` chooses records and background and validates, `suitability_words` is what products
say of a fit. The libraries that fit are loaded when a fit is made.
"""

from functools import partial

import numpy as np
import pandas as pd

from manul.analyses import suitability_words as words
from manul.config.types import Analysis, Config
from manul.grid import block_maps, plain_files, rasters, vectors
from manul.grid.region import grid_of
from manul.pages.html import Section

BLOCK = 512  # cells along the side of the blocks that a fitted model predicts
MAPS = {
    "fitted": {band: words.BANDS[band] for band in words.FITTED_BANDS},
    "disagreement": {band: words.BANDS[band] for band in words.DISAGREEMENT},
}
GENERALISES = ("records", "effort")  # into a model of predictors, fitted to many records
TABLES = ("evaluation", "response_curves", "importance", "odmap", "thresholds")
FIELDS = {
    "": ("fitted", 1, "Fitted suitability", "0..1"),
    "mess": ("fitted", 2, "Likeness to surveyed places (MESS)", "%"),
    "agreement": ("disagreement", 2, "Agreement of fit and expert model", "class"),
}
SCORES = ("auc", "tss", "boyce", "omission")


def reads(block: Analysis, config: Config) -> dict[str, list]:
    """Records, further records that stand for effort, predictors, and the expert model."""
    effort = block["background"]["effort"]
    named = effort if isinstance(effort, list) else []
    there = [name for name in named if config["layers"][name]["kind"] != "absent"]
    return {
        "records": [("layer", block["records"])],
        "effort": [("layer", name) for name in there],
        "predictors": [("surface", name) for name in block["predictors"]],
        "habitat": [("map", "habitat")],
    }


def run(this) -> None:
    """Fit, validate in spatial blocks, and predict block by block."""
    from manul.analyses import suitability_fit as fit

    told = this.told
    spec, key, grid = told.block, told.key_habitat, grid_of(told.region)
    files, (habitat,) = this.named("predictors"), this.inputs("habitat")
    records = vectors.read_vector(*this.inputs("records"))
    found, steps = fit.presences(records, spec, told.as_of, grid.resolution.x)
    others = [vectors.read_vector(path) for path in this.inputs("effort")]
    looked = fit.effort_places(records, others, spec)

    def expert(rows, columns):
        return rasters.read_cells({"habitat": habitat}, rows, columns)["habitat"].to_numpy()

    sites = fit.draw_sites(found, looked, grid, expert, spec)
    values = rasters.read_cells(files, sites["row"], sites["column"])
    fitted = fit.fit(sites, values, steps, spec, key, _about(told))
    this.log.info("%s", fitted.reason or fitted.tables["evaluation"].to_string(index=False))
    for name, table in fitted.tables.items():
        plain_files.write_table(this.output(name), table)
    made = [
        this.map_file(name, this.output(name), grid, bands).told(_tags(fitted, key))
        for name, bands in MAPS.items()
    ]
    work = partial(_on_block, files, habitat, this.inputs("mask"), grid, fitted, key)
    this.run(work, made, block_maps.blocks(grid, BLOCK))


def section(tables: dict[str, pd.DataFrame]) -> Section:
    """Validation, response curves, importance, thresholds and protocol of the fit."""
    from manul.pages import figures

    found = Section("Suitability fitted to these records")
    found.words += words.sentences(tables["evaluation"], tables["thresholds"])
    means = tables["evaluation"][tables["evaluation"]["fold"].isin(["mean", "pooled"])]
    found.tables.append(("Scores on blocks that the fit has not seen", means))
    found.tables.append(("Thresholds; `used` are those of the products", tables["thresholds"]))
    for row in means[means["fold"] == "mean"].itertuples():
        found.numbers += [(f"{k} {row.method}", getattr(row, k), None, None, "") for k in SCORES]
    if len(tables["response_curves"]):
        png = figures.curves(tables["response_curves"])
        found.figures.append(("Response curves, other predictors at their median", png))
        share = tables["importance"].set_index("covariate")["share"]
        found.figures.append(("Importance", figures.bars(share, "", "share")))
        found.tables.append(("ODMAP protocol", tables["odmap"]))
    return found


# ------------------------------------------------------------------------------------- helpers


def _about(told) -> dict[str, str]:
    """What the ODMAP protocol asks of taxon, place and scale, from the config."""
    region = told.region
    west, south, east, north = region["bounds"]
    return {
        "Focal taxon": told.species["status"],
        "Location": (
            f"{region['title']}: {west:g} to {east:g} degrees east, {south:g} to {north:g} north"
        ),
        "Scale of analysis": f"cells of {region['cell_m']:g} m; {region['crs']}",
    }


def _on_block(files, habitat_file, mask, grid, fitted, key, block) -> dict:
    """The bands of each map on (row0, row1, column0, column1); unknown outside the mask."""
    from manul.analyses import suitability_fit as fit

    values = pd.DataFrame({n: rasters.read_block(p, block).ravel() for n, p in files.items()})
    habitat = rasters.read_block(habitat_file, block)
    found = fit.predict(fitted, values, habitat.ravel(), key)
    outside = ~vectors.inside(mask, block_maps.part(grid, block))
    found = {n: np.where(outside, np.nan, a.reshape(habitat.shape)) for n, a in found.items()}
    return {name: {band: found[band] for band in bands} for name, bands in MAPS.items()}


def _tags(fitted, key) -> dict[str, str]:
    """What the maps of the fit say of themselves: thresholds, and their codes in words."""
    codes = "; ".join(f"{i} {name}" for i, name in enumerate(fitted.predictors, 1))
    classes = "; ".join(f"{i} {name}" for i, name in words.AGREEMENT.items())
    return {
        "MANUL_THRESHOLDS": _thresholds(fitted, key),
        "MANUL_MOST_DISSIMILAR": codes,
        "MANUL_AGREEMENT": classes,
    }


def _thresholds(fitted, key) -> str:
    if fitted.model is None:
        return f"{words.NOT_FITTED}{fitted.reason}"
    return (
        f"fit: suitable from {fitted.suitable['fitted']:.2f} (10th percentile of held-out "
        f"presences); expert model: suitable from {key['suitable']:.2f} (config)"
        + (f". {poor}" if (poor := words.doubt(fitted.tables["thresholds"])) else "")
    )

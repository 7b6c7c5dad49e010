"""What the fit reads: records and maps at its sites, and maps block by block for the prediction."""

import numpy as np
import pandas as pd

from manul.analyses import fit, fit_words
from manul.grid import rasters, vectors
from manul.grid.burn import burn_inside


def sites(inputs, grid, params) -> tuple[pd.DataFrame, dict]:
    """The sites of the fit, and how many records were left after each step."""
    records = vectors.read_vector(inputs.records)
    found, steps = fit.presences(records, params.spec, params.as_of)
    others = [vectors.read_vector(path) for path in inputs.effort]
    looked = fit.effort_places(records, others, params.spec)

    def habitat(rows, columns):
        return rasters.read_cells({"habitat": inputs.habitat}, rows, columns)["habitat"].to_numpy()

    return fit.draw_sites(found, looked, grid, habitat, params.spec), steps


def outputs(output) -> dict[str, dict]:
    """Path: bands (name: unit) of each map of the fit."""
    maps = {output.fitted: fit_words.FITTED_BANDS, output.disagreement: fit_words.DISAGREEMENT}
    return {path: {b: fit_words.BANDS[b] for b in bands} for path, bands in maps.items()}


def on_block(made, files: dict, inputs, grid, fitted, key: dict, block) -> list:
    """For each map, its bands on (row0, row1, column0, column1); unknown outside the mask."""
    row0, row1, column0, column1 = block
    values = pd.DataFrame({n: rasters.read_block(p, block).ravel() for n, p in files.items()})
    habitat = rasters.read_block(inputs.habitat, block)
    found = fit.predict(fitted, values, habitat.ravel(), key)
    outside = np.zeros(habitat.shape, bool)
    if inputs.mask:
        shapes = vectors.read_vector(inputs.mask[0]).geometry
        outside = ~burn_inside(shapes, grid[row0:row1, column0:column1])
    found = {n: np.where(outside, np.nan, a.reshape(habitat.shape)) for n, a in found.items()}
    return [[found[band] for band in f.bands] for f in made]


def tags(fitted, key) -> dict[str, str]:
    """What the maps of the fit say of themselves: thresholds, and their codes in words."""
    codes = "; ".join(f"{i} {name}" for i, name in enumerate(fitted.predictors, 1))
    classes = "; ".join(f"{i} {name}" for i, name in fit_words.AGREEMENT.items())
    return {
        "MANUL_THRESHOLDS": _thresholds(fitted, key),
        "MANUL_MOST_DISSIMILAR": codes,
        "MANUL_AGREEMENT": classes,
    }


def _thresholds(fitted, key) -> str:
    if fitted.model is None:
        return f"not fitted: {fitted.reason}"
    return (
        f"fit: suitable from {fitted.suitable['fitted']:.2f} (10th percentile of held-out "
        f"presences); expert model: suitable from {key['suitable']:.2f} (config)"
    )

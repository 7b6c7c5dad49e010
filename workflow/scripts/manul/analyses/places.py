"""Maps read at places and at land at random, to hold one kind of evidence against another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from manul.grid import rasters, vectors

SAMPLE = 5000  # land cells against which scores are held


def at(files: dict, grid, xy) -> pd.DataFrame:
    """The maps at places (n, 2; m); NaN outside the grid."""
    column, row = ~grid.affine @ np.asarray(xy, float).reshape(-1, 2).T
    row, column = np.floor(row).astype(int), np.floor(column).astype(int)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    out = pd.DataFrame(np.nan, index=range(len(row)), columns=list(files))
    if inside.any():
        found = rasters.read_cells(files, row[inside], column[inside])
        out.loc[inside, list(files)] = found.to_numpy()
    return out


def land(grid, mask, files: dict, seed: int, number: int = SAMPLE) -> pd.DataFrame:
    """Cells at random where all maps are known: row, column and the maps."""
    rng = np.random.default_rng(seed)
    rows, columns = grid.shape
    drawn = rng.choice(rows * columns, min(4 * number, rows * columns), replace=False)
    cells = pd.DataFrame({"row": drawn // columns, "column": drawn % columns})
    if mask:
        cells = cells[vectors.inside(mask, grid)[cells["row"], cells["column"]]]
    values = rasters.read_cells(files, cells["row"], cells["column"])
    found = cells.reset_index(drop=True).join(values.reset_index(drop=True))
    return found.dropna().head(number).reset_index(drop=True)


def daily_fixes(rows) -> np.ndarray:
    """Places (n, 2) of records, of fixes the first of each animal and day."""
    placed = rows[rows.geometry.notna()]
    if {"animal", "time"} <= set(placed):
        day = pd.to_datetime(placed["time"], utc=True).dt.date
        placed = placed[~pd.DataFrame({"a": placed["animal"], "d": day}).duplicated()]
    if "n_adults" in placed:
        placed = placed[placed["n_adults"].fillna(0) > 0]
    centre = placed.geometry.centroid
    return np.column_stack([centre.x, centre.y])

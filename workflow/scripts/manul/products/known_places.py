"""Known places of the animal that the map contradicts: records of it on land told as unsuitable."""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from manul.config.hints import counted
from manul.grid.fields import Fields
from manul.pages.html import Section
from manul.records.presences import numbers, wild_animal

TABLES = ("manul_record", "occurrence")
SHOWN = 50
FARTHEST_M = 5000  # a record known less well tells nothing of a place
TOLD = {
    "rec_id": "record",
    "occurrence_id": "record",
    "date": "date",
    "event_date": "date",
    "category": "category",
    "coord_error_m": "error (m)",
}


def best_habitat(found: gpd.GeoDataFrame, habitat: Fields) -> np.ndarray:
    """The best habitat (0..1) within the error of each record; NaN where none is known.

    A record without a stated error stands for its own cell alone.
    """
    grid = habitat.grid
    side, (height, width) = abs(grid.resolution.x), grid.shape
    column, row = ~grid.affine @ (found.geometry.x.to_numpy(), found.geometry.y.to_numpy())
    reach = np.nan_to_num(numbers(found, "coord_error_m").to_numpy()) / side
    best = np.full(len(found), np.nan)
    for i, (r, c, d) in enumerate(zip(row, column, reach, strict=True)):
        rows = slice(max(int(np.floor(r - d)), 0), min(int(np.floor(r + d)) + 1, height))
        columns = slice(max(int(np.floor(c - d)), 0), min(int(np.floor(c + d)) + 1, width))
        if rows.start < rows.stop and columns.start < columns.stop:
            best[i] = np.fmax.reduce(habitat.window("habitat", rows, columns), axis=None)
    return best


def contradicted(
    rows: gpd.GeoDataFrame, habitat: Fields, suitable: float, privacy: Mapping, public: bool
) -> Section:
    """Records of an animal where habitat stays below `suitable` within the record's own error.

    A layer that is not public has its number alone, and no number below `privacy["least"]`.
    """
    section = Section("Known places that the map contradicts")
    placed = rows[rows.geometry.notna() & wild_animal(rows)]
    placed = placed[~(numbers(placed, "coord_error_m") > FARTHEST_M)]
    best = best_habitat(placed, habitat)
    known = np.isfinite(best)
    if not known.any():
        section.words.append("No record of an animal lies where habitat is known.")
        return section
    low = known & (best < suitable)
    of = f"{counted(int(known.sum()), 'record')} of animals where habitat is known"
    few = not public and 0 < low.sum() < privacy["least"]
    told = f"fewer than {privacy['least']}" if few else f"{low.sum()}"
    section.words.append(
        f"Of {of}, {told} lie on land that the map tells as unsuitable (habitat below "
        f"{suitable:.2f} within the record's own error)."
    )
    if low.any():
        section.words.append(
            "Either the map misses something there (a layer too coarse for crevices, a wrong "
            "weight), or the animal only passed, or the record is wrong. Look at these first."
        )
    if not few:
        section.numbers = [("contradicted by the map", int(low.sum()), None, None, "records")]
    if public and low.any():
        there = placed[low].to_crs(4326)
        columns = {new: there[old] for old, new in TOLD.items() if old in there}
        table = pd.DataFrame(columns).assign(
            longitude=there.geometry.x.round(4).to_numpy(),
            latitude=there.geometry.y.round(4).to_numpy(),
            habitat=best[low].round(2),
        )
        ordered = table.sort_values("habitat", kind="stable")
        section.tables.append(("Lowest first", ordered[:SHOWN].reset_index(drop=True)))
        if len(ordered) > SHOWN:
            section.words.append(f"The first {SHOWN} of {len(ordered)} are shown.")
    return section

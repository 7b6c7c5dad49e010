"""Sums of each draw over the region and its units, and the tables made of them."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from manul.grid import plain_files
from manul.uncertainty import passes
from manul.uncertainty.design import Draws, draw
from manul.uncertainty.elicitation import read_pooled
from manul.uncertainty.passes import SUMS
from manul.uncertainty.summary import HIGH, LOW

KM2 = 1e6
OUTCOMES = ("suitable_km2", "key_cell_km2", "mean_habitat", "mean_threat", "value_at_risk_km2")


class Sums:
    """Sums of blocks, each kept in a file of its own until the maps are finished, as blocks are."""

    def __init__(self, beside: str, digest: str):
        self.folder = Path(beside).resolve().parent / f".sums-{digest}"

    def keep(self, block: Iterable[int], sums: np.ndarray) -> None:
        """Keep the sums (units, SUMS, draws) of a block; whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._file(block)
        partial = path.with_name(f"{path.stem}-{os.getpid()}.part")
        with partial.open("wb") as file:
            np.save(file, sums)
        partial.replace(path)

    def total(self, blocks: Sequence) -> np.ndarray:
        """The sums of all blocks, in their order, so that they have the same bits each time."""
        parts = [np.load(self._file(block)) for block in blocks]
        out = np.zeros((max(len(part) for part in parts), *parts[0].shape[1:]))
        for part in parts:
            out[: len(part)] += part
        return out

    def remove(self) -> None:
        """The tables are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, block) -> Path:
        return self.folder / f"{'-'.join(map(str, block))}.npy"


def of_job(this, told: Mapping, key: Mapping) -> tuple[Callable, Draws]:
    """(what makes a `passes.Uncertain` of some draws, all draws) of a job that makes draws.

    `told` is what `graph` tells such a job; experts' answers stand for the ranges they are about.
    """
    spec = dict(told["draws"])
    for file in this.inputs("elicited"):
        pooled = read_pooled(file)
        spec["parameters"] = {
            path: block | ({"pooled": pooled[path]} if path in pooled else {})
            for path, block in spec["parameters"].items()
        }
    files, others = this.named("surfaces"), this.named("alternatives")
    dead = without_effect(this.named("changes"))

    def of_draws(draws: Draws) -> passes.Uncertain:
        return passes.uncertain(SimpleNamespace(**told), draws, key, files, others, dead)

    return of_draws, draw(spec)


def without_effect(files: Mapping[str, str]) -> dict[str, list[str]]:
    """By surface the parameters that change nothing of it, from the tables of its alternatives."""
    found = {name: plain_files.read_table(path) for name, path in files.items()}
    return {
        name: table.loc[table["change"] == 0, "parameter"].tolist() for name, table in found.items()
    }


def of_draws(draws: Draws, sums: np.ndarray, grid: GeoBox) -> pd.DataFrame:
    """One row for each draw: its inputs, and areas (km2) and means of the region."""
    found = _outcomes(sums.sum(0), grid)
    return draws.table().assign(**found).reset_index()


def of_units(names: Sequence, sums: np.ndarray, grid: GeoBox) -> pd.DataFrame:
    """One row for each unit and one for the region: each outcome's mean, 5th and 95th percentile.

    Land in no unit counts for the region alone.
    """
    rows = []
    units = [(name, sums[i]) for i, name in enumerate(names, 1) if i < len(sums)]
    for name, of in [*units, ("(whole region)", sums.sum(0))]:
        row: dict = {"unit": name}
        for outcome, values in _outcomes(of, grid).items():
            low, high = np.quantile(values, [LOW, HIGH])
            row |= {f"{outcome}_mean": values.mean(), f"{outcome}_p05": low, f"{outcome}_p95": high}
        rows.append(row)
    return pd.DataFrame(rows).round(4)


# ------------------------------------------------------------------------------------- helpers


def _outcomes(sums, grid) -> dict[str, np.ndarray]:
    """Outcomes of each draw from (SUMS, draws)."""
    of = dict(zip(SUMS, sums, strict=True))
    cell, cells = grid.resolution.x**2 / KM2, np.maximum(of["cells"], 1)
    found = {
        "suitable_km2": of["suitable"] * cell,
        "key_cell_km2": of["key_cell"] * cell,
        "mean_habitat": of["habitat"] / cells,
        "mean_threat": of["threat"] / cells,
        "value_at_risk_km2": of["value_at_risk"] * cell,
    }
    return {name: found[name].round(6) for name in OUTCOMES}

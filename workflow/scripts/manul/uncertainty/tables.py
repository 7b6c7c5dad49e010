"""Sums of each draw over the region and its units, and the tables made of them."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from manul.analyses import suitability_words as words
from manul.grid import plain_files, vectors
from manul.products import units
from manul.products.confidence import HIGH, LOW
from manul.products.key_habitat import cell_km2
from manul.products.units import REGION
from manul.uncertainty import passes
from manul.uncertainty.design import Draws, draw
from manul.uncertainty.passes import SUMS

LEAST_STEP = 1e-3  # between thresholds of a fit that are one
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


def of_job(
    named: Callable, told: Mapping, key: Mapping, dead: Mapping | None = None
) -> tuple[Callable, Draws]:
    """(what makes a `passes.Uncertain` of some draws, all draws) of a job that makes draws.

    `told` is what `graph` tells such a job, `named(role)` its input files of a role by name, `dead`
    the parameters that change nothing of each surface (default: as its own tables tell).
    """
    files, others = named("surfaces"), named("alternatives")
    dead = without_effect(named("changes")) if dead is None else dead
    fit = fit_of_job(named, key)

    def of_draws(draws: Draws) -> passes.Uncertain:
        return passes.uncertain(SimpleNamespace(**told), draws, key, files, others, dead, fit)

    return of_draws, draw(spec_of_job(named, told))


def fit_of_job(named: Callable, key: Mapping) -> passes.Fit | None:
    """The habitat fitted to records, if it is good enough for use; `key` holds the thresholds."""
    tables = list(named("fit").values())
    if not tables:
        return None
    table = plain_files.read_table(tables[0])
    row = table[table["map"] == "fitted"]
    if not len(row) or row["gate"].iloc[0] != words.PASSED:
        return None
    suitable, best = float(row["suitable"].iloc[0]), float(row["key"].iloc[0])
    fitted = (0.0, suitable, max(best, suitable + LEAST_STEP), 1.0)
    (path,) = named("fitted").values()
    return passes.Fit(path, fitted, (0.0, key["suitable"], key["key"], 1.0))


def spec_of_job(named: Callable, told: Mapping) -> dict:
    """The spec of a job's draws; experts' answers stand for the ranges they are about."""
    from manul.uncertainty.elicitation import read_pooled  # reads tables in all their forms

    spec = dict(told["draws"])
    if spec.get("fitted") and fit_of_job(named, {"suitable": 0.5, "key": 0.5}) is None:
        spec["fitted"] = 0
    for file in named("elicited").values():
        pooled = read_pooled(file)
        spec["parameters"] = {
            path: block | ({"pooled": pooled[path]} if path in pooled else {})
            for path, block in spec["parameters"].items()
        }
    return spec


def without_effect(*sides: Mapping[str, str]) -> dict[str, list[str]]:
    """By surface the parameters that change nothing of it, from the tables of its alternatives.

    Of several sides, each with such files by surface, what changes nothing on any side.
    """
    found: dict[str, list[str]] = {}
    for name in set.intersection(*map(set, sides)):
        tables = [plain_files.read_table(side[name]) for side in sides]
        dead = [set(table.loc[table["change"] == 0, "parameter"]) for table in tables]
        found[name] = sorted(set.intersection(*dead))
    return found


def of_draws(draws: Draws, sums: np.ndarray, grid: GeoBox) -> pd.DataFrame:
    """One row for each draw: its inputs, and areas (km2) and means of the region."""
    found = outcomes(sums.sum(0), cell_km2(grid))
    return draws.table().assign(**found).reset_index()


def of_units(names: Sequence, sums: np.ndarray, grid: GeoBox) -> pd.DataFrame:
    """One row for each unit and one for the region: each outcome's mean, 5th and 95th percentile.

    Land in no unit counts for the region alone.
    """
    rows = []
    named = [(name, sums[i]) for i, name in enumerate(names, 1) if i < len(sums)]
    for name, of in [*named, (REGION, sums.sum(0))]:
        row: dict = {"unit": name}
        for outcome, values in outcomes(of, cell_km2(grid)).items():
            row |= interval(outcome, values)
        rows.append(row)
    return pd.DataFrame(rows).round(4)


def interval(name: str, values: np.ndarray) -> dict[str, float]:
    """Mean, 5th and 95th percentile of a number over the draws, as columns of a table."""
    low, high = np.quantile(values, [LOW, HIGH])
    return {f"{name}_mean": values.mean(), f"{name}_p05": low, f"{name}_p95": high}


def unit_names(files: Sequence) -> list[str]:
    """What the units are called; `files` holds their polygons, or nothing."""
    return units.names(vectors.read_vector(files[0])) if files else []


def units_of_draws(names: Sequence, sums: np.ndarray, grid: GeoBox) -> pd.DataFrame:
    """Each outcome of each draw in each unit, and in none (unit number 0, no name)."""
    parts = []
    for i, of in enumerate(sums):
        found = pd.DataFrame(outcomes(of, cell_km2(grid)))
        found.insert(0, "draw", range(1, len(found) + 1))
        found.insert(0, "unit", ["", *names][i])
        found.insert(0, "number", i)
        parts.append(found.assign(threat_cells=of[SUMS.index("told")]))
    return pd.concat(parts, ignore_index=True)


def of_each_unit(path, outcome: str) -> np.ndarray:
    """One outcome of what `units_of_draws` gave: (units + 1, draws)."""
    table = plain_files.read_table(path)
    return table.pivot(index="number", columns="draw", values=outcome).to_numpy(float)


def of_told(values: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Numbers of threats, NaN where there are no cells in which a threat is known (`told`)."""
    return np.where(told > 0, values, np.nan)


def outcomes(sums: np.ndarray, cell: float) -> dict[str, np.ndarray]:
    """Outcomes of each draw from (SUMS, draws), with cells of so many km2.

    Threat and value at risk are NaN where no threat is known.
    """
    of = dict(zip(SUMS, sums, strict=True))
    cells = np.maximum(of["cells"], 1)
    found = {
        "suitable_km2": of["suitable"] * cell,
        "key_cell_km2": of["key_cell"] * cell,
        "mean_habitat": of["habitat"] / cells,
        "mean_threat": of_told(of["threat"] / np.maximum(of["told"], 1), of["told"]),
        "value_at_risk_km2": of_told(of["value_at_risk"] * cell, of["told"]),
    }
    return {name: found[name].round(6) for name in OUTCOMES}

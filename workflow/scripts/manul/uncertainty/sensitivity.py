"""Which number matters: what part of the doubt about an outcome each input is behind.

All inputs are screened first (Morris 1991, with the mean absolute effect of Campolongo 2007).
Those that move an outcome most are then looked at one by one, and the rest as one group, by the
shares of the variance that they explain (Sobol indices by the designs of Saltelli et al. 2010).
Designs and estimates are SALib's. The model is evaluated on a systematic sample of the cells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox
from SALib.analyze import morris as morris_effects
from SALib.analyze import sobol as sobol_indices
from SALib.sample import morris as morris_design
from SALib.sample import sobol as sobol_design

from manul.grid import block_maps, vectors
from manul.products.units import REGION
from manul.uncertainty import design, passes, tables
from manul.uncertainty.design import Draws

CELLS = 10_000  # of the sample, at most
RUNS = 200  # of the model that are held at once
TRAJECTORIES, LEVELS = 20, 4  # of the screening
POINTS = 512  # of the Sobol design, a power of two; the model runs so often for each input
KEPT = 12  # inputs that are looked at one by one
RESAMPLES = 100  # for the intervals
ENDS = 0.05, 0.95  # probabilities between which the screening moves an input
REST = "(all others)"
OUTCOMES = {
    "key_cell_km2": "land good enough for key habitat",
    "mean_threat": "the mean threat",
    "value_at_risk_km2": "the value at risk",
}
COLUMNS = (
    "outcome", "unit", "rank", "input", "words", "mu_star", "mu_star_low", "mu_star_high",
    "first_order", "first_order_low", "first_order_high", "total", "total_low", "total_high",
)  # fmt: skip
Model = Callable[[np.ndarray], np.ndarray]  # (runs, inputs) in 0..1 to (runs, outputs)


@dataclass(frozen=True)
class Sample:
    """Some cells of the region: surfaces as `passes.Uncertain.read` gives them, and their units.

    Cells are in the order of their units; each stands for `every` squared cells.
    """

    arrays: Mapping[str, np.ndarray]
    unit: np.ndarray
    every: int


def sample(of: passes.Uncertain, mask: list, units: list, grid: GeoBox, limit=CELLS) -> Sample:
    """Each n-th cell of each n-th row within the mask, with the smallest n within the limit."""
    blocks = block_maps.blocks(grid, passes.BLOCK)
    inside = sum(vectors.inside(mask, block_maps.part(grid, at)).sum() for at in blocks)
    every = max(1, int(np.ceil(np.sqrt(inside / limit))))
    found: list[dict] = []
    unit = []
    for at in blocks:
        part, arrays = block_maps.part(grid, at), of.read(at)
        rows, columns = np.indices(part.shape)
        lattice = ((rows + at[0]) % every == 0) & ((columns + at[2]) % every == 0)
        here = np.flatnonzero(lattice & vectors.inside(mask, part))
        found.append({name: bands[:, here] for name, bands in arrays.items()})
        unit.append(passes.unit_numbers(units, part)[here])
    numbers = np.concatenate(unit)
    arrays = {n: np.concatenate([a[n] for a in found], axis=1) for n in found[0]}
    order = of.grouped(arrays, np.arange(len(numbers)))
    order = order[np.argsort(numbers[order], kind="stable")]
    return Sample({n: a[:, order] for n, a in arrays.items()}, numbers[order], every)


def sums_of(of: passes.Uncertain, cells: Sample, units: int, threats: bool) -> np.ndarray:
    """Sums of each draw over the cells of each unit and of none: (units + 1, SUMS, draws)."""
    sums = np.zeros((units + 1, len(passes.SUMS), of.draws.number))
    for here, outcome in of.pieces(cells.arrays):
        found = passes.measured(of, outcome, len(here), threats)
        passes.add(sums, cells.unit[here], found)
    return sums


def model(
    of_draws: Callable[[Draws], passes.Uncertain],
    spec: Mapping,
    inputs: Sequence[str],
    cells: Sample,
    units: Sequence[str],
    threats: bool,
    cell_km2: float,
) -> Model:
    """The model as a function of the `inputs` that are drawn; what others there are stays as it is.

    Outputs are those of `outputs`, in its order. A few runs are held at once.
    """
    names = design.inputs(spec)
    columns = [names.index(name) for name in inputs]

    def run(u: np.ndarray) -> np.ndarray:
        points = np.full((len(u), len(names)), 0.5)
        points[:, columns] = np.clip(u, 1e-9, 1 - 1e-9)
        draws, order = design.draws_at(points, spec)
        out = np.empty((len(u), len(outputs(units, threats))))
        for start in range(0, len(u), RUNS):
            some = np.arange(start, min(start + RUNS, len(u)))
            sums = sums_of(of_draws(draws.only(some)), cells, len(units), threats)
            out[order[some]] = _outcomes(sums, cell_km2 * cells.every**2, threats)
        return out

    return run


def outputs(units: Sequence[str], threats: bool) -> list[tuple[str, str]]:
    """(outcome, unit) of each output of the model."""
    wanted = list(OUTCOMES)[: None if threats else 1]
    return [(outcome, unit) for outcome in wanted for unit in (REGION, *units)]


def table(
    run: Model, inputs: Sequence[str], made: Sequence[tuple[str, str]], seed: int, words: Mapping
) -> pd.DataFrame:
    """One row for each output and input, the input that matters most first; see COLUMNS.

    Of `made`, (outcome, unit) of each output, those of the whole region decide which inputs are
    looked at one by one. Shares of the variance are empty for the other inputs, and where an
    output does not vary.
    """
    screened = morris(run, inputs, seed)
    of_region = [i for i, (_, unit) in enumerate(made) if unit == REGION]
    kept = strongest([screened[i] for i in of_region])
    shares = sobol(run, inputs, kept, seed)
    parts = []
    for (outcome, unit), effects, found in zip(made, screened, shares, strict=True):
        both = effects.join(found, how="outer")
        both["order"] = both["total"].fillna(-1)
        both.loc[both.index == REST, "order"] = -0.5
        both = both.sort_values(["order", "mu_star"], ascending=False, kind="stable")
        both = both.drop(columns="order").rename_axis("input").reset_index()
        both["words"] = [words.get(name, name) for name in both["input"]]
        parts.append(both.assign(outcome=outcome, unit=unit, rank=range(1, len(both) + 1)))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)].round(4)


def morris(run: Model, inputs: Sequence[str], seed: int) -> list[pd.DataFrame]:
    """For each output mu_star of each input with its 95 % interval.

    How far the output moves when one input goes from its 5th to its 95th percentile, as the mean
    of the absolute effects at `TRAJECTORIES` places.
    """
    problem = {"num_vars": len(inputs), "names": list(inputs), "bounds": [ENDS] * len(inputs)}
    points = morris_design.sample(problem, TRAJECTORIES, LEVELS, seed=seed)
    out = []
    for values in run(points).T:
        found = morris_effects.analyze(problem, points, values, num_levels=LEVELS, seed=seed)
        mean, away = np.asarray(found["mu_star"]), np.asarray(found["mu_star_conf"])
        out.append(_with_interval("mu_star", mean, away, list(inputs)))
    return out


def strongest(screened: Sequence[pd.DataFrame], number: int = KEPT) -> list[str]:
    """The inputs with the largest mu_star beside the largest of the same output."""
    beside = [effects["mu_star"] / max(effects["mu_star"].max(), 1e-12) for effects in screened]
    score = pd.concat(beside, axis=1).max(axis=1)
    ranked = score[score > 0].sort_values(ascending=False, kind="stable")
    return list(ranked.index[:number])


def sobol(
    run: Model, inputs: Sequence[str], kept: Sequence[str], seed: int, points: int = POINTS
) -> list[pd.DataFrame]:
    """For each output the shares of its variance by input of `kept`, and by all others together.

    `first_order` is explained by the input alone, `total` by the input with all that it does
    together with others; each has a 95 % interval. NaN where the output does not vary.
    """
    groups = [name if name in kept else REST for name in inputs]
    names = list(dict.fromkeys(groups))
    problem: dict[str, Any] = {"num_vars": len(inputs), "names": list(inputs), "groups": groups}
    problem["bounds"] = [(0, 1)] * len(inputs)
    u = sobol_design.sample(problem, points, calc_second_order=False, seed=seed)
    return [_shares(problem, values, names, seed) for values in run(u).T]


# ------------------------------------------------------------------------------------- helpers


def _shares(problem, values, names, seed) -> pd.DataFrame:
    found = dict.fromkeys(("S1", "S1_conf", "ST", "ST_conf"), np.full(len(names), np.nan))
    if np.ptp(values) > 1e-9 * max(1e-3, np.abs(values).max()):
        found = sobol_indices.analyze(
            problem, values, calc_second_order=False, num_resamples=RESAMPLES, seed=seed
        )
    parts = [
        _with_interval(name, np.asarray(found[key]), np.asarray(found[f"{key}_conf"]), names)
        for name, key in (("first_order", "S1"), ("total", "ST"))
    ]
    return pd.concat(parts, axis=1)


def _with_interval(name, mean, away, index) -> pd.DataFrame:
    columns = {name: mean, f"{name}_low": mean - away, f"{name}_high": mean + away}
    return pd.DataFrame(columns, index=index)


def _outcomes(sums, cell_km2, threats) -> np.ndarray:
    """(runs, outputs) of (units + 1, SUMS, runs)."""
    found = [tables.outcomes(of, cell_km2) for of in (sums.sum(0), *sums[1:])]
    wanted = list(OUTCOMES)[: None if threats else 1]
    return np.stack([of[outcome] for outcome in wanted for of in found], axis=1)

"""The draws: what is uncertain in a config, and a seeded design over all of it.

Inputs are numbers with a range, how threats add up, where things are, and the errors of surfaces
that know theirs. A scrambled Sobol sequence (Owen 1998) or a Latin hypercube spreads the draws over
all inputs at once, so that a few hundred are enough for means and percentiles.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from manul.config.nodes import terms
from manul.config.ranges import put
from manul.uncertainty.distributions import drawn, quantiles

CUMULATIVE, PLACES, FITTED = "cumulative", "places", "fitted habitat"


@dataclass(frozen=True)
class Draws:
    """A design of `number` draws.

    `values` are numbers by their paths, `modes` the draws of each way of adding threats, `places`
    the realisation of where things are in each draw (ascending), `errors` standard normal numbers
    for each surface with an error of its own, `fitted` the draws that take the habitat fitted to
    records in place of the expert's. Arrays have one entry a draw.
    """

    number: int
    values: Mapping[str, np.ndarray]
    modes: Mapping[str, np.ndarray]
    places: np.ndarray
    errors: Mapping[str, np.ndarray]
    fitted: np.ndarray

    def only(self, which: np.ndarray) -> "Draws":
        """Some of the draws, in their order."""
        place = {mode: np.flatnonzero(np.isin(which, of)) for mode, of in self.modes.items()}
        return Draws(
            len(which),
            {path: numbers[which] for path, numbers in self.values.items()},
            {mode: of for mode, of in place.items() if len(of)},
            self.places[which],
            {name: z[which] for name, z in self.errors.items()},
            self.fitted[which],
        )

    def table(self) -> pd.DataFrame:
        """One row for each draw, one column for each input that is drawn; modes by their names."""
        found: dict[str, Any] = dict(self.values)
        if len(self.modes) > 1:
            found[CUMULATIVE] = np.empty(self.number, object)
            for mode, which in self.modes.items():
                found[CUMULATIVE][which] = mode
        if self.places.any():
            found[PLACES] = self.places + 1
        found |= {_error(name): z for name, z in self.errors.items()}
        found |= {FITTED: self.fitted.astype(int)} if self.fitted.any() else {}
        return pd.DataFrame(found, index=range(1, self.number + 1)).rename_axis("draw")


def draw(spec: Mapping) -> Draws:
    """The draws of a `spec`: number, seed, design, parameters, cumulative, realisations, errors.

    `parameters` maps paths to numbers with their ranges, `cumulative` modes to probabilities,
    `errors` names surfaces, `fitted` is the chance of the habitat that is fitted to records. The
    same spec gives the same draws on any machine. Specs with the same `together` (inputs, and
    realisations: what `shared` gives of several) are of the same draws: an input that both have
    takes the same place in its range in each draw of both.
    """
    names = inputs(spec)
    every = spec.get("together", {}).get("inputs", names)
    points = _points(spec, len(every))
    return draws_at(points[:, [every.index(name) for name in names]], spec)[0]


def shared(specs: Iterable[Mapping]) -> dict:
    """What specs need to know of each other to have the same draws."""
    known = list(specs)
    names = dict.fromkeys(name for spec in known for name in inputs(spec))
    return {"inputs": list(names), "realisations": max(spec["realisations"] for spec in known)}


def draws_at(points: np.ndarray, spec: Mapping) -> tuple[Draws, np.ndarray]:
    """(draws at points of the unit cube, which point each draw is); shape (points, inputs).

    Columns are the `inputs` of the spec. Draws are in the order of their places.
    """
    from scipy.special import ndtri  # takes long to import

    names, places = inputs(spec), [1] * max(spec["realisations"], 1)
    ordered = [1] * max(spec.get("together", spec)["realisations"], 1)
    order = np.argsort(_chosen(points[:, names.index(PLACES)], ordered), kind="stable")
    u = dict(zip(names, points[order].T, strict=True))
    chances = {mode: p for mode, p in spec["cumulative"].items() if p > 0}
    mode = _chosen(u[CUMULATIVE], list(chances.values()))
    draws = Draws(
        len(points),
        {path: quantiles(block, u[path]) for path, block in _uncertain(spec).items()},
        {name: np.flatnonzero(mode == i) for i, name in enumerate(chances)},
        _chosen(u[PLACES], places),
        {name: ndtri(u[_of_day(name, spec)]) for name in spec["errors"]},
        u[FITTED] < spec.get("fitted", 0),
    )
    return draws, order


def inputs(spec: Mapping) -> list[str]:
    """What a point of the unit cube has a number for, by the names in the table of draws.

    The way of adding threats, the places and the habitat are among them even if there is one only.
    The error of a survey is another one on another `day`.
    """
    return [
        *_uncertain(spec),
        CUMULATIVE,
        PLACES,
        *(_of_day(n, spec) for n in spec["errors"]),
        FITTED,
    ]


def varied(spec: Mapping) -> list[str]:
    """What may differ from draw to draw, by the names in the table of draws."""
    found = list(_uncertain(spec))
    found += [CUMULATIVE] * (sum(chance > 0 for chance in spec["cumulative"].values()) > 1)
    found += [PLACES] * (spec["realisations"] > 1)
    found += map(_error, spec["errors"])
    return found + [FITTED] * (spec.get("fitted", 0) > 0)


def applied(model: dict, values: Mapping[str, np.ndarray]) -> dict:
    """A model in which the numbers at these paths are arrays of draws, float32.

    Paths that the model does not have are left out. Corners of a trapezoid stay in their order.
    Weights of a sum that add up to 1 do so in each draw, and those of less than 1, or a weight
    alone, to 1 at most: else a part of 0..1 would go beyond. A sum that has a response may be one
    of amounts, and its weights stay as they are drawn.
    """
    out = copy.deepcopy(model)
    sums = [b for b in _blocks(out) if b.get("combine") == "sum" and not b.get("response")]
    totals = [_total(sum_) for sum_ in sums]
    for path, numbers in values.items():
        put(out, path, np.asarray(numbers, "float32"))
    for sum_, told in zip(sums, totals, strict=True):
        total = _total(sum_)
        if np.ndim(total) and told < 1 + 1e-6:
            several = len(_terms(sum_)) > 1
            part = total if several and told > 1 - 1e-6 else np.maximum(total, 1)
            for term in _terms(sum_):
                term["weight"] = np.asarray(term["weight"] / part, "float32")
    for block in (b["trapezoid"] for b in _blocks(out) if isinstance(b.get("trapezoid"), dict)):
        for before, name in zip("abc", "bcd", strict=True):
            if np.ndim(block[before]) or np.ndim(block[name]):
                least = np.nextafter(np.asarray(block[before], "float32"), np.float32(np.inf))
                free = name == "c"  # b and c may be one
                block[name] = np.maximum(block[name], block[before] if free else least)
    return out


# ------------------------------------------------------------------------------------- helpers


def _uncertain(spec) -> dict[str, Mapping]:
    return {path: block for path, block in spec["parameters"].items() if drawn(block)}


def _error(surface) -> str:
    return f"error of {surface}"


def _of_day(surface, spec) -> str:
    return " on ".join(filter(None, [_error(surface), spec.get("day")]))


def _points(spec, dimensions) -> np.ndarray:
    """Points of the unit cube, shape (number, dimensions)."""
    from scipy.stats import qmc  # takes long to import, and few jobs draw

    if spec["design"] == "latin_hypercube":
        return qmc.LatinHypercube(dimensions, rng=spec["seed"]).random(spec["number"])
    sobol = qmc.Sobol(dimensions, scramble=True, rng=spec["seed"])
    whole = sobol.random_base2(int(np.ceil(np.log2(max(spec["number"], 2)))))
    return np.clip(whole[: spec["number"]], 1e-9, 1 - 1e-9)


def _chosen(u, weights) -> np.ndarray:
    """Which of several things each number of 0..1 chooses, by their weights."""
    edges = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(edges[:-1], u, side="right")


def _blocks(block) -> Iterator[dict]:
    """Every block in a block of the config, at any depth, and itself."""
    if isinstance(block, dict):
        yield block
    for value in block.values() if isinstance(block, dict) else block:
        if isinstance(value, (dict, list)):
            yield from _blocks(value)


def _terms(sum_: Any) -> list[Any]:
    return list(terms(sum_))


def _total(sum_) -> Any:
    return sum(term["weight"] for term in _terms(sum_))

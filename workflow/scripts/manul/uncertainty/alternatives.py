"""A surface as it might be: at nodes of the parameters inside it, and with its layers displaced.

A draw cannot make a surface again for each value of a decay length or a half-life. So the surface
is made at a few nodes of each such parameter, one at a time, and a draw interpolates between them,
for effects in the form -ln(1 - e), which is smooth and in which causes add. Where positions are
uncertain there is one such set for each realisation of the places.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from manul import surfaces
from manul.config import ranges
from manul.grid import block_maps, rasters
from manul.model.cumulative import amount
from manul.uncertainty import design
from manul.uncertainty.displaced import Displaced

WIDE = 4  # a parameter whose range spans more than this factor has nodes between its ends as well
SEED = 7919  # of displaced layers, beside the number of the realisation


@dataclass(frozen=True)
class Alternative:
    """One band: the realisation of the places (0: as they are drawn), and what is changed."""

    place: int
    path: str = ""
    value: float = 0.0

    @property
    def name(self) -> str:
        """What the band is called."""
        where = f"places {self.place}" if self.place else "places as drawn"
        return f"{where}; {self.path} = {self.value:g}" if self.path else where


def nodes_of(parameter: Mapping) -> list[float]:
    """Where a parameter inside a surface is looked at, its value among them; ascending."""
    low, high = parameter["range"]
    value = float(parameter["value"])
    middle = (lambda a, b: (a * b) ** 0.5) if low > 0 else (lambda a, b: (a + b) / 2)
    found = {float(low), value, float(high)}
    if low <= 0 or high > WIDE * low:
        found |= {middle(low, value), middle(value, high)}
    return sorted(found)


def alternatives(spec: Mapping) -> list[Alternative]:
    """The bands of a surface with a `spec` of `parameters` and a number of `realisations`."""
    places = range(1, spec["realisations"] + 1) if spec["realisations"] else [0]
    return [
        one
        for place in places
        for one in (
            Alternative(place),
            *(
                Alternative(place, path, node)
                for path, p in spec["parameters"].items()
                for node in nodes_of(p)
                if node != p["value"]
            ),
        )
    ]


def changed(block: dict, rules: dict, name: str, one: Alternative) -> tuple[dict, dict]:
    """The block and the rules of a surface with one parameter at another value."""
    whole = {"surfaces": {name: copy.deepcopy(block)}} | copy.deepcopy(rules)
    if one.path and not ranges.put(whole, one.path, one.value):
        raise KeyError(f"surface {name} has no parameter {one.path}")
    return whole.pop("surfaces")[name], whole


def sources_of(
    layers: Mapping,
    rules: dict,
    errors_m: Mapping[str, float],
    place: int,
    folder: Path | None = None,
):
    """The sources of a surface, with the layers of `errors_m` displaced (place 0: as drawn)."""
    moved = {
        name: Displaced(layers[name], error, SEED * place + i)
        for i, (name, error) in enumerate(sorted(errors_m.items()))
    }
    return surfaces.Sources({**layers, **moved} if place else layers, rules, folder)


class Between:
    """A surface between its alternatives, in every draw.

    `bands` are the names of the alternatives that are needed, in the order of `__call__`.
    Parameters of `without_effect` need none.
    """

    def __init__(
        self,
        spec: Mapping,
        draws: design.Draws,
        saturating: bool,
        without_effect: Iterable[str] = (),
    ):
        live = {p: b for p, b in spec["parameters"].items() if p not in set(without_effect)}
        every = alternatives({**spec, "parameters": live})
        self.bands = [one.name for one in every]
        self.saturating = saturating
        places = sorted({one.place for one in every})
        self._parts = []  # for each place: number of its draws, [(band, its weight in each draw)]
        for i, place in enumerate(places):
            which = np.flatnonzero(draws.places == i) if len(places) > 1 else slice(None)
            values = {path: draws.values[path][which] for path in live if path in draws.values}
            mine = [(n, one) for n, one in enumerate(every) if one.place == place]
            weights = _weights(mine, live, values)
            self._parts.append((len(draws.places[which]), weights))

    def narrowed(self) -> "tuple[Between, list[int]]":
        """The same of the bands that these draws need alone, and which of `bands` they are.

        A few draws are at few places, and their other bands need not be read.
        """
        parts = [part for part in self._parts if part[0]]
        used = sorted({n for _, weights in parts for n, _ in weights})
        out = copy.copy(self)
        out.bands = [self.bands[n] for n in used]
        out._parts = [(number, [(used.index(n), w) for n, w in of]) for number, of in parts]
        return out, used

    def __call__(self, bands: np.ndarray) -> np.ndarray:
        """The surface in every draw: (cells, draws) from (alternatives, cells), float32.

        Shape (cells, 1) where nothing of it is drawn.
        """
        form = amount(bands) if self.saturating else bands
        parts = [_weighed(form, weights) for _, weights in self._parts]
        if len(parts) > 1:
            sizes = [number for number, _ in self._parts]
            shapes = [(bands.shape[1], number) for number in sizes]
            parts = [np.broadcast_to(p, s) for p, s in zip(parts, shapes, strict=True)]
        out = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        return 1 - np.exp(-np.maximum(out, 0)) if self.saturating else out


def interpolation_weights(nodes: Iterable[float], values) -> np.ndarray:
    """Lagrange weights of each node at each value, shape (nodes, values).

    Nodes are spread by factors, so both are taken as logarithms where all are above 0.
    """
    t, x = np.asarray(list(nodes), float), np.asarray(values, float)
    if (t > 0).all():
        t, x = np.log(t), np.log(np.maximum(x, 1e-30))
    out = np.ones((len(t), len(x)))
    for i in range(len(t)):
        for j in range(len(t)):
            if i != j:
                out[i] *= (x - t[j]) / (t[i] - t[j])
    return out.astype("float32")


def on_block(name: str, made: list, grid, at) -> dict[str, dict[str, np.ndarray]]:
    """{name: bands by name} on (row0, row1, column0, column1) of the grid.

    `made` holds for each alternative its band's name, its block and its sources.
    """
    here = block_maps.part(grid, at)
    return {name: {band: sources.of(block, here) for band, block, sources in made}}


def windows(name: str, made: list, grid) -> Callable:
    """The same of windows (rows, columns), of a surface that is worked out at once."""
    each = {band: surfaces.windows(block, grid, sources) for band, block, sources in made}
    return lambda *at: {name: {band: next(iter(of(*at).values())) for band, of in each.items()}}


def largest_changes(path, spec: Mapping, blocks: Iterable) -> pd.DataFrame:
    """How far each parameter changes the surface at most, anywhere: columns parameter, change.

    From the finished file of the alternatives; 0 where a parameter changes nothing, as the
    half-life of a compound that no event names.
    """
    every = alternatives(spec)
    change = dict.fromkeys(spec["parameters"], 0.0)
    for block in blocks:
        bands = rasters.read_bands(path, block, range(1, len(every) + 1))
        for i, one in enumerate(every):
            if one.path:
                base = bands[every.index(Alternative(one.place))]
                change[one.path] = max(
                    change[one.path], float(np.nanmax(np.abs(bands[i] - base), initial=0))
                )
    return pd.DataFrame({"parameter": list(change), "change": list(change.values())})


# ------------------------------------------------------------------------------------- helpers


def _weights(mine, parameters, values) -> list[tuple[int, np.ndarray]]:
    """The weight of each band of one place; those of all bands add up to 1 in every draw."""
    (base, _), *rest = mine
    found, left = [], np.ones(1, "float32")
    for path, parameter in parameters.items():
        if path not in values:
            continue
        nodes = nodes_of(parameter)
        inside = np.clip(values[path], nodes[0], nodes[-1])  # experts may have gone beyond
        each = dict(zip(nodes, interpolation_weights(nodes, inside), strict=True))
        for n, one in rest:
            if one.path == path:
                found.append((n, each[one.value]))
                left = left - each[one.value]
    return [(base, left), *found]


def _weighed(form, weights) -> np.ndarray:
    """Sum of the bands by their weights, in one order, so that bits do not depend on the cells."""
    if len(weights) == 1:
        return form[weights[0][0]][:, None]
    out = form[weights[0][0]][:, None] * weights[0][1]
    part = np.empty_like(out)
    for n, weight in weights[1:]:
        np.multiply(form[n][:, None], weight, out=part)
        out += part
    return out

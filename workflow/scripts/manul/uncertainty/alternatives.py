"""A surface as it might be: at nodes of the parameters inside it, and with its layers displaced.

A draw cannot make a surface again for each value of a decay length or a half-life. So the surface
is made at a few nodes of each such parameter, one at a time, and a draw interpolates between them,
for effects in the form -ln(1 - e), which is smooth and in which causes add. Where positions are
uncertain there is one such set for each realisation of the places.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from manul import surfaces
from manul.uncertainty import design
from manul.uncertainty.displaced import Displaced
from manul.uncertainty.distributions import drawn

WIDE = 4  # a parameter whose range spans more than this factor has nodes between its ends as well
LARGEST = np.float32(1 - 1e-6)
LOOK = 128  # cells along the longer side of the grid on which effects of parameters are looked for
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
    if one.path and not design.put(whole, one.path, one.value):
        raise KeyError(f"surface {name} has no parameter {one.path}")
    return whole.pop("surfaces")[name], whole


def sources_of(layers: Mapping, rules: dict, errors_m: Mapping[str, float], place: int):
    """The sources of a surface, with the layers of `errors_m` displaced (place 0: as drawn)."""
    moved = {
        name: Displaced(layers[name], error, SEED * place + i)
        for i, (name, error) in enumerate(sorted(errors_m.items()))
    }
    return surfaces.Sources({**layers, **moved} if place else layers, rules)


def interpolated(
    bands: np.ndarray, spec: Mapping, draws: design.Draws, saturating: bool
) -> np.ndarray:
    """The surface in every draw: (cells, draws) from `bands`, (alternatives, cells), float32.

    Shape (cells, 1) where nothing of it is drawn.
    """
    every = alternatives(spec)
    form = _summed(bands) if saturating else bands
    places = sorted({one.place for one in every})
    if len(places) == 1:
        return _finished(_at_place(form, every, spec, draws.values), saturating)
    found = []
    for i, place in enumerate(places):
        which = np.flatnonzero(draws.places == i)
        of = [n for n, one in enumerate(every) if one.place == place]
        values = {path: numbers[which] for path, numbers in draws.values.items()}
        part = _at_place(form[of], [every[n] for n in of], spec, values)
        found.append(np.broadcast_to(part, (part.shape[0], len(which))))
    return _finished(np.concatenate(found, axis=1), saturating)


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


def without_effect(name: str, block: dict, rules: dict, spec: Mapping, sources, grid) -> list[str]:
    """The parameters that change nothing: half-lives of compounds that no event names, say.

    Seen on a coarse grid of the whole region, at both ends of each range.
    """
    coarse = grid.zoom_out(max(1.0, max(grid.shape) / LOOK))
    base = sources(block, rules, 0).of(block, coarse)
    out = []
    for path, parameter in spec["parameters"].items():
        ends = []
        for node in parameter["range"]:
            there, with_it = changed(block, rules, name, Alternative(0, path, node))
            ends.append(sources(there, with_it, 0).of(there, coarse))
        if all(np.array_equal(base, end, equal_nan=True) for end in ends):
            out.append(path)
    return out


def on_block(name: str, made: list, grid, at) -> dict[str, dict[str, np.ndarray]]:
    """{name: bands by name} on (row0, row1, column0, column1) of the grid.

    `made` holds for each alternative its band's name, its block and its sources, or in their place
    the name of the band that it equals.
    """
    row0, row1, column0, column1 = at
    part = grid[row0:row1, column0:column1]
    bands: dict[str, np.ndarray] = {}
    for band, block, sources in made:
        bands[band] = bands[sources] if block is None else sources.of(block, part)
    return {name: bands}


# ------------------------------------------------------------------------------------- helpers


def _at_place(form, every, spec, values) -> np.ndarray:
    """The base, plus for each parameter what it changes."""
    base = form[0][:, None]
    out = base
    for path, parameter in spec["parameters"].items():
        if not drawn(parameter) or path not in values:
            continue
        weights = interpolation_weights(nodes := nodes_of(parameter), values[path])
        bands = {one.value: form[i] for i, one in enumerate(every) if one.path == path}
        for node, weight in zip(nodes, weights, strict=True):
            if node != parameter["value"]:
                out = out + (bands[node] - form[0])[:, None] * weight
    return out


def _summed(e) -> np.ndarray:
    return -np.log1p(-np.minimum(e, LARGEST))


def _finished(form, saturating) -> np.ndarray:
    return 1 - np.exp(-np.maximum(form, 0)) if saturating else form

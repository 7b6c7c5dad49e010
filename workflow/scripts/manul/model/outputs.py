"""The model over a region, block by block: each surface read once, each result written once."""

from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from manul.config import nodes
from manul.grid import rasters, vectors
from manul.grid.block_maps import CLASS_NODATA
from manul.grid.burn import burn_inside
from manul.model import cells
from manul.model.cumulative import NO_DOMINANT

BLOCK = 1024
CACHED_CELLS = 65536
FIT_BLOCK = 512  # cells along the side of the blocks that a fitted model predicts


@dataclass(frozen=True)
class Output:
    """One raster of the model: band name -> (key of `model.evaluate`, unit)."""

    path: str
    bands: dict[str, tuple[str, str]]
    surfaces: tuple[str, ...]
    categories: dict[int, str] | None = None

    def pick(self, made: dict) -> list[np.ndarray]:
        """The arrays of this output's bands."""
        return [made[key] for key, _ in self.bands.values()]

    @property
    def units(self) -> dict[str, str]:
        """Band name -> unit."""
        return {name: unit for name, (_, unit) in self.bands.items()}


def outputs(parameters: dict, paths) -> list[Output]:
    """Every raster of the model, with the surfaces that stand behind it."""
    habitat, threats = parameters["habitat"], parameters["threats"]
    of_habitat = _surfaces(*habitat["components"].values(), *habitat["gates"].values())
    per_threat = {name: _of_threat(t, habitat, of_habitat) for name, t in threats.items()}
    of_threats = tuple(dict.fromkeys(s for used in per_threat.values() for s in used))
    everything = tuple(dict.fromkeys((*of_habitat, *of_threats)))
    parts = {f"{n}": (f"component:{n}", "0..1") for n in habitat["components"]}
    parts |= {f"gate_{n}": (f"gate:{n}", "0..1") for n in habitat["gates"]}
    parts |= {"n_components": ("n_components", "count")}
    names = {i: t.get("title", n) for i, (n, t) in enumerate(threats.items(), 1)}
    names = {NO_DOMINANT: "none", **names}
    single = {
        paths.habitat: ("habitat", "habitat suitability", of_habitat),
        paths.reference: ("habitat_reference", "reference habitat suitability", of_habitat),
        paths.quality: ("quality", "realised quality", everything),
        paths.value: ("value_at_risk", "value at risk", everything),
        paths.threat: ("threat", "cumulative threat", of_threats),
    }
    made = [Output(p, {n: (k, "0..1")}, used) for p, (k, n, used) in single.items()]
    made.append(Output(paths.components, parts, of_habitat))
    made.append(
        Output(paths.dominant, {"dominant threat": ("dominant_threat", "")}, of_threats, names)
    )
    made.append(
        Output(
            paths.missing,
            {"missing inputs": ("missing_inputs", "count")},
            everything,
            {0: "number of inputs that are unknown in the cell"},
        )
    )
    for path, (name, used) in zip(paths.threats, per_threat.items(), strict=True):
        bands = {"effect": (f"effect:{name}", "0..1"), "share": (f"share:{name}", "0..1")}
        made.append(Output(path, bands, used))
    return made


def on_block(made, files: dict, mask: list, grid: GeoBox, parameters: dict, block) -> list:
    """For each output, its bands on (row0, row1, column0, column1); nodata outside the mask."""
    surfaces = {name: rasters.read_block(path, block) for name, path in files.items()}
    results = _in_strips(surfaces, parameters)
    if mask:
        row0, row1, column0, column1 = block
        shapes = vectors.read_vector(mask[0]).geometry
        outside = ~burn_inside(shapes, grid[row0:row1, column0:column1])
        results = {name: _blank(array, outside) for name, array in results.items()}
    return [output.pick(results) for output in made]


def _in_strips(surfaces, parameters) -> dict:
    """`model.evaluate` a few rows at a time: what fits a processor cache takes half the time."""
    height, width = next(iter(surfaces.values())).shape
    rows = max(1, CACHED_CELLS // width)
    parts = [
        cells.evaluate({name: a[r : r + rows] for name, a in surfaces.items()}, parameters)
        for r in range(0, height, rows)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _blank(array, outside):
    nodata = CLASS_NODATA if array.dtype == "uint8" else np.float32(np.nan)
    return np.where(outside, nodata, array)


def _surfaces(*blocks) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for b in blocks for name in nodes.leaves(b, "surface")))


def _of_threat(threat, habitat, of_habitat) -> tuple[str, ...]:
    used = [*_surfaces(threat, threat.get("footprint") or {})]
    for name in nodes.leaves(threat, "component"):
        used += _surfaces(habitat["components"][name])
    if any(nodes.leaves(threat, "loss_from")):
        used += of_habitat
    return tuple(dict.fromkeys(used))

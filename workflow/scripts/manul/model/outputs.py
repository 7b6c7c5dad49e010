"""Which raster holds which result of the model, and the model over a region, block by block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from odc.geo.geobox import GeoBox

from manul.config import nodes
from manul.config.types import Habitat
from manul.grid import block_maps, rasters, vectors
from manul.grid.block_maps import CLASS_NODATA
from manul.model import cells
from manul.model.cumulative import NO_DOMINANT

BLOCK = 1024
CACHED_CELLS = 65536


class Band(NamedTuple):
    """A band of a map: the name that the index and cell expressions know it by, its description in
    the file, its unit, its title for people, and the key of the model's result that it holds."""

    name: str
    label: str
    unit: str
    title: str
    key: str


@dataclass(frozen=True)
class Map:
    """A raster of the model: its name is its path in the scenario's folder, without the ending.

    `surfaces` stand behind it. With `categories` it holds classes.
    """

    name: str
    bands: tuple[Band, ...]
    surfaces: tuple[str, ...]
    categories: Mapping[int, str] | None = None

    @property
    def units(self) -> dict[str, str]:
        """Band description -> unit."""
        return {band.label: band.unit for band in self.bands}


def habitat_maps(habitat: Habitat) -> list[Map]:
    """The maps of the habitat."""
    parts = {**habitat["components"], **{f"gate_{n}": g for n, g in habitat["gates"].items()}}
    used = tuple(cells.inputs(*parts.values()))
    bands = [
        Band(f"component_{n}", n, "0..1", c.get("title", n), f"component:{n}")
        for n, c in habitat["components"].items()
    ]
    bands += [
        Band(f"gate_{n}", f"gate_{n}", "0..1", g.get("title", n), f"gate:{n}")
        for n, g in habitat["gates"].items()
    ]
    counts = {"n_components": "Known components", "missing": "Unknown inputs of habitat"}
    bands += [Band(name, name, "count", title, name) for name, title in counts.items()]
    now = Band("habitat", "habitat suitability", "0..1", "Habitat now", "habitat")
    title = f"Habitat before the loss of {habitat['loss']}" if habitat["loss"] else "Habitat before"
    label = "reference habitat suitability"
    before = [Band("habitat_reference", label, "0..1", title, "habitat_reference")]
    several = len(habitat["reference"]) > 1
    before += [
        Band(f"reference_{n}", f"reference_{n}", "0..1", f"{title}: {n}", f"reference:{n}")
        for n in (habitat["reference"] if several else ())
    ]
    return [
        Map("habitat", (now,), used),
        Map("habitat_reference", tuple(before), used),
        Map("habitat_components", tuple(bands), used),
    ]


def threat_maps(model: dict) -> list[Map]:
    """The maps of the threats; `model` is what the job is told."""
    habitat, threats = model["habitat"], model["threats"]
    of_habitat = tuple(cells.inputs(*cells.parts(habitat)))
    per_threat = {name: _behind(t, habitat) for name, t in threats.items()}
    of_threats = tuple(dict.fromkeys(s for used in per_threat.values() for s in used))
    everything = tuple(dict.fromkeys((*of_habitat, *of_threats)))
    named = {i: threat.get("title", name) for i, (name, threat) in enumerate(threats.items(), 1)}
    out = [
        _single("threat", "cumulative threat", "Cumulative threat", of_threats),
        _single("quality", "realised quality", "Realised quality", everything),
        _single("value_at_risk", "value at risk", "Value at risk", everything),
        Map(
            "dominant_threat",
            (
                Band(
                    "dominant_threat", "dominant threat", "", "Strongest threat", "dominant_threat"
                ),
            ),
            of_threats,
            {NO_DOMINANT: "none", **named},
        ),
        Map(
            "missing_inputs",
            (
                Band(
                    "missing_inputs", "missing inputs", "count", "Unknown inputs", "missing_inputs"
                ),
            ),
            everything,
            {0: "number of inputs that are unknown in the cell"},
        ),
    ]
    for name, used in per_threat.items():
        title = threats[name].get("title", name)
        effect = Band(f"effect_{name}", "effect", "0..1", title, f"effect:{name}")
        share = Band(f"share_{name}", "share", "0..1", f"{title}: share", f"share:{name}")
        out.append(Map(f"threats/{name}", (effect, share), used))
    return out


def bands_of(maps: list[Map], files: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Where each result lies: key -> (path, band); `files` are paths by the names of the maps."""
    return {band.key: (files[m.name], i) for m in maps for i, band in enumerate(m.bands, 1)}


def habitat_on_block(habitat, maps, files: dict, mask: list, grid: GeoBox, block) -> dict:
    """The bands of each map of the habitat on (row0, row1, column0, column1)."""
    surfaces = {name: rasters.read_block(path, block) for name, path in files.items()}
    results = _in_strips(lambda part: cells.habitat(part, habitat), surfaces)
    return _picked(maps, results, mask, grid, block)


def threats_on_block(model, maps, files: dict, found: dict, mask: list, grid, block) -> dict:
    """The same of the threats; `found` maps keys of `cells.habitat` to (path, band)."""
    surfaces = {name: rasters.read_block(path, block) for name, path in files.items()}
    read = {key: found[key] for key in cells.needed_of_habitat(model) if key in found}
    of_habitat = {key: rasters.read_block(path, block, band) for key, (path, band) in read.items()}

    def evaluate(part):
        habitat = {key: part[f"found {key}"] for key in of_habitat}
        return cells.threats(part, habitat, model)

    every = surfaces | {f"found {key}": array for key, array in of_habitat.items()}
    return _picked(maps, _in_strips(evaluate, every), mask, grid, block)


# ------------------------------------------------------------------------------------- helpers


def _single(name, label, title, used) -> Map:
    return Map(name, (Band(name, label, "0..1", title, name),), used)


def _picked(maps, results, mask, grid, block) -> dict:
    """For each map its bands by description; nodata outside the mask."""
    if mask:
        outside = ~vectors.inside(mask, block_maps.part(grid, block))
        results = {name: _blank(array, outside) for name, array in results.items()}
    return {m.name: {band.label: results[band.key] for band in m.bands} for m in maps}


def _in_strips(evaluate, arrays) -> dict:
    """`evaluate` a few rows at a time: what fits a processor cache takes half the time."""
    height, width = next(iter(arrays.values())).shape
    rows = max(1, CACHED_CELLS // width)
    parts = [
        evaluate({name: a[r : r + rows] for name, a in arrays.items()})
        for r in range(0, height, rows)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _blank(array, outside):
    nodata = CLASS_NODATA if array.dtype == "uint8" else np.float32(np.nan)
    return np.where(outside, nodata, array)


def _behind(threat, habitat) -> tuple[str, ...]:
    """The surfaces behind a threat; those of the habitat where it rests on that."""
    used = cells.threat_inputs({"": threat})
    for name in nodes.leaves(threat, "component"):
        used += cells.inputs(habitat["components"][name])
    if any(nodes.leaves(threat, "loss_from")):
        used += cells.inputs(*cells.parts(habitat))
    return tuple(dict.fromkeys(used))

"""Kinds of surface by name, and how one is made on any grid.

To add a kind: write a function of (block, grid, sources) in the file of its subject, register it
with `@kind("name")`, and give it a closed schema under `$defs.surfaces` of the config's schema. It
returns one array of the grid, or bands by name of which the first is the surface itself. It must
give the same numbers for a whole region and for any block of it, so it reads as far beyond the
block as it reaches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import numpy as np
import pandas as pd
from affine import Affine
from odc.geo.geobox import GeoBox

from manul.config import schema
from manul.config.nodes import layers_of
from manul.config.types import Surface
from manul.grid.block_maps import part
from manul.grid.burn import burn_inside

LOOK = 32  # cells along the side of the tiles in which single cells are looked up
_LOCK = RLock()
SMALLEST = 512  # side of the blocks of what divides cells
BLOCK = 2048  # cells along the side of a block; each block reads its own margin


@dataclass(frozen=True)
class Kind:
    """How surfaces of a kind are made; `bands` are further ones (name: unit).

    `whole`: a cell depends on far ones over paths, so `make` is asked once, for the whole grid, and
    what it gives need only give windows, as `DiskMap`s do. `fineness(block, grid)`: cells into
    which a side of a cell is divided, for blocks that are the smaller. `saturating`: an effect of
    0..1 of which several sources add up as 1 - prod(1 - e).
    """

    make: Callable
    bands: Mapping[str, str]
    whole: bool
    fineness: Callable
    saturating: bool = False


KINDS: dict[str, Kind] = {}


def kind(
    name: str,
    bands: Mapping[str, str] | None = None,
    whole: bool = False,
    spec: dict | None = None,
    fineness: Callable = lambda block, grid: 1,
    saturating: bool = False,
) -> Callable:
    """Register a function as the maker of a kind of surface.

    `spec` is its closed schema, for a kind of an extension; ours stand in the config's schema.
    """

    def register(make):
        KINDS[name] = Kind(make, bands or {}, whole, fineness, saturating)
        if spec:
            schema.add_kind("surfaces", name, spec)
        return make

    return register


@dataclass(frozen=True)
class Sources:
    """What surfaces are made from.

    `layers` maps names to readers: `read(crs, bounds, margin)` for rasters; `read(bounds)` for what
    of a vector layer in the grid's CRS may touch the bounds, `read()` for all of it, `rows()` for
    that and what has no place. `rules` holds the `kinds` of the layers and, where a kind asks for
    them, `as_of`, `compounds`, `poison` and `burrows` of the config. Maps that are large may lie in
    `folder`, if there is one, while they are worked on.
    """

    layers: Mapping
    rules: Mapping = field(default_factory=dict)
    folder: Path | None = None
    known: dict = field(default_factory=dict, compare=False)  # what was worked out for all blocks

    def of(self, block: Surface, grid: GeoBox) -> np.ndarray:
        """The surface of a block within another one, float32."""
        return next(iter(make(block, grid, self).values()))

    def at(self, block: Surface, grid: GeoBox, x, y) -> np.ndarray:
        """That surface at points, also beyond the grid: of the cell of its lattice they lie in."""
        column, row = (
            np.floor(n).astype(int) for n in ~grid.affine @ (np.asarray(x), np.asarray(y))
        )
        out = np.full(len(column), np.nan, "float32")
        tiles = pd.DataFrame({"r": row // LOOK, "c": column // LOOK}).groupby(["r", "c"]).indices
        for (r, c), points in tiles.items():
            corner = grid.affine @ Affine.translation(c * LOOK, r * LOOK)
            values = self.of(block, GeoBox((LOOK, LOOK), corner, grid.crs))
            out[points] = values[row[points] - r * LOOK, column[points] - c * LOOK]
        return out

    def once(self, key: str, work: Callable):
        """What `work()` gives, worked out once for all blocks of a job."""
        with _LOCK:
            if key not in self.known:
                self.known[key] = work()
            return self.known[key]


def make(block: Surface, grid: GeoBox, sources: Sources) -> dict[str, np.ndarray]:
    """The surface on the grid, float32, NaN where unknown; the first entry is the surface."""
    return windows(block, grid, sources)(slice(0, grid.height), slice(0, grid.width))


def windows(block: Surface, grid: GeoBox, sources: Sources) -> Callable:
    """What makes windows (rows, columns) of the surface on a grid, as `make` does.

    A kind that is `whole` is worked out at once, when the first window is asked for.
    """
    of, lock, held = KINDS[block["kind"]], Lock(), list[Any]()

    def window(rows, columns):
        here = grid[rows, columns]
        if of.whole:
            with lock:
                if not held:
                    held.append(_bands(of.make(block, grid, sources)))
            made = {name: band[rows, columns] for name, band in held[0].items()}
        else:
            made = _bands(of.make(block, here, sources))
        bands_ = {name: np.asarray(band, "float32") for name, band in made.items()}
        known = _surveyed(block, here, sources)
        if known is None:
            return bands_
        return {name: np.where(known, band, np.float32(np.nan)) for name, band in bands_.items()}

    return window


def _bands(made) -> dict:
    """Bands by name of what a kind makes."""
    return made if isinstance(made, dict) else {"value": made}


def _surveyed(block, grid, sources) -> np.ndarray | None:
    """True where every vector layer of a surface was surveyed; None where no layer tells."""
    extents = [getattr(sources.layers.get(name), "extent", None) for name in layers_of(block)]
    inside = [burn_inside([extent], grid) for extent in extents if extent is not None]
    return np.logical_and.reduce(inside) if inside else None


def on_block(name: str, block: Surface, grid: GeoBox, sources: Sources, at) -> dict:
    """{name: bands} of a surface on (row0, row1, column0, column1) of the grid."""
    return {name: make(block, part(grid, at), sources)}


def bands(block: Surface) -> dict[str, str]:
    """Band names and units of a surface; the surface itself comes first, other dates last."""
    unit = block.get("units", "")
    dates = {f"value_{day}": unit for day in block.get("dates", [])}
    return {"value": unit, **KINDS[block["kind"]].bands, **dates}


def block_size(block: Surface, grid: GeoBox) -> int:
    """Cells along the side of the blocks that a surface can be made in."""
    of = KINDS[block["kind"]]
    return max(SMALLEST, BLOCK // of.fineness(block, grid) // SMALLEST * SMALLEST)

"""Windows of maps by name, as the rules of the workflow read them: what is named, and no more."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from manul.config.expressions import evaluate
from manul.grid import provenance
from manul.grid.map_tags import read_provenance

TILE = 512  # cells along the side of the windows that are kept
KEPT_MB = 256


@dataclass(frozen=True)
class Source:
    """Where a map lies: a band of a file; with `codes`, the cells whose class is one of them."""

    path: str
    band: int = 1
    title: str = ""
    unit: str = ""
    codes: tuple[int, ...] = ()

    def read(self, overview: int | None = None, window: Window | None = None) -> np.ndarray:
        """The map, or a window of it; of an overview if one is named (0: of half as many cells)."""
        options = {} if overview is None else {"overview_level": overview}
        with rasterio.open(self.path, **options) as raster:
            values = raster.read(self.band, window=window)
        return np.isin(values, self.codes) if self.codes else values


class Fields(Mapping):
    """Windows of maps by name, for cell expressions: what is named is read, and no more.

    `fields[name]` is the whole map; `fields.window(text, rows, columns)` an expression over some
    rows and columns (slices). Maps of `codes` are booleans. A map whose source is None cannot be
    made here and is unknown everywhere. A map may also be given as an array of the grid's shape.
    """

    def __init__(self, sources: Mapping[str, Source | np.ndarray | None], grid: GeoBox):
        self.sources, self.grid = dict(sources), grid
        self._kept: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._bytes, self._lock = 0, Lock()
        there = {name: source for name, source in sources.items() if source is not None}
        self._shapes = {
            name: _shape(source) if isinstance(source, Source) else np.shape(source)
            for name, source in there.items()
        }
        self._under: Fields | None = None
        self._check()

    def replaced(self, maps: Mapping[str, np.ndarray]) -> "Fields":
        """The same maps, some of them others; what is open stays so, and what is kept."""
        out = Fields(maps, self.grid)
        out.sources, out._under = {**self.sources, **maps}, self
        return out

    def __getitem__(self, name: str) -> np.ndarray:
        height, width = self.grid.shape
        return self.window(name, slice(0, height), slice(0, width))

    def __iter__(self) -> Iterator[str]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    def has(self, name: str) -> bool:
        """True for a map that there is; one that cannot be made is unknown everywhere."""
        return self.sources.get(name) is not None

    def at(self, rows: slice, columns: slice) -> Mapping[str, np.ndarray]:
        """The maps over a window, each read when it is asked for."""
        height, width = self.grid.shape
        return _At(self, slice(*rows.indices(height)), slice(*columns.indices(width)))

    def window(self, what: str | Callable, rows: slice, columns: slice) -> np.ndarray:
        """A cell expression over a window, or what a function makes of the maps there."""
        if callable(what):
            return what(self.at(rows, columns))
        if what in self.sources:
            return self._map(what, rows, columns)
        return evaluate(what, self.at(rows, columns))

    def total(self, what: str | Callable) -> tuple[float, int]:
        """Sum over the known cells of the whole map, and how many they are."""
        total, number = 0.0, 0
        for at in self.blocks():
            values = np.asarray(self.window(what, *at), "float64")
            known = np.isfinite(values)
            total, number = total + values[known].sum(), number + int(known.sum())
        return float(total), number

    def extremes(self, what: str | Callable) -> tuple[float, float]:
        """Smallest and largest known value of the whole map; NaN where none is known."""
        low, high = np.nan, np.nan
        for at in self.blocks():
            values = np.asarray(self.window(what, *at), "float64")
            low = np.fmin(low, np.fmin.reduce(values, axis=None))
            high = np.fmax(high, np.fmax.reduce(values, axis=None))
        return float(low), float(high)

    def sample(self, what: str | Callable, most: int = 10**6) -> np.ndarray:
        """Known values, at most about so many, of cells spread evenly over the map."""
        step = max(1, int(np.sqrt(np.prod(self.grid.shape) / most)))
        found = [self.window(what, *at)[::step, ::step].ravel() for at in self.blocks()]
        values = np.concatenate(found)
        return values[np.isfinite(values)]

    def provenance(self, named: Iterable[str]) -> dict:
        """The layers behind some maps; a name that is no map counts for nothing."""
        sources = (self.sources.get(name) for name in named)
        paths = {source.path for source in sources if isinstance(source, Source)}
        return provenance.merge(*(read_provenance(path) for path in sorted(paths)))

    def blocks(self, size: int = 2048) -> Iterator[tuple[slice, slice]]:
        """Windows (rows, columns) that cover the grid, row by row."""
        height, width = self.grid.shape
        for row in range(0, height, size):
            for column in range(0, width, size):
                yield (
                    slice(row, min(row + size, height)),
                    slice(column, min(column + size, width)),
                )

    def _map(self, name, rows, columns) -> np.ndarray:
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if self._under is not None and name not in self._shapes:
            return self._under._map(name, rows, columns)
        if not self.has(name):
            return np.full((height, width), np.nan, "float32")
        tiles = [
            (r, c)
            for r in range(rows.start // TILE, -(-rows.stop // TILE))
            for c in range(columns.start // TILE, -(-columns.stop // TILE))
        ]
        if len(tiles) > KEPT_MB // 8:  # much at once: not through what is kept
            return self._read(name, rows, columns)
        out = None
        for r, c in tiles:
            tile = self._tile(name, r, c)
            top, left = r * TILE, c * TILE
            r0, r1 = max(rows.start, top), min(rows.stop, top + tile.shape[0])
            c0, c1 = max(columns.start, left), min(columns.stop, left + tile.shape[1])
            out = np.empty((height, width), tile.dtype) if out is None else out
            out[r0 - rows.start : r1 - rows.start, c0 - columns.start : c1 - columns.start] = tile[
                r0 - top : r1 - top, c0 - left : c1 - left
            ]
        return np.zeros((height, width), "float32") if out is None else out

    def _tile(self, name, r, c) -> np.ndarray:
        key = (name, r, c)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            at = slice(r * TILE, (r + 1) * TILE), slice(c * TILE, (c + 1) * TILE)
            made = self._read(name, *at)
            self._kept[key] = made
            self._bytes += made.nbytes
            while self._bytes > KEPT_MB * 2**20:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
            return made

    def _read(self, name, rows, columns) -> np.ndarray:
        source = self.sources[name]
        if source is None or isinstance(source, np.ndarray):
            return np.asarray(source)[rows, columns]
        return source.read(window=Window.from_slices(rows, columns))

    def _check(self) -> None:
        for name, shape in self._shapes.items():
            if shape != tuple(self.grid.shape):
                raise ValueError(f"map {name!r} does not lie on the region's grid")


class _At(Mapping):
    """The maps of `Fields` over one window, each read when an expression names it."""

    def __init__(self, fields, rows, columns):
        self._fields, self._at = fields, (rows, columns)

    def __getitem__(self, name):
        if name not in self._fields.sources:
            raise KeyError(name)
        return self._fields.window(name, *self._at)

    def __iter__(self):
        return iter(self._fields)

    def __len__(self):
        return len(self._fields)


def _shape(source) -> tuple[int, int]:
    with rasterio.open(source.path) as raster:
        return raster.shape

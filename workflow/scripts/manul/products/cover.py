"""Which cells each zone covers, and how much of each: found once for all that is measured there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import RasterSource
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields
from manul.products.outlines import mean

PIECE = 1024  # cells along the side of the pieces in which a large zone is looked at
SIDE = 1024  # cells along the side of the windows in which maps are read
CELLS = 2**21  # of zones, at once, where each is looked at


class Runs(NamedTuple):
    """Cells beside each other that a zone covers alike, in a window: the row and the first column
    there, how many cells, the zone and the covered share of each cell (0..1)."""

    row: np.ndarray
    column: np.ndarray
    length: np.ndarray
    zone: np.ndarray
    weight: np.ndarray

    def at(self, of) -> "Runs":
        """Some of them."""
        return Runs(*(part[of] for part in self))

    def cells(self, most: int = CELLS) -> Iterator[tuple[np.ndarray, ...]]:
        """(zone, row, column, covered share) of every cell, at most about so many at once.

        A run is never cut.
        """
        length = self.length.astype("int64")
        part = np.cumsum(length) // most
        for i in np.unique(part):
            of = part == i
            run = np.repeat(np.flatnonzero(of), length[of])
            first = np.cumsum(length[of]) - length[of]
            step = np.arange(len(run)) - np.repeat(first, length[of])
            zone = self.zone[run].astype("int64")
            yield zone, self.row[run], self.column[run] + step, self.weight[run]


class Cover:
    """The cells of some polygons in the grid's CRS, with the covered share of each (0..1).

    Kept as runs of cells beside each other that are covered alike, by window and zone: 14 bytes a
    run, so that memory follows the outlines of zones and not their area. Ground beyond the grid
    counts for nothing. What is measured are cell expressions or functions of the maps (`Fields`),
    read in the windows that a zone touches.
    """

    def __init__(self, shapes, grid: GeoBox):
        self.number, self.grid = len(shapes), grid
        self._runs, self._ends = _runs(*_pieces(shapes, grid), grid)

    def mean(self, what: str | Callable, fields: Fields) -> np.ndarray:
        """The mean of each zone's known cells, weighted by their cover; NaN where none is known."""
        return mean(self._sums(what, fields))

    def sum(self, what: str | Callable, fields: Fields) -> np.ndarray:
        """The sum over each zone's known cells, weighted by their cover."""
        return self._sums(what, fields)[0]

    def min(self, what: str | Callable, fields: Fields) -> np.ndarray:
        """The smallest value of the known cells that a zone touches; NaN where none is known."""
        return self._extremes(what, fields)[0]

    def max(self, what: str | Callable, fields: Fields) -> np.ndarray:
        """The largest."""
        return self._extremes(what, fields)[1]

    def within(self, window: int) -> Runs:
        """The runs in a window of `Fields.blocks(SIDE)`, by its number; there may be none."""
        return self._runs.at(slice(*self._ends[window : window + 2]))

    def _sums(self, what, fields) -> np.ndarray:
        return sums([self], {"": what}, fields)[0][""]

    def _extremes(self, what, fields) -> tuple[np.ndarray, np.ndarray]:
        from manul.products import cover_sums  # compiled: takes long to import

        out = np.full(self.number, np.nan), np.full(self.number, np.nan)
        for runs, at in windows(self, fields):
            cover_sums.find_ends(_values(what, fields, at), *runs[:4], *out)
        return out


def sums(
    covers: Sequence[Cover], wanted: Mapping[str, str | Callable], fields: Fields
) -> list[dict[str, np.ndarray]]:
    """For each cover the sums of several expressions by name, each map read once for all of them.

    Each is (2, zones), in double precision: the sum over the known cells, weighted by their cover,
    and the number of these, weighted alike.
    """
    from manul.products import cover_sums

    out = [{name: np.zeros((2, cover.number)) for name in wanted} for cover in covers]
    for window, at in enumerate(fields.blocks(SIDE)):
        runs = [cover.within(window) for cover in covers]
        there = [i for i, of in enumerate(runs) if len(of.row)]
        for name, what in wanted.items() if there else ():
            values = _values(what, fields, at)
            for i in there:
                cover_sums.add(values, *runs[i], *out[i][name])
    return out


def windows(cover: Cover, fields: Fields) -> Iterator[tuple[Runs, tuple[slice, slice]]]:
    """The windows that zones touch: the runs there, and its rows and columns."""
    for window, at in enumerate(fields.blocks(SIDE)):
        runs = cover.within(window)
        if len(runs.row):
            yield runs, at


# ------------------------------------------------------------------------------------- helpers


def _values(what, fields, at) -> np.ndarray:
    """An expression in the cells of a window."""
    values = fields.window(what, *at)
    return np.ascontiguousarray(np.broadcast_to(values, _shape(at)), "float32")


def _shape(at) -> tuple[int, int]:
    rows, columns = at
    return rows.stop - rows.start, columns.stop - columns.start


def _pieces(shapes, grid) -> tuple[np.ndarray, np.ndarray]:
    """(zone of each piece, the pieces): large zones cut along the borders of cells.

    The library fails on zones of more cells than it holds, and cut so, sums stay exact.
    """
    shapes = np.asarray(shapes, object)
    side = PIECE * grid.resolution.x
    box = shapely.bounds(shapes).reshape(-1, 4)
    large = (box[:, 2] - box[:, 0] > side) | (box[:, 3] - box[:, 1] > side)
    whole = ~large & (shapely.area(shapes) > 0)  # not the strip beside a line of no length
    zone, parts = [np.flatnonzero(whole)], [shapes[whole]]
    corner = grid.boundingbox
    for i in np.flatnonzero(large):
        west, south, east, north = box[i]
        left = corner.left + _steps(west - corner.left, east - corner.left, side)
        top = corner.top - _steps(corner.top - north, corner.top - south, side)
        xx, yy = (a.ravel() for a in np.meshgrid(left, top))
        cut = shapely.intersection(shapes[i], shapely.box(xx, yy - side, xx + side, yy))
        cut = shapely.get_parts(shapely.get_parts(cut))  # a collection may hold lines and points
        cut = cut[shapely.area(cut) > 0]
        zone.append(np.full(len(cut), i))
        parts.append(cut)
    return np.concatenate(zone), np.concatenate(parts)


def _steps(start, stop, side) -> np.ndarray:
    return np.arange(start // side, stop / side) * side


def _runs(zone, pieces, grid) -> tuple[Runs, np.ndarray]:
    """The runs of zones by window and zone, and where those of each window end.

    Some pieces at a time, as memory allows.
    """
    cells = np.cumsum(_most_cells(pieces, grid)) // CELLS
    groups = [np.flatnonzero(cells == i) for i in np.unique(cells)]
    found = [_runs_of(zone[of], pieces[of], grid) for of in groups]
    empty = [
        np.zeros(0, dtype) for dtype in ("int64", "int16", "int16", "int16", "int32", "float32")
    ]
    window, *parts = (np.concatenate(of) for of in zip(empty, *found, strict=True))
    order = np.lexsort([parts[Runs._fields.index("zone")], window])
    across, down = (-(-cells // SIDE) for cells in grid.shape[::-1])
    ends = np.searchsorted(window[order], np.arange(down * across + 1))
    return Runs(*parts).at(order), ends


def _most_cells(pieces, grid) -> np.ndarray:
    """How many cells the boxes around pieces hold."""
    west, south, east, north = shapely.bounds(pieces).reshape(-1, 4).T
    side = grid.resolution.x
    return np.ceil((east - west) / side + 1) * np.ceil((north - south) / side + 1)


def _runs_of(zone, pieces, grid) -> tuple:
    """(window, and the parts of `Runs`) of some pieces, in no order."""
    found = exact_extract(
        _Grid(grid), _Pieces(pieces, grid), ["cell_id", "coverage"], output="pandas"
    )
    count = found["cell_id"].map(len).to_numpy(int)
    cell = _joined(found["cell_id"], "int64")
    weight = _joined(found["coverage"], "float32")
    piece = np.repeat(np.arange(len(pieces)), count)
    row, column = np.divmod(cell, grid.shape[1])
    new = np.ones(len(cell), bool)  # where a run begins
    same = (np.diff(cell) == 1) & (np.diff(weight) == 0) & (np.diff(piece) == 0)
    new[1:] = ~same | (column[1:] % SIDE == 0)
    first = np.flatnonzero(new)
    length = np.diff(np.r_[first, len(cell)])
    row, column, across = row[first], column[first], -(-grid.shape[1] // SIDE)
    there = [row % SIDE, column % SIDE, length]
    of = zone[piece[first]].astype("int32")
    window = row // SIDE * across + column // SIDE
    return window, *(part.astype("int16") for part in there), of, weight[first]


def _joined(parts, dtype) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *(np.asarray(p, dtype) for p in parts)])


class _Pieces(FeatureSource):
    """Shapes in the grid's CRS as exactextract reads them: by WKB, not as text of GeoJSON."""

    def __init__(self, shapes, grid):
        super().__init__()
        self._wkb, self._grid = shapely.to_wkb(shapes), grid

    def count(self):
        return len(self._wkb)

    def __iter__(self):
        return map(_Piece, self._wkb)

    def srs_wkt(self):
        return self._grid.crs.to_wkt()


class _Piece(Feature):
    """One of them."""

    def __init__(self, wkb):
        super().__init__()
        self._wkb = wkb

    def geometry(self):
        return self._wkb

    def fields(self):
        return []


class _Grid(RasterSource):
    """A grid without values, as exactextract reads it."""

    def __init__(self, grid):
        super().__init__()
        self._grid = grid
        self.set_name("only")

    def res(self):
        return abs(self._grid.resolution.x), abs(self._grid.resolution.y)

    def extent(self):
        return tuple(self._grid.boundingbox)

    def nodata_value(self):
        return np.nan

    def srs_wkt(self):
        return self._grid.crs.to_wkt()

    def read_window(self, x0, y0, nx, ny):
        return np.zeros((ny, nx))

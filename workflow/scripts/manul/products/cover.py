"""Which cells each zone covers, and how much of each: found once for all that is measured there."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import RasterSource
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields

PIECE = 1024  # cells along the side of the pieces in which a large zone is looked at
SIDE = 1024  # cells along the side of the windows in which values are worked out
CELLS = 2**21  # of zones, at once, where each is looked at


class Runs(NamedTuple):
    """Cells beside each other that a zone covers alike: the first, how many, the share of each."""

    start: np.ndarray
    length: np.ndarray
    zone: np.ndarray
    weight: np.ndarray


class Cover:
    """The cells of some polygons in the grid's CRS, with the covered share of each (0..1).

    Kept as runs of cells beside each other that are covered alike, by zone: 20 bytes a run, so that
    memory follows the outlines of zones and not their area. Ground beyond the grid counts for
    nothing. Maps are given flat, row by row, as `cell_values` makes them.
    """

    def __init__(self, shapes, grid: GeoBox):
        self.number, self.grid = len(shapes), grid
        self.runs = _runs(*_pieces(shapes, grid), grid)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The mean of each zone's known cells, weighted by their cover; NaN where none is known."""
        total, weight = self._added(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / weight

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over each zone's known cells, weighted by their cover."""
        return self._added(values)[0]

    def min(self, values: np.ndarray) -> np.ndarray:
        """The smallest value of the known cells that a zone touches; NaN where none is known."""
        return self._ends(values)[0]

    def max(self, values: np.ndarray) -> np.ndarray:
        """The largest."""
        return self._ends(values)[1]

    def cells(self, most: int = CELLS) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(zone, cell, covered share) of every covered cell by zone, at most about so many at once.

        Cells are numbered row by row; a run is never cut.
        """
        start, length, zone, weight = self.runs
        part = np.cumsum(length) // most
        for i in np.unique(part):
            of = part == i
            run = np.repeat(np.flatnonzero(of), length[of])
            first = np.cumsum(length[of]) - length[of]
            step = np.arange(len(run)) - np.repeat(first, length[of])
            yield zone[run].astype("int64"), start[run] + step, weight[run]

    def _added(self, values) -> tuple[np.ndarray, np.ndarray]:
        """Sum and covered cells of each zone, in double precision, in the order of its cells."""
        from manul.products import cover_sums  # compiled: takes long to import

        out = np.zeros(self.number), np.zeros(self.number)
        cover_sums.add(values, *self.runs, *out)
        return out

    def _ends(self, values) -> tuple[np.ndarray, np.ndarray]:
        from manul.products import cover_sums

        out = np.full(self.number, np.nan), np.full(self.number, np.nan)
        cover_sums.find_ends(values, *self.runs[:3], *out)
        return out


def cell_values(what: str | Callable, fields: Fields, dtype="float32") -> np.ndarray:
    """An expression in every cell of the grid, flat, worked out window by window."""
    out = np.empty(fields.grid.shape, dtype)
    for at in fields.blocks(SIDE):
        out[at] = fields.window(what, *at)
    return out.ravel()


# ------------------------------------------------------------------------------------- helpers


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


def _runs(zone, pieces, grid) -> Runs:
    """The runs of the pieces of zones, by zone; some pieces at a time, as memory allows."""
    cells = np.cumsum(_most_cells(pieces, grid)) // CELLS
    groups = [np.flatnonzero(cells == i) for i in np.unique(cells)]
    found = [_runs_of(zone[of], pieces[of], grid) for of in groups]
    empty = Runs(*(np.zeros(0, dtype) for dtype in ("int64", "int32", "int32", "float32")))
    joined = Runs(*(np.concatenate(parts) for parts in zip(empty, *found, strict=True)))
    order = np.argsort(joined.zone, kind="stable")
    return Runs(*(part[order] for part in joined))


def _most_cells(pieces, grid) -> np.ndarray:
    """How many cells the boxes around pieces hold."""
    west, south, east, north = shapely.bounds(pieces).reshape(-1, 4).T
    side = grid.resolution.x
    return np.ceil((east - west) / side + 1) * np.ceil((north - south) / side + 1)


def _runs_of(zone, pieces, grid) -> Runs:
    found = exact_extract(
        _Grid(grid), _Pieces(pieces, grid), ["cell_id", "coverage"], output="pandas"
    )
    count = found["cell_id"].map(len).to_numpy(int)
    cell = _joined(found["cell_id"], "int64")
    weight = _joined(found["coverage"], "float32")
    piece = np.repeat(np.arange(len(pieces)), count)
    new = np.ones(len(cell), bool)  # where a run begins
    same = (np.diff(cell) == 1) & (np.diff(weight) == 0) & (np.diff(piece) == 0)
    new[1:] = ~same
    first = np.flatnonzero(new)
    length = np.diff(np.r_[first, len(cell)]).astype("int32")
    return Runs(cell[first], length, zone[piece[first]].astype("int32"), weight[first])


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

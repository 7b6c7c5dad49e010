"""Which cells each zone covers, and how much of each: found once for all that is measured there."""

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.raster import RasterSource
from odc.geo.geobox import GeoBox

from manul.grid.fields import Fields

PIECE = 1024  # cells along the side of the pieces in which a large zone is looked at
ROWS = 2048  # at once, where values of cells are worked out


class Cover:
    """The cells of some polygons in the grid's CRS, with the covered share of each (0..1).

    8 bytes for each cell of each polygon. Ground beyond the grid counts for nothing.
    """

    def __init__(self, shapes, grid: GeoBox):
        self.number, self.grid = len(shapes), grid
        zone, pieces = _pieces(shapes, grid)
        ids, weights = _covered(pieces, grid)
        counts = np.array([len(part) for part in ids], int)
        order = np.argsort(zone, kind="stable")
        self.cells = _joined([ids[i] for i in order], "uint32")
        self.weights = _joined([weights[i] for i in order], "float32")
        each = np.bincount(zone, counts, minlength=self.number).astype(int)
        self.start = np.r_[0, np.cumsum(each)]

    def values(self, what: str | Callable, fields: Fields) -> np.ndarray:
        """A cell expression, or what a function makes of maps, in each covered cell, float32."""
        return cell_values(what, fields)[self.cells]

    def mean(self, values) -> np.ndarray:
        """The mean of each zone's known cells, weighted by their cover; NaN where none is known."""
        known = np.isfinite(values)
        weights = np.where(known, self.weights, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._added(np.where(known, values, 0) * weights) / self._added(weights)

    def sum(self, values) -> np.ndarray:
        """The sum over each zone's known cells, weighted by their cover."""
        return self._added(np.where(np.isfinite(values), values, 0) * self.weights)

    def min(self, values) -> np.ndarray:
        """The smallest value of the known cells that a zone touches; NaN where none is known."""
        return self._each(np.fmin, values)

    def max(self, values) -> np.ndarray:
        """The largest."""
        return self._each(np.fmax, values)

    def zones(self) -> np.ndarray:
        """The number of the zone of each covered cell."""
        return np.repeat(np.arange(self.number), np.diff(self.start))

    def _added(self, values) -> np.ndarray:
        """Sums of each zone, in double precision, in the order of its cells."""
        return self._each(np.add, np.asarray(values, "float64"), 0.0)

    def _each(self, better, values, none=np.nan) -> np.ndarray:
        out = np.full(self.number, none)
        there = np.diff(self.start) > 0
        if there.any():
            out[there] = better.reduceat(values, self.start[:-1][there])
        return out


def cell_values(what: str | Callable, fields: Fields, dtype="float32") -> np.ndarray:
    """An expression in every cell of the grid, flat, worked out some rows at a time."""
    height, width = fields.grid.shape
    out = np.empty((height, width), dtype)
    for row in range(0, height, ROWS):
        rows = slice(row, min(row + ROWS, height))
        out[rows] = fields.window(what, rows, slice(0, width))
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


def _covered(pieces, grid) -> tuple[list, list]:
    """The cells (row-major numbers) and covered shares of each piece."""
    if not len(pieces):
        return [], []
    table = gpd.GeoDataFrame(geometry=pieces, crs=str(grid.crs))
    found = exact_extract(_Grid(grid), table, ["cell_id", "coverage"], output="pandas")
    return found["cell_id"].tolist(), found["coverage"].tolist()


def _joined(parts, dtype) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *(np.asarray(p, dtype) for p in parts)])


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

"""Rasters onto a grid: averaged where finer, interpolated where coarser, the same in any block.

Resampling follows the kind of a layer. A continuous layer is averaged where it is finer than the
grid and interpolated where it is coarser; a count becomes a density first; classes become scores
first, so that a coarse class map gives soft edges and a fine one gives the mean of its fractions.
"""

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling, reproject

from manul.config.responses import classes as score_classes
from manul.grid.crs import transformer
from manul.grid.rasters import NoOverlapError
from manul.grid.region import bounds

TILE = 256  # cells along the side of the tiles in which rasters are warped
NODES = 16  # every how many cells coordinates are exact, and interpolated between


def onto_grid(source, grid: GeoBox, counts: bool = False, scores: dict | None = None) -> np.ndarray:
    """A raster layer on the grid, float32, NaN where unknown.

    `source` has `read(crs, bounds, margin)`. With `counts`, the values per pixel are spread by
    area, so that sums stay. With `scores`, classes become scores before they are interpolated.
    """

    def prepare(raster):
        values = raster.values if scores is None else score_classes(raster.values, scores)
        return values / np.prod(raster.pixel_m) if counts else values

    out = warp_tiles(source, grid, prepare)
    return out * np.float32(grid.resolution.x**2) if counts else out


def warp_tiles(source, grid: GeoBox, prepare, margin_m: float = 0.0) -> np.ndarray:
    """`prepare(raster)` onto the grid, tile by tile; float32, NaN where unknown.

    GDAL's numbers depend on the window it is asked for, so the windows are tiles of the lattice
    through the origin of the CRS: any block of a grid gets the bits of the whole. `prepare` sees
    `margin_m` around each tile.
    """
    row, column = (int(np.floor(n + 1e-6)) for n in _lattice_place(grid))
    rows, columns = grid.shape
    out = np.full(grid.shape, np.nan, "float32")
    for top in range(row // TILE * TILE, row + rows, TILE):
        for left in range(column // TILE * TILE, column + columns, TILE):
            tile = _tile(grid, top, left)
            try:
                raster = source.read(str(grid.crs), bounds(tile), margin_m)
            except NoOverlapError:
                continue
            made = warp(prepare(raster), raster, tile)
            r0, c0 = max(top, row), max(left, column)
            r1, c1 = min(top + TILE, row + rows), min(left + TILE, column + columns)
            out[r0 - row : r1 - row, c0 - column : c1 - column] = made[
                r0 - top : r1 - top, c0 - left : c1 - left
            ]
    return out


def warp(values: np.ndarray, raster, grid: GeoBox) -> np.ndarray:
    """Numbers of a raster window onto the grid: mean where finer, bilinear where coarser."""
    ratio = abs(grid.resolution.x) / np.array(raster.pixel_m)
    if ratio.max() <= 1.5:
        wide = np.maximum(ratio, 1.0)  # the kernel never spans less than a cell of the grid
        from manul.grid.bilinear import bilinear  # compiled: takes long to import

        return bilinear(values.astype("float32"), *_places(raster, grid), wide[1], wide[0])
    out = np.full(grid.shape, np.nan, "float32")
    reproject(
        values.astype("float32"), out, src_transform=raster.transform, src_crs=raster.crs,
        dst_transform=grid.affine, dst_crs=str(grid.crs), src_nodata=np.nan, dst_nodata=np.nan,
        resampling=Resampling.average,
        # Fixed, as GDAL would otherwise take them from the chunk and so make values depend on it.
        XSCALE=min(1, 1 / ratio[0]), YSCALE=min(1, 1 / ratio[1]),
    )  # fmt: skip
    return out


def _places(raster, grid) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of each cell's centre among the centres of a raster's pixels.

    GDAL's warper places cells up to an eighth of a source pixel wrong, which is 10 km for a coarse
    climate layer. Here the coordinates of every NODES-th cell are exact and those between them are
    interpolated: right to two metres where nodes lie 16 km apart, better where they lie nearer.
    """
    rows, columns = (_nodes(side) for side in grid.shape)
    x, y = grid.affine @ np.meshgrid(columns + 0.5, rows + 0.5)
    to = transformer(str(grid.crs), raster.crs.to_wkt())
    column, row = ~raster.transform @ to.transform(x, y)
    down, across = (
        _weights(nodes, side) for nodes, side in zip((rows, columns), grid.shape, strict=True)
    )
    return tuple(down @ np.asarray(at) @ across.T - 0.5 for at in (row, column))


def _nodes(side) -> np.ndarray:
    return np.unique([*range(0, side, NODES), side - 1])


def _weights(nodes, side) -> np.ndarray:
    """(side, nodes) weights of linear interpolation between nodes."""
    return np.array([np.interp(np.arange(side), nodes, unit) for unit in np.eye(len(nodes))]).T


def _lattice_place(grid) -> tuple[float, float]:
    """(row, column) of the grid's corner, counted in cells from the origin of its CRS."""
    return grid.affine.f / grid.affine.e, grid.affine.c / grid.affine.a


def _tile(grid, top, left) -> GeoBox:
    """The tile at this row and column of the lattice, with the same bits for every grid on it."""
    step_y, step_x = grid.affine.e, grid.affine.a
    # A grid that lies beside the lattice keeps its offset, rounded so that blocks of it agree.
    off_y, off_x = (round((n + 1e-6) % 1 - 1e-6, 6) for n in _lattice_place(grid))
    corner_x, corner_y = (left + off_x) * step_x, (top + off_y) * step_y
    return GeoBox((TILE, TILE), Affine(step_x, 0, corner_x, 0, step_y, corner_y), grid.crs)

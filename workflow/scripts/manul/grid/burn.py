"""Shapes onto the cells of a grid."""

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.enums import MergeAlg
from rasterio.features import rasterize

ROWS = 128  # of the grid at once, where cells are divided


def burn(shapes, grid: GeoBox, merge: str = "replace") -> np.ndarray:
    """(geometry, value) pairs onto every cell they touch, float32; merge: `replace` or `add`."""
    shapes = [(g, v) for g, v in shapes if g is not None and not g.is_empty]
    if not shapes:
        return np.zeros(grid.shape, "float32")
    return rasterize(
        shapes, grid.shape, transform=grid.affine, fill=0, all_touched=True, dtype="float32",
        merge_alg=MergeAlg[merge],
    )  # fmt: skip


def burn_inside(geometries, grid: GeoBox) -> np.ndarray:
    """True where the centre of the cell lies in one of the polygons."""
    shapes = [(g, 1) for g in geometries if g is not None and not g.is_empty]
    if not shapes:
        return np.zeros(grid.shape, bool)
    return rasterize(shapes, grid.shape, transform=grid.affine, fill=0, dtype="uint8").astype(bool)


def number_inside(geometries, grid: GeoBox, dtype: str = "int32") -> np.ndarray:
    """The number, from 1, of the polygon over the centre of each cell; 0 where there is none."""
    found = enumerate(geometries, 1)
    shapes = [(g, i) for i, g in found if g is not None and not g.is_empty]
    if not shapes:
        return np.zeros(grid.shape, dtype)
    return rasterize(shapes, grid.shape, transform=grid.affine, fill=0, dtype=dtype)


def cover_share(geometries, grid: GeoBox, oversample: int = 8) -> np.ndarray:
    """Share of each cell under the polygons, 0..1, from `oversample` squared points a cell."""
    from manul.exposure.nearest import block_mean  # compiled: takes long to import

    shapes, out = list(geometries), np.zeros(grid.shape, "float32")
    for top in range(0, grid.height, ROWS):
        strip = grid[top : min(top + ROWS, grid.height), :]
        covered = burn_inside(shapes, strip.zoom_out(1 / oversample))
        out[top : top + ROWS] = block_mean(covered.astype("float32"), oversample)
    return out

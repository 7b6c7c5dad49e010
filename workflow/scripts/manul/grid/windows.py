"""Windows of maps at the size in which they are looked at: memory of the picture alone."""

from math import ceil

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from manul.grid.fields import Source
from manul.grid.rasters import pixel_size_m


def window_of(source: Source, grid: GeoBox, bounds, pixel_m: float) -> tuple[np.ndarray, GeoBox]:
    """The cells of a map that touch some bounds, no finer than `pixel_m`, and their grid.

    Finer cells are read from the overviews of the file. Both are empty where the bounds lie beside
    the map.
    """
    box, cell = grid.boundingbox, abs(grid.resolution.x)
    factor = 2 ** max(0, int(np.log2(max(pixel_m / cell, 1))))  # as overviews are
    height, width = grid.shape
    top, bottom = _span((box.top - bounds[3]) / cell, (box.top - bounds[1]) / cell, factor, height)
    left, right = _span((bounds[0] - box.left) / cell, (bounds[2] - box.left) / cell, factor, width)
    shape = -(-(bottom - top) // factor), -(-(right - left) // factor)
    if min(shape) <= 0:
        return np.zeros((0, 0), "float32"), grid[0:0, 0:0]
    # The last cells may be part cells: read as whole ones, or the picture would be stretched.
    window = Window(left, top, shape[1] * factor, shape[0] * factor)
    with rasterio.open(source.path) as raster:
        values = raster.read(
            source.band, window=window, out_shape=shape, resampling=Resampling.nearest,
            boundless=True, fill_value=np.nan,
        )  # fmt: skip
    affine = grid.affine @ Affine.translation(left, top) @ Affine.scale(factor)
    return values, GeoBox(shape, affine, grid.crs)


def looked_at(path: str, grid: GeoBox) -> np.ndarray:
    """A raster in any CRS on a grid, for a picture: float32, NaN where it has no number.

    Pixels much finer than the cells are sampled, so that no more is read than is seen.
    """
    with rasterio.open(path) as source:
        finer = 2 * pixel_size_m(source)[0] <= abs(grid.resolution.x)
        how = Resampling.nearest if finer else Resampling.bilinear
        with WarpedVRT(
            source, crs=grid.crs.to_wkt(), transform=grid.affine, width=grid.width,
            height=grid.height, resampling=how, nodata=np.nan, dtype="float32",
        ) as warped:  # fmt: skip
            return warped.read(1)


# ------------------------------------------------------------------------------------- helpers


def _span(low, high, step, side) -> tuple[int, int]:
    """The cells of an axis that touch an interval, from a whole number of steps on."""
    return max(0, int(low)) // step * step, min(side, ceil(high))

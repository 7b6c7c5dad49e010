"""Rasters, read window by window: a team's own in its own coordinates, maps on the region's grid.

Numbers come as float32 with NaN for nodata, classes as uint8 with 255. `block_maps` writes maps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import rasterio
import rasterio.shutil
import rasterio.warp
from affine import Affine
from pyproj import CRS
from rasterio.windows import Window, from_bounds

from manul.grid.atomic import atomic
from manul.grid.map_tags import read_provenance
from manul.grid.warp import NoOverlapError

BLOCK = 2048
SOUGHT = 512  # cells along the side of a tile in which single cells are looked up


# ------------------------------------------------------------------------------------- rasters


@dataclass(frozen=True)
class Raster:
    """A window of one band in its own coordinates: values (2-D float32, NaN for nodata).

    `pixel_m` is the size (x, y) of a pixel in metres at the centre of the whole file, not of the
    window, so that a number derived from it does not depend on the window.
    """

    values: np.ndarray
    transform: Affine
    crs: object
    pixel_m: tuple[float, float]


@dataclass(frozen=True)
class RasterFile:
    """One band of a raster file, read window by window."""

    path: str
    band: int = 1

    def read(self, crs, bounds, margin=0.0) -> Raster:
        """The part within `bounds` (left, bottom, right, top in `crs`, plus `margin` in its units).

        Two source cells more are read on each side, for interpolation. Numbers come as float32
        with NaN for nodata, whatever the file holds.
        """
        with rasterio.open(self.path) as source:
            window = _window(source, crs, bounds, margin)
            values = source.read(self.band, window=window, masked=True)
            transform = source.window_transform(window)
            return Raster(_numbers(values), transform, source.crs, pixel_size_m(source))

    def blocks(self, crs, bounds, margin=0.0) -> Iterator[np.ndarray]:
        """The numbers of `read`, block by block: for a look at a raster that fills no memory."""
        with rasterio.open(self.path) as source:
            window = _window(source, crs, bounds, margin)
            down, across = (int(np.ceil(n / BLOCK)) for n in (window.height, window.width))
            for row, column in np.ndindex(down, across):
                left, top = window.col_off + column * BLOCK, window.row_off + row * BLOCK
                part = Window(left, top, BLOCK, BLOCK).intersection(window)
                yield _numbers(source.read(self.band, window=part, masked=True))

    @property
    def provenance(self) -> dict:
        """The layers behind this file."""
        return read_provenance(self.path)


def read_map(path, band: int = 1) -> np.ndarray:
    """A whole band on the region's grid: float32 with NaN, or uint8 for classes."""
    with rasterio.open(path) as source:
        values = source.read(band, masked=True)
        return np.asarray(values.data) if values.dtype == "uint8" else _numbers(values)


def read_block(path, window, band: int = 1) -> np.ndarray:
    """A window (row0, row1, column0, column1) of a map as float32 with NaN."""
    row0, row1, column0, column1 = window
    with rasterio.open(path) as source:
        at = Window(column0, row0, column1 - column0, row1 - row0)
        return _numbers(source.read(band, window=at, masked=True))


def read_cells(files: dict, rows, columns) -> pd.DataFrame:
    """The first band of each map at some cells, one column a map; NaN where unknown.

    Maps are read tile by tile, only where there are cells.
    """
    rows, columns = np.asarray(rows, int), np.asarray(columns, int)
    tiles = pd.DataFrame({"r": rows // SOUGHT, "c": columns // SOUGHT}).groupby(["r", "c"]).indices
    out = {name: np.full(len(rows), np.nan) for name in files}
    for name, path in files.items():
        with rasterio.open(path) as source:
            for (r, c), at in tiles.items():
                window = Window(c * SOUGHT, r * SOUGHT, SOUGHT, SOUGHT)
                values = _numbers(source.read(1, window=window, masked=True))
                out[name][at] = values[rows[at] - r * SOUGHT, columns[at] - c * SOUGHT]
    return pd.DataFrame(out)


def descriptions(path) -> list[str]:
    """The band descriptions of a map, without the units."""
    with rasterio.open(path) as source:
        return [(text or "").split(" [")[0] for text in source.descriptions]


def pixel_size_m(source) -> tuple[float, float]:
    """(x, y) size of a pixel in metres, at the centre of an open raster."""
    dx, dy = abs(source.transform.a), abs(source.transform.e)
    if not source.crs.is_geographic:
        factor = source.crs.linear_units_factor[1]
        return dx * factor, dy * factor
    x, y = source.xy(source.height // 2, source.width // 2)
    geod = CRS.from_user_input(source.crs).get_geod()
    return geod.inv(x, y, x + dx, y)[2], geod.inv(x, y, x, y + dy)[2]


def clip_raster(source: str, target, band, crs, bounds, scale, offset, tags) -> None:
    """Copy the part of a band within bounds (in `crs`) to a file of its own, scaled, tagged."""
    raster = RasterFile(source, band).read(crs, bounds)
    values = raster.values * np.float32(scale) + np.float32(offset)
    with (
        atomic(target) as partial,
        rasterio.open(partial, "w", **_profile(values.shape, raster)) as out,
    ):
        out.write(values, 1)
        out.update_tags(**tags)


# ------------------------------------------------------------------------------------- vectors


# ------------------------------------------------------------------------------------- helpers


def _numbers(values) -> np.ndarray:
    out = values.astype("float32").filled(np.nan)
    out[~np.isfinite(out)] = np.nan
    return out


def _window(source, crs, bounds, margin) -> Window:
    """Where `bounds` (in `crs`) and two cells on each side lie in an open raster."""
    left, bottom, right, top = bounds
    box = rasterio.warp.transform_bounds(
        crs, source.crs, left - margin, bottom - margin, right + margin, top + margin, 21
    )
    return _padded(from_bounds(*box, source.transform), 2, source.shape)


def _padded(window, cells, shape) -> Window:
    row0 = max(int(np.floor(window.row_off)) - cells, 0)
    column0 = max(int(np.floor(window.col_off)) - cells, 0)
    row1 = min(int(np.ceil(window.row_off + window.height)) + cells, shape[0])
    column1 = min(int(np.ceil(window.col_off + window.width)) + cells, shape[1])
    if row1 <= row0 or column1 <= column0:
        raise NoOverlapError("the raster does not overlap the region")
    return Window(column0, row0, column1 - column0, row1 - row0)


def _profile(shape, raster) -> dict:
    block = 256 if min(shape) >= 256 else 16
    return {
        "driver": "GTiff", "height": shape[0], "width": shape[1], "count": 1, "dtype": "float32",
        "crs": raster.crs, "transform": raster.transform, "nodata": np.nan, "tiled": True,
        "blockxsize": block, "blockysize": block, "compress": "deflate", "predictor": 3,
    }  # fmt: skip

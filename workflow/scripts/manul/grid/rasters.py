"""Rasters, read window by window: a team's own in its own coordinates, maps on the region's grid.

Numbers come as float32 with NaN for nodata, classes as uint8 with 255. `block_maps` writes maps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import rasterio
import rasterio.shutil
import rasterio.warp
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS
from rasterio.windows import Window, from_bounds

from manul.config.types import Layer
from manul.grid.atomic import atomic
from manul.grid.map_tags import read_provenance
from manul.grid.region import bounds

BLOCK = 2048
PIXEL_TAG = "MANUL_PIXEL_M"
LOOKED = 64  # blocks of a raster that a look at it reads
SOUGHT = 512  # cells along the side of a tile in which single cells are looked up


# ------------------------------------------------------------------------------------- rasters


class NoOverlapError(ValueError):
    """A raster has no cell within the bounds that were asked for."""


class UnbelievableError(ValueError):
    """A raster holds what its layer says that it cannot; the message tells where and the mend."""


@dataclass(frozen=True)
class Raster:
    """A window of one band in its own coordinates: values (2-D float32, NaN for nodata).

    `pixel_m` is the size (x, y) of a pixel in metres at the centre of the region, or of the whole
    file, and not of the window, so that a number derived from it does not depend on the window.
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
    nodata: tuple[float, ...] = ()  # beside the one that the file declares

    def read(self, crs, bounds, margin=0.0) -> Raster:
        """The part within `bounds` (left, bottom, right, top in `crs`, plus `margin` in its units).

        Two source cells more are read on each side, for interpolation. Numbers come as float32
        with NaN for nodata, whatever the file holds.
        """
        with rasterio.open(self.path) as source:
            window = _window(source, crs, bounds, margin)
            values = source.read(self.band, window=window, masked=True)
            transform = source.window_transform(window)
            return Raster(
                _numbers(values, self.nodata), transform, source.crs, pixel_size_m(source)
            )

    def blocks(self, crs, bounds, margin=0.0) -> Iterator[np.ndarray]:
        """The numbers of `read`, block by block: for a look at a raster that fills no memory.

        Of a large window only the parts are read that `to_look_at` names.
        """
        with rasterio.open(self.path) as source:
            for part in to_look_at(_window(source, crs, bounds, margin)):
                yield _numbers(source.read(self.band, window=part, masked=True), self.nodata)

    @property
    def provenance(self) -> dict:
        """The layers behind this file."""
        return read_provenance(self.path)


def to_look_at(window) -> list[Window]:
    """The blocks of a window; of more than LOOKED that many, evenly spread."""
    pieces = list(_pieces(window))
    step = max(len(pieces) / LOOKED, 1.0)
    return [pieces[int(i * step)] for i in range(min(len(pieces), LOOKED))]


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
        return _of_map(source, band, at)


def read_bands(path, window, bands) -> np.ndarray:
    """Some bands of a window (row0, row1, column0, column1), (bands, rows, columns), float32."""
    row0, row1, column0, column1 = window
    with rasterio.open(path) as source:
        at = Window(column0, row0, column1 - column0, row1 - row0)
        return _of_map(source, list(bands), at)


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
    """(x, y) size of a pixel in metres: as `clip` told it, else at the centre of an open raster."""
    told = source.tags().get(PIXEL_TAG)
    if told:
        x, y = map(float, told.split())
        return x, y
    return _pixel_size_at(source, *source.xy(source.height // 2, source.width // 2))


def _pixel_size_at(source, x, y) -> tuple[float, float]:
    dx, dy = abs(source.transform.a), abs(source.transform.e)
    if not source.crs.is_geographic:
        factor = source.crs.linear_units_factor[1]
        return dx * factor, dy * factor
    geod = CRS.from_user_input(source.crs).get_geod()
    return geod.inv(x, y, x + dx, y)[2], geod.inv(x, y, x, y + dy)[2]


def _centre(grid, crs) -> tuple[float, float]:
    """The centre of a grid in another CRS."""
    left, bottom, right, top = grid.boundingbox
    xs, ys = rasterio.warp.transform(str(grid.crs), crs, [(left + right) / 2], [(bottom + top) / 2])
    return xs[0], ys[0]


def of_layer(path, layer: Layer) -> RasterFile:
    """The raster that the block of a layer describes, in the numbers of the file."""
    nodata = layer.get("nodata", [])
    several = nodata if isinstance(nodata, list) else [nodata]
    return RasterFile(str(path), layer.get("band", 1), tuple(map(float, several)))


def scaling(source, layer: Layer) -> tuple[float, float]:
    """Factor and offset of the values: those of the layer's block, else of the file's tags."""
    band = layer.get("band", 1) - 1
    if "scale" in layer or "offset" in layer:
        return layer.get("scale", 1.0), layer.get("offset", 0.0)
    return source.scales[band], source.offsets[band]


def believable(layer: Layer, offset: float = 0) -> tuple[float, float]:
    """The limits of a layer's values, `valid`, a little widened: float32 rounds what lies on them.

    `offset` was added to the numbers of the file. Without `valid` from minus to plus infinity.
    """
    low, high = layer.get("valid", (-np.inf, np.inf))
    sizes = [abs(end) for end in (low, high, offset) if np.isfinite(end)]
    near = 1e-6 * max(sizes, default=0)
    return low - near, high + near


def clip(
    path, target, layer: Layer, grid: GeoBox, margin_m: float, tags: Mapping | Callable
) -> None:
    """Copy what of a raster lies within a margin of the grid, scaled and tagged, window by window.

    `layer` is its block of the config (band, nodata, scale, offset); without `scale` and `offset`
    there those of the file's tags hold. `tags` may be a function of the smallest and the largest
    value. The size of a pixel in metres, at the centre of the region, travels with it, so that what
    is made from it does not depend on the margin.

    Raises `UnbelievableError` at a class that the layer does not name, or a value beyond its limits
    (`valid`): preflight looks at some blocks of a large raster, this sees every cell.
    """
    with rasterio.open(path) as source:
        window = _window(source, str(grid.crs), bounds(grid, margin_m), 0.0)
        profile = _profile(window, source)
        size = _pixel_size_at(source, *_centre(grid, source.crs))
        scale, offset = (np.float32(number) for number in scaling(source, layer))
        file, low, high = of_layer(path, layer), np.inf, -np.inf
        with atomic(target) as partial, rasterio.open(partial, "w", **profile) as out:
            for at in _pieces(window):
                values = _numbers(source.read(file.band, window=at, masked=True), file.nodata)
                values = values * scale + offset
                _believe(values, at, layer, offset)
                low = np.fmin(low, np.fmin.reduce(values, None))  # of what is known
                high = np.fmax(high, np.fmax.reduce(values, None))
                row, column = at.row_off - window.row_off, at.col_off - window.col_off
                out.write(values, 1, window=Window(column, row, at.width, at.height))
            told = tags(float(low), float(high)) if callable(tags) else tags
            out.update_tags(**told, **{PIXEL_TAG: f"{size[0]!r} {size[1]!r}"})


def _believe(values, at, layer, offset) -> None:
    """Raise where a window of a raster holds what its layer says that it cannot."""
    if layer.get("kind") == "classes":
        expected = f"the classes {', '.join(layer['classes'])}"
        strange = ~np.isin(values, np.array([*map(float, layer["classes"])], "float32"))
        strange &= ~np.isnan(values)
        what, key = "class", "classes"
    elif "valid" in layer:
        expected = "{:g} to {:g}".format(*layer["valid"])
        low, high = believable(layer, offset)
        strange = (values < low) | (values > high)
        what, key = "value", "valid"
    else:
        return
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise UnbelievableError(
            f"{layer['path']} (row {at.row_off + row}, column {at.col_off + column}): found {what} "
            f"{values[row, column]:.9g}, in {strange.sum()} cells of this part; expected "
            f"{expected}. "
            f"Declare it as no value with the key `nodata` of the layer, or mend `{key}`"
        )


# ------------------------------------------------------------------------------------- helpers


def _numbers(values, nodata=()) -> np.ndarray:
    """float32 with NaN where masked, infinite, or one of the numbers of `nodata`."""
    with np.errstate(over="ignore"):
        out = values.astype("float32").filled(np.nan)
    out[~np.isfinite(out)] = np.nan
    for number in nodata:
        out[np.isclose(out, number, rtol=1e-6, atol=0)] = np.nan
    return out


def _of_map(source, bands, at) -> np.ndarray:
    """A window of one of our own maps, float32 with NaN.

    Where a file has NaN for nodata, there is nothing to ask its mask, which takes longer to read.
    """
    if set(source.dtypes) != {"float32"} or source.nodata is None or not np.isnan(source.nodata):
        return _numbers(source.read(bands, window=at, masked=True))
    out = source.read(bands, window=at)
    out[np.isinf(out)] = np.nan
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


def _pieces(window) -> Iterator[Window]:
    """Parts of a window, each with no more than BLOCK cells along its side."""
    down, across = (int(np.ceil(n / BLOCK)) for n in (window.height, window.width))
    for row, column in np.ndindex(down, across):
        left, top = window.col_off + column * BLOCK, window.row_off + row * BLOCK
        yield Window(left, top, BLOCK, BLOCK).intersection(window)


def _profile(window, source) -> dict:
    block = 256 if min(window.height, window.width) >= 256 else 16
    return {
        "driver": "GTiff", "height": window.height, "width": window.width, "count": 1,
        "dtype": "float32", "crs": source.crs, "transform": source.window_transform(window),
        "nodata": np.nan, "tiled": True, "blockxsize": block, "blockysize": block,
        "compress": "deflate", "predictor": 3, "bigtiff": "if_safer",
    }  # fmt: skip

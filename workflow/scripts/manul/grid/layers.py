"""Layers: from what a team has to what the region's grid needs.

Resampling follows the kind of a layer. A continuous layer is averaged where it is finer than the
grid and interpolated where it is coarser; a count becomes a density first; classes become scores
first, so that a coarse class map gives soft edges and a fine one gives the mean of its fractions.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import MergeAlg
from rasterio.features import rasterize
from rasterio.warp import Resampling, reproject
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from manul.config.expressions import ExpressionError, columns
from manul.config.responses import classes as score_classes
from manul.exposure.nearest import block_mean

GENERAL_M = 10_000  # cells to which places that are not public are generalised
TILE = 256  # cells along the side of the tiles in which rasters are warped


class NoOverlapError(ValueError):
    """A raster has no cell within the bounds that were asked for."""


class LayerError(ValueError):
    """A layer does not hold what the config says; the message names the layer and the mend."""


def bounds(grid: GeoBox, margin_m: float = 0.0) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of the grid in its CRS, widened by a margin."""
    box = grid.boundingbox
    return box.left - margin_m, box.bottom - margin_m, box.right + margin_m, box.top + margin_m


def prepare_vector(table: gpd.GeoDataFrame, block: dict, grid: GeoBox, margin_m: float):
    """Filtered, in the grid's CRS, only features that reach the region and its margin."""
    if block.get("crs"):
        table = table.set_crs(block["crs"], allow_override=True)
    table = select(table, block.get("filter"))
    table = table.to_crs(str(grid.crs))
    table = _single_points(table[~(table.geometry.is_empty | table.geometry.isna())])
    left, bottom, right, top = bounds(grid, margin_m)
    return table.cx[left:right, bottom:top].reset_index(drop=True)


def _single_points(table):
    """Points in many parts as rows of their own, each with the whole row's values."""
    many = table.geom_type == "MultiPoint"
    if not many.any():
        return table
    parts = table[many].explode(index_parts=False)
    return pd.concat([table[~many], parts]).sort_index(kind="stable")


def prepare_records(features: gpd.GeoDataFrame, block: dict, grid: GeoBox, margin_m: float):
    """`prepare_vector`, then the rows without a place: a district may stand for it."""
    placed = prepare_vector(features[features.geometry.notna()], block, grid, margin_m)
    rest = select(features[features.geometry.isna()], block.get("filter"))
    return pd.concat([placed, rest.to_crs(placed.crs)], ignore_index=True) if len(rest) else placed


def record_features(accepted: pd.DataFrame, spec: dict, classes: dict) -> gpd.GeoDataFrame:
    """Accepted records as features in EPSG:4326: their outline, else their line, else their point.

    A field with hazard classes (`classes`: field -> {name: class}) becomes its class; the name is
    kept as FIELD_name. A record without a position has no geometry.
    """
    table = accepted.reset_index(names="row")
    for field, mapping in classes.items():
        if field in table:
            table[f"{field}_name"] = table[field]
            table[field] = table[field].map(mapping)
    columns = [table[p[axis]] for p in spec["positions"] for axis in ("lon", "lat")]
    # a table without positions, such as distances from a line, has no places
    places = np.column_stack(columns) if columns else [None] * len(table)
    place = [_place(numbers) for numbers in places]
    outline = table["geom"] if "geom" in table else [None] * len(table)
    shapes = [
        given if isinstance(given, BaseGeometry) else other
        for given, other in zip(outline, place, strict=True)
    ]
    return gpd.GeoDataFrame(table.drop(columns="geom", errors="ignore"), geometry=shapes, crs=4326)


def select(table: gpd.GeoDataFrame, condition: str | None) -> gpd.GeoDataFrame:
    """The rows for which a condition such as `status == 'operating'` holds.

    Raises `LayerError` for a condition that names no column of the table, is neither true nor
    false, or does more than compare.
    """
    if not condition:
        return table
    have = [str(c) for c in table.columns if c != "geometry"]
    try:
        unknown = [name for name in columns(condition) if name not in have]
        if unknown:
            raise LayerError(f"there is no column {unknown[0]!r}")
        if table.empty:
            return table
        keep = table.eval(condition, engine="python")
    except (ExpressionError, TypeError, ValueError, NotImplementedError, NameError) as error:
        raise LayerError(f"{error}; the columns are {', '.join(have)}") from None
    if not isinstance(keep, pd.Series) or not pd.api.types.is_bool_dtype(keep):
        raise LayerError(f"{condition!r} is neither true nor false for a row; compare a column")
    return table[keep.fillna(False).astype(bool)]


def general_cells(table: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """The 10 km cell, of a lattice that no data decides, that holds the middle of each feature."""
    middle = table.geometry.centroid
    left, bottom = (np.floor(side / GENERAL_M) * GENERAL_M for side in (middle.x, middle.y))
    cells = shapely.box(left, bottom, left + GENERAL_M, bottom + GENERAL_M)
    return gpd.GeoSeries(cells, index=table.index, crs=table.crs)


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
    out = np.full(grid.shape, np.nan, "float32")
    ratio = abs(grid.resolution.x) / np.array(raster.pixel_m)
    how = Resampling.average if ratio.max() > 1.5 else Resampling.bilinear
    reproject(
        values.astype("float32"), out, src_transform=raster.transform, src_crs=raster.crs,
        dst_transform=grid.affine, dst_crs=str(grid.crs), src_nodata=np.nan, dst_nodata=np.nan,
        resampling=how, tolerance=0,
        # Fixed, as GDAL would otherwise take them from the chunk and so make values depend on it.
        XSCALE=min(1, 1 / ratio[0]), YSCALE=min(1, 1 / ratio[1]),
    )  # fmt: skip
    return out


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


def cover_share(geometries, grid: GeoBox, oversample: int = 8) -> np.ndarray:
    """Share of each cell under the polygons, 0..1, from `oversample` squared points a cell."""
    covered = burn_inside(geometries, grid.zoom_out(1 / oversample))
    return block_mean(covered.astype("float32"), oversample)


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


def _place(numbers):
    """A point from (lon, lat), a line from (lon, lat, lon, lat), None where one is unknown."""
    if numbers is None or np.isnan(numbers.astype(float)).any():
        return None
    return Point(numbers) if len(numbers) == 2 else LineString(numbers.reshape(-1, 2))

"""Windows of remote rasters as one GeoTIFF: only the tiles of the window are read."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window, from_bounds

from manul.grid.atomic import atomic
from manul.retrieval.addresses import Piece
from manul.retrieval.remote import RemoteError, RemoteFile, opened

BLOCK = 1024  # pixels along a side that are read and written at once
DEGREE_M = 111_320.0
SAME = 1e-6  # share of a pixel by which lattices of two tiles may differ


class NothingThereError(ValueError):
    """No file of a source has ground within the box."""


@dataclass(frozen=True)
class Opened:
    """A remote raster that is open, and what its catalogue says of it."""

    raster: DatasetReader
    file: RemoteFile
    piece: Piece
    unset: tuple = ()


def write_window(
    target: Path,
    pieces: list[Piece],
    box,
    open_file: Callable[[str], RemoteFile],
    source: Mapping,
    wanted: Mapping,
    cell_m: float,
) -> list[str]:
    """The ground of a box (degrees) from the pieces of a source, written to `target`.

    It keeps the pixels and the CRS of the pieces, or of an overview of them that still has
    `pixels_per_cell` pixels along a cell of `cell_m`. Pieces that are not there are ground without
    data where the source says so. The addresses that were read are given back. Raises
    `RemoteError`, `NothingThereError`.
    """  # fmt: skip
    with contextlib.ExitStack() as stack:
        every = _all_opened(stack, pieces, open_file, source, wanted, cell_m)
        within = [one for one in every if _within(one.raster, box)]
        if not within:
            raise NothingThereError("no file has ground within the box")
        _write(target, within, box, source.get("reduce"), wanted.get("scale", 1.0))
        return [one.file.address for one in within]


# ------------------------------------------------------------------------------------- opening


def _all_opened(stack, pieces, open_file, source, wanted, cell_m) -> list[Opened]:
    fine, unset = source.get("pixels_per_cell"), tuple(wanted.get("unset", ()))
    return [
        Opened(stack.enter_context(_raster(file, fine, cell_m)), file, piece, unset)
        for piece, file in opened(pieces, open_file, source["not_found"])
    ]


@contextlib.contextmanager
def _raster(file: RemoteFile, pixels_per_cell, cell_m) -> Iterator[DatasetReader]:
    """A remote file opened by GDAL, at the overview that is fine enough."""
    name = file.address.partition("?")[0].rpartition("/")[2] or "raster.tif"

    def opener(path, mode="rb"):
        if not str(path).endswith(name):  # GDAL looks for files beside it, too
            raise FileNotFoundError(path)
        return RemoteFile(file.link, file.address, file.format, file.offline)

    with _told(file), rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        with rasterio.open(name, opener=opener) as raster:
            level = _level(raster, pixels_per_cell, cell_m)
            if raster.crs is None:
                raise RemoteError(file.address, "the raster does not say its coordinate system")
        options = {} if level is None else {"overview_level": level}
        with rasterio.open(name, opener=opener, **options) as raster:
            yield raster


@contextlib.contextmanager
def _told(file):
    """Errors of GDAL while it reads a remote file as errors of that file."""
    try:
        yield
    except RasterioError as error:
        cause = error.__cause__ or error.__context__ or error
        if isinstance(cause, RemoteError):
            raise cause from None
        raise RemoteError(file.address, f"cannot be read as a raster ({cause})") from None


def _level(raster, pixels_per_cell, cell_m) -> int | None:
    """The coarsest overview with enough pixels along a cell; None for the pixels themselves."""
    if not pixels_per_cell:
        return None
    pixel = abs(raster.transform.a) * (DEGREE_M if raster.crs.is_geographic else 1)
    fits = [i for i, f in enumerate(raster.overviews(1)) if pixel * f * pixels_per_cell <= cell_m]
    return fits[-1] if fits else None


# ------------------------------------------------------------------------------------- the lattice


def _within(raster, box) -> tuple[float, float, float, float] | None:
    """(left, bottom, right, top) of what a raster has of a box, in its CRS; None for nothing."""
    left, bottom, right, top = transform_bounds("EPSG:4326", raster.crs, *box, densify_pts=41)
    own = raster.bounds
    left, right = max(left, own.left), min(right, own.right)
    bottom, top = max(bottom, own.bottom), min(top, own.top)
    return (left, bottom, right, top) if left < right and bottom < top else None


def _lattice(every, box) -> tuple[Affine, int, int]:
    """The grid of the finest pixels that holds what all rasters have within the box."""
    parts = np.array([_within(one.raster, box) for one in every])
    bounds = (*parts[:, :2].min(axis=0), *parts[:, 2:].max(axis=0))
    at = min((one.raster.transform for one in every), key=lambda t: abs(t.a))
    window = from_bounds(*bounds, transform=at)
    column, row = (int(np.floor(n + SAME)) for n in (window.col_off, window.row_off))
    right = int(np.ceil(window.col_off + window.width - SAME))
    bottom = int(np.ceil(window.row_off + window.height - SAME))
    return at @ Affine.translation(column, row), right - column, bottom - row


# ------------------------------------------------------------------------------------- the values


def _write(target, every, box, reduce, scale) -> None:
    at, width, height = _lattice(every, box)
    first = every[0].raster
    kind, nodata = first.dtypes[0], first.nodata
    if reduce:
        kind, nodata = "float32", np.nan
    elif nodata is None and every[0].unset:
        nodata = every[0].unset[0]
    with atomic(target) as partial, rasterio.open(
        partial, "w", driver="GTiff", width=width, height=height, count=1, dtype=kind,
        crs=first.crs, transform=at, nodata=nodata, tiled=True, blockxsize=256, blockysize=256,
        compress="deflate", predictor=3 if "float" in kind else 2, BIGTIFF="IF_SAFER",
    ) as out:  # fmt: skip
        if not reduce:
            out.scales, out.offsets = first.scales[:1], first.offsets[:1]
        for window in _blocks(width, height):
            corner = at @ Affine.translation(window.col_off, window.row_off)
            shape = (int(window.height), int(window.width))
            if reduce:
                values = _reduced(every, corner, shape, reduce) * np.float32(scale)
            else:
                values = _first_known(every, corner, shape, kind, nodata)
            out.write(values, 1, window=window)


def _blocks(width, height) -> Iterator[Window]:
    for row in range(0, height, BLOCK):
        for column in range(0, width, BLOCK):
            yield Window(column, row, min(BLOCK, width - column), min(BLOCK, height - row))


def _first_known(every, corner, shape, kind, nodata) -> np.ndarray:
    """Of rasters that overlap the first one with data; the rest is `nodata`."""
    out = np.full(shape, 0 if nodata is None else nodata, kind)
    known = np.zeros(shape, bool)
    for one in every:
        found = _read(one, corner, shape)
        if found is not None:
            take = ~np.ma.getmaskarray(found) & ~known
            out[take] = found.data[take]
            known |= take
    if nodata is None and not known.all():
        address = every[0].file.address
        why = "part of the box has no data, and the file names no value for that"
        raise RemoteError(address, f"{why}; add `unset: [value]` to the source in the catalogue")
    return out


def _reduced(every, corner, shape, reduce) -> np.ndarray:
    """What `reduce` makes of all rasters of a block, in their units; NaN where none has data."""
    layers: dict[int, np.ndarray] = {}
    for i, one in enumerate(every):
        found = _read(one, corner, shape)
        if found is None:
            continue
        values = np.ma.filled(found.astype("float32"), np.nan)
        values = values * np.float32(one.raster.scales[0]) + np.float32(one.raster.offsets[0])
        values *= np.float32(one.piece.factor)
        key = {"maximum": 0, "share_of_years": one.piece.year}.get(reduce, i)
        layers[key] = np.fmax(layers[key], values) if key in layers else values
    if not layers:
        return np.full(shape, np.nan, "float32")
    stack = np.stack(list(layers.values()))
    count = (~np.isnan(stack)).sum(axis=0)
    if reduce == "maximum":
        return stack[0]
    if reduce == "sum":
        return np.where(count > 0, np.nansum(stack, axis=0), np.nan).astype("float32")
    share = (stack > 0).sum(axis=0) / np.maximum(count, 1)  # NaN is not above 0
    return np.where(count > 0, share, np.nan).astype("float32")


def _read(one: Opened, corner, shape) -> np.ma.MaskedArray | None:
    """What a raster has of a block; masked where it has nothing; None where it lies beside it."""
    left, top = corner @ (0, 0)
    right, bottom = corner @ (shape[1], shape[0])
    raster, own = one.raster, one.raster.bounds
    if left >= own.right or right <= own.left or top <= own.bottom or bottom >= own.top:
        return None
    at = raster.transform
    with _told(one.file):
        if np.allclose((at.a, at.e), (corner.a, corner.e), rtol=SAME):
            found = _same_lattice(raster, corner, shape)
        else:
            classes = raster.dtypes[0] == "uint8"
            with WarpedVRT(
                raster, crs=raster.crs, transform=corner, height=shape[0], width=shape[1],
                resampling=Resampling.nearest if classes else Resampling.bilinear,
                add_alpha=raster.nodata is None,
            ) as warped:  # fmt: skip
                found = warped.read(1, masked=True)
    return np.ma.masked_where(np.isin(found.data, one.unset) | np.ma.getmaskarray(found), found)


def _same_lattice(raster, corner, shape) -> np.ma.MaskedArray:
    column, row = (round(n) for n in ~raster.transform @ (corner.c, corner.f))
    out = np.ma.masked_all(shape, raster.dtypes[0])
    c0, r0 = max(column, 0), max(row, 0)
    c1, r1 = min(column + shape[1], raster.width), min(row + shape[0], raster.height)
    if c0 < c1 and r0 < r1:
        found = raster.read(1, window=Window(c0, r0, c1 - c0, r1 - r0), masked=True)
        out[r0 - row : r1 - row, c0 - column : c1 - column] = found
    return out

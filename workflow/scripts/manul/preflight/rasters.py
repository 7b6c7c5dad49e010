"""Preflight of a raster: its band, place, cover of the region, nodata and values."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from pyproj import CRS
from rasterio.warp import transform_bounds

from manul.config import selection
from manul.grid import rasters
from manul.grid.reach import open_raster
from manul.grid.region import bounds, grid_of
from manul.preflight.findings import Problem, bad
from manul.preflight.places import ROUND_WORLD, impossible

# Numbers that programs write for "no value"; float32 files hold -3.4e38 or 1e20.
STAND_INS = (-32768, -9999, -99999, -999, 32767, 65535)
FACTORS = (0.0001, 0.001, 0.01, 0.1, 10, 100, 1000)
LOOK = 256  # cells along the side of the small copies in which bands are compared


def check(name, block, config, tables) -> Iterator[Problem]:
    """The problems of a raster layer."""
    with open_raster(block["path"]) as source:
        wrong = list(_place(name, block, source, config["region"]))
        yield from wrong
        if wrong:
            return
        yield from _nodata_class(name, block, source)
        yield from _twin_bands(name, block, source)
        covered = _covered_share(source, grid_of(config["region"]))
    if covered == 0:
        yield bad(
            name, block, "a raster elsewhere, no overlap with the region",
            f"a raster that covers {config['region']['bounds']} (west, south, east, north)",
            "Is this the layer of another place, or is its CRS wrong?",
        )  # fmt: skip
        return
    grid, file = grid_of(config["region"]), rasters.RasterFile(block["path"], block["band"])
    inside = _summary(file.blocks(str(grid.crs), bounds(grid)), block)
    if not inside.known:
        yield bad(
            name, block, "only nodata or NaN in the region", "values",
            "Is this the right file and band, and is its nodata value set rightly?",
        )  # fmt: skip
        return
    share = covered * inside.known / inside.cells
    if share < 0.5:
        yield bad(
            name, block, f"values for {100 * share:.0f} % of the region", "most of the region",
            "The rest of the region is nodata on the maps", severity="warning",
        )  # fmt: skip
    reach = selection.margin_m(config, name)
    yield from _values(
        name, block, _summary(file.blocks(str(grid.crs), bounds(grid, reach)), block)
    )


@dataclass
class _Summary:
    """What the numbers of a raster are, gathered block by block."""

    cells: int = 0
    known: int = 0
    low: float = np.inf
    high: float = -np.inf
    codes: set = field(default_factory=set)


def _summary(blocks, block) -> _Summary:
    out = _Summary()
    for values in blocks:
        known = values[~np.isnan(values)] * block["scale"] + block["offset"]
        out.cells, out.known = out.cells + values.size, out.known + known.size
        if known.size:
            out.low = min(out.low, float(known.min()))
            out.high = max(out.high, float(known.max()))
        if block["kind"] == "classes":
            out.codes |= set(np.unique(known).tolist())
    return out


def _place(name, block, source, region) -> Iterator[Problem]:
    """Why the place of a raster cannot be right."""
    if block["band"] > source.count:
        yield bad(
            name, block, f"band {block['band']}", f"1 to {source.count}, the bands of the file",
            "Mend the key `band`", field="band",
        )  # fmt: skip
        return
    if source.crs is None:
        yield bad(
            name, block, "no CRS", "a coordinate system",
            "Assign the right one, for example with gdal_edit.py -a_srs EPSG:4326",
        )  # fmt: skip
        return
    at = source.transform
    if at.b or at.d or at.e > 0:
        yield bad(
            name, block, "rows that do not run from north to south", "a north-up raster",
            "Warp it first, for example with gdalwarp",
        )  # fmt: skip
        return
    box = source.bounds
    crs = CRS.from_user_input(source.crs)
    yield from impossible(name, block, crs, tuple(box), region, world=ROUND_WORLD)


def _nodata_class(name, block, source) -> Iterator[Problem]:
    nodata = source.nodatavals[block["band"] - 1]
    known = {float(code): text for code, text in block.get("classes", {}).items()}
    if nodata is not None and nodata in known and block["kind"] == "classes":
        yield bad(
            name, block, f"nodata {nodata:g}, which is also class {known[nodata]!r}",
            "a nodata value that is no class",
            "Take the class out of `classes` or declare another nodata", field="classes",
        )  # fmt: skip


def _twin_bands(name, block, source) -> Iterator[Problem]:
    shape = (min(source.height, LOOK), min(source.width, LOOK))
    if source.count == 1:
        return
    mine = source.read(block["band"], out_shape=shape)
    for other in range(1, source.count + 1):
        same = other != block["band"] and np.array_equal(source.read(other, out_shape=shape), mine)
        if same:
            yield bad(
                name, block, f"band {block['band']} equal to band {other}", "different bands",
                "Is the file a copy, or the key `band` wrong?", field="band", severity="warning",
            )  # fmt: skip
            return


def _covered_share(source, grid) -> float:
    """Share of the region's box that lies in the box of an open raster."""
    region = shapely.box(*bounds(grid))
    wide = transform_bounds(str(grid.crs), source.crs, *bounds(grid), densify_pts=21)
    box = shapely.box(*wide).intersection(shapely.box(*source.bounds))
    if box.is_empty or not box.area:
        return 0.0
    back = transform_bounds(source.crs, str(grid.crs), *box.bounds, densify_pts=21)
    return region.intersection(shapely.box(*back)).area / region.area


def _values(name, block, found) -> Iterator[Problem]:
    if block["kind"] == "classes":
        strange = sorted(found.codes - {float(code) for code in block["classes"]})
        if strange:
            codes = ", ".join(f"{code:g}" for code in strange[:8])
            yield bad(
                name, block, f"class {codes}", f"the classes {', '.join(block['classes'])}",
                "Name the class in `classes` or declare it nodata", field="classes",
            )  # fmt: skip
        return
    low, high = block.get("valid", (-np.inf, np.inf))
    raw = [(v - block["offset"]) / block["scale"] for v in (found.low, found.high)]
    fake = [v for v in raw if _is_stand_in(v)]
    outside = found.low < low or found.high > high
    if outside or ("valid" not in block and fake):
        units = block["units"].removeprefix("1")
        yield bad(
            name, block, f"values {found.low:g} to {found.high:g} {units}".strip(),
            f"{low:g} to {high:g}" if outside else "real values",
            _why_outside(found, low, high, fake, block), field="valid",
        )  # fmt: skip
    elif "valid" not in block:
        yield bad(
            name, block, f"no believable range; values run {found.low:g} to {found.high:g}",
            "`valid: [smallest, largest]`", "Undeclared nodata could go unseen", field="valid",
            severity="warning",
        )  # fmt: skip


def _is_stand_in(value) -> bool:
    return abs(value) > 1e15 or any(abs(value - v) < 1e-3 for v in STAND_INS)


def _why_outside(found, low, high, fake, block) -> str:
    if fake:
        return (
            f"{fake[0]:g} looks like nodata that is not declared; declare it, for example with "
            f"gdal_edit.py -a_nodata {fake[0]:g}"
        )
    for factor in FACTORS:
        if factor * found.low >= low and factor * found.high <= high:
            return f"Is a scale factor missing? `scale: {factor * block['scale']:g}` would fit"
    return "Are the units right? If so, widen `valid`; else correct the file or `scale`"

"""Preflight of a raster: its band, place, cover of the region, nodata and values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isclose

import numpy as np
import shapely
from pyproj import CRS
from rasterio.enums import ColorInterp
from rasterio.warp import transform_bounds

from manul.config import selection
from manul.grid import rasters
from manul.grid.reach import open_raster
from manul.grid.region import bounds, grid_of
from manul.preflight.findings import Problem, bad
from manul.preflight.places import ROUND_WORLD, SWAPPED, impossible, is_swapped

# Numbers that programs write for "no value"; float32 files hold -3.4e38 or 1e20.
STAND_INS = (
    -32768, -32767, -99999, -9999, -3000, -999, -99, 9999, 99999, 32767, 65535, 2147483647,
    -2147483648,
)  # fmt: skip
# Other units that a layer may be in, by its own: name, factor, number to add.
OTHER_UNITS = {
    "degC": (("kelvin", 1, -273.15), ("degrees Fahrenheit", 5 / 9, -160 / 9)),
    "m": (("feet", 0.3048, 0),),
}
FACTORS = (0.1, 0.01, 0.001, 0.0001, 10, 100, 1000)
GAP = 0.05  # of the range of the other values: what lies that far from them may be no value
FAR = 2.0  # of that range: what lies so far is asked for, whatever it is
MANY = 0.02  # of all cells
FEW = 20  # cells in which any number may stand
WHOLE = 2**24  # up to here float32 tells whole numbers apart
COVERED = 0.98  # of the region: less is told
LARGE = 4e8  # cells above which bands are not compared
LOOK = 256  # cells along the side of the small copies in which bands are compared

ENDS = "smallest and largest value seen"


def check(name, block, config, tables) -> Iterator[Problem]:
    """The problems of a raster layer; what its values are goes to `tables`, under `ENDS`."""
    with open_raster(block["path"]) as source:
        wrong = [*_too_small(name, block, source), *_place(name, block, source, config["region"])]
        yield from wrong
        if wrong:
            return
        yield from _nodata_class(name, block, source)
        yield from _twin_bands(name, block, source)
        yield from _scaled(name, block, source)
        yield from _painted(name, block, source)
        covered = _covered_share(source, grid_of(config["region"]))
        crs, box = source.crs, source.bounds
        scaling, kind = rasters.scaling(source, block), source.dtypes[block.get("band", 1) - 1]
    if covered == 0:
        yield bad(
            name, block, "a raster elsewhere, no overlap with the region",
            f"a raster that covers {config['region']['bounds']} (west, south, east, north)",
            SWAPPED
            if is_swapped(transform_bounds(crs, 4326, *box), config["region"])
            else "Is this the layer of another place, or is its CRS wrong? If its longitudes run "
            "from 0 to 360, shift them, for example with gdalwarp -t_srs EPSG:4326 "
            "-te -180 -90 180 90",
        )  # fmt: skip
        return
    grid, file = grid_of(config["region"]), rasters.of_layer(block["path"], block)
    inside = _summary(file.blocks(str(grid.crs), bounds(grid)), block, scaling)
    if not inside.known:
        yield bad(
            name, block, "only nodata or NaN in the region", "values",
            "Is this the right file and band, and is its nodata value set rightly?",
        )  # fmt: skip
        return
    share = covered * inside.known / inside.cells
    if share < COVERED:
        yield bad(
            name, block, f"values for {100 * share:.0f} % of the region", "most of the region",
            "The rest of the region is nodata on the maps", severity="warning",
        )  # fmt: skip
    if block["kind"] != "classes" and inside.low == inside.high:
        yield bad(
            name, block, f"{inside.low:g} in every cell of the region",
            "values that tell one place from another",
            "Right where there is none of it; else, is this the right file and band?",
            severity="warning",
        )  # fmt: skip
    reach = selection.margin_m(config, name)
    every = _summary(file.blocks(str(grid.crs), bounds(grid, reach)), block, scaling)
    if block["kind"] != "classes" and "valid" not in block:
        tables[ENDS, name] = [every.low, every.high]  # what stands for the believable range
    yield from _values(name, block, every, scaling, kind)


def _too_small(name, block, source) -> Iterator[Problem]:
    if min(source.shape) < 2:
        height, width = source.shape
        yield bad(
            name, block, f"a raster of {width} x {height} pixels", "2 x 2 at least",
            "Was a window cut too small? One row of numbers has no slope, and nothing between",
        )  # fmt: skip


@dataclass
class _Summary:
    """What the numbers of a raster are, gathered block by block.

    `ends` are the two smallest and the two largest different values with their numbers of cells.
    """

    cells: int = 0
    known: int = 0
    ends: dict[float, int] = field(default_factory=dict)
    codes: set = field(default_factory=set)

    @property
    def low(self) -> float:
        return min(self.ends)

    @property
    def high(self) -> float:
        return max(self.ends)


def _summary(blocks, block, scaling) -> _Summary:
    out, (scale, offset) = _Summary(), scaling
    for values in blocks:
        known = values[~np.isnan(values)]
        out.cells, out.known = out.cells + values.size, out.known + known.size
        if block["kind"] == "classes":
            out.codes |= set(np.unique(known * scale + offset).tolist())
        for value, number in _ends(known).items():
            value = value * scale + offset
            out.ends[value] = out.ends.get(value, 0) + number
        keep = sorted(out.ends)
        out.ends = {v: out.ends[v] for v in {*keep[:2], *keep[-2:]}}
    return out


def _ends(values) -> dict[float, int]:
    """The two smallest and the two largest different values, with their numbers of cells."""
    found, left = {}, values
    for _ in range(2):
        for end in (np.min, np.max):
            if left.size:
                value = end(left)
                found[float(value)] = int((left == value).sum())
                left = left[left != value]
    return found


def _place(name, block, source, region) -> Iterator[Problem]:
    """Why the place of a raster cannot be right."""
    colours = zip(source.indexes, source.colorinterp, strict=True)
    bands = [i for i, colour in colours if colour != ColorInterp.alpha]
    if "band" not in block and len(bands) > 1:
        told = ", ".join(f"{i} {source.descriptions[i - 1] or ''}".strip() for i in bands[:12])
        picture = ColorInterp.red in source.colorinterp
        yield bad(
            name, block, f"{len(bands)} bands" + (" of a colour picture" if picture else ""),
            f"one of the bands {told}",
            "A picture holds colours and no values: use the raster that it was drawn from"
            if picture else "Name it with the key `band`", field="band",
        )  # fmt: skip
        return
    if block.get("band", 1) > source.count:
        yield bad(
            name, block, f"band {block['band']}", f"1 to {source.count}, the bands of the file",
            "Mend the key `band`", field="band",
        )  # fmt: skip
        return
    if np.dtype(source.dtypes[block.get("band", 1) - 1]).kind == "c":
        yield bad(
            name, block, "complex numbers", "numbers",
            "Write the part that is meant, for example with gdal_translate DERIVED_SUBDATASET",
        )  # fmt: skip
        return
    if source.gcps[0] and source.transform.is_identity:
        yield bad(
            name, block, f"{len(source.gcps[0])} ground control points and no grid",
            "a raster on a grid", "Warp it first, for example with gdalwarp -tps",
        )  # fmt: skip
        return
    if source.crs is None:
        yield bad(
            name, block, "no CRS", "a coordinate system",
            "Assign the right one, for example with gdal_edit.py -a_srs EPSG:4326",
        )  # fmt: skip
        return
    at = source.transform
    ways = {
        "no place: row and column stand for coordinates": at.is_identity,
        "rows that do not run from north to south": at.b or at.d or at.e > 0,
        "columns that run from east to west": at.a < 0,
    }
    if wrong := next((way for way, is_so in ways.items() if is_so), ""):
        yield bad(
            name, block, wrong, "a north-up raster", "Warp it first, for example with gdalwarp"
        )
        return
    box = source.bounds
    crs = CRS.from_user_input(source.crs)
    yield from impossible(name, block, crs, tuple(box), region, world=ROUND_WORLD)


def _nodata_class(name, block, source) -> Iterator[Problem]:
    nodata = source.nodatavals[block.get("band", 1) - 1]
    known = {float(code): text for code, text in block.get("classes", {}).items()}
    if nodata is not None and nodata in known and block["kind"] == "classes":
        yield bad(
            name, block, f"nodata {nodata:g}, which is also class {known[nodata]!r}",
            "a nodata value that is no class",
            "Take the class out of `classes` or declare another nodata", field="classes",
        )  # fmt: skip


def _twin_bands(name, block, source) -> Iterator[Problem]:
    shape = (min(source.height, LOOK), min(source.width, LOOK))
    if source.count == 1 or source.height * source.width > LARGE:
        return
    band = block.get("band", 1)
    mine = source.read(band, out_shape=shape)
    for other in range(1, source.count + 1):
        same = other != band and np.array_equal(source.read(other, out_shape=shape), mine)
        if same:
            yield bad(
                name, block, f"band {band} equal to band {other}", "different bands",
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


def _scaled(name, block, source) -> Iterator[Problem]:
    """Tags of scale and offset: applied where the config says nothing, else left aside."""
    band = block.get("band", 1) - 1
    tags = source.scales[band], source.offsets[band]
    if not np.isfinite(tags).all() or tags[0] == 0:
        yield bad(
            name, block, f"tags of scale {tags[0]:g} and offset {tags[1]:g}", "a scale that can be",
            "Mend the tags, or say what holds with the keys `scale` and `offset`", field="scale",
            severity="warning" if {"scale", "offset"} & block.keys() else "error",
        )  # fmt: skip
    elif tags != (1, 0):
        mine = rasters.scaling(source, block)
        same = np.allclose(mine, tags)
        why = "They are applied"
        if not same:
            used = f"`scale: {mine[0]:g}` and `offset: {mine[1]:g}`"
            why = f"They are left aside for {used} of the config"
        yield bad(
            name, block, f"tags of the file: scale {tags[0]:g}, offset {tags[1]:g}", "",
            why, field="scale", severity="note" if same else "warning",
        )  # fmt: skip


def _painted(name, block, source) -> Iterator[Problem]:
    """Numbers that stand for colours of a table, in a layer of quantities."""
    colours = source.colorinterp[block.get("band", 1) - 1]
    if block["kind"] != "classes" and colours == ColorInterp.palette:
        yield bad(
            name, block, "numbers of colours in a table", "values",
            "Is this a picture? Then use the raster that it was drawn from; if the numbers are "
            "values, take the colours out", field="band", severity="warning",
        )  # fmt: skip


def _values(name, block, found, scaling, dtype) -> Iterator[Problem]:
    if block["kind"] == "classes":
        yield from _codes(name, block, found)
        return
    low, high = block.get("valid", (-np.inf, np.inf))
    scale, offset = scaling
    raw = {v: (v - offset) / scale for v in found.ends}
    fake = [raw[v] for v in (found.low, found.high) if _is_stand_in(raw[v])]
    least, most = rasters.believable(block, offset)
    outside = found.low < least or found.high > most
    wrong = outside or ("valid" not in block and bool(fake) and "nodata" not in block)
    if wrong:
        units = block["units"].removeprefix("1")
        yield bad(
            name, block, f"values {found.low:g} to {found.high:g} {units}".strip(),
            f"{low:g} to {high:g}" if outside else "real values",
            _why_outside(found, block, fake, scaling), field="valid",
        )  # fmt: skip
    elif "valid" not in block:
        yield bad(
            name, block, f"no believable range; values run {found.low:g} to {found.high:g}",
            "`valid: [smallest, largest]`", "Undeclared nodata could go unseen", field="valid",
            severity="warning",
        )  # fmt: skip
    if "nodata" not in block and not wrong:
        yield from _questions(name, block, found, raw, dtype)


def _codes(name, block, found) -> Iterator[Problem]:
    known = {float(code) for code in block["classes"]}
    large = sorted(code for code in known | found.codes if abs(code) >= WHOLE)
    if large:
        yield bad(
            name, block, f"class {large[0]:.0f}", f"codes below {WHOLE}",
            "Larger codes cannot be told apart; number the classes anew", field="classes",
        )  # fmt: skip
        return
    strange = sorted(found.codes - known)
    if strange:
        codes = ", ".join(f"{code:g}" for code in strange[:8])
        yield bad(
            name, block, f"class {codes}", f"the classes {', '.join(block['classes'])}",
            "Name the class in `classes` or declare it nodata", field="classes",
        )  # fmt: skip


def _questions(name, block, found, raw, dtype) -> Iterator[Problem]:
    """Numbers at an end of the values that may mean "no value" although they are believable."""
    values = sorted(found.ends)
    if len(values) < 4:
        return
    for end, beside, others in (
        (values[0], values[1], values[-1] - values[1]),
        (values[-1], values[-2], values[-2] - values[0]),
    ):
        gap = abs(end - beside) / others if others > 0 else 0.0
        if gap < GAP or (end == 0 and block["kind"] == "counts"):
            continue
        many = found.ends[end] > max(MANY * found.known, FEW)
        why = [
            ("is a number that programs write for no value", _is_stand_in(raw[end])),
            (f"is the end of {dtype}", _ends_type(raw[end], dtype)),
            (f"fills {found.ends[end]} of {found.known} cells", many),
            (f"lies {gap:.1f} times the range of all others away from them", gap > FAR),
        ]
        told = [text for text, is_so in why if is_so]
        if told:
            sure = _is_stand_in(raw[end]) or (_ends_type(raw[end], dtype) and raw[end] != 0)
            yield bad(
                name, block, f"{raw[end]:g}, which {' and '.join(told)}", "values",
                f"Does it mean no value? Then write `nodata: {raw[end]:g}`, or declare it, for "
                f"example with gdal_edit.py -a_nodata {raw[end]:g}; if it is a value, write "
                "`nodata: []`", field="nodata", severity="error" if sure else "warning",
            )  # fmt: skip


def _is_stand_in(value) -> bool:
    return abs(value) > 1e15 or any(isclose(value, v, abs_tol=1e-3) for v in STAND_INS)


def _ends_type(value, dtype) -> bool:
    if np.dtype(dtype).kind not in "iu":
        return False
    return bool(np.isclose(value, [np.iinfo(dtype).min, np.iinfo(dtype).max]).any())


def _why_outside(found, block, fake, scaling) -> str:
    if fake:
        return (
            f"{fake[0]:g} looks like nodata that is not declared; write `nodata: {fake[0]:g}`, or "
            f"declare it, for example with gdal_edit.py -a_nodata {fake[0]:g}"
        )
    scale, offset = scaling
    low, high = rasters.believable(block, offset)

    def fits(factor, added=0.0):
        return factor * found.low + added >= low and factor * found.high + added <= high

    asked = []
    if fit := [f"{f * scale:g}" for f in FACTORS if fits(f)]:
        more = f" ({', '.join(fit[1:])} too)" if fit[1:] else ""
        asked.append(f"Is a scale factor missing? `scale: {fit[0]}` would fit{more}")
    for unit, factor, added in OTHER_UNITS.get(block["units"], ()):
        if fits(factor, added):
            keys = f"`scale: {factor * scale:.6g}`"
            if shift := factor * offset + added:
                keys += f" and `offset: {shift:.6g}`"
            asked.append(f"Are these {unit}? Then {keys} would fit")
    if asked:
        return f"{'. '.join(asked)}; the document of the data tells the right one"
    return "Are the units right? If so, widen `valid`; else correct the file or `scale`"

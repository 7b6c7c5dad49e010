"""Preflight: every problem of every layer, table and number, in one list, before any computing.

Errors stop the run; warnings go on into the products. Each problem tells file, row, field, the
value found, what was expected, and how to mend it.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError
from rasterio.errors import RasterioError

from manul import expressions, field_data, io, layers, nodes, settings
from manul.records import RecordsError

LARGEST_GRID = 2e10
EQUAL_AREA = ("laea", "aea", "cea", "moll", "sinu", "eck4", "eck6", "leac", "igh")
RASTERS = ("continuous", "classes", "counts")


@dataclass(frozen=True)
class Problem:
    """One finding; `severity` is error, warning or note."""

    severity: str
    layer: str
    file: str = ""
    row: str = ""
    field: str = ""
    value: str = ""
    expected: str = ""
    mend: str = ""

    def __str__(self):
        place = ", ".join(
            f"{name} {text}"
            for name, text in (("file", self.file), ("row", self.row), ("field", self.field))
            if text
        )
        found = f": found {self.value}" if self.value else ""
        expected = f"; expected {self.expected}" if self.expected else ""
        mend = f". {self.mend}" if self.mend else ""
        where = f" ({place})" if place else ""
        return f"{self.severity.upper()} {self.layer}{where}{found}{expected}{mend}"


class PreflightError(ValueError):
    """Something would make a wrong map; the message lists every error."""


def check(config: dict) -> list[Problem]:
    """All problems of one scenario, errors first."""
    found = [*_region(config), *_dates(config)]
    tables = {}
    for name, block in config["layers"].items():
        if block["kind"] == "absent":
            found.append(
                Problem("note", name, expected=block["needs"], mend="No layer: not assessed")
            )
            continue
        found += _file(name, block, config, tables)
    found += [*_surfaces(config, tables), *_threats(config), *_rules(config, tables)]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda p: order[p.severity])


def as_table(problems: list[Problem]) -> pd.DataFrame:
    """The problems as a table, one row each."""
    columns = list(Problem.__dataclass_fields__)
    return pd.DataFrame([asdict(p) for p in problems], columns=columns)


def stop_on_errors(problems: list[Problem]) -> None:
    """Raise `PreflightError` with every error, numbered, if there is one."""
    errors = [p for p in problems if p.severity == "error"]
    if errors:
        lines = [f"  {i}. {p}" for i, p in enumerate(errors, 1)]
        raise PreflightError("\n".join([f"{len(lines)} problem(s) must be mended first:", *lines]))


# -------------------------------------------------------------------------------- region, dates


def _region(config) -> Iterator[Problem]:
    region = config["region"]
    west, south, east, north = region["bounds"]
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        yield Problem(
            "error", "region", field="bounds", value=str(region["bounds"]),
            expected="west < east and south < north in degrees",
            mend="Give west, south, east, north; longitude first",
        )  # fmt: skip
        return
    try:
        crs = CRS.from_user_input(region["crs"])
    except ProjError:
        yield Problem("error", "region", field="crs", value=region["crs"], expected="a known CRS")
        return
    if not crs.is_projected or crs.axis_info[0].unit_name not in ("metre", "meter"):
        yield Problem(
            "error", "region", field="crs", value=crs.name, expected="a projected CRS in metres",
            mend=f"Degrees are not metres: take +proj=laea +lat_0={(south + north) / 2:g} "
            f"+lon_0={(west + east) / 2:g} +datum=WGS84 +units=m",
        )  # fmt: skip
        return
    if (crs.to_dict().get("proj") or "") not in EQUAL_AREA:
        yield Problem(
            "warning", "region", field="crs", value=crs.name, expected="an equal-area CRS",
            mend="Areas of key habitat are off by the scale of this projection",
        )  # fmt: skip
    cells = np.prod(settings.grid(region).shape)
    if not 25 <= cells <= LARGEST_GRID:
        yield Problem(
            "error", "region", field="cell_m",
            value=f"{region['cell_m']} m gives {cells:.3g} cells",
            expected=f"25 to {LARGEST_GRID:.0e} cells", mend="Is the cell size in metres?",
        )  # fmt: skip


def _dates(config) -> Iterator[Problem]:
    today = dt.date.today()
    if dt.date.fromisoformat(config["as_of"]) > today:
        yield Problem(
            "error", "config", field="as_of", value=config["as_of"],
            expected=f"a date up to today ({today})", mend="Ages cannot count to a day to come",
        )  # fmt: skip
    for name, block in config["layers"].items():
        years = [int(y) for y in re.findall(r"\b\d{4}\b", str(block.get("date", "")))]
        if any(y > today.year for y in years):
            yield Problem(
                "error", name, field="date", value=str(block["date"]),
                expected=f"a year up to {today.year}", mend="Correct the date of the layer",
            )  # fmt: skip


# ---------------------------------------------------------------------------------------- files


def _file(name, block, config, tables) -> list[Problem]:
    path = Path(block["path"])
    if not path.exists():
        near = ", ".join(sorted(p.name for p in path.parent.glob("*"))[:12])
        return [_bad(name, block, "no such file", "an existing file", f"The folder holds: {near}")]
    if path.stat().st_size == 0:
        return [_bad(name, block, "an empty file", "data", "Copy the file again")]
    try:
        if block["kind"] in RASTERS:
            return list(_raster(name, block, config))
        reader = _records if block["kind"] == "records" else _vector
        return list(reader(name, block, config, tables))
    except RecordsError as error:
        return [_bad(name, block, str(error), "a table of field records", "")]
    except (RasterioError, OSError, RuntimeError, ValueError) as error:
        text = str(error).splitlines()[0][:200]
        return [_bad(name, block, f"cannot be read ({text})", "a readable file", "Is it complete?")]


def _raster(name, block, config) -> Iterator[Problem]:
    with rasterio.open(block["path"]) as source:
        if block["band"] > source.count:
            yield _bad(
                name, block, f"band {block['band']}", f"1 to {source.count}", "Mend the key `band`"
            )
            return
        if source.crs is None:
            yield _bad(
                name, block, "no CRS", "a CRS", "Assign one, for example with gdal_edit.py -a_srs"
            )
            return
        world = source.bounds
        if source.crs.is_geographic and (max(map(abs, world)) > 360):
            yield _bad(
                name, block, f"bounds {tuple(round(v) for v in world)} in degrees",
                "degrees", "The CRS says degrees but the numbers are metres: assign the right CRS",
            )  # fmt: skip
            return
        if not source.crs.is_geographic and max(map(abs, world)) <= 360 and source.width > 3:
            yield _bad(
                name, block, f"bounds {tuple(round(v, 2) for v in world)} in metres",
                "metres", "The CRS says metres but the numbers look like degrees: assign EPSG:4326",
            )  # fmt: skip
            return
    grid = settings.grid(config["region"])
    try:
        raster = io.RasterFile(block["path"], block["band"]).read(
            str(grid.crs), layers.bounds(grid)
        )
    except ValueError:
        yield _bad(
            name, block, "no overlap with the region", "a raster that covers the region",
            "Is this the layer of another place, or are rows and columns swapped?",
        )  # fmt: skip
        return
    yield from _cells(name, block, raster.values)


def _cells(name, block, values) -> Iterator[Problem]:
    known = np.isfinite(values)
    if not known.any():
        yield _bad(name, block, "only nodata in the region", "values", "Is nodata set rightly?")
        return
    share = known.mean()
    if share < 0.5:
        yield Problem(
            "warning", name, block["path"], value=f"{100 * share:.0f} % of the cells are known",
            expected="most of the region", mend="The rest is nodata on the maps",
        )  # fmt: skip
    found = values[known] * block["scale"] + block["offset"]
    if block["kind"] == "classes":
        unknown = sorted(set(np.unique(found)) - {float(c) for c in block["classes"]})
        if unknown:
            yield _bad(
                name, block, f"class {', '.join(f'{c:g}' for c in unknown[:8])}",
                f"classes {', '.join(map(str, block['classes']))}",
                "Name the class in the config or set it to nodata", field="classes",
            )  # fmt: skip
    low, high = block.get("valid", (-np.inf, np.inf))
    if found.min() < low or found.max() > high:
        yield _bad(
            name, block, f"{found.min():g} to {found.max():g}", f"{low:g} to {high:g}",
            "Is nodata declared, is the unit right, is a scale factor missing?", field="valid",
        )  # fmt: skip


def _vector(name, block, config, tables) -> Iterator[Problem]:
    table = io.read_vector(block["path"])
    if not len(table):
        yield _bad(
            name,
            block,
            "no features",
            "at least one",
            "An empty layer cannot be told from a lost one",
        )
        return
    if table.crs is None and not block.get("crs"):
        yield _bad(name, block, "no CRS", "a CRS", "Assign one, or give the key `crs`")
        return
    yield from _shapes(name, block, table, config, tables)


def _records(name, block, config, tables) -> Iterator[Problem]:
    found = field_data.read(block["path"], block)
    severity = "error" if block["on_rejected"] == "stop" else "warning"
    for row in found.rejected.itertuples():
        yield Problem(
            severity, name, block["path"], str(row.row), str(row.field), str(row.value),
            mend=str(row.reason),
        )  # fmt: skip
    if not len(found.accepted):
        yield _bad(name, block, "no usable row", "at least one", "See the rows above")
        return
    changed = len(found.normalised)
    if changed:
        yield Problem("note", name, block["path"], value=f"{changed} values were normalised")
    table = field_data.features(found, block)
    lost = int(table.geometry.isna().sum())
    if lost:
        yield Problem(
            "warning", name, block["path"], value=f"{lost} rows without a position",
            expected="a position", mend="They are on no map",
        )  # fmt: skip
    yield from _shapes(name, block, table, config, tables)


def _shapes(name, block, table, config, tables) -> Iterator[Problem]:
    if block.get("filter"):
        try:
            kept = layers.select(table, block["filter"])
        except Exception as error:
            columns = ", ".join(c for c in table.columns if c != "geometry")
            yield _bad(
                name, block, f"{block['filter']!r} ({error})", f"a condition on {columns}",
                "Mend the key `filter`", field="filter",
            )  # fmt: skip
            return
        if not len(kept):
            yield _bad(
                name, block, f"{block['filter']!r} keeps none of {len(table)} features",
                "at least one", "Mend the key `filter`", field="filter",
            )  # fmt: skip
            return
    crs = CRS.from_user_input(block.get("crs") or table.crs)
    west, south, east, north = table.total_bounds
    far = max(abs(west), abs(east), abs(south), abs(north))
    if crs.is_geographic and far > 180 and far > 360:
        yield _bad(
            name, block, f"coordinates to {far:.0f} in degrees", "degrees",
            "The CRS says degrees but the numbers are metres: give the key `crs`",
        )  # fmt: skip
        return
    if crs.is_geographic and (west < -180 or east > 180 or south < -90 or north > 90):
        yield _bad(
            name, block, f"coordinates {west:.2f}, {south:.2f} to {east:.2f}, {north:.2f}",
            "longitude -180 to 180, latitude -90 to 90", "Coordinates lie outside the world",
        )  # fmt: skip
        return
    if not crs.is_geographic and far <= 360:
        yield _bad(
            name, block, f"coordinates to {far:.1f} in metres", "metres",
            "The CRS says metres but the numbers look like degrees: give the key `crs: EPSG:4326`",
        )  # fmt: skip
        return
    broken = np.flatnonzero(~shapely.is_valid(table.geometry.to_numpy()) & table.geometry.notna())
    if len(broken):
        why = shapely.is_valid_reason(table.geometry.iloc[broken[0]])
        yield _bad(
            name, block, why, "a valid geometry", "Mend it, for example with make_valid",
            row=str(broken[0] + 1), field="geometry",
        )  # fmt: skip
    grid = settings.grid(config["region"])
    near = layers.prepare_vector(table, block, grid, settings.margin_m(config))
    if not len(near):
        yield _bad(
            name, block, f"coordinates {west:.2f}, {south:.2f} to {east:.2f}, {north:.2f}",
            f"features within reach of {config['region']['bounds']}",
            _why_elsewhere(table, crs, config),
        )  # fmt: skip
        return
    tables[name] = near


def _why_elsewhere(table, crs, config) -> str:
    west, south, east, north = table.total_bounds
    left, bottom, right, top = config["region"]["bounds"]
    swapped = south < right and north > left and west < top and east > bottom
    if crs.is_geographic and swapped:
        return "Longitude and latitude seem to be swapped"
    return "Is this the layer of another place, or its CRS wrong?"


# ------------------------------------------------------------- surfaces, threats, rules, science


def _surfaces(config, tables) -> Iterator[Problem]:
    for name, block in config["surfaces"].items():
        for part in _parts(block):
            layer = config["layers"].get(part.get("layer"), {})
            if layer.get("kind") == "absent":
                continue
            yield from _scores(name, part, layer)
            yield from _columns(name, part, layer, tables)
        error = max(
            (config["layers"][i].get("positional_error_m") or 0 for i in _sources(block)), default=0
        )
        if block.get("reach_m", np.inf) < error:
            yield Problem(
                "warning", name, field="reach_m", value=f"{block['reach_m']:g} m",
                expected=f"more than the positional error of its layer, {error:g} m",
                mend="The effect may lie beside the true place",
            )  # fmt: skip


def _parts(block):
    yield block
    for value in block.values():
        if isinstance(value, dict):
            yield from _parts(value)


def _sources(block):
    """Layers whose places matter for a reach: those of vector sources."""
    return [block["layer"]] if block.get("layer") and "reach_m" in block else []


def _scores(name, block, layer) -> Iterator[Problem]:
    if layer.get("kind") == "classes" and block.get("kind") in ("value", "share"):
        missing = sorted(set(layer["classes"]) - set(map(str, block.get("scores", {}))), key=str)
        if missing:
            yield Problem(
                "error", name, field="scores", value=f"no score for class {', '.join(missing)}",
                expected="a score for each class of the layer",
                mend="A class without a score would be unknown habitat",
            )  # fmt: skip


def _columns(name, block, layer, tables) -> Iterator[Problem]:
    table = tables.get(block.get("layer"))
    if table is None or block.get("kind") not in (
        "exposure",
        "distance",
        "share",
        "density",
        "travel_time",
    ):
        return
    have = [c for c in table.columns if c != "geometry"]
    wanted = [*nodes.leaves(block.get("intensity") or {}, "field"), block.get("area_ha_field")]
    for column in wanted:
        if column and column not in have:
            yield Problem(
                "error", name, layer["path"], field=column, value="no such column",
                expected=f"one of {', '.join(have)}",
            )  # fmt: skip
            return
    if block.get("where"):
        try:
            kept = layers.select(table, block["where"])
        except Exception as error:
            yield Problem(
                "error", name, layer["path"], field="where", value=f"{block['where']!r} ({error})",
                expected=f"a condition on {', '.join(have)}",
            )  # fmt: skip
            return
        if not len(kept):
            yield Problem(
                "warning", name, layer["path"], field="where",
                value=f"{block['where']!r} keeps none",
                expected="a feature within reach", mend="This surface is 0 everywhere",
            )  # fmt: skip


def _threats(config) -> Iterator[Problem]:
    for name, threat in config["threats"].items():
        if threat["weight"] == 0:
            yield Problem(
                "warning", name, field="weight", value="0", expected="above 0",
                mend="The threat has no effect; leave it out or give it a weight",
            )  # fmt: skip
        if threat["weight"] > 1:
            yield Problem(
                "error", name, field="weight", value=f"{threat['weight']:g}", expected="0 to 1",
                mend="A weight is the largest share of habitat that the threat can take",
            )  # fmt: skip
    for name, why in settings.not_assessed(config).items():
        yield Problem("note", name, value="not assessed", expected=why.removeprefix("needs "))


def _rules(config, tables) -> Iterator[Problem]:
    fields = known_fields(config)
    skipped = settings.not_assessed(config)
    for name, rule in config["rules"].items():
        if name in skipped:
            continue
        made = [*rule["measures"], *(f"{m}_rank" for m in rule["measures"])]
        made += [f"{n}_{end}" for n in rule["nearest"] for end in ("distance_m", "name")]
        cells = [rule["zones"]["where"]] if rule["zones"]["kind"] == "mask" else []
        cells += [v for m in rule["measures"].values() for k, v in m.items() if k != "field"]
        checks = [(text, fields, "a cell expression") for text in cells]
        for text, names, what in [*checks, (rule["when"], made, "when")]:
            yield from _expression(name, text, names, what)
        for key in re.findall(r"{(\w+)", rule["reason"]):
            if key not in made:
                yield Problem(
                    "error", f"rules.{name}", field="reason", value=f"{{{key}}}",
                    expected=", ".join(made), mend="Name a measure of the rule",
                )  # fmt: skip


def known_fields(config) -> list[str]:
    """Every map that a cell expression may name."""
    made = ["habitat", "habitat_reference", "threat", "value_at_risk", "suitable", "key"]
    made += ["breeding", "key_degraded", "key_area", "key_distance_m", "breeding_distance_m"]
    made += [f"effect_{name}" for name in settings.assessed(config)]
    made += [f"component_{name}" for name in config["habitat"]["components"]]
    return made + settings.available(config)


def _expression(name, text, names, what) -> Iterator[Problem]:
    try:
        missing = [n for n in expressions.names(text) if n not in names]
    except expressions.ExpressionError as error:
        yield Problem("error", f"rules.{name}", field=what, value=str(error))
        return
    for unknown in missing:
        yield Problem(
            "error", f"rules.{name}", field=what, value=f"{unknown!r} in {text!r}",
            expected=f"one of {', '.join(sorted(names))}",
        )  # fmt: skip


def _bad(name, block, value, expected, mend, row="", field="") -> Problem:
    return Problem("error", name, block.get("path", ""), row, field, value, expected, mend)

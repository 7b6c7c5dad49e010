"""Preflight of InVEST cases: are the tables and rasters there, do they fit each other?"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import rasterio
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from manul.grid import rasters, reach
from manul.model.invest_csv import invest_rasters, read_rows, threat_rasters
from manul.model.invest_tables import check_same_threats, sensitivity_from, threats_from
from manul.preflight.files import nearest_files
from manul.preflight.findings import Problem

TINY = 1e-6  # what resampling leaves where there was 0
SHORT_M = 100.0  # no threat is known to end so near
FILES = ("land_cover", "threats", "sensitivity", "access")


def check_invest(config) -> Iterator[Problem]:
    """The problems of every case of the block `invest`."""
    for name, case in config["invest"].items():
        missing = [key for key in FILES if case[key] and not Path(case[key]).is_file()]
        for key in missing:
            yield _missing(name, case[key], key)
        away = list(_away(name, case, config["allow"]))
        yield from away
        if missing or away:
            continue
        for check in (_check_tables, _check_access):
            try:
                yield from check(name, case)
            except (RasterioIOError, OSError, ValueError, OverflowError, csv.Error) as error:
                files = ", ".join(str(case[key]) for key in FILES if case[key])
                yield _bad(name, files, str(error), "files of an InVEST case that can be read")


def _away(name, case, allow):
    """What the files of a case reach for beyond this machine and the project."""
    named = [case[key] for key in FILES if case[key]]
    for path in [*named, *invest_rasters(case)]:
        for found, expected, mend in reach.beyond(str(path), allow):
            yield _bad(name, path, found, expected, mend)


def _check_tables(name, case):
    try:
        rows = read_rows(case["threats"])
        check_same_threats(threats_from(rows), sensitivity_from(read_rows(case["sensitivity"])))
    except (ValueError, csv.Error) as error:
        tables = f"{case['threats']}, {case['sensitivity']}"
        yield _bad(name, tables, str(error), "the tables of an InVEST case")
        return
    if any(not row.get("cur_path") for row in rows):
        mend = "Give each threat the path of its raster, from the table's folder"
        yield _bad(name, case["threats"], "a row without a raster", "cur_path", mend, "cur_path")
        return
    threats, classes = threats_from(rows), sensitivity_from(read_rows(case["sensitivity"]))
    with rasterio.open(case["land_cover"]) as land:
        wrong = list(_check_metres(name, land))
        yield from wrong or _check_distances(name, case["threats"], threats, land)
        yield from _check_classes(name, case["sensitivity"], classes, land)
        for path in threat_rasters(case["threats"]):
            yield from _check_raster(name, path, land)


def _check_metres(name, land):
    """Distances are counted in the units of the grid, and tables state metres."""
    if land.crs is None:
        mend = "Assign the right one, for example with gdal_edit.py -a_srs"
        yield _bad(name, land.name, "no CRS", "a projected coordinate system in metres", mend)
    elif land.crs.is_geographic or land.crs.linear_units_factor[1] != 1:
        unit = "degrees" if land.crs.is_geographic else land.crs.linear_units_factor[0]
        mend = "Warp it and the threats to a grid in metres, for example with gdalwarp -t_srs"
        yield _bad(name, land.name, f"cells in {unit}", "cells in metres", mend)


def _check_distances(name, table, threats, land):
    """Distances in km, as in tables of other versions, would reach no cell."""
    cell = min(abs(land.transform.a), abs(land.transform.e))
    short = [threat for threat in threats if threat.max_dist_m < cell]
    for threat in short:
        found = f"max_dist {threat.max_dist_m:g} of {threat.name}"
        mend = f"If it is in km, write {1000 * threat.max_dist_m:g}"
        yield _bad(name, table, found, f"metres, at least a cell of {cell:g} m", mend, "max_dist")
    longest = max(threat.max_dist_m for threat in threats)
    if not short and longest < SHORT_M:
        found = f"no max_dist above {longest:g}"
        mend = "Are they in km? Then multiply them by 1000"
        yield _doubt(name, table, found, "metres", mend, "max_dist")


def _check_classes(name, table, classes, land):
    """A class of the land cover without a row has no quality."""
    codes = set()
    for values in _values(land):
        codes |= set(np.unique(values).tolist())
    strange = sorted(codes - set(classes.codes.tolist()))
    if strange:
        told = ", ".join(f"{code:g}" for code in strange[:8])
        mend = "Add a row for it, or declare it nodata, for example with gdal_edit.py -a_nodata"
        found = f"class {told} in {land.name}"
        yield _bad(name, table, found, "a row for each class of the land cover", mend, "lucode")


def _check_sources(name, path, raster):
    """Every cell above 0 is a source as strong as any other, so nothing else may stand there."""
    low, high, least = np.inf, -np.inf, np.inf
    for values in _values(raster):
        low, high = min(low, values.min(initial=np.inf)), max(high, values.max(initial=-np.inf))
        least = min(least, values[values > 0].min(initial=np.inf))
    if low < 0 or high > 1:
        worst = low if low < 0 else high
        found = f"values {low:g} to {high:g}"
        mend = (
            f"If {worst:g} means no value, declare it, for example with gdal_edit.py -a_nodata "
            f"{worst:g}; else bring the values to 0..1"
        )
        yield _bad(name, path, found, "0 where there is no threat, up to 1 where there is", mend)
    elif least < TINY:
        mend = "Any cell above 0 is a full source: set to 0 what is none"
        yield _bad(name, path, f"a value of {least:g}", "0, or a threat", mend)
    elif high <= 0:
        mend = "The threat acts nowhere; is its nodata value the one of its cells?"
        yield _doubt(name, path, "no cell above 0", "cells with the threat", mend)


def _values(raster) -> Iterator[np.ndarray]:
    """The known values of the first band, float64, block by block; of a large raster a look."""
    for part in rasters.to_look_at(Window(0, 0, raster.width, raster.height)):
        known = raster.read(1, window=part, masked=True).compressed().astype("float64")
        yield known[known == known]  # without NaN


def _check_raster(name, path, land):
    if not path.is_file():
        yield _missing(name, path, "cur_path")
        return
    try:
        with rasterio.open(path) as raster:
            found, wanted = _grid(raster), _grid(land)
            yield from _check_sources(name, path, raster)
    except RasterioIOError as error:
        yield _bad(name, path, str(error), "a raster")
        return
    same = [a == b for a, b in zip(found[:2], wanted[:2], strict=True)]
    if not all(same) or not found[2].almost_equals(wanted[2]):
        mend = "Bring it onto the grid of the land cover"
        yield _bad(name, path, _told(found), f"the grid of {land.name}: {_told(wanted)}", mend)


def _check_access(name, case):
    if not case["access"]:
        return
    try:
        have = list(pyogrio.read_info(case["access"])["fields"])
    except pyogrio.errors.DataSourceError as error:
        yield _bad(name, case["access"], str(error), "polygons")
        return
    if "access" not in have:
        found = f"the columns {', '.join(have) or 'none'}"
        yield _bad(name, case["access"], found, "a column access, 0..1", field="access")
        return
    access = pyogrio.read_dataframe(case["access"], columns=["access"], read_geometry=False)
    values = pd.to_numeric(access["access"], errors="coerce")
    if not values.between(0, 1).all():
        worst = access["access"][~values.between(0, 1)].iloc[0]
        yield _bad(name, case["access"], str(worst), "numbers 0..1", field="access")


def _grid(raster):
    return raster.crs, raster.shape, raster.transform


def _told(grid) -> str:
    crs, (rows, columns), t = grid
    return f"{crs}, {rows} x {columns} cells of {t.a:g} from ({t.c:g}, {t.f:g})"


def _missing(name, path, field) -> Problem:
    return _bad(name, path, "no such file", "an existing file", nearest_files(Path(path)), field)


def _doubt(name, path, value, expected, mend="", field="") -> Problem:
    return Problem("warning", f"invest.{name}", str(path), "", field, value, expected, mend)


def _bad(name, path, value, expected, mend="", field="") -> Problem:
    return Problem("error", f"invest.{name}", str(path), "", field, value, expected, mend)

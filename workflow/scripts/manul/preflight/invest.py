"""Preflight of InVEST cases: are the tables and rasters there, do they fit each other?"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyogrio
import rasterio
from rasterio.errors import RasterioIOError

from manul.grid import reach
from manul.model.invest_csv import invest_rasters, read_rows, threat_rasters
from manul.model.invest_tables import check_same_threats, sensitivity_from, threats_from
from manul.preflight.files import nearest_files
from manul.preflight.findings import Problem

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
    with rasterio.open(case["land_cover"]) as land:
        for path in threat_rasters(case["threats"]):
            yield from _check_raster(name, path, land)


def _check_raster(name, path, land):
    if not path.is_file():
        yield _missing(name, path, "cur_path")
        return
    try:
        with rasterio.open(path) as raster:
            found, wanted = _grid(raster), _grid(land)
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


def _bad(name, path, value, expected, mend="", field="") -> Problem:
    return Problem("error", f"invest.{name}", str(path), "", field, value, expected, mend)

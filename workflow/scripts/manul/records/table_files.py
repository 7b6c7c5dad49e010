"""Field tables from CSV, XLSX, GeoPackage or packages as raw text; the only module to open them.

A raw table is a DataFrame of text ("" = blank). Its index is the row as a person counts it: the
line of a CSV, the row of a sheet, the feature id of a layer. Geometry comes as well-known text in
`geom`, in EPSG:4326. `attrs["read_as"]` says what was chosen: encoding, separator, sheet, CRS.
Beside `OVERFLOW`, the column `PROBLEM` says what is wrong with a row that could not be read whole.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyogrio
import shapely
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from manul.grid.vectors import NOT_DATA
from manul.records import csv_rows, encodings, limits, packages
from manul.records.check import OVERFLOW, PROBLEM, RecordsError
from manul.records.text import fold

_MERGED = (
    "the cells {} are merged, so it is not known whose their value is; expected a value in each; "
    "unmerge them in a spreadsheet and write it where it holds"
)


@dataclass(frozen=True)
class Wanted:
    """What is known of a table before it is opened.

    `layer` is a sheet or a layer by name, `encoding` that of its text ("" = found by looking),
    `known` the folded names that its columns may have, by which its head is found, and `table` the
    field table that it is to be, of which a package may hold several.
    """

    layer: str = ""
    encoding: str = ""
    known: Collection[str] = ()
    table: str = ""


def read_table(path: str | Path, wanted: Wanted | str | None = None) -> pd.DataFrame:
    """The raw table in a .csv, .tsv, .txt (or with .gz), .xlsx, .gpkg, .gpx, .zip, .json or folder.

    A .zip is a camera-trap package (Camtrap DP), read as a table of manul records or as the one of
    its tables that is wanted, a Darwin Core archive, or one table zipped; a folder is an unzipped
    package, a .json its datapackage.json.
    `wanted` may be just the name of a sheet or layer.

    Raises `RecordsError` where the file cannot be understood as a table.
    """
    path = packages.file_of(Path(path))
    if path.is_dir():
        raise RecordsError(
            f"{path.name} is a folder; expected the file of a table, or the folder of an unzipped"
            f" camera-trap package with its {packages.CAMTRAP}."
        )
    wanted = wanted if isinstance(wanted, Wanted) else Wanted(wanted or "")
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    reader = _READERS.get(suffix)
    if reader is None:
        known = ", ".join(_READERS)
        raise RecordsError(f"{path.name} is not a table that can be read; expected {known}.")
    return reader(path, wanted)


def parse_csv(
    data: bytes,
    encoding: str = "",
    known: Collection[str] = (),
    separator: str | None = None,
    quote: str = '"',
) -> pd.DataFrame:
    """The raw table in the bytes of a CSV file; what is not told is found by looking."""
    limits.demand("The table", len(data), limits.BYTES, "bytes")
    found, text = encodings.decode(data, encoding)
    lines = csv_rows.lines_of(text)
    try:
        start, sign = csv_rows.head(lines, known, separator)
    except ValueError as error:
        raise RecordsError(f"{str(error).capitalize()}.") from None
    rows = limits.counted("The table", csv_rows.rows(lines, start, sign, quote), limits.CELLS)
    if rows[0][2]:
        raise RecordsError(f"The names of the columns in line {start + 1}: {rows[0][2]}.")
    return _frame(rows, {"encoding": found, "separator": sign})


def as_text(cell: Any) -> str:
    """A typed cell as a person would have written it: 3.0 as "3", a day as yyyy-mm-dd."""
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return ""
    if isinstance(cell, dt.datetime):
        midnight = cell.time() == dt.time(0)
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


# the kinds of file --------------------------------------------------------------------------------


def _read_csv(path: Path, wanted: Wanted) -> pd.DataFrame:
    return parse_csv(limits.read_file(path), wanted.encoding, wanted.known)


def _read_xlsx(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The sheet that is wanted, else the only one with known columns, else the only one filled."""
    try:
        with zipfile.ZipFile(path) as book:
            limits.demand_unpacked(path.name, book.infolist())
        # as stored and as written, to tell a formula without a stored value from a blank
        with (
            closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as stored,
            closing(openpyxl.load_workbook(path, read_only=True)) as written,
        ):
            names = [sheet.title for sheet in stored.worksheets]
            if wanted.layer:
                names = [_only(names, wanted.layer, path, "sheets")]
            sheets = {name: _sheet(stored[name], written[name], path) for name in names}
            parts = {name: str(stored[name]._worksheet_path) for name in names}
            from_1904 = stored.epoch == CALENDAR_MAC_1904
    except RecordsError:
        raise
    except Exception as error:  # openpyxl hands on whatever zip and XML raise on a broken file
        raise RecordsError(
            f"{path.name} is not a readable XLSX file ({error}); save it again in a spreadsheet."
        ) from error
    filled = {name: rows for name, rows in sheets.items() if rows}
    heads = {name: _head(rows, wanted.known) for name, rows in filled.items()}
    known = [name for name, (_, names) in heads.items() if names >= 2]
    if not filled:
        raise RecordsError(f"{path.name} is empty; expected the names of the columns.")
    name = _only(known or list(filled), wanted.layer, path, "sheets")
    with zipfile.ZipFile(path) as book:
        merged = _merged(book.read(parts[name].lstrip("/")))
    lines = _told_of_merged(filled[name][heads[name][0] :], merged, wanted.known)
    table = _frame(lines, {"sheet": name})
    if from_1904:
        table.attrs["day_zero"] = CALENDAR_MAC_1904.date()
    return table


def _merged(xml: bytes) -> list[str]:
    """The areas of cells that a sheet merges, such as D2:D4: one value for several cells."""
    areas = re.findall(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+\d+:[A-Z]+\d+)[\"']", xml)
    return [area.decode() for area in dict.fromkeys(areas)]


def _told_of_merged(lines, areas, known) -> list[limits.Line]:
    """The head and rows of a table; a row is wrong that a merged value leaves without its own.

    Only merges count that hold a value and lie over several columns of the table, or several rows
    of one; without `known` names any column with a name is one of the table's.
    """
    if not areas:
        return lines
    at = {number: i for i, (number, _, _) in enumerate(lines)}
    (first, head, _), last = lines[0], lines[-1][0]
    named = {i for i, cell in enumerate(head, 1) if cell and (not known or fold(cell) in known)}
    wrong: dict[int, str] = {}
    count = 0
    for area in areas:
        left, top, right, bottom = range_boundaries(area)
        columns = len(named & set(range(left, min(right, len(head)) + 1)))
        cells = lines[at[top]][1] if top in at else []
        if columns < (1 if bottom > top else 2) or not any(cells[left - 1 : left]):
            continue
        rows = range(max(top, first + 1), min(bottom, last) + 1)
        count += len(rows)
        limits.demand("A sheet", count, limits.SHEET_CELLS, "rows of merged cells")
        for number in rows:
            wrong.setdefault(number, _MERGED.format(area))
    return [(number, cells, told or wrong.get(number, "")) for number, cells, told in lines]


def _sheet(stored, written, path) -> list[limits.Line]:
    for sheet in (stored, written):
        sheet.reset_dimensions()  # what a file says of its size may be wrong
    pairs = zip_longest(stored.iter_rows(), written.iter_rows(values_only=True), fillvalue=())
    lines = (_xlsx_row(number, *pair) for number, pair in enumerate(pairs, start=1))
    kept = (line for line in lines if any(line[1]) or line[2])
    name = f"The sheet {stored.title!r} of {path.name}"
    return limits.counted(name, kept, limits.SHEET_CELLS)


def _xlsx_row(number, stored, written) -> limits.Line:
    cells = [as_text(cell.value) for cell in stored]
    formulas = (
        at
        for at, (cell, formula) in enumerate(zip_longest(stored, written))
        # an empty text is a stored value too
        if formula is not None
        and (cell is None or (cell.value is None and cell.data_type != "str"))
    )
    lost = next(formulas, None)
    wrong = "" if lost is None else (
        f"the formula in column {lost + 1} has no stored value; expected the number; open the file"
        " in a spreadsheet and save it, or paste values"
    )  # fmt: skip
    return number, _rstrip(cells), wrong


def _head(rows, known) -> tuple[int, int]:
    """Which row has the names of the columns, and how many of them are known."""
    scores = [len({fold(cell) for cell in cells} & set(known)) for _, cells, _ in rows]
    best = next((i for i, n in enumerate(scores[: csv_rows.HEAD_LINES]) if n >= 2), 0)
    return best, scores[best]


def _read_gpkg(path: Path, wanted: Wanted) -> pd.DataFrame:
    try:
        name = _layer(path, wanted)
        table = pyogrio.read_dataframe(path, layer=name, fid_as_index=True)
    except pyogrio.errors.DataSourceError as error:
        kind = "GPX file" if path.suffix.lower() == ".gpx" else "GeoPackage"
        raise RecordsError(f"{path.name} is not a readable {kind} ({error}).") from error
    limits.demand(path.name, table.size, limits.CELLS, "cells")
    texts = pd.DataFrame(index=table.index)
    for column in table.columns:
        if column != getattr(table, "_geometry_column_name", None):
            texts[column] = [as_text(cell) for cell in table[column]]
    if "geometry" in table:
        texts.insert(0, "geom", _wkt(table, name), allow_duplicates=True)
    texts.attrs["read_as"] = {"layer": name, "crs": str(getattr(table, "crs", None))}
    return texts


def _layer(path, wanted) -> str:
    """The layer that is wanted, else the only one with rows that is none of a GIS's own."""
    names = [str(name) for name, _ in pyogrio.list_layers(path) if str(name) not in NOT_DATA]
    if wanted.layer:
        return _only(names, wanted.layer, path, "layers")
    rows = {n: pyogrio.read_info(path, layer=n, force_feature_count=True) for n in names}
    filled = [name for name, info in rows.items() if info["features"]]
    if "track_points" in filled:  # of a GPX file: its tracks and routes hold the same once more
        filled = ["track_points"]
    for name in filled:
        limits.demand(path.name, rows[name]["features"], limits.ROWS, "rows")
    return _only(filled or names[:1], wanted.layer, path, "layers")


def _read_package(path: Path, wanted: Wanted) -> pd.DataFrame:
    return packages.read(path, wanted.encoding, wanted.known, parse_csv, wanted.table)


_READERS: dict[str, Callable[[Path, Wanted], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".xlsx": _read_xlsx,
    ".xlsm": _read_xlsx,
    ".gpkg": _read_gpkg,
    ".gpx": _read_gpkg,
    ".zip": _read_package,
    ".json": _read_package,
}


# helpers ------------------------------------------------------------------------------------------


def _frame(lines: list[limits.Line], read_as: dict[str, str]) -> pd.DataFrame:
    """The first row names the columns; cells beyond them stand together in `OVERFLOW`."""
    (number, header, _), body = lines[0], lines[1:]
    width = len(header)
    rows = [[*cells[:width], *[""] * (width - len(cells))] for _, cells, _ in body]
    names = (re.sub(r"[\x00-\x1f]+", " ", name).strip() for name in header)
    columns = [name or f"column {i}" for i, name in enumerate(names, start=1)]
    index = pd.Index([number for number, _, _ in body], name="row", dtype="int64")
    frame = pd.DataFrame(rows, index=index, columns=columns, dtype=object)
    more = {
        OVERFLOW: [" | ".join(c for c in cells[width:] if c.strip()) for _, cells, _ in body],
        PROBLEM: [wrong for _, _, wrong in body],
    }
    for name, texts in more.items():
        if any(texts):
            frame.insert(len(frame.columns), name, texts, allow_duplicates=True)
    head = {} if number == 1 else {"names of the columns": f"row {number}"}
    frame.attrs["read_as"] = read_as | head
    return frame


def _rstrip(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


def _only(names: list[str], wanted: str, path: Path, kind: str) -> str:
    if not wanted and len(names) == 1:
        return names[0]
    if wanted not in names:
        found = f"found no {wanted!r}" if wanted else "expected one"
        raise RecordsError(
            f"{path.name} holds the {kind} {', '.join(names) or 'none'}; {found}; name one of them"
            " with the key `layer` of the layer."
        )
    return wanted


def _wkt(table: Any, layer: str) -> list[str]:
    if table.crs is None:
        raise RecordsError(f"The layer {layer!r} has no CRS; expected one; assign it in a GIS.")
    shapes = table.geometry.to_crs(4326)
    return ["" if s is None or s.is_empty else shapely.to_wkt(s, 9) for s in shapes]

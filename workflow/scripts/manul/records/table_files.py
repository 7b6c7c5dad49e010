"""Field tables from CSV, XLSX, GeoPackage or Camtrap DP as raw text; the only module to open them.

A raw table is a DataFrame of text ("" = blank). Its index is the row as a person counts it: the
line of a CSV, the row of a sheet, the feature id of a layer. Geometry comes as well-known text in
`geom`, in EPSG:4326. `attrs["read_as"]` says what was chosen: encoding, separator, sheet, CRS.
"""

import codecs
import csv
import datetime as dt
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

import openpyxl
import pandas as pd
import pyogrio
import shapely

from manul.records import camtrap_dp
from manul.records.check import OVERFLOW, RecordsError

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1251", "gb18030")
SEPARATORS = (",", ";", "\t")

csv.field_size_limit(10_000_000)  # outlines as text are longer than csv's default of 131 072


def read_table(path: str | Path, layer: str | None = None) -> pd.DataFrame:
    """The raw table in a .csv, .tsv, .txt, .xlsx, .gpkg or .zip; `layer` is a sheet or a layer.

    A .zip is a camera-trap package (Camtrap DP), read as a table of manul records.

    Raises `RecordsError` where the file cannot be understood as a table.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise RecordsError(f"{path.name} is not a table that can be read; expected {known}.")
    return reader(path, layer)


def parse_csv(data: bytes) -> pd.DataFrame:
    """The raw table in the bytes of a CSV file, its encoding and separator found by looking."""
    encoding, text = decode(data)
    separator = find_separator(text)
    lines = list(_csv_lines(text, separator))
    if not lines:
        raise RecordsError("The table is empty; expected a line with the names of the columns.")
    return _frame(lines, {"encoding": encoding, "separator": separator})


def decode(data: bytes) -> tuple[str, str]:
    """The encoding and the text: by byte order mark, else UTF-8, else by known letters."""
    for encoding, readable in _GUESSES:
        if readable(data):
            return encoding, data.decode(encoding)
    scores = {encoding: _known_letters(data, encoding) for encoding in _USUAL}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] <= 0:
        raise RecordsError(f"The text is in none of {', '.join(ENCODINGS)}; save it as UTF-8.")
    if min(scores.values()) > _SURE:
        raise RecordsError(f"The text may be in any of {', '.join(scores)}; save it as UTF-8.")
    return best, data.decode(best)


def find_separator(text: str) -> str:
    """The sign that cuts the first line, outside quotes, into most columns."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count)


def _read_csv(path: Path, layer: str | None) -> pd.DataFrame:
    return parse_csv(path.read_bytes())


def _read_xlsx(path: Path, layer: str | None) -> pd.DataFrame:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl hands on whatever zip and XML raise on a broken file
        raise RecordsError(f"{path.name} is not a readable XLSX file ({error}).") from error
    with closing(book):
        name = _only(book.sheetnames, layer, path)
        cells = enumerate(book[name].iter_rows(values_only=True), start=1)
        lines = [(number, [as_text(cell) for cell in row]) for number, row in cells]
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        raise RecordsError(f"The sheet {name!r} is empty; expected the names of the columns.")
    return _frame([(number, _rstrip(row)) for number, row in lines], {"sheet": name})


def _read_gpkg(path: Path, layer: str | None) -> pd.DataFrame:
    try:
        name = _only([str(name) for name, _ in pyogrio.list_layers(path)], layer, path)
        table = pyogrio.read_dataframe(path, layer=name, fid_as_index=True)
    except pyogrio.errors.DataSourceError as error:
        raise RecordsError(f"{path.name} is not a readable GeoPackage ({error}).") from error
    texts = pd.DataFrame(index=table.index)
    for column in table.columns:
        if column != getattr(table, "_geometry_column_name", None):
            texts[column] = [as_text(cell) for cell in table[column]]
    if "geometry" in table:
        texts.insert(0, "geom", _wkt(table, name), allow_duplicates=True)
    texts.attrs["read_as"] = {"layer": name, "crs": str(getattr(table, "crs", None))}
    return texts


def _read_camtrap(path: Path, layer: str | None) -> pd.DataFrame:
    try:
        with zipfile.ZipFile(path) as package:
            told = [PurePosixPath(name) for name in package.namelist()]
            (home,) = [n.parent for n in told if n.name == _PACKAGE and "__MACOSX" not in n.parts]
            parts = json.loads(package.read(str(home / _PACKAGE)))["resources"]
            names = ("deployments", "observations")
            found = [next(p["path"] for p in parts if p.get("name") == n) for n in names]
            paths = [part[0] if isinstance(part, list) else part for part in found]
            tables = [parse_csv(package.read(str(home / name))) for name in paths]
        return camtrap_dp.manul_records(*tables)
    except (
        zipfile.BadZipFile, zlib.error, StopIteration, LookupError, ValueError, TypeError,
        AttributeError, RuntimeError,
    ) as error:  # fmt: skip
        why = str(error).rstrip(".") or "a part is missing"
        raise RecordsError(
            f"{path.name} is not a readable camera-trap package ({why}); expected one {_PACKAGE}"
            " that names deployments and observations, and their files beside it."
        ) from error


_PACKAGE = "datapackage.json"

_READERS: dict[str, Callable[[Path, str | None], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".xlsx": _read_xlsx,
    ".gpkg": _read_gpkg,
    ".zip": _read_camtrap,
}


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


def _csv_lines(text: str, separator: str) -> Iterable[tuple[int, list[str]]]:
    """Line number of each row and its cells; empty lines are no rows.

    Strict, because an unclosed quotation mark would else swallow the rest of the file.
    """
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise RecordsError(
            f"The row from line {start} cannot be cut into cells ({error}); expected quotation"
            " marks in pairs around a cell; correct them."
        ) from error


def _frame(lines: list[tuple[int, list[str]]], read_as: dict[str, str]) -> pd.DataFrame:
    """The first row names the columns; cells beyond them stand together in `OVERFLOW`."""
    (_, header), body = lines[0], lines[1:]
    width = len(header)
    rows = [[*cells[:width], *[""] * (width - len(cells))] for _, cells in body]
    columns = [name.strip() or f"column {i}" for i, name in enumerate(header, start=1)]
    index = pd.Index([number for number, _ in body], name="row", dtype="int64")
    frame = pd.DataFrame(rows, index=index, columns=columns, dtype=object)
    beyond = [" | ".join(cell for cell in cells[width:] if cell.strip()) for _, cells in body]
    if any(beyond):
        frame.insert(width, OVERFLOW, beyond, allow_duplicates=True)
    frame.attrs["read_as"] = read_as
    return frame


def _rstrip(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


def _only(names: list[str], wanted: str | None, path: Path) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise RecordsError(f"{path.name} holds {', '.join(names)}; found no {wanted!r}; name one.")
    return wanted


def _wkt(table: Any, layer: str) -> list[str]:
    if table.crs is None:
        raise RecordsError(f"The layer {layer!r} has no CRS; expected one; assign it in a GIS.")
    shapes = table.geometry.to_crs(4326)
    return ["" if s is None or s.is_empty else shapely.to_wkt(s, 9) for s in shapes]


# encodings ----------------------------------------------------------------------------------------

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _zeros(data: bytes, parity: int) -> bool:
    """Is each second byte of a header in Latin letters zero, as in UTF-16 without a mark?"""
    head = data[parity:200:2]
    return len(head) > 1 and head.count(0) > 0.8 * len(head)


_GUESSES = (
    ("utf-8-sig", lambda d: d.startswith(codecs.BOM_UTF8) and _decodes(d, "utf-8-sig")),
    ("utf-16", lambda d: d.startswith(_UTF16_MARKS) and _decodes(d, "utf-16")),
    ("utf-16-le", lambda d: _zeros(d, 1) and _decodes(d, "utf-16-le")),
    ("utf-16-be", lambda d: _zeros(d, 0) and _decodes(d, "utf-16-be")),
    ("utf-8", lambda d: _decodes(d, "utf-8")),
)


def _known_letters(data: bytes, encoding: str) -> float:
    """Share of the signs beyond ASCII that are usual ones; -1 where the bytes do not decode."""
    if not _decodes(data, encoding):
        return -1.0
    text = data.decode(encoding)
    beyond = sum(ord(sign) > 127 for sign in text)
    return _USUAL[encoding](text) / max(beyond, 1)


def _usual_words(text: str) -> int:
    """Cyrillic words in one case or capitalised; Chinese bytes read so have mixed case."""
    words = r"\b(?:[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+)\b|[№°«»–—’”\xa0]"
    return sum(len(match) for match in re.findall(words, text))


def _usual_signs(text: str) -> int:
    """Signs of the first level of GB 2312, the 3755 usual ones, and its punctuation."""
    codes = (sign.encode("gb18030") for sign in text if ord(sign) > 127)
    return sum(len(c) == 2 and (0xB0 <= c[0] <= 0xD7 or 0xA1 <= c[0] <= 0xA3) for c in codes)


_SURE = 0.8  # above this share both readings look like words, as a few signs alone may do
_USUAL = {"cp1251": _usual_words, "gb18030": _usual_signs}

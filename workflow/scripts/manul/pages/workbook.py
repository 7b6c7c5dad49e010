"""Workbooks for people: a sheet for each question, and one that says what each column is."""

import io
import re
import zipfile
from collections.abc import Mapping

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from manul.grid import plain_files

WIDEST, NARROWEST = 60, 8  # of a column, in letters
MADE = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
COLUMNS = plain_files.SCHEMAS / "columns.yaml"


def write(
    path, title: str, notice: str, sheets: Mapping[str, pd.DataFrame], foot: str = ""
) -> None:
    """Write a workbook: how to read it, the tables by their title, and a dictionary of columns.

    The first sheet has title, notice, what the others hold, and `foot`: which run made it.
    Headers are frozen and have filters; columns are as wide as what they hold, up to 60 letters. A
    text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    book, words = Workbook(), plain_files.read_yaml(COLUMNS)
    _about(book.active, title, notice, sheets, foot)
    used: dict[str, None] = {}
    for name, table in sheets.items():
        _table(book.create_sheet(_tab(name, book.sheetnames)), table, words)
        used |= dict.fromkeys(map(str, table.columns))
    _table(book.create_sheet("Columns"), _dictionary(used, words), {})
    content = io.BytesIO()
    book.save(content)
    plain_files.write_bytes(path, _without_time(content.getvalue()))


def header(column: str, words: Mapping) -> str:
    """What a column is called, with its unit: 'Area (km2)'."""
    told = words.get(column, {})
    unit = f" ({told['unit']})" if told.get("unit") else ""
    return f"{told.get('title', column)}{unit}"


# ------------------------------------------------------------------------------------- helpers


def _tab(name, taken) -> str:
    """A name that a sheet can bear: 31 letters at most, without []:*?/\\, and none twice."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", name)[:31].strip("' ") or "Table"
    number = sum(other.casefold().startswith(plain.casefold()[:28]) for other in taken)
    return f"{plain[:28]} {number + 1}" if plain.casefold() in map(str.casefold, taken) else plain


def _about(sheet, title, notice, sheets, foot) -> None:
    sheet.title = "Read first"
    sheet.column_dimensions["A"].width = 110
    held = (f"Sheet {name!r}: {len(table)} rows" for name, table in sheets.items())
    lines = [title, notice, *held, foot]
    for row, text in enumerate(filter(None, lines), 1):
        cell = sheet.cell(row, 1, plain_files.harmless(text))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(bold=row == 1, size=14 if row == 1 else 11)


def _table(sheet, table, words) -> None:
    sheet.append([header(str(column), words) for column in table.columns])
    for row in table.itertuples(index=False):
        sheet.append([_cell(value) for value in row])
    for i, column in enumerate(table.columns, 1):
        letter = get_column_letter(i)
        longest = table[column].astype(str).str.len().quantile(0.9) if len(table) else 0
        heading = sheet[f"{letter}1"]
        width = max(NARROWEST, min(WIDEST, 1.1 * longest + 2), len(str(heading.value)) / 2 + 3)
        sheet.column_dimensions[letter].width = width
        heading.font, heading.fill = Font(bold=True), PatternFill("solid", fgColor="E8EDF0")
        heading.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.freeze_panes = "C2"
    if table.shape[1]:
        sheet.auto_filter.ref = f"A1:{get_column_letter(table.shape[1])}{len(table) + 1}"


def _dictionary(used, words) -> pd.DataFrame:
    rows = [
        {"column": header(name, words), "in the CSV": name, "unit": told.get("unit", ""),
         "meaning": told.get("meaning", "")}
        for name, told in ((name, words.get(name, {})) for name in used)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["column", "in the CSV", "unit", "meaning"])


def _cell(value):
    """A value as a spreadsheet takes it; empty where unknown."""
    if isinstance(value, str):
        return plain_files.harmless(value)
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _without_time(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        files = {name: book.read(name) for name in book.namelist()}
    files = {n: MADE.sub(rb"\g<1>1980-01-01T00:00:00Z", held) for n, held in files.items()}
    return plain_files.zipped(files)

"""Texts, tables and YAML: each appears whole or not at all."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from manul.config.documents import LOADER
from manul.grid.atomic import atomic

# What a spreadsheet takes for a formula, also after apostrophes that were there before.
FORMULA = re.compile(r"'*[\s]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
SCHEMAS = Path(__file__).parents[3] / "schemas"


def write_text(path, text: str) -> None:
    """Write text (UTF-8) whole or not at all."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path, content: bytes) -> None:
    """Write bytes whole or not at all."""
    with atomic(path) as partial:
        partial.write_bytes(content)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of some files, by name, that does not tell when it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def read_yaml(path) -> dict:
    """A YAML file of our own."""
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=LOADER)


def write_yaml(path, content) -> None:
    """A YAML file, in the order of its mappings."""
    write_text(path, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))


def file_bytes(path) -> bytes:
    """The content of a file, for its digest."""
    return Path(path).read_bytes()


def write_table(path, table) -> None:
    """A CSV (UTF-8, with a mark so that spreadsheets see it).

    A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers, also as
    texts, stay as they are.
    """
    shown = table.rename(columns=harmless)
    for i, kind in enumerate(shown.dtypes):
        if kind.kind not in "biufM":
            shown.isetitem(i, [harmless(cell) for cell in shown.iloc[:, i]])
    with atomic(path) as partial:
        shown.to_csv(partial, index=False, encoding="utf-8-sig", lineterminator="\n")


def read_table(path) -> pd.DataFrame:
    """A CSV that `write_table` wrote, texts as they were."""
    table = pd.read_csv(path, encoding="utf-8-sig").rename(columns=_as_it_was)
    for i, kind in enumerate(table.dtypes):
        if kind.kind not in "biufM":
            table.isetitem(i, [_as_it_was(cell) for cell in table.iloc[:, i]])
    return table


def harmless(cell):
    """A text that a spreadsheet would run as a formula with an apostrophe before it."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")  # a bare one would begin a row
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def _as_it_was(cell):
    return cell[1:] if isinstance(cell, str) and FORMULA.match(cell) and cell[0] == "'" else cell


def existing(path: str | None) -> str | list:
    """The path, or no input at all: the preflight tells a missing file together with all else."""
    return path if path and Path(path).exists() else []

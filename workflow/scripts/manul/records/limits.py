"""What a field table may hold: enough for any survey, too little to fill a machine's memory."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from manul.records.check import RecordsError

BYTES = 200_000_000  # of one table, and of all that is unpacked from one file
ROWS = 1_000_000
COLUMNS = 1_000  # a GeoPackage holds less than 2000
CELLS = 5_000_000
SHEET_CELLS = 1_000_000  # of a workbook, which is slow to read
Line = tuple[int, list[str], str]  # number, cells, and what is wrong with a row of a table


def demand(name: str, number: int, most: int, of: str) -> None:
    """Raise `RecordsError` where `name` holds more than `most` of something."""
    if number > most:
        raise RecordsError(
            f"{name} holds more than {most:,} {of}, the most that is read as field records;"
            " expected a table of records; take out what is none, or divide it."
        )


def read_file(path: Path) -> bytes:
    """The bytes of a file of at most `BYTES`; a .gz is unpacked."""
    demand(path.name, path.stat().st_size, BYTES, "bytes")
    return unpacked(path.name, path.read_bytes())


def unpacked(name: str, data: bytes) -> bytes:
    """The bytes as they are, or what they are packed from where the name ends in .gz."""
    if not name.lower().endswith(".gz"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            data = packed.read(BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RecordsError(f"{name} is not a readable .gz file ({error}).") from error
    demand(name, len(data), BYTES, "bytes when unpacked")
    return data


def demand_unpacked(name: str, members: list[zipfile.ZipInfo]) -> None:
    """The same for members of a zip, none of which unpacks to more than it says."""
    demand(name, sum(member.file_size for member in members), BYTES, "bytes when unpacked")


def counted(name: str, lines: Iterable[Line], most_cells: int) -> list[Line]:
    """The rows of a table, counted while they are read."""
    kept: list[Line] = []
    cells = 0
    for line in lines:
        kept.append(line)
        cells += len(line[1])
        demand(name, len(line[1]), COLUMNS, "columns")
        demand(name, len(kept), ROWS, "rows")
        demand(name, cells, most_cells, "cells")
    return kept

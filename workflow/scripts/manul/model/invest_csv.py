"""The CSV tables of an InVEST case. Imports stay light: see `invest_run`."""

import csv
from pathlib import Path


def read_rows(path) -> list[dict]:
    """The rows of a table (UTF-8), by the names of its columns in lower case without blanks."""
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        return [
            {str(name).strip().lower(): value for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def threat_rasters(table) -> list[Path]:
    """The rasters that a table of threats names, relative to its folder; "" names the folder."""
    return [Path(table).parent / (row.get("cur_path") or "") for row in read_rows(table)]


def invest_rasters(case: dict) -> list[str]:
    """The rasters that an InVEST case names in its table of threats.

    None if it cannot be read: the preflight tells why.
    """
    try:
        return [str(path) for path in threat_rasters(case["threats"]) if path.is_file()]
    except (OSError, ValueError, csv.Error):
        return []

"""Texts, tables, YAML and figures: each appears whole or not at all."""

from pathlib import Path

import pandas as pd
import yaml

from manul.grid.atomic import atomic

SCHEMAS = Path(__file__).parents[3] / "schemas"


def write_text(path, text: str) -> None:
    """Write text (UTF-8) whole or not at all."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_yaml(path) -> dict:
    """A YAML file."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def file_bytes(path) -> bytes:
    """The content of a file, for its digest."""
    return Path(path).read_bytes()


def write_table(path, table) -> None:
    """A CSV (UTF-8, with a mark so that spreadsheets see it)."""
    with atomic(path) as partial:
        table.to_csv(partial, index=False, encoding="utf-8-sig", lineterminator="\n")


def read_table(path) -> pd.DataFrame:
    """A CSV that `write_table` wrote."""
    return pd.read_csv(path, encoding="utf-8-sig")


def save_figures(pages, png, pdf, dpi: int, title: str) -> None:
    """Figures as a PDF with a page for each, and the first of them as PNG.

    The title stands in the metadata, and no date, so that reruns give the same bytes.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    with atomic(png) as partial:
        pages[0].savefig(
            partial, dpi=dpi, format="png", metadata={"Title": title, "Software": "Manul"}
        )
    meta = {"Title": title, "Creator": "Manul", "CreationDate": None}
    with atomic(pdf) as partial, PdfPages(partial, metadata=meta) as book:
        for page in pages:
            book.savefig(page, dpi=dpi)


def existing(path: str | None) -> str | list:
    """The path, or no input at all: the preflight tells a missing file together with all else."""
    return path if path and Path(path).exists() else []

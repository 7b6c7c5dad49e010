"""One self-contained HTML page from sections of words, tables and figures."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from manul.grid.templates import template

HERE = Path(__file__).parent


@dataclass
class Section:
    """A heading, then sentences, tables (title, table) and figures (caption, PNG or GIF).

    `head` is a sentence for the top of the page.
    """

    title: str
    words: list[str] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    figures: list[tuple[str, bytes]] = field(default_factory=list)
    numbers: list[tuple] = field(default_factory=list)  # what, value, low, high, unit
    head: str = ""


def page(title: str, subtitle: str, notice: str, sections: Sequence[Section], foot: str) -> str:
    """The page; it loads nothing from anywhere."""
    return template(HERE / "page.html.j2", _cell, _kind, _base64).render(
        title=title, subtitle=subtitle, notice=notice, sections=sections, foot=foot
    )


def numbers(sections: Sequence[Section]) -> pd.DataFrame:
    """All numbers of the page as one table."""
    rows = [(s.title, *number) for s in sections for number in s.numbers]
    return pd.DataFrame(rows, columns=["section", "what", "value", "low", "high", "unit"])


def _cell(value) -> str:
    """As text: four digits that count, or all before the point; empty where unknown."""
    if pd.isna(value):
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _kind(picture: bytes) -> str:
    return "gif" if picture[:3] == b"GIF" else "png"


def _base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()

"""One self-contained HTML page from sections of words, tables and figures."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import pandas as pd

CSS = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d2328;max-width:60rem;margin:2rem auto}
body{padding:0 1rem}h1{font-size:1.7rem;margin:0}
h2{font-size:1.2rem;margin:2rem 0 .4rem;border-bottom:1px solid #c9ced2}
.sub,figcaption,.foot{color:#59626a;font-size:.9rem}img{max-width:100%}figure{margin:1rem 0}
.notice{border:2px solid #9c2a10;background:#fdf0ea;padding:.6rem 1rem;margin:1rem 0}
table{border-collapse:collapse;font-size:.85rem;margin:.6rem 0;display:block;overflow-x:auto}
th,td{text-align:left;padding:.2rem .7rem;border-bottom:1px solid #e3e3e1;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
"""


@dataclass
class Section:
    """A heading, and under it sentences, tables (title, table) and figures (caption, PNG)."""

    title: str
    words: list[str] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    figures: list[tuple[str, bytes]] = field(default_factory=list)
    numbers: list[tuple] = field(default_factory=list)  # what, value, low, high, unit


def html(title: str, subtitle: str, notice: str, sections: Sequence[Section], foot: str) -> str:
    """The page; it loads nothing from anywhere."""
    box = f'<p class="notice">{escape(notice)}</p>' if notice else ""
    body = "".join(map(_section, sections))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{CSS}</style>'
        f'<h1>{escape(title)}</h1><p class="sub">{escape(subtitle)}</p>{box}{body}'
        f'<p class="foot">{escape(foot)}</p></html>\n'
    )


def numbers(sections: Sequence[Section]) -> pd.DataFrame:
    """All numbers of the page as one table."""
    rows = [(s.title, *number) for s in sections for number in s.numbers]
    return pd.DataFrame(rows, columns=["section", "what", "value", "low", "high", "unit"])


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in section.words]
    for title, table in section.tables:
        parts.append(f'<p class="sub">{escape(title)}</p>' if title else "")
        parts.append(_table(table))
    for caption, png in section.figures:
        data = base64.b64encode(png).decode()
        image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        parts.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return "".join(parts)


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in table.columns)
    rows = "".join(
        f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.itertuples(index=False, name=None)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _cell(value) -> str:
    if isinstance(value, float):
        return f'<td class="n">{"" if pd.isna(value) else f"{value:,.4g}"}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value}</td>'
    return f"<td>{'' if pd.isna(value) else escape(str(value))}</td>"

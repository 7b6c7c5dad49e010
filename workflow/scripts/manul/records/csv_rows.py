"""The text of a CSV file cut into rows, so that no sign in a cell can take other rows with it.

Two kinds of file are met: those that put quotation marks around cells, and those that never do, as
GBIF's, where a mark is a sign like any other. A mark that opens a cell and is closed only beyond
lines that are rows of their own belongs to the second kind.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator

from manul.records.text import fold

SEPARATORS = (",", ";", "\t")
HEAD_LINES = 30  # how far down the names of the columns are looked for
CELL_LINES = 1000  # no cell is longer
QUOTES = "a quotation mark is not closed; expected marks in pairs around a cell; correct them"

csv.field_size_limit(10_000_000)  # outlines as text are longer than csv's default of 131 072


def lines_of(text: str) -> list[str]:
    """The lines of a text, whatever ends them."""
    return io.StringIO(text, newline=None).read().split("\n")


def head(
    lines: list[str], known: Collection[str] = (), separator: str | None = None
) -> tuple[int, str]:
    """Where the names of the columns stand (counted from 0), and the sign between columns.

    That is the first line with two or more of the folded names `known`, else the first that is not
    blank. A line "sep=;" before them names the sign. Raises ValueError where all lines are blank.
    """
    told = [i for i, line in enumerate(lines) if line.strip()]
    if not told:
        raise ValueError("the table is empty; expected a line with the names of the columns")
    if (sign := _SEP.match(lines[told[0]])) and len(told) > 1:
        separator, told = separator or sign[1], told[1:]
    tried = [separator] if separator else list(SEPARATORS)
    for at in (i for i in told if i < told[0] + HEAD_LINES):
        best = max(tried, key=lambda sign: _known(lines, at, sign, known))
        if _known(lines, at, best, known) >= 2:
            return at, best
    return told[0], separator or find_separator(lines[told[0]])


def find_separator(line: str) -> str:
    """The sign that cuts a line, outside quotes, into most columns."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(SEPARATORS, key=bare.count)


def rows(
    lines: list[str], start: int, separator: str, quote: str = '"'
) -> Iterator[tuple[int, list[str], str]]:
    """Line number (from 1), cells, and what is wrong ("" for nothing) of each row from `start` on.

    Empty lines are no rows. A row that opens a mark and never closes it is one line, with its
    cells as they stand: right where marks are mere signs, as in text between tabs, else told.
    """
    at, width = start, 0
    while at < len(lines):
        cells, used, wrong = _row(lines, at, separator, quote, width)
        if any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield at + 1, cells, wrong
        at += used


# ------------------------------------------------------------------------------------- helpers

_SEP = re.compile(r'\ufeff?"?sep=(.)"?[\s,;]*$', re.IGNORECASE)


def _known(lines, at, separator, known) -> int:
    cells, _, _ = _row(lines, at, separator, '"', 0)
    return len({fold(cell) for cell in cells} & set(known))


def _row(lines, at, separator, quote, width) -> tuple[list[str], int, str]:
    """Cells of the row that begins at a line, how many lines it takes, what is wrong with it."""
    line = lines[at]
    plain = line.split(separator)
    if quote not in line:
        return plain, 1, ""
    used = _length(lines, at, separator, quote, width)
    cells = _cut("\n".join(lines[at : at + used]), separator, quote) if used else None
    literal = separator == "\t" and width in (0, len(plain))
    if cells is None:
        return plain, 1, "" if literal else QUOTES
    if literal and width and len(cells) != width:  # marks around a tab are mere signs
        return plain, 1, ""
    return cells, used, ""


def _length(lines, at, separator, quote, width) -> int:
    """How many lines the row takes; 0 where a mark is not closed before the next row."""
    if _cut(lines[at], separator, quote) is not None:
        return 1
    marks = lines[at].count(quote)
    for used in range(2, min(CELL_LINES, len(lines) - at) + 1):
        line = lines[at + used - 1]
        if width > 1 and line.count(separator) + 1 >= width:
            return 0
        marks += line.count(quote)
        if quote in line and marks % 2 == 0:
            return used
    return 0


def _cut(text: str, separator: str, quote: str) -> list[str] | None:
    """The cells of one row; None where marks are not closed or stand within a cell."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, quotechar=quote, strict=True
    )
    try:
        found = list(reader)
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None

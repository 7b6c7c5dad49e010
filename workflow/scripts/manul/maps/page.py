"""The paper: a page in millimetres from its top left corner, and a pen that writes a column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from manul.maps.spec import INK

FONT = "DejaVu Sans"  # ships with matplotlib; Latin and Cyrillic
MM_PER_POINT = 25.4 / 72
HINTING = 1.04  # type drawn on coarse pixels runs a little wider than its outlines
LEADING = 1.28
ASCENT = 1.02  # from the top of a text to its first baseline at this leading, in type sizes
# long and short side, margin, width of the side column (mm), and size of type relative to A3
PAGES = {"A3": (420, 297, 12, 92, 1.0), "A4": (297, 210, 8, 68, 0.82)}

Box = tuple[float, float, float, float]  # left, top, width, height in mm
Style = dict[str, Any]  # keywords of matplotlib
Symbol = Callable[[float, float, float, float], list[Artist]]  # of x, y (top left), width, height


@dataclass(frozen=True)
class Entry:
    """One line of a legend: a symbol, what it means, and a number at the right end."""

    symbol: Symbol
    label: str
    note: str = ""


class Page:
    """A figure whose lowest axes are the paper itself, in millimetres, y downwards."""

    def __init__(self, size: str, upright: bool = False, column: float = 1):
        if size not in PAGES:
            raise ValueError(f"unknown page {size!r}; choose from {', '.join(PAGES)}")
        self.size = size
        long, short, self.margin, usual, self.type = PAGES[size]
        self.column = usual * column
        self.width, self.height = (short, long) if upright else (long, short)
        inches = (self.width / 25.4, self.height / 25.4)
        self.figure = Figure(figsize=inches, facecolor="white", dpi=200)
        self.paper = self.figure.add_axes((0, 0, 1, 1), label="paper")
        self.paper.set(xlim=(0, self.width), ylim=(self.height, 0), autoscale_on=False)
        self.paper.axis("off")

    def axes(self, box: Box, label: str):
        """Axes that fill exactly this box."""
        left, top, width, height = box
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height),
            label=label,
        )

    def pen(self, left: float, top: float, width: float, shrink: float = 1.0) -> "Pen":
        """A pen at this place; `shrink` makes its type smaller."""
        return Pen(self.paper, left, top, width, self.type * shrink)

    def ink(self, pen: "Pen") -> None:
        """Put down what the pen has written."""
        for artist in pen.written:
            self.paper.add_artist(artist)
            artist.set_clip_on(False)


class Pen:
    """Writes downwards and remembers; nothing shows until `Page.ink`, so a trial costs nothing."""

    def __init__(self, paper: Axes, left: float, top: float, width: float, type_size: float):
        self.paper = paper
        self.left, self.top, self.width, self.type = left, top, width, type_size
        self.y = top
        self.bottom = inf  # where a block that can be shortened has to stop
        self.written: list[Artist] = []

    def within(self, left: float, top: float, width: float) -> "Pen":
        """A second pen with type of the same size; what it writes has to be added to this one."""
        return Pen(self.paper, left, top, width, self.type)

    def gap(self, mm: float) -> None:
        self.y += mm * self.type

    def add(self, *artists: Artist) -> None:
        self.written.extend(artists)

    def text(self, string: str, size: float = 7.5, indent: float = 0.0, **style) -> None:
        """Write a paragraph, wrapped to the column."""
        gid = style.pop("gid", None)
        weight = style.get("weight", "normal")
        lines = wrap(string, self.width - indent, size * self.type, weight)
        self.add(
            words("\n".join(lines), self.left + indent, self.y, size * self.type, gid, **style)
        )
        self.y += len(lines) * line_height(size * self.type)

    def rule(self, **style) -> None:
        """A line across the column."""
        ends = [self.left, self.left + self.width]
        self.add(Line2D(ends, [self.y, self.y], **style))

    def heading(self, string: str, size: float = 9.5) -> None:
        self.text(string, size, weight="bold", gid="heading")
        self.gap(0.8)

    def box(self, top: float, pad: float, **style) -> None:
        """Draw a box behind what was written since `top`."""
        height = self.y - top + 2 * pad
        corner = (self.left - pad, top - pad)
        self.add(Rectangle(corner, self.width + 2 * pad, height, zorder=0.5, **style))

    def key(self, entries: Sequence[Entry], columns: int = 1, size: float = 7.5) -> None:
        """Write legend lines, row by row."""
        for start in range(0, len(entries), columns):
            row = entries[start : start + columns]
            width = self.width / columns
            self.y += max(
                self._entry(e, self.left + i * width, width - 2 * (columns > 1), size)
                for i, e in enumerate(row)
            )

    def _entry(self, entry: Entry, left: float, width: float, size: float) -> float:
        points = size * self.type
        swatch, high, line = 9 * self.type, 3.6 * self.type, line_height(points)
        note_width = text_width(entry.note, points) + 2 if entry.note else 0
        lines = wrap(entry.label, width - swatch - 2 - note_width, points)
        self.add(*entry.symbol(left, self.y, swatch, high))
        lead = max(0.0, (high - line) / 2)
        self.add(words("\n".join(lines), left + swatch + 2, self.y + lead, points, "legend"))
        if entry.note:
            at_right = {"ha": "right", "color": INK}
            self.add(words(entry.note, left + width, self.y + lead, points, "share", **at_right))
        return max(high, lead + line * len(lines)) + 1.1 * self.type


def words(string: str, x: float, y: float, points: float, gid: str | None = None, **style) -> Text:
    """Text hung from its top left corner; a dollar sign stays a dollar sign."""
    if "va" not in style and "\n" not in string:
        # Hung by its box, a line with a tall sign such as % would stand lower than its neighbour.
        style["va"] = "baseline"
        y += ASCENT * points * MM_PER_POINT
    whole: Style = {"va": "top", "ha": "left", "color": INK, "linespacing": LEADING} | style
    text = Text(x, y, string, fontsize=points, fontfamily=FONT, parse_math=False, **whole)
    text.set_gid(gid)
    return text


def line_height(points: float) -> float:
    """Height of a line of type in mm."""
    return points * MM_PER_POINT * LEADING


def text_width(string: str, points: float, weight: str = "normal") -> float:
    """Width of a string in mm, without drawing it."""
    return _em_width(string, weight) * points * MM_PER_POINT * HINTING


def wrap(string: str, width: float, points: float, weight: str = "normal") -> list[str]:
    """Break a string into lines no wider than `width` mm; a word that is too long is cut."""
    space, lines = text_width(" ", points, weight), []
    for paragraph in string.split("\n"):
        filled = 0.0
        line: list[str] = []
        for word in _short_words(paragraph, width, points, weight):
            wide = text_width(word, points, weight)
            if line and filled + space + wide > width:
                lines.append(" ".join(line))
                line, filled = [], 0.0
            filled += wide + (space if line else 0)
            line.append(word)
        lines.append(" ".join(line))
    return lines


def shortened(string: str, width: float, points: float, weight: str = "normal") -> str:
    """The string if it fits on one line of `width` mm, or as much as does, with an ellipsis."""
    if text_width(string, points, weight) <= width:
        return string
    room = width - text_width(" …", points, weight)
    return wrap(string, room, points, weight)[0] + " …"


def without_middle(string: str, width: float, points: float, weight: str = "normal") -> str:
    """The string if it fits on a line of `width` mm, or its beginning and end about an ellipsis."""
    if text_width(string, points, weight) <= width:
        return string
    for kept in range(len(string) - 1, 1, -1):
        cut = f"{string[: kept - kept // 2].rstrip()} … {string[-(kept // 2) :].lstrip()}"
        if text_width(cut, points, weight) <= width:
            return cut
    return "…"


@lru_cache(maxsize=16384)
def _em_width(string: str, weight: str) -> float:
    """Width in units of the type size: it grows in proportion."""
    font = FontProperties(family=FONT, size=1, weight=weight)
    return text_to_path.get_text_width_height_descent(string, font, ismath=False)[0]


def _short_words(paragraph: str, width: float, points: float, weight: str):
    for word in paragraph.split():
        while text_width(word, points, weight) > width and len(word) > 1:
            fits = range(len(word) - 1, 0, -1)
            cut = next((n for n in fits if text_width(word[:n], points, weight) <= width), 1)
            yield word[:cut]
            word = word[cut:]
        yield word

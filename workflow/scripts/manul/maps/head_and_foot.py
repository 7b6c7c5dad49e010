"""What stands over and under the map: title, table of data, footer."""

from collections.abc import Sequence

from manul.config.hints import counted
from manul.maps.page import Page, Pen, line_height, text_width
from manul.maps.spec import INK, INVENTED, QUIET, WARNING, Sheet, Source, marked

TITLE_SIZES = (23, 21, 19, 17, 15)  # the largest that keeps the title on one line
SHRINKS = (1.0, 0.95, 0.9, 0.85, 0.8)
TABLE_SHARE = 0.24  # of the page's height, at most
TABLE_COLUMNS = (("Layer", 0.25), ("Date", 0.13), ("Status", 0.16), ("Source", 0.46))


def write_head(page: Page, sheet: Sheet) -> float:
    """Title and subtitle over the whole width; returns where the next thing may stand (mm)."""
    pen = page.pen(page.margin, page.margin - 2, page.width - 2 * page.margin)
    fitting = (s for s in TITLE_SIZES if text_width(sheet.title, s * page.type, "bold") < pen.width)
    pen.text(sheet.title, next(fitting, TITLE_SIZES[-1]), weight="bold", gid="title")
    pen.y = max(pen.y, pen.top + line_height(TITLE_SIZES[0] * page.type))
    pen.text(sheet.subtitle, 12, color=QUIET, gid="subtitle")
    pen.gap(1.5)
    pen.rule(color=INK, lw=1.2)
    page.ink(pen)
    return pen.y


def write_foot(page: Page, sheet: Sheet) -> float:
    """The footer, hung from the lower margin; returns its top (mm)."""
    width = page.width - 2 * page.margin
    trial = page.pen(page.margin, 0, width)
    _foot(trial, sheet)
    top = page.height - page.margin + 3 * page.type - trial.y
    pen = page.pen(page.margin, top, width)
    _foot(pen, sheet)
    page.ink(pen)
    return top


def write_sources(page: Page, sheet: Sheet, bottom: float) -> float:
    """The table of data above `bottom`, in two stacks; returns the top of its room (mm).

    Type shrinks first; if that is not enough, the last rows give way to a line that counts them.
    """
    rows = [Source(*(str(cell) for cell in row)) for row in sheet.sources]
    room = TABLE_SHARE * page.height
    if sheet.rows:
        usual = [Source("-", "-", "-", "-\n-" if i % 4 == 0 else "-") for i in range(sheet.rows)]
        room = min(room, _height(_stacks(page, usual, sheet.rows, 0, 1.0)))
    if not rows:
        return bottom - (room if sheet.rows else 0)
    kept, shrink, height = _fit(page, rows, room)
    for pen in _stacks(page, rows, kept, bottom - height, shrink):
        page.ink(pen)
    return bottom - (room if sheet.rows else height)


def _foot(pen: Pen, sheet: Sheet) -> None:
    pen.rule(color=QUIET, lw=0.5)
    pen.gap(1)
    pen.text(" · ".join(sheet.footer), 6.8, color=QUIET, gid="footer")


def _height(pens: Sequence[Pen]) -> float:
    return max(pen.y - pen.top for pen in pens)


def _fit(page: Page, rows: Sequence[Source], room: float) -> tuple[int, float, float]:
    """How many rows are kept, how far type shrinks, and the height of the table (mm)."""
    whole = ((len(rows), shrink) for shrink in SHRINKS)
    shortened = ((kept, SHRINKS[-1]) for kept in range(len(rows) - 1, -1, -1))
    for kept, shrink in (*whole, *shortened):
        height = _height(_stacks(page, rows, kept, 0, shrink))
        if height <= room:
            break
    return kept, shrink, height


def _stacks(page: Page, rows: Sequence[Source], kept: int, top: float, shrink: float) -> list[Pen]:
    gutter, half = 8, -(-kept // 2)
    width = (page.width - 2 * page.margin - gutter) / 2
    pens = [page.pen(page.margin + i * (width + gutter), top, width, shrink) for i in (0, 1)]
    for pen, title, part in zip(
        pens, ("Data used", " "), (rows[:half], rows[half:kept]), strict=True
    ):
        pen.gap(2)
        pen.text(title, 8.5, weight="bold")
        pen.gap(0.5)
        if part:
            _row(pen, [name for name, _ in TABLE_COLUMNS], color=QUIET)
        for row in part:
            _row(pen, row)
    if kept < len(rows):
        pens[-1].text(_left_out(rows[kept:]), 6.6, weight="bold", gid="left-out")
    return pens


def _left_out(rows: Sequence[Source]) -> str:
    invented = sum(row.status == INVENTED for row in rows)
    also = f", {invented} of them {INVENTED}" if invented else ""
    return f"and {counted(len(rows), 'more layer')}{also}: see the run's table of layers"


def _row(pen: Pen, row: Sequence[str], **style) -> None:
    """One row of the table: each cell wrapped in its own column, a hairline beneath."""
    left, lowest = pen.left, pen.y
    for cell, (name, share) in zip(row, TABLE_COLUMNS, strict=True):
        part = pen.within(left, pen.y, pen.width * share - 2)
        warned = {"color": WARNING, "weight": "bold"} if cell == INVENTED else {}
        string = marked(cell) if name == "Status" else cell
        part.text(string, 6.6, gid="source", **style | warned)
        pen.add(*part.written)
        left, lowest = left + pen.width * share, max(lowest, part.y)
    pen.y = lowest + 0.25
    pen.rule(color="#c9cdd1", lw=0.35)
    pen.y += 0.35

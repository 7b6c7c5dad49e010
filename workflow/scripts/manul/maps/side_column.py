"""What stands beside the map, from top to bottom: notice, legends, base map, scale, limits."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from manul.config.hints import counted
from manul.maps import base_map as ground
from manul.maps.furniture import Frame, projection_name, write_north, write_scale_bar
from manul.maps.page import Entry, Page, Pen, Style, line_height, words
from manul.maps.spec import (
    INK,
    INVENTED,
    QUIET,
    STATUS_MARKS,
    WARNING,
    Classes,
    Context,
    Land,
    Scale,
    Sheet,
    marked,
    palette,
)
from manul.pages.amounts import percent

Block = Callable[[Pen], None]
SMALLEST = 0.68  # of the type's full size; beneath this print is hard to read
SHRINKS = (1.15, 1.1, 1.05, 1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
KEY_WORDS = {
    "borders": "state border",
    "provinces": "province",
    "roads": "road",
    "railways": "railway",
    "protected_areas": "protected area",
    "rivers": "river",
    "mines": "mine",
}
STATUS_MEANING = {
    "measured": "published observation or product",
    "modelled": "worked out by a model from measurements",
    "reconstructed": "computed from waypoints and terrain",
    "approximate": "coarse, or compiled by hand",
    "illustrative": "invented; shows the method only",
}


def write_column(page: Page, left: float, top: float, bottom: float, blocks: Sequence[Block]):
    """Write the blocks; type shrinks until all fits, then the limits are shortened.

    Errors: no room even then, since a notice or a legend cut short would mislead.
    """
    for shrink in (s for s in SHRINKS if s * page.type >= SMALLEST):
        pen = _written(page.pen(left, top, page.column, shrink), blocks)
        if pen.y <= bottom:
            break
    else:
        pen = page.pen(left, top, page.column, shrink)
        pen.bottom = bottom
        if _written(pen, blocks).y > bottom:
            raise ValueError("the notice and the legend are too long for the side column")
    page.ink(pen)


def colouring(scale: Scale) -> tuple[Colormap, Normalize]:
    """The colour map and norm of a scale: stepped where it has classes."""
    if scale.classes is None:
        return palette(scale.palette), Normalize(scale.vmin, scale.vmax)
    count = len(scale.classes.names)
    tints = palette(scale.palette)(np.linspace(0.06, 0.94, count))
    edges = (-np.inf, *scale.classes.bounds, np.inf)
    return ListedColormap(tints), BoundaryNorm(edges, count)


def notice(sheet: Sheet) -> Block:
    """The data-status notice in a box."""
    return partial(_notice, sheet.notice)


def number_legend(scale: Scale, values: np.ndarray, land: Land) -> Block:
    """Colour bar, or one box for each class with its share; `values` are the cells of the land."""
    unknown = nodata_entries(float(np.mean(np.isnan(values))) if values.size else 1.0, land)
    if scale.classes:
        return partial(_class_legend, scale, scale.classes, values, unknown, land)
    return ramp_legend(scale, [values], unknown)


def shared_legend(scale: Scale, arrays: Sequence[np.ndarray]) -> Block:
    """Of several maps on one scale: a box for each class, without shares, or a colour bar."""
    if scale.classes:
        return partial(
            _list_legend,
            _heading(scale),
            [*_class_entries(scale, scale.classes), _nodata_entry("")],
            "",
        )
    return ramp_legend(scale, arrays)


def ramp_legend(scale: Scale, arrays: Sequence[np.ndarray], unknown: Sequence[Entry] = ()) -> Block:
    """A colour bar; its ends say whether any of the arrays goes beyond them."""
    unknown = unknown or [_nodata_entry("")]
    beyond = (
        any((array < scale.vmin).any() for array in arrays),
        any((array > scale.vmax).any() for array in arrays),
    )
    return partial(_ramp_legend, scale, tick_labels(scale, *beyond), unknown)


def list_legend(heading: str, entries: Sequence[Entry], note: str) -> Block:
    """A heading, boxes with labels, and a note beneath."""
    return partial(_list_legend, heading, entries, note)


def status_legend(statuses: Sequence[str]) -> Block:
    """What the data marks of the panels mean; only those that occur."""
    return partial(_status_legend, [status for status in STATUS_MEANING if status in statuses])


def map_key(context: Context) -> Block:
    """Signs of the base map: only those that are on it."""
    return partial(_map_key, context)


def measure(frame: Frame, page: Page) -> Block:
    """Scale bar, scale in figures, north arrow and projection."""
    return partial(_measure, frame, page.size)


def limitations(sheet: Sheet) -> Block:
    """The limits of the map; must be the last block, since it is the one that can be cut."""
    return partial(_limitations, sheet.limitations)


def nodata_entries(unknown: float, land: Land) -> list[Entry]:
    """The legend lines of the share of unknown cells, and of those that are known in part only."""
    entries = [_nodata_entry(f"{percent(unknown)} of {land.name}" if unknown else "none")]
    if land.in_part:
        entries.append(Entry(lambda *place: [], land.in_part, land.in_part_share))
    return entries


def share_note(land: Land) -> str:
    """What the shares of a legend are shares of."""
    return f"Per cent: share of {land.name} ({land.what}) where there are data."


def class_shares(values: np.ndarray, classes: Classes) -> np.ndarray:
    """Share of the known cells in each class; zero everywhere if none is known."""
    known = values[np.isfinite(values)]
    found = np.searchsorted(classes.bounds, known, side="right")
    return np.bincount(found, minlength=len(classes.names)) / max(known.size, 1)


def tick_labels(scale: Scale, below: bool, above: bool) -> list[str]:
    """Five even numbers; an end says so where values lie beyond it."""
    labels = [f"{tick:.4g}" for tick in np.linspace(scale.vmin, scale.vmax, 5)]
    labels[0] = f"≤ {labels[0]}" if below else labels[0]
    labels[-1] = f"≥ {labels[-1]}" if above else labels[-1]
    return labels


def _nodata_entry(note: str) -> Entry:
    return Entry(ground.area_symbol(ground.NODATA_STYLE | {"linewidth": 0.4}), "no data", note)


def _written(pen: Pen, blocks: Sequence[Block]) -> Pen:
    for block in blocks:
        block(pen)
    return pen


def _notice(string: str, pen: Pen) -> None:
    if not string:
        return
    pad = 2.2
    inner = pen.within(pen.left + pad, pen.y + pad, pen.width - 2 * pad)
    start = inner.y
    inner.text("Read this first: status of the data", 8.5, weight="bold", color=WARNING)
    inner.gap(0.6)
    inner.text(string, 8, gid="notice")
    inner.box(start, pad, facecolor="#fff4df", edgecolor=WARNING, linewidth=1.1, gid="notice-box")
    pen.add(*inner.written)
    pen.y = inner.y + pad
    pen.gap(4.5)


def _ramp_legend(scale: Scale, ticks: Sequence[str], unknown: Sequence[Entry], pen: Pen) -> None:
    pen.heading(scale.label, 10.5)
    if scale.unit:
        pen.text(scale.unit, 7.5, color=QUIET, gid="unit")
    pen.gap(0.8)
    _bar(pen, palette(scale.palette), 4.5 * pen.type)
    for part, label in zip(np.linspace(0, 1, len(ticks)), ticks, strict=True):
        aligned = {0.0: "left", 1.0: "right"}.get(float(part), "center")
        place = pen.left + part * pen.width
        pen.add(words(label, place, pen.y, 7.5 * pen.type, "legend-tick", ha=aligned))
    pen.y += line_height(7.5 * pen.type) + 1
    pen.key(unknown)
    pen.gap(3)


def _bar(pen: Pen, cmap: Colormap, high: float) -> None:
    extent = (pen.left, pen.left + pen.width, pen.y + high, pen.y)
    image = AxesImage(pen.paper, cmap=cmap, extent=extent, interpolation="bilinear")
    image.set_data(np.linspace(0, 1, 256)[None, :])
    corner = (pen.left, pen.y)
    pen.add(image, Rectangle(corner, pen.width, high, facecolor="none", edgecolor=INK, lw=0.5))
    pen.y += high + 0.6


def _class_legend(scale, classes: Classes, values, unknown, land: Land, pen: Pen) -> None:
    shares = [percent(part) for part in class_shares(values, classes)]
    entries = _class_entries(scale, classes, shares)
    _list_legend(_heading(scale), [*entries, *unknown], share_note(land), pen)


def _class_entries(
    scale: Scale, classes: Classes, figures: Sequence[str] | None = None
) -> list[Entry]:
    """A box, the name and the limits of each class, the highest first."""
    cmap, _ = colouring(scale)
    names = classes.names
    entries = [
        Entry(
            ground.area_symbol({"facecolor": cmap(i), "edgecolor": INK, "linewidth": 0.4}),
            f"{name} ({_limits(classes.bounds, i)})" if classes.told else name,
            figure,
        )
        for i, (name, figure) in enumerate(zip(names, figures or [""] * len(names), strict=True))
    ]
    return entries[::-1]


def _heading(scale: Scale) -> str:
    return f"{scale.label}, {scale.unit}" if scale.unit else scale.label


def _limits(bounds: Sequence[float], i: int) -> str:
    if i == 0:
        return f"below {bounds[0]:g}"
    if i == len(bounds):
        return f"{bounds[-1]:g} and above"
    return f"{bounds[i - 1]:g} to {bounds[i]:g}"


def _list_legend(heading: str, entries: Sequence[Entry], note: str, pen: Pen) -> None:
    pen.heading(heading, 10.5)
    pen.gap(0.6)
    pen.key(entries, size=8)
    if note:
        pen.text(note, 6.8, gid="legend-note", color=QUIET)
    pen.gap(4)


def _status_legend(statuses: Sequence[str], pen: Pen) -> None:
    pen.heading("Data that each panel is worked out from")
    for status in statuses:
        style: Style = {"color": WARNING, "weight": "bold"} if status == INVENTED else {}
        pen.text(f"{marked(status)}: {STATUS_MEANING[status]}", 7.5, gid="status", **style)
    pen.gap(4)


def _map_key(context: Context, pen: Pen) -> None:
    signs = {name: ground.line_symbol(style) for name, style in ground.LINE_STYLES.items()}
    signs |= {"mines": ground.point_symbol(ground.MINE_STYLE)}
    entries = [
        Entry(signs[name], label + _status_mark(context.statuses.get(name, "")))
        for name, label in KEY_WORDS.items()
        if _drawn(context, name)
    ]
    if ground.present(context.lakes):
        entries.append(Entry(ground.area_symbol(ground.LAKE_STYLE), "lake"))
    if context.settlements is not None and len(context.settlements):
        dot = {"facecolor": "white", "edgecolor": INK, "markersize": 4}
        known = np.isfinite(ground.people(context.settlements)).any()
        entries.append(Entry(ground.point_symbol(dot), "largest towns" if known else "some towns"))
    if ground.present(context.region):
        paper = ground.area_symbol({"facecolor": ground.PAPER} | ground.EDGE)
        entries.append(Entry(paper, "outside the region"))
    if not entries:
        return
    pen.heading("Base map")
    pen.key(entries, columns=2, size=7.2)
    drawn = {context.statuses.get(name, "") for name in KEY_WORDS if _drawn(context, name)}
    told = [marked(status) for status in STATUS_MARKS if status in drawn]
    if told:
        pen.text(", ".join(told), 6.6, color=QUIET, gid="base-status")
    pen.gap(3)


def _drawn(context, name) -> bool:
    return ground.present(getattr(context, name))


def _status_mark(status: str) -> str:
    mark = STATUS_MARKS.get(status, "")
    return f" {mark}" if mark else ""


def _measure(frame: Frame, paper: str, pen: Pen) -> None:
    pen.heading("Scale and projection")
    write_north(pen, frame, pen.y - 3 * pen.type)
    write_scale_bar(pen, frame)
    pen.gap(1)
    figures = f"{frame.denominator:,.0f}".replace(",", " ")
    pen.text(f"1 : {figures} printed on {paper}", 7.5, weight="bold", gid="ratio")
    beside = pen.within(pen.left, pen.y, pen.width - 14 * pen.type)
    beside.text(f"{projection_name(frame.crs)}. Arrow: true north at the centre.", 6.8, color=QUIET)
    pen.add(*beside.written)
    pen.y = beside.y
    pen.gap(4)


def _limitations(sentences: Sequence[str], pen: Pen) -> None:
    if not sentences:
        return
    pen.heading("Limits of this map")
    for i, sentence in enumerate(sentences):
        trial = pen.within(pen.left, pen.y, pen.width)
        trial.text(sentence, 7.2, indent=3, gid="limitation")
        rest = line_height(7.2 * pen.type) + 0.6 * pen.type
        spare = rest if i < len(sentences) - 1 else 0
        if trial.y + spare > pen.bottom:
            more = f"and {counted(len(sentences) - i, 'more limit')}: see the report"
            pen.text(more, 7.2, weight="bold", gid="left-out")
            return
        pen.add(words("•", pen.left, pen.y, 7.2 * pen.type), *trial.written)
        pen.y = trial.y + 0.6 * pen.type

"""Map sheets: arrays, shapes and words in, one figure out, ready to be printed.

A sheet is made from the outside in: head, foot and table of data take the room they need, the side
column has a fixed width, and the map fills the rest at a round scale. The caller saves the figure:

    figure = continuous(sheet, context, geobox, values, Scale("Threat", palette="threat"))
    figure.savefig("threat.png", dpi=200)
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from odc.geo.geobox import GeoBox
from shapely import get_dimensions

from manul.grid import provenance, vectors
from manul.grid.map_tags import read_provenance
from manul.maps import base_map as ground
from manul.maps import relief
from manul.maps import side_column as column
from manul.maps.furniture import Frame, draw_graticule
from manul.maps.head_and_foot import write_foot, write_head, write_sources
from manul.maps.labels import draw_labels
from manul.maps.page import (
    Box,
    Entry,
    Page,
    line_height,
    shortened,
    text_width,
    without_middle,
    words,
    wrap,
)
from manul.maps.spec import (
    INK,
    INVENTED,
    NOTHING_COLOUR,
    PALETTES,
    QUALITATIVE,
    QUIET,
    STATUS_MARKS,
    WARNING,
    Category,
    Classes,
    Context,
    Land,
    Overlay,
    Panel,
    Scale,
    Sheet,
    Source,
    with_colours,
)
from manul.pages.amounts import percent

__all__ = [
    "MOST_PANELS",
    "NOTHING_COLOUR",
    "PALETTES",
    "QUALITATIVE",
    "WHOLE",
    "Category",
    "Classes",
    "Context",
    "Land",
    "Overlay",
    "Panel",
    "Scale",
    "Sheet",
    "Source",
    "base_map_of",
    "categorical",
    "continuous",
    "polygons",
    "small_multiples",
]

MOST_PANELS = 16  # on a page
TOWNS = {"A3": 34, "A4": 20}
PANEL_TOWNS = 3
TITLE_SIZES = (9, 8.4, 7.8, 7.2, 6.6)  # points; the largest at which all titles of panels fit
SUBTITLE_SIZES = (6.6, 6.0, 5.4)
WHOLE = Land()
PANEL_HEAD = 8.2  # mm over each panel for its title
# By dimension of the shapes: symbol, total size in metres, and the unit in which it is printed.
SIZES = {
    2: (ground.area_symbol, lambda shapes: shapes.area.sum(), 1e6, " km²"),
    1: (ground.line_symbol, lambda shapes: shapes.length.sum(), 1e3, " km"),
    0: (ground.point_symbol, len, 1, ""),
}


def continuous(
    sheet: Sheet, context: Context, geobox: GeoBox, values, scale: Scale, land: Land = WHOLE
) -> Figure:
    """A map of a number; with `scale.classes` it is coloured and keyed by class. NaN is hatched.

    values: (rows, columns) of the geobox; the legend's shares are those of `land`. Errors: shapes
    that differ, a grid that is not north up, a CRS not in metres, context in another CRS.
    """
    page, body, low = open_page(sheet, is_upright(geobox))
    array = _array(values)
    frame = _map(page, body, geobox, context)
    ground.draw_values(frame, geobox, array, *column.colouring(scale))
    legend = column.number_legend(scale, _on_land(array, geobox, context, land), land)
    return _close(page, sheet, context, frame, [legend], body, low)


def categorical(
    sheet: Sheet,
    context: Context,
    geobox: GeoBox,
    codes,
    categories: Sequence[Category],
    heading: str,
    nodata: int | None = None,
    land: Land = WHOLE,
) -> Figure:
    """A map of classes; a code without a category is an error; `nodata` and NaN are hatched.

    codes: (rows, columns) of whole numbers; the legend's shares are those of `land`. Categories
    without a colour get one that every kind of colour vision tells apart (at most nine).
    """
    page, body, low = open_page(sheet, is_upright(geobox))
    array, coloured = _array(codes), with_colours(categories)
    frame = _map(page, body, geobox, context)
    tints = [category.colour for category in coloured]
    ground.draw_codes(frame, geobox, array, [c.code for c in coloured], tints)
    _check_codes(ground.in_region(array, geobox, context.region), coloured, nodata)
    cells = _on_land(array, geobox, context, land)
    entries = category_entries(cells, coloured, nodata, land)
    legend = column.list_legend(heading, entries, column.share_note(land))
    return _close(page, sheet, context, frame, [legend], body, low)


def small_multiples(
    sheet: Sheet, context: Context, geobox: GeoBox, panels: Sequence[Panel], scale: Scale
) -> list[Figure]:
    """Many maps on one scale of colour; one made with illustrative data has a broken heavy frame.

    At most 16 stand on a page; more fill further pages as evenly as can be, with maps of one size,
    and each page tells which it is. Of the context only borders, lakes, the largest towns and the
    region are drawn. Errors: no panel.
    """
    if not panels:
        raise ValueError("a sheet of many maps needs at least one panel, found 0")
    pages = ceil(len(panels) / MOST_PANELS)
    most = ceil(len(panels) / pages)
    parts = [slice(i, i + most) for i in range(0, len(panels), most)]
    legends = [
        column.shared_legend(scale, [_array(panel.values) for panel in panels]),
        column.status_legend([panel.status for panel in panels]),
    ]
    return [
        _panels_page(_page_of(sheet, number, pages), context, geobox, panels, part, scale, legends)
        for number, part in enumerate(parts, 1)
    ]


FIGURES = "Figures: how many, and their area or length."


def polygons(
    sheet: Sheet,
    context: Context,
    geobox: GeoBox,
    background,
    scale: Scale,
    overlays: Sequence[Overlay],
    heading: str,
    note: str = "",
) -> Figure:
    """Areas, lines, points over a quiet background, later ones on top; the legend measures them.

    `note` stands beneath the legend: what else there is, and is not drawn.
    """
    page, body, low = open_page(sheet, is_upright(geobox))
    array = _array(background)
    frame = _map(page, body, geobox, context)
    ground.draw_values(frame, geobox, array, *column.colouring(scale))
    if context.relief:
        ground.draw_relief(frame, geobox, relief.shade(context.relief, geobox))
    for place, overlay in enumerate(overlays):
        ground.draw_features(frame, overlay.features, overlay.style, place)
    entries = [overlay_entry(overlay) for overlay in overlays]
    legends = [
        column.list_legend(heading, entries, f"{FIGURES} {note}".strip()),
        column.number_legend(scale, ground.in_region(array, geobox, context.region), WHOLE),
    ]
    return _close(page, sheet, context, frame, legends, body, low)


def base_map_of(files: Mapping[str, str], roles: Mapping[str, str], mask: str | None) -> Context:
    """The base map from the files of layers by name; `roles` say what each layer is drawn as."""
    found: dict[str, Any] = {
        role: files[name] if role == "relief" else vectors.read_vector(files[name])
        for role, name in roles.items()
    }
    if mask:
        found["region"] = vectors.read_vector(files[mask])
    behind = {role: read_provenance(files[name]) for role, name in roles.items()}
    statuses = {role: provenance.worst_status(record) for role, record in behind.items()}
    return Context(**found, statuses=statuses)


def cells_on_paper(geobox: GeoBox, paper: str = "A3") -> float:
    """How many cells of the grid, along a side, lie under the smallest dot that can be printed."""
    page = Page(paper, is_upright(geobox))
    dots = (page.width * ground.PIXELS_PER_MM, page.height * ground.PIXELS_PER_MM)
    return max(geobox.width / dots[0], geobox.height / dots[1])


def panel_boxes(body: Box, count: int, aspect: float, head: float) -> list[Box]:
    """Boxes (mm) for `count` maps of this aspect, in the rows and columns that make them largest.

    `head` is the room over each map for its title.
    """
    left, top, width, height = body
    gap = 4.0

    def size(columns: int) -> float:
        rows = ceil(count / columns)
        across = (width - gap * (columns - 1)) / columns
        down = (height - gap * (rows - 1)) / rows - head
        return min(across, down * aspect)

    columns = max(range(1, count + 1), key=size)
    wide, rows = size(columns), ceil(count / columns)
    step_x = (width - wide) / (columns - 1) if columns > 1 else 0
    step_y = min((height + gap) / rows, wide / aspect + head + 3 * gap)
    return [
        (left + (i % columns) * step_x, top + (i // columns) * step_y + head, wide, wide / aspect)
        for i in range(count)
    ]


def are_lines(features) -> bool:
    """True where no feature is an area or a point."""
    return bool((get_dimensions(features.geometry.to_numpy()) == 1).all())


def overlay_entry(overlay: Overlay) -> Entry:
    """Legend line with number and area (km2) or length (km); mixed shapes count as areas."""
    features, style = overlay.features, overlay.style
    if len(features) == 0:
        return Entry(ground.area_symbol(style), overlay.label, "none here")
    symbol, size, unit, name = SIZES[int(get_dimensions(features.geometry.to_numpy()).max())]
    total = f" · {size(features) / unit:,.0f}{name}".replace(",", " ") if name else ""
    return Entry(symbol(style), overlay.label, f"{len(features)}{total}")


def category_entries(
    cells: np.ndarray,
    categories: Sequence[Category],
    nodata: int | None,
    land: Land = WHOLE,
) -> list[Entry]:
    """Legend lines with each category's share of the known cells, and that of the unknown."""
    counts = [int(np.count_nonzero(cells == c.code)) for c in categories]
    unknown = int(np.count_nonzero(np.isnan(cells) | (cells == nodata)))
    known = max(sum(counts), 1)
    entries = [
        Entry(
            ground.area_symbol({"facecolor": c.colour, "edgecolor": INK, "linewidth": 0.4}),
            c.label,
            percent(count / known),
        )
        for c, count in zip(categories, counts, strict=True)
    ]
    return [*entries, *column.nodata_entries(unknown / max(cells.size, 1), land)]


def is_upright(geobox: GeoBox) -> bool:
    """True where the region is taller than wide: then the page stands upright."""
    box = geobox.boundingbox
    return box.top - box.bottom > box.right - box.left


def panel_titles(
    titles: Sequence[str], width: float, type_size: float, lines: int = 1
) -> tuple[float, list[str], bool]:
    """Size of type (points) at which titles fit into `width` mm, the titles, and are they whole.

    The largest size at which all fit on so many lines. If even the smallest does not, titles lose
    their middle, since the end tells apart what begins alike; those cut to the same words are
    numbered.
    """
    for size in TITLE_SIZES:
        wrapped = [wrap(title, width, size * type_size, "bold") for title in titles]
        if all(len(parts) <= lines for parts in wrapped):
            return size, ["\n".join(parts) for parts in wrapped], True
    points = TITLE_SIZES[-1] * type_size
    cut = [_cut_title(title, width, points, lines) for title in titles]
    several = {title for title in cut if cut.count(title) > 1}
    for i, title in enumerate(titles):
        if cut[i] in several:
            cut[i] = _cut_title(title, width, points, lines, f"{i + 1} ")
    return TITLE_SIZES[-1], cut, False


def panel_subtitles(
    subtitles: Sequence[str], width: float, type_size: float
) -> tuple[float, list[str]]:
    """Size of type (points) and the lines under titles, in `width` mm.

    The largest size at which each fits on a line; else on two at the largest size, without its end
    if it is longer still.
    """
    for size in SUBTITLE_SIZES:
        if all(text_width(words, size * type_size) <= width for words in subtitles):
            return size, list(subtitles)
    points = SUBTITLE_SIZES[0] * type_size
    told = []
    for subtitle in subtitles:
        first, *rest = wrap(subtitle, width, points) or [""]
        told.append(
            "\n".join([first, *([shortened(" ".join(rest), width, points)] if rest else [])])
        )
    return SUBTITLE_SIZES[0], told


def _cut_title(title: str, width: float, points: float, lines: int, before: str = "") -> str:
    """A title without its middle, on at most so many lines."""
    for share in (0.95, 0.85, 0.75, 0.65, 0.5):
        room = share * lines * width - text_width(before, points, "bold")
        parts = wrap(before + without_middle(title, room, points, "bold"), width, points, "bold")
        if len(parts) <= lines:
            break
    return "\n".join(parts)


def _page_of(sheet: Sheet, number: int, pages: int) -> Sheet:
    """The sheet with its page in the title; the picture shows the first page only."""
    if pages == 1:
        return sheet
    told = f"{sheet.subtitle} · all {pages} pages are in the PDF of this sheet"
    return replace(sheet, title=f"{sheet.title}, page {number} of {pages}", subtitle=told)


def _panels_page(sheet, context, geobox, panels, part: slice, scale, legends) -> Figure:
    """A page with the panels of one part; all parts have as many boxes, and type of one size."""
    page, body, low = open_page(sheet, is_upright(geobox))
    finer = [name for name in (*ground.LINE_STYLES, "mines", "relief") if name != "borders"]
    sparse = replace(context, **dict.fromkeys(finer))
    extent = geobox.boundingbox
    aspect = (extent.right - extent.left) / (extent.top - extent.bottom)
    for lines, below in ((1, 1), (1, 2), (2, 1), (2, 2)):
        more = (lines - 1) * line_height(TITLE_SIZES[0] * page.type)
        under = PANEL_HEAD * page.type + (below - 1) * line_height(SUBTITLE_SIZES[0] * page.type)
        boxes = panel_boxes(body, part.stop - part.start, aspect, under + more)
        width = boxes[0][2] - 5  # beside it stands the mark of the data status
        size, titles, whole = panel_titles([p.title for p in panels], width, page.type, lines)
        small, told = panel_subtitles([p.subtitle for p in panels], boxes[0][2], page.type)
        if whole and max(words.count("\n") for words in told) < below:
            break
    frames = [
        _panel(
            page,
            box,
            geobox,
            sparse,
            panel,
            scale,
            (under + more, size, title, under, small, words),
        )
        for box, panel, title, words in zip(
            boxes, panels[part], titles[part], told[part], strict=False
        )
    ]
    return _close(page, sheet, sparse, frames[0], legends, body, low)


def open_page(sheet: Sheet, upright: bool, column: float = 1) -> tuple[Page, Box, float]:
    """Page with head, foot and table; the box left for maps; how low the column may reach (mm).

    `column` makes the side column so many times as wide as usual.
    """
    page = Page(sheet.page, upright, column)
    top = write_head(page, sheet) + 6 * page.type
    foot = write_foot(page, sheet)
    low = write_sources(page, sheet, foot - 2)
    edge = 5 * page.type  # room for the names of the graticule
    width = page.width - 2 * page.margin - page.column - 2 * edge - 4
    return page, (page.margin + edge, top, width, low - top - edge - 1), low


def _close(page, sheet, context, frame, legends, body, low) -> Figure:
    """Write the side column: notice, legends, base map, scale, limits."""
    blocks = [
        column.notice(sheet),
        *legends,
        column.map_key(context),
        column.measure(frame, page),
        column.limitations(sheet),
    ]
    left = page.width - page.margin - page.column
    column.write_column(page, left, body[1], low, blocks)
    return page.figure


def _on_land(array, geobox, context, land: Land) -> np.ndarray:
    """The cells of the region that count for the shares of a legend, as a flat array."""
    cells = ground.in_region(array, geobox, context.region)
    if land.cells is None:
        return cells
    return cells[ground.in_region(land.cells, geobox, context.region)]


def _check_codes(cells, categories: Sequence[Category], nodata: int | None) -> None:
    """A code without a category is an error."""
    described = [c.code for c in categories]
    unknown = [] if nodata is None else [nodata]
    strange = np.setdiff1d(cells[np.isfinite(cells)], [*described, *unknown])
    if strange.size:
        raise ValueError(f"codes without a category: {strange[:9]}; described are {described}")


def _array(values) -> np.ndarray:
    """A plain array with NaN where the values are masked."""
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(float), np.nan)
    return np.asarray(values)


def _map(page: Page, body: Box, geobox: GeoBox, context: Context) -> Frame:
    """The frame with all of the base map; the raster goes in beneath."""
    frame = ground.open_frame(page, body, geobox)
    ground.draw_context(frame, context)
    draw_graticule(frame, 7 * page.type)
    draw_labels(frame, context, page.type, TOWNS[page.size])
    return frame


def _panel(page, box, geobox, context, panel: Panel, scale: Scale, title) -> Frame:
    """One small map; `title` is what `_panel_head` takes."""
    frame = ground.open_frame(page, box, geobox, label="panel")
    ground.draw_values(frame, geobox, _array(panel.values), *column.colouring(scale))
    for place, overlay in enumerate(panel.overlays):
        ground.draw_features(frame, overlay.features, overlay.style, place)
    ground.draw_context(frame, context)
    draw_labels(frame, replace(context, lakes=None), 0.75 * page.type, PANEL_TOWNS)
    draw_graticule(frame, 5.2 * page.type, ("left", "bottom"))
    _panel_head(page, box, panel, *title)
    if panel.status == INVENTED:
        left, top, width, height = frame.box
        frame_of_all = Rectangle(
            (left, top), width, height, gid="invented",
            facecolor="none", edgecolor=WARNING, lw=2.2, linestyle=(0, (4, 2)),
        )  # fmt: skip
        page.paper.add_patch(frame_of_all)
        frame.axes.spines[:].set_visible(False)
    return frame


def _panel_head(page: Page, box, panel: Panel, head, size, title, under, small, told) -> None:
    """Title with the mark of its data status; what it shows; the status in words if it fits.

    `head` is the room over the box (mm), `under` that from the last line of the title; `size` and
    `small` are the sizes of type (points) of the words `title` and `told`.
    """
    left, top, width, _ = box
    pen = page.pen(left, top - head + 0.5 * page.type, width)
    colour = WARNING if panel.status == INVENTED else QUIET
    right = {"ha": "right", "color": colour, "weight": "bold"}
    mark = STATUS_MARKS.get(panel.status, "")
    pen.add(words(mark, left + width, pen.y, 9 * page.type, "panel-mark", **right))
    pen.add(words(title, left, pen.y, size * page.type, "panel-title", weight="bold"))
    pen.y = top - under + 0.5 * page.type + line_height(TITLE_SIZES[0] * page.type)
    points = small * page.type
    pen.add(words(told, left, pen.y, points, "panel-subtitle", color=QUIET))
    status = f"{panel.status} data"  # not the map, which the model makes of them
    if "\n" not in told and text_width(f"{told}  {status}", points, "bold") < width:
        pen.add(words(status, left + width, pen.y, points, "panel-status", **right))
    page.ink(pen)

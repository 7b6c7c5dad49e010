"""What stands beside the map of an atlas page: places to act on, where the page lies, how sure."""

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from matplotlib.colors import to_rgba
from matplotlib.image import AxesImage
from matplotlib.patches import PathPatch, Rectangle
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from manul.config.hints import counted
from manul.grid.fields import Source
from manul.grid.windows import window_of
from manul.maps.base_map import path_of
from manul.maps.page import Pen, Style, line_height, text_width, words
from manul.maps.spec import INK, QUIET
from manul.pages.amounts import gained
from manul.products.confidence import SUPPORTED, SURVEY

CHANCES = ((SUPPORTED, "#1b5e6b"), (1 - SUPPORTED, "#86bd82"), (0.0, "#efeee9"))
DASHED = {"linestyle": (0, (2, 1.5))}
TILE = "#0047b3"
LAND = "#e3e3e1"
Chance = tuple[np.ndarray, tuple]  # tints (rows, columns, 4), and where they lie (m)
NONE = -1  # places told in full: not even the others are listed
INSET_MM = 38  # height of an inset, at most


def places(shown, every: int, number: int, is_part: bool, styles: Mapping, pen: Pen) -> None:
    """The first places on this page: number, what, where, what is gained, how sure, who.

    `shown` are those on the page, of `every` in the unit; of the first `number` all is written, of
    the others what and where, and of none of them where `number` is `NONE`. `styles` say how the
    places of each rule are drawn.
    """
    pen.heading(f"What to do first {'on this sheet' if is_part else 'here'}", 10.5)
    if not len(shown):
        pen.text("No rule holds here." if not every else "None of the first places lies here.", 7.5)
    listed, whole = shown.head(0 if number == NONE else len(shown)), max(number, 0)
    for row in listed.head(whole).itertuples():
        _numbered(row, styles, 4.4, pen)
        pen.text(f"{row.title}, {row.place}", 7.4, 6.2 * pen.type, weight="bold", gid="place")
        told = filter(
            None, [gained(row._asdict(), "km² of full quality "), _sure(row), row.agency, row.dms]
        )
        pen.text(". ".join(told) + ".", 6.8, 6.2 * pen.type, gid="place-words")
        pen.gap(0.8)
    for row in listed.iloc[whole:].itertuples():
        _numbered(row, styles, 3.2, pen)
        pen.text(f"{row.title}, {row.place}", 6.8, 6.2 * pen.type, gid="place")
        pen.gap(0.8)
    rest = every - len(listed)
    if rest:
        more = f"and {counted(rest, 'more place')} of the unit: see actions.xlsx"
        pen.text(more, 6.8, color=QUIET)
    pen.gap(2.5)


def _numbered(row, styles, side: float, pen: Pen) -> None:
    """The number of a place in a square of a side (mm) that looks as it does on the map."""
    side *= pen.type
    sign = look(row, styles)
    pen.add(Rectangle((pen.left, pen.y + 0.3), side, side, gid="place-sign", **sign))
    middle: Style = {"ha": "center", "va": "center_baseline", "weight": "bold"}
    x, y = pen.left + side / 2, pen.y + 0.3 + side / 2
    pen.add(words(str(row.number), x, y, 1.8 * side, "place-number", **middle))


def look(row, styles: Mapping) -> dict:
    """How a place is drawn: in the style of its rule, dashed where a survey comes first."""
    return styles[row.rule] | (DASHED if row.verdict == SURVEY else {})


def chance_of(source: Source, grid: GeoBox, shape) -> Chance:
    """The chance of key habitat over a unit in three tints, at the size of an inset."""
    left, bottom, right, top = shape.bounds
    values, cells = window_of(source, grid, shape.bounds, max(right - left, top - bottom) / 250)
    tints = np.zeros((*values.shape, 4), "float32")
    inside = geometry_mask([shape], values.shape, cells.affine, invert=True)
    for least, colour in reversed(CHANCES):
        tints[inside & (values >= least)] = to_rgba(colour)
    return tints, tuple(cells.boundingbox)


def insets(shape, chance: Chance | None, every: Sequence, this: str, pen: Pen) -> None:
    """Where the page lies in its unit, and how sure key habitat is there.

    `every` are the tiles of the unit, `this` the name of the page's; without `chance` the second
    picture is a sentence.
    """
    left, bottom, right, top = shapely.total_bounds(
        [shape, *(shapely.box(*t.window) for t in every)]
    )
    gap = 3.0
    width = (pen.width - gap) / 2
    scale = max((right - left) / width, (top - bottom) / (INSET_MM * pen.type))
    start, below = pen.y, pen.y + line_height(7.5 * pen.type)
    titles = ["This sheet in its unit", *(["How sure: key habitat"] if chance else [])]
    for i, title in enumerate(titles):
        own = pen.within(pen.left + i * (width + gap), start, width)
        own.text(title, 7.5, weight="bold")
        x = own.left + (width - (right - left) / scale) / 2

        def paper(xy, x=x):
            across, down = (xy[:, 0] - left) / scale, (top - xy[:, 1]) / scale
            return np.column_stack([x + across, below + down])

        if i and chance:
            own.add(_picture(chance, paper, pen))
        outline = shapely.transform(shapely.simplify(shape, scale / 5), paper)
        own.add(*_patches(outline, "none" if i else LAND, INK, 0.6, "inset"))
        for tile in every if not i else ():
            box = shapely.transform(shapely.box(*tile.window), paper)
            here = tile.name == this
            own.add(*_patches(box, "none", TILE, 2.0 if here else 0.5, "inset-tile"))
            middle: Style = {"ha": "center", "va": "center", "color": TILE}
            weight = "bold" if here else "normal"
            x0, y0 = shapely.get_coordinates(box.centroid)[0]
            own.add(words(tile.name, x0, y0, 6 * pen.type, "inset-name", weight=weight, **middle))
        pen.add(*own.written)
    pen.y = below + (top - bottom) / scale + 1.5
    if chance:
        _chance_key(pen)
    else:
        pen.text("How sure this is was not assessed: one run, no draws.", 6.8, gid="chance-key")
    pen.gap(2.5)


def zone(name: str, pen: Pen) -> None:
    """What the blue lines are, and that the outline is no boundary in law."""
    pen.y -= 3 * pen.type
    told = f"Blue grid: UTM zone {name} (WGS 84), in km. The outline is not a legal boundary."
    pen.text(told, 6.8, color="#2a5fa8", gid="utm")
    pen.gap(3)


# ------------------------------------------------------------------------------------- helpers


def _sure(row) -> str:
    verdict = {"issue": "act", "": "how sure was not assessed"}.get(row.verdict, row.verdict)
    return verdict + ("" if np.isnan(row.confidence) else f", {row.confidence:.0%} of the draws")


def _picture(chance, paper, pen) -> AxesImage:
    tints, (left, bottom, right, top) = chance
    (x0, y0), (x1, y1) = paper(np.array([[left, top], [right, bottom]]))
    image = AxesImage(pen.paper, extent=(x0, x1, y1, y0), interpolation="nearest", origin="upper")
    image.set_data(tints)
    return image


def _chance_key(pen: Pen) -> None:
    likely, doubt = (f"{100 * share:.0f}" for share in (SUPPORTED, 1 - SUPPORTED))
    told = (f"{likely} % of the draws or more", f"{doubt} to {likely} %: survey first", "less")
    x, points = pen.left, 6.6 * pen.type
    for (_, colour), text in zip(CHANCES, told, strict=True):
        side = 2.6 * pen.type
        box = Rectangle((x, pen.y + 0.3), side, side * 0.8, facecolor=colour, edgecolor=INK, lw=0.3)
        pen.add(box, words(text, x + 1.3 * side, pen.y, points, "chance-key"))
        x += 1.3 * side + text_width(text, points) + 2.2
    pen.y += line_height(points) + 0.8


def _patches(shape, fill, edge, width, gid) -> list[PathPatch]:
    return [
        PathPatch(path_of(part), facecolor=fill, edgecolor=edge, lw=width, gid=gid)
        for part in shapely.get_parts(shape)
        if part.geom_type == "Polygon"
    ]

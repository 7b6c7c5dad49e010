"""Sheets of one unit at true scale: what to do first there, on as many pages as the scale needs.

A unit that does not fit on one page is cut into tiles with names (A1, B1 ...), and an index page
stands before them. Rasters are read by the window of a page and key habitat by that of a unit: of
the region only the base map and the actions are held.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from odc.geo.geobox import GeoBox

from manul.grid import vectors
from manul.grid.windows import window_of
from manul.maps import atlas_column as beside
from manul.maps import base_map as ground
from manul.maps import layouts, relief
from manul.maps import side_column as column
from manul.maps.furniture import Frame, draw_graticule, draw_utm, metric, round_up
from manul.maps.labels import Labels, draw_labels
from manul.maps.page import Box, Entry, Page, Style, words
from manul.maps.sheets import KEY_STYLES, Scenario, rule_style
from manul.maps.spec import INK, QUIET, Overlay, Scale
from manul.pages.amounts import percent
from manul.products.actions import foremost
from manul.products.units import WHOLE

SCALES = (250_000, 500_000, 1_000_000)
MOST_TILES = 4  # of a unit, before the next smaller scale is taken
OVERLAP = 0.04  # of a tile, at least, that the next one shows again
AROUND = 0.03  # of a unit's extent, shown on each side of it
COLUMN = 1.22  # times as wide as beside other sheets
LISTED = (8, 7, 6, 5, 4, 3, 2, 1, 0, beside.NONE)  # places told in full: as many as have room
REST = {"facecolor": "none", "edgecolor": QUIET, "linewidth": 0.5}
OUTLINE = {"color": INK, "linewidth": 1.8}


@dataclass(frozen=True)
class Unit:
    """A place that gets sheets: what of its polygon (in the map's CRS) lies on the grid.

    `actions` are those that are shown, with `number`, `every` is how many there are;
    `overlays` what is drawn of key habitat and of places, `entries` the lines of the legend;
    `styles` say how places are drawn, by rule, `limits` what the sheets do not show.
    """

    name: str
    shape: shapely.Geometry
    actions: gpd.GeoDataFrame
    every: int
    overlays: Sequence[Overlay]
    entries: Sequence[Entry]
    styles: Mapping[str, Mapping]
    limits: Sequence[str] = ()


@dataclass(frozen=True)
class Tile:
    """A page's window on the ground: its name, and (left, bottom, right, top) in metres."""

    name: str
    window: tuple[float, float, float, float]


def sheets(
    s: Scenario, unit: Unit, paper: str = "A3", scale: int | None = None
) -> tuple[Iterator[Figure], int]:
    """The pages of a unit, drawn one by one, and their scale (the 500000 of 1:500 000).

    Without `scale` the largest of `SCALES` is taken that needs at most `MOST_TILES` pages, or else
    the smallest. More than one page is preceded by an index page at a round scale.
    """
    behind = [name for name in ("habitat", "p_key") if s.maps.get(name)]
    sheet = s.sheet(f"{unit.name}: what to do first", *behind, "actions", "key_habitat")
    sheet = replace(sheet, page=paper)
    _, room, _ = layouts.open_page(sheet, _is_upright(unit.shape), COLUMN)
    scale = scale or next(
        (one for one in SCALES if len(tiles(unit.shape, room, one)) <= MOST_TILES), SCALES[-1]
    )
    found = tiles(unit.shape, room, scale)
    chance = beside.chance_of(s.maps["p_key"], s.grid, unit.shape) if "p_key" in behind else None
    page = partial(_page, s, sheet, unit, chance)
    if len(found) == 1:
        return iter([page(found[0], [], scale)]), scale
    window, whole = _whole(unit.shape, room)
    every = [(Tile("", window), whole), *((tile, scale) for tile in found)]
    return (page(tile, found, of) for tile, of in every), scale


def tiles(shape, room: Box, scale: float) -> list[Tile]:
    """The windows of pages with so much room (mm) that show a polygon at 1:scale, by rows.

    They lie around its middle, overlap a little, and only those with a part of it are kept.
    """
    wide, high = room[2] * scale / 1000, room[3] * scale / 1000
    left, bottom, right, top = shape.bounds
    wests = _starts(left, right, wide)
    souths = _starts(bottom, top, high)[::-1]
    shapely.prepare(shape)
    found = []
    for row, south in enumerate(souths, 1):
        for place, west in enumerate(wests):
            window = (west, south, west + wide, south + high)
            if shape.intersects(shapely.box(*window)):
                found.append(Tile(f"{_letters(place)}{row}", window))
    return found


def units(
    table: gpd.GeoDataFrame, actions: gpd.GeoDataFrame, key: Callable, grid: GeoBox,
    named: bool = False,
) -> Iterator[Unit]:  # fmt: skip
    """A unit for each name of a table of polygons, so far as it lies on the grid, one by one.

    An action belongs to a unit if half of it lies there, or fills a fifth of it, or, where it is
    `named`, to that of its column `unit`, as in briefs; `key(bounds)` gives the layers of key
    habitat within some bounds.
    """
    there = table[table["name"].notna()]
    there = there.assign(geometry=shapely.make_valid(there.geometry.to_numpy()))
    region = shapely.box(*grid.boundingbox)
    for name, of in there.groupby("name", sort=True):
        whole = shapely.union_all(of.geometry.to_numpy())
        shape = shapely.intersection(whole, region)
        if not shape.area:
            continue
        if named:
            mine = actions[actions["unit"] == name]
        else:
            mine = actions[actions.intersects(shape)] if len(actions) else actions
            mine = mine[np.array([_mostly(part, shape) for part in mine.geometry], bool)]
        first = foremost(mine)
        first = first.assign(number=np.arange(1, len(first) + 1))
        left, bottom, right, top = shape.bounds
        reach = max(right - left, top - bottom) / 2
        near = (left - reach, bottom - reach, right + reach, top + reach)
        styles = {
            rule: rule_style(place, of) | {"hatch": None, "linewidth": 1.6}
            for place, (rule, of) in enumerate(first.groupby("rule", sort=True))
        }
        under = _overlays(key(near), mine.drop(first.index))
        entries = [
            layouts.overlay_entry(replace(o, features=_within(o.features, shape))) for o in under
        ]
        overlays = [*under, *_numbered(first, styles)]
        part = shape.area / whole.area
        limits = [f"Only {percent(part)} of {name} lies in the region"] if part < WHOLE else []
        told = overlays, entries, styles, limits
        yield Unit(str(name), shape, first, len(mine), *told)


def key_habitat(path, bounds) -> dict[str, gpd.GeoDataFrame]:
    """The layers of key habitat that sheets show, within some bounds (m)."""
    return vectors.read_layers(path, [name for name, _, _ in KEY_STYLES], bbox=bounds)


def file_names(table: gpd.GeoDataFrame) -> dict[str, str]:
    """What the files of each unit are called: its name without signs that files cannot bear."""
    names: dict[str, str] = {}
    for unit in sorted(table["name"].dropna().astype(str).unique()):
        name = re.sub(r"\W+", "_", unit).strip("_") or "unit"
        taken = [re.sub(r"-\d+$", "", other).casefold() for other in names.values()]
        again = taken.count(name.casefold())
        names[unit] = f"{name}-{again + 1}" if again else name
    return names


# ------------------------------------------------------------------------------------- helpers


def _page(s, sheet, unit, chance, tile: Tile, every: Sequence[Tile], scale) -> Figure:
    """One page: the map of a tile, and beside it what stands there."""
    told = f"{sheet.subtitle} · 1 : {scale:,.0f}".replace(",", " ")
    if every:
        told += f" · sheet {tile.name} of {len(every)}" if tile.name else " · index of sheets"
    page, body, low = layouts.open_page(
        replace(sheet, subtitle=told), _is_upright(unit.shape), COLUMN
    )
    frame = _frame(page, body, tile.window, s.grid)
    values, cells = window_of(
        s.maps["habitat"], s.grid, tile.window, frame.metres_per_mm / ground.PIXELS_PER_MM
    )
    quiet = Scale("Habitat", palette="quiet")
    if cells.shape[0]:
        ground.draw_values(frame, cells, values, *column.colouring(quiet))
        if s.context.relief:
            fine = _finer(cells, frame)
            ground.draw_relief(frame, fine, relief.shade(s.context.relief, fine))
    for place, overlay in enumerate(unit.overlays):
        ground.draw_features(frame, overlay.features, overlay.style, place)
    _veil_around(frame, unit.shape)
    ground.draw_context(frame, s.context)
    if every and not tile.name:
        _draw_index(frame, every)
    draw_graticule(frame, 7 * page.type)
    zone = draw_utm(frame, 5.4 * page.type)
    shown = unit.actions[unit.actions.intersects(shapely.box(*tile.window))]
    labels = _badges(frame, shown, page)
    draw_labels(frame, s.context, page.type, layouts.TOWNS[page.size], labels)
    left = page.width - page.margin - page.column
    write = partial(column.write_column, page, left, frame.box[1], low)
    blocks = partial(_blocks, s, page, frame, unit, chance, sheet, tile, every, shown, zone)
    _as_many_as_fit(write, blocks)
    return page.figure


def _as_many_as_fit(write, blocks) -> None:
    """Write the column with as many places as it has room for."""
    for number in LISTED:
        try:
            return write(blocks(number))
        except ValueError:
            if number == LISTED[-1]:
                raise


def _blocks(s, page, frame, unit, chance, sheet, tile, every, shown, zone, number) -> list:
    """What stands beside the map, with so many places."""
    note = f"Figures: how many, and their area or length, in {unit.name}."
    limits = (*unit.limits, *sheet.limitations)
    return [
        column.notice(sheet),
        partial(beside.places, shown, unit.every, number, bool(every and tile.name), unit.styles),
        column.list_legend("What is drawn", unit.entries, note),
        partial(beside.insets, unit.shape, chance, every, tile.name),
        column.map_key(s.context),
        column.measure(frame, page),
        partial(beside.zone, zone),
        column.limitations(replace(sheet, limitations=limits)),
    ]


def _is_upright(shape) -> bool:
    left, bottom, right, top = shape.bounds
    return top - bottom > right - left


def _starts(low, high, room) -> np.ndarray:
    """Where windows begin that cover a length with a little around it, and as little else."""
    wanted = (high - low) * (1 + 2 * AROUND)
    number = 1 if wanted <= room else 1 + ceil((wanted - room) / (room * (1 - OVERLAP)) - 1e-9)
    middle = (low + high) / 2
    if number == 1:
        return np.array([middle - room / 2])
    return np.linspace(middle - wanted / 2, middle + wanted / 2 - room, number)


def _letters(place: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    before, last = divmod(place, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def _whole(shape, room):
    """The window that shows all of a unit, and its scale."""
    left, bottom, right, top = shape.bounds
    wide, high = (right - left) * (1 + 2 * AROUND), (top - bottom) * (1 + 2 * AROUND)
    scale = round_up(max(wide / room[2], high / room[3]) * 1000)
    x, y = (left + right) / 2, (bottom + top) / 2
    half_x, half_y = room[2] * scale / 2000, room[3] * scale / 2000
    return (x - half_x, y - half_y, x + half_x, y + half_y), scale


def _frame(page: Page, body: Box, window, grid: GeoBox) -> Frame:
    """Axes over the whole room; nothing of the base map is drawn where there are no data."""
    left, bottom, right, top = window
    axes = page.axes(body, "map")
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], autoscale_on=False)
    axes.set_facecolor(ground.PAPER)
    box = grid.boundingbox
    within = (
        max(left, box.left),
        max(bottom, box.bottom),
        min(right, box.right),
        min(top, box.top),
    )
    return Frame(axes, body, (left, right, bottom, top), within, metric(grid.crs.proj))


def _finer(cells: GeoBox, frame) -> GeoBox:
    """The grid of the relief: the same ground at the size that can be printed."""
    pixel = frame.metres_per_mm / (ground.PIXELS_PER_MM / 2)
    factor = max(1.0, abs(cells.resolution.x) / pixel)
    height, width = (int(side * factor) for side in cells.shape)
    scaled = cells.affine @ Affine.scale(cells.shape[1] / width, cells.shape[0] / height)
    return GeoBox((height, width), scaled, cells.crs)


def _veil_around(frame, shape) -> None:
    """Paper over what is not the unit, thin enough to see through, and its outline."""
    left, right, bottom, top = frame.extent
    outside = shapely.difference(shapely.box(left, bottom, right, top), shape)
    veil = {"facecolor": ground.PAPER, "alpha": 0.55, "edgecolor": "none"}
    ground.draw_areas(frame, np.array([outside]), veil, 3.9, "around")
    inside = shapely.intersection(shapely.boundary(shape), shapely.box(left, bottom, right, top))
    ground.draw_lines(frame, np.array([inside]), OUTLINE, 4.55, "unit")


def _draw_index(frame, every: Sequence[Tile]) -> None:
    for tile in every:
        left, bottom, right, top = tile.window
        look: Style = {"facecolor": "none", "edgecolor": beside.TILE, "lw": 1.0, "zorder": 6.5}
        box = Rectangle((left, bottom), right - left, top - bottom, gid="tile", **look)
        frame.axes.add_patch(box)
        style: Style = {"ha": "center", "va": "center", "color": beside.TILE, "weight": "bold"}
        style |= {"zorder": 6.6, "alpha": 0.6, "clip_on": True}
        x, y = (left + right) / 2, (bottom + top) / 2
        frame.axes.add_artist(words(tile.name, x, y, 22, "tile-name", **style))


def _badges(frame, shown, page) -> Labels:
    """Numbers on the places."""
    labels, radius = Labels(frame, page.type), 2.1 * page.type
    here, metres = shapely.box(*frame.ground), frame.metres_per_mm
    for row in shown.itertuples():
        part = shapely.intersection(row.geometry, here)
        if part.is_empty:
            continue
        point = shapely.point_on_surface(part)
        x, y = frame.to_paper(point.x, point.y)
        x, y = frame.to_ground(*labels.free_near(x, y, 2 * radius))
        look: Style = {"facecolor": "white", "edgecolor": INK, "lw": 0.9, "zorder": 9}
        frame.axes.add_patch(Circle((x, y), radius * metres, gid="badge", **look))
        style: Style = {"ha": "center", "va": "center_baseline", "weight": "bold", "zorder": 9.1}
        frame.axes.add_artist(words(str(row.number), x, y, 7 * page.type, "badge", **style))
    return labels


def _mostly(part, shape) -> bool:
    """Does a place lie in a unit: half of it, or so much that it fills a fifth of the unit?"""
    if not part.area:
        return bool(shapely.length(shapely.intersection(part, shape)) >= part.length / 2)
    there = shapely.area(shapely.intersection(part, shape))
    return bool(there >= min(part.area / 2, shape.area / 5))


def _within(features, shape) -> gpd.GeoDataFrame:
    """What of the features lies in a unit."""
    there = features[features.intersects(shape)]
    return there.set_geometry(shapely.intersection(there.geometry.to_numpy(), shape))


def _overlays(key, rest) -> list[Overlay]:
    """Key habitat, and the places that have no number."""
    drawn = [
        Overlay(key[name], label, style)
        for name, label, style in KEY_STYLES
        if name in key and len(key[name])
    ]
    return [*drawn, *([Overlay(rest, "Places without a number", REST)] if len(rest) else [])]


def _numbered(first, styles) -> list[Overlay]:
    """The places that have a number: those that a survey comes first to are dashed."""
    return [
        Overlay(first.iloc[[i]], str(row.number), beside.look(row, styles))
        for i, row in enumerate(first.itertuples())
    ]

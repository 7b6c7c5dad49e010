"""What lies in the frame: the raster, thinned to what can be printed, and the base map over it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeGuard

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib import colors, patheffects
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from manul.maps.furniture import Frame, metric, round_up
from manul.maps.page import MM_PER_POINT, Box, Page, Style, words
from manul.maps.spec import NODATA_FILL, NODATA_HATCH, QUIET, Context

LONGEST = 4  # a frame is at most so many times longer than wide
DOT_POINTS = 2.6
SMALL_MM = 0.35  # what is smaller on paper gets a sign as well
PIXELS_PER_MM = 8  # 200 dots per inch: finer cells cannot be seen on paper
LINE_STYLES = {
    "rivers": {"color": "#4f86ab", "linewidth": 0.6},
    "provinces": {"color": "#6d6a75", "linewidth": 0.55},
    "roads": {"color": "#8a6f52", "linewidth": 0.7},
    "railways": {"color": "#2b2b2b", "linewidth": 0.9, "linestyle": (0, (5, 1.6))},
    "protected_areas": {"color": "#1c6b3c", "linewidth": 1.0, "linestyle": (0, (2, 1))},
    "borders": {"color": "#3a2b4d", "linewidth": 1.5, "linestyle": (0, (7, 2, 1.5, 2))},
}
LAKE_STYLE = {"facecolor": "#c3dff0", "edgecolor": "#4f86ab", "linewidth": 0.6}
MINE_STYLE: Style = {
    "facecolor": "#1d2328", "edgecolor": "white", "marker": "X", "markersize": 5.5,
    "linewidth": 0.6,
}  # fmt: skip
NODATA_STYLE: Style = {
    "facecolor": NODATA_FILL,
    "edgecolor": NODATA_HATCH,
    "hatch": "////",
    "linewidth": 0,
}
TEXT_HALO = [patheffects.withStroke(linewidth=3, foreground="white", alpha=0.8)]
PAPER = "#fcfcfb"
EDGE: Style = {"edgecolor": "#59626a", "linewidth": 0.6}  # where the region ends


def open_frame(page: Page, box: Box, geobox: GeoBox, label: str = "map") -> Frame:
    """Axes within the box at a round scale; they end where the raster ends, if it is not a ribbon.

    The frame stands at the top of the box, in the middle of its width.
    """
    crs = metric(geobox.crs.proj)
    left, bottom, right, top = ground = tuple(geobox.boundingbox)
    wide, high = right - left, top - bottom
    denominator = round_up(max(wide * 1000 / box[2], high * 1000 / box[3]))
    scale = denominator / 1000  # metres on the ground for a mm on paper
    width = min(max(wide, high / LONGEST) / scale, box[2])
    height = min(max(high, wide / LONGEST) / scale, box[3])
    x, y = (left + right) / 2, (bottom + top) / 2
    half_x, half_y = width * scale / 2, height * scale / 2
    extent = (x - half_x, x + half_x, y - half_y, y + half_y)
    box = (box[0] + (box[2] - width) / 2, box[1], width, height)
    axes = page.axes(box, label)
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], autoscale_on=False)
    axes.set_facecolor(PAPER)
    return Frame(axes, box, extent, ground, crs)


def draw_values(frame: Frame, geobox: GeoBox, values, cmap, norm) -> None:
    """Colour a raster; cells finer than the printer's dots are averaged over the known ones."""
    array = _checked(values, geobox).astype(np.float32, copy=False)
    _draw(frame, geobox, array, block_mean, cmap, norm)


def draw_codes(
    frame: Frame, geobox: GeoBox, values, codes: Sequence[int], tints: Sequence[str]
) -> None:
    """Colour classes; cells finer than the printer's dots are sampled: a class has no mean.

    Cells whose code is not among `codes` are drawn as unknown.
    """
    norm = colors.BoundaryNorm(np.arange(len(codes) + 1) - 0.5, len(codes))
    cmap = colors.ListedColormap(list(tints))
    _draw(frame, geobox, _checked(values, geobox), partial(_sample_ranks, codes), cmap, norm)


def in_region(values: np.ndarray, geobox: GeoBox, region: gpd.GeoDataFrame | None) -> np.ndarray:
    """The cells that count, as a flat array: those whose centre lies in the region."""
    if region is None or region.empty:
        return values.ravel()
    return values[geometry_mask(region.geometry, geobox.shape, geobox.transform, invert=True)]


def block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """Mean of the known cells of each factor x factor block; the last ones may be part blocks."""
    rows, columns = (-(-n // factor) for n in values.shape)
    total, count = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.uint16)
    for i in range(min(factor, values.shape[0])):
        for j in range(min(factor, values.shape[1])):
            part = values[i::factor, j::factor]
            known = np.isfinite(part)
            total[: part.shape[0], : part.shape[1]] += np.where(known, part, 0)
            count[: part.shape[0], : part.shape[1]] += known
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def block_sample(values: np.ndarray, factor: int) -> np.ndarray:
    """The middle cell of each factor x factor block."""
    rows, columns = (np.minimum(np.arange(0, n, factor) + factor // 2, n - 1) for n in values.shape)
    return values[np.ix_(rows, columns)]


def draw_context(frame: Frame, context: Context) -> None:
    """Lakes under, borders over; each layer must be in the frame's CRS."""
    if present(context.region):
        _veil_outside(frame, context.region)
    if present(context.lakes):
        draw_areas(frame, _visible(frame, context.lakes, "lakes"), LAKE_STYLE, 2, "lakes")
    for order, (name, style) in enumerate(LINE_STYLES.items()):
        layer = getattr(context, name)
        if present(layer):
            shapes = outlines(_visible(frame, layer, name))
            draw_lines(frame, shapes, dict(style), 4 + order / 10, name)
    if present(context.mines):
        require_crs(context.mines, frame, "mines")
        middles = shapely.point_on_surface(context.mines.geometry.to_numpy())
        here = shapely.intersects(middles, shapely.box(*frame.ground))
        _draw_points(frame, middles[here], MINE_STYLE, 5, "mines")


def draw_relief(frame: Frame, geobox: GeoBox, ink: np.ndarray) -> None:
    """Darken slopes in the shade; `ink` is what `relief.shade` gives on this grid."""
    picture = np.zeros((*ink.shape, 4), "float32")
    picture[..., 3] = ink
    box = geobox.boundingbox
    frame.axes.imshow(
        picture, extent=(box.left, box.right, box.bottom, box.top), aspect="auto",
        interpolation="none", zorder=1.15, gid="relief",
    )  # fmt: skip


def draw_features(frame: Frame, features: gpd.GeoDataFrame, style: Mapping, place: int) -> None:
    """Areas go under the base map's lines, lines and points over them; a later place is higher."""
    shapes = _visible(frame, features, "overlay")
    kinds = shapely.get_dimensions(shapes)
    for dimension, draw, order in (
        (2, draw_areas, 3),
        (1, draw_lines, 4.6),
        (0, _draw_points, 4.8),
    ):
        if (kinds == dimension).any():
            draw(frame, shapes[kinds == dimension], dict(style), order + place / 1000, "overlay")
    whole = features.geometry.to_numpy()
    _mark_small(frame, whole[shapely.get_dimensions(whole) > 0], style, 4.7 + place / 1000)


def _mark_small(frame: Frame, shapes: np.ndarray, style: Mapping, order: float) -> None:
    """A dot where an area or a line is too small to be seen; one for all within `SMALL_MM`."""
    box = shapely.bounds(shapes)
    limit = SMALL_MM * frame.metres_per_mm
    small = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) < limit
    if small.any():
        places = np.column_stack([box[small, 0] + box[small, 2], box[small, 1] + box[small, 3]]) / 2
        _, first = np.unique(np.round(places / limit), axis=0, return_index=True)
        colours = (style.get(key) for key in ("color", "facecolor", "edgecolor"))
        colour = next(c for c in (*colours, QUIET) if c not in (None, "none"))
        dots = {"facecolor": colour, "edgecolor": colour, "markersize": DOT_POINTS}
        _draw_points(frame, shapely.points(places[np.sort(first)]), dots, order, "small")


def draw_areas(frame: Frame, shapes: np.ndarray, style: Mapping, order: float, gid: str) -> None:
    """Fill polygons; holes stay open."""
    paths = [path_of(p) for p in shapely.get_parts(shapes) if p.geom_type == "Polygon"]
    area_words = {k: v for k, v in style.items() if not k.startswith("marker")}
    frame.axes.add_collection(PathCollection(paths, zorder=order, gid=gid, **area_words))


def draw_lines(frame: Frame, shapes: np.ndarray, style: Mapping, order: float, gid: str) -> None:
    """Draw lines on an unbroken white casing, so that they show on dark ground."""
    coordinates = [shapely.get_coordinates(part) for part in shapely.get_parts(shapes)]
    own = line_words(style)
    casing = {"color": "white", "alpha": 0.65, "linewidth": own.get("linewidth", 1.5) + 1.1}
    for zorder, look, name in ((order - 0.001, casing, "casing"), (order, own, gid)):
        frame.axes.add_collection(LineCollection(coordinates, zorder=zorder, gid=name, **look))


def line_words(style: Mapping) -> dict:
    """What of a style a line can wear; the edge colour is the line's colour."""
    colour = style.get("color", style.get("edgecolor", "black"))
    kept = {k: v for k, v in style.items() if k in ("linewidth", "linestyle", "alpha")}
    return {"color": colour} | kept


def point_words(style: Mapping) -> dict:
    """What of a style a point can wear."""
    fill = style.get("facecolor", style.get("color", "white"))
    edge = style.get("edgecolor", "black")
    marks = {"marker": style.get("marker", "o"), "markersize": style.get("markersize", 5)}
    return marks | {"markerfacecolor": fill, "markeredgecolor": edge, "linestyle": ""}


def present(layer: gpd.GeoDataFrame | None) -> TypeGuard[gpd.GeoDataFrame]:
    return layer is not None and len(layer) > 0


def people(settlements: gpd.GeoDataFrame) -> np.ndarray:
    """Persons in each place; NaN where the layer does not tell, or not as a number."""
    if "population" not in settlements:
        return np.full(len(settlements), np.nan)
    return pd.to_numeric(settlements["population"], errors="coerce").to_numpy(float)


def require_crs(layer: gpd.GeoDataFrame, frame: Frame, name: str) -> None:
    """A layer in another CRS would be drawn in the wrong place, so it is an error."""
    if layer.crs is None or not layer.crs.equals(frame.crs, ignore_axis_order=True):
        found = "none" if layer.crs is None else layer.crs.name
        raise ValueError(f"{name}: CRS must be the map's ({frame.crs.name}), found {found}")


def outlines(shapes: np.ndarray) -> np.ndarray:
    """Lines as they are; polygons become their rings."""
    polygons = shapely.get_dimensions(shapes) == 2
    return np.concatenate([shapes[~polygons], shapely.boundary(shapes[polygons])])


def _checked(values, geobox: GeoBox) -> np.ndarray:
    if values.shape != tuple(geobox.shape):
        raise ValueError(f"raster of {values.shape} cells on a grid of {tuple(geobox.shape)}")
    turned = geobox.transform.e > 0 or not geobox.axis_aligned
    if turned:
        raise ValueError("a map sheet needs a grid with north up and rows along the x axis")
    return values


def _draw(frame: Frame, geobox: GeoBox, array, thin: Callable, cmap, norm) -> None:
    """Hatch the whole ground of the raster, then lay the known cells over it."""
    ground, cell = geobox.boundingbox, geobox.resolution.map(abs)
    width, height = ground.right - ground.left, ground.top - ground.bottom
    corner = (ground.left, ground.bottom)
    axes = frame.axes
    axes.add_patch(Rectangle(corner, width, height, gid="nodata", zorder=1, **NODATA_STYLE))
    axes.add_patch(
        Rectangle(corner, width, height, facecolor="none", zorder=1.2, gid="raster-edge", **EDGE)
    )
    factor = max(1, int(frame.metres_per_mm / PIXELS_PER_MM / max(cell.xy)))
    cells = thin(array, factor)
    # The last blocks may be part blocks and reach beyond the raster.
    down, across = cells.shape[0] * factor * cell.y, cells.shape[1] * factor * cell.x
    extent = (ground.left, ground.left + across, ground.top - down, ground.top)
    image = axes.imshow(
        np.ma.masked_invalid(cells), extent=extent, cmap=cmap, norm=norm, aspect="auto",
        interpolation="nearest", zorder=1.1, gid="raster",
    )  # fmt: skip
    image.set_clip_path(Rectangle(corner, width, height, transform=axes.transData))
    if not np.isfinite(cells).any():
        _write_no_data(frame)


def _sample_ranks(codes: Sequence[int], values: np.ndarray, factor: int) -> np.ndarray:
    """Place of each sampled code in `codes`; NaN where it has none."""
    cells = block_sample(values, factor)
    ranks = np.full(cells.shape, np.nan, np.float32)
    for rank, code in enumerate(codes):
        ranks[cells == code] = rank
    return ranks


def _write_no_data(frame: Frame) -> None:
    points = min(40, frame.box[2] / 8 / MM_PER_POINT)
    style: Style = {"ha": "center", "va": "center", "color": QUIET, "weight": "bold", "zorder": 8}
    text = words("no data", *frame.centre, points, "no-data", path_effects=TEXT_HALO, **style)
    frame.axes.add_artist(text)


def _visible(frame: Frame, layer: gpd.GeoDataFrame, name: str) -> np.ndarray:
    """What of the layer lies where there are data, without detail finer than 0.05 mm."""
    require_crs(layer, frame, name)
    window = frame.ground
    shapes = layer.geometry.to_numpy()
    near = shapely.intersects(shapes, shapely.box(*window))
    clipped = shapely.clip_by_rect(shapely.make_valid(shapes[near]), *window)
    parts = shapely.get_parts(shapely.get_parts(clipped))  # a collection may hold multi-shapes
    return shapely.simplify(parts, frame.metres_per_mm / 20)


def _veil_outside(frame: Frame, region: gpd.GeoDataFrame) -> None:
    """Paper white over all that is not the region, and a fine line around it."""
    require_crs(region, frame, "region")
    left, right, bottom, top = frame.extent
    inside = shapely.union_all(region.geometry.to_numpy())
    outside = shapely.difference(shapely.box(left, bottom, right, top), inside)
    style = {"facecolor": PAPER} | EDGE
    draw_areas(frame, np.array([outside]), style, 1.9, "outside")


def path_of(polygon) -> Path:
    """A polygon with its holes as matplotlib draws it."""
    rings = [polygon.exterior, *polygon.interiors]
    turned = (shapely.get_coordinates(shapely.orient_polygons(shapely.Polygon(r))) for r in rings)
    # Holes must run the other way round, since the renderer fills by winding number.
    paths = [Path(ring if i == 0 else ring[::-1], closed=True) for i, ring in enumerate(turned)]
    return Path.make_compound_path(*paths)


def _draw_points(frame: Frame, shapes: np.ndarray, style: Mapping, order: float, gid: str) -> None:
    x, y = shapely.get_coordinates(shapes).T
    frame.axes.add_line(Line2D(x, y, zorder=order, gid=gid, **point_words(style)))


def area_symbol(style: Mapping) -> Callable[..., list[Artist]]:
    """A filled box for a legend."""
    kept = {k: v for k, v in style.items() if not k.startswith("marker")}
    return partial(_area_symbol, kept)


def line_symbol(style: Mapping) -> Callable[..., list[Artist]]:
    """A short line for a legend."""
    return partial(_line_symbol, line_words(style))


def point_symbol(style: Mapping) -> Callable[..., list[Artist]]:
    """A point for a legend."""
    return partial(_point_symbol, point_words(style))


def _area_symbol(style, x, y, width, height) -> list[Artist]:
    return [Rectangle((x, y), width, height, **style)]


def _line_symbol(style, x, y, width, height) -> list[Artist]:
    return [Line2D([x, x + width], [y + height / 2] * 2, **style)]


def _point_symbol(style, x, y, width, height) -> list[Artist]:
    return [Line2D([x + width / 2], [y + height / 2], **style)]

"""What makes a picture a map: graticule, scale bar, north arrow and the name of the projection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import atan2, ceil, floor, log10

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from pyproj import CRS, Transformer

from manul.grid.crs import transformer
from manul.maps.page import Box, Pen, Style, line_height, words
from manul.maps.spec import INK, QUIET

STEPS_DEGREES = (20, 10, 5, 2, 1, 1 / 2, 1 / 4, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 120, 1 / 360)
UTM_MM, UTM_COLOUR = 70, "#2a5fa8"  # at most so far apart on paper
ENDS = {"lon": {"bottom", "top"}, "lat": {"left", "right"}}
SIDES = {"left": (0, 0), "right": (0, 1), "bottom": (1, 2), "top": (1, 3)}  # axis, place in extent


@dataclass(frozen=True)
class Frame:
    """The window of the map: where it stands on the paper, and which ground it shows.

    `ground` is where there are data: nothing else of the base map is drawn beyond it.
    """

    axes: Axes
    box: Box
    extent: tuple[float, float, float, float]  # left, right, bottom, top in metres
    ground: tuple[float, float, float, float]  # left, bottom, right, top in metres
    crs: CRS

    @property
    def metres_per_mm(self) -> float:
        return (self.extent[1] - self.extent[0]) / self.box[2]

    @property
    def denominator(self) -> float:
        """The 1000000 of 1 : 1 000 000."""
        return self.metres_per_mm * 1000

    @property
    def centre(self) -> tuple[float, float]:
        left, right, bottom, top = self.extent
        return (left + right) / 2, (bottom + top) / 2

    def to_paper(self, x: float, y: float) -> tuple[float, float]:
        """Ground (m) to paper (mm)."""
        left, top, _, _ = self.box
        return (
            left + (x - self.extent[0]) / self.metres_per_mm,
            top + (self.extent[3] - y) / self.metres_per_mm,
        )

    def to_ground(self, x: float, y: float) -> tuple[float, float]:
        """Paper (mm) to ground (m)."""
        left, top, _, _ = self.box
        return (
            self.extent[0] + (x - left) * self.metres_per_mm,
            self.extent[3] - (y - top) * self.metres_per_mm,
        )


def metric(crs) -> CRS:
    """The CRS, if its unit is the metre: a scale bar in degrees would be a lie."""
    crs = CRS.from_user_input(crs)
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        raise ValueError(f"a map sheet needs a projected CRS in metres, found {crs.name}")
    return crs


def round_up(value: float, digits: int = 2) -> float:
    """Up to the next number with so many digits, so that a printed scale is true and short."""
    step = 10.0 ** (floor(log10(value)) - digits + 1)
    return ceil(value / step - 1e-9) * step


def round_length(longest: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that does not exceed `longest`."""
    power = 10.0 ** floor(log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))


def draw_graticule(frame: Frame, points: float, sides: Sequence[str] = tuple(SIDES)) -> None:
    """Meridians and parallels as they run in this projection, named on these sides of the frame."""
    lonlat = transformer(frame.crs, 4326)
    left, right, bottom, top = frame.extent
    bounds = lonlat.transform_bounds(left, bottom, right, top, densify_pts=41)
    step = _step(bounds, frame)
    for axis, value, x, y in _lines(bounds, step, lonlat):
        line = Line2D(x, y, color="#3b4a5a", lw=0.4, alpha=0.5, zorder=2.5, gid="graticule")
        frame.axes.add_line(line)
        for side in (s for s in sides if s in ENDS[axis]):  # in one order: the same bytes each run
            _name_line(frame, side, degree_label(value, axis), x, y, points)


def draw_utm(frame: Frame, points: float) -> str:
    """The grid that GPS receivers show: lines of whole km in the UTM zone of the map's middle.

    They are named inside the frame, eastings at its lower and northings at its left edge. Returns
    the name of the zone, as 44N.
    """
    lonlat = transformer(frame.crs, 4326)
    lon, lat = lonlat.transform(*frame.centre)
    zone, north = int((lon + 180) // 6) % 60 + 1, lat >= 0
    utm = transformer(frame.crs, (32600 if north else 32700) + zone)
    left, right, bottom, top = frame.extent
    west, south, east, high = utm.transform_bounds(left, bottom, right, top, densify_pts=21)
    step = round_length(frame.metres_per_mm * UTM_MM)
    eastings, northings = (
        np.arange(ceil(a / step), floor(b / step) + 1) * step
        for a, b in ((west, east), (south, high))
    )
    for axis, values, low, far in (("e", eastings, south, high), ("n", northings, west, east)):
        along = np.linspace(low, far, 101)
        for value in values:
            at = (np.full(101, value), along) if axis == "e" else (along, np.full(101, value))
            x, y = utm.transform(*at, direction="INVERSE")
            line = Line2D(x, y, color=UTM_COLOUR, lw=0.35, alpha=0.55, zorder=5.5, gid="utm-line")
            frame.axes.add_line(line)
            _name_utm(frame, axis, f"{value / 1000:,.0f}".replace(",", " "), x, y, points)
    return f"{zone}{'N' if north else 'S'}"


def _name_utm(frame, axis, label, x, y, points) -> None:
    """Write the km where the line crosses the lower or the left edge."""
    left, right, bottom, top = frame.extent
    across, along, edge = (y, x, bottom) if axis == "e" else (x, y, left)
    low, high = (left, right) if axis == "e" else (bottom, top)
    order = np.argsort(across)
    if not across.min() <= edge <= across.max():
        return
    where = float(np.interp(edge, across[order], along[order]))
    if not low + 0.04 * (high - low) < where < high - 0.04 * (high - low):
        return
    off = 0.8 * frame.metres_per_mm
    at = (where + off, bottom + off) if axis == "e" else (left + off, where + off)
    halo = [patheffects.withStroke(linewidth=1.6, foreground="white", alpha=0.9)]
    style: Style = {"color": UTM_COLOUR, "va": "bottom", "zorder": 7.5, "path_effects": halo}
    frame.axes.add_artist(words(label, *at, points, "utm-label", clip_on=True, **style))


def degree_label(value: float, axis: str) -> str:
    """42.5 -> 42°30′ N."""
    whole, rest = divmod(round(abs(value) * 3600), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = (
        f"{whole}°" + (f"{minutes:02d}′" if rest else "") + (f"{seconds:02d}″" if seconds else "")
    )
    hemisphere = {"lon": "EW", "lat": "NS"}[axis][int(value < 0)]
    return f"{parts} {hemisphere}" if whole or rest else parts


def write_scale_bar(pen: Pen, frame: Frame) -> None:
    """A bar of four parts whose length is right at the printed size."""
    length = round_length(frame.metres_per_mm * pen.width * 0.62)
    width, high = length / frame.metres_per_mm, 1.8 * pen.type
    for i in range(4):
        fill = INK if i % 2 == 0 else "white"
        corner = (pen.left + i * width / 4, pen.y)
        part = Rectangle(corner, width / 4, high, facecolor=fill, edgecolor=INK, lw=0.6)
        part.set_gid("scale-bar")
        pen.add(part)
    unit, metres = ("km", 1000) if length >= 2000 else ("m", 1)
    for share in (0, 0.5, 1):
        label = f"{length * share / metres:,.10g}".replace(",", " ") + (f" {unit}" if share else "")
        at = pen.left + share * width
        aligned = "left" if share == 0 else "center"
        pen.add(words(label, at, pen.y + high + 0.7, 7 * pen.type, "scale-label", ha=aligned))
    pen.y += high + 0.7 + line_height(7 * pen.type)


def write_north(pen: Pen, frame: Frame, top: float) -> None:
    """An arrow to true north at the middle of the map, right in the column, its head at `top`."""
    angle = north_angle(frame)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    arrow = np.array([[0, -5.2], [2.1, 2.6], [0, 1.2], [-2.1, 2.6]]) * pen.type
    middle = np.array([pen.left + pen.width - 6 * pen.type, top + 7.5 * pen.type])
    shape = Polygon(arrow @ turn.T + middle, closed=True, facecolor=INK, edgecolor=INK, lw=0.6)
    shape.set_gid("north")
    tip = turn @ np.array([0, -7 * pen.type]) + middle
    style: Style = {"ha": "center", "va": "center", "weight": "bold"}
    pen.add(shape, words("N", tip[0], tip[1], 8 * pen.type, "north", **style))


def north_angle(frame: Frame) -> float:
    """Clockwise angle on paper from up to true north at the middle of the frame, in radians."""
    to_ground = transformer(4326, frame.crs)
    lon, lat = to_ground.transform(*frame.centre, direction="INVERSE")
    x0, y0 = to_ground.transform(lon, lat)
    x1, y1 = to_ground.transform(lon, lat + 0.01)
    return atan2(x1 - x0, y1 - y0)


@cache
def projection_name(crs: CRS) -> str:
    """Method, origin and datum in words, with the EPSG code where there is one."""
    operation = crs.coordinate_operation
    origin = {p.name: p.value for p in operation.params if "natural origin" in p.name}
    parts = [operation.method_name, crs.geodetic_crs.datum.name]
    latitude, longitude = (origin.get(f"{n} of natural origin") for n in ("Latitude", "Longitude"))
    if latitude is not None and longitude is not None:
        north, east = "SN"[latitude >= 0], "WE"[longitude >= 0]
        parts.insert(1, f"centre {abs(latitude):g}° {north} {abs(longitude):g}° {east}")
    code = crs.to_epsg()
    return ", ".join([*parts, f"EPSG:{code}"] if code else parts)


def _step(bounds, frame: Frame) -> float:
    """The widest step that still gives lines about every 65 mm, and never fewer than two."""
    west, south, east, north = bounds
    across = max(3.0, frame.box[2] / 65)
    down = max(1.5, frame.box[3] / 65)
    fitting = (
        s for s in STEPS_DEGREES if (east - west) / s >= across and (north - south) / s >= down
    )
    return next(fitting, STEPS_DEGREES[-1])


def _lines(bounds, step: float, lonlat: Transformer) -> Iterator[tuple]:
    west, south, east, north = bounds
    lons, lats = np.linspace(west, east, 201), np.linspace(south, north, 201)
    for lon in np.arange(ceil(west / step), floor(east / step) + 1) * step:
        yield "lon", lon, *lonlat.transform(np.full(201, lon), lats, direction="INVERSE")
    for lat in np.arange(ceil(south / step), floor(north / step) + 1) * step:
        yield "lat", lat, *lonlat.transform(lons, np.full(201, lat), direction="INVERSE")


def _name_line(frame: Frame, side: str, label: str, x, y, points: float) -> None:
    """Write the label where the line crosses this side, if it does."""
    axis, place = SIDES[side]
    across, along = (x, y) if axis == 0 else (y, x)
    away = across - frame.extent[place]
    for i in np.flatnonzero(np.sign(away[:-1]) != np.sign(away[1:])):
        share = away[i] / (away[i] - away[i + 1])
        where = along[i] + share * (along[i + 1] - along[i])
        low, high = frame.extent[2:] if axis == 0 else frame.extent[:2]
        if low + 0.03 * (high - low) < where < high - 0.03 * (high - low):
            _write_beside(frame, side, label, where, points)


def _write_beside(frame: Frame, side: str, label: str, where: float, points: float) -> None:
    left, right, bottom, top = frame.extent
    off = 1.0 * frame.metres_per_mm
    spots = {
        "left": (left - off, where, "right", "center", 90),
        "right": (right + off, where, "left", "center", 270),
        "bottom": (where, bottom - off, "center", "top", 0),
        "top": (where, top + off, "center", "bottom", 0),
    }
    x, y, ha, va, turn = spots[side]
    style = {"ha": ha, "va": va, "rotation": turn, "color": QUIET}
    frame.axes.add_artist(words(label, x, y, points, "graticule-label", clip_on=False, **style))

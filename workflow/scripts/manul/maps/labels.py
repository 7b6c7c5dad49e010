"""Names on the map: the most important first, and none over another."""

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from matplotlib import patheffects
from matplotlib.lines import Line2D

from manul.grid import plain_files
from manul.maps.base_map import people, present, require_crs
from manul.maps.furniture import Frame
from manul.maps.page import Style, line_height, text_width, words
from manul.maps.spec import INK, Context

HALO = [patheffects.withStroke(linewidth=2.0, foreground="white", alpha=0.9)]
# Where a name may stand beside its point, best first: steps to the right and up.
BESIDE = ((1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1))
TOWN_SIZES = ((200_000, 8.5, 4.6), (20_000, 7.5, 3.8), (0, 6.5, 3.0))  # persons, type, dot (points)
COUNTRIES = plain_files.SCHEMAS / "countries.yaml"
TRIALS = 250  # beyond these, smaller places are not tried
AREA_WORDS: dict[str, Style] = {
    "lakes": {"color": "#1f5a80", "style": "italic"},
    "provinces": {"color": "#4a4558", "weight": "bold"},
    "countries": {"color": "#3a2b4d", "weight": "bold", "alpha": 0.75},
}


@dataclass(frozen=True)
class Slot:
    """A rectangle on the paper, in mm, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Slot") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: "Slot") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


class Labels:
    """The slots already taken in one frame."""

    def __init__(self, frame: Frame, type_size: float):
        self.frame, self.type = frame, type_size
        left, top, width, height = frame.box
        self.window = Slot(left + 1, top + 1, left + width - 1, top + height - 1)
        self.taken: list[Slot] = []

    def towns(self, settlements: gpd.GeoDataFrame, region, most: int) -> None:
        """Dots and names in the order of `by_weight`; a town without room is left out."""
        require_crs(settlements, self.frame, "settlements")
        placed = 0
        for town in by_weight(settlements, self.frame, region):
            placed += self._town(town.geometry, town.name, town.population)
            if placed == most:
                return

    def areas(self, layer: gpd.GeoDataFrame, kind: str, size: float) -> None:
        """A name inside each area, where it has room; the biggest area first."""
        require_crs(layer, self.frame, kind)
        whole = shapely.make_valid(layer.geometry.to_numpy())
        shown = shapely.clip_by_rect(whole, *self.frame.ground)
        for i in np.argsort(-shapely.area(shown)):
            if not shown[i].is_empty:
                self._area(shown[i], str(layer["name"].iloc[i]), kind, size * self.type)

    def free_near(self, x: float, y: float, side: float) -> tuple[float, float]:
        """The nearest free place (mm) for a sign of this size, or the place itself; it is taken."""
        turns = np.radians(np.arange(0, 360, 45))
        rings = [(away * np.cos(t), away * np.sin(t)) for away in (1.0, 1.6, 2.4) for t in turns]
        tried = [_slot(x + a * side, y + b * side, side, side) for a, b in ((0, 0), *rings)]
        slot = next((one for one in tried if self._free(one)), tried[0])
        self.taken.append(slot)
        return (slot.left + slot.right) / 2, (slot.top + slot.bottom) / 2

    def _town(self, point, name: str, population: float) -> bool:
        persons = np.nan_to_num(population)
        _, points, dot = next(row for row in TOWN_SIZES if persons >= row[0])
        points = points * self.type
        x, y = self.frame.to_paper(point.x, point.y)
        mark = _slot(x, y, 1.4, 1.4)
        if not mark.within(self.window) or any(mark.meets(other) for other in self.taken):
            return False
        for slot in _slots_beside(x, y, text_width(name, points), line_height(points) * 0.8):
            if self._free(slot):
                self.taken += [mark, slot]
                self._write_town(point, name, points, dot, slot)
                return True
        return False

    def _write_town(self, point, name, points, dot, slot) -> None:
        mark = Line2D(
            [point.x], [point.y], marker="o", markersize=dot * self.type, markerfacecolor="white",
            markeredgecolor=INK, markeredgewidth=0.7, zorder=6, gid="town-dot",
        )  # fmt: skip
        self.frame.axes.add_line(mark)
        self._write(name, slot, points, "town")

    def _area(self, shape, name: str, kind: str, points: float) -> None:
        width, height = text_width(name, points, "bold"), line_height(points) * 0.9
        for x, y in _spots_inside(shape):
            slot = _slot(*self.frame.to_paper(x, y), width, height)
            if self._free(slot) and shape.contains(self._ground(slot)):
                self.taken.append(slot)
                self._write(name, slot, points, kind, **AREA_WORDS[kind])
                return

    def _free(self, slot: Slot) -> bool:
        return slot.within(self.window) and not any(slot.meets(other) for other in self.taken)

    def _ground(self, slot: Slot):
        """The slot on the ground, in metres."""
        left, top, _, _ = self.frame.box
        scale, (west, _, _, north) = self.frame.metres_per_mm, self.frame.extent
        x = west + (np.array([slot.left, slot.right]) - left) * scale
        y = north - (np.array([slot.bottom, slot.top]) - top) * scale
        return shapely.box(x[0], y[0], x[1], y[1])

    def _write(self, name: str, slot: Slot, points: float, gid: str, **style) -> None:
        x, y = self._ground(slot).centroid.coords[0]
        middle = {"ha": "center", "va": "center_baseline", "zorder": 7, "path_effects": HALO}
        self.frame.axes.add_artist(words(name, x, y, points, gid, clip_on=True, **middle | style))


def draw_labels(
    frame: Frame, context: Context, type_size: float, towns: int, labels: Labels | None = None
) -> Labels:
    """Name countries, towns, lakes, provinces: who comes later must find room.

    `labels` are those that stand already.
    """
    labels = labels or Labels(frame, type_size)
    if len(found := countries(context.provinces, frame)) > 1:
        labels.areas(found, "countries", 10)
    if present(context.settlements):
        labels.towns(context.settlements, context.region, towns)
    for kind, size in (("lakes", 7.5), ("provinces", 8.5)):
        layer = getattr(context, kind)
        if present(layer) and "name" in layer:
            labels.areas(layer[layer["name"].notna()], kind, size)
    return labels


def countries(provinces: gpd.GeoDataFrame | None, frame: Frame) -> gpd.GeoDataFrame:
    """The countries in the frame: provinces joined by `country`, codes as names, in capitals."""
    if not present(provinces) or "country" not in provinces:
        return gpd.GeoDataFrame({"name": []}, geometry=[], crs=frame.crs)
    require_crs(provinces, frame, "provinces")
    there = provinces[provinces["country"].notna()]
    there = there[there.intersects(shapely.box(*frame.ground))]
    joined = there.assign(geometry=shapely.make_valid(there.geometry.to_numpy()))
    joined = joined[["country", "geometry"]].dissolve("country").reset_index()
    names = plain_files.read_yaml(COUNTRIES)
    spaced = [" ".join(str(names.get(code, code)).upper()) for code in joined["country"]]
    return gpd.GeoDataFrame({"name": spaced}, geometry=joined.geometry.to_numpy(), crs=there.crs)


def by_weight(settlements: gpd.GeoDataFrame, frame: Frame, region=None) -> Iterator:
    """The towns that may be named: those inside the region first, then those abroad.

    In each part the most people first; where nobody counted them, the town farthest from all that
    stand before it, so that names spread over the map and do not follow the alphabet.
    """
    if "name" not in settlements:
        return iter(())
    named = settlements.dropna(subset=["name"])
    named = named.assign(population=people(named)).set_geometry(named.geometry.centroid)
    here = shapely.intersects(named.geometry.to_numpy(), shapely.box(*frame.ground))
    ranked = ["population", "name"]
    seen = named[here].sort_values(ranked, ascending=[False, True], na_position="last")
    inside = np.ones(len(seen), bool)
    if present(region):
        whole = shapely.union_all(region.geometry.to_numpy())
        inside = shapely.intersects(whole, seen.geometry.to_numpy())
    counted = (seen["population"] > 0).to_numpy()
    xy = shapely.get_coordinates(seen.geometry.to_numpy())
    order: list[int] = []
    for part in (inside, ~inside):
        order += np.flatnonzero(part & counted).tolist()[: TRIALS - len(order)]
        order += _spread(xy, np.flatnonzero(part & ~counted), order, TRIALS - len(order))
    kept = gpd.GeoDataFrame(
        {"name": seen["name"].astype(str), "population": seen["population"]}, geometry=seen.geometry
    )
    return kept.iloc[order].drop_duplicates("name").itertuples(index=False)


def _spread(xy: np.ndarray, which: np.ndarray, before: list[int], most: int) -> list[int]:
    """Up to `most` of the places, each the farthest from all that were taken before it."""
    middle = xy[which].mean(0) if len(which) else np.zeros(2)
    taken = xy[before] if before else middle[None]
    gap = np.full(len(which), np.inf)
    for place in taken:
        gap = np.minimum(gap, np.hypot(*(xy[which] - place).T))
    found: list[int] = []
    while len(found) < min(most, len(which)):
        best = int(np.argmax(gap))
        found.append(int(which[best]))
        gap = np.minimum(gap, np.hypot(*(xy[which] - xy[which[best]]).T))
        gap[best] = -1
    return found


def _slot(x: float, y: float, width: float, height: float) -> Slot:
    return Slot(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _slots_beside(x: float, y: float, width: float, height: float) -> Iterator[Slot]:
    for right, up in BESIDE:
        reach = width / 2 + 1.3 if right else 0
        rise = height * (0.55 if right else 1) + (0 if right else 0.3)
        yield _slot(x + right * reach, y - up * rise, width + 0.8, height)


def _spots_inside(shape) -> Iterator[tuple[float, float]]:
    """The point safest inside, then a grid over the area from the middle outwards."""
    yield shape.representative_point().coords[0]
    left, bottom, right, top = shape.bounds
    grid = np.meshgrid(np.linspace(left, right, 15)[1:-1], np.linspace(bottom, top, 15)[1:-1])
    spots = np.column_stack([g.ravel() for g in grid])
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    yield from spots[np.argsort(np.hypot(*(spots - middle).T))]

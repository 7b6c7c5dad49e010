"""Key areas: sites of key habitat, cut where there is least of it.

Patches of key habitat lie in chains, and joined by distance alone a whole mountain system is one
"area". So patches are joined within a short distance (a female's radius), and what is joined is cut
along the valleys of the density of key habitat, as rain that falls on hills runs to basins.
"""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from manul.config.types import KeyHabitat
from manul.grid.disk_maps import DiskMap

COMPASS = ("E", "NE", "N", "NW", "W", "SW", "S", "SE")
AT_KM = 3  # a place nearer than this is where the site is
KM2 = 1e6
SQUARES = 20  # along density_km
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # to the neighbours of a cell, each pair once


@dataclass(frozen=True)
class Areas:
    """The key areas of a region: the number of each square of `side` x `side` cells (int32)."""

    numbers: np.ndarray
    side: int
    near_m: float

    def window(self, rows: slice, columns: slice, key_distance: np.ndarray) -> np.ndarray:
        """Number of the key area of each cell of a window; 0 beyond `near_m` from key habitat.

        `key_distance` is the distance to key habitat of the window, in m.
        """
        row, column = (
            np.arange(s.start or 0, (s.start or 0) + n) // self.side
            for s, n in zip((rows, columns), key_distance.shape, strict=True)
        )
        return np.where(key_distance <= self.near_m, self.numbers[np.ix_(row, column)], 0)


def nowhere(grid: GeoBox) -> Areas:
    """No key area at all."""
    return Areas(np.zeros((1, 1), "int32"), max(grid.shape), -1.0)


def find(
    patches: np.ndarray | DiskMap,
    key_distance: np.ndarray | DiskMap,
    grid: GeoBox,
    rules: KeyHabitat,
) -> Areas:
    """The key areas, numbered from 1 for the one with the most key habitat.

    `patches` is above 0 in key habitat, `key_distance` the distance to it in m, `rules` the config
    block `key_habitat`. A key area is a hill of the share of key habitat within about `density_km`,
    with all that lies within half of `join_km` of its key habitat. One with less than `area_km2` of
    key habitat joins the neighbour with the highest saddle between them; alone, it is none. The
    hills are found on squares of a twentieth of `density_km`, so memory hardly follows the cells.
    """
    from scipy import ndimage  # takes long to import

    cell_m = grid.resolution.x
    near_m = rules["join_km"] * 1000 / 2 + cell_m / 4  # gaps are known to a cell
    side = max(1, int(rules["density_km"] * 1000 / SQUARES / cell_m))
    share = _squares(lambda rows: patches[rows] > 0, patches.shape, side, np.add)
    joined = _squares(lambda rows: key_distance[rows] <= near_m, patches.shape, side, np.logical_or)
    sigma = rules["density_km"] * 1000 / 2 / (cell_m * side)
    density = ndimage.gaussian_filter(share.astype("float32"), sigma, truncate=3)
    basins = _basins(density, joined > 0)
    km2 = np.bincount(basins.ravel(), share.ravel()) * cell_m**2 / KM2
    km2[0] = 0  # all key habitat is joined to itself
    into = _merged(km2, _saddles(basins, density), rules["area_km2"] - 1e-9)
    total = np.bincount(into, km2, minlength=len(km2))
    order = np.argsort(-total, kind="stable")
    kept = order[(total[order] >= rules["area_km2"] - 1e-9) & (total[order] > 0)]
    number = np.zeros(len(km2), "int32")
    number[kept] = np.arange(1, len(kept) + 1)
    return Areas(number[into][basins], side, near_m)


def names(shapes: gpd.GeoSeries, towns: gpd.GeoDataFrame | None) -> list[str]:
    """Where each site lies, in words: '23 km SW of Naryn', 'at Naryn'; empty without towns.

    The distance is that from the nearest of `towns` (points or areas with `name`, same CRS) to a
    point inside the site.
    """
    if towns is not None:
        towns = towns[towns["name"].notna()] if "name" in towns else None
    if towns is None or not len(towns) or not len(shapes):
        return [""] * len(shapes)
    places = shapely.centroid(towns.to_crs(shapes.crs).geometry.to_numpy())
    middle = shapely.point_on_surface(shapes.to_numpy())
    which = shapely.STRtree(places).nearest(middle)
    dx, dy = (shapely.get_coordinates(middle) - shapely.get_coordinates(places[which])).T / 1000
    away = np.hypot(dx, dy)
    way = np.round(np.arctan2(dy, dx) / (np.pi / 4)).astype(int) % 8
    town = towns["name"].astype(str).to_numpy()[which]
    return [
        f"at {name}" if km < AT_KM else f"{km:.0f} km {COMPASS[i]} of {name}"
        for name, km, i in zip(town, away, way, strict=True)
    ]


# ------------------------------------------------------------------------------------- helpers


def _squares(read, shape, side, add) -> np.ndarray:
    """`add` over the cells of each square of `side` x `side`; `read(rows)` gives rows of cells."""
    at = np.arange(0, shape[1], side)
    bands = [
        add.reduceat(add.reduce(read(slice(row, row + side)).astype("int32"), axis=0), at)
        for row in range(0, shape[0], side)
    ]
    return np.array(bands, "int32")


def _basins(density, joined) -> np.ndarray:
    """The basin (from 1) of each joined square: the peak of the density that it runs up to.

    Each points to its densest joined neighbour; of equal ones the first in reading order.
    """
    shape, here = density.shape, np.arange(density.size, dtype="int32").reshape(density.shape)
    best, to = np.where(joined, density, -1), here.copy()
    own = best.copy()
    for down, right in STEPS:
        first, second = _neighbours(shape, down, right)
        for at, other in ((first, second), (second, first)):
            higher = own[other] > best[at]
            higher |= (own[other] == best[at]) & (here[other] < to[at])
            best[at][higher] = own[other][higher]
            to[at][higher] = here[other][higher]
    to = to.ravel()
    while True:
        further = to[to]
        if np.array_equal(further, to):
            break
        to = further
    peaks = np.flatnonzero((to == here.ravel()) & joined.ravel())
    number = np.zeros(to.size, "int32")
    number[peaks] = np.arange(1, len(peaks) + 1)
    return np.where(joined, number[to].reshape(shape), 0)


def _neighbours(shape, down, right) -> tuple:
    """Two windows of the same shape: cells, and those `down` and `right` of them."""
    rows, columns = shape
    first = slice(0, rows - down), slice(max(0, -right), columns - max(0, right))
    second = slice(down, rows), slice(max(0, right), columns + min(0, right))
    return first, second


def _saddles(basins, density) -> dict[tuple[int, int], float]:
    """The highest density at which two basins touch, for each pair (smaller number first)."""
    found: dict[tuple[int, int], float] = {}
    for down, right in STEPS:
        here, there = _neighbours(basins.shape, down, right)
        a, b = basins[here], basins[there]
        border = (a != b) & (a > 0) & (b > 0)
        height = np.minimum(density[here][border], density[there][border])
        low, high = np.minimum(a[border], b[border]), np.maximum(a[border], b[border])
        for pair in zip(low.tolist(), high.tolist(), height.tolist(), strict=True):
            found[pair[:2]] = max(found.get(pair[:2], 0.0), pair[2])
    return found


def _merged(km2, saddles, smallest) -> np.ndarray:
    """The basin that each basin is part of in the end; the smallest are merged first."""
    into, size = np.arange(len(km2)), km2.copy()
    near: dict[int, dict[int, float]] = {}
    for (a, b), height in saddles.items():
        near.setdefault(a, {})[b] = height
        near.setdefault(b, {})[a] = height
    while True:
        small = [n for n in near if near[n] and size[n] < smallest]
        if not small:
            return into
        a = min(small, key=lambda n: (size[n], n))
        b = max(near[a], key=lambda n: (near[a][n], -n))
        into[into == a] = b
        size[b] += size[a]
        for other, height in near.pop(a).items():
            del near[other][a]
            if other != b:
                near[other][b] = near[b][other] = max(height, near[b].get(other, 0.0))

"""Hours from the nearest settlement, over roads and terrain."""

import logging
from dataclasses import dataclass

import numpy as np

from manul.config.selection import FAR_M
from manul.grid.block_maps import squares
from manul.grid.burn import burn, cover_share
from manul.grid.disk_maps import DiskMap, empty
from manul.grid.region import bounds
from manul.grid.warp import onto_grid
from manul.surfaces.blocks import cells
from manul.surfaces.registry import kind

log = logging.getLogger("manul")
SIDE = 1024  # cells along a side of the blocks in which speeds are worked out
MAPS = ("float32", "bool", "float64")  # hours to cross a cell, starts, hours from one


@kind("travel_time", whole=True)
def travel_time(block, grid, sources):
    """Hours from the nearest point of a layer; just above the reach where it is farther.

    Cost per metre is 1 / speed: the road's, or walking speed after Tobler (1993),
    v exp(-3.5 |tan slope|). Water and cells without elevation cannot be crossed off the road. The
    whole region and 50 km around it are worked out at once, on disk where they are large.
    """
    from manul.connectivity.large_maps import spread, start  # compiled: takes long to import

    pad = cells(FAR_M, grid)
    wide = grid.pad(pad)
    hours, starts, cost = (
        empty(wide.shape, dtype, sources.folder, fill)
        for dtype, fill in zip(MAPS, (0, 0, np.inf), strict=True)
    )
    _fill(hours, starts, block, wide, sources)
    log.info("how fast people cross each of %d x %d cells is known; next: hours", *wide.shape)
    spread(hours, cost, block["reach_h"], pending=start(hours, cost, starts))
    return _Hours(cost, pad, block["reach_h"])


@dataclass(frozen=True)
class _Hours:
    """Windows of the hours, of a map that has a margin; beyond the reach just above it."""

    cost: np.ndarray | DiskMap
    pad: int
    reach_h: float

    def __getitem__(self, window) -> np.ndarray:
        found = self.cost[tuple(slice(s.start + self.pad, s.stop + self.pad) for s in window)]
        beyond = np.nextafter(np.float32(self.reach_h), np.float32(np.inf))
        return np.where(np.isinf(found), beyond, found.astype("float32"))


def _fill(hours, starts, block, grid, sources) -> None:
    """Hours to cross each cell, 0 where nobody can pass, and where people start, by blocks."""
    side_km = grid.resolution.x / 1000
    for top, bottom, left, right in squares(grid.shape, SIDE):
        # A slope needs neighbours.
        above, below = max(top - 1, 0), min(bottom + 1, grid.height)
        west, east = max(left - 1, 0), min(right + 1, grid.width)
        speed = _speed_km_h(block, grid[above:below, west:east], sources)
        speed = speed[top - above : bottom - above, left - west : right - west]
        own = grid[top:bottom, left:right]
        places = sources.layers[block["layer"]].read(bounds(own)).geometry
        here = burn(((g, 1) for g in places), own).astype(bool)
        found = np.divide(side_km, speed, out=np.zeros_like(speed), where=speed > 0)
        # People start also where nobody can pass: in a town on a lake, on ground of unknown height.
        found[here & ((found == 0) | (found > 1))] = 1
        hours[top:bottom, left:right], starts[top:bottom, left:right] = found, here


def _speed_km_h(block, grid, sources) -> np.ndarray:
    """Speed in each cell; 0 where nobody can pass."""
    height = onto_grid(sources.layers[block["elevation_layer"]], grid)
    fall, run = np.gradient(height.astype("float64"), grid.resolution.x)
    speed = block["off_road_km_h"] * np.exp(-3.5 * np.hypot(fall, run))
    speed[np.isnan(speed)] = 0
    around = bounds(grid)
    if block.get("water_layer"):
        water = sources.layers[block["water_layer"]].read(around).geometry
        speed[cover_share(water, grid) > 0.5] = 0
    roads = sources.layers[block["roads_layer"]].read(around)
    on_road = roads[block["class_field"]].map(block["speeds_km_h"]).fillna(0)
    slow_first = on_road.sort_values(kind="stable").index
    road_speed = burn([(roads.geometry[i], on_road[i]) for i in slow_first], grid)
    return np.maximum(speed, road_speed)

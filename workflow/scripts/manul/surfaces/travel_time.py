"""Hours from the nearest settlement, over roads and terrain."""

import numpy as np

from manul.config.selection import FAR_M
from manul.grid.burn import burn, cover_share
from manul.grid.region import bounds
from manul.grid.warp import onto_grid
from manul.surfaces.blocks import cells, crop
from manul.surfaces.registry import kind

ROWS = 512  # at once, where speeds are worked out


@kind("travel_time", whole=True)
def travel_time(block, grid, sources):
    """Hours from the nearest point of a layer; just above the reach where it is farther.

    Cost per metre is 1 / speed: the road's, or walking speed after Tobler (1993),
    v exp(-3.5 |tan slope|). Water and cells without elevation cannot be crossed off the road. The
    whole region and 50 km around it are held at 20 bytes a cell.
    """
    from manul.connectivity.cost_distance import cost_distance  # compiled: takes long to import

    pad = cells(FAR_M, grid)
    wide = grid.pad(pad)
    hours = _hours_per_cell(block, wide, sources)
    places = sources.layers[block["layer"]].read(bounds(wide)).geometry
    starts = burn(((g, 1) for g in places), wide).astype(bool)
    # People start also where nobody can pass: in a town on a lake, on ground of unknown height.
    hours[starts] = np.clip(np.nan_to_num(hours[starts], nan=1.0), None, 1.0)
    beyond = np.nextafter(np.float32(block["reach_h"]), np.float32(np.inf))
    reached = crop(cost_distance(hours, starts, block["reach_h"]), pad).astype("float32")
    reached[np.isinf(reached)] = beyond
    return reached


def _hours_per_cell(block, grid, sources) -> np.ndarray:
    """Hours to cross each cell, float32, in strips of rows; NaN where nobody can pass."""
    out = np.full(grid.shape, np.nan, "float32")
    side_km = grid.resolution.x / 1000
    for top in range(0, grid.height, ROWS):
        bottom = min(top + ROWS, grid.height)
        above, below = max(top - 1, 0), min(bottom + 1, grid.height)  # a slope needs neighbours
        speed = _speed_km_h(block, grid[above:below, :], sources)
        speed = speed[top - above : speed.shape[0] - (below - bottom)]
        passable = speed > 0
        out[top:bottom][passable] = side_km / speed[passable]
    return out


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

"""Hours from the nearest settlement, over roads and terrain."""

import numpy as np

from manul.config.selection import FAR_M
from manul.grid.burn import burn, cover_share
from manul.grid.warp import onto_grid
from manul.surfaces.blocks import cells, crop
from manul.surfaces.registry import kind


@kind("travel_time", whole=True)
def travel_time(block, grid, sources):
    """Hours from the nearest point of a layer; just above the reach where it is farther.

    Cost per metre is 1 / speed: the road's, or walking speed after Tobler (1993),
    v exp(-3.5 |tan slope|). Water and cells without elevation cannot be crossed off the road.
    """
    from skimage.graph import MCP_Geometric

    pad = cells(FAR_M, grid)
    wide = grid.pad(pad)
    speed = _speed_km_h(block, wide, sources)
    hours = np.where(speed > 0, grid.resolution.x / 1000 / np.maximum(speed, 1e-9), -1)
    places = sources.layers[block["layer"]].read().geometry
    starts = np.argwhere(burn(((g, 1) for g in places), wide) > 0)
    beyond = np.nextafter(np.float32(block["reach_h"]), np.float32(np.inf))
    if not len(starts):
        return np.full(grid.shape, beyond, "float32")
    hours[tuple(starts.T)] = np.abs(hours[tuple(starts.T)]).clip(max=1)
    cumulative, _ = MCP_Geometric(hours).find_costs(starts)
    inner = crop(cumulative, pad)
    return np.where(inner <= block["reach_h"], inner, beyond)


def _speed_km_h(block, grid, sources) -> np.ndarray:
    """Speed in each cell; 0 where nobody can pass."""
    height = onto_grid(sources.layers[block["elevation_layer"]], grid)
    fall, run = np.gradient(height.astype("float64"), grid.resolution.x)
    speed = block["off_road_km_h"] * np.exp(-3.5 * np.hypot(fall, run))
    speed[np.isnan(speed)] = 0
    if block.get("water_layer"):
        speed[cover_share(sources.layers[block["water_layer"]].read().geometry, grid) > 0.5] = 0
    roads = sources.layers[block["roads_layer"]].read()
    on_road = roads[block["class_field"]].map(block["speeds_km_h"]).fillna(0)
    slow_first = on_road.sort_values(kind="stable").index
    road_speed = burn([(roads.geometry[i], on_road[i]) for i in slow_first], grid)
    return np.maximum(speed, road_speed)

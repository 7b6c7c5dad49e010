"""Features of a vector layer as sources of exposure: which, how strong, and where on the grid.

A block of a surface reads only the features that may touch its padded grid; what it makes of them
has the bits of the whole.
"""

import geopandas as gpd
import numpy as np
import pandas as pd

from manul.grid.burn import burn
from manul.grid.features import PARTS, POLYGONS, LayerError, select, strengths
from manul.grid.region import bounds

M2_PER_HA = 1e4
LAND_HA = 1.5e10


def touching(block, layers, grid) -> gpd.GeoDataFrame:
    """The features to use that may touch the grid; points with a known area become discs of it.

    Lines and polygons stay as they are drawn, whatever their column of areas says. A `share` counts
    polygons and discs alone: what has no known area covers nothing that could be told.
    """
    reader, wide = layers[block["layer"]], bounds(grid)
    if not block.get("area_ha_field"):
        table = select(reader.read(wide), block.get("where"))
    else:
        table = select(reader.read(), block.get("where"))  # a disc may reach in from anywhere
        radius = _radius(block, table)
        known = (radius > 0).to_numpy()
        shapes = table.geometry.copy()
        shapes[known] = table.geometry[known].buffer(radius[known], quad_segs=32)
        table = table.set_geometry(shapes)
    if block["kind"] == "share":
        table = table[has_area(table)]
    return table[_box_touches(table, wide)]


def has_area(table) -> np.ndarray:
    """True for the features that are polygons."""
    return table.geom_type.isin(POLYGONS).to_numpy()


def _radius(block, table) -> pd.Series:
    """The radius of the disc that has the area of a point (m); NaN where unknown, and for shapes.

    Points that were one feature in many parts share its area. Raises LayerError for an area larger
    than the land of the Earth.
    """
    area = pd.to_numeric(table[block["area_ha_field"]], errors="coerce").astype("float64")
    if (area > LAND_HA).any():
        column, layer = block["area_ha_field"], block["layer"]
        raise LayerError(f"layer {layer}, column {column}: no feature has {area.max():g} ha")
    area = area / table.get(PARTS, 1)
    return np.sqrt(area.where(table.geom_type == "Point") * M2_PER_HA / np.pi)


def _box_touches(table, wide) -> np.ndarray:
    left, bottom, right, top = wide
    box = table.geometry.bounds
    return (box.minx <= right) & (box.maxx >= left) & (box.miny <= top) & (box.maxy >= bottom)


def intensity(block, table) -> np.ndarray:
    """The intensity of each feature from its columns, 0..1; 1 where the block names none."""
    if not block.get("intensity"):
        return np.ones(len(table), "float32")
    strength = strengths(block["intensity"], table)
    return np.clip(np.where(np.isnan(strength), block["unknown_intensity"], strength), 0, 1)


def saturating(block, layers, wide, fine):
    """Points with their radius, and lines and polygons as masks, from the padded grid's corner."""
    from manul.exposure.saturating import points  # compiled: takes long to import

    discs = bool(block.get("area_ha_field"))
    reader = layers[block["layer"]]
    table = select(reader.read() if discs else reader.read(bounds(wide)), block.get("where"))
    strength = intensity(block, table)
    radius = _radius(block, table).fillna(0).to_numpy() if discs else np.zeros(len(table))
    is_point = (table.geom_type == "Point").to_numpy()
    corner = wide.boundingbox
    at = table.geometry[is_point]
    spots = points(at.x - corner.left, corner.top - at.y, strength[is_point], radius[is_point])
    rest = np.flatnonzero(~is_point & _box_touches(table, bounds(wide)))
    extended = [_extended(table.geometry.iloc[i], fine, float(strength[i])) for i in rest]
    return spots, extended


def _extended(shape, grid, strength):
    """The cells of a line or polygon, from a window of the grid that holds it."""
    from manul.exposure.saturating import Extended  # compiled: takes long to import

    left, bottom, right, top = shape.bounds
    column0, row0 = ~grid.affine @ (left, top)
    column1, row1 = ~grid.affine @ (right, bottom)
    r0, c0 = (max(int(np.floor(n)) - 1, 0) for n in (row0, column0))
    r1 = max(min(int(np.ceil(row1)) + 1, grid.height), r0 + 1)
    c1 = max(min(int(np.ceil(column1)) + 1, grid.width), c0 + 1)
    return Extended(burn([(shape, 1)], grid[r0:r1, c0:c1]) > 0, r0, c0, strength)

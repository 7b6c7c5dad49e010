"""Shaded relief under a map: light from the north-west, as maps have had it for three centuries."""

import numpy as np
from odc.geo.geobox import GeoBox

from manul.grid.windows import looked_at

AZIMUTH, ALTITUDE = 315, 45  # degrees of the light
FLAT = np.sin(np.radians(ALTITUDE))  # brightness of level ground
DARKEST = 0.55  # of the ink on the steepest slope in the shade
TRUE_M = 30.0  # at cells of this size heights are not exaggerated


def shade(path: str, grid: GeoBox) -> np.ndarray:
    """How much ink the relief takes in each cell: 0 (in the light, or unknown) to `DARKEST`.

    path: an elevation model (m) in any CRS; it is read at the size of the grid, and no finer.
    """
    heights = looked_at(path, grid)
    if min(heights.shape) < 2:
        return np.zeros(heights.shape, "float32")
    cell = abs(grid.resolution.x)
    south, east = np.gradient(exaggeration(cell) * heights, cell)
    # Lambert's law. Matplotlib's own shading stretches the light over the picture: the same slope
    # would look different on each sheet.
    across, along = np.sin(np.radians(AZIMUTH)), np.cos(np.radians(AZIMUTH))
    level = np.cos(np.radians(ALTITUDE)) * (-east * across + south * along)
    light = (level + FLAT) / np.sqrt(1 + south**2 + east**2)
    ink = np.clip((FLAT - light) / FLAT, 0, 1) ** 0.8 * DARKEST
    return np.nan_to_num(ink).astype("float32")


def exaggeration(cell_m: float) -> float:
    """By how much heights are multiplied: large cells smooth slopes away."""
    return float(max(1.0, (cell_m / TRUE_M) ** 0.4))

"""Rasters as they stand, and what terrain and climate make of them."""

import numpy as np
from scipy import ndimage

from manul.grid.warp import onto_grid, warp_tiles
from manul.surfaces.blocks import cells, crop, disc
from manul.surfaces.registry import kind


@kind("value")
def value(block, grid, sources):
    """A raster layer as it stands, or the scores of its classes."""
    counts = sources.rules["kinds"][block["layer"]] == "counts"
    return onto_grid(sources.layers[block["layer"]], grid, counts, block.get("scores"))


@kind("relief")
def relief(block, grid, sources):
    """Highest less lowest elevation within a radius, at the raster's own resolution."""

    def prepare(raster):
        near = disc(*(max(block["radius_m"] / p, 1.0) for p in raster.pixel_m))
        unknown = np.isnan(raster.values)
        top = ndimage.maximum_filter(np.where(unknown, -np.inf, raster.values), footprint=near)
        bottom = ndimage.minimum_filter(np.where(unknown, np.inf, raster.values), footprint=near)
        return np.where(unknown, np.nan, top - bottom)

    return warp_tiles(sources.layers[block["layer"]], grid, prepare, block["radius_m"])


@kind("slope")
def slope(block, grid, sources):
    """Slope in degrees at the raster's own resolution."""

    def prepare(raster):
        dx, dy = raster.pixel_m
        fall, run = np.gradient(raster.values.astype("float64"), dy, dx)
        return np.degrees(np.arctan(np.hypot(fall, run)))

    return warp_tiles(sources.layers[block["layer"]], grid, prepare, 2 * grid.resolution.x)


@kind("focal_mean")
def focal_mean(block, grid, sources):
    """Mean of the known cells within a radius."""
    pad = cells(block["radius_m"], grid)
    values = sources.of(block["of"], grid.pad(pad))
    near = disc(*[block["radius_m"] / grid.resolution.x] * 2).astype("float64")
    known = ~np.isnan(values)
    total = ndimage.correlate(np.where(known, values, 0).astype("float64"), near, mode="constant")
    count = ndimage.correlate(known.astype("float64"), near, mode="constant")
    return crop(np.where(count > 0.5, total / np.maximum(count, 1), np.nan), pad)


@kind("lapse_rate")
def lapse_rate(block, grid, sources):
    """A coarse climate layer moved from the height of its cells to that of the grid's."""
    coarse, height, cell_height = (
        onto_grid(sources.layers[block[key]], grid)
        for key in ("layer", "elevation_layer", "reference_layer")
    )
    return coarse + np.float32(block["lapse_per_m"]) * (height - cell_height)

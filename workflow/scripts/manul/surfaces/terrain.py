"""Rasters as they stand, and what terrain and climate make of them."""

import numpy as np

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
        from scipy import ndimage  # takes long to import

        near = _near(block, raster)
        unknown = np.isnan(raster.values)
        top = ndimage.maximum_filter(np.where(unknown, -np.inf, raster.values), footprint=near)
        bottom = ndimage.minimum_filter(np.where(unknown, np.inf, raster.values), footprint=near)
        return _share(np.where(unknown, np.nan, top - bottom), block)

    return warp_tiles(sources.layers[block["layer"]], grid, prepare, block["radius_m"])


@kind("position")
def position(block, grid, sources):
    """Elevation less the mean within a radius (m), at the raster's own resolution.

    The topographic position index of Weiss (2001): above 0 on ridges and outcrops, below in
    ravines.
    """

    def prepare(raster):
        return _share(raster.values - _mean(raster.values, _near(block, raster)), block)

    return warp_tiles(sources.layers[block["layer"]], grid, prepare, block["radius_m"])


@kind("ruggedness")
def ruggedness(block, grid, sources):
    """Vector ruggedness within a radius, 0 (a plane, however steep) to 1, at native resolution.

    One less the length of the mean of the normals of the ground: Sappington, Longshore and
    Thompson (2007), doi:10.2193/2005-723.
    """

    def prepare(raster):
        dx, dy = raster.pixel_m
        fall, run = np.gradient(raster.values.astype("float64"), dy, dx)
        up = 1 / np.sqrt(1 + fall**2 + run**2)
        near = _near(block, raster)
        parts = [_mean(part, near) for part in (run * up, fall * up, up)]
        rough = 1 - np.sqrt(sum(part**2 for part in parts))
        return _share(np.where(np.isnan(up), np.nan, rough), block)

    margin = block["radius_m"] + 2 * grid.resolution.x
    return warp_tiles(sources.layers[block["layer"]], grid, prepare, margin)


@kind("slope")
def slope(block, grid, sources):
    """Slope in degrees at the raster's own resolution."""

    def prepare(raster):
        dx, dy = raster.pixel_m
        fall, run = np.gradient(raster.values.astype("float64"), dy, dx)
        return _share(np.degrees(np.arctan(np.hypot(fall, run))), block)

    return warp_tiles(sources.layers[block["layer"]], grid, prepare, 2 * grid.resolution.x)


@kind("focal_mean")
def focal_mean(block, grid, sources):
    """Mean of the known cells within a radius."""
    pad = cells(block["radius_m"], grid)
    values = sources.of(block["of"], grid.pad(pad))
    near = disc(*[block["radius_m"] / grid.resolution.x] * 2).astype("float64")
    total, count = _sums(values, near)
    return crop(np.where(count > 0.5, total / np.maximum(count, 1), np.nan), pad)


@kind("lapse_rate")
def lapse_rate(block, grid, sources):
    """A coarse climate layer moved from the height of its cells to that of the grid's."""
    coarse, height, cell_height = (
        onto_grid(sources.layers[block[key]], grid)
        for key in ("layer", "elevation_layer", "reference_layer")
    )
    return coarse + np.float32(block["lapse_per_m"]) * (height - cell_height)


# ------------------------------------------------------------------------------------- helpers


def _near(block, raster) -> np.ndarray:
    """The pixels within the radius, at least the eight neighbours' sides."""
    return disc(*(max(block["radius_m"] / p, 1.0) for p in raster.pixel_m))


def _mean(values, near) -> np.ndarray:
    """Mean of the known pixels within a footprint."""
    total, count = _sums(values, near.astype("float64"))
    return np.where(np.isnan(values), np.nan, total / np.maximum(count, 1))


def _sums(values, near) -> tuple[np.ndarray, np.ndarray]:
    """The sum of the known pixels within a footprint, and how many they are."""
    from scipy import ndimage  # takes long to import

    known = ~np.isnan(values)
    total = ndimage.correlate(np.where(known, values, 0).astype("float64"), near, mode="constant")
    return total, ndimage.correlate(known.astype("float64"), near, mode="constant")


def _share(values, block) -> np.ndarray:
    """The values, or with `at_least` 1 where they reach it, so that a cell gets its share."""
    if block.get("at_least") is None:
        return values
    return np.where(np.isnan(values), np.nan, values >= block["at_least"]).astype("float32")

"""How near, how much, how dense: the reach of roads, mines, camps and towns."""

import numpy as np
from odc.geo.geobox import GeoBox

from manul.config.types import Surface
from manul.exposure.decay import decay
from manul.grid.burn import burn, cover_share
from manul.surfaces import feature_sources
from manul.surfaces.blocks import amount_per_cell, cells, inner, per_km2
from manul.surfaces.registry import kind

FINEST = 8  # largest number of source cells along the side of a cell


def oversample(block: Surface, grid: GeoBox) -> int:
    """Source cells along the side of a cell: enough to follow a steep decay within the cell."""
    scale = block.get("scale_m") or block["reach_m"] / 4
    return int(np.clip(np.ceil(4 * grid.resolution.x / scale), 1, FINEST))


@kind("share")
def share(block, grid, sources):
    """Share of the cell under polygons, or under discs of a known area."""
    return cover_share(feature_sources.touching(block, sources.layers, grid).geometry, grid)


@kind("distance")
def distance(block, grid, sources):
    """Metres to the nearest source cell, cut at the reach."""
    from manul.exposure import strips  # compiled: takes long to import

    pad = cells(block["reach_m"], grid)
    wide = grid.pad(pad)
    mask = _mask(block, wide, sources)
    metres = strips.distance(mask, grid.resolution.x, inner=inner(grid, pad))
    return _where_known(np.minimum(metres, block["reach_m"]), block, grid, sources)


@kind("exposure", fineness=oversample, saturating=True)
def exposure(block, grid, sources):
    """Intensity x decay of distance; the mean of finer cells where the decay is steep."""
    from manul.exposure import strips  # compiled: takes long to import

    curve = decay(block["decay"], block.get("scale_m"), block["reach_m"], block.get("table"))
    k = oversample(block, grid)
    pad = cells(block["reach_m"], grid)
    wide, fine = grid.pad(pad), grid.pad(pad).zoom_out(1 / k)
    options = {"oversample": k, "inner": inner(grid, pad)}
    if block["kernel"] == "saturating" and "layer" in block:
        points, extended = feature_sources.saturating(block, sources.layers, wide, fine)
        return strips.saturating(
            points, fine.shape, fine.resolution.x, curve, extended=extended, **options
        )
    strength = _mask(block, fine, sources)
    kernel = "density" if block["kernel"] == "density" else "nearest"
    made = strips.exposure(strength, fine.resolution.x, curve, kernel=kernel, **options)
    return _where_known(made, block, grid, sources)


@kind("density")
def density(block, grid, sources):
    """Points per km2, or km of line per km2, within a radius."""
    pad = cells(block["radius_m"], grid)
    wide = grid.pad(pad)
    shapes = feature_sources.touching(block, sources.layers, wide).geometry
    length_km = np.where(shapes.geom_type == "Point", 1.0, shapes.length / 1000)
    amount = amount_per_cell(shapes, length_km, wide)
    return per_km2(amount, block["radius_m"], grid, pad)


def _where_known(values, block, grid, sources):
    """NaN in the cells in which the inner surface is unknown: there may be a source there."""
    if "of" not in block:
        return values
    return np.where(np.isnan(sources.of(block["of"], grid)), np.float32(np.nan), values)


def _mask(block, grid, sources):
    """Source cells: where an inner surface is high enough, or the intensity of features."""
    if "of" in block:
        with np.errstate(invalid="ignore"):
            return (sources.of(block["of"], grid) >= block["minimum"]).astype("uint8")
    table = feature_sources.touching(block, sources.layers, grid)
    strength = feature_sources.intensity(block, table)
    weakest_first = np.argsort(strength, kind="stable")
    pairs = [(table.geometry.iloc[i], float(strength[i])) for i in weakest_first]
    return burn(pairs, grid, "add" if block.get("kernel") == "density" else "replace")

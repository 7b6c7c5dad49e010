"""Surfaces: from layers to one number for each cell of any grid.

`make` gives the same numbers for a whole region and for any block of it, because each surface
reads as far beyond the block as it reaches. To add a kind: write a function of (block, layers,
grid, rules), name it in SURFACES, and give it a closed schema under `$defs.surfaces`.
"""

import numpy as np
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage

from manul.exposure import strips
from manul.exposure.decay import decay
from manul.exposure.disc_sums import disc_cells, disc_sum
from manul.grid.layers import bounds, burn, cover_share, onto_grid, warp_tiles
from manul.surfaces import feature_sources
from manul.surveys import from_records, rodenticide
from manul.surveys.density import density_surface

M2_PER_KM2 = 1e6
FINEST = 8  # largest number of source cells along the side of a cell
BLOCK = 2048  # cells along the side of a block; each block reads its own margin
# Kinds of which a cell depends on far ones, over paths or the means of strata: one block.
WHOLE = {"travel_time", "burrow_density"}
EXTRA_BANDS = {
    "burrow_density": {"cv": "1", "extrapolated": "1"},
    "poison": {"reports_within_50_km": "1"},
}


def bands(block: dict) -> dict[str, str]:
    """Band names and units of a surface; the surface itself comes first, other dates last."""
    unit = block.get("units", "")
    dates = {f"value_{day}": unit for day in block.get("dates", [])}
    return {"value": unit, **EXTRA_BANDS.get(block["kind"], {}), **dates}


def block_size(block: dict, grid: GeoBox) -> int:
    """Cells along the side of the blocks that a surface can be made in."""
    return max(grid.shape) if block["kind"] in WHOLE else BLOCK


def oversample(block: dict, grid: GeoBox) -> int:
    """Source cells along the side of a cell: enough to follow a steep decay within the cell."""
    if block["kind"] == "share":
        return FINEST
    scale = block.get("scale_m") or block["reach_m"] / 4
    return int(np.clip(np.ceil(4 * grid.resolution.x / scale), 1, FINEST))


def on_block(block: dict, layers: dict, grid: GeoBox, rules: dict, at) -> list:
    """The bands of the surface, its only file, on (row0, row1, column0, column1) of the grid."""
    row0, row1, column0, column1 = at
    return [list(make(block, layers, grid[row0:row1, column0:column1], rules).values())]


def make(block: dict, layers: dict, grid: GeoBox, rules: dict) -> dict[str, np.ndarray]:
    """The surface on the grid, float32, NaN where unknown; the first entry is the surface itself.

    `layers` maps names to readers: `read(crs, bounds, margin)` for rasters; `read(bounds)` for what
    of a vector layer in the grid's CRS may touch the bounds, `read()` for all of it, `rows()` for
    that and what has no place. `rules` holds `as_of`,
    `compounds`, `poison`, `burrows` and the `kinds` of the layers.
    """
    made = SURFACES[block["kind"]](block, layers, grid, rules)
    bands = made if isinstance(made, dict) else {"value": made}
    return {name: np.asarray(band, "float32") for name, band in bands.items()}


def value(block, layers, grid, rules):
    """A raster layer as it stands, or the scores of its classes."""
    counts = rules["kinds"][block["layer"]] == "counts"
    return onto_grid(layers[block["layer"]], grid, counts, block.get("scores"))


def share(block, layers, grid, rules):
    """Share of the cell under polygons, or under discs of a known area."""
    return cover_share(feature_sources.touching(block, layers, grid).geometry, grid)


def distance(block, layers, grid, rules):
    """Metres to the nearest source cell, cut at the reach."""
    pad = _cells(block["reach_m"], grid)
    wide = grid.pad(pad)
    mask = _mask(block, layers, wide, rules)
    metres = strips.distance(mask, grid.resolution.x, inner=_inner(grid, pad))
    return np.minimum(metres, block["reach_m"])


def exposure(block, layers, grid, rules):
    """Intensity x decay of distance; the mean of finer cells where the decay is steep."""
    curve = decay(block["decay"], block.get("scale_m"), block["reach_m"], block.get("table"))
    k = oversample(block, grid)
    pad = _cells(block["reach_m"], grid)
    wide, fine = grid.pad(pad), grid.pad(pad).zoom_out(1 / k)
    options = {"oversample": k, "inner": _inner(grid, pad)}
    if block["kernel"] == "saturating" and "layer" in block:
        points, extended = feature_sources.saturating(block, layers, wide, fine)
        return strips.saturating(
            points, fine.shape, fine.resolution.x, curve, extended=extended, **options
        )
    sources = _mask(block, layers, fine, rules)
    kernel = "density" if block["kernel"] == "density" else "nearest"
    return strips.exposure(sources, fine.resolution.x, curve, kernel=kernel, **options)


def density(block, layers, grid, rules):
    """Points per km2, or km of line per km2, within a radius."""
    pad = _cells(block["radius_m"], grid)
    wide = grid.pad(pad)
    shapes = feature_sources.touching(block, layers, wide).geometry
    length_km = np.where(shapes.geom_type == "Point", 1.0, shapes.length / 1000)
    amount = _amount_per_cell(shapes, length_km, wide)
    return _per_km2(amount, block["radius_m"], grid, pad)


def relief(block, layers, grid, rules):
    """Highest less lowest elevation within a radius, at the raster's own resolution."""

    def prepare(raster):
        disc = _disc(*(max(block["radius_m"] / p, 1.0) for p in raster.pixel_m))
        unknown = np.isnan(raster.values)
        top = ndimage.maximum_filter(np.where(unknown, -np.inf, raster.values), footprint=disc)
        bottom = ndimage.minimum_filter(np.where(unknown, np.inf, raster.values), footprint=disc)
        return np.where(unknown, np.nan, top - bottom)

    return warp_tiles(layers[block["layer"]], grid, prepare, block["radius_m"])


def slope(block, layers, grid, rules):
    """Slope in degrees at the raster's own resolution."""

    def prepare(raster):
        dx, dy = raster.pixel_m
        fall, run = np.gradient(raster.values.astype("float64"), dy, dx)
        return np.degrees(np.arctan(np.hypot(fall, run)))

    return warp_tiles(layers[block["layer"]], grid, prepare, 2 * grid.resolution.x)


def focal_mean(block, layers, grid, rules):
    """Mean of the known cells within a radius."""
    pad = _cells(block["radius_m"], grid)
    values = _one(block["of"], layers, grid.pad(pad), rules)
    disc = _disc(*[block["radius_m"] / grid.resolution.x] * 2).astype("float64")
    known = ~np.isnan(values)
    total = ndimage.correlate(np.where(known, values, 0).astype("float64"), disc, mode="constant")
    count = ndimage.correlate(known.astype("float64"), disc, mode="constant")
    return _crop(np.where(count > 0.5, total / np.maximum(count, 1), np.nan), pad)


def lapse_rate(block, layers, grid, rules):
    """A coarse climate layer moved from the height of its cells to that of the grid's."""
    coarse, height, cell_height = (
        onto_grid(layers[block[key]], grid)
        for key in ("layer", "elevation_layer", "reference_layer")
    )
    return coarse + np.float32(block["lapse_per_m"]) * (height - cell_height)


def travel_time(block, layers, grid, rules):
    """Hours from the nearest point of a layer; just above the reach where it is farther.

    Cost per metre is 1 / speed: the road's, or walking speed after Tobler (1993),
    v exp(-3.5 |tan slope|). Water and cells without elevation cannot be crossed off the road.
    """
    from skimage.graph import MCP_Geometric

    pad = _cells(50_000, grid)
    wide = grid.pad(pad)
    speed = _speed_km_h(block, layers, wide)
    hours = np.where(speed > 0, grid.resolution.x / 1000 / np.maximum(speed, 1e-9), -1)
    starts = np.argwhere(burn(((g, 1) for g in layers[block["layer"]].read().geometry), wide) > 0)
    beyond = np.nextafter(np.float32(block["reach_h"]), np.float32(np.inf))
    if not len(starts):
        return np.full(grid.shape, beyond, "float32")
    hours[tuple(starts.T)] = np.abs(hours[tuple(starts.T)]).clip(max=1)
    cumulative, _ = MCP_Geometric(hours).find_costs(starts)
    inner = _crop(cumulative, pad)
    return np.where(inner <= block["reach_h"], inner, beyond)


def burrow_density(block, layers, grid, rules):
    """Usable burrows per ha, with its coefficient of variation and where it is extrapolated."""
    sites = from_records.burrow_sites(
        *(_rows(block, layers, key) for key in ("layer", "quadrats_layer", "observations_layer")),
        rules["as_of"], rules["burrows"],
    )  # fmt: skip
    by = _one(block["strata"]["of"], layers, grid, rules)
    strata = np.where(np.isnan(by), np.nan, np.digitize(by, block["strata"]["breaks"]))
    for key in ("within", "elevation"):
        if key in block:
            strata[~_inside(block[key], layers, grid, rules)] = np.nan
    covariates = {
        str(i): _one(part, layers, grid, rules) for i, part in enumerate(block["covariates"])
    }
    made = density_surface(
        sites, *_centres(grid), strata, covariates, method=block["method"],
        bandwidth_m=block["bandwidth_m"], seed=block["seed"],
    )  # fmt: skip
    return {"value": made["density"], "cv": made["cv"], "extrapolated": made["extrapolated"]}


def poison_exposure(block, layers, grid, rules):
    """Exposure to rodenticide at the as-of date and at `dates`, and events within 50 km.

    An event that names only its district is spread over it, if the block has `districts_layer`.
    """
    events = from_records.events(layers[block["layer"]].rows(), block)
    districts = {}
    if block.get("districts_layer"):
        polygons = layers[block["districts_layer"]].read()
        districts = from_records.districts(polygons, block["districts_field"])
    path = {"source": block["path"], "decay_m": block["scale_m"], "cut_m": block["reach_m"]}
    x, y = _centres(grid)
    days = pd.to_datetime([rules["as_of"], *block["dates"]])
    shown = rodenticide.exposure(
        events, x, y, days, path, rules["compounds"], rules["poison"], districts
    )
    names = list(bands(block))
    reports = rodenticide.reporting_effort(events, x, y, 50_000, districts)
    return dict(zip(names, [shown[0], reports, *shown[1:]], strict=True))


def effort(block, layers, grid, rules):
    """Camera-days per km2 within a radius, of records with and without a cat, and of routes."""
    pad = _cells(block["radius_m"], grid)
    wide = grid.pad(pad)
    amount = np.zeros(wide.shape)
    for key in ("layer", "routes_layer"):
        if key in block:
            found = from_records.effort(
                layers[block[key]].read(bounds(wide)), block, rules["as_of"]
            )
            amount += _amount_per_cell(*found, wide)
    return _per_km2(amount, block["radius_m"], grid, pad)


SURFACES = {
    "value": value,
    "share": share,
    "distance": distance,
    "exposure": exposure,
    "density": density,
    "relief": relief,
    "slope": slope,
    "focal_mean": focal_mean,
    "lapse_rate": lapse_rate,
    "travel_time": travel_time,
    "burrow_density": burrow_density,
    "poison": poison_exposure,
    "effort": effort,
}


# ------------------------------------------------------------------------------------- helpers


def _one(block, layers, grid, rules):
    return next(iter(make(block, layers, grid, rules).values()))


def _mask(block, layers, grid, rules):
    """Source cells: where an inner surface is high enough, or the intensity of features."""
    if "of" in block:
        with np.errstate(invalid="ignore"):
            return (_one(block["of"], layers, grid, rules) >= block["minimum"]).astype("uint8")
    table = feature_sources.touching(block, layers, grid)
    strength = feature_sources.intensity(block, table)
    weakest_first = np.argsort(strength, kind="stable")
    pairs = [(table.geometry.iloc[i], float(strength[i])) for i in weakest_first]
    return burn(pairs, grid, "add" if block.get("kernel") == "density" else "replace")


def _rows(block, layers, key):
    """All rows of a layer, those without a place too; None if the block names none."""
    return layers[block[key]].rows() if block.get(key) else None


def _amount_per_cell(geometries, amounts, grid) -> np.ndarray:
    """What falls into each cell of the amount of each shape; lines in steps of 1/8 of a cell."""
    step = grid.resolution.x / 8
    xs, ys, weights = [], [], []
    for whole, amount in zip(geometries, amounts, strict=True):
        for shape in shapely.get_parts(whole):
            if shape.geom_type == "Point":
                xs.append(shape.x), ys.append(shape.y), weights.append(amount)
                continue
            n = max(1, int(np.ceil(shape.length / step)))
            part = amount * shape.length / whole.length if whole.length else 0.0
            for at in shapely.line_interpolate_point(
                shape, (np.arange(n) + 0.5) * shape.length / n
            ):
                xs.append(at.x), ys.append(at.y), weights.append(part / n)
    columns, rows = ~grid.affine @ (np.array(xs), np.array(ys))
    out = np.zeros(grid.shape)
    rows, columns = np.floor(rows).astype(int), np.floor(columns).astype(int)
    ok = (rows >= 0) & (rows < out.shape[0]) & (columns >= 0) & (columns < out.shape[1])
    np.add.at(out, (rows[ok], columns[ok]), np.array(weights)[ok])
    return out


def _per_km2(amount, radius_m, grid, pad):
    """Amounts of a padded grid's cells within a radius, per km2, on the grid."""
    radius = radius_m / grid.resolution.x
    total = _crop(disc_sum(amount, radius), pad - int(radius))
    return total / (disc_cells(radius) * grid.resolution.x**2 / M2_PER_KM2)


def _speed_km_h(block, layers, grid) -> np.ndarray:
    """Speed in each cell; 0 where nobody can pass."""
    height = onto_grid(layers[block["elevation_layer"]], grid)
    fall, run = np.gradient(height.astype("float64"), grid.resolution.x)
    speed = block["off_road_km_h"] * np.exp(-3.5 * np.hypot(fall, run))
    speed[np.isnan(speed)] = 0
    if block.get("water_layer"):
        speed[cover_share(layers[block["water_layer"]].read().geometry, grid) > 0.5] = 0
    roads = layers[block["roads_layer"]].read()
    on_road = roads[block["class_field"]].map(block["speeds_km_h"]).fillna(0)
    slow_first = on_road.sort_values(kind="stable").index
    road_speed = burn([(roads.geometry[i], on_road[i]) for i in slow_first], grid)
    return np.maximum(speed, road_speed)


def _inside(limit, layers, grid, rules):
    values = _one(limit["of"], layers, grid, rules)
    return (values >= limit.get("minimum", -np.inf)) & (values <= limit.get("maximum", np.inf))


def _cells(metres, grid) -> int:
    return int(np.ceil(metres / grid.resolution.x)) + 1


def _inner(grid, pad):
    return pad, pad + grid.height, pad, pad + grid.width


def _crop(array, pad):
    return array[pad:-pad, pad:-pad]


def _disc(radius_x, radius_y) -> np.ndarray:
    """Cells whose centre lies within an ellipse of these radii (cells)."""
    nx, ny = int(radius_x), int(radius_y)
    y, x = np.mgrid[-ny : ny + 1, -nx : nx + 1]
    return (x / max(radius_x, 1e-9)) ** 2 + (y / max(radius_y, 1e-9)) ** 2 <= 1


def _centres(grid):
    a = grid.affine
    return a.c + a.a * (np.arange(grid.width) + 0.5), a.f + a.e * (np.arange(grid.height) + 0.5)

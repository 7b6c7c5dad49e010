"""Resistance, corridors, flow, crossings and worth of the key areas of a region."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy import ndimage

from manul.analyses.connectivity import MAPS, TESTED
from manul.connectivity import barriers, corridors, crossings, flow, graph
from manul.grid import plain_files, rasters, vectors
from manul.grid.features import select
from manul.grid.region import grid_of

KM = 1000.0
PIECES = 300  # of lines whose opening is tried for the cost of the links
DRAWN = "highest_between", "power_between", "lines_between"
CHANCE = 999  # shifts of the tracks
LINKS = [
    "a", "b", "cost_km", "length_km", "straight_km", "cost_over_straight", "mean_resistance",
    "corridor_km2", "mean_width_km", "narrowest_km", "narrowest_lon", "narrowest_lat",
    "meets_the_border", "crosses", "frequency", "probability", "adds_percent",
]  # fmt: skip
AREAS = ["area", "lon", "lat", "key_km2", "adds_percent", "within", "flux", "stepping_stone"]


def run(this) -> None:
    """Make all maps and tables."""
    spec, grid = this.told.block, grid_of(this.told.region)
    cell = grid.resolution.x
    free = _resistance(this, spec, grid, spec["highest"], spec["power"])
    lines = _lines(this, spec)
    slowed = barriers.with_barriers(free, [(t.geometry, f) for t, f in lines], grid)
    areas = _areas(this)
    this.log.info("%d key areas, %d kinds of lines", len(np.unique(areas)) - 1, len(lines))
    cutoff = spec["cutoff_km"] * KM
    links = list(corridors.links(slowed, areas, cell, [cutoff]))
    above = corridors.mosaic(links, grid.shape)
    often = _frequency(this, spec, grid, lines, areas, cutoff)
    coarse = _Coarse(spec, grid)
    through, even = coarse.flow(slowed, this.threads)
    without, _ = coarse.flow(free, this.threads)
    this.log.info("%d links; flow on cells of %.1f km", len(links), coarse.cell_km)
    worth, net, order = _worth(links, areas, grid, spec["median_km"], spec["least_probability"])
    pieces, where = _pieces(lines, grid)
    table = _crossings(pieces, where, through, without, slowed, free, areas, links, grid)
    tables = {
        "links": _links_table(links, (net, order), worth, often, grid, cutoff, where, pieces),
        "areas": _areas_table(areas, worth, grid),
        "crossings": table.drop(columns="geometry"),
        "summary": _summary(this, spec, links, areas, grid, above, cutoff),
    }
    for name, made in tables.items():
        plain_files.write_table(this.output(name), made)
    _write_lines(this, links, tables["links"], table, grid)
    held = {
        "resistance": {"resistance": slowed},
        "corridors": {
            "above best": np.where(np.isinf(above), np.nan, above / KM),
            "frequency": often,
        },
        "flow": {
            "rank": _ranks(through),
            "normalised": even,
            "class": flow.flow_classes(even).astype("float32"),
        },
    }
    known = ~np.isnan(free)
    for bands in held.values():
        for name, values in bands.items():
            bands[name] = np.where(known, values, np.nan).astype("float32")
    files = [this.map_file(n, this.output(n), grid, bands) for n, bands in MAPS.items()]
    this.run_here(
        lambda rows, columns: {
            name: {band: values[rows, columns] for band, values in bands.items()}
            for name, bands in held.items()
        },
        files,
    )


# ------------------------------------------------------------------------------------- ground


def _resistance(this, spec, grid, highest, power) -> np.ndarray:
    """1 + (highest - 1) (1 - H)^power, at least that of the grounds; NaN where H is unknown."""
    (path,) = this.inputs("reference")
    habitat = rasters.read_map(path, 1)
    out = 1 + (highest - 1) * (1 - habitat.astype("float64")) ** power
    there = this.named("grounds")
    for ground in spec["grounds"]:
        if ground["surface"] in there:
            on_it = rasters.read_map(there[ground["surface"]], 1) >= ground["minimum"]
            out[on_it] = np.maximum(out[on_it], ground["resistance"])
    return out


def _lines(this, spec) -> list[tuple[gpd.GeoDataFrame, float]]:
    """The lines of each barrier that has a layer, and its factor."""
    there = this.named("barriers")
    out = []
    for block in spec["barriers"]:
        if block["layer"] in there:
            table = select(vectors.read_vector(there[block["layer"]]), block.get("where"))
            lines = table[table.geom_type.isin(["LineString", "MultiLineString"])].copy()
            lines["of"] = block["layer"]
            out.append((lines, block["factor"]))
    return out


def _areas(this) -> np.ndarray:
    (path,) = this.inputs("areas")
    return np.nan_to_num(rasters.read_map(path, 2)).astype("int32")


# ------------------------------------------------------------------------------------- corridors


def _frequency(this, spec, grid, lines, areas, cutoff) -> np.ndarray:
    """The share of draws of the resistance in which a cell lies in a corridor."""
    random = np.random.default_rng(spec["seed"])
    count = np.zeros(grid.shape)
    for _ in this.told_of(range(spec["draws"]), spec["draws"]):
        highest, power, scale = (random.uniform(*spec[key]) for key in DRAWN)
        free = _resistance(this, spec, grid, highest, power)
        slowed = [(t.geometry, 1 + (factor - 1) * scale) for t, factor in lines]
        ground = barriers.with_barriers(free, slowed, grid)
        limit = cutoff * (highest / spec["highest"])
        found = corridors.links(ground, areas, grid.resolution.x, [], limit)
        count += corridors.mosaic(found, grid.shape) <= limit
    return count / max(spec["draws"], 1)


def _links_table(links, of, worth, often, grid, cutoff, where, pieces) -> pd.DataFrame:
    net, order = of
    to = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    adds = {tuple(pair): part for pair, part in zip(net.pairs, worth.links, strict=True)}
    chance = {tuple(p): c for p, c in zip(net.pairs, net.probability, strict=True)}
    rows = []
    for link in links:
        width = link.widths[cutoff]
        row, column = width.narrowest_at
        lon, lat = to.transform(*(grid.affine @ (column + 0.5, row + 0.5)))
        on = np.unique(pieces[link.path[:, 0], link.path[:, 1]])
        names = where.loc[where["piece"].isin(on[on > 0]), ["of", "name"]].drop_duplicates()
        pair = order[link.a], order[link.b]
        rows.append((
            link.a, link.b, link.cost / KM, link.length_m / KM, link.straight_m / KM,
            link.cost_over_straight, link.cost_over_path, width.area_km2, width.mean_width_km,
            width.narrowest_m / KM, lon, lat, "yes" if width.meets_the_border else "no",
            "; ".join(f"{of}: {name}" if name else of for of, name in names.to_numpy()),
            float(np.mean(often[link.path[:, 0], link.path[:, 1]])),
            chance.get(pair, 0.0), adds.get(pair, 0.0),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=LINKS).sort_values("adds_percent", ascending=False)


# ------------------------------------------------------------------------------------- flow


class _Coarse:
    """Cells of the flow: so many cells of the grid along a side that windows are affordable."""

    def __init__(self, spec, grid: GeoBox):
        self.factor = max(round(spec["flow_cell_km"] * KM / grid.resolution.x), 1)
        self.cell_km = self.factor * grid.resolution.x / KM
        radius = max(round(spec["radius_km"] / self.cell_km), 2)
        self.windows = flow.Windows(radius, max(radius // 3 // 2 * 2 + 1, 1))
        self.shape = grid.shape
        self.highest = spec["highest"]

    def flow(self, resistance, threads) -> tuple[np.ndarray, np.ndarray]:
        """(flow, flow over that on even ground) on the fine grid; sources are good ground."""
        ground = self._mean(resistance)
        good = np.nan_to_num(1 - (ground - 1) / (self.highest - 1)).clip(0, 1)
        found = flow.flow(ground, good, self.windows, threads)
        even = flow.normalised(found, ground, good, self.windows, threads)
        return self._fine(found), self._fine(even)

    def _mean(self, values) -> np.ndarray:
        """The mean of the known cells of each block, NaN where none is known."""
        k = self.factor
        rows, columns = (-(-n // k) * k for n in values.shape)
        wide = np.full((rows, columns), np.nan)
        wide[: values.shape[0], : values.shape[1]] = values
        blocks = wide.reshape(rows // k, k, columns // k, k)
        known = ~np.isnan(blocks)
        count = known.sum(axis=(1, 3))
        total = np.where(known, blocks, 0).sum(axis=(1, 3))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _fine(self, values) -> np.ndarray:
        k = self.factor
        return values.repeat(k, 0).repeat(k, 1)[: self.shape[0], : self.shape[1]]


def _ranks(values) -> np.ndarray:
    """The share of known cells with less, 0..1."""
    out = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    order = np.sort(values[known])
    out[known] = np.searchsorted(order, values[known], side="left") / max(order.size - 1, 1)
    return out


# ------------------------------------------------------------------------------------- lines


def _pieces(lines, grid) -> tuple[np.ndarray, pd.DataFrame]:
    """Numbers of pieces of 1 km on the grid, and what each is."""
    out = np.zeros(grid.shape, "int32")
    rows, number = [], 0
    for table, _ in lines:
        for feature in table.itertuples():
            for part in shapely.get_parts(feature.geometry):
                n = max(round(part.length / KM), 1)
                ends = np.linspace(0, part.length, n + 1)
                for k in range(n):
                    piece = shapely.ops.substring(part, ends[k], ends[k + 1])
                    number += 1
                    cells = barriers.line_cells([piece], grid)
                    out[cells & (out == 0)] = number
                    name = getattr(feature, "name", "") or ""
                    rows.append((number, feature.of, name, piece.length / KM, piece))
    return out, gpd.GeoDataFrame(
        rows, columns=["piece", "of", "name", "km", "geometry"], geometry="geometry", crs=grid.crs
    )


def _crossings(pieces, where, through, without, slowed, free, areas, links, grid):
    """Each piece with the flow it holds back; the worst also with what its opening saves."""
    table = crossings.crossings(through, without, pieces)
    worst = table["piece"].to_numpy()[:PIECES]
    pairs = [(link.a, link.b) for link in links]
    if pairs and len(worst):
        some = np.where(np.isin(pieces, worst), pieces, 0)
        saved = crossings.opened(slowed, free, some, areas, pairs, grid.resolution.x)
        saved["saved"] /= KM
        saved["saved_most"] /= KM
        table = table.merge(saved, on="piece", how="left")
    at = shapely.line_interpolate_point(where.geometry.values, 0.5, normalized=True)
    points = gpd.GeoSeries(at, crs=grid.crs).to_crs("EPSG:4326")
    where = where.assign(lon=points.x.round(5), lat=points.y.round(5))
    table["flow_rank"] = table["flow_with"].rank(pct=True)
    return where.merge(table, on="piece").sort_values("rank", ignore_index=True)


# ------------------------------------------------------------------------------------- worth


def _worth(links, areas, grid, median_km, least):
    """What each area and link adds, the graph, and the place of each area in it."""
    numbers = np.unique(areas[areas > 0])
    order = {int(n): i for i, n in enumerate(numbers)}
    km2 = ndimage.sum_labels(areas > 0, areas, numbers) * grid.resolution.x**2 / KM**2
    pairs = np.array([(order[link.a], order[link.b]) for link in links]).reshape(-1, 2)
    # A way over ground that costs twice as much is as good as one twice as long.
    net = graph.graph(km2, pairs, np.array([link.cost / KM for link in links]), median_km, least)
    return graph.worth(net), net, order


def _areas_table(areas, worth, grid) -> pd.DataFrame:
    numbers = np.unique(areas[areas > 0])
    rows = ndimage.center_of_mass(areas > 0, areas, numbers)
    to = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    places = [to.transform(*(grid.affine @ (c + 0.5, r + 0.5))) for r, c in rows]
    km2 = ndimage.sum(areas > 0, areas, numbers) * grid.resolution.x**2 / KM**2
    table = pd.DataFrame({
        "area": numbers, "lon": [p[0] for p in places], "lat": [p[1] for p in places],
        "key_km2": km2, "adds_percent": worth.patches, "within": worth.intra, "flux": worth.flux,
        "stepping_stone": worth.connector,
    }, columns=AREAS)  # fmt: skip
    return table.sort_values("adds_percent", ascending=False)


def _summary(this, spec, links, areas, grid, above, cutoff) -> pd.DataFrame:
    numbers = np.unique(areas[areas > 0])
    least = spec["least_probability"]
    medians = [spec["median_km"], *spec["median_between_km"]]
    worths = [_worth(links, areas, grid, m, least)[0].equivalent_area for m in medians]
    return pd.DataFrame([{
        "areas": len(numbers), "links": len(links),
        "alone": len(corridors.alone(numbers.tolist(), links)),
        "equivalent_km2": worths[0], "equivalent_low_km2": min(worths),
        "equivalent_high_km2": max(worths), "median_km": medians[0],
        "median_low_km": medians[1], "median_high_km": medians[2],
        "tested": _tested(this, areas, above <= cutoff, grid, spec["seed"]),
    }])  # fmt: skip


def _tested(this, areas, inside, grid, seed) -> str:
    """Whether fixes outside of key areas lie in corridors more often than the same tracks moved."""
    paths = this.inputs("fixes")
    if not paths:
        return f"The corridors are {TESTED}: there are none."
    fixes = vectors.read_vector(paths[0])
    fixes = fixes[fixes.geom_type == "Point"].to_crs(grid.crs)
    column, row = ~grid.affine @ (fixes.geometry.x, fixes.geometry.y)
    row, column = np.floor(row).astype(int).to_numpy(), np.floor(column).astype(int).to_numpy()
    off = _at(areas, row, column) == 0
    if off.sum() < 20:
        return f"The corridors are {TESTED}: {off.sum()} fixes lie outside of key areas."
    row, column = row[off], column[off]
    found = float(np.mean(_at(inside, row, column) > 0))
    random = np.random.default_rng(seed)
    far = max(grid.shape) // 10
    by_chance = []
    for _ in range(CHANCE):
        dr, dc = random.integers(-far, far + 1, 2)
        moved = _at(inside, row + dr, column + dc)
        there = (_at(areas, row + dr, column + dc) == 0) & (moved >= 0)
        if there.any():
            by_chance.append(float(np.mean(moved[there] > 0)))
    low, high = np.quantile(by_chance, [0.05, 0.95])
    verdict = "more often than" if found > high else "no more often than"
    return (
        f"Of {off.sum()} fixes outside of key areas {found:.0%} lie in a corridor, {verdict} the "
        f"same tracks laid elsewhere ({low:.0%} to {high:.0%} in 90 % of {CHANCE} shifts)."
    )


def _at(values, row, column) -> np.ndarray:
    """Values at cells; -1 beyond the map."""
    rows, columns = values.shape
    ok = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    out = np.full(len(row), -1, "int64")
    out[ok] = values[row[ok], column[ok]]
    return out


def _write_lines(this, links, table, pieces, grid) -> None:
    ways = []
    for link in links:
        at = [grid.affine @ (c + 0.5, r + 0.5) for r, c in link.path]
        ways.append(shapely.LineString(at if len(at) > 1 else at * 2))
    by_pair = {(link.a, link.b): way for link, way in zip(links, ways, strict=True)}
    shapes = [by_pair[pair] for pair in zip(table["a"], table["b"], strict=True)]
    made = {
        "links": gpd.GeoDataFrame(table, geometry=shapes, crs=grid.crs),
        "crossings": gpd.GeoDataFrame(pieces, geometry="geometry", crs=grid.crs),
    }
    vectors.write_vector(this.output("lines"), made, this.tags())

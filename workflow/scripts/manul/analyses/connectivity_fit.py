"""Resistance, corridors, flow, crossings and worth of the key areas of a region."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage

from manul.analyses import collars
from manul.analyses.connectivity import CELLS_OF_A_WAY, MAPS, TESTED, at_once
from manul.connectivity import barriers, corridors, crossings, flow, graph
from manul.connectivity.between import Between, between
from manul.connectivity.coarser import Coarser
from manul.grid import plain_files, rasters, vectors
from manul.grid.crs import transformer
from manul.grid.features import LINES, select
from manul.grid.region import grid_of

KM = 1000.0
PIECES = 300  # of lines whose opening is tried for the cost of the links
DRAWN = "highest_between", "power_between", "lines_between"
CHANCE = 999  # shifts of the tracks
LINKS = [
    "a", "b", "cost_km", "length_km", "straight_km", "cost_over_straight", "mean_resistance",
    "corridor_km2", "mean_width_km", "effective_width_km", "narrowest_km", "narrowest_lon",
    "narrowest_lat", "meets_the_border", "crosses", "frequency", "probability", "adds_percent",
]  # fmt: skip
LEAST_FIXES = 20  # outside of key areas, for a test of the corridors
PATCH_BAND, AREA_BAND = 1, 2  # of the file of key areas: numbers of patches, and of areas
PROTECTED = 0.5  # share of a cell, from which on it counts as protected


@dataclass(frozen=True)
class Ground:
    """What resists: reference habitat, and the least resistance of lakes and the like; 0 = none."""

    habitat: np.ndarray
    least: np.ndarray

    def resistance(self, highest: float, power: float) -> np.ndarray:
        """1 + (highest - 1) (1 - H)^power, at least `least`; NaN where H is unknown."""
        return np.maximum(1 + (highest - 1) * (1 - self.habitat) ** power, self.least)


@dataclass(frozen=True)
class Areas:
    """Areas: numbers by cell (0 = none), the numbers in order, and how large each is.

    Of key areas that is their key habitat.
    """

    cells: np.ndarray
    numbers: np.ndarray
    km2: np.ndarray


def run(this) -> None:
    """Make all maps and tables."""
    spec, cells = this.told.block, _cells(grid_of(this.told.region), this.told.block["most_cells"])
    grid = cells.grid
    ground, lines, areas = _ground(this, spec, cells), _lines(this, spec), _areas(this, cells)
    free = ground.resistance(spec["highest"], spec["power"])
    slowed = _slowed(free, lines, grid)
    this.log.info("%d key areas, %d kinds of lines", len(areas.numbers), len(lines))
    cutoff = spec["cutoff_km"] * KM
    links = list(corridors.links(slowed, areas.cells, grid.resolution.x, [cutoff]))
    above = corridors.mosaic(links, grid.shape)
    share, flowed = _between(this, links, slowed, cutoff)
    often = _frequency(this, spec, grid, ground, lines, areas)
    told = _corridors_table(links, flowed, slowed, often, cutoff)
    flow_on = _Flow(spec, grid, this.threads)
    found = flow_on(slowed)
    each = found, flow_on(free), flow_on.normalised(found, slowed)
    through, without, even = map(flow_on.cells.spread, each)
    this.log.info("%d links; flow on cells of %.1f km", len(links), flow_on.cell_km)
    pieces = _pieces(lines, grid)
    numbered = [
        barriers.number_cells(own.geometry, grid, own["piece"])
        for own in (pieces[pieces["kind"] == kind] for kind in range(len(lines)))
    ]
    others = (_slowed(free, lines[:k] + lines[k + 1 :], grid) for k in range(len(lines)))
    held = _held_back(pieces, numbered, (through, without), (slowed, others), areas, links, grid)
    net = _net(links, areas, spec["median_km"], spec["least_probability"])
    worth = graph.worth(net)
    tables = {
        "links": _links_table(links, told, net, worth, areas, grid, cutoff, pieces, numbered),
        "areas": _areas_table(areas, worth, grid),
        "crossings": held.drop(columns="geometry"),
        "summary": _summary(this, spec, links, told, areas, slowed, cells, above <= cutoff),
    }
    for name, made in tables.items():
        plain_files.write_table(this.output(name), made)
    ways = _ways(links, tables["links"], grid)
    vectors.write_vector(this.output("lines"), {"links": ways, "crossings": held}, this.tags())
    _write_maps(this, cells, {
        "resistance": [slowed],
        "worth": [_of_areas(areas, worth.patches)],
        "corridors": [np.where(np.isinf(above), np.nan, above / KM), often],
        "between": [100 * share],
        "flow": [
            _ranks(through), even, flow.flow_classes(even), flow.pinch_points(through, even),
        ],
    })  # fmt: skip


def _cells(region: GeoBox, most: int) -> Coarser:
    """The cells on which ways are worked out: the region's, or larger ones, `most` at most."""
    height, width = region.shape
    return Coarser(region, max(int(np.ceil(np.sqrt(height * width / most))), 1))


def _write_maps(this, cells, held) -> None:
    """Maps from what the job holds, by file in the order of its bands; NaN on unknown ground."""
    (reference,) = this.inputs("reference")
    bands = {
        name: {
            band: np.asarray(values, "float32")
            for band, values in zip(MAPS[name], arrays, strict=True)
        }
        for name, arrays in held.items()
    }

    def window(rows, columns):
        here = rows.start, rows.stop, columns.start, columns.stop
        unknown = np.isnan(rasters.read_block(reference, here))
        return {
            n: {
                b: np.where(unknown, np.float32(np.nan), cells.spread(v, rows, columns))
                for b, v in of.items()
            }
            for n, of in bands.items()
        }

    # The fixes test the corridors; no map is made from them.
    tests = this.told.block["test_on"], this.told.block["collars"]
    behind = {n: v for n, v in this.provenance().items() if n not in tests}
    files = [
        this.map_file(name, this.output(name), cells.fine, units, behind)
        for name, units in MAPS.items()
    ]
    this.run_here(window, files)


# ------------------------------------------------------------------------------------- ground


def _ground(this, spec, at) -> Ground:
    (path,) = this.inputs("reference")
    habitat = at.means(rasters.read_map(path)).astype("float64")
    least, there = np.zeros(habitat.shape), this.named("grounds")
    for block in spec["grounds"]:
        if block["surface"] in there:
            on_it = at.means(rasters.read_map(there[block["surface"]])) >= block["minimum"]
            least[on_it] = np.maximum(least[on_it], block["resistance"])
    return Ground(habitat, least)


def _lines(this, spec) -> list[tuple[gpd.GeoDataFrame, np.ndarray]]:
    """The lines of each barrier that has a layer, and the factor of each."""
    there = this.named("barriers")
    out = []
    for block in spec["barriers"]:
        if block["layer"] in there:
            table = select(vectors.read_vector(there[block["layer"]]), block.get("where"))
            lines = table[table.geom_type.isin(LINES)]
            out.append((lines.assign(of=block["layer"]), _factors(lines, block)))
    return out


def _slowed(resistance, lines, grid) -> np.ndarray:
    return barriers.with_barriers(resistance, [(t.geometry, f) for t, f in lines], grid)


def _factors(lines, block) -> np.ndarray:
    """By which each line multiplies: by its traffic, where that is known."""
    alike = np.full(len(lines), float(block["factor"]))
    if "traffic" not in block:
        return alike
    traffic = pd.to_numeric(lines[block["traffic"]["field"]], errors="coerce").to_numpy(float)
    at, factor = np.transpose(block["traffic"]["factors"])
    return np.where(np.isnan(traffic), alike, np.interp(traffic, at, factor))


def _areas(this, at) -> Areas:
    """The key areas by the region's cells in the middle of these, with all their key habitat."""
    (path,) = this.inputs("areas")
    numbers = np.nan_to_num(rasters.read_map(path, AREA_BAND)).astype("int32")
    key = np.nan_to_num(rasters.read_map(path, PATCH_BAND)) > 0
    whole, cells = _numbered(numbers, key, at.fine), at.middles(numbers)
    left = np.isin(whole.numbers, cells)
    return Areas(cells, whole.numbers[left], whole.km2[left])


def _numbered(cells, counted, grid) -> Areas:
    """Areas with these numbers, as large as their `counted` cells."""
    numbers = np.unique(cells[cells > 0])
    km2 = ndimage.sum_labels(counted, cells, numbers) * grid.resolution.x**2 / KM**2
    return Areas(cells, numbers, np.asarray(km2, float))


def _of_areas(areas, values) -> np.ndarray:
    """A number of each area on its cells, NaN elsewhere."""
    out = np.full(areas.cells.max() + 1, np.nan)
    out[areas.numbers] = values
    return out[areas.cells]


# ------------------------------------------------------------------------------------- corridors


def _between(this, links, slowed, cutoff) -> tuple[np.ndarray, list[Between]]:
    """Share of the movements on each km, where most pass over all links (NaN where no corridor is),
    and what was found of each, without its map.
    """
    share, told = np.full(slowed.shape, np.nan), []
    with ThreadPoolExecutor(at_once(slowed.size, this.threads)) as pool:
        found = pool.map(lambda link: between(link, slowed, cutoff, CELLS_OF_A_WAY), links)
        for link, each in zip(links, this.told_of(found, len(links), "links"), strict=True):
            np.fmax(share[link.box], each.share_per_km, out=share[link.box])
            told.append(each._replace(share_per_km=np.empty((0, 0))))
    return share, told


def _frequency(this, spec, grid, ground, lines, areas) -> np.ndarray:
    """The share of draws of the resistance in which a cell lies in a corridor.

    The cut-off grows with the highest resistance of a draw, as the costs do.
    """
    random = np.random.default_rng(spec["seed"])
    each = [[random.uniform(*spec[key]) for key in DRAWN] for _ in range(spec["draws"])]

    def within(drawn):
        highest, power, scale = drawn
        slowed = [(t.geometry, 1 + (factor - 1) * scale) for t, factor in lines]
        resistance = barriers.with_barriers(ground.resistance(highest, power), slowed, grid)
        limit = spec["cutoff_km"] * KM * highest / spec["highest"]
        return corridors.lowest(resistance, areas.cells, grid.resolution.x, limit) <= limit

    count = np.zeros(grid.shape)
    with ThreadPoolExecutor(at_once(count.size, this.threads)) as pool:
        for inside in this.told_of(pool.map(within, each), len(each)):
            count += inside
    return count / max(len(each), 1)


def _corridors_table(links, flowed, slowed, often, cutoff) -> pd.DataFrame:
    """Of each corridor its effective width and the cells that current flowed on, whether the map or
    what is known ends beside it, and the mean frequency along its best way.
    """
    unknown = ndimage.binary_dilation(np.isnan(slowed), np.ones((3, 3)))
    ends = [
        link.widths[cutoff].meets_the_border
        or ((link.corridor <= cutoff) & (link.cores == 0) & unknown[link.box]).any()
        for link in links
    ]
    return pd.DataFrame({
        "effective_width_km": [each.effective_width_km for each in flowed],
        "current_cell_km": [each.cell_m / KM for each in flowed],
        "meets_the_border": np.where(np.array(ends, bool), "yes", "no"),
        "frequency": [float(np.mean(often[tuple(link.path.T)])) for link in links],
    })  # fmt: skip


def _links_table(links, told, net, worth, areas, grid, cutoff, pieces, numbered) -> pd.DataFrame:
    of_pairs = zip(map(tuple, net.pairs), net.probability, worth.links, strict=True)
    known = {pair: (probability, adds) for pair, probability, adds in of_pairs}
    rows = []
    for link, more in zip(links, told.itertuples(), strict=True):
        width = link.widths[cutoff]
        (lon,), (lat,) = _degrees(grid, [width.narrowest_at])
        on_path = link.path[:, 0], link.path[:, 1]
        met = np.unique([of[on_path] for of in numbered])
        on = pieces.iloc[met[met > 0] - 1]
        names = on[["of", "name"]].drop_duplicates().to_numpy()
        rows.append((
            link.a, link.b, link.cost / KM, link.length_m / KM, link.straight_m / KM,
            link.cost_over_straight, link.cost_over_path, width.area_km2, _mean_width(link, width),
            more.effective_width_km, width.narrowest_m / KM, lon, lat, more.meets_the_border,
            "; ".join(f"{of}: {name}" if name else of for of, name in names),
            more.frequency, *known.get(_places(areas, link), (0.0, 0.0)),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=LINKS).sort_values("adds_percent", ascending=False)


def _mean_width(link, width) -> float:
    """Unknown where a corridor is wider than its way is long: of areas that nearly touch."""
    return width.mean_width_km if width.mean_width_km <= link.length_m / KM else np.nan


def _places(areas, link) -> tuple[int, int]:
    """The places of the two areas of a link in their order."""
    a, b = np.searchsorted(areas.numbers, [link.a, link.b])
    return int(a), int(b)


def _degrees(grid, cells) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of the middles of cells (row, column)."""
    rows, columns = np.asarray(cells, float).reshape(-1, 2).T
    to_degrees = transformer(str(grid.crs), 4326)
    return to_degrees.transform(*(grid.affine @ (columns + 0.5, rows + 0.5)))


def _ways(links, table, grid) -> gpd.GeoDataFrame:
    """The best ways as lines, with what the table says of each, in its order."""
    shapes = {}
    for link in links:
        at = [grid.affine @ (c + 0.5, r + 0.5) for r, c in link.path]
        shapes[link.a, link.b] = shapely.LineString(at if len(at) > 1 else at * 2)
    in_order = [shapes[pair] for pair in zip(table["a"], table["b"], strict=True)]
    return gpd.GeoDataFrame(table, geometry=in_order, crs=grid.crs)


# ------------------------------------------------------------------------------------- flow


class _Flow:
    """Flow on cells so large that windows are affordable."""

    def __init__(self, spec, grid: GeoBox, threads: int):
        cell_m, self.threads = grid.resolution.x, threads
        self.cells = Coarser(grid, max(round(spec["flow_cell_km"] * KM / cell_m), 1))
        self.cell_km = self.cells.factor * cell_m / KM
        radius = max(round(spec["radius_km"] / self.cell_km), 2)
        self.windows = flow.Windows(radius, max(radius // 3 // 2 * 2 + 1, 1))
        self.highest = spec["highest"]

    def __call__(self, resistance) -> np.ndarray:
        """Flow through these cells; sources are good ground."""
        return flow.flow(*self._ground(resistance), self.windows, self.threads)

    def normalised(self, found, resistance) -> np.ndarray:
        """That flow over the one on even ground: as much work as the flow itself."""
        return flow.normalised(found, *self._ground(resistance), self.windows, self.threads)

    def _ground(self, resistance) -> tuple[np.ndarray, np.ndarray]:
        ground = self.cells.means(resistance)
        return ground, np.nan_to_num(1 - (ground - 1) / (self.highest - 1)).clip(0, 1)


def _ranks(values) -> np.ndarray:
    """The share of known cells with less, 0..1."""
    out = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    order = np.sort(values[known])
    out[known] = np.searchsorted(order, values[known], side="left") / max(order.size - 1, 1)
    return out


# ------------------------------------------------------------------------------------- lines


def _pieces(lines, grid) -> gpd.GeoDataFrame:
    """Pieces of 1 km of all lines, numbered from 1: layer, name, which of `lines`, how long."""
    parts = [
        (feature.of, getattr(feature, "name", "") or "", kind, piece)
        for kind, (table, _) in enumerate(lines)
        for feature in table.itertuples()
        for part in shapely.get_parts(feature.geometry)
        for piece in barriers.cut(part, KM)
    ]
    found = gpd.GeoDataFrame(parts, columns=["of", "name", "kind", "geometry"], crs=grid.crs)
    found.insert(0, "piece", np.arange(1, len(found) + 1))
    found.insert(3, "km", found.length / KM)
    return found


def _held_back(pieces, numbered, flows, grounds, areas, links, grid) -> gpd.GeoDataFrame:
    """Each piece with the flow it holds back; the worst also with what its opening saves."""
    (through, without), (slowed, others) = flows, grounds
    table = crossings.crossings(through, without, numbered)
    worst = table["piece"].to_numpy()[:PIECES]
    pairs = [(link.a, link.b) for link in links]
    if pairs and len(worst):
        some = [np.where(np.isin(of, worst), of, 0) for of in numbered]
        saved = crossings.opened(slowed, others, some, areas.cells, pairs, grid.resolution.x)
        saved[["saved", "saved_most"]] /= KM
        table = table.merge(saved, on="piece", how="left")
    at = shapely.line_interpolate_point(pieces.geometry.values, 0.5, normalized=True)
    points = gpd.GeoSeries(at, crs=grid.crs).to_crs("EPSG:4326")
    table["flow_rank"] = table["flow_with"].rank(pct=True)
    placed = pieces.drop(columns="kind").assign(lon=points.x.round(5), lat=points.y.round(5))
    return placed.merge(table, on="piece").sort_values("rank", ignore_index=True)


# ------------------------------------------------------------------------------------- worth


def _net(links, areas, median_km, least) -> graph.Graph:
    """Areas joined by their links.

    A way over ground that costs twice as much is as good as one twice as long.
    """
    pairs = np.array([_places(areas, link) for link in links]).reshape(-1, 2)
    costs = np.array([link.cost / KM for link in links])
    return graph.graph(areas.km2, pairs, costs, median_km, least)


def _areas_table(areas, worth, grid) -> pd.DataFrame:
    middles = ndimage.center_of_mass(areas.cells > 0, areas.cells, areas.numbers)
    lon, lat = _degrees(grid, middles)
    table = pd.DataFrame({
        "area": areas.numbers, "lon": lon, "lat": lat, "key_km2": areas.km2,
        "adds_percent": worth.patches, "within": worth.intra, "flux": worth.flux,
        "stepping_stone": worth.connector,
    })  # fmt: skip
    return table.sort_values("adds_percent", ascending=False)


def _protected(this, spec, slowed, medians, at) -> dict[str, float]:
    """Per cent of the land that is protected, and that is protected and connected (ProtConn).

    Protected patches are joined by cost, over whatever land lies between them; what lies outside
    of the region is not counted.
    """
    names = "protected", "connected", "connected_low", "connected_high"
    paths = this.inputs("protected")
    if not paths:
        return {f"{name}_percent": np.nan for name in names}
    land, grid = np.isfinite(slowed), at.grid
    there = (at.means(rasters.read_map(paths[0])) >= PROTECTED) & land
    cells = ndimage.label(there, np.ones((3, 3)))[0].astype("int32")
    of = _numbered(cells, there, grid)
    apart = np.full((len(of.numbers), len(of.numbers)), np.inf)
    for link in corridors.links(slowed, cells, grid.resolution.x) if len(apart) > 1 else ():
        a, b = _places(of, link)
        apart[a, b] = apart[b, a] = link.cost / KM
    none = np.empty((0, 2), int)  # patches that touch are one
    land_km2 = land.sum() * grid.resolution.x**2 / KM**2
    made = [
        graph.protconn(of.km2, apart, none, land_km2, median, spec["least_probability"])
        for median in medians
    ]
    joined = [one.protconn for one in made]
    found = made[0].prot, joined[0], min(joined), max(joined)
    return {f"{name}_percent": value for name, value in zip(names, found, strict=True)}


def _summary(this, spec, links, told, areas, slowed, at, inside) -> pd.DataFrame:
    medians = [spec["median_km"], *spec["median_between_km"]]
    nets = [_net(links, areas, median, spec["least_probability"]) for median in medians]
    worths = [graph.equivalent_area(net) for net in nets]
    return pd.DataFrame([{
        "areas": len(areas.numbers), "links": len(links),
        "at_border": int((told["meets_the_border"] == "yes").sum()),
        "alone": len(corridors.alone(areas.numbers.tolist(), links)),
        "equivalent_km2": worths[0], "equivalent_low_km2": min(worths),
        "equivalent_high_km2": max(worths), "median_km": medians[0],
        "median_low_km": medians[1], "median_high_km": medians[2],
        "cutoff_km": spec["cutoff_km"], **_protected(this, spec, slowed, medians, at),
        "cell_km": at.grid.resolution.x / KM, "coarser": "yes" if at.factor > 1 else "no",
        "current_cell_km": told["current_cell_km"].max() if len(told) else np.nan,
        "tested": _tested(this, areas.cells, inside, at.grid, spec["seed"]),
    }])  # fmt: skip


def _tested(this, areas, inside, grid, seed) -> str:
    """Whether fixes outside of key areas lie in corridors more often than the same tracks moved."""
    paths = this.inputs("fixes")
    if not paths:
        return f"The corridors are {TESTED}: there are none."
    fixes, _, _ = collars.read(this)
    column, row = ~grid.affine @ (fixes["x"].to_numpy(), fixes["y"].to_numpy())
    row, column = np.floor(row).astype(int), np.floor(column).astype(int)
    off = _at(areas, row, column) == 0
    if off.sum() < LEAST_FIXES:
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

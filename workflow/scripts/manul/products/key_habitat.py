"""Key habitat: patches large enough for a female's core or home range, and clusters of them.

Patches join over edges and corners. They are found on the whole map at once, so a patch is never
cut by the border of a block.
"""

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from rasterio.features import shapes
from scipy import ndimage

from manul.model.cumulative import amount

KM2 = 1e6
CORNERS = np.ones((3, 3), bool)
CLASSES = {0: "other", 1: "suitable", 2: "key", 3: "breeding patch", 4: "key-degraded"}


def label(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patch number of each cell (0 outside) and the number of cells of each patch."""
    numbers, count = ndimage.label(mask, CORNERS)
    return numbers, np.bincount(numbers.ravel(), minlength=count + 1)


def at_least(mask: np.ndarray, cell_km2: float, smallest_km2: float) -> np.ndarray:
    """The patches of a mask that have at least this area."""
    numbers, cells = label(mask)
    large = cells * cell_km2 >= smallest_km2 - 1e-9
    large[0] = False
    return large[numbers]


def classify(habitat, reference, rules: dict, cell_km2: float) -> dict[str, np.ndarray]:
    """Boolean maps `suitable`, `key`, `breeding`, `key_degraded`, and `class` (uint8, 255 unknown).

    Habitat arrays hold NaN where unknown; unknown cells are in no patch.
    """
    with np.errstate(invalid="ignore"):
        good = habitat >= rules["key"]
        degraded = (reference >= rules["key"]) & ~good
        suitable = habitat >= rules["suitable"]
    key = at_least(good, cell_km2, rules["core_km2"])
    breeding = at_least(key, cell_km2, rules["breeding_km2"])
    code = np.select([np.isnan(habitat), breeding, key, degraded, suitable], [255, 3, 2, 4, 1], 0)
    return {
        "suitable": suitable,
        "key": key,
        "breeding": breeding,
        "key_degraded": degraded,
        "class": code.astype("uint8"),
    }


def polygons(numbers: np.ndarray, grid: GeoBox) -> gpd.GeoDataFrame:
    """One valid (multi)polygon for each patch number above 0, with its `patch` and `area_km2`."""
    found = shapes(numbers.astype("int32"), numbers > 0, connectivity=4, transform=grid.affine)
    rows = [(int(value), shapely.geometry.shape(geometry)) for geometry, value in found]
    table = gpd.GeoDataFrame(
        {"patch": [number for number, _ in rows]},
        geometry=[geometry for _, geometry in rows],
        crs=str(grid.crs),
    )
    table = table.dissolve("patch").reset_index() if len(table) else table
    return table.assign(area_km2=table.area / KM2)


def clusters(table: gpd.GeoDataFrame, join_m: float) -> np.ndarray:
    """A cluster number for each polygon: those within `join_m` of each other, in chains."""
    parent = np.arange(len(table))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    tree = shapely.STRtree(table.geometry.to_numpy())
    pairs = tree.query(table.geometry.to_numpy(), predicate="dwithin", distance=join_m)
    for a, b in pairs.T:
        parent[root(a)] = root(b)
    return np.unique([root(i) for i in range(len(table))], return_inverse=True)[1]


def describe(table: gpd.GeoDataFrame, numbers: np.ndarray, maps: dict, shares: dict, titles: dict):
    """Mean of each map over each patch, and its top three threats with their shares in words.

    `shares` holds each threat's effect; shares of a patch are shares of -ln(1 - effect), summed.
    """
    index = table["patch"].to_numpy(int)
    out = table.copy()
    for name, array in maps.items():
        out[f"mean_{name}"] = patch_means(array, numbers, index).round(3)
    amounts = {name: patch_means(amount(effect), numbers, index) for name, effect in shares.items()}
    for rank, column in enumerate(top_threats(amounts, titles), 1):
        out[f"threat_{rank}"] = column
    return out


def patch_means(array, numbers, index) -> np.ndarray:
    """Mean over the known cells of each patch; NaN where none is known."""
    known = np.isfinite(array)
    total = np.bincount(numbers[known], array[known], minlength=numbers.max() + 1)
    count = np.bincount(numbers[known], minlength=numbers.max() + 1)
    with np.errstate(invalid="ignore"):
        return (total / count)[index]


def top_threats(amounts: dict, titles: dict, most: int = 3) -> list[list[str]]:
    """`most` columns of text such as 'Tracks 12 %': the largest amounts of each row."""
    names = list(amounts)
    table = np.nan_to_num(np.array([amounts[name] for name in names])).T.reshape(-1, len(names))
    total = table.sum(1)
    order = np.argsort(-table, axis=1, kind="stable")
    columns = [[""] * len(table) for _ in range(most)]
    for row, (best, whole) in enumerate(zip(order, total, strict=True)):
        for column, j in zip(columns, best, strict=False):
            if table[row, j] > 0:
                column[row] = f"{titles[names[j]]} {100 * table[row, j] / whole:.0f} %"
    return columns


def cats(suitable_km2, key_km2, rules: dict) -> tuple:
    """(low, high) number of cats: densities in suitable-not-key and in key habitat, per 100 km2.

    23.1 km2 of key habitat at 4-8 per 100 km2 holds 0.9-1.8 cats.
    """
    rest = np.maximum(np.asarray(suitable_km2) - key_km2, 0)
    return tuple(
        (rest * rules[end]["suitable"] + np.asarray(key_km2) * rules[end]["key"]) / 100
        for end in ("low", "high")
    )


def key_areas(key: np.ndarray, grid: GeoBox, rules: dict) -> np.ndarray:
    """Number of the key area of each key cell; 0 outside and in clusters that are too small."""
    numbers, cells = label(key)
    table = polygons(numbers, grid)
    if not len(table):
        return numbers
    cluster = clusters(table, rules["join_km"] * 1000)
    total = np.bincount(cluster, table["area_km2"])
    kept = np.where(total >= rules["area_km2"], np.cumsum(total >= rules["area_km2"]), 0)
    lookup = np.zeros(len(cells), int)
    lookup[table["patch"]] = kept[cluster]
    return lookup[numbers]


def tables(maps: dict, effects: dict, titles: dict, grid: GeoBox, rules: dict) -> dict:
    """The polygon layers of key habitat: suitable, key, breeding_patch, key_area, key_degraded.

    `maps` holds habitat, habitat_reference, threat and value_at_risk; `effects` those of threats.
    """
    cell_km2 = grid.resolution.x**2 / KM2
    found = classify(maps["habitat"], maps["habitat_reference"], rules, cell_km2)
    numbers = {
        "suitable": label(found["suitable"])[0],
        "key": label(found["key"])[0],
        "breeding_patch": label(found["breeding"])[0],
        "key_area": key_areas(found["key"], grid, rules),
        "key_degraded": label(found["key_degraded"])[0],
    }
    return {
        name: _with_cats(
            describe(polygons(n, grid), n, maps, effects, titles), n, found, cell_km2, rules
        )
        for name, n in numbers.items()
    }


def _with_cats(table, numbers, found, cell_km2, rules):
    """Add the range of cats that the density table gives for suitable and key cells."""
    index = table["patch"].to_numpy(int)
    count = [
        np.bincount(numbers[found[n]], minlength=numbers.max() + 1)[index] * cell_km2
        for n in ("suitable", "key")
    ]
    low, high = cats(*count, rules["cats_per_100_km2"])
    return table.assign(cats_low=np.round(low, 1), cats_high=np.round(high, 1))

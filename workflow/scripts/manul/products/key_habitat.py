"""Key habitat: patches large enough for a female's core or home range, and clusters of them.

Patches join over edges and corners. They are found on the whole map at once, so a patch is never
cut by the border of a block; at most 20 bytes a cell are held.
"""

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from manul.exposure import strips
from manul.grid.datasets import Fields
from manul.products.outlines import outlines

KM2 = 1e6
CORNERS = np.ones((3, 3), bool)
CLASSES = {0: "other", 1: "suitable", 2: "key", 3: "breeding patch", 4: "key-degraded"}
# The maps of key habitat that rules, tables and sheets name: file, band, title, unit, codes.
BANDS = {
    "key_class": ("key_habitat", 1, "Class of key habitat", "", ()),
    "key": ("key_habitat", 1, "Key habitat", "", (2, 3)),
    "breeding": ("key_habitat", 1, "Breeding patch", "", (3,)),
    "key_degraded": ("key_habitat", 1, "Degraded key habitat", "", (4,)),
    "suitable": ("key_habitat", 2, "Suitable habitat", "", (1,)),
    "key_patch": ("key_areas", 1, "Number of the key patch", "", ()),
    "key_area": ("key_areas", 2, "Number of the key area", "", ()),
    "key_distance_m": ("key_areas", 3, "Distance to key habitat", "m", ()),
    "breeding_distance_m": ("key_areas", 4, "Distance to a breeding patch", "m", ()),
}
MAPS = (
    ("key_habitat", {"key habitat class": "", "suitable": ""}, CLASSES),
    (
        "key_areas",
        {name: unit for name, (f, _, _, unit, _) in BANDS.items() if f == "key_areas"},
        None,
    ),
)


def find(fields: Fields, rules: dict) -> dict[str, dict[str, np.ndarray]]:
    """Every map of MAPS, by name its bands by name; `rules` is the config block `key_habitat`.

    `fields` holds habitat and habitat_reference. Distances are infinite where there is none at all;
    unknown cells are in no patch.
    """
    grid = fields.grid
    found = classify(fields["habitat"], fields["habitat_reference"], rules, cell_km2(grid))
    key = found.pop("key")
    numbers, _ = label(key)
    areas = {"key_patch": numbers, "key_area": key_areas(numbers, grid, rules)}
    areas["key_distance_m"] = strips.distance(key, grid.resolution.x)
    areas["breeding_distance_m"] = strips.distance(found.pop("breeding"), grid.resolution.x)
    unknown = found["class"] == 255
    suitable = np.where(unknown, 255, found["suitable"]).astype("uint8")
    return {
        "key_habitat": {"key habitat class": found["class"], "suitable": suitable},
        "key_areas": areas,
    }


def cell_km2(grid: GeoBox) -> float:
    """Area of a cell."""
    return grid.resolution.x**2 / KM2


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


def clusters(shapes: np.ndarray, join_m: float) -> np.ndarray:
    """A cluster number for each shape: those within `join_m` of each other, in chains."""
    tree = shapely.STRtree(shapes)
    a, b = tree.query(shapes, predicate="dwithin", distance=join_m)
    linked = coo_array((np.ones(len(a), bool), (a, b)), shape=(len(shapes), len(shapes)))
    return connected_components(linked, directed=False)[1]


def key_areas(patches: np.ndarray, grid: GeoBox, rules: dict) -> np.ndarray:
    """Number of the key area of each cell of a key patch; 0 outside and in clusters too small."""
    table = outlines(patches, grid)
    if not len(table):
        return patches
    cluster = clusters(table.geometry.to_numpy(), rules["join_km"] * 1000)
    total = np.bincount(cluster, table["area_km2"])
    kept = np.where(total >= rules["area_km2"], np.cumsum(total >= rules["area_km2"]), 0)
    lookup = np.zeros(int(table["patch"].max()) + 1, "int32")
    lookup[table["patch"]] = kept[cluster]
    return lookup[patches]


def cats(suitable_km2, key_km2, rules: dict) -> tuple:
    """(low, high) number of cats: densities in suitable-not-key and in key habitat, per 100 km2.

    23.1 km2 of key habitat at 4-8 per 100 km2 holds 0.9-1.8 cats.
    """
    rest = np.maximum(np.asarray(suitable_km2) - key_km2, 0)
    return tuple(
        (rest * rules[end]["suitable"] + np.asarray(key_km2) * rules[end]["key"]) / 100
        for end in ("low", "high")
    )

"""Key habitat: patches large enough for a female's core or home range, and sites of them.

Patches join over edges and corners. They are found on the whole map at once, so a patch is never
cut by the border of a block; 13 bytes a cell are held, and for a while 17.
"""

from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox
from scipy import ndimage

from manul.config.types import KeyHabitat
from manul.grid.fields import Fields
from manul.products import key_areas

KM2 = 1e6
CORNERS = np.ones((3, 3), bool)
KNOWN, SUITABLE, GOOD, DEGRADED = 1, 2, 4, 8
ROWS = 1024  # at once, where numbers are changed in place
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


@dataclass(frozen=True)
class Found:
    """The patches of a region. What maps say beyond this is worked out for a window when asked.

    `kinds` (uint8) and `patches` (int32, number of the key patch) are of each cell, distances in m;
    `breeding` is of each patch by its number.
    """

    kinds: np.ndarray
    patches: np.ndarray
    key_distance: np.ndarray
    breeding_distance: np.ndarray
    breeding: np.ndarray
    areas: key_areas.Areas

    def maps(self, rows: slice, columns: slice) -> dict[str, dict[str, np.ndarray]]:
        """Every map of MAPS in a window, by name its bands by name."""
        at = rows, columns
        patch = self.patches[at]
        areas = {
            "key_patch": patch,
            "key_area": self.areas.window(rows, columns, self.key_distance[at]),
        }
        areas["key_distance_m"] = self.key_distance[at]
        areas["breeding_distance_m"] = self.breeding_distance[at]
        code, suitable = _classes(self.kinds[at], patch, self.breeding)
        classes = {"key habitat class": code, "suitable": suitable}
        return {"key_habitat": classes, "key_areas": areas}

    def named(self, rows: slice, columns: slice) -> dict[str, np.ndarray]:
        """Every map of BANDS in a window, by its name; booleans for those of `codes`."""
        made, out = self.maps(rows, columns), {}
        for name, (file, band, _, _, codes) in BANDS.items():
            values = list(made[file].values())[band - 1]
            out[name] = np.isin(values, codes) if codes else values
        return out


def find(fields: Fields, rules: KeyHabitat, areas: bool = True) -> Found:
    """The patches of key habitat; `rules` is the config block `key_habitat`.

    `fields` holds habitat and habitat_reference. Distances are infinite where there is none at all;
    unknown cells are in no patch. Without `areas` the key areas are not looked for.
    """
    grid, kinds = fields.grid, np.zeros(fields.grid.shape, "uint8")
    for rows, columns in fields.blocks():
        maps = fields.at(rows, columns)
        kinds[rows, columns] = _kinds(maps["habitat"], maps["habitat_reference"], rules)
    patches, km2 = numbered(kinds & GOOD, cell_km2(grid), rules["core_km2"])
    breeding = km2 >= rules["breeding_km2"] - 1e-9
    breeding[0] = False
    to_key, to_breeding = (
        _distance_to(wanted, patches, grid) for wanted in (np.arange(len(km2)) > 0, breeding)
    )
    found = key_areas.find(patches, to_key, grid, rules) if areas else key_areas.nowhere(grid)
    return Found(kinds, patches, to_key, to_breeding, breeding, found)


def numbered(mask: np.ndarray, cell_km2: float, smallest_km2: float) -> tuple:
    """(patch number of each cell, area of each patch by number, km2) of the large enough patches.

    Numbers run from 1 without gaps, in reading order; the area of 0, which is no patch, is 0.
    """
    numbers, cells = label(mask)
    large = cells * cell_km2 >= smallest_km2 - 1e-9
    large[0] = False
    new = np.where(large, np.cumsum(large), 0).astype("int32")
    for row in range(0, len(numbers), ROWS):
        part = numbers[row : row + ROWS]
        part[...] = new[part]
    return numbers, np.append(0, cells[large] * cell_km2)


def cell_km2(grid: GeoBox) -> float:
    """Area of a cell."""
    return grid.resolution.x**2 / KM2


def label(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patch number of each cell (0 outside) and the number of cells of each patch."""
    numbers, count = ndimage.label(mask, CORNERS)
    cells = np.zeros(count + 1, int)
    for row in range(0, len(numbers), ROWS):
        np.add.at(cells, numbers[row : row + ROWS].ravel(), 1)
    return numbers, cells


def cats(suitable_km2, key_km2, density: dict[str, dict[str, float]]) -> tuple:
    """(low, high) number of cats: `density` in suitable-not-key and in key habitat, per 100 km2.

    23.1 km2 of key habitat at 4-8 per 100 km2 holds 0.9-1.8 cats.
    """
    rest = np.maximum(np.asarray(suitable_km2) - key_km2, 0)
    return tuple(
        (rest * density[end]["suitable"] + np.asarray(key_km2) * density[end]["key"]) / 100
        for end in ("low", "high")
    )


# ------------------------------------------------------------------------------------- helpers


def _distance_to(wanted, patches, grid) -> np.ndarray:
    """Distance (m) of each cell to the nearest patch of those that are wanted, by number."""
    from manul.exposure import strips  # compiled: takes long to import

    out = np.empty(grid.shape, "float32")

    def write(row, rows):
        out[row : row + len(rows)] = rows

    def read(row0, row1):
        return wanted[patches[row0:row1]]

    strips.distance_strips(read, grid.shape, grid.resolution.x, write)
    return out


def _kinds(habitat, reference, rules) -> np.ndarray:
    """Of each cell: KNOWN, SUITABLE, GOOD (as key habitat must be), DEGRADED, added up."""
    with np.errstate(invalid="ignore"):
        good = habitat >= rules["key"]
        degraded = (reference >= rules["key"]) & ~good & ~np.isnan(habitat)
        suitable = habitat >= rules["suitable"]
    known = ~np.isnan(habitat)
    return (known * KNOWN | suitable * SUITABLE | good * GOOD | degraded * DEGRADED).astype("uint8")


def _classes(kinds, patches, breeding) -> tuple[np.ndarray, np.ndarray]:
    """(class, suitable) of cells, 255 where unknown."""
    unknown = kinds & KNOWN == 0
    suitable = kinds & SUITABLE > 0
    choices = [unknown, breeding[patches], patches > 0, kinds & DEGRADED > 0, suitable]
    code = np.select(choices, [255, 3, 2, 4, 1], 0).astype("uint8")
    return code, np.where(unknown, 255, suitable).astype("uint8")

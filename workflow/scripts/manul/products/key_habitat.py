"""Key habitat: patches large enough for a female's core or home range, and sites of them.

Patches join over edges and corners, and are never cut by the border of a block. Numbers and
distances are of the whole map: 12 bytes a cell, which lie in files where the map is large.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from manul.config.types import KeyHabitat
from manul.grid.disk_maps import DiskMap, empty
from manul.grid.fields import Fields
from manul.products import key_areas, patches

KM2 = 1e6
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

    `patches` (int32, number of the key patch) and distances in m (float32) are of each cell;
    `breeding` is of each patch by its number.
    """

    fields: Fields
    rules: KeyHabitat
    patches: np.ndarray | DiskMap
    key_distance: np.ndarray | DiskMap
    breeding_distance: np.ndarray | DiskMap
    breeding: np.ndarray
    areas: key_areas.Areas

    def maps(self, rows: slice, columns: slice) -> dict[str, dict[str, np.ndarray]]:
        """Every map of MAPS in a window, by name its bands by name."""
        at = rows, columns
        patch, distance = self.patches[at], self.key_distance[at]
        areas = {"key_patch": patch, "key_area": self.areas.window(rows, columns, distance)}
        areas["key_distance_m"] = distance
        areas["breeding_distance_m"] = self.breeding_distance[at]
        code, suitable = _classes(self.fields.at(rows, columns), patch, self.breeding, self.rules)
        classes = {"key habitat class": code, "suitable": suitable}
        return {"key_habitat": classes, "key_areas": areas}

    def named(self, rows: slice, columns: slice) -> dict[str, np.ndarray]:
        """Every map of BANDS in a window, by its name; booleans for those of `codes`."""
        made, out = self.maps(rows, columns), {}
        for name, (file, band, _, _, codes) in BANDS.items():
            values = list(made[file].values())[band - 1]
            out[name] = np.isin(values, codes) if codes else values
        return out


def find(
    fields: Fields, rules: KeyHabitat, areas: bool = True, folder: Path | None = None
) -> Found:
    """The patches of key habitat; `rules` is the config block `key_habitat`.

    `fields` holds habitat and habitat_reference. Distances are infinite where there is none at all;
    unknown cells are in no patch. Without `areas` the key areas are not looked for. Large maps lie
    in `folder` while they are worked on; without one all are held in memory.
    """
    grid, every = fields.grid, slice(0, fields.grid.width)

    def good(rows):
        return _at_least(fields.window("habitat", rows, every), rules["key"])

    of_cells = empty(grid.shape, "int32", folder)
    strips = patches.strips(grid.shape)
    km2 = patches.number(good, strips, of_cells, cell_km2(grid), rules["core_km2"])
    breeding = km2 >= rules["breeding_km2"] - 1e-9
    breeding[0] = False
    to_key, to_breeding = (
        _distance_to(wanted, of_cells, grid, folder)
        for wanted in (np.arange(len(km2)) > 0, breeding)
    )
    found = key_areas.find(of_cells, to_key, grid, rules) if areas else key_areas.nowhere(grid)
    return Found(fields, rules, of_cells, to_key, to_breeding, breeding, found)


def cell_km2(grid: GeoBox) -> float:
    """Area of a cell."""
    return grid.resolution.x**2 / KM2


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


def _distance_to(wanted, of_cells, grid, folder):
    """Distance (m) of each cell to the nearest patch of those that are wanted, by number."""
    from manul.exposure import strips  # compiled: takes long to import

    out = empty(grid.shape, "float32", folder)

    def write(row, rows):
        out[row : row + len(rows)] = rows

    def read(row0, row1):
        return wanted[of_cells[row0:row1]]

    strips.distance_strips(read, grid.shape, grid.resolution.x, write)
    return out


def _at_least(habitat, level) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return habitat >= level


def _classes(maps, patch, breeding, rules) -> tuple[np.ndarray, np.ndarray]:
    """(class, suitable) of cells, 255 where unknown."""
    habitat = maps["habitat"]
    unknown, suitable = np.isnan(habitat), _at_least(habitat, rules["suitable"])
    degraded = _at_least(maps["habitat_reference"], rules["key"])
    degraded &= ~_at_least(habitat, rules["key"])
    choices = [unknown, breeding[patch], patch > 0, degraded, suitable]
    code = np.select(choices, [255, 3, 2, 4, 1], 0).astype("uint8")
    return code, np.where(unknown, 255, suitable).astype("uint8")

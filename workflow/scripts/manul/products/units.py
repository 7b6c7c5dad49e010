"""Tables for agencies: what each administrative unit holds."""

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize

from manul.model.cumulative import amount
from manul.products import key_habitat


def units(polygons, maps: dict, effects: dict, titles: dict, grid: GeoBox, rules: dict):
    """One row for each unit (polygon with `name`): areas (km2), threat (0..1), cats (a range).

    `maps` holds habitat, habitat_reference, threat, value_at_risk and, if known, protected. A cell
    belongs to the unit over its centre, so that areas add up to the whole; nodata belongs to none.
    """
    number = _numbers(polygons, grid)
    number[np.isnan(maps["habitat"])] = 0
    cell_km2 = grid.resolution.x**2 / key_habitat.KM2
    found = key_habitat.classify(maps["habitat"], maps["habitat_reference"], rules, cell_km2)
    index = np.arange(1, len(polygons) + 1)

    def area(mask):
        return np.bincount(number[mask], minlength=len(polygons) + 1)[1:] * cell_km2

    def mean(array, mask=None):
        values = array if mask is None else np.where(mask, array, np.nan)
        return key_habitat.patch_means(values, np.maximum(number, 0), index)

    amounts = {n: mean(amount(e)) for n, e in effects.items()}
    first, second, third = key_habitat.top_threats(amounts, titles)
    total = area(number > 0)
    suitable, key = area(found["suitable"]), area(found["key"])
    low, high = key_habitat.cats(suitable, key, rules["cats_per_100_km2"])
    protected = maps.get("protected", np.full(grid.shape, np.nan))
    table = pd.DataFrame(
        {
            "unit": polygons["name"].fillna("(no name)").to_numpy(),
            "country": polygons["country"].to_numpy() if "country" in polygons else "",
            "area_km2": total,
            "suitable_km2": suitable,
            "key_km2": key,
            "breeding_patch_km2": area(found["breeding"]),
            "key_degraded_km2": area(found["key_degraded"]),
            "key_percent": (100 * key / np.where(total > 0, total, 1)).round(1),
            "key_protected_percent": (100 * mean(protected, found["key"])).round(1),
            "mean_threat": mean(maps["threat"]).round(3),
            "mean_threat_suitable": mean(maps["threat"], found["suitable"]).round(3),
            "value_at_risk_km2": (mean(maps["value_at_risk"]) * total).round(1),
            "threat_1": first,
            "threat_2": second,
            "threat_3": third,
            "cats_low": low.round(),
            "cats_high": high.round(),
        }
    )
    return table[table["area_km2"] > 0].sort_values("key_km2", ascending=False, ignore_index=True)


def with_rules(table: pd.DataFrame, recommendations: dict) -> pd.DataFrame:
    """Count and size (km2, or km of line) of each rule's recommendations in each unit."""
    out = table.copy()
    for name, found in recommendations.items():
        size = "length_km" if found["length_km"].notna().any() else "area_km2"
        by = found.groupby("unit")
        out[f"{name}_count"] = out["unit"].map(by.size()).fillna(0).astype(int)
        out[f"{name}_{size.split('_')[1]}"] = out["unit"].map(by[size].sum()).fillna(0).round(1)
    return out


def _numbers(polygons, grid) -> np.ndarray:
    """Number (from 1) of the polygon over each cell's centre; 0 where there is none."""
    shapes = [(shape, i) for i, shape in enumerate(polygons.geometry, 1)]
    return rasterize(shapes, grid.shape, transform=grid.affine, fill=0, dtype="int32")

"""Tables for agencies: what each administrative unit holds."""

from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter

import numpy as np
import pandas as pd

from manul.config.expressions import evaluate, holds
from manul.config.types import KeyHabitat
from manul.grid.burn import number_inside
from manul.grid.fields import Fields
from manul.products.confidence import UNSUPPORTED
from manul.products.key_habitat import cats, cell_km2
from manul.products.outlines import (
    BEFORE,
    CHANGE,
    amounts,
    change,
    mean,
    part_of,
    sums,
    top_threats,
)
from manul.products.stamp import identities

MAPS = ("habitat", "habitat_reference", "threat", "value_at_risk", "suitable", "key", "breeding",
        "key_degraded")  # fmt: skip
REGION = "(whole region)"  # in the place of a unit
WHOLE = 0.995  # of a unit: where less of it lies in the region, pages and sheets tell it
AREAS = {
    "suitable_km2": "suitable",
    "key_km2": "key",
    "breeding_patch_km2": "breeding",
    "key_degraded_km2": "key_degraded",
}


def units(
    polygons,
    fields: Fields,
    threats: dict[str, str],
    rules: KeyHabitat,
    animals: str,
    stamped: dict,
    complete: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """One row for each unit (polygon with `name`): areas (km2), threat (0..1), animals (a range).

    `threats` are the titles of the assessed threats, `rules` the config block `key_habitat`, whose
    `protected` names the map of the protected share, `stamped` the columns of `stamp.stamp`,
    `complete` the blocks `tables.completeness` whose maps are there. A cell
    belongs to the unit over its centre, so that areas add up to the whole; nodata belongs to none.
    The change of the value at risk is that since the first scenario, unknown in the first.
    """
    protected = rules["protected"]
    wanted: dict[str, Callable] = {"area": lambda maps: np.isfinite(maps["habitat"])}
    means = AREAS | {"threat": "threat", "value": "value_at_risk"}
    wanted |= {name: itemgetter(of) for name, of in means.items()}
    wanted["threat_suitable"] = lambda maps: np.where(maps["suitable"], maps["threat"], np.nan)
    if protected and fields.has(protected):
        wanted["protected"] = lambda maps: np.where(maps["key"], maps[protected], np.nan)
    if fields.has(BEFORE):
        wanted["change"] = change
    wanted |= amounts(threats)
    for name, block in (complete or {}).items():
        wanted[f"land {name}"] = partial(_land, block["land"], None)
        wanted[f"near {name}"] = partial(_land, block["land"], block["near"])
    found = sums(fields, _numbers(polygons, fields), len(polygons), wanted)
    found = {name: table[:, 1:] for name, table in found.items()}
    cell = cell_km2(fields.grid)
    areas = {name: found[name][0] * cell for name in ("area", *AREAS)}
    total, suitable, key = areas["area"], areas["suitable_km2"], areas["key_km2"]
    low, high = cats(suitable, key, rules["density_per_100_km2"])
    first, second, third = top_threats({n: found[part_of(n)][0] for n in threats}, threats)
    unknown = np.full((2, len(polygons)), np.nan)
    table = pd.DataFrame(
        {
            "id": identities("unit", polygons.geometry),
            "unit": names(polygons),
            "country": polygons["country"].to_numpy() if "country" in polygons else "",
            "area_km2": total,
            **{name: areas[name] for name in AREAS},
            "key_percent": (100 * key / np.where(total > 0, total, 1)).round(1),
            "key_protected_percent": (100 * mean(found.get("protected", unknown))).round(1),
            "mean_threat": mean(found["threat"]).round(3),
            "mean_threat_suitable": mean(found["threat_suitable"]).round(3),
            "value_at_risk_km2": (found["value"][0] * cell).round(1),
            CHANGE: (found.get("change", unknown)[0] * cell).round(1),
            "threat_1": first or "",
            "threat_2": second or "",
            "threat_3": third or "",
            f"{animals}_low": low.round(),
            f"{animals}_high": high.round(),
            "completeness": _completeness(found, complete or {}, len(polygons)),
            **stamped,
        }
    )
    return table[table["area_km2"] > 0].sort_values("key_km2", ascending=False, ignore_index=True)


def _land(land, near, maps) -> np.ndarray:
    """Land that must have something, as a share of each cell; only where it is near, if told."""
    share = np.asarray(evaluate(land, maps), "float64")
    return share if near is None else np.where(holds(near, maps), share, share * 0)


def _completeness(found, blocks, number) -> list[str]:
    """How complete layers are in each unit, in words; nothing where no land must have them."""
    told: list[list[str]] = [[] for _ in range(number)]
    for name, block in blocks.items():
        for i, (land, near) in enumerate(
            zip(found[f"land {name}"][0], found[f"near {name}"][0], strict=True)
        ):
            if land > 0:
                told[i].append(f"{near / land:.0%} {block['words']}")
    return ["; ".join(words) for words in told]


def with_rules(table: pd.DataFrame, recommendations: dict) -> pd.DataFrame:
    """Count and size (km2, or km of line) of each rule's recommendations in each unit.

    Those that the draws do not support are left out, as on pages.
    """
    out = table.copy()
    for name, every in recommendations.items():
        found = every[every["verdict"] != UNSUPPORTED]
        size = "length_km" if every["length_km"].notna().any() else "area_km2"
        by = found.groupby("unit")
        out[f"{name}_count"] = out["unit"].map(by.size()).fillna(0).astype(int)
        out[f"{name}_{size.split('_')[1]}"] = out["unit"].map(by[size].sum()).fillna(0).round(1)
    return out


INTERVALS = ("suitable_km2", "key_km2", "mean_threat", "value_at_risk_km2")


def with_intervals(table: pd.DataFrame, animals: str, *of_draws: pd.DataFrame) -> pd.DataFrame:
    """Beside each number its 5th and 95th percentile over the draws, from tables by unit.

    The range of animals becomes `ANIMALS_p05`, `ANIMALS_p95`: the lower density at the 5th
    percentile of the land, the higher one at the 95th.
    """
    known = pd.concat([found.set_index("unit") for found in of_draws], axis=1)
    known = known.loc[:, ~known.columns.duplicated()]
    ends = {f"{animals}_p05": f"{animals}_low", f"{animals}_p95": f"{animals}_high"}
    named = {f"{animals}_high": ends}
    named |= {n: {f"{n}_p05": f"{n}_p05", f"{n}_p95": f"{n}_p95"} for n in INTERVALS}
    out = {}
    for column in table:
        out[column] = table[column]
        for new, old in named.get(str(column), {}).items():
            if old in known:
                out[new] = table["unit"].map(known[old])
    return pd.DataFrame(out)


def names(polygons) -> list[str]:
    """What each unit is called."""
    return polygons["name"].fillna("(no name)").astype(str).tolist()


def _numbers(polygons, fields):
    """Number (from 1) of the unit over each cell's centre; 0 where there is none, or no habitat."""

    def of(rows, columns):
        number = number_inside(polygons.geometry, fields.grid[rows, columns])
        return np.where(np.isfinite(fields.window("habitat", rows, columns)), number, 0)

    return of

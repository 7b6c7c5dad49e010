"""What lies in and around the features of a layer: reserves, licence blocks, poison events, camps.

Polygons are measured as they are, points and lines with what lies within a distance of them. A
cell counts with the share of it that is covered.
"""

from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.types import KeyHabitat
from manul.grid.fields import Fields
from manul.products.cover import Cover, sums
from manul.products.key_habitat import cats, cell_km2
from manul.products.outlines import KM2, amounts, mean, part_of, top_threats
from manul.products.stamp import identities

AREAS = {
    "suitable_km2": "suitable", "key_km2": "key", "breeding_patch_km2": "breeding",
    "key_degraded_km2": "key_degraded",
}  # fmt: skip
MAPS = ("habitat", "threat", "value_at_risk", *AREAS.values())
MOST_NAMED = 3  # places, in words


def around(
    features: gpd.GeoDataFrame, within_m: float, fields: Fields, threats: Mapping[str, str],
    rules: KeyHabitat, animals: str, stamped: Mapping,
) -> pd.DataFrame:  # fmt: skip
    """One row for each feature, in the order of the layer: areas (km2), means (0..1), threats.

    Without a place, or outside the region, its numbers are unknown; `area_km2` is the ground of it
    whose habitat is known, `of_km2` all of it. `threats` are the titles of the assessed threats.
    """
    shapes = np.array([_shape(shape, within_m) for shape in features.geometry], object)
    there = np.flatnonzero(shapely.area(shapes) > 0)  # no place: no area
    cell = cell_km2(fields.grid)
    means = {"mean_habitat": "habitat", "mean_threat": "threat"}
    wanted: dict[str, str | Callable] = {"known cells": _known, **amounts(threats)}
    wanted |= {n: n for n in MAPS if n in AREAS.values() or fields.has(n)}
    sum_of = sums([Cover(shapes[there], fields.grid)], wanted, fields)[0]
    whole = sum_of["known cells"][0] * cell
    found = {"of_km2": shapely.area(shapes[there]) / KM2, "area_km2": whole}
    found |= {name: sum_of[of][0] * cell for name, of in AREAS.items()}
    for name, of in means.items():
        found[name] = mean(sum_of[of]) if of in sum_of else np.nan
    if "value_at_risk" in sum_of:
        found["value_at_risk_km2"] = sum_of["value_at_risk"][0] * cell
    low, high = cats(found["suitable_km2"], found["key_km2"], rules["density_per_100_km2"])
    found |= {f"{animals}_low": low, f"{animals}_high": high}
    table = pd.DataFrame(index=range(len(features)))
    table["id"] = _identities(shapes)
    table["name"] = _names(features)
    for name, values in found.items():
        column = np.full(len(features), np.nan)
        column[there] = np.where(whole > 0, values, np.nan) if name != "of_km2" else values
        table[name] = np.round(column, 3 if name.startswith("mean") else 2)
    table["within_m"] = np.where(_are_areas(features), 0.0, within_m)
    at_risk = {name: sum_of[part_of(name)][0] for name in threats}
    for i, words in enumerate(top_threats(at_risk, threats), 1):
        column = np.full(len(features), "", object)
        column[there] = words if len(words) else ""
        table[f"threat_{i}"] = column
    return table.assign(**stamped)


def with_places(table: pd.DataFrame, features, within_m: float, places) -> pd.DataFrame:
    """Beside each feature how many places with a recommendation touch it, and the first of them."""
    shapes = gpd.GeoSeries([_shape(s, within_m) for s in features.geometry], crs=features.crs)
    meets, which = shapely.STRtree(places.geometry.to_numpy()).query(
        shapes.to_numpy(), "intersects"
    )
    named = [f"{row.title}, {row.place}" for row in places.itertuples()]
    told = [
        "; ".join(named[i] for i in sorted(which[meets == row])[:MOST_NAMED])
        for row in range(len(table))
    ]
    number = np.bincount(meets, minlength=len(table))
    return table.assign(places=number, first_places=told)


# ------------------------------------------------------------------------------------- helpers


def _known(maps) -> np.ndarray:
    return np.isfinite(maps["habitat"])


def _shape(shape, within_m):
    """The ground of a feature; None where there is no place."""
    if shape is None or shape.is_empty:
        return None
    if shape.area:
        return shapely.make_valid(shape)
    return shapely.buffer(shape, within_m) if within_m else None


def _are_areas(features) -> np.ndarray:
    return shapely.area(features.geometry.to_numpy()) > 0


def _names(features) -> list[str]:
    """What tells features apart: a name, an id of the layer's own, or else their number."""
    ids = [str(column) for column in features if str(column).endswith("_id")]
    columns = [column for column in ("name", *ids, "id") if column in features]
    if not columns:
        return [str(i) for i in range(1, len(features) + 1)]
    return features[columns[0]].fillna("(no name)").astype(str).tolist()


def _identities(shapes) -> list[str]:
    empty = shapely.Polygon()
    return identities("place", [empty if shape is None else shape for shape in shapes])

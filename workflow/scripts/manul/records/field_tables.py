"""Field tables of a layer block: read, checked against their schema, and placed on the map."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from manul.config.types import Layer
from manul.grid.features import with_fields
from manul.records import check, table_files
from manul.records.schemas import schemas
from manul.records.text import fold


def read(path, block: Layer, as_of: str) -> check.Records:
    """The table of a records layer; a date after `as_of` of the config (ISO) is in the future.

    Raises `RecordsError` for a table that cannot be used, `LayerError` for columns that `fields`
    of the block does not describe.
    """
    fields = block.get("fields", {})
    taken = {f if isinstance(f, str) else f["from"] for f in fields.values()}
    known = check.header_names(block["table"], schemas()) | {fold(name) for name in taken}
    wanted = table_files.Wanted(_layer(block), block.get("encoding", ""), known, block["table"])
    raw = table_files.read_table(path, wanted)
    return check.read_records(
        with_fields(raw, fields).drop(columns=list(taken - fields.keys()), errors="ignore"),
        block["table"],
        schemas(),
        dt.date.fromisoformat(as_of),
        zone=block.get("zone", ""),
        time_zone=block.get("time_zone", ""),
    )


def _layer(block: Layer) -> str:
    """The one layer or sheet that the block names; "" where it names none."""
    names = block.get("layer") or ""
    if not isinstance(names, list):
        return names
    if len(names) > 1:
        raise check.RecordsError(
            f"The key `layer` names {', '.join(names)}; expected one for a table of records; give"
            " each table a layer of its own."
        )
    return names[0] if names else ""


def features(found: check.Records, block: Layer) -> gpd.GeoDataFrame:
    """The accepted rows as features in EPSG:4326."""
    known = schemas()
    return record_features(found.accepted, known["tables"][block["table"]], known["classes"])


def summary(found: check.Records, kept: gpd.GeoDataFrame) -> pd.DataFrame:
    """How many rows came and what became of them; came = accepted + rejected, always.

    `kept` are the rows in reach of the region that the layer's filter lets pass.
    """
    rejected, accepted = found.rejected["row"].nunique(), found.accepted.index
    without_place = int(kept.geometry.isna().sum())
    rows = {
        "came": len(found.accepted) + rejected,
        "accepted": len(found.accepted),
        "rejected": rejected,
        "accepted with a changed value": len(set(found.normalised["row"]) & set(accepted)),
        "in reach of the region and used": len(kept) - without_place,
        "without a place of their own": without_place,
    }
    return pd.DataFrame({"rows": list(rows), "number": list(rows.values())})


def record_features(accepted: pd.DataFrame, spec: dict, classes: dict) -> gpd.GeoDataFrame:
    """Accepted records as features in EPSG:4326: their outline, else their line, else their point.

    A field with hazard classes (`classes`: field -> {name: class}) becomes its class; the name is
    kept as FIELD_name. A record without a position has no geometry.
    """
    table = accepted.reset_index(names="row")
    for field, mapping in classes.items():
        if field in table:
            table[f"{field}_name"] = table[field]
            table[field] = table[field].map(mapping)
    columns = [table[p[axis]] for p in spec["positions"] for axis in ("lon", "lat")]
    # a table without positions, such as distances from a line, has no places
    place = _places(np.column_stack(columns).astype(float)) if columns else [None] * len(table)
    outline = table["geom"] if "geom" in table else [None] * len(table)
    shapes = [
        given if isinstance(given, BaseGeometry) else other
        for given, other in zip(outline, place, strict=True)
    ]
    return gpd.GeoDataFrame(table.drop(columns="geom", errors="ignore"), geometry=shapes, crs=4326)


def _places(numbers: np.ndarray) -> np.ndarray:
    """Points from (lon, lat) or lines from (lon, lat, lon, lat); None where one is unknown."""
    out, told = np.full(len(numbers), None, object), ~np.isnan(numbers).any(axis=1)
    known = numbers[told].reshape(-1, numbers.shape[1] // 2, 2)
    out[told] = shapely.points(known[:, 0]) if known.shape[1] == 1 else shapely.linestrings(known)
    return out

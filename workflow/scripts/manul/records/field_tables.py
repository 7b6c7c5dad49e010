"""Field tables of a layer block: read, checked against their schema, and placed on the map."""

import datetime as dt
from functools import cache

import geopandas as gpd
import pandas as pd

from manul.grid import io, layers
from manul.records import check, table_files


def read(path, block: dict) -> check.Records:
    """The table of a records layer; a date is in the future if it is after today."""
    return check.read_records(
        table_files.read_table(path),
        block["table"],
        schemas(),
        dt.date.today(),
        zone=block.get("zone", ""),
    )


def features(found: check.Records, block: dict) -> gpd.GeoDataFrame:
    """The accepted rows as features in EPSG:4326."""
    known = schemas()
    return layers.record_features(found.accepted, known["tables"][block["table"]], known["classes"])


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


@cache
def schemas() -> dict:
    """The schemas of all field tables."""
    return io.read_yaml(io.SCHEMAS / "records.yaml")

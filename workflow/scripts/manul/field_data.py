"""Field tables of a layer block: read, checked against their schema, and placed on the map."""

import datetime as dt
from functools import cache

import geopandas as gpd

from manul import io, layers, records, table_io


def read(path, block: dict) -> records.Records:
    """The table of a records layer; a date is in the future if it is after today."""
    return records.read_records(
        table_io.read_table(path),
        block["table"],
        schemas(),
        dt.date.today(),
        zone=block.get("zone", ""),
    )


def features(found: records.Records, block: dict) -> gpd.GeoDataFrame:
    """The accepted rows as features in EPSG:4326."""
    known = schemas()
    return layers.record_features(found.accepted, known["tables"][block["table"]], known["classes"])


@cache
def schemas() -> dict:
    """The schemas of all field tables."""
    return io.read_yaml(io.SCHEMAS / "records.yaml")

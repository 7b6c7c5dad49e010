"""Features of remote files within a box, as a GeoPackage."""

import zipfile
from collections.abc import Callable, Mapping

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import shapely

from manul.grid.features import select
from manul.retrieval.addresses import Piece
from manul.retrieval.remote import RemoteError, RemoteFile, check_sum, opened

EQUAL_AREA = "+proj=cea +datum=WGS84"


def read(
    pieces: list[Piece],
    box,
    open_file: Callable[[str], RemoteFile],
    source: Mapping,
    wanted: Mapping,
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """The features of whole files that touch a box (degrees), and the addresses that were read.

    `wanted` may name a `table`, features (`where`), `columns` by SQL expression, columns that
    follow from conditions (`classify`), and one for the area. Raises `RemoteError`.
    """
    there = list(opened(pieces, open_file, source["not_found"]))
    tables = [_features(file, box, source, wanted) for _, file in there]
    if not tables:
        raise ValueError("no file has ground within the box")
    whole = pd.concat([t.to_crs("EPSG:4326") for t in tables], ignore_index=True)
    whole = gpd.GeoDataFrame(whole, crs="EPSG:4326")
    if wanted.get("area_ha"):
        whole[wanted["area_ha"]] = whole.to_crs(EQUAL_AREA).area / 1e4
    return whole, [piece.address for piece, _ in there]


def read_parquet(
    pieces: list[Piece], box, open_file: Callable[[str], RemoteFile], source: Mapping
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """The features of GeoParquet files that touch a box: only row groups that may hold one come."""
    tables = [_row_groups(open_file(piece.address), box, source["bbox"]) for piece in pieces]
    whole = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=tables[0].crs)
    return whole, [piece.address for piece in pieces]


# ------------------------------------------------------------------------------------- helpers


def _row_groups(file, box, columns) -> gpd.GeoDataFrame:
    try:
        parquet = pq.ParquetFile(file)
        every = range(parquet.num_row_groups)
        groups = [group for group in every if _may_touch(parquet, group, columns, box)]
        table = parquet.read_row_groups(groups) if groups else parquet.schema_arrow.empty_table()
    except RemoteError:
        raise
    except (OSError, ValueError) as error:
        raise RemoteError(file.address, f"cannot be read as GeoParquet ({error})") from None
    found = gpd.GeoDataFrame.from_arrow(table).drop(columns=columns)
    return found[found.intersects(shapely.box(*box))].reset_index(drop=True)


def _features(file, box, source, wanted) -> gpd.GeoDataFrame:
    path = file.whole()
    _check(file, path, source)
    name = str(path)
    if source.get("inside"):
        name = f"/vsizip/{{{path}}}/{_inside(path, source['inside'], file.address)}"
    layer = wanted.get("table")
    options: dict = {"bbox": box} if source["kind"] != "openstreetmap" else {}
    try:
        if wanted.get("columns") or wanted.get("where"):
            layer = layer or pyogrio.list_layers(name)[0][0]
            options["sql"] = _sql(layer, wanted)
        elif layer:
            options["layer"] = layer
        found = pyogrio.read_dataframe(name, **options)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
        raise RemoteError(file.address, f"cannot be read ({error})") from None
    inside = gpd.GeoSeries([shapely.box(*box)], crs="EPSG:4326").to_crs(found.crs)[0]
    return _classified(found[found.intersects(inside)].copy(), wanted.get("classify", {}))


def _classified(table, classify) -> gpd.GeoDataFrame:
    """The table with columns whose values follow from conditions; the first that holds counts."""
    for column, values in classify.items():
        out = pd.Series(None, table.index, dtype=object)
        for one in reversed(values):
            rows = select(table, one.get("when")).index
            out.loc[rows] = one["value"]
        table[column] = out
    return table


def _sql(layer, wanted) -> str:
    columns = wanted.get("columns") or {"*": ""}
    chosen = ", ".join(f"{how} AS {name}" if how else name for name, how in columns.items())
    where = f" WHERE {wanted['where']}" if wanted.get("where") else ""
    return f'SELECT {chosen} FROM "{layer}"{where}'


def _inside(path, ending, address) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(ending)]
    if not names:
        raise RemoteError(address, f"the archive holds no {ending}")
    return names[0]


def _check(file, path, source) -> None:
    told = source.get("checksum")
    if not told:
        return
    if told.startswith(("http", "{")):
        with file.link.ask(told.format(address=file.address)) as answer:
            told = answer.text.split()[0] if answer.text.split() else ""
    try:
        check_sum(path, told, file.address)
    except RemoteError:
        file.drop()
        raise


def _may_touch(parquet, group, columns, box) -> bool:
    """False where the statistics of a row group say that all of it lies beside the box."""
    meta = parquet.metadata.row_group(group)
    by_name = {meta.column(i).path_in_schema: meta.column(i) for i in range(meta.num_columns)}
    west, south, east, north = (by_name[c].statistics for c in columns)
    if not all(s is not None and s.has_min_max for s in (west, south, east, north)):
        return True
    return bool(
        west.min <= box[2] and east.max >= box[0] and south.min <= box[3] and north.max >= box[1]
    )

"""Actions in the formats of those who act: KMZ, GPX, Shapefile, GeoParquet, waypoints for SMART.

Nothing in the files tells when they were written: the same actions give the same bytes.
"""

import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from manul.grid import plain_files
from manul.grid.atomic import atomic
from manul.grid.plain_files import zipped
from manul.grid.templates import template
from manul.pages.amounts import gained

MOST_BYTES = 5_000_000  # of a KMZ: phones and web viewers refuse larger ones
TOLERANCES = (0, 25, 50, 100, 200, 400, 800, 1600)  # m, by which outlines are simplified
COLOURS = ("00589c", "b27200", "739e00", "a779cc", "429fe4", "009fe6", "56b4e9", "4d4d4d")  # BGR
HERE = Path(__file__).parent
DIGITS = 5  # of degrees: a metre
TEXT = 254  # bytes of a text in a DBF
FIELDS = {
    "rank": "rank", "place": "place", "id": "id", "rule": "rule", "title": "what", "unit": "unit",
    "country": "country", "agency": "who_acts", "action": "action", "gain_km2": "gain_km2",
    "gain_p05_km2": "gain_low", "gain_p95_km2": "gain_high", "gain_of": "gain_by",
    "key_gain_km2": "key_again",
    "confidence": "confidence", "verdict": "verdict", "area_km2": "area_km2",
    "length_km": "length_km", "value_at_risk_km2": "at_risk", "reason": "why_here",
    "longitude": "longitude", "latitude": "latitude", "utm": "utm", "data_status": "data_stat",
    "data_dates": "data_dates", "scenario": "scenario", "notice": "notice",
}  # fmt: skip


def kmz(path, table: gpd.GeoDataFrame, title: str, notice: str) -> tuple[float, int]:
    """Write a KMZ, a folder for each rule; the tolerance (m) of its outlines, and its bytes.

    Outlines are simplified until it is below 5 MB, or by 1600 m.
    """
    for tolerance in TOLERANCES:
        simple = table.geometry.simplify(tolerance) if tolerance else table.geometry
        made = table.set_geometry(simple).to_crs("EPSG:4326")
        text = template(HERE / "handover.kml.j2").render(
            title=title, notice=notice, **_folders(made)
        )
        content = zipped({"doc.kml": text.encode()})
        if len(content) <= MOST_BYTES:
            break
    plain_files.write_bytes(path, content)
    return tolerance, len(content)


def gpx(path, table: gpd.GeoDataFrame, title: str, notice: str) -> None:
    """Write a waypoint in each place to act on, and its outline as a track."""
    acts = table[table["verdict"].isin(["issue", ""])] if len(table) else table
    made = acts.to_crs("EPSG:4326") if len(acts) else acts
    places = [
        {"lat": row.latitude, "lon": row.longitude, "name": f"{row.rule} {row.place}",
         "text": _text(row), "outlines": _outlines(row.geometry)}
        for row in made.itertuples()
    ]  # fmt: skip
    text = template(HERE / "handover.gpx.j2").render(title=title, notice=notice, places=places)
    plain_files.write_text(path, text)


def shapefile(path, table: gpd.GeoDataFrame, words: dict) -> None:
    """Write a zip with a Shapefile of areas, one of lines, `fields.csv` and `corners.csv`.

    In longitude and latitude; `words` say what columns mean. Texts are cut at 254 bytes, which
    `actions.csv` has in full.
    """
    made = table.to_crs("EPSG:4326") if len(table) else table
    files: dict[str, bytes] = {}
    line = made.geom_type.str.contains("Line") if len(made) else np.zeros(0, bool)
    for name, part in (("areas", made[~line]), ("lines", made[line])) if len(made) else ():
        if len(part):
            files |= _shapes(f"actions_{name}", part)
    listed = [
        {"field": short, "column": name, "meaning": words.get(name, {}).get("meaning", "")}
        for name, short in FIELDS.items()
    ]
    files["fields.csv"] = _csv(pd.DataFrame(listed))
    files["corners.csv"] = _csv(corners(made))
    plain_files.write_bytes(path, zipped(files))


def parquet(path, table: gpd.GeoDataFrame) -> None:
    """Write all actions with all columns as GeoParquet, in longitude and latitude."""
    made = table.to_crs("EPSG:4326") if len(table) else table
    with atomic(path) as partial:
        made.to_parquet(partial, index=False, write_covering_bbox=True, compression="zstd")


def waypoints(path, table: gpd.GeoDataFrame) -> None:
    """Write the places to act on as a CSV that SMART imports as waypoints.

    Columns: ID, X and Y (degrees, WGS 84), Name, Comment; one row a place.
    """
    acts = table[table["verdict"].isin(["issue", ""])] if len(table) else table
    rows = [
        (row.id, row.longitude, row.latitude, f"{row.rule} {row.place}", _text(row))
        for row in acts.itertuples()
    ]
    plain_files.write_table(path, pd.DataFrame(rows, columns=["ID", "X", "Y", "Name", "Comment"]))


def corners(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """Each corner of each place: id, part, corner (from 1), longitude, latitude (degrees)."""
    rows = [
        (row.id, part, i, x, y)
        for row in table.itertuples()
        for part, line in enumerate(_outlines(row.geometry), 1)
        for i, (x, y) in enumerate(line, 1)
    ]
    return pd.DataFrame(rows, columns=["id", "part", "corner", "longitude", "latitude"])


# ------------------------------------------------------------------------------------- helpers


def _folders(table) -> dict:
    folders, styles = [], []
    for i, (rule, part) in enumerate(table.groupby("rule", sort=False) if len(table) else ()):
        styles.append({"id": f"style{i}", "colour": COLOURS[i % len(COLOURS)]})
        places = [
            {"id": row.id, "name": row.place, "text": _text(row), **_parts(row.geometry)}
            for row in part.itertuples()
        ]
        title = f"{rule}: {part['title'].iloc[0]}"
        folders.append({"title": title, "style": f"style{i}", "places": places})
    return {"folders": folders, "styles": styles}


def _text(row) -> str:
    gain = gained(row._asdict(), "km² of full quality ")
    sure = "" if pd.isna(row.confidence) else f" ({row.confidence:.0%} of the draws)"
    return " ".join(
        filter(None, [
            f"{row.title}: {row.action}.", f"Why here: {row.reason}.", gain and f"Gain: {gain}.",
            f"Verdict: {row.verdict or 'not assessed'}{sure}.", f"Who acts: {row.agency}.",
            f"Data: {row.data_status}, {row.data_dates}.",
        ])
    )  # fmt: skip


def _parts(shape) -> dict:
    parts = shapely.get_parts(shape)
    lines = [_written(p) for p in parts if p.geom_type == "LineString"]
    polygons = [
        (_written(p.exterior), [_written(hole) for hole in p.interiors])
        for p in parts
        if p.geom_type == "Polygon"
    ]
    return {"lines": lines, "polygons": polygons}


def _written(line) -> str:
    return " ".join(f"{x:.{DIGITS}f},{y:.{DIGITS}f}" for x, y in shapely.get_coordinates(line))


def _outlines(shape) -> list[list[tuple[float, float]]]:
    """The rings and lines of a shape as rounded points."""
    parts = shapely.get_parts(shape)
    rings = shapely.get_parts(shapely.boundary(parts[shapely.get_dimensions(parts) == 2]))
    lines = [*rings, *parts[shapely.get_dimensions(parts) == 1]]
    flat = [part for line in lines for part in shapely.get_parts(line)]
    return [[tuple(xy) for xy in shapely.get_coordinates(p).round(DIGITS).tolist()] for p in flat]


def _shapes(name, table) -> dict[str, bytes]:
    """The files of a Shapefile by name."""
    short = table[[*FIELDS, "geometry"]].rename(columns=FIELDS)
    for column in short.columns[:-1]:
        if short[column].dtype.kind not in "biuf":
            short[column] = [_cut(text) for text in short[column]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.shp"
        pyogrio.write_dataframe(
            short, path, driver="ESRI Shapefile", encoding="UTF-8",
            layer_options={"DBF_DATE_LAST_UPDATE": "1980-01-01"},
        )  # fmt: skip
        return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


def _cut(text) -> str:
    """At most 254 bytes of a text, whole letters."""
    text = text if isinstance(text, str) else ""
    if len(text.encode()) <= TEXT:
        return text
    return text.encode()[: TEXT - 3].decode(errors="ignore") + "…"


def _csv(table) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")

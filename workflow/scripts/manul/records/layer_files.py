"""Vector layers as teams hand them over: which layer of a file, in what letters, columns, shapes.

What can be mended without doubt is mended and told as a `Change`; what cannot raises `FileFault`.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from manul.config.types import Layer
from manul.grid import vectors
from manul.grid.features import POLYGONS, LayerError, with_fields
from manul.records import limits
from manul.records.check import RecordsError
from manul.records.encodings import decode

TWICE = ("route_points", "track_points")  # points that lines of a GPX file have already
TAKEN = ("fid", "geom", "geometry", "ogc_fid")  # columns that a GeoPackage keeps for itself
LATIN = ("iso-8859-1", "latin-1", "latin1", "cp1252", "windows-1252")  # GDAL's own guess
_WESTERN = "\u024f"  # the last letter of Latin scripts
_SEVERAL = 4  # letters of another script: fewer may be signs of a western word
_MIXED = 0.2  # of such words: IVа, but not CRÉÉE
_CONTROL = re.compile("[\x80-\x9f]")
SAME_AREA = 1e-3  # share by which a mended polygon may differ from the one that was drawn
KINDS = {8: "CircularString", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle"}


@dataclass(frozen=True)
class Change:
    """What was put right on reading, or is in doubt; `row` counts features from 1, "" for all."""

    found: str
    expected: str
    done: str
    row: str = ""
    field: str = ""


class FileFault(LayerError):
    """A vector file that cannot be used as it is; `told` says where and how to mend it."""

    def __init__(self, found, expected, mend, row="", field=""):
        self.told = Change(found, expected, mend, row, field)
        place = "".join(
            f", {name} {text}" for name, text in (("row", row), ("field", field)) if text
        )
        super().__init__(f"found {found}{place}; expected {expected}. {mend}")


def read_layer(path, block: Layer) -> tuple[gpd.GeoDataFrame, list[Change]]:
    """The features of a layer as its block describes them, and what was changed on reading.

    Rows count from 0 in the order of the file. Columns are named as a GeoPackage can hold them,
    lists are texts joined by `;`, polygons are valid where they could be mended without changing
    their area. Raises `FileFault` for a file that must be chosen from or mended, `LayerError` for
    columns that `fields` does not describe.
    """
    changes: list[Change] = []
    parts = [_read(path, name, block, changes) for name in chosen(path, block.get("layer"))]
    if not all(isinstance(part, gpd.GeoDataFrame) for part in parts):
        raise FileFault(
            "a table without geometry", "features with a place",
            "Give a table of field records `kind: records` and a `table`; save other points with "
            "their columns of coordinates as a GeoPackage, for example in QGIS",
        )  # fmt: skip
    if not any(map(len, parts)):
        raise FileFault(
            "no features", "at least one feature",
            "An empty layer cannot be told from a lost one; for a layer that does not exist write "
            "`kind: absent`",
        )  # fmt: skip
    table = parts[0] if len(parts) == 1 else _together(parts)
    if len(table.columns) > limits.COLUMNS:
        raise FileFault(
            f"{len(table.columns)} columns", f"{limits.COLUMNS} at most",
            "Save the layer with the columns that are needed, for example in QGIS",
        )  # fmt: skip
    table = with_fields(_joined(table, changes), block.get("fields", {}))
    return _mended(_named(table, changes), changes), changes


def chosen(path, wanted: str | list[str] | None = None) -> list[str | None]:
    """The layers of a file to read: the ones wanted, else the only one that holds features.

    Tables of styles, tables without geometry and empty layers do not count beside others. Raises
    `FileFault`, which lists the layers, where there is a choice to be made.
    """
    found = {str(name): kind for name, kind in pyogrio.list_layers(path)}
    names = [name for name in found if name not in vectors.NOT_DATA]
    if wanted:
        wanted = [wanted] if isinstance(wanted, str) else wanted
        strange = [name for name in wanted if name not in found]
        if strange:
            have = ", ".join(names) or "no layer"
            raise FileFault(f"no layer {strange[0]!r}", have, "Mend the key `layer`", field="layer")
        return list(wanted)
    for counts in (
        lambda name: found[name] is not None,
        lambda name: name not in TWICE,
        lambda name: pyogrio.read_info(path, layer=name, force_feature_count=True)["features"],
    ):
        names = ([n for n in names if counts(n)] or names) if len(names) > 1 else names
    if len(names) > 1:
        raise FileFault(
            f"{len(names)} layers in the file: {', '.join(names)}", "one",
            "Name the one to read with the key `layer`, or several in a list", field="layer",
        )  # fmt: skip
    return list(names) or [None]


# -------------------------------------------------------------------------------------- reading


def _read(path, name, block, changes):
    options = {"encoding": block.get("encoding") or _encoding(path, name, changes)}
    try:
        return vectors.read_rows(path, name, **options)
    except shapely.errors.GEOSException:
        rows = pyogrio.read_dataframe(path, layer=name, read_geometry=False, **options)
        crs, shapes = _shapes_one_by_one(path, name, changes)
        return gpd.GeoDataFrame(rows, geometry=shapes, crs=crs)
    except (UnicodeDecodeError, LookupError) as error:
        raise FileFault(
            f"text that cannot be read ({error})", "text in the encoding of the file",
            "Name the right one with the key `encoding`, for example cp1251", field="encoding",
        ) from None  # fmt: skip


def _encoding(path, name, changes) -> str | None:
    """The encoding of a shapefile, guessed where its letters are told as western; None: as told.

    Without a .cpg file GDAL takes ISO-8859-1, in which any bytes are text; and many programs write
    that the letters are those of Windows in the west, whatever they are.
    """
    info = pyogrio.read_info(path, layer=name)
    if info["driver"] != "ESRI Shapefile":
        return None
    if not len(info["fields"]):
        changes.append(
            Change(
                "shapes without columns", "the part .dbf beside the .shp",
                "Only the shapes are known; copy all parts of the shapefile",
            )
        )  # fmt: skip
        return None
    data = _text(path, name, ENCODING="").encode("latin-1")  # as they lie in the file
    try:
        told = _text(path, name)
    except UnicodeDecodeError:
        told = ""
    if data.isascii() or any(sign.isalpha() and sign > _WESTERN for sign in told):
        return None
    line = next(i for i, text in enumerate(data.split(b"\n")) if not text.isascii())
    try:
        encoding, text = decode(data)
    except RecordsError:
        encoding, text = "", ""
    if encoding and (encoding.startswith("utf") or _is_foreign(text)):
        if text != told:
            example = text.split("\n")[line]
            changes.append(
                Change(
                    f"letters that read best as {encoding}, such as {example!r}",
                    "a file .cpg that says so",
                    "They are read so; if that is wrong, name the right one with the key "
                    "`encoding`", field="encoding",
                )
            )  # fmt: skip
        return encoding
    western = _decoded(data, "cp1252") if _CONTROL.search(told) else told  # no letter is a control
    if told and (info["encoding"].lower() in LATIN or not _states_letters(path)):
        example = western.split("\n")[line]
        changes.append(
            Change(
                f"letters whose encoding is not told, such as {example!r}", "a file .cpg",
                "They are read as those of western Europe; if that is wrong, name the right "
                "encoding with the key `encoding`", field="encoding",
            )
        )  # fmt: skip
    return "cp1252" if western != told else None


def _is_foreign(text) -> bool:
    """Is it clear that words are not western: several letters, few of them beside a Latin one?"""
    words = re.findall(r"[^\W\d_]+", text)
    signs = [[sign > _WESTERN for sign in word] for word in words]
    foreign = [sum(of) for of in signs if any(of)]
    mixed = sum(not all(of) for of in signs if any(of))
    return sum(foreign) >= _SEVERAL and mixed <= _MIXED * len(foreign)


def _decoded(data, encoding) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _states_letters(path) -> bool:
    """Does a shapefile say which letters it holds? 0 and 87 in its table say nothing."""
    table, named = (Path(path).with_suffix(end) for end in (".dbf", ".cpg"))
    if named.exists() or not table.exists():
        return True
    with table.open("rb") as file:
        return file.read(30)[29] not in (0, 0x57)


def _text(path, name, **options) -> str:
    """Names of columns and all texts of a layer, each once, a line for each."""
    rows = pyogrio.read_dataframe(path, layer=name, read_geometry=False, **options)
    worded = rows.select_dtypes(exclude=["number", "bool", "datetime"])
    texts = [v for column in worded for v in worded[column].unique() if isinstance(v, str)]
    return "\n".join(text.replace("\n", " ") for text in dict.fromkeys([*rows.columns, *texts]))


def _shapes_one_by_one(path, name, changes):
    """(CRS, shapes) of a layer that does not read as a whole: open rings are closed and told."""
    told, _, data, _ = pyogrio.raw.read(path, layer=name, columns=[])
    shapes = np.array(shapely.from_wkb(data, on_invalid="ignore"), dtype=object)
    for i in (i for i, shape in enumerate(shapes) if shape is None and data[i] is not None):
        try:
            shapes[i] = shapely.from_wkb(data[i], on_invalid="fix")
        except shapely.errors.GEOSException:
            shapes[i] = None
        if (lines := _lines(data[i])) is not None:
            shapes[i] = shapely.MultiLineString(lines) if lines else None
            changes.append(
                Change(
                    "a line of one point", "two points at least", "It is left out",
                    str(i + 1), "geometry",
                )
            )  # fmt: skip
            continue
        if shapes[i] is None or not shapes[i].is_valid or not shapes[i].area:
            raise FileFault(
                f"a geometry that cannot be read ({_kind(data[i])})",
                "points, lines or closed polygons",
                "Mend the feature in a GIS, or convert the file, for example with ogr2ogr -nlt "
                "CONVERT_TO_LINEAR or -nlt MULTIPOLYGON", row=str(i + 1), field="geometry",
            )  # fmt: skip
        changes.append(
            Change(
                "a ring that is not closed",
                "a closed ring",
                "It was closed",
                str(i + 1),
                "geometry",
            )
        )
    return told["crs"], shapes


def _lines(wkb: bytes) -> list[np.ndarray] | None:
    """The lines of two points or more in the well-known binary of lines; None for another shape."""
    order = "<" if wkb[0] else ">"
    code, count = struct.unpack(f"{order}II", wkb[1:9])
    kind = (code & 0x0FFFFFFF) % 1000
    deep = (code & 0x0FFFFFFF) // 1000
    size = 2 + (deep in (1, 3)) + (deep in (2, 3)) + bool(code >> 31) + bool(code >> 30 & 1)
    if kind not in (2, 5):
        return None
    at, lines = 9 if kind == 5 else 0, []
    for _ in range(count if kind == 5 else 1):
        (points,) = struct.unpack(f"{order}I", wkb[at + 5 : at + 9])
        numbers = np.frombuffer(wkb, f"{order}f8", points * size, at + 9).reshape(points, size)
        if points > 1:
            lines.append(numbers[:, :2])
        at += 9 + numbers.nbytes
    return lines


def _kind(wkb) -> str:
    """The kind of a geometry in well-known binary that shapely does not read."""
    (code,) = struct.unpack("<I" if wkb[0] else ">I", wkb[1:5])
    code = (code & 0x0FFFFFFF) % 1000
    return (
        f"kind {KINDS[code]}" if code in KINDS else "too few points, or a ring that is not closed"
    )


def _together(parts):
    first = parts[0].crs
    same = [part if part.crs == first or first is None else part.to_crs(first) for part in parts]
    return gpd.GeoDataFrame(pd.concat(same, ignore_index=True), crs=first)


# ---------------------------------------------------------------------------- columns and shapes


def _joined(table, changes):
    """Lists (several values of a key of OpenStreetMap) as one text with `;` between."""
    made = {}
    for column in table.columns.drop(table.geometry.name):
        if table[column].dtype != object:
            continue
        lists = table[column].map(lambda value: isinstance(value, list | tuple | np.ndarray))
        if not lists.any():
            continue
        made[column] = table[column].where(~lists, table[column].map(_as_text, na_action=None))
        many = np.flatnonzero(lists & table[column].map(lambda value: np.size(value) > 1))
        if len(many):
            changes.append(
                Change(
                    f"several values in one cell ({len(many)} of {len(table)} features), such as "
                    f"{made[column].iloc[many[0]]!r}", "one value",
                    "They are joined with `;`; say with `fields` what the joined text means",
                    str(many[0] + 1), str(column),
                )
            )  # fmt: skip
    return table.assign(**made)


def _as_text(value):
    if not isinstance(value, list | tuple | np.ndarray):
        return value
    return ";".join(str(v) for v in value if v is not None and str(v).strip()) or None


def _named(table, changes):
    """The table with names of columns that a GeoPackage can hold: each once, in any case."""
    used, names = {*TAKEN}, {}
    for column in table.columns.drop(table.geometry.name):
        name = re.sub(r"[\x00-\x1f]", " ", str(column)).strip() or "column"
        new = next(
            n for n in [name, *(f"{name}_{i}" for i in range(2, 9999))] if n.lower() not in used
        )
        used.add(new.lower())
        if new != str(column):
            names[column] = new
            changes.append(
                Change(
                    f"a column {str(column)!r}", "names that a GeoPackage can hold, each once",
                    f"It is called {new!r} here", field=str(column),
                )
            )  # fmt: skip
    made = table.rename(columns=names)
    return made if made.geometry.name == "geometry" else made.rename_geometry("geometry")


def _mended(table, changes):
    """The table with broken polygons made valid where this leaves their area as it was drawn."""
    shapes = table.geometry.to_numpy().copy()
    broken = np.flatnonzero(~(shapely.is_valid(shapes) | shapely.is_missing(shapes)))
    for i in broken:
        if not np.isfinite(shapely.get_coordinates(shapes[i])).all():
            continue
        whole, drawn = _polygons(shapely.make_valid(shapes[i])), _drawn_area(shapes[i])
        if whole is None or not abs(whole.area - drawn) <= SAME_AREA * drawn:
            continue
        why = shapely.is_valid_reason(shapes[i])
        shapes[i] = whole
        changes.append(
            Change(
                why, "a valid geometry", "It was made valid; its area stays", str(i + 1), "geometry"
            )
        )
    return table.set_geometry(gpd.GeoSeries(shapes, table.index, crs=table.crs))


def _polygons(shape):
    parts = [p for p in shapely.get_parts([shape]) if p.geom_type in POLYGONS]
    return shapely.union_all(parts) if parts else None


def _drawn_area(shape) -> float:
    """The area of polygons as their rings run round it: that of a loop counts against it.

    Parts that are sound alone and overlap count once.
    """
    parts = [p for p in shapely.get_parts([shape]) if p.geom_type == "Polygon"]
    sound = all(part.is_valid for part in parts)
    return float(shapely.union_all(parts).area if sound else sum(part.area for part in parts))

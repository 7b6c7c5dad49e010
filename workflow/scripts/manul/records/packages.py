"""Packages of tables: Camtrap DP, Darwin Core archives, and a single table in a zip.

A package is a zip as platforms export it, or the folder of one that was unpacked, or its
datapackage.json. What its parts are and how their text is written stands in it and is followed:
several files of one table, inline data, .gz, encoding, separator.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from manul.records import camtrap_dp, limits
from manul.records.check import RecordsError
from manul.records.text import fold

CAMTRAP, DARWIN_CORE = "datapackage.json", "meta.xml"
TABLES = (".csv", ".tsv", ".txt")
DIALECT = {"delimiter", "quoteChar", "doubleQuote", "lineTerminator", "header", "skipInitialSpace",
           "caseSensitiveHeader", "csvddfVersion", "commentChar", "nullSequence"}  # fmt: skip
_PACKAGE = f"one {CAMTRAP} that names deployments and observations, and their files beside it"
_ARCHIVE = f"one {DARWIN_CORE} that names the file of the core and its columns"
ParseCsv = Callable[..., pd.DataFrame]


@dataclass
class Package:
    """Files by name within the package; `read` gives the bytes of one, all within the limits."""

    name: str
    files: list[str]
    read_whole: Callable[[str], bytes]
    taken: list[int] = field(default_factory=list)

    def read(self, file: str) -> bytes:
        """The bytes of a file, unpacked; raises ValueError where the package does not hold it."""
        if file not in self.files:
            raise ValueError(f"there is no file {file}")
        data = limits.unpacked(file, self.read_whole(file))
        self.taken.append(len(data))
        limits.demand(self.name, sum(self.taken), limits.BYTES, "bytes when unpacked")
        return data

    def homes(self, named: str) -> list[PurePosixPath]:
        """The folders within the package that hold a file of this name."""
        paths = map(PurePosixPath, self.files)
        return [p.parent for p in paths if p.name == named and "__MACOSX" not in p.parts]


def read(
    path: Path, encoding: str, known: Collection[str], parse: ParseCsv, table: str = ""
) -> pd.DataFrame:
    """The raw table of a package; `parse` is the reader of CSV, `known` the names of columns.

    `table` names the field table that is wanted; without it, of cameras, that of manul records.

    Raises `RecordsError` for what is no package, or lacks what it names.
    """
    kind, expected = "camera-trap package", _PACKAGE
    try:
        with _opened(path) as package:
            if homes := package.homes(CAMTRAP):
                return _camtrap(package, homes, parse, table)
            if homes := package.homes(DARWIN_CORE):
                kind, expected = "Darwin Core archive", _ARCHIVE
                return _darwin_core(package, homes[0], parse)
            return _one_table(package, encoding, known, parse)
    except (
        zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError, OSError,
        RuntimeError, NotImplementedError, ElementTree.ParseError,
    ) as error:  # fmt: skip
        why = str(error).rstrip(".") or "a part is missing"
        raise RecordsError(
            f"{path.name} is not a readable {kind} ({why}); expected {expected}."
        ) from error


def file_of(path: Path) -> Path:
    """The file of a table: of the folder of an unzipped package its datapackage.json."""
    return path / CAMTRAP if (path / CAMTRAP).is_file() else path


def parts_of(path: Path) -> list[Path]:
    """The files of an unzipped package that its datapackage.json names; none for another file."""
    if path.name != CAMTRAP:
        return []
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))["resources"]
        paths = [file for part in told for file in _paths(part)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
    return [file for file in (path.parent / name for name in paths) if file.is_file()]


# ------------------------------------------------------------------------------------- helpers


@contextmanager
def _opened(path: Path) -> Iterator[Package]:
    if path.suffix.lower() == ".json":
        if path.name != CAMTRAP:
            raise ValueError("it is no package")
        files = [path, *parts_of(path)]
        names = {file.relative_to(path.parent).as_posix(): file for file in files}
        yield Package(path.name, list(names), lambda name: names[name].read_bytes())
        return
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist() if not member.is_dir()}

        def whole(name: str) -> bytes:
            limits.demand_unpacked(path.name, [members[name]])
            return archive.read(name)

        yield Package(path.name, list(members), whole)


def _one_table(package, encoding, known, parse) -> pd.DataFrame:
    files = [
        file
        for file in package.files
        if PurePosixPath(file.lower().removesuffix(".gz")).suffix in TABLES
        and not file.startswith("__MACOSX")
    ]
    if len(files) != 1:
        told = ", ".join(package.files[:8]) or "nothing"
        raise ValueError(f"it holds {told}, neither {CAMTRAP} nor a single table")
    return parse(package.read(files[0]), encoding, known)


# Camtrap DP ---------------------------------------------------------------------------------------


OWN_TABLES = {"camera_deployment": "deployments", "camera_observation": "observations"}


def _camtrap(package, homes, parse, table) -> pd.DataFrame:
    if len(homes) != 1:
        raise ValueError(f"it holds {len(homes)} files {CAMTRAP}")
    told = json.loads(package.read(str(homes[0] / CAMTRAP)).decode("utf-8-sig"))
    parts = {part.get("name"): part for part in told["resources"]}
    if own := OWN_TABLES.get(table):
        if own not in parts:
            raise ValueError(f"{CAMTRAP} names no {own}")
        found = _resource(package, homes[0], parts[own], parse)
        found.attrs["read_as"] = {"format": "Camtrap DP", "table": own}
        return found
    tables = {}
    for name in ("deployments", "observations", "media"):
        if name in parts:
            tables[name] = _resource(package, homes[0], parts[name], parse)
        elif name != "media":
            raise ValueError(f"{CAMTRAP} names no {name}")
    try:
        return camtrap_dp.manul_records(**tables)
    except ValueError as error:
        version = _version(told)
        if version and version < (1, 0):
            number = ".".join(map(str, version))
            raise ValueError(
                f"{error}; it is of version {number} of Camtrap DP, and 1.0 or later is read:"
                " export it again"
            ) from error
        raise


def _version(told) -> tuple[int, ...]:
    """The version of Camtrap DP that a package names; () where it names none."""
    match = re.search(r"camtrap-dp/(?:v)?(\d+)\.(\d+)", str(told.get("profile", "")))
    return tuple(map(int, match.groups())) if match else ()


def _resource(package, home, part, parse) -> pd.DataFrame:
    """One table of a package: inline, or of one or more files, the rows of each by their file."""
    if "data" in part:
        return _inline(part["data"])
    paths = _paths(part)
    options = _dialect(part)
    found: list[pd.DataFrame] = []
    for path in paths:
        found.append(_part(parse(package.read(str(home / path)), **options), found))
    if len(found) == 1:
        return found[0]
    for path, table in zip(paths, found, strict=True):
        table.index = pd.Index([f"{path} {row}" for row in table.index])
    return pd.concat(found).fillna("")


def _paths(part) -> list[str]:
    paths = part["path"] if isinstance(part.get("path"), list) else [part.get("path")]
    paths = [path for path in paths if path is not None]
    for path in paths:
        parts = PurePosixPath(path).parts if isinstance(path, str) else ()
        if not parts or "://" in path or ".." in parts or path.startswith("/"):
            raise ValueError(f"the path {path!r} leads out of the package")
    return paths


def _part(table, found) -> pd.DataFrame:
    """A further part, under the names of the first where it has no line of names of its own."""
    if not found or {fold(c) for c in table.columns} & {"deploymentid"}:
        return table
    if len(table.columns) != len(found[0].columns):
        raise ValueError("a part has other columns than the first one")
    first = pd.DataFrame([list(table.columns)], index=[1], columns=found[0].columns)
    return pd.concat([first, table.set_axis(found[0].columns, axis=1)])


def _inline(data) -> pd.DataFrame:
    """Rows that stand in the package's own text, as mappings or under a row of names."""
    if isinstance(data, list) and data and all(isinstance(row, list) for row in data):
        data = [dict(zip(data[0], row, strict=True)) for row in data[1:]]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ValueError("inline data that are no list of rows")
    limits.demand("The inline data", len(data), limits.ROWS, "rows")
    table = pd.DataFrame(data, dtype=object)
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table.map(lambda cell: "" if cell is None or cell != cell else _json_text(cell))


def _json_text(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _dialect(part) -> dict[str, Any]:
    """How the text of a table is written, as `parse_csv` wants it."""
    told = part.get("dialect") or {}
    strange = sorted(set(told) - DIALECT)
    if strange or told.get("header") is False or told.get("doubleQuote") is False:
        wrong = strange[0] if strange else "header or doubleQuote: false"
        raise ValueError(f"{part.get('name')} has a dialect with {wrong}, which is not read")
    options = {"separator": told.get("delimiter"), "quote": told.get("quoteChar")}
    options["encoding"] = part.get("encoding")
    return {key: value for key, value in options.items() if value}


# Darwin Core archives -----------------------------------------------------------------------------


def _darwin_core(package, home, parse) -> pd.DataFrame:
    """The occurrences of an archive, its columns under the last word of their terms."""
    text = package.read(str(home / DARWIN_CORE))
    if b"<!DOCTYPE" in text:
        raise ValueError(f"{DARWIN_CORE} declares a type of its own, which is not read")
    tables = [e for e in ElementTree.fromstring(text) if _tag(e) in ("core", "extension")]
    kinds = [e.attrib.get("rowType", "").rpartition("/")[2] for e in tables]
    if "Occurrence" not in kinds:
        raise ValueError(f"it holds {', '.join(kinds) or 'nothing'}, no table of Occurrence")
    told = tables[kinds.index("Occurrence")]
    fields = [e for e in told if _tag(e) == "field"]
    terms = {e.attrib["term"].rpartition("/")[2]: e.attrib for e in fields}
    (file, *_) = [e.text or "" for e in told.iter() if _tag(e) == "location"]
    encoding = told.attrib.get("encoding", "utf-8")
    separator = told.attrib.get("fieldsTerminatedBy", ",").replace("\\t", "\t")
    # where cells stand in no marks at all, a sign that is not met takes their place
    quote = told.attrib.get("fieldsEnclosedBy", '"') or "\x00"
    names = {int(a["index"]): name for name, a in terms.items() if "index" in a}
    above = int(told.attrib.get("ignoreHeaderLines") or 0)
    lines = package.read(str(home / file.strip())).decode(encoding).split("\n")
    width = max(max(names) + 1, lines[min(above, len(lines) - 1)].count(separator) + 1)
    head = separator.join(names.get(i, f"column {i + 1}") for i in range(width))
    whole = "\n".join([head, *([""] * (above - 1)), *lines[above:]])
    table = parse(whole.encode(), "utf-8", (), separator, quote)
    table.index -= not above  # the names took a line of their own
    table.attrs["read_as"] |= {"format": "Darwin Core archive", "encoding": encoding}
    constant = {n: a["default"] for n, a in terms.items() if "index" not in a and "default" in a}
    return table.assign(**constant)


def _tag(element) -> str:
    return element.tag.rpartition("}")[2]

"""What stands in a file and in those that belong to it, as one digest.

Content decides what is made again, and not the clock alone. A layer is often more than its file: a
shapefile's table, a raster's world file or statistics, what a VRT points to, all files of a folder.
An older file put in place of a newer one, or a table edited in place, must make its layer again.
Digests are kept beside Snakemake's own records, by size, times and inode, so that large files are
read once.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from manul.digests import digest
from manul.grid import reach

KEPT = Path(".snakemake/manul_contents.json")
BESIDE = {
    ".shp": (".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix"),
    ".tab": (".dat", ".map", ".id", ".ind"),
    ".mif": (".mid",),
    ".gpkg": (".gpkg-wal",),
}
BESIDE_RASTERS = (".aux.xml", ".ovr", ".msk", ".prj", ".wld", ".tfw", ".tifw", ".hdr", ".clr")
MOST_SOURCES = 10_000


def of(path: str | Path) -> str:
    """The digest of a file or folder and of all that belongs to it; empty if it does not exist."""
    found = [(name, _sha256(str(part))) for name, part in sorted(_named(Path(path)).items())]
    return digest(found) if found else ""


def parts(path: str | Path) -> list[Path]:
    """The file itself and the files that belong to it, as far as they exist."""
    return list(_parts(Path(path).absolute(), set()))


# ------------------------------------------------------------------------------------- helpers


def _named(path) -> dict[str, Path]:
    """The parts by their path as seen from the layer's folder, which may lie anywhere."""
    home = path.absolute().parent
    return {os.path.relpath(part, home): part for part in parts(path)}


def _parts(path: Path, seen: set) -> Iterator[Path]:
    if path in seen or len(seen) > MOST_SOURCES:
        return
    seen.add(path)
    if path.is_dir():
        yield from (part for part in sorted(path.rglob("*")) if part.is_file())
    if not path.is_file():
        return
    yield path
    beside = _folder(str(path.parent))
    for ending in (*BESIDE.get(path.suffix.lower(), ()), *BESIDE_RASTERS):
        for name in {path.stem + ending, path.name + ending}:
            part = beside.get(name.lower())
            if part and part not in seen:
                seen.add(part)
                yield part
    for source in reach.sources(path):
        yield from _parts(source, seen)


@cache
def _folder(path: str) -> dict[str, Path]:
    return {entry.name.lower(): Path(entry.path) for entry in os.scandir(path) if entry.is_file()}


@cache
def _sha256(path: str) -> str:
    state = Path(path).stat()
    now = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    kept = _kept()
    key = str(Path(path).resolve())
    if kept.get(key, [None])[:-1] == now:
        return kept[key][-1]
    with Path(path).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    kept[key] = [*now, found]
    _keep(kept)
    return found


@cache
def _kept() -> dict:
    try:
        return json.loads(KEPT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _keep(kept) -> None:
    """Write what is known; where nothing can be written, files are read again next time."""
    partial = KEPT.with_name(f"{KEPT.name}.{os.getpid()}")
    try:
        KEPT.parent.mkdir(exist_ok=True)
        partial.write_text(json.dumps(kept), encoding="utf-8")
        partial.replace(KEPT)
    except OSError:
        partial.unlink(missing_ok=True)

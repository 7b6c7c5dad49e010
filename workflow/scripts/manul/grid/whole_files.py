"""Whether a finished file is whole: a full disk, a broken copy or a person may have cut it.

Only the frame of a file is looked at, which is quick: where its last part ends, or how it closes.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import tifffile

TAIL = 1024  # bytes at the end in which a file closes


def cut(paths: Iterable[str | Path]) -> list[Path]:
    """Those files that exist and are not whole; of kinds that do not tell, only empty ones."""
    there = (Path(path) for path in paths)
    return [path for path in there if path.is_file() and not is_whole(path)]


def remove(paths: Iterable[str | Path]) -> list[Path]:
    """Remove the files that are there; which they were."""
    there = [path for path in map(Path, paths) if path.is_file()]
    for path in there:
        path.unlink()
    return there


def is_whole(path: Path) -> bool:
    """Whether a file is as long as it says itself, or ends as its kind does."""
    if path.stat().st_size == 0:
        return False
    return KINDS.get(path.suffix.lower(), lambda path: True)(path)


def _tiff(path) -> bool:
    size = path.stat().st_size
    try:
        with tifffile.TiffFile(path) as file:
            pages = [page for series in file.series for level in series.levels for page in level]
            ends = [
                offset + count
                for page in [*file.pages, *pages]
                for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
            ]
    except Exception:  # whatever a reader makes of a header that is cut
        return False
    return max(ends, default=0) <= size


def _geopackage(path) -> bool:
    """The header of SQLite holds the size of a page and their number, big-endian."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head.startswith(b"SQLite format 3\0"):
        return False
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    return path.stat().st_size >= (65536 if page == 1 else page) * pages


def _ends_with(mark: bytes) -> Callable[[Path], bool]:
    def closed(path) -> bool:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            return mark in file.read()

    return closed


KINDS: dict[str, Callable[[Path], bool]] = {
    ".tif": _tiff,
    ".gpkg": _geopackage,
    ".png": _ends_with(b"IEND"),
    ".pdf": _ends_with(b"%%EOF"),
    ".html": _ends_with(b"</html>"),
}

"""Maps that may not fit in memory: numbers in a plain file, read and written by windows."""

import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

HELD = 2**28  # bytes of a map that is held in memory
PAGE, MANY = 4096, 32  # bytes, and how many of them make a row a long one
TILES_HELD = 1.8e9  # bytes of tiles of large maps that are held while they are worked on


class DiskMap:
    """An array of rows and columns in a file; what was never written is `fill`.

    `map[rows, columns]` and `map[rows]` take slices. A window that is read is a copy, so it alone
    counts as memory; a full disk is an `OSError` where a window is written.
    """

    def __init__(self, shape: tuple[int, int], dtype: Any, file: int, fill: float = 0):
        """`file` is a descriptor open for reading and writing, closed with the map."""
        weakref.finalize(self, os.close, file)
        self.shape, self.dtype, self._file = shape, np.dtype(dtype), file
        # A file holds zeros where nothing was written, so bits are kept as they differ from these.
        self._bits = np.array(fill, dtype).view(f"u{self.dtype.itemsize}")
        # Rows of many pages begin with one, so that tiles share none.
        row = shape[1] * self.dtype.itemsize
        self._row = -(-row // PAGE) * PAGE if row >= MANY * PAGE else row
        size = shape[0] * self._row
        if os.fstat(file).st_size != size:
            os.truncate(file, 0)
            os.truncate(file, size)

    @classmethod
    def at(cls, path: str | Path, shape: tuple[int, int], dtype: Any, fill: float = 0) -> "DiskMap":
        """The map in a file with a name, as an earlier job left it with the same `fill`."""
        return cls(shape, dtype, os.open(path, os.O_RDWR | os.O_CREAT), fill)

    @classmethod
    def nameless(
        cls, shape: tuple[int, int], dtype: Any, folder: Path, fill: float = 0
    ) -> "DiskMap":
        """A map of `fill` in a file of which nothing is left, however the job ends."""
        file, path = tempfile.mkstemp(prefix=".map-", dir=folder)
        Path(path).unlink()
        return cls(shape, dtype, file, fill)

    def __getitem__(self, window) -> np.ndarray:
        """A copy of the window."""
        (top, bottom), (left, right) = self._spans(window)
        out = np.empty((bottom - top, right - left), self.dtype)
        self.read(window, out)
        return out

    def read(self, window, out: np.ndarray) -> None:
        """Read a window into an array of its shape and of the map's type, row by row in memory."""
        shape, places = self._places(window)
        if (out.shape, out.dtype) != (shape, self.dtype) or not out.flags.c_contiguous:
            raise ValueError(f"a window of {shape} is read into an array that it does not fit")
        for row, start in zip(_rows(out, places), places, strict=True):
            left = row.data.cast("B")
            while left:
                done = os.preadv(self._file, [left], start)
                if not done:
                    raise OSError("a map on disk ends too early")
                start, left = start + done, left[done:]
        if self._bits:
            bits = out.view(self._bits.dtype)
            np.bitwise_xor(bits, self._bits, bits)

    def __setitem__(self, window, values) -> None:
        """Write a window."""
        shape, places = self._places(window)
        whole = np.broadcast_to(values, shape).astype(self.dtype, copy=False)
        if whole.strides[1] != self.dtype.itemsize:
            whole = np.ascontiguousarray(whole)
        rows = _rows(whole.view(self._bits.dtype), places)
        spare = np.empty(rows[0].shape, rows[0].dtype) if self._bits and places else None
        for row, start in zip(rows, places, strict=True):
            different = row if spare is None else np.bitwise_xor(row, self._bits, spare)
            left = different.data.cast("B")
            while left:
                done = os.pwrite(self._file, left, start)
                start, left = start + done, left[done:]

    def _places(self, window) -> tuple[tuple[int, int], list[int]]:
        """Rows and columns of a window, and where each of its rows, or all, begin in the file."""
        (top, bottom), (left, right) = self._spans(window)
        shape, size = (bottom - top, right - left), self.dtype.itemsize
        whole = shape[1] * size == self._row
        begin = top * self._row + left * size
        pieces = 0 if not all(shape) else 1 if whole else shape[0]
        return shape, [begin + i * self._row for i in range(pieces)]

    def _spans(self, window) -> list[tuple[int, int]]:
        """Where the rows and the columns of a window begin, and where they have ended."""
        parts = window if isinstance(window, tuple) else (window, slice(None))
        ends = (part.indices(size) for part, size in zip(parts, self.shape, strict=True))
        return [(start, max(start, stop)) for start, stop, _ in ends]


def empty(
    shape: tuple[int, int], dtype: Any, folder: Path | None, fill: float = 0
) -> np.ndarray | DiskMap:
    """A map of `fill`: an array, or in `folder`, if there is one, where it would be large."""
    if folder is None or shape[0] * shape[1] * np.dtype(dtype).itemsize <= HELD:
        return np.full(shape, fill, dtype)
    return DiskMap.nameless(shape, dtype, folder, fill)


def fill(out: np.ndarray, map_: np.ndarray | DiskMap, window) -> None:
    """Read a window of a map into an array of its shape and type."""
    if isinstance(map_, DiskMap):
        map_.read(window, out)
    else:
        out[...] = map_[window]


# ------------------------------------------------------------------------------------- helpers


def _rows(values, places):
    """The parts of an array that lie at these places one by one."""
    return values.reshape(len(places), -1) if places else ()

"""Maps that may not fit in memory: numbers in a plain file, read and written by windows."""

import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

HELD = 2**28  # bytes of a map that is held in memory
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
        size = shape[0] * shape[1] * self.dtype.itemsize
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
        shape, places = self._places(window)
        out = np.empty(shape, self.dtype)
        for row, start in zip(_rows(out, places), places, strict=True):
            left = row.data.cast("B")
            while left:
                done = os.preadv(self._file, [left], start)
                if not done:
                    raise OSError("a map on disk ends too early")
                start, left = start + done, left[done:]
        return self._other(out, out)

    def __setitem__(self, window, values) -> None:
        """Write a window."""
        shape, places = self._places(window)
        whole = np.broadcast_to(values, shape).astype(self.dtype, copy=False)
        if len(places) == 1 or whole.strides[1] != self.dtype.itemsize:
            whole = np.ascontiguousarray(whole)
        for row, start in zip(_rows(whole, places), places, strict=True):
            left = self._other(row).data.cast("B")
            while left:
                done = os.pwrite(self._file, left, start)
                start, left = start + done, left[done:]

    def _other(self, values, out=None):
        """As they stand in the file what is in memory, and the other way round."""
        if not self._bits:
            return values
        kind = self._bits.dtype
        made = np.bitwise_xor(
            values.view(kind), self._bits, None if out is None else out.view(kind)
        )
        return made.view(self.dtype)

    def _places(self, window) -> tuple[tuple[int, int], list[int]]:
        """Rows and columns of a window, and where each of its rows, or all, begin in the file."""
        rows, columns = window if isinstance(window, tuple) else (window, slice(None))
        (top, bottom, _), (left, right, _) = (
            part.indices(size) for part, size in zip((rows, columns), self.shape, strict=True)
        )
        shape, size = (max(bottom - top, 0), max(right - left, 0)), self.dtype.itemsize
        whole = shape[1] == self.shape[1]
        begin = (top * self.shape[1] + left) * size
        every = self.shape[1] * size
        pieces = 0 if not all(shape) else 1 if whole else shape[0]
        return shape, [begin + i * every for i in range(pieces)]


def empty(
    shape: tuple[int, int], dtype: Any, folder: Path | None, fill: float = 0
) -> np.ndarray | DiskMap:
    """A map of `fill`: an array, or in `folder`, if there is one, where it would be large."""
    if folder is None or shape[0] * shape[1] * np.dtype(dtype).itemsize <= HELD:
        return np.full(shape, fill, dtype)
    return DiskMap.nameless(shape, dtype, folder, fill)


# ------------------------------------------------------------------------------------- helpers


def _rows(values, places):
    """The parts of an array that lie at these places one by one."""
    return values.reshape(len(places), -1) if places else ()

"""Maps of one job that may not fit in memory: the large ones lie in files that go with the job."""

import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

HELD = 2**28  # bytes of a map that is held in memory


class DiskMap:
    """An array of rows and columns in a file without a name, of which windows are read.

    Rows are written whole, and a full disk is an `OSError`. What was never written is 0.
    """

    def __init__(self, shape: tuple[int, int], dtype: Any, folder: Path):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._row = shape[1] * self.dtype.itemsize
        self._file, path = tempfile.mkstemp(prefix=".map-", dir=folder)
        weakref.finalize(self, os.close, self._file)
        Path(path).unlink()  # nothing is left of it, however the job ends
        os.truncate(self._file, shape[0] * self._row)

    def __getitem__(self, window) -> np.ndarray:
        """A copy of the window: it alone counts as memory."""
        with mmap.mmap(self._file, 0, prot=mmap.PROT_READ) as mapped:
            whole = np.frombuffer(mapped, self.dtype).reshape(self.shape)
            out = np.array(whole[window])
            del whole
        return out

    def __setitem__(self, rows: slice, values: np.ndarray) -> None:
        """Write whole rows."""
        start = (rows.start or 0) * self._row
        left = np.ascontiguousarray(values, self.dtype).data.cast("B")
        while left:
            done = os.pwrite(self._file, left, start)
            start, left = start + done, left[done:]


def empty(shape: tuple[int, int], dtype: Any, folder: Path | None) -> np.ndarray | DiskMap:
    """A map of zeros: an array, or in `folder`, if there is one, where it would be large."""
    if folder is None or shape[0] * shape[1] * np.dtype(dtype).itemsize <= HELD:
        return np.zeros(shape, dtype)
    return DiskMap(shape, dtype, folder)

"""Patches of cells that touch, over edges and corners, found strip by strip of a large map.

A patch that lies within a strip is known at once. Only of those on the first or the last row of a
strip it is kept with which they join, so memory follows a strip and the length of its edges.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CORNERS = np.ones((3, 3), bool)
ROWS = 1024  # at once, where numbers are changed in place
STRIP = 2**24  # cells of a strip
TILE = 512  # rows of the tiles of a map: strips end between them


def label(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patch number of each cell (0 outside) and the number of cells of each patch."""
    from scipy import ndimage  # takes long to import

    numbers, count = ndimage.label(mask, CORNERS)
    cells = np.zeros(count + 1, int)
    for row in range(0, len(numbers), ROWS):
        np.add.at(cells, numbers[row : row + ROWS].ravel(), 1)
    return numbers, cells


def strips(shape: tuple[int, int]) -> list[slice]:
    """Rows of the strips of a map, each of at most STRIP cells, or of the rows of one tile."""
    height, width = shape
    rows = STRIP // width
    rows = max(rows // TILE, 1) * TILE if height > rows else height
    return [slice(row, min(row + rows, height)) for row in range(0, height, rows)]


@dataclass(frozen=True)
class Joined:
    """What patches on the edges of strips are part of.

    Of each strip: its own numbers of such patches (`labels`) and the number, from 0, of the whole
    that each is part of (`wholes`); `cells` is of each whole.
    """

    labels: list[np.ndarray]
    wholes: list[np.ndarray]
    cells: np.ndarray

    def sizes(self, strip: int, cells: np.ndarray) -> np.ndarray:
        """Cells of the whole patch that each number of a strip is part of."""
        out = cells.copy()
        out[self.labels[strip]] = self.cells[self.wholes[strip]]
        return out


_NONE = np.zeros(0, int)
ALONE = Joined([_NONE], [_NONE], _NONE)  # of a map that is one strip


class Joining:
    """Strips that are looked at from the first to the last, to know which patches join."""

    def __init__(self):
        self._labels, self._cells, self._pairs, self._last = [], [], [], None
        self._count = 0

    def add(self, numbers: np.ndarray, cells: np.ndarray) -> None:
        """The next strip, as `label` gives it."""
        edge = np.unique(np.concatenate([numbers[0], numbers[-1]]))
        edge = edge[edge > 0]
        node = np.full(len(cells), -1, "int64")
        node[edge] = self._count + np.arange(len(edge))
        if self._last is not None:
            self._pairs += list(_touching(self._last, node[numbers[0]]))
        self._last = node[numbers[-1]]
        self._count += len(edge)
        self._labels.append(edge)
        self._cells.append(cells[edge])

    def done(self) -> Joined:
        """What joins, when every strip was added."""
        from scipy.sparse import coo_matrix  # takes long to import
        from scipy.sparse.csgraph import connected_components

        pairs = np.concatenate([np.zeros((0, 2), int), *self._pairs])
        links = coo_matrix((np.ones(len(pairs), bool), pairs.T), shape=(self._count,) * 2)
        count, whole = connected_components(links, directed=False) if self._count else (0, [])
        cells = np.concatenate([_NONE, *self._cells])
        of = np.bincount(np.asarray(whole, int), cells, minlength=count).astype(int)
        ends = np.cumsum([len(edge) for edge in self._labels])[:-1]
        return Joined(self._labels, np.split(np.asarray(whole, int), ends), of)


def numbered(mask: np.ndarray, cell_km2: float, smallest_km2: float) -> tuple:
    """(patch number of each cell, area of each patch by number, km2) of the large enough patches.

    Numbers run from 1 without gaps, in reading order; the area of 0, which is no patch, is 0.
    """
    out = np.zeros(mask.shape, "int32")
    return out, number(lambda rows: mask[rows], [slice(0, len(mask))], out, cell_km2, smallest_km2)


def number(read: Callable, rows: list[slice], out, cell_km2: float, smallest_km2: float):
    """Write the number of the patch of each cell to `out`; the area (km2) of each, by number.

    `read(slice)` gives rows of the mask, `rows` are its strips from the first to the last, `out`
    takes rows of int32. Numbers are those of `numbered`, whatever the strips.
    """
    joining = Joining()
    for part in rows:
        numbers, cells = label(read(part))
        joining.add(numbers, cells)
    joined = joining.done()
    of_whole = np.zeros(len(joined.cells), int)  # its number; 0 before it is met
    areas, count = [np.zeros(1)], 0
    for strip, part in enumerate(rows):
        if len(rows) > 1:
            numbers, cells = label(read(part))
        km2 = joined.sizes(strip, cells) * cell_km2
        large = km2 >= smallest_km2 - 1e-9
        large[0] = False
        edge, whole = joined.labels[strip], joined.wholes[strip]
        met = of_whole[whole] > 0
        first = np.zeros(len(edge), bool)
        first[np.unique(whole, return_index=True)[1]] = True
        fresh = large.copy()
        fresh[edge[met | ~first]] = False
        new = np.where(fresh, count + np.cumsum(fresh), 0).astype("int32")
        of_whole[whole[first & ~met]] = new[edge[first & ~met]]
        new[edge] = of_whole[whole]
        areas.append(km2[fresh])
        count += int(fresh.sum())
        for row in range(0, len(numbers), ROWS):
            of = numbers[row : row + ROWS]
            of[...] = new[of]
        out[part] = numbers
    return np.concatenate(areas)


def _touching(above: np.ndarray, below: np.ndarray):
    """Pairs of nodes of two neighbouring rows that touch; -1 is none."""
    width = len(above)
    for shift in (-1, 0, 1):
        a = above[max(0, shift) : width + min(0, shift)]
        b = below[max(0, -shift) : width + min(0, -shift)]
        both = (a >= 0) & (b >= 0)
        yield np.unique(np.stack([a[both], b[both]], 1), axis=0)

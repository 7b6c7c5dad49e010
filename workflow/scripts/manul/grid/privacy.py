"""Areas in which places that are not public may be told of: each holds none of them, or enough.

One division of the region stands behind every public product that a hidden layer touches: surfaces
are means over its areas, pages count rows in them, distances are measured to them. Areas are made
by halving the region, so that no border tells where a place is (one drawn around places would); a
half is cut off only if what it holds, and what is near enough to count in it, are none or at
least `least` places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

SAME_M = 1000  # places closer than this lattice are one: a camera with many rows is one place


def places(shapes: Sequence[BaseGeometry | None]) -> np.ndarray:
    """(places, 4): west, south, east, north of each distinct place of some features, in metres.

    Features that lie in the same cells of a 1 km lattice count once; those without a place do not.
    """
    found = [shape.bounds for shape in shapes if shape is not None and not shape.is_empty]
    boxes = np.array(found, float).reshape(-1, 4)
    _, first = np.unique(np.floor(boxes / SAME_M), axis=0, return_index=True)
    return boxes[np.sort(first)]


@dataclass(frozen=True)
class Areas:
    """A lattice of square cells from its south-west corner (m); `labels` (rows northwards, columns)
    holds the number of the area of each from 1, and areas are rectangles."""

    west: float
    south: float
    cell_m: float
    labels: np.ndarray

    def __len__(self) -> int:
        return int(self.labels.max())

    def grid(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The area of each cell of a map (y, x), from the centres of its columns and rows."""
        return self.labels[np.ix_(self._index(y, self.south, 0), self._index(x, self.west, 1))]

    def of(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The area of each point."""
        return self.labels[self._index(y, self.south, 0), self._index(x, self.west, 1)]

    def boxes(self) -> np.ndarray:
        """(areas, 4): west, south, east, north of each, in metres."""
        rows, columns = np.indices(self.labels.shape)
        out = np.zeros((len(self), 4))
        for i, (index, start) in enumerate(((columns, self.west), (rows, self.south))):
            first, last = np.full(len(self) + 1, 10**9), np.full(len(self) + 1, -1)
            np.minimum.at(first, self.labels, index)
            np.maximum.at(last, self.labels, index)
            out[:, i] = start + first[1:] * self.cell_m
            out[:, i + 2] = start + (last[1:] + 1) * self.cell_m
        return out

    def _index(self, values, start, axis) -> np.ndarray:
        number = np.floor((np.asarray(values, float) - start) / self.cell_m).astype(int)
        return np.clip(number, 0, self.labels.shape[axis] - 1)


def areas(
    hidden: Sequence[np.ndarray],
    bounds: tuple[float, float, float, float],
    cell_m: float,
    least: int,
    reach_m: float,
) -> Areas:
    """The areas of what lies within `bounds` (west, south, east, north; m).

    `hidden` holds the `places` of each hidden layer. No side is shorter than `cell_m`. A place
    counts in an area from as far as `reach_m`; if that is infinite, no area is without a place. The
    whole is one area if there are fewer than `least` places in all.
    """
    west, south = (np.floor(side / cell_m) * cell_m for side in bounds[:2])
    width = max(1, int(np.ceil((bounds[2] - west) / cell_m)))
    height = max(1, int(np.ceil((bounds[3] - south) / cell_m)))
    labels = np.zeros((height, width), "int32")
    waiting, number = [((0, 0, width, height), list(hidden))], 0
    corner = np.array([west, south, west, south])
    while waiting:
        box, near = waiting.pop()
        metres = corner + np.array(box) * cell_m
        near = [layer[_gap(layer, metres) <= reach_m] for layer in near]
        left, bottom, right, top = box
        if not any(len(layer) for layer in near):  # each cell may be told of
            size = (top - bottom) * (right - left)
            each = np.arange(number + 1, number + size + 1).reshape(top - bottom, right - left)
            labels[bottom:top, left:right] = each
            number += size
            continue
        for halves in _halves(box):
            each_m = [corner + np.array(half) * cell_m for half in halves]
            if all(_enough(layer, half, least, reach_m) for half in each_m for layer in near):
                waiting += [(half, near) for half in halves]
                break
        else:
            number += 1
            labels[bottom:top, left:right] = number
    return Areas(west, south, cell_m, labels)


# ------------------------------------------------------------------------------------- helpers


def _halves(box):
    """The ways to cut a box of cells in two, across its longer side first."""
    left, bottom, right, top = box
    x, y = (left + right) // 2, (bottom + top) // 2
    upright = ((left, bottom, x, top), (x, bottom, right, top))
    level = ((left, bottom, right, y), (left, y, right, top))
    ways = [(right - left, upright), (top - bottom, level)]
    return [halves for side, halves in sorted(ways, key=lambda way: -way[0]) if side > 1]


def _enough(layer, box, least, reach_m) -> bool:
    gap = _gap(layer, box)
    within = int((gap <= 0).sum())
    if not np.isfinite(reach_m):
        return within >= least
    return all(n == 0 or n >= least for n in (within, int((gap <= reach_m).sum())))


def _gap(layer, box) -> np.ndarray:
    """Distance (m, along an axis) from each place to a box; 0 where they touch."""
    west, south, east, north = box
    aside = np.maximum(west - layer[:, 2], layer[:, 0] - east)
    above = np.maximum(south - layer[:, 3], layer[:, 1] - north)
    return np.maximum(np.maximum(aside, above), 0)

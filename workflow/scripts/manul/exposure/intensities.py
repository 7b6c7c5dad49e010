"""Which intensities a raster holds, and the largest intensity x decay taken level by level.

The set of cells at or above a level is nested in that of any lower level. So the maximum over
levels of level x decay(distance to its set) is exact when every distinct intensity is a level,
and within `tolerance` when intensities are rounded to levels 2 x tolerance apart.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from manul.exposure.nearest import distance_rows, profile, raise_exposure

MOST_EXACT_LEVELS = 16


@dataclass(frozen=True)
class Census:
    """What a raster holds: distinct positive intensities (None if too many), sources, highest."""

    values: tuple | None
    sources: int
    highest: float


def census(block):
    """The `Census` of one block (2-D uint8 or float32; NaN is unknown and not counted)."""
    found = np.zeros(MOST_EXACT_LEVELS, dtype=block.dtype)
    distinct, number, lowest, highest = _census(block, found)
    if lowest < 0 or np.isinf(highest):
        raise ValueError(f"intensity must be finite and not negative, found {lowest}..{highest}")
    values = None if distinct > found.size else tuple(sorted(map(float, found[:distinct])))
    return Census(values, int(number), float(highest))


def merged(censuses):
    """The census of the whole from those of its parts, in any order."""
    values = set()
    for part in censuses:
        values = None if values is None or part.values is None else values.union(part.values)
    if values is not None and len(values) > MOST_EXACT_LEVELS:
        values = None
    return Census(
        None if values is None else tuple(sorted(values)),
        sum(part.sources for part in censuses),
        max((part.highest for part in censuses), default=0.0),
    )


def levels(whole, tolerance):
    """(level, least intensity that counts for it) pairs, strongest first."""
    if whole.values is not None:
        return [(value, value) for value in reversed(whole.values)]
    number = int(np.ceil(0.5 / tolerance))
    pairs = [(k / number, (k - 0.5) / number) for k in range(number, 0, -1)]
    return [(level, least) for level, least in pairs if least <= whole.highest]


def nearest_rows(window, row0, start, stop, steps, decay, cell, table):
    """Largest level x decay (float32) on rows start..stop of the grid.

    `window` begins at row `row0` and holds every source within reach of those rows; `steps` come
    from `levels`. Without a table the decay of each distance is computed.
    """
    low, high = start - row0, stop - row0
    out = np.zeros((stop - start, window.shape[1]), dtype="float32")
    strongest = 0
    for level, least in steps:
        source = (window >= np.float32(least)).view("uint8")
        number = np.count_nonzero(source)
        # Sources that a stronger level already had cannot win at this one.
        if number > strongest and out.min() < level:
            above = profile(source[:low], row0)[1]
            below = profile(source[high:], stop)[0]
            _raise(out, source[low:high], start, above, below, cell, decay, table, level)
        strongest = number
    return out


def _raise(out, source, row0, above, below, cell, decay, table, level):
    if table is not None:
        raise_exposure(out, source, row0, above, below, cell, table, level)
        return
    reached = np.float32(level) * decay(distance_rows(source, row0, above, below, cell))
    np.maximum(out, reached.astype("float32"), out=out)


@njit(nogil=True, cache=True)
def _census(block, found):
    """(number of distinct positive values, capped; sources; lowest value; highest value)."""
    distinct, number = 0, 0
    lowest, highest = np.float64(0), np.float64(0)
    recent = found[0]
    for r in range(block.shape[0]):
        sources, strange = _plain_row(block[r], recent)
        if not strange:
            number += sources
            continue
        for value in block[r]:
            if value < 0:
                lowest = min(lowest, np.float64(value))
            if not value > 0:
                continue
            number += 1
            if value == recent:
                continue
            recent = value
            highest = max(highest, np.float64(value))
            if distinct <= found.size:
                distinct = _add(value, found, distinct)
    return distinct, number, lowest, highest


@njit(nogil=True, cache=True)
def _plain_row(row, known):
    """(sources, cells that are neither zero nor the known value): no branch, so it runs fast."""
    sources, strange = 0, 0
    for value in row:
        sources += value > 0
        strange += (value != 0) & (value != known)
    return sources, strange


@njit(nogil=True, cache=True)
def _add(value, found, distinct):
    for k in range(distinct):
        if found[k] == value:
            return distinct
    if distinct < found.size:
        found[distinct] = value
    return distinct + 1

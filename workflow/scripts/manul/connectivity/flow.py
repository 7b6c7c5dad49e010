"""Flow from everywhere: movement between all habitat within reach, not between chosen patches.

A window moves over the map (after Omniscape: McRae et al. 2016, Landau et al. 2021,
doi:10.21105/joss.02829): the habitat of a small block draws current from all habitat within a
radius, and the currents of all windows add up. Larger blocks cost less: their number falls with the
square of the side. Each cell of a block draws its own share: drawn to the middle, currents of all
windows would meet on a lattice of these middles.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from manul.connectivity.circuit import Circuit, exchange_current

CLASSES = ("impeded", "diffuse", "intensified", "channelled")
BOUNDS = (0.7, 1.3, 1.7)  # of normalised flow, between one class and the next
HIGH = 90  # percentile of flow from which a narrow place is a pinch point


@dataclass(frozen=True)
class Windows:
    """`radius` of a window and side of a `block`, in cells; how cells are joined."""

    radius: int
    block: int = 1
    neighbours: int = 8
    method: str = "auto"


def flow(
    resistance: np.ndarray, sources: np.ndarray, windows: Windows, threads: int = 1
) -> np.ndarray:
    """Current through each cell, float64; NaN where resistance is unknown or infinite.

    `resistance` (rows, columns) > 0; `sources`: strength of each cell as habitat, 0 or NaN = none.
    A block is a source for the others and a target, of its strength, of all that reach it. The same
    for any number of threads.
    """
    g = _conductance(resistance)
    strength = np.where((g > 0) & np.isfinite(sources), sources, 0.0)
    out = np.zeros(g.shape)
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda at: _window(g, strength, at, windows), _targets(strength, windows))
        for part in parts:
            if part is not None:
                box, current = part
                out[box] += current
    out[g == 0] = np.nan
    return out


def normalised(
    found: np.ndarray,
    resistance: np.ndarray,
    sources: np.ndarray,
    windows: Windows,
    threads: int = 1,
) -> np.ndarray:
    """`found` over the flow if all cells were alike: above 1 it crowds, below 1 it is held off.

    Cells that cannot be crossed stay so. NaN where no flow is expected.
    """
    alike = np.where(_conductance(resistance) > 0, 1.0, np.nan)
    expected = flow(alike, sources, windows, threads)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, found / expected, np.nan)


def flow_classes(ratio: np.ndarray, bounds: tuple[float, float, float] = BOUNDS) -> np.ndarray:
    """1 to 4 for the `CLASSES` of normalised flow, uint8; 0 where it is unknown."""
    return np.where(np.isfinite(ratio), np.digitize(ratio, bounds) + 1, 0).astype(np.uint8)


def pinch_points(
    found: np.ndarray, ratio: np.ndarray, high: float = HIGH, narrow: float = BOUNDS[-1]
) -> np.ndarray:
    """True where much flow (from the percentile `high`) crowds (normalised flow `narrow` or more).

    Unknown is false.
    """
    known = np.isfinite(found) & np.isfinite(ratio)
    if not known.any():
        return known
    return known & (found >= np.percentile(found[known], high)) & (ratio >= narrow)


def _conductance(resistance):
    known = (resistance > 0) & np.isfinite(resistance)
    return np.divide(1.0, resistance, out=np.zeros(resistance.shape), where=known)


def _targets(strength, windows) -> Iterator[tuple[slice, slice]]:
    """Blocks that hold habitat."""
    side = windows.block
    for top in range(0, strength.shape[0], side):
        for left in range(0, strength.shape[1], side):
            block = slice(top, top + side), slice(left, left + side)
            if strength[block].any():
                yield block


def _window(g, strength, block, windows):
    """The box of a window and the currents in it; None where nothing reaches the block."""
    row, column = _centre(strength[block])
    row, column = row + block[0].start, column + block[1].start
    radius = windows.radius
    top, left = max(row - radius, 0), max(column - radius, 0)
    box = slice(top, row + radius + 1), slice(left, column + radius + 1)
    part = g[box]
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    inside = (rows + top - row) ** 2 + (columns + left - column) ** 2 <= radius**2
    target = np.zeros(part.shape, bool)
    target[_shifted(block, top, left)] = True
    ampere, wanted = (np.where(of & inside, strength[box], 0.0) for of in (~target, target))
    circuit = Circuit(np.where(inside, part, 0.0), windows.neighbours, method=windows.method)
    current = exchange_current(circuit, ampere, wanted)
    return None if current is None else (box, current)


def _centre(block):
    """The cell of habitat that is nearest to the middle of a block."""
    at = np.argwhere(block > 0)
    away = ((at - (np.array(block.shape) - 1) / 2) ** 2).sum(axis=1)
    return at[np.argmin(away)]


def _shifted(block, top, left):
    rows, columns = block
    return (
        slice(max(rows.start - top, 0), max(rows.stop - top, 0)),
        slice(max(columns.start - left, 0), max(columns.stop - left, 0)),
    )

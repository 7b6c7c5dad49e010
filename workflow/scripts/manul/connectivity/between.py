"""Where the movements between two cores crowd, and how much they have to choose from.

A corridor is a circuit: one ampere goes in at one core and out at the other. The current through a
cell is the share of random walks that pass there (McRae et al. 2008, doi:10.1890/07-1861.1), here
in the corridor alone, so that a way counts only if it is not much dearer than the best.
"""

from typing import NamedTuple

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import distance_transform_edt

from manul.connectivity.circuit import DIAGONAL, Circuit, conductance, pairwise
from manul.connectivity.coarser import Coarser
from manul.connectivity.corridors import Link
from manul.connectivity.cost_distance import cost_distance

KM = 1000.0
EVEN = 1 + DIAGONAL  # conductance of a square of even ground, for eight neighbours and resistance 1


class Between(NamedTuple):
    """Current through the corridor of a link.

    `share_per_km` (rows, columns of its box): of the movements between the cores, on each km across
    their way, so more than 1 in a passage narrower than that; NaN outside of the corridor, on the
    two cores, and of cores that touch, where most go straight from one to the other.
    `effective_width_km`: of an even strip, as long and as hard as the best way, that lets through
    as much; a strip of the grid has 0.6 of a cell less than its cells, as it has an edge. `cell_m`:
    side of the cells that the current flowed on.
    """

    share_per_km: np.ndarray
    effective_width_km: float
    cell_m: float


def between(link: Link, resistance: np.ndarray, cutoff: float, most: int) -> Between:
    """Current through the corridor of a link at a cut-off, over `resistance` of the whole grid.

    In a box of more than `most` cells it flows on coarser ones, which have the mean resistance of
    all that is known in them: so a wall of one cell still holds back, but narrow gaps blur. Where
    they leave nothing of a core all is NaN.
    """
    factor = int(np.ceil(np.sqrt(link.cores.size / most)))
    cells = Coarser(GeoBox(link.cores.shape, Affine.scale(link.cell_m), None), factor)
    inside = (link.corridor <= cutoff) | (link.cores > 0)
    there = cells.means(inside.astype("float32")) > 0
    ground = np.where(there, cells.means(resistance[link.box]), np.nan)
    cores, cell_m = _cores(link.cores, cells), cells.grid.resolution.x
    cost = cost_distance(ground, cores == 1)[cores == 2].min(initial=np.inf)  # in cells
    share, width = np.full(link.cores.shape, np.nan), np.nan
    if np.isfinite(cost):
        found = pairwise(Circuit(conductance(ground)), cores)
        width = cost * cell_m / KM / (EVEN * found.resistance[0, 1])
        flowing = np.isfinite(ground) & (cores == 0)
        if flowing.any() and not link.touches:
            # Coarse cells of a core may hold cells of the corridor: they have what lies beside.
            at = distance_transform_edt(~flowing, return_distances=False, return_indices=True)
            share = cells.spread(found.maximum[tuple(at)] * KM / cell_m)
            share[~inside | (link.cores > 0)] = np.nan
    return Between(share, float(width), float(cell_m))


def _cores(cores, cells) -> np.ndarray:
    """1 and 2 on coarser cells that a core has half of, or any part where that leaves nothing."""
    parts = [cells.means((cores == k).astype("float32")) for k in (1, 2)]
    a, b = (part >= (0.5 if (part >= 0.5).any() else 1e-9) for part in parts)
    return np.where(b & ~(a & (parts[0] > parts[1])), 2, a)

"""Where the movements between two cores crowd, and how much they have to choose from.

A corridor is a circuit: one ampere goes in at one core and out at the other. The current through a
cell is the share of random walks that pass there (McRae et al. 2008, doi:10.1890/07-1861.1), here
in the corridor alone, so that a way counts only if it is not much dearer than the best.
"""

from typing import NamedTuple

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from manul.connectivity.circuit import DIAGONAL, Circuit, conductance, pairwise
from manul.connectivity.coarser import Coarser
from manul.connectivity.corridors import Link

EVEN = 1 + DIAGONAL  # conductance of a square of even ground, for eight neighbours and resistance 1


class Between(NamedTuple):
    """Current through the corridor of a link.

    `share_per_km` (rows, columns of its box): of the movements between the cores, on each km across
    their way; NaN outside of the corridor and on the two cores. `effective_width_km`: of an even
    strip, as long and as hard as the best way, that lets through as much.
    """

    share_per_km: np.ndarray
    effective_width_km: float


def between(link: Link, resistance: np.ndarray, cutoff: float, most: int) -> Between:
    """Current through the corridor of a link at a cut-off, over `resistance` of the whole grid.

    In a box of more than `most` cells it flows on coarser ones. Where these leave nothing of a
    core, all is NaN.
    """
    factor = int(np.ceil(np.sqrt(link.cores.size / most)))
    cells = Coarser(GeoBox(link.cores.shape, Affine.scale(link.cell_m), None), factor)
    inside = (link.corridor <= cutoff) | (link.cores > 0)
    ground = cells.means(np.where(inside, resistance[link.box], np.nan))
    a, b = (cells.means((link.cores == k).astype(float)) for k in (1, 2))
    cores = np.where(b > a, 2, a > 0)
    share, width = np.full(cores.shape, np.nan), np.nan
    if len(np.unique(cores[cores > 0])) == 2:
        found = pairwise(Circuit(conductance(ground)), cores)
        there = np.isfinite(ground) & (cores == 0)
        share[there] = found.maximum[there] * 1000 / cells.grid.resolution.x
        width = link.cost / 1000 / (EVEN * found.resistance[0, 1])
    return Between(cells.spread(share), float(width))

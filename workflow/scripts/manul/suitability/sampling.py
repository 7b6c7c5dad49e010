"""Which points to use: thinned records, a background drawn by effort, folds of spatial blocks.

Coordinates are (n, 2) in metres of an equal-area or conformal projection, never degrees. Functions
return positions in the given array, so that every other column can follow.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .design import TooFewError


def thin(
    xy: np.ndarray, *, cell_m: float | None = None, distance_m: float | None = None, seed: int = 0
) -> np.ndarray:
    """Return sorted positions of records to keep: one a cell, or none closer than a distance.

    Just one of `cell_m` and `distance_m` is given. Which record of a crowd stays is drawn by the
    seed, so that the order of a table means nothing. Thinning by distance is greedy: it keeps a set
    to which nothing can be added, not the largest there is. Records with no position are left out.
    """
    chosen = {"cell_m": cell_m, "distance_m": distance_m}
    given = {name: value for name, value in chosen.items() if value is not None}
    if len(given) != 1:
        raise ValueError("give one of cell_m and distance_m")
    ((name, value),) = given.items()
    if not value > 0:
        raise ValueError(f"{name} is {value}, expected a number above 0")
    points = _points(xy)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(np.isfinite(points).all(axis=1)))
    return np.sort(_THIN[name](points, order, value)).astype(np.intp)


def effort_background(
    xy_candidates: np.ndarray, bias_weights: np.ndarray, n: int, seed: int = 0
) -> np.ndarray:
    """Return sorted positions of `n` background points, drawn without replacement by effort.

    `bias_weights` (m,) is relative effort; where it is 0, unknown or the position is unknown,
    nobody looked and nothing is drawn. All that can be drawn are, if they are fewer than `n`.
    """
    points, effort = _points(xy_candidates), np.asarray(bias_weights, float)
    if effort.shape != (len(points),):
        raise ValueError(f"bias_weights has shape {effort.shape}, expected ({len(points)},)")
    if (effort < 0).any() or np.isinf(effort).any():
        raise ValueError("bias_weights must be finite and not negative")
    drawable = np.flatnonzero((effort > 0) & np.isfinite(points).all(axis=1))
    if not len(drawable):
        raise ValueError("no candidate has effort above 0 and a known position")
    # The n smallest exponential waiting times are a weighted draw without replacement.
    waits = np.random.default_rng(seed).exponential(size=len(drawable)) / effort[drawable]
    return np.sort(drawable[np.argsort(waits, kind="stable")[:n]])


def record_effort(
    xy: np.ndarray, records_xy: np.ndarray, reach_m: float, floor: float = 0.01
) -> np.ndarray:
    """Return relative effort (n,) 0..1 from the records of a whole group of species.

    A Gaussian kernel of standard deviation `reach_m` over the records (target group, Phillips et
    al. 2009, Ecol. Appl. 19: 181), divided by its highest value here; `floor` is what is granted to
    places without any record. Records further than three reaches add nothing.
    """
    points, records = _points(xy), _points(records_xy)
    near = cKDTree(records[np.isfinite(records).all(axis=1)])
    known = np.isfinite(points).all(axis=1)
    here = cKDTree(points[known])
    distances = here.sparse_distance_matrix(near, 3 * reach_m, output_type="coo_matrix")
    kernel = np.exp(-0.5 * (distances.data / reach_m) ** 2)
    effort = np.full(len(points), np.nan)
    effort[known] = np.bincount(distances.row, kernel, minlength=int(known.sum()))
    return np.maximum(effort / max(np.nanmax(effort), 1e-300), floor)


def spatial_blocks(
    xy: np.ndarray, block_m: float, k: int = 5, seed: int = 0, presence: np.ndarray | None = None
) -> np.ndarray:
    """Return the fold 0..k-1 of each point (n,); points of one square block share a fold.

    Blocks of side `block_m` are dealt, the fullest first, to the fold with the fewest presences, so
    folds are balanced by presences. `presence` (n,) marks them; without it every point is one. The
    grid's origin and ties are drawn by the seed. Fewer occupied blocks than `k` give fewer folds;
    fewer than two raise ValueError.
    """
    points = _points(xy)
    if not np.isfinite(points).all():
        raise ValueError("a point with an unknown position belongs to no block")
    counted = np.ones(len(points)) if presence is None else np.asarray(presence, float)
    rng = np.random.default_rng(seed)
    cells = np.floor((points + rng.uniform(0, block_m, 2)) / block_m).astype(np.int64)
    _, block = np.unique(cells, axis=0, return_inverse=True)
    block = block.ravel()
    per_block, sizes = np.bincount(block, counted), np.bincount(block)
    k = min(k, int((per_block > 0).sum()))
    if k < 2:
        raise TooFewError(
            f"the presences lie in {k} of the blocks of {block_m / 1000:g} km, and a fit is tested "
            "in blocks that it has not seen, so it takes two: give records from farther apart, or "
            "a smaller `block_m`"
        )
    return _deal(per_block, sizes, k, rng)[block]


def _points(xy) -> np.ndarray:
    points = np.asarray(xy, float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"coordinates have shape {points.shape}, expected (n, 2)")
    return points


def _thin_by_cell(points: np.ndarray, order: np.ndarray, cell_m: float) -> np.ndarray:
    cells = np.floor(points[order] / cell_m).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return order[first]


def _thin_by_distance(points: np.ndarray, order: np.ndarray, distance_m: float) -> np.ndarray:
    tree = cKDTree(points[order])
    free = np.ones(len(order), bool)
    kept = []
    for i in range(len(order)):
        if free[i]:
            kept.append(order[i])
            crowd = np.array(tree.query_ball_point(points[order[i]], distance_m))
            # A record at just the distance is not closer than it.
            gaps = np.hypot(*(points[order[crowd]] - points[order[i]]).T)
            free[crowd[gaps < distance_m]] = False
    return np.array(kept, dtype=np.intp)


_THIN = {"cell_m": _thin_by_cell, "distance_m": _thin_by_distance}


def _deal(per_block: np.ndarray, sizes: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    shuffled = rng.permutation(len(per_block))
    order = shuffled[np.lexsort((-sizes[shuffled], -per_block[shuffled]))]
    fold = np.empty(len(per_block), np.intp)
    presences, points = np.zeros(k), np.zeros(k)
    for block in order:
        # Blocks without presences even out the number of points.
        load = presences if per_block[block] > 0 else points
        chosen = int(np.argmin(load))
        fold[block] = chosen
        presences[chosen] += per_block[block]
        points[chosen] += sizes[block]
    return fold

"""Home ranges of a track: the area in which an animal spends a share of its time.

Autocorrelated kernel density (AKDEc) widens the kernel by how few independent places a track holds,
and takes out the bias of the kernel (Fleming et al. 2015, Ecology 96: 1182; Fleming & Calabrese
2017, Methods in Ecology and Evolution 8: 571); weights make up for uneven sampling (Fleming et al.
2018, Methods in Ecology and Evolution 9: 1299). Beside it, the plain kernel (Worton 1989) and the
minimum convex polygon, which take fixes to be independent and are too small for most tracks.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numba
import numpy as np
import shapely
from contourpy import contour_generator
from scipy import optimize

from manul.tracks import movement
from manul.tracks.fitting import Fit

FINE = 8  # grid cells to a kernel's width
MOST = 2000  # grid cells along a side; wider ranges get a coarser grid
WIDE = 4.0  # kernel widths around the outermost fixes
LAG_BINS = 200  # to the median step: lags are told apart this finely
DENSE = 2500  # fixes whose weights are first sought together
TOLERANCE = 1e-4  # of the weights: no weight can lower the sum by more than this part


@dataclass(frozen=True)
class Kernel:
    """A density of places on a grid: `inflation` is the area's bias, by which areas are divided.

    In the coordinates of the grid, which `root` (2, 2) takes to metres about `centre` (2,), the
    kernel is round, of width `width`; `axes` are the grid's coordinates, `mass` (ny, nx) sums to 1.
    """

    axes: tuple[np.ndarray, np.ndarray]
    mass: np.ndarray
    root: np.ndarray
    centre: np.ndarray
    width: float
    inflation: float

    def area_km2(self, share: float = 0.95) -> float:
        """The area (km2) that holds `share` of the time, without the kernel's bias."""
        return float(self._cells(share) * self._cell_km2 / self.inflation)

    def outline(self, km2: float) -> shapely.Geometry:
        """The densest ground of an area of `km2`, as a polygon in metres."""
        want = km2 / self._cell_km2
        level = self._level_of_cells(want)
        x, y = self.axes
        lines = contour_generator(x, y, self.mass, fill_type="OuterCode", name="serial")
        found = []
        for points, codes in zip(*lines.filled(level, np.inf), strict=True):
            starts = [*np.flatnonzero(codes == 1), len(points)]
            rings = [points[a:b] for a, b in itertools.pairwise(starts)]
            placed = [ring @ self.root.T + self.centre for ring in rings]
            found.append(shapely.Polygon(placed[0], placed[1:]))
        return shapely.union_all(shapely.make_valid(np.array(found, dtype=object)))

    @property
    def _cell_km2(self) -> float:
        x, y = self.axes
        return float((x[1] - x[0]) * (y[1] - y[0]) * np.linalg.det(self.root) / 1e6)

    def _sorted(self) -> np.ndarray:
        return np.sort(self.mass.ravel())[::-1]

    def _cells(self, share: float) -> float:
        held = np.cumsum(self._sorted())
        held /= held[-1]
        last = int(np.searchsorted(held, share))
        before = held[last - 1] if last else 0.0
        return last + (share - before) / (held[last] - before)

    def _level_of_cells(self, number: float) -> float:
        ranked = self._sorted()
        return float(np.interp(number, np.arange(len(ranked)) + 0.5, ranked))


def autocorrelated(
    seconds: np.ndarray, xy: np.ndarray, fit: Fit, weights: np.ndarray | None = None
) -> Kernel:
    """The kernel density of a fitted track; uniform `weights` if none are given (they sum to 1)."""
    n = len(seconds)
    weights = np.full(n, 1 / n) if weights is None else weights
    lags, products = _lag_products(seconds, weights)
    rho = movement.correlation(lags, fit.times)
    width2 = _band_width(rho, products)
    bias = 1 - products @ rho + width2
    return _kernel(xy, weights, np.linalg.cholesky(fit.sigma), np.sqrt(width2), bias)


def plain(xy: np.ndarray) -> Kernel:
    """The round Gaussian kernel with the reference width of Worton (1989), no bias taken out."""
    n = len(xy)
    width = np.sqrt(xy.var(axis=0, ddof=1).sum() / 2) * n ** (-1 / 6)
    return _kernel(xy, np.full(n, 1 / n), np.eye(2) * width, 1.0, 1.0)


def convex_polygon(xy: np.ndarray, share: float = 0.95) -> shapely.Geometry:
    """The hull of the `share` of fixes that lie nearest to their mean (Mohr 1947)."""
    away = ((xy - xy.mean(axis=0)) ** 2).sum(axis=1)
    return shapely.MultiPoint(xy[away <= np.quantile(away, share)]).convex_hull


def best_weights(seconds: np.ndarray, fit: Fit, rounds: int = 20) -> np.ndarray:
    """Weights (n,) of fixes, 0 or more, that sum to 1 and make the kernel's error least.

    A fix in a dense stretch tells little that its neighbours do not, so most get none. Width and
    weights are found in turn.
    """
    n = len(seconds)
    weights, before = np.full(n, 1 / n), np.inf
    for _ in range(rounds):
        lags, products = _lag_products(seconds, weights)
        width2 = _band_width(movement.correlation(lags, fit.times), products)
        cost = _error(width2, movement.correlation(lags, fit.times), products)
        if before - cost < 1e-7 * abs(before):
            break
        before = cost
        weights = _least_weights(seconds, fit.times, width2, weights)
    return weights


# ------------------------------------------------------------------------------------- helpers


def _kernel(xy, weights, root, width, bias) -> Kernel:
    centre = xy.mean(axis=0)
    round_ = np.linalg.solve(root, (xy - centre).T).T
    used = weights > 0
    round_, weights = round_[used], weights[used]
    low, high = round_.min(axis=0) - WIDE * width, round_.max(axis=0) + WIDE * width
    step = max(width / FINE, *((high - low) / MOST))
    axes = np.arange(low[0], high[0] + step, step), np.arange(low[1], high[1] + step, step)
    east, north = (
        np.exp(-0.5 * ((axis[:, None] - at[None]) / width) ** 2)
        for axis, at in zip(axes, round_.T, strict=True)
    )
    mass = (north * weights) @ east.T
    return Kernel(axes, mass / mass.sum(), root, centre, float(width), float(bias))


def _error(width2, rho, products) -> float:
    """The mean squared error of a Gaussian density, to a factor (Fleming et al. 2015, eq. 4)."""
    return float(products @ (1 / (1 - rho + width2)) / 2 - 2 / (2 + width2) + 0.5)


def _band_width(rho, products) -> float:
    """The squared width, in parts of sigma, that makes the error least."""
    found = optimize.minimize_scalar(
        lambda log: _error(np.exp(log), rho, products),
        bounds=(np.log(1e-6), np.log(10.0)), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    return float(np.exp(found.x))


def _lag_products(seconds, weights) -> tuple[np.ndarray, np.ndarray]:
    """Lags (s), 0 first, and the sum of w_i w_j over the pairs of each, which is 1 in all."""
    width = max(float(np.median(np.diff(seconds))) / LAG_BINS, 1e-3)
    bins = int((seconds[-1] - seconds[0]) / width) + 2
    while bins > 20_000_000:
        width, bins = 2 * width, bins // 2 + 1
    sums, times = _pairs(np.ascontiguousarray(seconds, float), weights, width, bins)
    used = sums > 0
    used[0] = True
    lags = np.divide(times[used], sums[used], where=sums[used] > 0, out=np.zeros(used.sum()))
    products = 2 * sums[used]
    lags, products = np.r_[0.0, lags], np.r_[weights @ weights, products]
    return lags[products > 0], products[products > 0]


@numba.njit(cache=True)
def _pairs(seconds, weights, width, bins):
    """Of each bin of lags: sum of w_i w_j over pairs i < j, and that of their lags."""
    sums, times = np.zeros(bins), np.zeros(bins)
    n = len(seconds)
    for i in range(n):
        if weights[i] > 0:
            for j in range(i + 1, n):
                if weights[j] > 0:
                    lag = seconds[j] - seconds[i]
                    at = int(lag / width)
                    product = weights[i] * weights[j]
                    sums[at] += product
                    times[at] += product * lag
    return sums, times


def _least_weights(seconds, times, width2, start) -> np.ndarray:
    """Minimise w'Gw over w >= 0 that sum to 1, G = 1 / (1 - rho + h2), by growing what is used.

    (Lawson & Hanson 1974, Solving least squares problems, chapter 23: an active set.)
    """

    def rows(these):
        lags = np.abs(seconds[these][:, None] - seconds[None])
        return 1 / (1 - movement.correlation(lags, times) + width2)

    n = len(seconds)
    used = np.flatnonzero(start > 0)
    used = used[:: max(1, len(used) // DENSE)]
    while True:
        part = rows(used)
        inner = part[:, used]
        while True:  # drop what would weigh less than nothing
            weights = np.linalg.solve(inner, np.ones(len(used)))
            if (weights > 0).all():
                break
            kept = weights > 0
            used, inner, part = used[kept], inner[np.ix_(kept, kept)], part[kept]
        weights /= weights.sum()
        slope = weights @ part  # the same, lambda, at all fixes used; smaller where weight pays
        level = weights @ slope[used]
        gain = level - slope
        gain[used] = 0
        if gain.max() <= TOLERANCE * level:
            out = np.zeros(n)
            out[used] = weights
            return out
        peaks = np.flatnonzero(gain > TOLERANCE * level)
        peaks = peaks[np.argsort(-gain[peaks])[: DENSE // 8]]
        used = np.unique(np.r_[used, peaks])

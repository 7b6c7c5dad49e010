"""Multigrid on the cells of a raster, as a preconditioner of conjugate gradients.

Black-box multigrid (Dendy 1982, doi:10.1016/0021-9991(82)90057-2): every second cell is kept,
values between are weighed by the conductances, so that walls, lakes and roads stay on the coarse
grids; coarse operators are P'AP and link eight neighbours as the fine one does. A cell that is no
node may be kept all the same: then it stands for the gap beside it. Coarse grids are in float32.
"""

import numpy as np
from numba import njit

COARSEST = 300  # cells: solved by a dense inverse
SINGLE, DOUBLE = np.float32(1), np.float64(1)
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
DR = np.array([-1, -1, -1, 0, 0, 1, 1, 1])
DC = np.array([-1, 0, 1, -1, 1, -1, 0, 1])


class Multigrid:
    """Solves A x = b on a grid: `links` (4, rows, columns) and `diagonal` (rows, columns).

    `links`: conductance to the east, south, south-east and south-west, 0 where there is none;
    `diagonal`: their sum plus what leads out of the grid; 0 where a cell is not asked for. Each
    part of the grid must have a way out.
    """

    def __init__(self, links: np.ndarray, diagonal: np.ndarray, tolerance: float = 1e-8):
        self.tolerance, self.steps = tolerance, 0
        self._links = np.pad(np.asarray(links, "float32"), ((0, 0), (1, 1), (1, 1)))
        self._diagonal = np.pad(np.asarray(diagonal, float), 1)
        _keep_what_leads_out(links, self._links, self._diagonal)
        self._levels = [_Level(self._links, self._diagonal)]
        while self._levels[-1].cells > COARSEST:
            self._levels.append(self._levels[-1].coarser())
        self._inverse = _inverse(self._levels[-1])

    def solve(self, b: np.ndarray, most: int = 500) -> np.ndarray:
        """x (rows, columns), to `tolerance` in the norm of energy; 0 where there is no node."""
        r = np.pad(np.asarray(b, float), 1)
        r[self._diagonal == 0] = 0.0
        x, product = np.zeros_like(r), np.zeros_like(r)
        step = np.zeros(
            r.shape, "float32"
        )  # x and r are changed by the same, whatever its rounding
        before = first = 0.0
        for self.steps in range(most):
            self._levels[0].b = r
            z = self._cycle(0)
            now = _dot(r, z)
            first = first or now
            if now <= self.tolerance**2 * first:
                break
            _direction(step, z, now / before if before else 0.0)
            length = now / _apply(self._links, self._diagonal, step, product)
            _advance(x, r, step, product, length)
            before = now
        return x[1:-1, 1:-1]

    def _cycle(self, k):
        level = self._levels[k]
        if k == len(self._levels) - 1:
            inner = level.b[1:-1, 1:-1]
            level.x[1:-1, 1:-1] = (self._inverse @ inner.ravel()).reshape(inner.shape)
            return level.x
        below = self._levels[k + 1]
        level.x[:] = 0
        _sweep_down(level.links, level.inverse, level.x, level.b)
        _restrict(level.links, level.diagonal, level.x, level.b, level.weights, below.b)
        self._cycle(k + 1)
        _prolong(below.x, level.weights, level.x, level.diagonal)
        _sweep_up(level.links, level.inverse, level.x, level.b)
        return level.x


class _Level:
    def __init__(self, links, diagonal):
        self.links, self.diagonal = links, diagonal
        self.inverse = np.zeros(diagonal.shape, "float32")
        np.divide(1, diagonal, out=self.inverse, where=diagonal > 0, casting="same_kind")
        self.x = np.zeros(diagonal.shape, "float32")
        self.b = self.x  # of the finest: the residual
        self.cells = (diagonal.shape[0] - 2) * (diagonal.shape[1] - 2)
        self.weights = np.zeros((8, 0, 0), "float32")

    def coarser(self):
        rows, columns = ((size - 1) // 2 for size in self.diagonal.shape)
        self.weights = np.zeros((8, rows + 2, columns + 2), "float32")
        _weigh(self.links, self.diagonal, self.weights)
        links = np.zeros((4, rows + 2, columns + 2), "float32")
        diagonal = np.zeros((rows + 2, columns + 2), "float32")
        _galerkin(self.links, self.diagonal, self.weights, links, diagonal)
        out = _Level(links, diagonal)
        out.b = np.zeros_like(diagonal)
        return out


@njit(nogil=True, cache=True)
def _keep_what_leads_out(exact, links, diagonal):
    """The sums of rounded conductances: what leads out of the grid stays as exact as it was."""
    for k in range(4):
        down, right = SHIFTS[k]
        for r in range(1, diagonal.shape[0] - 1 - down):
            for c in range(max(1, 1 - right), diagonal.shape[1] - 1 - max(right, 0)):
                change = np.float64(links[k, r, c]) - exact[k, r - 1, c - 1]
                diagonal[r, c] += change
                diagonal[r + down, c + right] += change


def _inverse(level):
    """Dense, with 0 for cells that are no node."""
    rows, columns = (size - 2 for size in level.diagonal.shape)
    number = np.arange(rows * columns).reshape(rows, columns)
    matrix = np.diag(level.diagonal[1:-1, 1:-1].ravel().astype(float))
    for k, (down, right) in enumerate(SHIFTS):
        for r in range(rows - down):
            for c in range(max(-right, 0), columns - max(right, 0)):
                i, j = number[r, c], number[r + down, c + right]
                matrix[i, j] = matrix[j, i] = -level.links[k, r + 1, c + 1]
    known = np.flatnonzero(np.diag(matrix) > 0)
    out = np.zeros_like(matrix)
    out[np.ix_(known, known)] = np.linalg.pinv(matrix[np.ix_(known, known)], hermitian=True)
    return out.astype("float32")


@njit(inline="always")
def _around(links, x, r, c, one):
    """Sum of the conductances to the eight neighbours times their values, as precise as `one`."""
    return (
        links[0, r, c] * (one * x[r, c + 1]) + links[0, r, c - 1] * (one * x[r, c - 1])
        + links[1, r, c] * (one * x[r + 1, c]) + links[1, r - 1, c] * (one * x[r - 1, c])
        + links[2, r, c] * (one * x[r + 1, c + 1])
        + links[2, r - 1, c - 1] * (one * x[r - 1, c - 1])
        + links[3, r, c] * (one * x[r + 1, c - 1])
        + links[3, r - 1, c + 1] * (one * x[r - 1, c + 1])
    )  # fmt: skip


@njit(nogil=True, cache=True)
def _apply(links, diagonal, x, out):
    """out = A x; the product of x and out."""
    total = 0.0
    for r in range(1, x.shape[0] - 1):
        for c in range(1, x.shape[1] - 1):
            out[r, c] = diagonal[r, c] * x[r, c] - _around(links, x, r, c, DOUBLE)
            total += out[r, c] * x[r, c]
    return total


@njit(nogil=True, cache=True)
def _dot(a, b):
    total = 0.0
    for r in range(1, a.shape[0] - 1):
        for c in range(1, a.shape[1] - 1):
            total += a[r, c] * b[r, c]
    return total


@njit(nogil=True, cache=True)
def _direction(step, z, keep):
    for r in range(1, step.shape[0] - 1):
        for c in range(1, step.shape[1] - 1):
            step[r, c] = z[r, c] + keep * step[r, c]


@njit(nogil=True, cache=True)
def _advance(x, r, step, product, length):
    for i in range(1, x.shape[0] - 1):
        for c in range(1, x.shape[1] - 1):
            x[i, c] += length * step[i, c]
            r[i, c] -= length * product[i, c]


@njit(nogil=True, cache=True)
def _sweep_down(links, inverse, x, b):
    """Gauss-Seidel; cells that are no node have an inverse of 0 and stay 0."""
    for r in range(1, x.shape[0] - 1):
        for c in range(1, x.shape[1] - 1):
            x[r, c] = (b[r, c] + _around(links, x, r, c, SINGLE)) * inverse[r, c]


@njit(nogil=True, cache=True)
def _sweep_up(links, inverse, x, b):
    for r in range(x.shape[0] - 2, 0, -1):
        for c in range(x.shape[1] - 2, 0, -1):
            x[r, c] = (b[r, c] + _around(links, x, r, c, SINGLE)) * inverse[r, c]


@njit(nogil=True, cache=True)
def _restrict(links, diagonal, x, b, weights, out):
    """out = P' (b - A x). Kept cell (R, C), counted from 1, is cell (2 R - 1, 2 C - 1)."""
    residual = np.zeros((3, x.shape[1] + 2), np.float32)
    for R in range(1, out.shape[0] - 1):
        for i in range(3):
            r = 2 * R - 2 + i
            if i == 0 and R > 1:
                residual[0] = residual[2]
                continue
            for c in range(1, x.shape[1] - 1):
                inside = 1 <= r < x.shape[0] - 1
                residual[i, c] = (
                    b[r, c] - diagonal[r, c] * x[r, c] + _around(links, x, r, c, SINGLE)
                    if inside
                    else 0.0
                )
        for C in range(1, out.shape[1] - 1):
            c = 2 * C - 1
            out[R, C] = (
                residual[1, c]
                + weights[0, R, C] * residual[0, c - 1] + weights[1, R, C] * residual[0, c]
                + weights[2, R, C] * residual[0, c + 1] + weights[3, R, C] * residual[1, c - 1]
                + weights[4, R, C] * residual[1, c + 1] + weights[5, R, C] * residual[2, c - 1]
                + weights[6, R, C] * residual[2, c] + weights[7, R, C] * residual[2, c + 1]
            )  # fmt: skip


@njit(nogil=True, cache=True)
def _prolong(coarse, weights, x, diagonal):
    """x += P coarse, where there are nodes."""
    for r in range(1, x.shape[0] - 1):
        R = (r + 1) // 2
        for C in range(1, coarse.shape[1]):
            c = 2 * C - 1
            if r & 1:
                if coarse.shape[1] - 1 > C and diagonal[r, c] > 0:
                    x[r, c] += coarse[R, C]
                if diagonal[r, c - 1] > 0:
                    x[r, c - 1] += (
                        weights[4, R, C - 1] * coarse[R, C - 1] + weights[3, R, C] * coarse[R, C]
                    )
            else:
                if coarse.shape[1] - 1 > C:
                    x[r, c] += (
                        weights[6, R, C] * coarse[R, C] + weights[1, R + 1, C] * coarse[R + 1, C]
                    )
                x[r, c - 1] += (
                    weights[7, R, C - 1] * coarse[R, C - 1] + weights[5, R, C] * coarse[R, C]
                    + weights[2, R + 1, C - 1] * coarse[R + 1, C - 1]
                    + weights[0, R + 1, C] * coarse[R + 1, C]
                )  # fmt: skip


@njit(inline="always")
def _link(links, r, c, k):
    """Conductance to the neighbour in direction k of DR and DC."""
    if k == 0:
        return links[2, r - 1, c - 1]
    if k == 1:
        return links[1, r - 1, c]
    if k == 2:
        return links[3, r - 1, c + 1]
    if k == 3:
        return links[0, r, c - 1]
    if k == 4:
        return links[0, r, c]
    if k == 5:
        return links[3, r, c]
    if k == 6:
        return links[1, r, c]
    return links[2, r, c]


@njit(nogil=True, cache=True)
def _shares(one, two, across, diagonal, has_one, has_two):
    """Weights of the two kept cells beside a cell, from conductances towards each of them."""
    if diagonal <= 0:
        return 0.0, 0.0
    out = diagonal - one - two - across  # what leads out of the grid
    if out < 1e-5 * diagonal:
        out = 0.0
    total = one + two + out
    if total > 1e-6 * diagonal:
        return one / total if has_one else 0.0, two / total if has_two else 0.0
    if has_one and has_two:
        return 0.5, 0.5
    return (1.0, 0.0) if has_one else (0.0, 1.0)


@njit(nogil=True, cache=True)
def _weigh(links, diagonal, weights):
    """Weights of each kept cell for the eight cells around it."""
    height, width = diagonal.shape
    rows, columns = weights.shape[1:]
    near = np.zeros(8)
    for r in range(1, height - 1):
        R = (r + 1) // 2
        for c in range(1, width - 1):
            C = (c + 1) // 2
            if r & 1 and c & 1:
                continue
            for k in range(8):
                near[k] = _link(links, r, c, k)
            if r & 1:
                one, two = near[0] + near[3] + near[5], near[2] + near[4] + near[7]
                a, b = _shares(
                    one, two, near[1] + near[6], diagonal[r, c], True, columns - 1 > C + 1
                )
                weights[4, R, C], weights[3, R, C + 1] = a, b
            elif c & 1:
                one, two = near[0] + near[1] + near[2], near[5] + near[6] + near[7]
                a, b = _shares(one, two, near[3] + near[4], diagonal[r, c], True, rows - 1 > R + 1)
                weights[6, R, C], weights[1, R + 1, C] = a, b
    for r in range(2, height - 1, 2):
        R = r // 2
        for c in range(2, width - 1, 2):
            C = c // 2
            d = diagonal[r, c]
            if d <= 0:
                continue
            total = 0.0
            for k in range(8):
                near[k] = _link(links, r, c, k)
                total += near[k]
            if d - total > 1e-5 * d:
                total = d
            if total <= 0:
                continue
            n, w, e, s = near[1] / total, near[3] / total, near[4] / total, near[6] / total
            weights[7, R, C] = near[0] / total + n * weights[4, R, C] + w * weights[6, R, C]
            weights[5, R, C + 1] = (
                near[2] / total + n * weights[3, R, C + 1] + e * weights[6, R, C + 1]
            )
            weights[2, R + 1, C] = (
                near[5] / total + s * weights[4, R + 1, C] + w * weights[1, R + 1, C]
            )
            weights[0, R + 1, C + 1] = (
                near[7] / total + s * weights[3, R + 1, C + 1] + e * weights[1, R + 1, C + 1]
            )
            if rows - 1 == R + 1:
                weights[2, R + 1, C] = weights[0, R + 1, C + 1] = 0.0
            if columns - 1 == C + 1:
                weights[5, R, C + 1] = weights[0, R + 1, C + 1] = 0.0


@njit(nogil=True, cache=True)
def _galerkin(links, diagonal, weights, out, out_diagonal):
    """The operator on kept cells, P'AP."""
    rows, columns = out_diagonal.shape
    mine, theirs = np.zeros((3, 3)), np.zeros((3, 3))
    product = np.zeros((5, 5))  # A times the weights of one kept cell
    for R in range(1, rows - 1):
        for C in range(1, columns - 1):
            r, c = 2 * R - 1, 2 * C - 1
            _gather(weights, diagonal, R, C, r, c, mine)
            product[:] = 0.0
            for i in range(3):
                for j in range(3):
                    w = mine[i, j]
                    if w == 0.0:
                        continue
                    y, x = r - 1 + i, c - 1 + j
                    product[i + 1, j + 1] += w * diagonal[y, x]
                    for k in range(8):
                        product[i + 1 + DR[k], j + 1 + DC[k]] -= w * _link(links, y, x, k)
            total = 0.0
            for i in range(3):
                for j in range(3):
                    total += product[i + 1, j + 1] * mine[i, j]
            out_diagonal[R, C] = total
            for k in range(4):
                down, right = SHIFTS[k]
                if R + down > rows - 2 or C + right > columns - 2 or C + right < 1:
                    continue
                _gather(weights, diagonal, R + down, C + right, r + 2 * down, c + 2 * right, theirs)
                total = 0.0
                for i in range(3):
                    for j in range(3):
                        y, x = i + 1 + 2 * down, j + 1 + 2 * right
                        if 0 <= y < 5 and 0 <= x < 5:
                            total += product[y, x] * theirs[i, j]
                out[k, R, C] = -total


@njit(nogil=True, cache=True)
def _gather(weights, diagonal, R, C, r, c, into):
    """Weights of a kept cell for the three by three cells around it; 0 for what is no node."""
    into[1, 1] = 1.0 if diagonal[r, c] > 0 else 0.0
    for k in range(8):
        y, x = r + DR[k], c + DC[k]
        inside = 0 <= y < diagonal.shape[0] and 0 <= x < diagonal.shape[1]
        into[1 + DR[k], 1 + DC[k]] = weights[k, R, C] if inside and diagonal[y, x] > 0 else 0.0

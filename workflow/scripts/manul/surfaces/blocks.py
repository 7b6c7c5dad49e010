"""A block and its margin: what kinds of surface share."""

import numpy as np
import shapely

M2_PER_KM2 = 1e6


def cells(metres, grid) -> int:
    return int(np.ceil(metres / grid.resolution.x)) + 1


def inner(grid, pad):
    return pad, pad + grid.height, pad, pad + grid.width


def crop(array, pad):
    return array[pad:-pad, pad:-pad]


def disc(radius_x, radius_y) -> np.ndarray:
    """Cells whose centre lies within an ellipse of these radii (cells)."""
    nx, ny = int(radius_x), int(radius_y)
    y, x = np.mgrid[-ny : ny + 1, -nx : nx + 1]
    return (x / max(radius_x, 1e-9)) ** 2 + (y / max(radius_y, 1e-9)) ** 2 <= 1


def centres(grid):
    a = grid.affine
    return a.c + a.a * (np.arange(grid.width) + 0.5), a.f + a.e * (np.arange(grid.height) + 0.5)


def amount_per_cell(geometries, amounts, grid) -> np.ndarray:
    """What falls into each cell of the amount of each shape; lines in steps of 1/8 of a cell."""
    step = grid.resolution.x / 8
    placed = []
    for whole, amount in zip(geometries, amounts, strict=True):
        for shape in shapely.get_parts(whole):
            if shape.geom_type == "Point":
                placed.append((shape.x, shape.y, amount))
                continue
            n = max(1, int(np.ceil(shape.length / step)))
            part = amount * shape.length / whole.length if whole.length else 0.0
            for at in shapely.line_interpolate_point(
                shape, (np.arange(n) + 0.5) * shape.length / n
            ):
                placed.append((at.x, at.y, part / n))
    xs, ys, weights = np.array(placed, float).reshape(-1, 3).T
    columns, rows = ~grid.affine @ (xs, ys)
    out = np.zeros(grid.shape)
    rows, columns = np.floor(rows).astype(int), np.floor(columns).astype(int)
    ok = (rows >= 0) & (rows < out.shape[0]) & (columns >= 0) & (columns < out.shape[1])
    np.add.at(out, (rows[ok], columns[ok]), np.array(weights)[ok])
    return out


def per_km2(amount, radius_m, grid, pad):
    """Amounts of a padded grid's cells within a radius, per km2, on the grid."""
    from manul.exposure.disc_sums import disc_cells, disc_sum  # compiled: takes long to import

    radius = radius_m / grid.resolution.x
    total = crop(disc_sum(amount, radius), pad - int(radius))
    return total / (disc_cells(radius) * grid.resolution.x**2 / M2_PER_KM2)

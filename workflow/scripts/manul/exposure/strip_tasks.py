"""What is done to one strip, and which way suits a raster: the tasks of `manul.strips`.

A task is a module-level function of small, picklable arguments: it reads its rows, with a margin
where it needs one, and gives the finished rows of the source grid. A plan looks at the census of
the whole raster, never at a strip, and chooses the task; so the choice, and with it every bit of
the result, is the same whatever the strips.
"""

from functools import lru_cache, partial
from itertools import pairwise

import numpy as np

from manul.exposure import kernel_sums
from manul.exposure import saturating as feature_kernels
from manul.exposure.intensities import census, levels, nearest_rows
from manul.exposure.nearest import (
    block_mean,
    decay_table,
    distance_rows,
    profile,
    raise_exposure,
    reach_cells,
    sources,
)

# Rough costs on one core, only to choose between ways that agree: ns per stamped cell, per cell
# and level, and per cell of a Fourier transform.
STAMP_NS, LEVEL_NS, TRANSFORM_NS = 0.7, 10.0, 100.0


def finished(task, oversample, columns, job):
    """A task's rows as they are written: block means, cropped to the inner columns."""
    fine = task(*job)
    return np.ascontiguousarray(block_mean(fine, oversample)[:, columns[0] : columns[1]])


def profile_task(read, strip):
    return profile(sources(read(*strip)), strip[0])


def survey_task(read, strip):
    block = _plain(read(*strip))
    return profile(sources(block), strip[0]), census(block)


def distance_task(read, cell, strip, above, below):
    return distance_rows(sources(read(*strip)), strip[0], above, below, cell)


def _one_level_task(read, cell, decay, level, strip, above, below):
    source, table = sources(_plain(read(*strip))), table_of(decay, cell)
    if table is None:
        reached = decay(distance_rows(source, strip[0], above, below, cell))
        return (np.float32(level) * reached).astype("float32")
    out = np.zeros(source.shape, dtype="float32")
    raise_exposure(out, source, strip[0], above, below, cell, table, level)
    return out


def _levels_task(read, cell, decay, steps, strip, rows):
    window = _plain(read(*rows)).astype("float32", copy=False)
    return nearest_rows(window, rows[0], *strip, steps, decay, cell, table_of(decay, cell))


def _stamp_task(read, cell, decay, strip, rows):
    window = _plain(read(*rows)).astype("float32", copy=False)
    return kernel_sums.stamp_maximum(window, rows[0], *strip, table_of(decay, cell))


def _density_task(read, cell, decay, add, strip, rows):
    window, table = _plain(read(*rows)).astype("float32", copy=False), table_of(decay, cell)
    mass_km2 = kernel_sums.kernel_mass(table) * cell[0] * cell[1] / 1e6
    return add(window, rows[0], *strip, table, mass_km2)


def saturating_task(points, extended, decay, cell, columns, strip):
    curve = feature_kernels.spread(decay)
    out = feature_kernels.absence(points, curve, decay.reach_m, cell, strip, columns)
    for feature in extended:
        part = feature_kernels.absence_of_extended(
            feature, decay, table_of(decay, cell), cell, strip, columns
        )
        if part is not None:
            out[part[1]] *= part[0]
    return (1.0 - out).astype("float32")


@lru_cache(maxsize=4)
def table_of(decay, cell):
    """Tables are made where they are used: cheaper than sending one with every task."""
    return decay_table(decay, cell)


def _plan_nearest(whole, shape, cell, decay, tolerance):
    if whole.highest > 1:
        raise ValueError(f"intensity must lie in 0..1, found {whole.highest}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must lie between 0 and 1, found {tolerance}")
    if whole.values is not None and len(whole.values) <= 1:
        return partial(_carried, cell, decay, whole.highest)
    steps = levels(whole, tolerance)
    if _stamping_ns(whole, cell, decay) < LEVEL_NS * len(steps) * shape[0] * shape[1]:
        return partial(_margined, _stamp_task, (cell, decay), decay, cell, shape)
    return partial(_margined, _levels_task, (cell, decay, steps), decay, cell, shape)


def _plan_density(whole, shape, cell, decay, _tolerance):
    if table_of(decay, cell) is None:
        raise ValueError("the reach holds too many cells for a density; use larger cells")
    if _stamping_ns(whole, cell, decay) < TRANSFORM_NS * shape[0] * shape[1]:
        fixed = (cell, decay, kernel_sums.stamp_sum)
        return partial(_margined, _density_task, fixed, decay, cell, shape)
    return partial(_transformed, decay, cell, shape)


# To add a kernel: write its plan and its task above, and name it here.
KERNELS = {"nearest": _plan_nearest, "density": _plan_density}


def _stamping_ns(whole, cell, decay):
    if table_of(decay, cell) is None:
        return np.inf
    rows, columns = reach_cells(decay, cell)
    return STAMP_NS * whole.sources * (2 * rows + 1) * (2 * columns + 1)


def _carried(cell, decay, level, read, strips, carries, _inner, _oversample):
    jobs = [(strip, *carry) for strip, carry in zip(strips, carries, strict=True)]
    return partial(_one_level_task, read, cell, decay, level), jobs


def _margined(task, fixed, decay, cell, shape, read, strips, _carries, _inner, _oversample):
    reach = reach_cells(decay, cell)[0]
    jobs = [(s, (max(s[0] - reach, 0), min(s[1] + reach, shape[0]))) for s in strips]
    return partial(task, read, *fixed), jobs


def _transformed(decay, cell, shape, read, _strips_asked, carries, inner, oversample):
    # The tiles of the transform fix the strips: their rounding must not follow the caller's.
    rows = max(kernel_sums.transform_rows(table_of(decay, cell)) // oversample, 1)
    strips = row_strips(inner, rows, oversample)
    fixed = (cell, decay, kernel_sums.transform_sum)
    return _margined(
        _density_task, fixed, decay, cell, shape, read, strips, carries, inner, oversample
    )


def row_strips(inner, strip_rows, oversample):
    return pieces(inner[0] * oversample, inner[1] * oversample, strip_rows * oversample)


def pieces(start, stop, step):
    if step < 1:
        raise ValueError(f"a strip needs at least one row, found {step}")
    return list(pairwise([*range(start, stop, step), stop]))


def _plain(block):
    """bool and uint8 as uint8, anything else as float32: what the kernels are compiled for."""
    block = np.ascontiguousarray(block)
    if block.dtype == bool:
        return block.view("uint8")
    return block if block.dtype == np.uint8 else block.astype("float32", copy=False)

"""Distance and exposure of rasters larger than memory, strip by strip.

`read(row0, row1)` gives full-width rows of the source grid (2-D bool, uint8 or float; NaN is
unknown and counts as no source: whoever needs to know of missing inputs counts them on reading).
It is called from several threads at once. `write(row0, block)` receives finished float32 rows in
order, from the calling thread.

Grids. `shape` and `cell` (metres, one number or (dx, dy)) are those of the source grid. With
`oversample` k the result has cells k times larger, each the mean of k x k. `inner` is the window
(row0, row1, column0, column1) of the result grid that is written; sources outside it still count.
Pad the source grid by the reach to lose nothing at the border.

Every strip is a task without memory: a module-level function of small, picklable arguments.
`map_fn(function, iterable)` may run them anywhere, if it yields the results in order. The bits
of the result depend neither on it nor on the strip height.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from manul.exposure.intensities import merged
from manul.exposure.nearest import cell_size, scan
from manul.exposure.strip_tasks import (
    KERNELS,
    distance_task,
    finished,
    pieces,
    profile_task,
    row_strips,
    saturating_task,
    survey_task,
)

STRIP_ROWS = 256
TOLERANCE = 1 / 512


def distance_strips(read, shape, cell, write, *, inner=None, strip_rows=STRIP_ROWS, **running):
    """Write the exact distance (m) to the nearest source; infinite everywhere without a source.

    `running`: threads, map_fn, progress; see `run`.
    """
    inner = _checked_inner(shape, inner, 1)
    strips = row_strips(inner, strip_rows, 1)
    outside = _outside(inner, strip_rows, 1, shape[0])
    profiles = _mapped(partial(profile_task, read), outside[0] + strips + outside[1], **running)
    carries = scan(list(profiles))[len(outside[0]) :][: len(strips)]
    jobs = [(strip, *carry) for strip, carry in zip(strips, carries, strict=True)]
    run(partial(distance_task, read, cell_size(cell)), jobs, write, inner, 1, **running)


def exposure_strips(
    read,
    shape,
    cell,
    decay,
    write,
    *,
    kernel="nearest",
    tolerance=TOLERANCE,
    oversample=1,
    inner=None,
    strip_rows=STRIP_ROWS,
    **running,
):
    """Write the exposure to a raster of intensities.

    kernel "nearest": the largest intensity x decay(distance) over all sources, 0..1; intensities
    in 0..1. Exact (float32) with up to 16 distinct intensities or sources far apart, otherwise
    within `tolerance`. kernel "density": intensity per km2 (any intensity from 0), smoothed by the
    decay curve scaled so that the raster's total is kept. Raises ValueError for other intensities.
    """
    inner = _checked_inner(shape, inner, oversample)
    strips = row_strips(inner, strip_rows, oversample)
    outside = _outside(inner, strip_rows, oversample, shape[0])
    surveys = list(_mapped(partial(survey_task, read), outside[0] + strips + outside[1], **running))
    whole = merged([part for _, part in surveys])
    carries = scan([ends for ends, _ in surveys])[len(outside[0]) :][: len(strips)]
    plan = KERNELS[kernel](whole, shape, cell_size(cell), decay, tolerance)
    task, jobs = plan(read, strips, carries, inner, oversample)
    run(task, jobs, write, inner, oversample, **running)


def saturating_strips(
    points,
    shape,
    cell,
    decay,
    write,
    *,
    extended=(),
    oversample=1,
    inner=None,
    strip_rows=STRIP_ROWS,
    **running,
):
    """Write 1 - prod(1 - intensity x decay) over features, 0..1; see `manul.features`.

    `points` come from `features.points`; `extended` are `features.Extended` lines and polygons.
    """
    inner = _checked_inner(shape, inner, oversample)
    columns = inner[2] * oversample, inner[3] * oversample
    jobs = [(strip,) for strip in row_strips(inner, strip_rows, oversample)]
    task = partial(saturating_task, points, tuple(extended), decay, cell_size(cell), columns)
    narrow = (*inner[:2], 0, inner[3] - inner[2])
    run(task, jobs, write, narrow, oversample, **running)


def distance(mask, cell, **options):
    """`distance_strips` of an array in memory."""
    return _in_memory(distance_strips, mask, cell, **options)


def exposure(intensity, cell, decay, **options):
    """`exposure_strips` of an array in memory."""
    return _in_memory(exposure_strips, intensity, cell, decay, **options)


def saturating(points, shape, cell, decay, *, oversample=1, inner=None, **options):
    """`saturating_strips` into an array."""
    collect, out = _collector(shape, oversample, inner)
    saturating_strips(
        points, shape, cell, decay, collect, oversample=oversample, inner=inner, **options
    )
    return out


def strip_memory_mb(width, strip_rows, threads, *, itemsize=1, reach_rows=0, oversample=1):
    """Upper estimate of what a run holds beside the imports and the carries (MB, 1e6 bytes).

    `width` and `reach_rows` in source cells; itemsize of what `read` gives. `reach_rows` is 0 for
    distance and for sources of one intensity, otherwise the reach.
    """
    rows = strip_rows * oversample
    margin = rows + 2 * reach_rows
    # A running task: the rows read, as float32 if they carry a margin, the mask, the column
    # pass, the fine result. Finished strips wait for their turn to be written.
    reading = margin * (itemsize + 1 + (4 if reach_rows else 0))
    running = reading + rows * (4 + 4 + (4 if reach_rows else 0))
    waiting = 4 * strip_rows / oversample
    return width * (threads * running + (threads + 1) * waiting) / 1e6


def carries_memory_mb(width, rows, strip_rows):
    """What the first and last source rows of all strips take (MB); 8 bytes a column and strip."""
    return 8 * width * -(-rows // strip_rows) / 1e6


def run(task, jobs, write, inner, oversample, *, threads=2, map_fn=None, progress=None):
    """Map the task over jobs, crop, and write in order; `progress(done, total)` after each."""
    done_rows = 0
    results = _mapped(partial(finished, task, oversample, inner[2:]), jobs, threads, map_fn)
    for done, block in enumerate(results, start=1):
        write(done_rows, block)
        done_rows += block.shape[0]
        if progress is not None:
            progress(done, len(jobs))


def threaded(threads):
    """An ordered map over a pool of threads that never runs more than one result ahead."""

    def mapped(function, iterable):
        waiting = deque()
        with ThreadPoolExecutor(threads) as pool:
            for job in iterable:
                if len(waiting) > threads:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(function, job))
            while waiting:
                yield waiting.popleft().result()

    return mapped


def _mapped(function, jobs, threads=2, map_fn=None, progress=None):
    """The results in order; progress belongs to the second pass and is not called here."""
    return (map_fn or threaded(threads))(function, jobs)


def _checked_inner(shape, inner, oversample):
    rows, columns = shape[0] // oversample, shape[1] // oversample
    if oversample < 1 or (rows * oversample, columns * oversample) != tuple(shape):
        raise ValueError(f"shape {shape} is not a multiple of oversample {oversample}")
    row0, row1, column0, column1 = inner or (0, rows, 0, columns)
    if not (0 <= row0 < row1 <= rows and 0 <= column0 < column1 <= columns):
        raise ValueError(f"inner window {inner} does not lie within {(rows, columns)} cells")
    return row0, row1, column0, column1


def _outside(inner, strip_rows, oversample, rows):
    """Strips above and below the inner window, which only the first pass reads."""
    height = strip_rows * oversample
    return pieces(0, inner[0] * oversample, height), pieces(inner[1] * oversample, rows, height)


def _in_memory(strips, array, *positional, oversample=None, inner=None, **options):
    array = np.asarray(array)
    collect, out = _collector(array.shape, oversample or 1, inner)
    if oversample is not None:
        options["oversample"] = oversample
    strips(
        lambda row0, row1: array[row0:row1],
        array.shape,
        *positional,
        collect,
        inner=inner,
        **options,
    )
    return out


def _collector(shape, oversample, inner):
    row0, row1, column0, column1 = _checked_inner(shape, inner, oversample)
    out = np.empty((row1 - row0, column1 - column0), dtype="float32")

    def collect(row, block):
        out[row : row + block.shape[0]] = block

    return collect, out

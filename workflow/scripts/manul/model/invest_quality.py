"""InVEST Habitat Quality: degradation by the nearest source of each threat, and what is left.

With d the distance in cells to the nearest source cell of a threat and m = max_dist / cell size
(Sharp et al., InVEST user's guide, Habitat Quality):

    decay        linear 1 - d / m, exponential exp(-2.99 d / m), both 0 where d > m
    degradation  D = access x sum over threats of decay x sensitivity(class) x weight / sum(weights)
    quality      Q = habitat(class) x (1 - D^z / (D^z + k^z))

An intensity does not act: any cell that is neither 0 nor unknown is a source as strong as any
other. That is what the model says; `manul.strips` holds kernels that keep intensity.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from manul.exposure.decay import decay
from manul.exposure.nearest import cell_size, decay_table, distance_rows, raise_exposure
from manul.model.invest_tables import check_same_threats

Z = 2.5
# Table rows: 0 is unknown land cover, classes follow in ascending order of their codes.
NO_CLASS, MISSING = 0, 65535


@dataclass(frozen=True)
class Scene:
    """What every strip of a case shares; build it with `scene`.

    Distances count cells. `weights` (threat, table row) is sensitivity x weight / sum of weights;
    `habitat` goes by table row too, and row NO_CLASS of both is not used.
    """

    curves: tuple
    tables: tuple
    cell: tuple
    codes: np.ndarray
    land_nodata: float | None
    weights: np.ndarray
    habitat: np.ndarray
    k: float
    z: float


def scene(threats, classes, cell, land_nodata=None, k=0.05, z=Z):
    """The `Scene` of the tables (see `manul.invest_inputs`) on a grid of `cell` metres.

    Raises ValueError when the tables name different threats, or k or z is not positive.
    """
    check_same_threats(threats, classes)
    for name, value in (("k", k), ("z", z)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number, found {value!r}")
    dx, dy = cell_size(cell)
    unit = (1.0, dy / dx)
    curves = tuple(CURVES[threat.decay](threat.max_dist_m / dx) for threat in threats)
    total = sum(threat.weight for threat in threats)
    order = np.argsort(classes.codes)
    weights = [classes.sensitivity[each.name][order] * each.weight / total for each in threats]
    return Scene(
        curves,
        tuple(decay_table(curve, unit) for curve in curves),
        unit,
        classes.codes[order],
        land_nodata,
        np.pad(np.array(weights, dtype="float32"), ((0, 0), (1, 0))),
        np.pad(classes.habitat[order].astype("float32"), (1, 0)),
        float(k),
        float(z),
    )


def class_rows(land, case):
    """uint16 table row of each land-cover cell, NO_CLASS where it is nodata or NaN.

    ValueError names the classes that the table does not know.
    """
    if land.dtype.kind in "iu" and land.dtype.itemsize <= 2:
        # Few codes are possible: look all of them up once, then each cell is one small step.
        unsigned = np.dtype(f"u{land.dtype.itemsize}")
        every = np.arange(256**unsigned.itemsize, dtype=unsigned).view(land.dtype)
        rows = _rows_of(every, case).take(land.view(unsigned))
    else:
        rows = _rows_of(land, case)
    if rows.size and rows.max() == MISSING:
        codes = ", ".join(f"{code:g}" for code in np.unique(land[rows == MISSING]))
        raise ValueError(f"land-cover class without a row in the class table: {codes}")
    return rows


def degradation_strip(case, land, sources, carries, row0, access=None, unknown=np.nan):
    """(degradation, quality) of one strip, float32; `unknown` where the land cover or access is.

    `land`: 2-D whole numbers, a strip that begins at row `row0`. `sources`: uint8 strip of each
    threat in the order of the case. `carries`: (above, below) of each, from `distance.scan`.
    `access`: float32 0..1, NaN where unknown; nothing is protected without it.
    """
    classes = class_rows(land, case)
    reached = np.zeros((len(case.curves), *land.shape), dtype="float32")
    parts = zip(reached, sources, carries, case.curves, case.tables, strict=True)
    for out, source, (above, below), curve, table in parts:
        _reach(out, source, row0, above, below, case.cell, curve, table)
    if access is None:
        access = np.ones(land.shape, dtype="float32")
    degradation, quality = np.empty((2, *land.shape), dtype="float32")
    constants = np.array([case.k, case.z, unknown], dtype="float32")
    _combine(reached, classes, access, case.weights, case.habitat, constants, degradation, quality)
    return degradation, quality


def _linear(reach):
    return decay("linear", None, reach)


def _exponential(reach):
    return decay("exponential", reach / 2.99, reach)


# To add a decay: write it above (its reach is in cells), and name it here.
CURVES = {"linear": _linear, "exponential": _exponential}


def _rows_of(land, case):
    at = np.minimum(np.searchsorted(case.codes, land), case.codes.size - 1)
    rows = np.where(case.codes[at] == land, at + 1, MISSING).astype("uint16")
    if case.land_nodata is not None:
        rows[land == case.land_nodata] = NO_CLASS
    rows[land != land] = NO_CLASS  # NaN alone differs from itself
    return rows


def _reach(out, source, row0, above, below, cell, curve, table):
    if table is not None:
        raise_exposure(out, source, row0, above, below, cell, table)
        return
    out[:] = curve(distance_rows(source, row0, above, below, cell))


# By numpy's rules a division by zero is no error: without that test the loops run on several cells
# at once.
@njit(nogil=True, cache=True, error_model="numpy")
def _combine(reached, classes, access, weights, habitat, constants, degradation, quality):
    k, z, unknown = constants
    for r in range(classes.shape[0]):
        row, total, left = classes[r], degradation[r], quality[r]
        total[:] = 0
        for t in range(reached.shape[0]):
            effect, weight = reached[t, r], weights[t]
            for x in range(row.size):
                total[x] += effect[x] * weight[row[x]]
        for x in range(row.size):
            total[x] *= access[r, x]
        _share_left(total, k, z, left)
        for x in range(row.size):
            left[x] *= habitat[row[x]]
        for x in range(row.size):
            if row[x] == NO_CLASS or np.isnan(total[x]):
                total[x] = left[x] = unknown


@njit(nogil=True, cache=True, error_model="numpy")
def _share_left(total, k, z, left):
    """1 - D^z / (D^z + k^z), written so that a tiny k overflows to 0."""
    one = np.float32(1)
    if z == 2.5:
        # The usual exponent needs no logarithm.
        for x in range(total.size):
            ratio = total[x] / k
            left[x] = one / (one + ratio * ratio * np.sqrt(ratio))
    else:
        for x in range(total.size):
            left[x] = one / (one + (total[x] / k) ** z)

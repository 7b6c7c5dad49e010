"""Which piece of a road, a railway or a fence holds movement back most."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import find_objects, maximum_filter

from manul.connectivity.cost_distance import as_float, improve, passable
from manul.connectivity.reaches import Reaches


def crossings(
    flow_with: np.ndarray,
    flow_without: np.ndarray,
    pieces: np.ndarray,
    cost: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row a piece, the worst first: flow with and without the line, barrier effect, rank.

    `pieces`: numbers from 1, 0 off the line. Flow is the mean over the cells of a piece; unknown
    cells are left out. `barrier_effect`: the part of the flow that the line holds back, 0..1;
    `held_back`: flow without the line times this, by which pieces are ranked. A piece through which
    more flows than without the line holds nothing back. `cost`, from `opened`, adds its columns.
    """
    known = (pieces > 0) & np.isfinite(flow_with) & np.isfinite(flow_without)
    numbers = np.unique(pieces[pieces > 0])
    size = int(numbers.max(initial=0)) + 1
    count = np.bincount(pieces[known], minlength=size)[numbers]
    sums = [
        np.bincount(pieces[known], flow[known], size)[numbers] for flow in (flow_with, flow_without)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        now, before = (part / count for part in sums)
        effect = np.where(before > 0, np.clip(1 - now / before, 0, 1), 0.0)
    rows = pd.DataFrame({
        "piece": numbers, "cells": count, "flow_with": now, "flow_without": before,
        "barrier_effect": np.where(count > 0, effect, np.nan),
    })  # fmt: skip
    rows["held_back"] = rows.flow_without * rows.barrier_effect
    if cost is not None:
        rows = rows.merge(cost, on="piece", how="left")
    return _ranked(rows)


def opened(
    resistance_with: np.ndarray,
    resistance_without: np.ndarray,
    pieces: np.ndarray,
    cores: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    cell: float = 1.0,
) -> pd.DataFrame:
    """What opening each piece alone saves on the links of `pairs` of cores, one row a piece.

    `saved`: the sum over links of the cost with the line minus that with this piece opened;
    `saved_most` and `link`: of the link that gains most; `joins`: links that were not possible
    before. Only cells of the piece and around it are worked on again: exact unless the best way
    runs through the piece twice, where it tells too little.
    """
    resistance_with, resistance_without = as_float(resistance_with), as_float(resistance_without)
    pairs = [(min(p), max(p)) for p in pairs]
    near = np.flatnonzero(maximum_filter(pieces > 0, 3))
    known, between = _costs(Reaches(resistance_with, cores, cell), pairs, near)
    place = np.full(pieces.shape, -1, np.int32)
    place.ravel()[near] = np.arange(near.size)
    rows = []
    for number, box, cells in _pieces(pieces):
        ground = np.where(cells, resistance_without[box], resistance_with[box])
        cost = {core: _through(c, place[box], ground, cells, cell) for core, c in known.items()}
        gains = [_gain(between[a, b], (cost[a] + cost[b])[cells].min()) for a, b in pairs]
        rows.append(_row(number, pairs, gains, [between[pair] for pair in pairs]))
    return pd.DataFrame(rows, columns=["piece", "saved", "saved_most", "link", "joins"])


def _ranked(rows):
    rows = rows.sort_values(["held_back", "piece"], ascending=[False, True], ignore_index=True)
    rows["rank"] = rows.held_back.rank(ascending=False, method="min").astype("Int64")
    return rows


def _costs(reaches, pairs, near):
    """For each core its costs at some cells, and the least cost of each pair."""
    known, between = {}, {}
    for core in sorted({k for pair in pairs for k in pair}):
        cost = reaches.everywhere(core)
        known[core] = cost.ravel()[near]
        for pair in pairs:
            if pair[0] == core:
                between[pair] = float(cost.ravel()[reaches.cells[pair[1]]].min(initial=np.inf))
    return known, between


def _gain(before, after):
    """What a cheaper way saves; infinite where there was none before, 0 where there is none."""
    return float(before - after) if after < before else 0.0


def _pieces(pieces):
    """Number, box one cell wider than the piece, and its cells in the box."""
    for number, spans in enumerate(find_objects(pieces), 1):
        if spans is None:
            continue
        box = tuple(
            slice(max(span.start - 1, 0), min(span.stop + 1, size))
            for span, size in zip(spans, pieces.shape, strict=True)
        )
        yield number, box, pieces[box] == number


def _through(known, place, ground, cells, cell):
    """Costs from a core in the box of an opened piece, from what is known of the cells around."""
    cost = np.where(place >= 0, known[place], np.inf)
    cost[cells & ~passable(ground)] = np.inf
    improve(ground, cost, np.isfinite(cost), cell=cell)
    return cost


def _row(number, pairs, gains, before):
    saved = [gain for gain, old in zip(gains, before, strict=True) if np.isfinite(old)]
    joins = sum(1 for gain, old in zip(gains, before, strict=True) if np.isinf(old) and gain > 0)
    best = int(np.argmax(saved)) if saved and max(saved) > 0 else None
    links = [pair for pair, old in zip(pairs, before, strict=True) if np.isfinite(old)]
    link = "" if best is None else "{}-{}".format(*links[best])
    return number, float(sum(saved)), float(max(saved, default=0.0)), link, joins

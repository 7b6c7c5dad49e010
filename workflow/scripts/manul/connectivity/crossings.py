"""Which piece of a road, a railway or a fence holds movement back most."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import find_objects, maximum_filter

from manul.connectivity.cost_distance import as_float, improve, passable
from manul.connectivity.reaches import Reaches


def crossings(
    flow_with: np.ndarray,
    flow_without: np.ndarray,
    pieces: Sequence[np.ndarray],
    cost: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row a piece, the worst first: flow with and without the lines, barrier effect, rank.

    `pieces`: for each kind of line a map with numbers from 1, those of no other kind, 0 off the
    line: a cell may hold a road and a railway, and is counted for both. Flow is the mean over the
    cells of a piece; unknown cells are left out. `barrier_effect`: the part of the flow that lines
    hold back there, 0..1; `held_back`: flow without lines times this, by which pieces are ranked.
    Where more flows than without lines, nothing is held back. `cost`, from `opened`, adds columns.
    """
    kinds = pieces or [np.zeros(flow_with.shape, int)]
    rows = pd.concat([_of_kind(flow_with, flow_without, of) for of in kinds], ignore_index=True)
    if cost is not None:
        rows = rows.merge(cost, on="piece", how="left")
    return _ranked(rows)


def opened(
    resistance_with: np.ndarray,
    resistance_without: Iterable[np.ndarray],
    pieces: Sequence[np.ndarray],
    cores: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    cell: float = 1.0,
) -> pd.DataFrame:
    """What opening each piece alone saves on the links of `pairs` of cores, one row a piece.

    `pieces` as in `crossings`, and for each kind of line the resistance without this kind, the
    others still there. `saved`: the sum over links of the cost with the lines minus that with this
    piece opened; `saved_most` and `link`: of the link that gains most; `joins`: links that were not
    possible before. Only cells of the piece and around it are worked on again: exact unless the
    best way runs through the piece twice, where it tells too little.
    """
    resistance_with = as_float(resistance_with)
    pairs = [(min(p), max(p)) for p in pairs]
    on_lines = np.any([of > 0 for of in pieces], axis=0)
    near = np.flatnonzero(maximum_filter(on_lines, 3))
    known, between = _costs(Reaches(resistance_with, cores, cell), pairs, near)
    place = np.full(resistance_with.shape, -1, np.int32)
    place.ravel()[near] = np.arange(near.size)
    rows = []
    for of_kind, without in zip(pieces, resistance_without, strict=True):
        free = as_float(without)
        for number, box, cells in _pieces(of_kind):
            ground = np.where(cells, free[box], resistance_with[box])
            cost = {c: _through(k, place[box], ground, cells, cell) for c, k in known.items()}
            gains = [_gain(between[a, b], (cost[a] + cost[b])[cells].min()) for a, b in pairs]
            rows.append(_row(number, pairs, gains, [between[pair] for pair in pairs]))
    return pd.DataFrame(rows, columns=["piece", "saved", "saved_most", "link", "joins"])


def _of_kind(flow_with, flow_without, pieces) -> pd.DataFrame:
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
    return rows.assign(held_back=rows.flow_without * rows.barrier_effect)


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

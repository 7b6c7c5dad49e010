"""What a run will need: cells, memory, time class and disk of each rule, told before it starts.

The figures are upper estimates from the size of the grid, of the blocks and of the margins; the
constants were measured on the demo and on large synthetic regions (see benchmarks/README.md). The
rules take their `mem_mb` from here, so the plan and the graph cannot drift apart.
"""

import os
import shutil

import pandas as pd

from manul import surfaces
from manul.analyses import suitability
from manul.config import selection
from manul.config.types import Config, Region
from manul.grid.region import grid_of
from manul.model import cells
from manul.model import outputs as model_outputs
from manul.surfaces import proximity

IMPORTS_MB = 450  # Python, the libraries of a job, and kernels that it may have to compile
WHOLE_MAP_BYTES = 24  # per cell of what finds patches on the whole map
FINE_BYTES = 26  # per source cell of an exposure block: intensities, distances, result
PLAIN_BYTES = 90  # per cell of a block of any other surface
MODEL_BYTES = 9  # per cell and map that the model reads or writes
FIT_BYTES = 600  # per cell of a block that a fitted model predicts
LEARNING_MB = 300  # libraries of the fit, and its trees
DRAWING_MB = 500
SECONDS_PER_JOB = 6
NANOSECONDS = {"prepare": 20, "surface": 120, "model": 250, "fit": 9000, "whole": 900, "sheet": 60}
KEPT_SHARE = 0.45  # of the raw bytes, after compression, with overviews
CLASSES = ((60, "a minute"), (600, "minutes"), (5400, "an hour"), (50_000, "hours"))


def number_of_cells(region: Region) -> int:
    """Cells of the region's grid."""
    height, width = grid_of(region).shape
    return height * width


def surface_mb(config: Config, name: str, threads: int = 1) -> int:
    """Peak memory of a surface job (MB)."""
    block, grid = config["surfaces"][name], grid_of(config["region"])
    side = min(surfaces.block_size(block, grid), max(grid.shape))
    wide = side + 2 * block.get("reach_m", block.get("radius_m", 0)) / config["region"]["cell_m"]
    if block["kind"] == "exposure":
        fine = proximity.oversample(block, grid)
        per_thread = (wide * fine) ** 2 * FINE_BYTES
    else:
        per_thread = min(wide**2, wide * max(grid.shape)) * PLAIN_BYTES
    return _mb(threads * per_thread)


def habitat_mb(config: Config, threads: int) -> int:
    """Peak memory of the habitat job (MB)."""
    made = model_outputs.habitat_maps(config["habitat"])
    return _model_mb(config, made, cells.inputs(*cells.parts(config["habitat"])), threads)


def threats_mb(config: Config, threads: int) -> int:
    """Peak memory of the job of the threats (MB)."""
    model = selection.model(config)
    read = [*cells.threat_inputs(model["threats"]), *model["habitat"]["components"]]
    return _model_mb(config, model_outputs.threat_maps(model), read, threads)


def _model_mb(config, made, read, threads) -> int:
    side = min(model_outputs.BLOCK, max(grid_of(config["region"]).shape))
    maps = len(read) + sum(len(m.bands) for m in made)
    return _mb(threads * side**2 * maps * MODEL_BYTES)


def fit_mb(threads: int) -> int:
    """Peak memory of the fit to records and of its prediction (MB)."""
    return _mb(threads * suitability.BLOCK**2 * FIT_BYTES + LEARNING_MB * 1e6)


def whole_mb(config: Config) -> int:
    """Peak memory of key habitat, recommendations and unit tables, which hold whole maps (MB)."""
    return _mb(number_of_cells(config["region"]) * WHOLE_MAP_BYTES)


def sheet_mb(config: Config) -> int:
    """Peak memory of a map sheet (MB)."""
    shown = min(number_of_cells(config["region"]), 2e8)
    return _mb(shown * 16 + DRAWING_MB * 1e6)


def rows(config: Config, threads: int) -> pd.DataFrame:
    """One row for each rule of one scenario: jobs, cells, memory_mb, time class, disk_mb."""
    n = number_of_cells(config["region"])
    made = selection.available(config)
    used = made
    threats = len(selection.assessed(config))
    largest = max((surface_mb(config, s) for s in used), default=0)
    present = [b for b in config["layers"].values() if b["kind"] != "absent"]
    outputs = 2 * threats + len(config["habitat"]["components"]) + 12
    table = [
        ("prepare", len(present), _mb(100e6), NANOSECONDS["prepare"], 0.05 * len(present)),
        ("surface", len(used), largest, NANOSECONDS["surface"] * len(used) / threads, len(used)),
        ("habitat", 1, habitat_mb(config, threads), NANOSECONDS["model"] / threads, 12),
        ("threats", 1, threats_mb(config, threads), NANOSECONDS["model"] / threads, outputs),
        (
            "analysis",
            len(selection.analyses(config)),
            fit_mb(threads),
            NANOSECONDS["fit"],
            5,
        ),
        ("key_habitat, recommend, units", 4, whole_mb(config), NANOSECONDS["whole"], 0.3),
        ("sheet", 8, sheet_mb(config), NANOSECONDS["sheet"], 0),
    ]
    columns = ["rule", "jobs", "cells", "memory_mb", "time", "disk_mb"]
    return pd.DataFrame(
        [
            (rule, jobs, n, memory, _class(jobs * SECONDS_PER_JOB / threads + n * ns * 1e-9),
             round(n * 4 * maps * KEPT_SHARE / 1e6))
            for rule, jobs, memory, ns, maps in table
        ],
        columns=columns,
    )  # fmt: skip


def advice(table: pd.DataFrame, folder=".") -> list[str]:
    """What to change if the machine is too small; empty if the plan fits."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    free_mb = shutil.disk_usage(folder).free / 1e6
    told = [
        f"{row.rule} needs {row.memory_mb} MB and this machine has {memory_mb:.0f} MB: "
        "take a larger region.cell_m, smaller bounds, or a machine with that much memory"
        for row in table.itertuples()
        if row.memory_mb > memory_mb
    ]
    needed = table["disk_mb"].sum() * 2  # blocks and the finished map stand side by side
    if needed > free_mb:
        told.append(
            f"results need {needed:.0f} MB and the disk has {free_mb:.0f} MB free: "
            "make room, or take a larger region.cell_m"
        )
    return told


def _mb(size_bytes: float) -> int:
    return int(IMPORTS_MB + size_bytes / 1e6)


def _class(seconds: float) -> str:
    return next((words for limit, words in CLASSES if seconds <= limit), "a day or more")

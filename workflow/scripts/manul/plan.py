"""What a run will need: cells, memory, time class and disk of each rule, told before it starts.

Memory is that of the libraries, of the blocks in work at once, of what is kept of maps that are
read, and of the bytes that a few rules hold for each cell of the region. The constants were
measured at three cell sizes of the demo (see benchmarks/README.md); a test holds the plan against
what jobs took. The rules take their `mem_mb` from here.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from manul import surfaces
from manul.analyses import connectivity, suitability
from manul.config import selection
from manul.config.types import Config, Region
from manul.grid import block_maps, disk_maps, reach
from manul.grid.fields import KEPT_MB
from manul.grid.region import grid_of
from manul.maps import layouts, sheet_specs
from manul.model import cells, invest_csv, invest_run
from manul.model import outputs as model_outputs
from manul.products import outlines, patches
from manul.surfaces import proximity, travel_time
from manul.uncertainty import alternatives, passes, specs, support

SPARE = 1.15  # so that a job that takes a little more is not killed
LIBRARIES_MB = 310  # Python, the libraries of a job, and kernels that it may have to compile
PREPARE_MB = 250  # no kernels, windows of 1024 cells
LEARNING_MB = 120  # further libraries of a fit, and its trees
DRAWING_MB = 110
PAGE_MB = 260  # a page of an atlas, its type and base map, and key habitat of a unit
GDAL_MB = 128  # its cache
MOST_THREADS = 8
CELLS_OF_A_THREAD = 2**20  # below so many a second thread saves less than a second job beside it
MUCH_FOR_EACH_CELL = {"analysis_connectivity": 2**18}  # rules for which they are fewer
WINDOW = 2048**2  # cells that products look at, at once
WINDOW_BYTES = 26  # per cell of such a window
BAND_BYTES = 17  # per cell and band of a block of a surface
FINE_BYTES = {"nearest": 10, "saturating": 6, "density": 12}  # per source cell of an exposure block
HELD_NAMES = 20  # maps of a draw that rules name
KEY_BYTES = 60  # per cell, while key habitat of a draw is found and measured
PIECE_ARRAYS = 60  # of draws, that a piece of a block holds at once
MODEL_BYTES = 7  # per cell and map that the model reads or writes
INVEST_MB = 190
INVEST_BYTES, INVEST_THREAD_BYTES = 45, 50  # per cell of a strip, and more for each thread
FIT_BYTES = 250  # per cell of a block that a fitted model predicts
JOURNEY_BYTES = [np.dtype(kind).itemsize for kind in travel_time.MAPS]  # per cell of each map
PATCH_BYTES = {  # per cell
    "key_polygons": 5, "recommend": 12, "compare": 20, "analysis_connectivity": 26,
}  # fmt: skip
AT_MOST_MB = {"key_polygons": outlines.MOST * 100 / 1e6}  # of these: what is outlined at once
WHY = {  # what makes the memory of a rule grow with the region
    "key_polygons": "the outlines of all patches", "recommend": "patches and zones of all rules",
    "compare": "both runs' patches", "analysis_connectivity": "the map of key areas",
}  # fmt: skip
MAPS_OF_PATCHES = {  # bytes per cell of maps that lie on disk where they are large
    "key_habitat": (4, 4, 4), "key_polygons": (4,), "key_draws": (1, 2, 2), "change": (1, 2, 2),
}  # fmt: skip
STRIP_BYTES = {  # per cell of a strip of patches
    "key_habitat": 16, "key_polygons": 16, "key_draws": 32, "change": 40,
}  # fmt: skip
MOVING_BYTES = 218  # per cell, on which ways between key areas are worked out
DRAWN_WAYS_BYTES = 68  # per such cell and draw that is worked out beside another
CURRENT_BYTES = 540  # per cell of a corridor that current flows through, and job beside another
OF_SURFACES = ("surface", "alternatives")  # rules that make a surface in blocks of its kind
IN_BLOCKS = {  # rules that make maps of a fixed set of blocks, and cells along a side of these
    "habitat": model_outputs.BLOCK, "threats": model_outputs.BLOCK,
    "draws": passes.BLOCK, "change": passes.BLOCK,
}  # fmt: skip
DRAWN_BYTES = 105  # per cell of a drawn map
SECONDS_PER_JOB = 2.5
# of one thread, per cell and job
NANOSECONDS = {
    "surface": 300, "generalise": 300, "habitat": 900, "threats": 2100, "key_habitat": 500,
    "alternatives": 3000, "draws": 20_000, "change": 20_000, "sensitivity": 300,
    "without_threats": 300,
    "key_draws": 5000, "key_polygons": 3000, "recommend": 5000, "units": 700, "evidence": 150,
    "analysis_connectivity": 250_000,
}  # fmt: skip
NANOSECONDS_OF_A_FIT = 7000
KEPT_SHARE = 0.45  # of the raw bytes, after compression, with overviews
CLASSES = ((60, "a minute"), (600, "minutes"), (5400, "an hour"), (50_000, "hours"))


def memory_mb(config: Config, rule: str, key: str = "", threads: int = 1) -> int:
    """Peak memory (MB) of a job of a rule, in which `key` tells jobs apart; an upper estimate."""
    made = _MEMORY.get(rule.partition("_")[0], _MEMORY.get(rule, _products))
    return int(SPARE * made(config, rule, key, threads))


def threads(config: Config, rule: str = "") -> int:
    """Threads of a job that makes maps block by block: what the region has cells for, 8 at most.

    A rule that does much for each cell has more.
    """
    of_each = MUCH_FOR_EACH_CELL.get(rule, CELLS_OF_A_THREAD)
    return min(MOST_THREADS, max(1, number_of_cells(config["region"]) // of_each))


def parts(config: Config, rule: str, key: str = "") -> int:
    """Among how many jobs the blocks of the maps of a rule are dealt out; 1: it makes them alone.

    No more than there are blocks, and one where a cell depends on far ones.
    """
    grid = grid_of(config["region"])
    side = IN_BLOCKS.get(rule, 0)
    if rule in OF_SURFACES and not _whole(config, key):
        side = surfaces.block_size(config["surfaces"][key], grid)
    blocks = len(block_maps.squares(grid.shape, side)) if side else 1
    return min(config["jobs_for_a_map"], blocks)


def number_of_cells(region: Region) -> int:
    """Cells of the region's grid."""
    height, width = grid_of(region).shape
    return height * width


def rows(graph, scenario: str, threads: int) -> pd.DataFrame:
    """One row for each rule of a scenario: jobs, cells, memory_mb, time class, disk_mb.

    Memory is that of the rule's largest job. What an earlier scenario makes too counts there.
    """
    config = graph.configs[scenario]
    n = number_of_cells(config["region"])
    table = []
    bands = graph.bands(scenario)
    for rule in graph.rules(scenario):
        keys = [k for k in graph.keys(scenario, rule) if graph.owner(scenario, rule, k) == scenario]
        if not keys:
            continue
        memory = max(memory_mb(config, rule, key, threads) for key in keys)
        other = NANOSECONDS_OF_A_FIT if rule.startswith("analysis_") else 0
        cost = NANOSECONDS.get(rule, other)
        dealt = [parts(config, rule, key) for key in keys]
        jobs = sum(of + (of > 1) for of in dealt)  # one more joins what several made
        seconds = sum(SECONDS_PER_JOB + n * cost * 1e-9 / of for of in dealt) / threads
        disk = n * 4 * sum(bands[rule, key] for key in keys) * KEPT_SHARE / 1e6
        disk = round(disk + max(_on_disk(config, rule, key) for key in keys))
        table.append((rule, jobs, n, memory, _class(seconds), disk))
    return pd.DataFrame(table, columns=["rule", "jobs", "cells", "memory_mb", "time", "disk_mb"])


def advice(table: pd.DataFrame, folder=".") -> list[str]:
    """What to change if the machine is too small; empty if the plan fits."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    free_mb = shutil.disk_usage(folder).free / 1e6
    told = [
        f"{row.rule} needs {row.memory_mb} MB{_why(row.rule)} and this machine has "
        f"{memory_mb:.0f} MB: take a larger region.cell_m, smaller bounds, or a machine with that "
        "much memory"
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


# ------------------------------------------------------------------------------------- helpers


def _why(rule) -> str:
    return f" for {WHY[rule]}" if rule in WHY else ""


def _prepare(config, rule, key, threads) -> float:
    return PREPARE_MB


def _surface(config, rule, key, threads) -> float:
    block, grid = config["surfaces"][key], grid_of(config["region"])
    side = surfaces.block_size(block, grid)
    per_cell = BAND_BYTES * len(surfaces.bands(block)) + 4
    together = _at_once(side, threads, grid)
    if block["kind"] == "exposure":
        reach = block["reach_m"] / config["region"]["cell_m"]
        fine = proximity.oversample(block, grid) ** 2
        sources = _at_once(side + 2 * reach, threads, grid) * fine
        return LIBRARIES_MB + (sources * FINE_BYTES[block["kernel"]] + together * 16) / 1e6
    held = _journey_mb(grid) if _whole(config, key) else 0
    return LIBRARIES_MB + held + together * per_cell / 1e6


def _journey_mb(grid) -> float:
    """Of maps of a region and around it on which travel times are found, and tiles of them."""
    n = _around(grid)
    tiles = min(n * 12, disk_maps.TILES_HELD)
    return (sum(min(n * size, disk_maps.HELD) for size in JOURNEY_BYTES) + tiles) / 1e6


def _whole(config, key) -> bool:
    return surfaces.KINDS[config["surfaces"][key]["kind"]].whole


def _around(grid) -> int:
    """Cells of a region and of what lies around it, where journeys may lead."""
    return int(np.prod(grid.pad(int(selection.FAR_M / grid.resolution.x) + 1).shape))


def _generalise(config, rule, key, threads) -> float:
    bands = len(surfaces.bands(config["surfaces"][key]))
    if rule.endswith("alternatives"):
        bands = len(alternatives.alternatives(specs.of_surface(config, key) or specs.NOTHING))
    return LIBRARIES_MB + _reading_mb(config, bands)


def _alternatives(config, rule, key, threads) -> float:
    grid, bands = grid_of(config["region"]), _bands(config, key)
    side = surfaces.block_size(config["surfaces"][key], grid)
    together = _at_once(side, threads, grid) * bands * BAND_BYTES
    if _whole(config, key):  # the times of each
        together += (bands - 1) * min(_around(grid) * JOURNEY_BYTES[-1], disk_maps.HELD)
    return _surface(config, rule, key, threads) + together / 1e6


def _bands(config, key) -> int:
    """How many alternatives of a surface are made."""
    spec = specs.of_surface(config, key) or specs.NOTHING
    return len(alternatives.alternatives(spec))


def _draws(config, rule, key, threads) -> float:
    every = [specs.of_surface(config, name) for name in specs.surfaces_of(config)]
    read = sum(len(alternatives.alternatives(spec)) if spec else 1 for spec in every)
    number = config["draws"]["number"]
    made = sum(len(bands) for bands in passes.maps(True).values())
    together = _at_once(passes.BLOCK, threads, grid_of(config["region"]))
    bytes_ = 5 * read + 3 * 4 * made + 3 * number / 8
    pieces = threads * max(passes.PIECE * number, passes.NUMBERS) * 4 * (PIECE_ARRAYS + len(every))
    return LIBRARIES_MB + (together * bytes_ + pieces) / 1e6


def _recommend(config, rule, key, threads) -> float:
    main = _products(config, rule, key, threads)
    if not specs.wanted(config):
        return main
    n = number_of_cells(config["region"])
    held = 1.5 * max(support.HELD_MB, n * 4 * HELD_NAMES / 1e6) + n * KEY_BYTES / 1e6
    return main + held + _draws(config, rule, key, 1) - LIBRARIES_MB


def _habitat(config, rule, key, threads) -> float:
    made = model_outputs.habitat_maps(config["habitat"])
    return _model(config, made, cells.inputs(*cells.parts(config["habitat"])), threads)


def _threats(config, rule, key, threads) -> float:
    model = selection.model(config)
    read = [*cells.threat_inputs(model["threats"]), *cells.needed_of_habitat(model)]
    return _model(config, model_outputs.threat_maps(model), read, threads)


def _model(config, made, read, threads) -> float:
    maps = len(read) + sum(len(m.bands) for m in made)
    together = _at_once(model_outputs.BLOCK, threads, grid_of(config["region"]))
    return LIBRARIES_MB + together * maps * MODEL_BYTES / 1e6


def _invest(config, rule, key, threads) -> float:
    case = config["invest"][key]
    height, width = grid_of(config["region"]).shape
    land_cover = case["land_cover"]  # its grid is that of the case
    if Path(land_cover).is_file() and not list(reach.beyond(land_cover, config["allow"])):
        with reach.open_raster(land_cover) as land:
            height, width = land.shape
    bits = height * width * len(invest_csv.invest_rasters(case)) / 8
    strips = invest_run.TILE * width * (INVEST_BYTES + INVEST_THREAD_BYTES * threads)
    return INVEST_MB + (bits + strips) / 1e6


def _analysis(config, rule, key, threads) -> float:
    together = _at_once(suitability.BLOCK, threads, grid_of(config["region"]))
    held = _of_cells(config, PATCH_BYTES.get(rule, 0))
    if rule == "analysis_connectivity":
        most = config["analyses"][key]["most_cells"]
        n = min(number_of_cells(config["region"]), most)
        beside = connectivity.at_once(n, threads)
        flowing = min(n, connectivity.CELLS_OF_A_WAY) * CURRENT_BYTES * beside
        drawn = n * (MOVING_BYTES + DRAWN_WAYS_BYTES * (beside - 1))
        held += max(drawn, n * MOVING_BYTES / 2 + flowing) / 1e6
    return LIBRARIES_MB + LEARNING_MB + together * FIT_BYTES / 1e6 + held


def _sheet(config, rule, key, threads) -> float:
    spec = sheet_specs.drawn(config)[key]
    grid = grid_of(config["region"])
    level = int(np.ceil(np.log2(max(layouts.cells_on_paper(grid), 1))))
    drawn = number_of_cells(config["region"]) / 4**level
    small = set(spec["maps"]) <= {"effects"}  # many to a page, or outlines alone
    return LIBRARIES_MB + DRAWING_MB + (0 if small else drawn * DRAWN_BYTES / 1e6)


def _evidence(config, rule, key, threads) -> float:
    shown = selection.evidence_of(config, key)["surfaces"].values()
    maps = [len(surfaces.bands(block)) for block in shown]
    return LIBRARIES_MB + (_reading_mb(config, *maps) if maps else 0)


def _products(config, rule, key, threads) -> float:
    maps = 2 if rule == "key_habitat" else 2 * len(selection.assessed(config)) + 8
    held = min(_of_cells(config, PATCH_BYTES.get(rule, 0)), AT_MOST_MB.get(rule, np.inf))
    held += _of_patches(config, rule)
    sides = [maps] * (2 if rule == "compare" else 1)
    return LIBRARIES_MB + _reading_mb(config, *sides) + held


def _of_patches(config, rule) -> float:
    """Of patches that are found strip by strip, with maps of the whole region."""
    n = number_of_cells(config["region"])
    first = patches.strips(grid_of(config["region"]).shape)[0]
    strip = (first.stop - first.start) * grid_of(config["region"]).width
    held = sum(min(n * size, disk_maps.HELD) for size in MAPS_OF_PATCHES.get(rule, ()))
    return (held + strip * STRIP_BYTES.get(rule, 0)) / 1e6


def _on_disk(config, rule, key) -> float:
    """Maps that are too large for memory, while a job works on them (MB)."""
    sizes = [number_of_cells(config["region"]) * of for of in MAPS_OF_PATCHES.get(rule, ())]
    if rule in OF_SURFACES and _whole(config, key):
        hours = JOURNEY_BYTES[-1]  # are kept of each alternative
        more = [hours] * (_bands(config, key) - 1) if rule == "alternatives" else []
        sizes = [_around(grid_of(config["region"])) * of for of in (*JOURNEY_BYTES, *more)]
    return sum(size for size in sizes if size > disk_maps.HELD) / 1e6


def _of_cells(config, bytes_: float) -> float:
    return number_of_cells(config["region"]) * bytes_ / 1e6


def _reading_mb(config, *maps: int) -> float:
    """Of reading maps by windows: what is kept of so many bands, GDAL's cache, one window."""
    n = number_of_cells(config["region"])
    kept = sum(min(n * 4 * bands / 1e6, KEPT_MB) for bands in maps)
    cached = min(n * 4 * sum(maps) / 1e6, GDAL_MB)
    return kept + cached + min(n, WINDOW) * WINDOW_BYTES / 1e6


def _at_once(side, threads, grid) -> float:
    """Cells of the blocks that are in work at once."""
    height, width = grid.shape
    return min(threads * min(side, height) * min(side, width), height * width * (1 + 1e-9))


_MEMORY: dict[str, Callable] = {
    "prepare": _prepare,
    "surface": _surface,
    "generalise": _generalise,
    "alternatives": _alternatives,
    "draws": _draws,
    "sensitivity": lambda *job: _draws(*job) + DRAWING_MB,
    "without": lambda *job: _draws(*job) + DRAWING_MB,
    "change": lambda *job: 2 * _draws(*job) - LIBRARIES_MB + _of_patches(*job[:2]),
    "scenario": lambda *job: LIBRARIES_MB + DRAWING_MB,
    "series": lambda *job: LIBRARIES_MB + 2 * DRAWING_MB,
    "recommend": _recommend,
    "habitat": _habitat,
    "threats": _threats,
    "invest": _invest,
    "analysis": _analysis,
    "sheet": _sheet,
    "atlas": lambda *job: LIBRARIES_MB + PAGE_MB,
    "evidence": _evidence,
    "elicitation": lambda config, rule, key, threads: LIBRARIES_MB,
}


def _class(seconds: float) -> str:
    return next((words for limit, words in CLASSES if seconds <= limit), "a day or more")

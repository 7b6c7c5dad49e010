"""Exposure of one threat over a country, as a surface job makes it, and how it grows.

    python benchmarks/surface.py WORK_DIR [--sizes 10000 20000 44721] [--threads 2]

For each size (cells along the side; 44721 gives 2e9 cells, Mongolia at 30 m) seeded features are
written to a GeoPackage and read, burnt, spread and written block by block to a Cloud Optimized
GeoTIFF, like any surface of the workflow: "nearest" from lines, "saturating" from points. The
density of features is the same at each size. Prints a table; every row is a process of its own.
"""

import argparse
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import shapely
from odc.geo.geobox import GeoBox

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
from manul import job, surfaces
from manul.grid import block_maps, vectors

CELL_M, REACH_CELLS = 30, 200
PER_1E8_CELLS = {"lines": 500, "points": 5000}  # 2e9 cells: 10 000 lines, 100 000 points
CURVE = {
    "decay": "exponential",
    "scale_m": REACH_CELLS * CELL_M / 4,
    "reach_m": REACH_CELLS * CELL_M,
}
SURFACES = {
    "lines": {"kind": "exposure", "kernel": "nearest", "layer": "features", **CURVE},
    "points": {"kind": "exposure", "kernel": "saturating", "layer": "features", **CURVE},
}
RULES = {"kinds": {"features": "vector"}}


def main():
    options = _options()
    if options.kind:
        _make(options)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{'kind':8s} {'features':>8s} {'cells':>8s} {'time':>10s} {'CPU':>10s} {'peak':>10s}")
    for kind in SURFACES:
        for size in options.sizes:
            command = [sys.executable, __file__, str(options.work), "--kind", kind]
            command += ["--sizes", str(size), "--threads", str(options.threads)]
            subprocess.run(command, check=True)


def _make(options):
    (size,) = options.sizes
    side = size * CELL_M
    grid = GeoBox.from_bbox((0, 0, side, side), crs="EPSG:6933", resolution=CELL_M)
    features = FEATURES[options.kind](round(PER_1E8_CELLS[options.kind] * size**2 / 1e8), side)
    path = options.work / f"{options.kind}.gpkg"
    vectors.write_vector(path, {"features": features}, {})
    block, threads = SURFACES[options.kind], SimpleNamespace(threads=options.threads)
    sources = surfaces.Sources({"features": vectors.VectorFile(str(path))}, RULES)
    surfaces.make(block, grid[:64, :64], sources)  # compile
    made = block_maps.MapFile(options.work / "made.tif", grid, surfaces.bands(block), {}, "0" * 16)
    work = partial(surfaces.on_block, "made", block, grid, sources)
    began, busy = time.perf_counter(), time.process_time()
    job.Job(threads).run(work, [made], block_maps.blocks(grid, surfaces.block_size(block, grid)))
    seconds, used = time.perf_counter() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.kind:8s} {len(features):8d} {size**2:8.1e} {seconds:8.1f} s {used:8.1f} s"
        f" {peak:6.0f} MiB",
        flush=True,
    )


def _lines(number, side):
    """Roads of 40 km, bent at random every 4 km."""
    random = np.random.default_rng(1)
    heading = random.uniform(0, 2 * np.pi, (number, 1)) + random.normal(
        0, 0.3, (number, 10)
    ).cumsum(1)
    steps = 4000 * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    start = random.uniform(0, side, (number, 1, 2))
    return _table(shapely.linestrings(np.concatenate([start, start + steps.cumsum(1)], axis=1)))


def _points(number, side):
    """Camps."""
    return _table(shapely.points(np.random.default_rng(2).uniform(0, side, (number, 2))))


def _table(shapes):
    return gpd.GeoDataFrame(geometry=shapes, crs="EPSG:6933")


FEATURES = {"lines": _lines, "points": _points}


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10000, 20000, 44721])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kind", choices=SURFACES, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

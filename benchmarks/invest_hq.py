"""One InVEST Habitat Quality case, whole process, without Snakemake.

    python benchmarks/invest_hq.py CASE_DIR OUT_DIR [--k 0.05] [--threads 2]

A case folder holds lulc.tif, threats.csv (the raster of each threat in its column cur_path),
sensitivity.csv and, if access is limited, polygons with a field `access` (access.geojson, .gpkg
or .shp). All rasters share one grid. OUT_DIR receives deg_sum_c.tif and quality_c.tif.

Source cells stay in memory as bits, an eighth of a byte per cell and threat; all else passes
through strip by strip. The seconds printed leave out the start of Python and of its packages.
"""

import argparse
import csv
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Lock

# GDAL reads this once, before the first raster; its own choice is a share of the machine.
os.environ.setdefault("GDAL_CACHEMAX", "64")

import numpy as np
import rasterio
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.features import bounds, rasterize
from rasterio.windows import Window

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
from manul.invest_inputs import sensitivity_from, threat_sources, threats_from

TILE = 256
NODATA = float(np.finfo("float32").max)
OUTPUTS = ("deg_sum_c.tif", "quality_c.tif")
RESULT = {
    "driver": "GTiff",
    "count": 1,
    "dtype": "float32",
    "nodata": NODATA,
    "tiled": True,
    "blockxsize": TILE,
    "blockysize": TILE,
    "compress": "zstd",
    "zstd_level": 1,
    "bigtiff": "if_safer",
}
burning = Lock()


def main():
    began = time.perf_counter()
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    run(options.case, options.out, options.k, options.threads)
    print(f"{time.perf_counter() - began:.2f} s")


def run(case_dir, out_dir, k, threads):
    """Read the tables and rasters of a case and write its two results."""
    rows = _table(case_dir / "threats.csv")
    tables = threats_from(rows), sensitivity_from(_table(case_dir / "sensitivity.csv"))
    with rasterio.open(case_dir / "lulc.tif") as land:
        grid = land.profile
    strips = list(pairwise([*range(0, grid["height"], TILE), grid["height"]]))
    parts = [strips[i::threads] for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        reading = [
            [pool.submit(_read_sources, case_dir / row["cur_path"], grid, part) for part in parts]
            for row in rows
        ]
        # Loading the compiler takes about as long as reading the sources: side by side.
        from manul.invest import scene

        case = scene(*tables, (grid["transform"].a, grid["transform"].e), grid["nodata"], k)
        bits = [_joined(part.result() for part in parts) for parts in reading]
        carries = _carries(pool, bits, strips, grid["width"])
    jobs = [
        (strip, [each[strip] for each in bits], [each[i] for each in carries])
        for i, strip in enumerate(strips)
    ]
    task = partial(_strip, case, case_dir / "lulc.tif", _zones(case_dir, grid["crs"]), grid)
    _write(task, jobs, out_dir, grid, threads)


def _joined(parts):
    return {strip: bits for part in parts for strip, bits in part.items()}


def _read_sources(path, grid, strips):
    """The source cells of some strips as bits, by strip."""
    found = {}
    with rasterio.open(path) as raster:
        _check_grid(raster, grid)
        block = np.empty((TILE, grid["width"]), dtype=raster.dtypes[0])
        for start, stop in strips:
            part = block[: stop - start]
            raster.read(1, out=part, window=Window(0, start, grid["width"], stop - start))
            found[start, stop] = np.packbits(threat_sources(part, raster.nodata), axis=1)
    return found


def _check_grid(raster, grid):
    same = raster.shape == (grid["height"], grid["width"])
    if not (same and raster.transform.almost_equals(grid["transform"])):
        raise ValueError(f"{raster.name}: does not lie on the grid of lulc.tif")


def _carries(pool, bits, strips, width):
    """Per threat and strip, the nearest source rows (above, below) outside the strip."""
    from manul.distance import profile, scan

    def ends(each, strip):
        return profile(_unpacked(each[strip], width), strip[0])

    profiles = [[pool.submit(ends, each, strip) for strip in strips] for each in bits]
    return [scan([one.result() for one in each]) for each in profiles]


def _unpacked(bits, width):
    return np.unpackbits(bits, axis=1, count=width)


def _strip(case, land_path, zones, grid, job):
    """(degradation, quality) of one strip."""
    from manul.invest import degradation_strip

    (start, stop), bits, carries = job
    window = Window(0, start, grid["width"], stop - start)
    with rasterio.open(land_path) as raster:
        land = raster.read(1, window=window)
    sources = [_unpacked(each, grid["width"]) for each in bits]
    access = _access(zones, land.shape, _moved_down(grid["transform"], start))
    return degradation_strip(case, land, sources, carries, start, access, NODATA)


def _moved_down(t, rows):
    return Affine(t.a, t.b, t.c + rows * t.b, t.d, t.e, t.f + rows * t.e)


def _access(zones, shape, transform):
    """Access of a strip, or None if no polygon comes near it."""
    ends = sorted([transform.f, transform.f + shape[0] * transform.e])
    near = [
        (polygon, value)
        for polygon, value, (low, high) in zones
        if low < ends[1] and high > ends[0]
    ]
    if not near:
        return None
    # Side by side, rasterize may warn of a missing transform: it silences that for all threads.
    with burning:
        return rasterize(near, shape, 1.0, transform=transform, dtype="float32")


def _zones(case_dir, crs):
    """(polygon, access, (lowest y, highest y)) in the order of the file: a later one wins."""
    paths = [case_dir / f"access{suffix}" for suffix in POLYGONS]
    path = next((path for path in paths if path.exists()), None)
    zones = POLYGONS[path.suffix](path, crs) if path else []
    return [(polygon, float(value), bounds(polygon)[1::2]) for polygon, value in zones]


def _geojson(path, crs):
    collection = json.loads(path.read_text(encoding="utf-8"))
    # A file that names no reference system holds longitudes and latitudes (RFC 7946).
    named = collection.get("crs", {"properties": {"name": "OGC:CRS84"}})["properties"]["name"]
    zones = [(each["geometry"], each["properties"]["access"]) for each in collection["features"]]
    if CRS.from_user_input(named) == crs:
        return zones
    from rasterio.warp import transform_geom

    return [(transform_geom(named, crs, polygon), value) for polygon, value in zones]


def _by_geopandas(path, crs):
    import geopandas

    frame = geopandas.read_file(path).to_crs(crs)
    return zip(frame.geometry, frame["access"], strict=True)


POLYGONS = {".geojson": _geojson, ".gpkg": _by_geopandas, ".shp": _by_geopandas}


def _write(task, jobs, out_dir, grid, threads):
    from manul.strips import threaded

    profile = RESULT | {key: grid[key] for key in ("width", "height", "crs", "transform")}
    profile["num_threads"] = threads
    first, second = (rasterio.open(out_dir / name, "w", **profile) for name in OUTPUTS)
    with first, second:
        for job, blocks in zip(jobs, threaded(threads)(task, jobs), strict=True):
            start, stop = job[0]
            window = Window(0, start, grid["width"], stop - start)
            for raster, block in zip((first, second), blocks, strict=True):
                raster.write(block, 1, window=window)


def _table(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--k", type=float, default=0.05, help="half-saturation constant")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

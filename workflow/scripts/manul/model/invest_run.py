"""InVEST Habitat Quality from files to files, strip by strip, in bounded memory.

A case names a land-cover raster, a table of threats (the raster of each in its column cur_path,
relative to the table), a table of sensitivities and, if access is limited, polygons with a field
`access`. All rasters share one grid. Source cells stay in memory as bits, an eighth of a byte per
cell and threat; all else passes through. Imports stay light: a small case takes about a second.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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

from manul.grid.atomic import atomic
from manul.model.invest_csv import read_rows, threat_rasters
from manul.model.invest_tables import sensitivity_from, threat_sources, threats_from

TILE = 256
NODATA = float(np.finfo("float32").max)
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


def run(case: dict, degradation, quality, threads: int = 2) -> None:
    """Write degradation and quality of a case.

    `case` holds the paths `land_cover`, `threats`, `sensitivity` and `access` (or None), the
    `half_saturation` constant and, if given, further `tags` of the outputs. Raises ValueError
    that names the table or raster for classes, threats or grids that do not fit.
    """
    rows = read_rows(case["threats"])
    tables = threats_from(rows), sensitivity_from(read_rows(case["sensitivity"]))
    with rasterio.open(case["land_cover"]) as land:
        grid = land.profile
    strips = list(pairwise([*range(0, grid["height"], TILE), grid["height"]]))
    parts = [strips[i::threads] for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        reading = [
            [pool.submit(_read_sources, path, grid, part) for part in parts]
            for path in threat_rasters(case["threats"])
        ]
        # Loading the compiler takes about as long as reading the sources: side by side.
        from manul.model.invest_quality import scene

        cell = grid["transform"].a, grid["transform"].e
        made = scene(*tables, cell, grid["nodata"], case["half_saturation"])
        bits = [_joined(part.result() for part in parts) for parts in reading]
        carries = _carries(pool, bits, strips, grid["width"])
    jobs = [
        (strip, [each[strip] for each in bits], [each[i] for each in carries])
        for i, strip in enumerate(strips)
    ]
    zones = _zones(case["access"], grid["crs"])
    task = partial(_strip, made, case["land_cover"], zones, grid)
    _write(task, jobs, (degradation, quality), grid, threads, case.get("tags", {}))


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
    from manul.exposure.nearest import profile, scan

    def ends(each, strip):
        return profile(_unpacked(each[strip], width), strip[0])

    profiles = [[pool.submit(ends, each, strip) for strip in strips] for each in bits]
    return [scan([one.result() for one in each]) for each in profiles]


def _unpacked(bits, width):
    return np.unpackbits(bits, axis=1, count=width)


def _strip(case, land_path, zones, grid, job):
    """(degradation, quality) of one strip."""
    from manul.model.invest_quality import degradation_strip

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


def _zones(path, crs):
    """(polygon, access, (lowest y, highest y)) in the order of the file: a later one wins."""
    zones = POLYGONS.get(Path(path).suffix, _by_geopandas)(Path(path), crs) if path else []
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


POLYGONS = {".geojson": _geojson, ".json": _geojson}


def _write(task, jobs, paths, grid, threads, tags):
    from manul.exposure.strips import threaded

    profile = RESULT | {key: grid[key] for key in ("width", "height", "crs", "transform")}
    profile["num_threads"] = threads
    with ExitStack() as stack:
        partial_paths = [stack.enter_context(atomic(path)) for path in paths]
        rasters = [stack.enter_context(rasterio.open(p, "w", **profile)) for p in partial_paths]
        for raster in rasters:
            raster.update_tags(**tags)
        for job, blocks in zip(jobs, threaded(threads)(task, jobs), strict=True):
            start, stop = job[0]
            window = Window(0, start, grid["width"], stop - start)
            for raster, block in zip(rasters, blocks, strict=True):
                raster.write(block, 1, window=window)

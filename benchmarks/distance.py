"""Time and peak memory of distance and exposure against other packages, as a table.

    python benchmarks/distance.py ELEVATION.tif [--size 20000] [--folder DIR] [--only NAME ...]

The masks are made by seed from a real elevation raster: tiled with flips and shifts, perturbed,
cut at its median ("dense": about half of all cells are sources) or thinned to a few cells
("sparse"). Every row of the table is one process of its own that reads the mask; ours also writes
the result (tiled GeoTIFF, ZSTD 1), the peers compute in memory only. Peers that are
not installed are left out. With `--errors` it tells instead how far each is from the truth: the
distance to the nearest of all sources, asked from a k-d tree, at SAMPLES cells.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))
from manul.exposure import strips
from manul.exposure.decay import decay

CELL = 30.0
SAMPLES = 20_000
REACH_CELLS = 200
BLOCK = 256
RESULT = {
    "driver": "GTiff",
    "count": 1,
    "dtype": "float32",
    "tiled": True,
    "blockxsize": BLOCK,
    "blockysize": BLOCK,
    "compress": "zstd",
    "zstd_level": 1,
    "bigtiff": "yes",
}
MASK = {**RESULT, "dtype": "uint8"}


def main():
    options = _options()
    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    if options.one:
        (_error_here if options.errors else _measure_here)(options)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for kind in ("dense", "sparse"):
            mask = Path(folder) / f"{kind}.tif"
            share = make_mask(options.elevation, mask, options.size, kind)
            print(f"\n{kind}: {options.size} x {options.size}, {share:.2%} sources", flush=True)
            for name in options.only or (DISTANCES if options.errors else WORKS):
                _measure_apart(name, mask, Path(folder) / "result.tif", options.errors)


def make_mask(elevation, path, size, kind):
    """Write the mask and return the share of sources."""
    with rasterio.open(elevation) as source:
        height = source.read(1).astype("float32")
    random = np.random.default_rng(3)
    total = 0
    with rasterio.open(path, "w", width=size, height=size, **MASK) as out:
        for row in range(0, size, BLOCK):
            block = KINDS[kind](_terrain(height, row, min(BLOCK, size - row), size, random), random)
            total += int(block.sum())
            out.write(block, 1, window=Window(0, row, size, block.shape[0]))
    return total / size**2


def _terrain(height, row, rows, size, random):
    """Rows of an endless mirrored tiling of the elevation (m above its median), with noise."""
    at = np.arange(row, row + rows) // 4
    across = np.arange(size) // 4
    tall, wide = height.shape
    tile = at[:, None] // tall * 31 + across[None, :] // wide * 17
    r = np.abs((at // tall % 2) * (tall - 1) - at % tall)[:, None]
    c = np.abs((across // wide % 2) * (wide - 1) - across % wide)[None, :]
    noise = random.normal(0, 10, (rows, size)).astype("float32")
    return height[r, c] - np.median(height) + (tile % 7 - 3) * 60 + noise


def _dense(terrain, _random):
    return (terrain > 0).astype("uint8")


def _sparse(terrain, random):
    return ((terrain > 0) & (random.random(terrain.shape) < 2e-6)).astype("uint8")


KINDS = {"dense": _dense, "sparse": _sparse}


def _ours(work, mask, result):
    with rasterio.open(mask) as source:
        shape = source.shape
    opened = threading.local()  # a handle for each thread, so that all may read at once

    def read(row0, row1):
        if not hasattr(opened, "mask"):
            opened.mask = rasterio.open(mask)
        return opened.mask.read(1, window=Window(0, row0, shape[1], row1 - row0))

    with _created(result, shape) as out:

        def write(row, block):
            out.write(block, 1, window=Window(0, row, block.shape[1], block.shape[0]))

        work(read, shape, write)


def _created(path, shape):
    return rasterio.open(path, "w", height=shape[0], width=shape[1], **RESULT)


def _our_distance(mask, result):
    _ours(lambda read, shape, write: strips.distance_strips(read, shape, CELL, write), mask, result)


def _our_exposure(mask, result):
    curve = decay("exponential", REACH_CELLS * CELL / 4, REACH_CELLS * CELL)

    def work(read, shape, write):
        strips.exposure_strips(read, shape, CELL, curve, write)

    _ours(work, mask, result)


def _copy(_mask, result):
    """Read and write the exposure (made just before), strip by strip: what no method can beat."""
    with rasterio.open(result) as source, _created(f"{result}.copy.tif", source.shape) as out:
        for row in range(0, source.height, BLOCK):
            window = Window(0, row, source.width, min(BLOCK, source.height - row))
            out.write(source.read(1, window=window), 1, window=window)
    Path(f"{result}.copy.tif").unlink()


def _array(mask):
    with rasterio.open(mask) as source:
        return source.read(1)


def _edt(mask, _result):
    import edt

    return edt.edt(_array(mask) == 0, anisotropy=(CELL, CELL), parallel=2)


def _opencv(mask, _result):
    import cv2

    return cv2.distanceTransform(1 - _array(mask), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _scipy(mask, _result):
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(_array(mask) == 0, sampling=CELL)


def _xarray_spatial(mask, _result):
    import xarray as xr
    from xrspatial import proximity

    array = _array(mask)
    rows, columns = (np.arange(side) * CELL for side in array.shape)
    return proximity(xr.DataArray(array, {"y": rows, "x": columns}, ("y", "x"))).data


def _pygeoprocessing(mask, result):
    import pygeoprocessing

    pygeoprocessing.distance_transform_edt((str(mask), 1), str(result))


def _gdal(mask, result):
    from osgeo import gdal

    source = gdal.Open(str(mask))
    driver = gdal.GetDriverByName("GTiff")
    out = driver.Create(str(result), source.RasterXSize, source.RasterYSize, 1, gdal.GDT_Float32)
    gdal.ComputeProximity(source.GetRasterBand(1), out.GetRasterBand(1), ["VALUES=1"])


WORKS = {
    "distance": _our_distance,
    "exposure": _our_exposure,
    "copy": _copy,
    "edt": _edt,
    "opencv": _opencv,
    "scipy": _scipy,
    "xarray-spatial": _xarray_spatial,
    "pygeoprocessing": _pygeoprocessing,
    "gdal": _gdal,
}


DISTANCES = [name for name in WORKS if name not in ("exposure", "copy")]
IN_CELLS = {"opencv", "pygeoprocessing", "gdal"}


def _error_here(options):
    """The largest error of one way at SAMPLES cells, in cells and in metres."""
    from scipy.spatial import cKDTree

    try:
        found = WORKS[options.one](options.mask, options.result)
    except ImportError:
        return
    found = _array(options.result) if found is None else found
    rows, columns = np.random.default_rng(5).integers(0, found.shape, (SAMPLES, 2)).T
    truth = cKDTree(np.argwhere(_array(options.mask))).query(np.c_[rows, columns])[0] * CELL
    error = np.abs(found[rows, columns] * (CELL if options.one in IN_CELLS else 1) - truth)
    wrong = (error > 1e-6 * truth + 1e-3).mean()
    print(
        f"{options.one:<16} largest error {error.max():9.4f} m, wrong in {wrong:.3%} of the cells"
    )


def _measure_here(options):
    # The first call compiles or loads the kernels, which is not the work to be timed.
    strips.distance(np.eye(4, dtype="uint8"), CELL)
    strips.exposure(np.eye(4, dtype="uint8"), CELL, decay("exponential", CELL, 2 * CELL))
    before = _peak_mib()
    start, busy = time.perf_counter(), time.process_time()
    try:
        # Whole blocks are read and written once: a large block cache would only take memory.
        with rasterio.Env(GDAL_CACHEMAX=32 * 2**20):
            WORKS[options.one](options.mask, options.result)
    except ImportError:
        print(f"{options.one:<16} not installed")
        return
    seconds, used = time.perf_counter() - start, time.process_time() - busy
    print(
        f"{options.one:<16} {seconds:8.2f} s {used:8.2f} s of CPU {_peak_mib():8.0f} MiB"
        f" ({before:.0f} before the work; a strip plan adds {_planned_mib(options.mask):.0f})"
    )


def _peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _planned_mib(mask):
    """What `strips` foretells for ours, to hold against the measured peak."""
    with rasterio.open(mask) as source:
        planned = strips.strip_memory_mb(source.width, strips.STRIP_ROWS, 2)
        planned += strips.carries_memory_mb(source.width, source.height, strips.STRIP_ROWS)
    return planned * 1e6 / 2**20


def _measure_apart(name, mask, result, errors):
    command = [sys.executable, __file__, "-", "--one", name, "--mask", mask, "--result", result]
    subprocess.run([*command, "--errors"] if errors else command, check=False)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elevation")
    parser.add_argument("--size", type=int, default=20000)
    parser.add_argument("--folder", help="where the rasters are made (default: a temporary folder)")
    parser.add_argument("--only", nargs="*", choices=WORKS)
    parser.add_argument(
        "--errors", action="store_true", help="how far from the truth, not how fast"
    )
    parser.add_argument("--one", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--mask", help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Key habitat, with its patches, areas and distances, and the same in draws, on a made-up map.

    python benchmarks/patches.py WORK_DIR [--size 10000 10000] [--draws 16] [--outlines]

Habitat is smooth noise on cells of 100 m, in tiles of a GeoTIFF. `key habitat` finds patches,
areas and distances and makes each window of their maps, `draws` counts in how many draws each cell
is key habitat (after writing a map of their bits), `outlines` makes the polygons. Each runs in a
process of its own. Prints a table: time, CPU, and the largest resident memory.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
import scipy.ndimage
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from manul.grid import block_maps, vectors
from manul.grid.fields import Fields, Source
from manul.products import key_habitat, key_polygons
from manul.uncertainty import key_draws

PERIOD = 2048  # cells after which the noise repeats itself, shifted
RULES = {
    "suitable": 0.4, "key": 0.6, "core_km2": 4.2, "breeding_km2": 23, "area_km2": 500, "join_km": 5,
    "density_km": 30,
    "density_per_100_km2": {"low": {"suitable": 2, "key": 4}, "high": {"suitable": 4, "key": 15}},
}  # fmt: skip
CODED = ("suitable", "key", "breeding", "key_degraded", "key_area")


def main():
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.step:
        STEPS[options.step](options)
        return
    wanted = ["noise", "key habitat", *["draws"] * bool(options.draws)]
    wanted += ["outlines"] * options.outlines
    print(f"{np.prod(options.size):.2g} cells")
    for step in wanted:
        command = [sys.executable, __file__, str(options.work), "--draws", str(options.draws)]
        command += ["--size", *map(str, options.size), "--step", step]
        began = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ | {"GDAL_CACHEMAX": "128"})
        _, _, used = os.wait4(process.pid, 0)
        wall, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
        print(f"{step:12s} {wall:8.1f} s  CPU {cpu:8.1f} s  {used.ru_maxrss / 1024:6.0f} MiB")


def _write_habitat(options):
    rng = np.random.default_rng(1)
    noise = rng.random((2, PERIOD, PERIOD)).astype("float32")
    coarse, fine = (
        scipy.ndimage.gaussian_filter(one, sigma, mode="wrap")
        for one, sigma in zip(noise, (4, 1), strict=True)
    )
    scaled = [(one - one.mean()) / one.std() for one in (coarse, fine)]
    tile = np.clip(0.5 + 0.15 * scaled[0] + 0.05 * scaled[1], 0, 1)
    height, width = options.size
    with rasterio.open(options.work / "habitat.tif", "w", **_profile(options, "float32")) as out:
        for row in range(0, height, PERIOD):
            rows = min(PERIOD, height - row)
            parts = [
                np.roll(tile, row // 7 + column // 11, 1) for column in range(0, width, PERIOD)
            ]
            whole = np.concatenate(parts, 1)[:rows, :width]
            out.write(whole, 1, window=Window(0, row, width, rows))


def _profile(options, dtype, count=1):
    height, width = options.size
    transform = rasterio.transform.from_origin(0, height * 100, 100, 100)
    return {
        "driver": "GTiff", "height": height, "width": width, "count": count, "dtype": dtype,
        "crs": "EPSG:6933", "transform": transform, "tiled": True, "blockxsize": 512,
        "blockysize": 512, "compress": "zstd", "bigtiff": "yes", "interleave": "band",
    }  # fmt: skip


def _fields(options, **more):
    habitat = str(options.work / "habitat.tif")
    names = ("habitat", "habitat_reference", "habitat_mean", "threat", "value_at_risk", "share_a")
    sources = {name: Source(habitat, 1) for name in names} | more
    with rasterio.open(habitat) as source:
        return Fields(sources, GeoBox(source.shape, source.transform, "EPSG:6933"))


def _made(options):
    return {name: Source(str(options.work / f"{name}.tif"), 1) for name in CODED}


def _key_habitat(options):
    found = key_habitat.find(_fields(options), RULES, folder=options.work)
    files = {
        name: rasterio.open(options.work / f"{name}.tif", "w", **_profile(options, "int16"))
        for name in CODED
    }
    for row0, row1, column0, column1 in block_maps.squares(tuple(options.size), 1024):
        maps = found.named(slice(row0, row1), slice(column0, column1))
        at = Window(column0, row0, column1 - column0, row1 - row0)
        for name, file in files.items():
            file.write(maps[name].astype("int16"), 1, window=at)
    for file in files.values():
        file.close()


def _draws(options):
    good, bands = options.work / "good.tif", -(-options.draws // 8)
    with (
        rasterio.open(options.work / "habitat.tif") as habitat,
        rasterio.open(good, "w", **_profile(options, "uint8", bands)) as out,
    ):
        levels = np.linspace(0.55, 0.65, bands * 8).reshape(bands, 8)
        for row in range(0, options.size[0], 512):
            at = Window(0, row, options.size[1], min(512, options.size[0] - row))
            values = habitat.read(1, window=at)
            for band, of in enumerate(levels, 1):
                bits = np.packbits([values > level for level in of], axis=0)[0]
                out.write(bits, band, window=at)
    fields = _fields(options, **_made(options))
    key_draws.find(str(good), options.draws, fields, RULES, [], options.work)


def _outlines(options):
    fields = _fields(options, **_made(options))
    tables = key_polygons.tables(fields, {"a": "A"}, RULES, "cats", {}, None, options.work)
    vectors.write_vector(options.work / "key_habitat.gpkg", tables, {})


STEPS = {
    "noise": _write_habitat,
    "key habitat": _key_habitat,
    "draws": _draws,
    "outlines": _outlines,
}


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=[10_000, 10_000])
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--outlines", action="store_true")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

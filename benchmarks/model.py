"""The full model, 8 threats and 6 habitat components, from finished surfaces, beside a plain copy.

    python benchmarks/model.py elevation.tif WORK_DIR [--size 20000] [--threads 2]

Fourteen surfaces are made by a seeded script from a real elevation raster (tiled and perturbed).
The model reads each once and writes 31 bands in 16 files; the copy reads the same inputs and writes
the same outputs again through rasterio with the same compression. Prints a table.
"""

import argparse
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
import dask

from manul.grid import block_maps
from manul.model import outputs as model_outputs

COMPONENTS, THREATS = 6, 8


def main():
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.step:
        STEPS[options.step](options)
        return
    for step in STEPS:
        command = [sys.executable, __file__, str(options.elevation), str(options.work)]
        command += ["--size", str(options.size), "--threads", str(options.threads), "--step", step]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{step:8s} {time.perf_counter() - began:8.1f} s  peak so far {peak:.0f} MiB")


def grid_of(options) -> GeoBox:
    side = options.size * 100
    return GeoBox.from_bbox((0, 0, side, side), crs="EPSG:6933", resolution=100)


def inputs(options) -> dict:
    names = [f"c{i}" for i in range(COMPONENTS)] + [f"t{i}" for i in range(THREATS)]
    return {name: str(options.work / f"{name}.tif") for name in names}


def parameters() -> dict:
    habitat = {
        f"c{i}": {"surface": f"c{i}", "weight": 0.1 + 0.05 * i, "response": CURVES[i % 3]}
        for i in range(COMPONENTS)
    }
    threats = {f"t{i}": {"surface": f"t{i}", "weight": 0.2 + 0.05 * i} for i in range(THREATS)}
    return {
        "habitat": {
            "floor": 0.05, "known_weight": 0.5, "reference": {"c5": 0.5},
            "components": habitat, "gates": {},
        },
        "threats": threats, "cumulative": "saturation", "dominant_floor": 0.02, "absent": [],
    }  # fmt: skip


CURVES = (
    {"trapezoid": {"a": 0.05, "b": 0.3, "c": 0.7, "d": 1.2}},
    {"exponential": {"scale": 0.4}},
    {"half_saturation": {"half": 0.3}},
)


def outputs(options):
    paths = {n: str(options.work / "out" / f"{n}.tif") for n in OUTPUTS}
    threats = [str(options.work / "out" / f"threat_{i}.tif") for i in range(THREATS)]
    return model_outputs.outputs(parameters(), SimpleNamespace(**paths, threats=threats))


OUTPUTS = (
    "habitat", "reference", "components", "threat", "dominant", "quality", "value", "missing",
)  # fmt: skip


def make(options):
    """The fourteen surfaces, seeded, from the elevation raster."""
    with rasterio.open(options.elevation) as source:
        z = source.read(1).astype("float32")
    z = (z - z.min()) / (z.max() - z.min())
    grid, rng = grid_of(options), np.random.default_rng(1)
    for i, (name, path) in enumerate(inputs(options).items()):
        offset = rng.integers(0, 500, 2)
        with rasterio.open(path, "w", **_profile(grid)) as out:
            for row in range(0, options.size, 1024):
                rows = (np.arange(row, min(row + 1024, options.size)) + offset[0]) % z.shape[0]
                columns = (np.arange(options.size) + offset[1]) % z.shape[1]
                block = z[np.ix_(rows, columns)]
                block = np.clip(block + rng.normal(0, 0.01, block.shape).astype("float32"), 0, 1)
                if name.startswith("t"):  # threats are local: most cells have none
                    block = np.clip((block - 0.5 - 0.04 * (i % 4)) * 2, 0, 1)
                window = rasterio.windows.Window(0, row, options.size, len(rows))
                out.write(np.round(block, 3), 1, window=window)


def model(options):
    """The model pass as the workflow runs it, with its blocks on threads."""
    grid, made = grid_of(options), outputs(options)
    files = [block_maps.MapFile(o.path, grid, o.units, {}, "0" * 16, o.categories) for o in made]
    work = partial(model_outputs.on_block, made, inputs(options), [], grid, parameters())
    task = partial(block_maps.make, work, files)
    blocks = block_maps.blocks(grid, model_outputs.BLOCK)
    with (
        block_maps.finishing(files, blocks),
        dask.config.set(scheduler="threads", num_workers=options.threads),
    ):
        dask.compute([dask.delayed(task)(block) for block in blocks])


def copy(options):
    """Read every input, and read and write every output, block by block, nothing computed."""
    for path in inputs(options).values():
        with rasterio.open(path) as source:
            for _, window in source.block_windows(1):
                source.read(1, window=window)
    for output in outputs(options):
        with rasterio.open(output.path) as source:
            profile = source.profile | {
                "driver": "GTiff",
                "zlevel": 1,
                "num_threads": options.threads,
            }
            with rasterio.open(str(output.path) + ".copy", "w", **profile) as target:
                for row in range(0, options.size, 1024):
                    height = min(1024, options.size - row)
                    window = rasterio.windows.Window(0, row, options.size, height)
                    target.write(source.read(window=window), window=window)


STEPS = {"make": make, "model": model, "copy": copy}


def _profile(grid):
    return {
        "driver": "GTiff", "height": grid.height, "width": grid.width, "count": 1,
        "dtype": "float32", "crs": "EPSG:6933", "transform": grid.affine, "nodata": np.nan,
        "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "zstd", "zstd_level": 1,
        "predictor": 3, "num_threads": 2,
    }  # fmt: skip


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elevation", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, default=20000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--step", choices=STEPS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

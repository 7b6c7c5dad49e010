"""The full model, 8 threats and 6 habitat components, from finished surfaces, beside a plain copy.

    python benchmarks/model.py elevation.tif WORK_DIR [--size 20000] [--threads 2]

Fourteen surfaces are made by a seeded script from a real elevation raster (tiled and perturbed).
The model reads each once and writes 31 bands in 16 files; 200 draws of it write 16 bands and a bit
for each draw in 4 files; the copy reads the same inputs and writes
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
from manul.uncertainty import design, measure, passes

COMPONENTS, THREATS = 6, 8
DRAWS = 200


def main():
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.step:
        STEPS[options.step](options)
        return
    for step in options.steps or STEPS:
        command = [sys.executable, __file__, str(options.elevation), str(options.work)]
        command += ["--size", str(options.size), "--threads", str(options.threads), "--step", step]
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        peak = used.ru_maxrss / 1024
        print(f"{step:8s} {wall:8.1f} s  CPU {cpu:8.1f} s  peak so far {peak:.0f} MiB", flush=True)


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
            "floor": 0.05, "known_weight": 0.5, "reference": {"c5": 0.5}, "loss": "",
            "components": habitat, "gates": {},
        },
        "threats": threats, "cumulative": "saturation", "dominant_floor": 0.02, "absent": [],
    }  # fmt: skip


CURVES = (
    {"trapezoid": {"a": 0.05, "b": 0.3, "c": 0.7, "d": 1.2}},
    {"exponential": {"scale": 0.4}},
    {"half_saturation": {"half": 0.3}},
)


def maps() -> tuple[list, list]:
    """The maps of the habitat and those of the threats."""
    model = parameters()
    return model_outputs.habitat_maps(model["habitat"]), model_outputs.threat_maps(model)


def path_of(options, found) -> Path:
    return options.work / "out" / f"{found.name}.tif"


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
    """The two passes as the workflow runs them, with their blocks on threads."""
    grid, model, surfaces = grid_of(options), parameters(), inputs(options)
    of_habitat, of_threats = maps()
    kept = {found.name: str(path_of(options, found)) for found in of_habitat}
    habitat = {n: path for n, path in surfaces.items() if n.startswith("c")}
    work = partial(model_outputs.habitat_on_block, model["habitat"])
    run(options, grid, of_habitat, partial(work, of_habitat, habitat, [], grid))
    bands = model_outputs.bands_of(of_habitat, kept)
    work = partial(model_outputs.threats_on_block, model, of_threats)
    run(options, grid, of_threats, partial(work, surfaces, bands, [], grid))


def run(options, grid, made, work):
    files = [
        block_maps.MapFile(path_of(options, m), grid, m.units, {}, "0" * 16, m.categories, m.name)
        for m in made
    ]
    together(options, files, block_maps.blocks(grid, model_outputs.BLOCK), work)


def together(options, files, blocks, work):
    """Make maps block by block on threads."""
    task = partial(block_maps.make, work, files)
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
    for found in [m for several in maps() for m in several]:
        path = path_of(options, found)
        with rasterio.open(path) as source:
            profile = source.profile | {
                "driver": "GTiff",
                "zlevel": 1,
                "num_threads": options.threads,
            }
            with rasterio.open(f"{path}.copy", "w", **profile) as target:
                for row in range(0, options.size, 1024):
                    height = min(1024, options.size - row)
                    window = rasterio.windows.Window(0, row, options.size, height)
                    target.write(source.read(window=window), window=window)


def draws(options):
    """200 draws of every weight and response, and of how threats add up, in one pass."""
    grid, every = grid_of(options), parameters()
    ranges = {
        f"{room}.{name}.weight": {"value": block["weight"], "range": _around(block["weight"])}
        for room, blocks in (("habitat.components", every["habitat"]["components"]),
                             ("threats", every["threats"]))
        for name, block in blocks.items()
    }  # fmt: skip
    for name, block in every["habitat"]["components"].items():
        ((curve, numbers),) = block["response"].items()
        for key, value in numbers.items():
            path = f"habitat.components.{name}.response.{curve}.{key}"
            ranges[path] = {"value": value, "range": _around(value)}
    modes = {"saturation": 0.5, "additive": 0.2, "diminishing": 0.15, "dominant": 0.15}
    spec = {"number": DRAWS, "seed": 1, "design": "sobol", "parameters": ranges,
            "cumulative": modes, "realisations": 0, "errors": []}  # fmt: skip
    told = SimpleNamespace(model=every, specs={}, errors={}, saturating=[])
    key = {"thresholds": "expert", "suitable": 0.4, "key": 0.6}
    drawn = design.draw(spec)
    of = passes.uncertain(told, drawn, key, inputs(options), {}, {})
    behind = measure.Behind(drawn, {path: path for path in design.inputs(spec)})
    top = passes.top_tenth(of, [], grid)
    kinds = {**passes.maps(True), "good": dict.fromkeys(passes.bits(DRAWS), "")}
    kinds["what_to_measure"] = dict.fromkeys(passes.to_measure(True), "")
    codes = {"good": passes.BITS, "what_to_measure": behind.codes}
    files = [
        block_maps.MapFile(
            options.work / "out" / f"draws_{name}.tif", grid, dict.fromkeys(bands, ""), {},
            "0" * 16, codes.get(name), name,
        )
        for name, bands in kinds.items()
    ]  # fmt: skip
    work = partial(passes.on_block, of, top, [], [], lambda at, sums: None, grid, behind)
    together(options, files, block_maps.blocks(grid, passes.BLOCK), work)


def _around(value) -> list[float]:
    return [0.75 * value, 1.25 * value]


STEPS = {"make": make, "model": model, "copy": copy, "draws": draws}


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
    parser.add_argument("--steps", nargs="+", choices=STEPS, help="only these")
    parser.add_argument("--step", choices=STEPS, help="in this process")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The same cells in any blocks, threads and scheduler; nearly the same on any grid."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from conftest import ROOT, corner_config, demo_config
from in_process import Files, Params, job, run_job

from manul import surfaces
from manul.config import load, selection
from manul.graph import Graph
from manul.grid import block_maps, features, rasters, vectors
from manul.grid.region import grid_of
from manul.model import outputs as model_outputs
from manul.records import field_tables
from manul.surfaces import registry

SMALL = [75.55, 41.35, 76.35, 41.85]  # Naryn town, a mine, camps, transects, two poison events
EXTRA = {
    "road_density": {"kind": "density", "layer": "roads", "radius_m": 5000},
    "camp_density": {"kind": "density", "layer": "camps", "radius_m": 5000},
    "mean_relief": {
        "kind": "focal_mean",
        "radius_m": 5000,
        "of": {"kind": "relief", "layer": "elevation", "radius_m": 1000},
    },
    "rough_share": {
        "kind": "ruggedness",
        "layer": "elevation",
        "radius_m": 3000,
        "at_least": 0.001,
    },
    "position": {"kind": "position", "layer": "elevation", "radius_m": 3000},
    "road_distance": {"kind": "distance", "layer": "roads", "reach_m": 15_000},
    "camp_kernel": {
        "kind": "exposure",
        "layer": "camps",
        "kernel": "density",
        "decay": "gaussian",
        "scale_m": 3000,
        "reach_m": 9000,
    },
}


@dataclass(frozen=True)
class Table:
    """A vector layer that is in memory."""

    table: gpd.GeoDataFrame

    def read(self, bounds=None) -> gpd.GeoDataFrame:
        """The features that have a place, only those whose box touches the bounds."""
        table = self.table[self.table.geometry.notna()]
        if bounds is not None:
            left, bottom, right, top = bounds
            box = table.geometry.bounds
            touches = (box.minx <= right) & (box.maxx >= left)
            table = table[touches & (box.miny <= top) & (box.maxy >= bottom)]
        return table.reset_index(drop=True)

    def rows(self) -> gpd.GeoDataFrame:
        """All rows, those without a place too."""
        return self.table


def demo() -> dict:
    """The demo's current scenario with surfaces of the kinds that it lacks."""
    config = load.written_out(demo_config())
    config["surfaces"] |= EXTRA
    for layer in config["layers"].values():
        if "path" in layer:
            layer["path"] = str(ROOT / layer["path"])
    return load.load(config)["current"]


CONFIG = demo()
MADE = [name for name in selection.available(CONFIG)]


def corner_grid(bounds, cell_m):
    return grid_of(CONFIG["region"] | {"bounds": bounds, "cell_m": cell_m})


def readers(grid) -> dict:
    """Every layer of the demo as the surfaces read it."""
    return {
        name: reader(block, grid) for name, block in CONFIG["layers"].items() if "path" in block
    }


def reader(block, grid):
    if block["kind"] not in ("vector", "records"):
        return rasters.of_layer(block["path"], block)
    if block["kind"] == "records":
        found = field_tables.read(block["path"], block, CONFIG["as_of"])
        table = field_tables.features(found, block)
    else:
        table = vectors.read_vector(block["path"])
    return Table(features.prepare_vector(table, block, grid, selection.FAR_M))


@pytest.fixture(scope="module")
def small():
    """A small grid and the layers around it."""
    grid = corner_grid(SMALL, 1000)
    return grid, readers(grid)


# ------------------------------------------------------------------------------------- blocks


def test_every_kind_of_surface_is_tried():
    assert {CONFIG["surfaces"][name]["kind"] for name in MADE} == set(surfaces.KINDS)


@pytest.mark.parametrize("name", MADE)
def test_surface_in_blocks_has_the_bits_of_the_whole(small, name):
    grid, sources = small
    block, rules = CONFIG["surfaces"][name], selection.surface_rules(CONFIG, name)
    whole = surfaces.make(block, grid, surfaces.Sources(sources, rules))
    # Blocks that divide neither side and are far smaller than a reach, unless one is needed.
    size = max(grid.shape) if surfaces.KINDS[block["kind"]].whole else 31
    parts = {key: np.full_like(band, -1) for key, band in whole.items()}
    for window in block_maps.blocks(grid, size):
        row0, row1, column0, column1 = window
        made = surfaces.on_block(name, block, grid, surfaces.Sources(sources, rules), window)
        for key, piece in made[name].items():
            parts[key][row0:row1, column0:column1] = piece
    for key, band in whole.items():
        np.testing.assert_array_equal(parts[key], band, err_msg=key)


# ----------------------------------------------------------------------- threads and schedulers


CASES = {
    "saturating surface": ("surface", "dogs_camps"),
    "nearest surface": ("surface", "roads_paved"),
    "habitat": ("habitat", ""),
    "threats": ("threats", ""),
}
WAYS = {"one thread": 1, "two threads": 2, "two processes": 2, "three jobs and one that joins": 2}


@pytest.mark.workflow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_job_in_small_blocks_makes_the_map_of_the_run(
    corner, tmp_path, monkeypatch, request, case, way
):
    rule, key = CASES[case]
    if way == "two processes":
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", request.getfixturevalue("dask_cluster"))
    monkeypatch.setattr(block_maps, "TILE", 16)  # blocks end on tiles
    monkeypatch.setattr(model_outputs, "BLOCK", 48)
    monkeypatch.setattr(registry, "BLOCK", 48)
    monkeypatch.setattr(registry, "SMALLEST", 48)
    monkeypatch.chdir(corner.folder)
    graph = Graph(load.load(corner.config()))
    files = {n: f"{tmp_path}/{path}" for n, path in graph.paths("current", rule, key).items()}
    told = job(graph, "current", rule, key, WAYS[way], files)
    if way == "three jobs and one that joins":
        for part in range(1, 4):
            run_job(part_of(told, part, tmp_path / f"done-{part}"))
            assert (tmp_path / f"done-{part}").exists() and not any(map(Path.exists, made_by(told)))
        monkeypatch.setattr(block_maps.MapFile, "write", no_more)
    run_job(told)
    made = sorted(path for path in tmp_path.rglob("*.tif"))
    assert made == sorted(made_by(told))
    hidden = case == "saturating surface"  # it rests on places that are not public
    home = corner.results / "current" / ("restricted" if hidden else ".")
    for path in made:
        assert_same(path, home / path.relative_to(tmp_path))


def part_of(told, part, done) -> SimpleNamespace:
    """The job that makes a third of the blocks of another one."""
    named = {"wildcards": told.wildcards | {"part": f"{part}-of-3"}, "output": {"done": str(done)}}
    mine = {name: Files(of) for name, of in named.items()}
    params = Params(**told.params, outputs=dict(told.output))
    return SimpleNamespace(**vars(told) | mine | {"params": params})


def made_by(told) -> list[Path]:
    return [Path(path) for path in told.output.values()]


def no_more(file, block, arrays):
    raise AssertionError(f"block {block} of {file.name} was there")


def assert_same(path, other) -> None:
    with rasterio.open(path) as a, rasterio.open(other) as b:
        assert str(a.nodata) == str(b.nodata)
        assert a.dtypes == b.dtypes
        np.testing.assert_array_equal(a.read(), b.read(), err_msg=path.name)


# -------------------------------------------------------------------------- where sources matter


def test_a_mine_acts_within_its_reach_only(small):
    grid, sources = small
    every = vectors.read_vector(CONFIG["layers"]["mines"]["path"]).to_crs(str(grid.crs))
    mine = every[every["id"] == "M03"].geometry.iloc[0]
    block, rules = CONFIG["surfaces"]["mines_large"], selection.surface_rules(CONFIG, "mines_large")
    with_mine = surfaces.make(block, grid, surfaces.Sources(sources, rules))["value"]
    others = sources["mines"].table
    without = sources | {"mines": Table(others[others["id"] != "M03"])}
    alone = surfaces.make(block, grid, surfaces.Sources(without, rules))["value"]
    x, y = grid.coordinates["x"].values, grid.coordinates["y"].values
    away = np.hypot(x - mine.x, y[:, None] - mine.y)
    out_of_reach = away > 10_000 + 1000  # no part of the cell is within reach
    np.testing.assert_array_equal(with_mine[out_of_reach], alone[out_of_reach])
    assert (with_mine[away < 5000] > alone[away < 5000]).all()


@pytest.mark.parametrize("name", ["roads_paved", "dogs_camps", "mines_large", "dogs_settlements"])
def test_half_the_cell_size_changes_exposure_by_discretisation_only(name):
    block, rules = CONFIG["surfaces"][name], selection.surface_rules(CONFIG, name)
    coarse_grid = corner_grid(corner_config()["region"]["bounds"], 1000)
    # The same ground: the grid of a bounding box may start half a coarse cell elsewhere.
    fine_grid = coarse_grid.zoom_out(0.5)
    sources = readers(coarse_grid)
    coarse = surfaces.make(block, coarse_grid, surfaces.Sources(sources, rules))["value"]
    fine = surfaces.make(block, fine_grid, surfaces.Sources(sources, rules))["value"]
    rows, columns = coarse.shape
    mean = fine.reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    difference = np.abs(coarse - mean)
    assert mean.max() > 0.3
    assert difference.mean() < 0.01
    assert difference.max() < 0.15

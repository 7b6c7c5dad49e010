"""Finished maps as an xarray Dataset, and the page of the docs that answers questions with it."""

import re

import numpy as np
import pytest
import rasterio
import xarray as xr
from conftest import ROOT
from odc.geo.geobox import GeoBox

import manul
from manul.config import load
from manul.grid import block_maps
from manul.grid.datasets import open_maps
from manul.grid.fields import Source

pytestmark = pytest.mark.workflow


@pytest.fixture
def maps(corner):
    return manul.open_results(corner.results / "current")


def test_every_map_of_the_index_opens_lazily_with_its_words(maps, corner):
    index = manul.results.index(corner.results / "current")
    there = [
        n for n, row in index.iterrows() if (corner.results / "current" / row["file"]).exists()
    ]
    assert set(maps) == set(there)
    assert {"habitat", "threat", "key", "effect_dogs_camps", "component_den", "ndvi"} <= set(maps)
    assert all(hasattr(array.data, "dask") for array in maps.values())
    threat = maps["threat"]
    assert threat.attrs["long_name"] == "Cumulative threat" and threat.attrs["units"] == "0..1"
    assert (
        threat.attrs["data_status"] == "illustrative" and "GeoNames" not in threat.attrs["sources"]
    )
    assert "Roads" not in maps["habitat"].attrs["sources"]
    assert maps.rio.crs.is_projected and maps.attrs["scenario"] == "current"


def test_cells_are_those_of_the_files(maps, corner):
    with rasterio.open(corner.results / "current" / "threats" / "roads_paved.tif") as source:
        np.testing.assert_array_equal(maps["share_roads_paved"], source.read(2))
        x, y = source.xy(3, 5)
    assert (float(maps.x[5]), float(maps.y[3])) == pytest.approx((x, y))
    with rasterio.open(corner.results / "current" / "key_habitat.tif") as source:
        np.testing.assert_array_equal(maps["key"], np.isin(source.read(1), [2, 3]))
    classes = maps["key_class"]
    assert classes.dtype == "uint8" and classes.attrs["flag_values"] == [0, 1, 2, 3, 4]
    assert classes.attrs["flag_meanings"].split()[3] == "breeding_patch"


def test_a_scenario_finds_what_it_shares(corner):
    planned = manul.open_results(corner.results / "planned", names=["habitat", "threat"])
    current = manul.open_results(corner.results / "current", names=["habitat", "threat"])
    np.testing.assert_array_equal(planned["habitat"], current["habitat"])
    assert not planned["threat"].equals(current["threat"])


def test_overviews_halve_the_cells_and_lie_in_the_same_place(tmp_path):
    grid = GeoBox.from_bbox((0, 0, 701, 300), crs="EPSG:6933", resolution=1)
    made = block_maps.MapFile(tmp_path / "x.tif", grid, {"x": "m"}, {}, "0" * 16)
    across = np.broadcast_to(np.arange(701.0), (300, 701))
    made.write((0, 300, 0, 701), [across])
    made.join([(0, 300, 0, 701)])
    made.publish()
    for level, side in ((0, 2), (1, 4)):
        half = open_maps({"a": Source(str(made.path))}, None, level)["a"]
        assert half.shape == (-(-300 // side), -(-701 // side))
        assert float(half.x[0]) == side / 2 and float(half.y[0]) == 300 - side / 2
        np.testing.assert_allclose(half[0, :100], np.arange(100) * side + (side - 1) / 2)
        corner = grid.zoom_out(2 ** (level + 1)).affine @ (0.5, 0.5)
        assert corner == (float(half.x[0]), float(half.y[0]))
    with pytest.raises(ValueError, match="2 overviews"):
        open_maps({"a": Source(str(made.path))}, None, 5)


def test_what_is_not_there_is_told(corner, tmp_path):
    with pytest.raises(manul.results.ResultsError, match=r"holds no outputs.csv"):
        manul.open_results(tmp_path)
    with pytest.raises(manul.results.ResultsError, match="no map 'thret'"):
        manul.open_results(corner.results / "current", names=["thret"])


def test_the_model_on_a_dataset_is_that_of_the_workflow(maps, corner, monkeypatch):
    monkeypatch.chdir(corner.folder)
    config = load.load(corner.config())["current"]
    again = manul.evaluate(maps, config)
    for name in ("habitat", "habitat_reference", "threat", "value_at_risk", "share_mines_large"):
        inside = maps["habitat"].notnull()
        np.testing.assert_array_equal(again[name].where(inside), maps[name].where(inside))
    assert hasattr(again["threat"].data, "dask")


@pytest.mark.parametrize("name", ["maps.nc", "maps.zarr"])
def test_maps_go_to_other_programs(maps, tmp_path, name):
    some = maps[["habitat", "key", "key_class"]]
    manul.export(some, tmp_path / name)
    engine = "h5netcdf" if name.endswith("nc") else "zarr"
    back = xr.open_dataset(tmp_path / name, engine=engine, decode_coords="all")
    np.testing.assert_array_equal(back["habitat"], some["habitat"])
    np.testing.assert_array_equal(back["key"], some["key"])
    assert back["habitat"].attrs["long_name"] == "Habitat now"
    assert back.rio.crs == maps.rio.crs
    with pytest.raises(manul.results.ResultsError, match=r"expected .nc or .zarr"):
        manul.export(some, tmp_path / "maps.tif")


def blocks_of_the_page() -> list[str]:
    text = (ROOT / "docs" / "maps_in_python.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_page_of_the_docs_runs_on_threads_and_on_a_cluster(
    corner, tmp_path, monkeypatch, capsys, dask_cluster
):
    """On the second region: its own folder, and threats and provinces that it has."""
    from distributed import Client

    swaps = {
        "results/tien_shan": str(corner.results), "config/config.yaml": str(corner.configs[0]),
        "share_dogs_settlements": "share_roads_paved", "effect_hunting": "effect_dogs_camps",
        'maps["protected"]': 'maps["habitat"]', "tien_shan.nc": str(tmp_path / "out.nc"),
        ", overview=1": "",
    }  # fmt: skip
    blocks = blocks_of_the_page()
    assert len(blocks) >= 7 and all(len(block.splitlines()) <= 12 for block in blocks)
    monkeypatch.chdir(corner.folder)
    told = []
    for address in (None, dask_cluster):
        client = Client(address) if address else None
        names = {}
        for block in blocks:
            for old, new in swaps.items():
                block = block.replace(old, new)
            exec(compile(block, "maps_in_python.md", "exec"), names)
        told.append(capsys.readouterr().out)
        if client:
            client.close()
    assert told[0] == told[1] and "illustrative" in told[0] and "Naryn" in told[0]
    assert (tmp_path / "out.nc").stat().st_size

"""What a job tells of itself: the same for the same work, another for any change before it."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import demo_config
from odc.geo.geobox import GeoBox

from manul import graph, job
from manul.config import load
from manul.grid import block_maps, vectors
from manul.retrieval.new_region import AskedError

GRID = GeoBox.from_bbox((0, 0, 400, 300), crs="EPSG:6933", resolution=100)


class Named(dict):
    """Named values or files, by attribute too, as Snakemake gives them."""

    __getattr__ = dict.__getitem__

    def __iter__(self):
        return iter(self.values())


def raster(folder, told):
    made = block_maps.MapFile(
        folder / "map.tif", GRID, {"x": ""}, {"MANUL_CONFIG_DIGEST": told}, "0" * 16
    )
    made.write((0, 3, 0, 4), [np.zeros((3, 4))])
    made.join([(0, 3, 0, 4)])
    made.publish()
    return str(made.path)


def vector(folder, told):
    shapes = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs="EPSG:6933")
    vectors.write_vector(folder / "places.gpkg", {"places": shapes}, {"MANUL_CONFIG_DIGEST": told})
    return str(folder / "places.gpkg")


def digests(params, *files):
    told = SimpleNamespace(
        params=Named(params, told={"species": {"status": "least concern"}}),
        input=Named(enumerate(files)),
        wildcards=Named(region="r"),
    )
    made = job.Job(told)
    return made.digest, made.tags()["MANUL_INPUTS_DIGEST"]


@pytest.mark.parametrize("plain", [True, False])
def test_a_fault_that_is_told_in_full_has_no_traceback(capsys, plain):
    snakemake = SimpleNamespace(rule="new_region", log=[], threads=1, params={}, scriptdir=None)
    fault = AskedError("name: found 'A'") if plain else ValueError("name: found 'A'")
    with pytest.raises(SystemExit if plain else ValueError), job.start(snakemake):
        raise fault
    told = capsys.readouterr().err
    assert "name: found 'A'" in told and ("Traceback" in told) != plain


def test_a_package_of_another_copy_of_the_project_stops_the_job(tmp_path):
    mine = SimpleNamespace(scriptdir=str(job.PACKAGE.parent))
    job._same_package(mine)
    (tmp_path / "manul").mkdir()
    with pytest.raises(ImportError, match=r"its jobs import .*run `uv sync`"):
        job._same_package(SimpleNamespace(scriptdir=str(tmp_path)))


def test_maps_of_threats_know_the_layers_of_the_habitat_that_they_rest_on():
    config = demo_config()
    config["layers"] = {n: b for n, b in config["layers"].items() if n != "burrow_transects"}
    layers = graph.Graph(load.load(config)).job("current", "threats").told["layers"]
    habitat = {"elevation", "land_cover", "ndvi_max", "temperature", "precipitation", "lakes"}
    assert {*layers["value_at_risk"], *layers["quality"]} >= habitat
    assert layers["threats/roads_paved"] == ["roads"]
    # refuse feeds predators in the open: where there is no cover, which is made from relief
    assert layers["threats/subsidised_predators"] == ["elevation", "settlements"]
    assert "ndvi_max" not in layers["threat"]


@pytest.mark.parametrize("make", [raster, vector])
def test_digest_follows_the_config_of_every_step_before(tmp_path, make):
    before = digests({"weight": 1}, make(tmp_path, "a"))
    assert digests({"weight": 1}, make(tmp_path, "a")) == before
    whole, inputs = digests({"weight": 1}, make(tmp_path, "b"))
    assert whole != before[0]
    assert inputs != before[1]
    assert digests({"weight": 2}, make(tmp_path, "a"))[0] != before[0]


@pytest.mark.parametrize(("blocks", "lines"), [(1, []), (3, ["3 of 3 blocks"])])
def test_the_log_tells_when_the_last_of_several_blocks_is_done(caplog, blocks, lines):
    told = job._progress(blocks)
    with caplog.at_level("INFO"):
        for _ in range(blocks):
            told()
    assert [record.getMessage() for record in caplog.records] == lines

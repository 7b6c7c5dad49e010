"""A file that was cut is known by its frame."""

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from manul.grid import block_maps, whole_files
from manul.pages import html


def tif(path):
    grid = GeoBox.from_bbox((0, 0, 1500, 1100), crs="EPSG:6933", resolution=1)
    made = block_maps.MapFile(path, grid, {"value": ""}, {}, "0" * 16)
    values = np.random.default_rng(1).random(grid.shape, "float32")

    def work(at):
        return {path.stem: {"value": values[at[0] : at[1], at[2] : at[3]]}}

    blocks = block_maps.blocks(grid, 1024)
    with block_maps.finishing([made], blocks):
        for block in blocks:
            block_maps.make(work, [made], block)


def gpkg(path):
    gpd.GeoDataFrame(
        {"a": range(500)}, geometry=gpd.points_from_xy(range(500), range(500))
    ).to_file(path)


def picture(path):
    plt.figure(figsize=(1, 1)).savefig(path)


def page(path):
    path.write_text(html.page("A", "B", "", [], ""), encoding="utf-8")


KINDS = {"a.tif": tif, "a.gpkg": gpkg, "a.png": picture, "a.pdf": picture, "a.html": page}


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("left", [0, 0.5, 0.98])
def test_a_cut_file_is_known_and_a_whole_one_is_not_suspected(tmp_path, name, left):
    path = tmp_path / name
    KINDS[name](path)
    assert whole_files.cut([path, tmp_path / "none.tif"]) == []
    data = path.read_bytes()
    path.write_bytes(data[: int(left * len(data))])
    assert whole_files.cut([path]) == [path]


@pytest.mark.parametrize("name", ["a.tif", "a.gpkg"])
def test_a_few_bytes_at_the_end_are_missed(tmp_path, name):
    path = tmp_path / name
    KINDS[name](path)
    path.write_bytes(path.read_bytes()[:-20])
    assert whole_files.cut([path]) == [path]


def test_a_table_is_suspected_only_if_it_is_empty(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,")
    assert whole_files.is_whole(path)
    path.write_text("")
    assert not whole_files.is_whole(path)


def test_a_file_of_another_kind_under_the_name_is_not_whole(tmp_path):
    for name in ("a.gpkg", "a.tif"):
        (tmp_path / name).write_bytes(b"x" * 500)
        assert not whole_files.is_whole(tmp_path / name)


def test_a_geopackage_is_as_long_as_its_pages_and_1_stands_for_the_largest_page(tmp_path):
    path = tmp_path / "a.gpkg"
    for told, bytes_of_a_page in ((1, 65_536), (512, 512)):
        head = b"SQLite format 3\0" + told.to_bytes(2, "big") + bytes(10) + (3).to_bytes(4, "big")
        path.write_bytes(head.ljust(3 * bytes_of_a_page, b"\0"))
        assert whole_files.is_whole(path)
        path.write_bytes(path.read_bytes()[:-1])
        assert not whole_files.is_whole(path)


def test_files_that_are_there_are_removed_and_told(tmp_path):
    there, folder = tmp_path / "a.csv", tmp_path / "b"
    there.write_text("1")
    folder.mkdir()
    assert whole_files.remove([str(there), tmp_path / "c.csv", folder]) == [there]
    assert [path.name for path in tmp_path.iterdir()] == ["b"]

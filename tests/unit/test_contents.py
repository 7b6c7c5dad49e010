"""The digest of a layer follows its content and that of the files that belong to it."""

import os

import pytest

from manul import contents


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A project's folder, and nothing remembered from the last run."""
    monkeypatch.chdir(tmp_path)
    forget()
    return tmp_path


def forget():
    for known in (contents._sha256, contents._folder, contents._kept):
        known.cache_clear()


def write(path, text):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    forget()
    return path


@pytest.mark.parametrize(
    "name, other",
    [
        ("mines.shp", "mines.dbf"), ("mines.shp", "mines.cpg"), ("MINES.SHP", "MINES.DBF"),
        ("dem.tif", "dem.tif.aux.xml"), ("dem.tif", "dem.tfw"), ("dem.tif", "dem.prj"),
        ("lines.tab", "lines.dat"), ("places.gpkg", "places.gpkg-wal"),
    ],
)  # fmt: skip
def test_an_edited_neighbour_changes_the_digest(here, name, other):
    path = write(here / name, "a")
    alone = contents.of(path)
    write(here / other, "1")
    with_it = contents.of(path)
    write(here / other, "2")
    assert len({alone, with_it, contents.of(path)}) == 3


def test_a_file_that_does_not_belong_to_it_does_not_change_it(here):
    path = write(here / "roads.gpkg", "a")
    before = contents.of(path)
    write(here / "roads.csv", "1")
    write(here / "roads.yaml", "title: Roads")  # told in the layer's block
    assert contents.of(path) == before


def test_an_older_file_in_its_place_is_another_content(here):
    path = write(here / "dem.tif", "new")
    before = contents.of(path)
    write(path, "old")
    os.utime(path, (1e9, 1e9))
    forget()
    assert contents.of(path) != before
    write(path, "new")
    assert contents.of(path) == before  # and a copy with another time is the same


def test_what_a_vrt_points_to_belongs_to_it_at_any_depth(here):
    write(here / "tiles" / "a.tif", "1")
    inner = "<VRTDataset><SourceFilename relativeToVRT='1'>a.tif</SourceFilename></VRTDataset>"
    write(here / "tiles" / "inner.vrt", inner)
    outer = (
        "<?xml version='1.0'?><VRTDataset><SourceFilename relativeToVRT=\"1\">tiles/inner.vrt"
        "</SourceFilename></VRTDataset>"
    )
    path = write(here / "outer.vrt", outer)
    assert [p.name for p in contents.parts(path)] == ["outer.vrt", "inner.vrt", "a.tif"]
    before = contents.of(path)
    write(here / "tiles" / "a.tif", "2")
    assert contents.of(path) != before
    ring = "<VRTDataset><SourceFilename relativeToVRT='1'>ring.vrt</SourceFilename></VRTDataset>"
    assert contents.parts(write(here / "ring.vrt", ring)) == [here / "ring.vrt"]


@pytest.mark.parametrize("tag", ["SourceFilename", "SourceDataset", "ComplexSource"])
def test_a_warped_vrt_points_to_its_source_as_a_mosaic_does(here, tag):
    write(here / "a.tif", "1")
    inner = "<SourceFilename relativeToVRT='1'>a.tif</SourceFilename>"
    part = f"<{tag}>{inner}</{tag}>" if tag == "ComplexSource" else inner
    part = part.replace("SourceFilename", tag) if tag == "SourceDataset" else part
    path = write(here / "warped.vrt", f"<VRTDataset>{part}</VRTDataset>")
    assert [p.name for p in contents.parts(path)] == ["warped.vrt", "a.tif"]


def test_a_vector_vrt_points_to_files_too(here):
    write(here / "t.csv", "x,y")
    text = (
        "<OGRVRTDataSource><OGRVRTLayer name='t'><SrcDataSource relativeToVRT='1'>t.csv"
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    path = write(here / "t.vrt", text)
    assert [p.name for p in contents.parts(path)] == ["t.vrt", "t.csv"]


def test_a_folder_is_all_its_files(here):
    write(here / "mines.gdb" / "a00000001.gdbtable", "1")
    before = contents.of(here / "mines.gdb")
    write(here / "mines.gdb" / "a00000002.gdbtable", "2")
    assert contents.of(here / "mines.gdb") != before


def test_the_digest_does_not_depend_on_where_the_project_lies(here):
    one = write(here / "one" / "dem.tif", "a")
    write(here / "one" / "dem.prj", "b")
    two = write(here / "two" / "dem.tif", "a")
    write(here / "two" / "dem.prj", "b")
    assert contents.of(one) == contents.of(two)
    assert contents.of(here / "none.tif") == ""


def test_a_large_file_is_read_once(here, monkeypatch):
    path = write(here / "dem.tif", "a")
    found = contents.of(path)
    forget()
    monkeypatch.setattr(contents.hashlib, "file_digest", lambda *a: pytest.fail("read again"))
    assert contents.of(path) == found
    contents.KEPT.write_text("not json")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    forget()
    assert contents.of(path) == found

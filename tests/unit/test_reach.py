"""What data files reach for: other machines and files of others are told before GDAL opens them."""

import http.server
import threading

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from manul.grid import reach
from manul.preflight import files

CLOSED = {"network": False, "outside": False}
OPEN = {"network": True, "outside": True}
BAND = (
    '<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1">'
    "{}</VRTRasterBand></VRTDataset>"
)


def found(path, allow=CLOSED):
    return " | ".join(", ".join(told) for told in reach.beyond(str(path), allow))


@pytest.fixture
def project(tmp_path, monkeypatch):
    home = tmp_path / "project"
    (home / "data").mkdir(parents=True)
    monkeypatch.chdir(home)
    for folder in (home / "data", tmp_path):
        path = folder / "dem.tif"
        with rasterio.open(path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8",
                           crs="EPSG:32643", transform=from_origin(0, 2, 1, 1)) as out:  # fmt: skip
            out.write(np.ones((1, 2, 2), "uint8"))
    return home


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://127.0.0.1:9/a.tif", "/VSICURL/x", "/vsis3/b/a.tif",
        "/vsizip//vsigs/b/a.zip", "https://example.org/a.geojson", "WMS:http://x", "PG:dbname=x",
        "vrt://a.tif", "/vsistdin/", "STACIT:x.json", "/vsimem/a",
    ],
)  # fmt: skip
def test_a_path_that_leads_to_another_machine_is_refused(path, project):
    assert "leads to another machine" in found(path) and not found(path, OPEN)
    (problem,) = files.check_file(
        "dem", {"path": path, "kind": "continuous"}, {"allow": CLOSED}, {}
    )
    assert problem.severity == "error" and "allow: {network: true}" in problem.mend


@pytest.mark.parametrize(
    "path", ["data/dem.tif", "C:\\data\\a.tif", "a.b/c d.tif", "NETCDF:a.nc:x"]
)
def test_a_plain_path_is_not(path, project):
    assert not found(path)


REACHING = {
    "a remote source": (
        BAND.format("<SimpleSource><SourceFilename>/vsicurl/http://h/a.tif</SourceFilename>"
                    "</SimpleSource>"),
        "'/vsicurl/http://h/a.tif'",
    ),
    "a remote source in signs": (
        BAND.format("<SimpleSource><SourceFilename>&#47;vsi<![CDATA[curl]]>/http:&#47;/h/a"
                    "</SourceFilename></SimpleSource>"),
        "'/vsicurl/http://h/a'",
    ),
    "a service within": (
        BAND.format("<SimpleSource><SourceFilename>WMS:http://h</SourceFilename></SimpleSource>"),
        "leads to another machine",
    ),
    "a file of the system": (
        BAND.format("<SourceFilename relativetoVRT='0'>/etc/passwd</SourceFilename>"),
        "the source '/etc/passwd'",
    ),
    "a file above": (
        BAND.format("<SimpleSource><SourceFilename relativeToVRT='1'>../../dem.tif</SourceFilename>"
                    "</SimpleSource>"),
        "the source '../../dem.tif'",
    ),
    "a warped file above": (
        "<VRTDataset subClass='VRTWarpedDataset'><GDALWarpOptions><SourceDataset>../dem.tif"
        "</SourceDataset></GDALWarpOptions></VRTDataset>",
        "the source '../dem.tif'",
    ),
    "vectors from elsewhere": (
        "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>https://h/a.json</SrcDataSource>"
        "</OGRVRTLayer></OGRVRTDataSource>",
        "'https://h/a.json'",
    ),
    "an entity": ("<!DOCTYPE a [<!ENTITY b 'x'>]><VRTDataset>&b;</VRTDataset>", "of odd build"),
    "no XML": ("x <VRTDataset>", "no XML"),
    "a web map service": ("<GDAL_WMS><Service><ServerUrl>http://h</ServerUrl></Service></GDAL_WMS>",
                          "may be a description of a web service"),
    "a coverage service": ("<?xml version='1.0'?><!-- a --><WCS_GDC/>", "web service"),
    "a cache of a service": ("<MRF_META><CachedSource/></MRF_META>", "web service"),
}  # fmt: skip


@pytest.mark.parametrize("case", REACHING)
@pytest.mark.parametrize("name", ["a.vrt", "a.tif"])
def test_a_virtual_file_is_told_by_what_it_reaches_for_whatever_its_name(case, name, project):
    text, told = REACHING[case]
    (project / "data" / name).write_text(text)
    assert told in found(f"data/{name}")
    if case not in ("an entity", "no XML"):
        assert not found(f"data/{name}", OPEN)


def test_a_virtual_file_within_a_virtual_file_is_looked_at_too(project):
    source = "<SimpleSource><SourceFilename relativeToVRT='1'>{}</SourceFilename></SimpleSource>"
    (project / "data/b.tif").write_text(BAND.format(source.format("/etc/passwd")))
    (project / "data/a.vrt").write_text(BAND.format(source.format("b.tif")))
    assert "'/etc/passwd'" in found("data/a.vrt")
    (project / "data/b.tif").write_text(BAND.format(source.format("a.vrt")))
    assert "of odd build" in found("data/a.vrt")
    (project / "data/b.tif").write_text('{"stac_version": "1.0.0"}')
    assert "a list of other files" in found("data/a.vrt")


def test_a_virtual_file_of_one_s_own_data_is_as_good_as_any(project, tmp_path):
    source = (
        "<SimpleSource><SourceFilename relativeToVRT='1'>dem.tif</SourceFilename></SimpleSource>"
    )
    metadata = "<Metadata><MDI key='url'>https://example.org</MDI></Metadata>"
    for home in (project / "data", tmp_path):  # also where all lies beside it
        (home / "a.vrt").write_text(BAND.format(metadata + source))
        assert not found(home / "a.vrt")
    (project / "a.kml").write_text("<?xml version='1.0'?><kml xmlns='http://www.opengis.net/kml'/>")
    assert not found("a.kml")


def test_sources_are_the_files_of_this_machine_alone(project):
    path = project / "data" / "mosaic.vrt"
    away = "<SourceFilename>/vsicurl/http://127.0.0.1:9/a.tif</SourceFilename>"
    here = "<SourceFilename relativeToVRT='1'>dem.tif</SourceFilename>"
    empty = "<SourceFilename></SourceFilename>"
    path.write_text(BAND.format(away + here + empty))
    assert reach.sources(path) == [project / "data" / "dem.tif"]
    for odd in ("<!DOCTYPE x>" + BAND.format(here), "<VRTDataset><SourceFilename>"):
        path.write_text(odd)
        assert reach.sources(path) == []
    assert reach.sources(project / "data" / "dem.tif") == []


@pytest.mark.parametrize("allow", [CLOSED, {"network": True, "outside": False}])
def test_a_list_of_other_files_is_a_source_only_where_all_is_allowed(project, allow):
    (project / "data" / "list.json").write_text('{"files": []}')
    path = project / "data" / "mosaic.vrt"
    path.write_text(BAND.format("<SourceFilename relativeToVRT='1'>list.json</SourceFilename>"))
    assert "a list of other files" in found(path, allow)
    assert found(path, OPEN) == ""


def test_the_preflight_calls_no_machine(project):
    calls = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *words):
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    source = f"<SimpleSource><SourceFilename>/vsicurl/{url}/a.tif</SourceFilename></SimpleSource>"
    texts = {
        "a.tif": BAND.format(source),
        "b.tif": f"<GDAL_WMS><Service name='TMS'><ServerUrl>{url}/${{z}}</ServerUrl></Service>"
        "<DataWindow/></GDAL_WMS>",
        "c.gpkg": f"<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/vsicurl/{url}/a.json"
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
    }
    for name, text in texts.items():
        (project / name).write_text(text)
        kind = "vector" if name == "c.gpkg" else "continuous"
        block = {"path": name, "kind": kind, "band": 1}
        told = files.check_file("layer", block, {"allow": CLOSED}, {})
        assert [p.severity for p in told] == ["error"] and "allow" in told[0].mend
    server.shutdown()
    assert calls == []


@pytest.mark.parametrize(
    ("inner", "network", "outside"),
    [
        # What is told if nothing is allowed, and what mends it: the network, or files outside.
        ("<SourceFilename>/vsicurl/http://h/a.tif</SourceFilename>", True, False),
        ("<SourceFilename>/etc/passwd</SourceFilename>", False, True),
        ("<ServerUrl>http://h/a</ServerUrl>", True, False),
        ("<SourceFilename relativeToVRT='1'>tiles.gti.gpkg</SourceFilename>", False, False),
    ],
)
def test_each_thing_that_a_file_reaches_for_is_allowed_by_its_own_key(
    project, inner, network, outside
):
    (project / "data/tiles.gti.gpkg").write_bytes(b"x")
    (project / "data/a.vrt").write_text(BAND.format(inner))
    assert len(list(reach.beyond("data/a.vrt", CLOSED))) == 1
    assert bool(found("data/a.vrt", CLOSED | {"network": True})) != network
    assert bool(found("data/a.vrt", CLOSED | {"outside": True})) != outside
    assert not found("data/a.vrt", OPEN)


@pytest.mark.parametrize(
    ("inner", "is_told"),
    [
        ("<SRS>http://www.opengis.net/def/crs/EPSG/0/4326</SRS>", False),
        ("<Description>see https://example.org</Description>", False),
        ("<Anything>see https://example.org</Anything>", True),
        ("<Anything>see the page</Anything>", False),
        ("<SourceFilename></SourceFilename>", False),
    ],
)
def test_addresses_in_words_about_a_file_lead_nowhere(project, inner, is_told):
    (project / "data/a.vrt").write_text(BAND.format(inner))
    assert bool(found("data/a.vrt")) == is_told


def test_a_list_of_files_is_told_within_a_virtual_file_and_by_itself_is_data(project):
    (project / "data/b.json").write_text('\ufeff  {"type": "FeatureCollection"}', encoding="utf-8")
    assert not found("data/b.json")
    source = "<SourceFilename relativeToVRT='1'>b.json</SourceFilename>"
    (project / "data/a.vrt").write_text(BAND.format(source))
    assert "'" + str(project / "data/b.json") + "', a list of other files" in found("data/a.vrt")


@pytest.mark.parametrize(
    ("words", "relative", "expected"),
    [
        ("b.tif", True, "data/b.tif"),
        ("b.tif", False, "b.tif"),
        ("../c/b.tif", True, "c/b.tif"),
        ("/vsizip/b.zip/b.tif", True, "data/b.zip/b.tif"),
        ("/vsizip/c.zip/in/b.tif", True, "data/c.zip"),
        ("/vsizip/{c.zip}/in/b.tif", True, "data/c.zip"),
        ('NETCDF:"b.nc":snow', True, "data/b.nc"),
        ("NETCDF:b.nc:snow", False, "b.nc"),
        ("GTIFF_DIR:1:dem.tif", True, "data/dem.tif"),
        ("GPKG:b.gpkg:heights", True, "data/b.gpkg"),
    ],
)
def test_a_source_lies_beside_its_virtual_file_or_in_the_project(
    project, words, relative, expected
):
    (project / "data/c.zip").write_bytes(b"PK")
    found = reach._local(reach.Path("data/a.vrt"), words, relative)
    assert found == project / expected


@pytest.mark.parametrize(
    "words", ["GTIFF_DIR:1:{}", 'HDF4_SDS:UNKNOWN:"{}":0', "NETCDF:{}:snow", "/vsizip/{}/a.tif"]
)
def test_a_file_of_others_is_told_also_within_a_container(project, words):
    outside = project.parent / "dem.tif"
    for part in ("1", "UNKNOWN"):  # a part of the words that is a file here hides nothing
        (project / part).write_bytes(b"x")
    (project / "data/a.vrt").write_text(
        BAND.format(f"<SourceFilename>{words.format(outside)}</SourceFilename>")
    )
    assert "allow: {outside: true}" in found("data/a.vrt")
    assert not found("data/a.vrt", OPEN)


def test_a_group_of_a_container_is_no_file_of_others(project):
    (project / "data/b.nc").write_bytes(b"CDF")
    source = "<SourceFilename relativeToVRT='1'>NETCDF:\"b.nc\":/group/snow</SourceFilename>"
    (project / "data/a.vrt").write_text(BAND.format(source))
    assert not found("data/a.vrt")
    assert reach.sources(project / "data/a.vrt") == [project / "data/b.nc"]

"""Layers from open catalogues, against a server on loopback with every fault of a real one."""

import hashlib
import json
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import open_sources as served
import pandas as pd
import pyproj
import pytest
import rasterio
import yaml
from rasterio.windows import from_bounds

from manul.config import catalogue, documents, load
from manul.retrieval import addresses, fetch, new_region, rasters, remote, stac, vectors
from manul.retrieval.remote import PAGE, Link, NotThereError, RemoteError, RemoteFile

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """All files of the open sources, made once."""
    server = served.Server(tmp_path_factory.mktemp("served"))
    served.fill(server)
    return server


@pytest.fixture
def server(files):
    files.asked, files.faults, files.ranges = [], {}, True
    with files.running():
        yield files


@pytest.fixture
def link(server, tmp_path):
    return Link(tmp_path / "cache", server.mirrors, tries=3, wait_s=0.01, timeout_s=5)


@pytest.fixture
def big(server):
    """A file of ten pages and a bit."""
    content = np.random.default_rng(7).bytes(10 * PAGE + 123)
    path = server.root / "a.org/big.bin"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return content


def region(tmp_path, monkeypatch, server, **more):
    """A new region over the box of the served files, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    asked = {"name": "khentii", "box": list(served.BOX), "cell_m": 1000} | more
    path = new_region.write(asked)
    text = path.read_text(encoding="utf-8")
    told = {"cache": str(tmp_path / "cache"), "mirrors": server.mirrors, "tries": 3}
    told |= {"wait_s": 0.01, "timeout_s": 5}
    path.write_text(text + yaml.safe_dump({"retrieval": told}), encoding="utf-8")
    return path


def config_of(path):
    return load.load(documents.read(path), [path])["current"]


# ------------------------------------------------------------------------------- a remote file


def test_only_the_pages_that_are_read_come_and_each_once(server, link, big):
    file = RemoteFile(link, "https://a.org/big.bin")
    file.seek(3 * PAGE + 5)
    assert file.read(10) == big[3 * PAGE + 5 : 3 * PAGE + 15]
    assert server.sent == 2 * PAGE, "the first page, for what the file is, and the fourth"
    file.seek(3 * PAGE)
    assert file.read(PAGE) == big[3 * PAGE : 4 * PAGE]
    assert server.sent == 2 * PAGE
    file.seek(-100, 2)
    assert file.read() == big[-100:]
    assert file.size == len(big) and file.read(5) == b""
    again = RemoteFile(Link(link.cache, offline_mirrors()), "https://a.org/big.bin", offline=True)
    again.seek(3 * PAGE)
    assert again.read(PAGE) == big[3 * PAGE : 4 * PAGE], "offline, from the cache"
    with pytest.raises(RemoteError, match="not in the cache"):
        again.seek(5 * PAGE)
        again.read(1)


def offline_mirrors():
    return {"https://": "http://127.0.0.1:9/"}  # nothing listens there


def test_a_cut_download_goes_on_where_it_stopped(server, link, big):
    server.faults["a.org"] = {"cut": 3 * PAGE + 100, "times": 3}
    path = RemoteFile(link, "https://a.org/big.bin").whole()
    assert path.read_bytes() == big
    ranges = [told for _, told, _ in server.asked]
    assert ranges[1] == f"bytes={PAGE}-{len(big) - 1}"
    assert ranges[2] == f"bytes={4 * PAGE}-{len(big) - 1}", "three more pages had come"
    assert server.sent < 1.1 * len(big)


def test_a_killed_job_leaves_what_had_come(server, link, big):
    """The state is written with every answer; what a disk has lost is asked for again."""
    file = RemoteFile(link, "https://a.org/big.bin")
    file.read(6 * PAGE)
    data = file.home / "data"
    data.write_bytes(data.read_bytes()[: 2 * PAGE + 5])
    server.asked.clear()
    assert RemoteFile(link, "https://a.org/big.bin").whole().read_bytes() == big
    assert server.asked[0][1] == f"bytes={2 * PAGE}-{len(big) - 1}"
    (file.home / "state.json").write_text("{ half")
    assert RemoteFile(link, "https://a.org/big.bin").whole().read_bytes() == big


def test_a_busy_server_is_waited_for(server, link, big):
    server.faults["a.org"] = {"status": 429, "after": 1, "times": 1}
    began = time.monotonic()
    assert RemoteFile(link, "https://a.org/big.bin").read(4) == big[:4]
    assert time.monotonic() - began >= 1, "it said how long"
    server.faults["a.org"] = {"status": 503, "times": 2}
    assert RemoteFile(link, "https://a.org/big.bin").whole().read_bytes() == big


@pytest.mark.parametrize("status", [408, 425, 500, 502, 504])
def test_a_fault_of_the_moment_is_tried_again(server, link, big, status):
    server.faults["a.org"] = {"status": status, "times": 2}
    assert RemoteFile(link, "https://a.org/big.bin").read(4) == big[:4]


def test_a_silent_server_is_asked_less_and_less_often(server, tmp_path, big, monkeypatch):
    waits = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    server.faults["a.org"] = {"cut": 0}
    with pytest.raises(RemoteError, match="cut"):
        link = Link(tmp_path / "cache", server.mirrors, tries=9, wait_s=2)
        RemoteFile(link, "https://a.org/big.bin").read()
    assert [wait for wait in waits if wait] == [2, 4, 8, 16, 32, 64, 64, 64]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"status": 429}, "asked too often"),
        ({"status": 403}, "does not allow"),
        ({"status": 401}, "login"),
        ({"status": 500}, "500"),
        ({"page": "<html><script>x()</script><h1>Please log in</h1></html>"}, "Please log in"),
        ({"cut": 0}, "cut"),
    ],
)
def test_a_server_that_fails_is_named_with_the_reason(server, link, big, fault, told):
    server.faults["a.org"] = fault
    with pytest.raises(RemoteError, match=told) as caught:
        RemoteFile(link, "https://a.org/big.bin").whole()
    assert "https://a.org/big.bin" in str(caught.value)


def test_a_server_that_takes_no_connection_is_not_waited_for(tmp_path):
    """A busy one is asked 50 times, with waits of minutes."""
    away = Link(tmp_path, offline_mirrors(), tries=50, wait_s=60)
    adapter = away.session.get_adapter("https://a.org")
    assert adapter.max_retries.connect == 1 and adapter.max_retries.total == 50


def test_a_slow_or_absent_server_is_told(server, link, big):
    server.faults["a.org"] = {"slow": 0.5}
    hasty = Link(link.cache, link.mirrors, tries=1, wait_s=0.01, timeout_s=0.1)
    with pytest.raises(RemoteError, match=r"nothing came for 0\.1 s|did not answer"):
        RemoteFile(hasty, "https://a.org/big.bin")
    away = Link(link.cache, offline_mirrors(), tries=1, wait_s=0.01)
    with pytest.raises(
        RemoteError, match=r"refuses the connection \(http://127\S*big\.bin was asked"
    ):
        RemoteFile(away, "https://a.org/big.bin")
    with pytest.raises(NotThereError, match="no such file"):
        RemoteFile(link, "https://a.org/nothing.bin")


def test_a_server_without_ranges_sends_all_once(server, link, big):
    server.ranges = False
    file = RemoteFile(link, "https://a.org/big.bin")
    assert file.whole().read_bytes() == big
    assert len(server.asked) == 1


def test_parts_of_two_versions_do_not_mix(server, link, big):
    file = RemoteFile(link, "https://a.org/big.bin")
    file.read(2 * PAGE)
    new = bytes(reversed(big))
    (server.root / "a.org/big.bin").write_bytes(new)
    server.modified += 1000
    assert file.whole().read_bytes() == new
    assert not file.changed()
    (server.root / "a.org/big.bin").write_bytes(big)
    server.modified += 1000
    assert file.changed()
    assert file.whole().read_bytes() == big


def test_a_file_of_another_kind_is_refused_and_not_kept(server, link):
    path = server.root / "a.org/page.tif"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"Sorry, the service is closed. " * 20)
    for _ in range(2):
        with pytest.raises(RemoteError, match="not a tiff"):
            RemoteFile(link, "https://a.org/page.tif", "tiff")
    assert not list(link.cache.rglob("data"))


def test_the_longest_mirror_is_taken(tmp_path):
    mirrors = {"https://": "http://m/", "https://a.org/x": "http://other/y"}
    link = Link(tmp_path, mirrors)
    assert link.place("https://a.org/x/1.tif") == "http://other/y/1.tif"
    assert link.place("https://b.org/1.tif") == "http://m/b.org/1.tif"
    assert link.place("http://b.org/1.tif") == "http://b.org/1.tif"


# ------------------------------------------------------------------------------- the catalogue


def test_every_source_of_the_catalogue_is_whole():
    sources = catalogue.load()
    roles = documents.read(ROOT / "config/models/pallas_cat.yaml")["layers"]
    for name, source in sources.items():
        for layer in source["layers"]:
            assert layer in roles, f"{name}: the model knows no layer {layer}"
        assert source["read_at"].startswith("https://")
    kinds = {layer for source in sources.values() for layer in source["layers"]}
    assert {"elevation", "land_cover", "roads", "fire", "grazing", "snow_days", "fences"} <= kinds
    assert not sources["gbif"]["republish"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.pop("licence"), "licence"),
        (lambda s: s.update(adress="x"), "adress"),
        (lambda s: s.update(address="https://a.org/{latitude}.tif"), "latitude"),
        (lambda s: s.update(tiles={"kind": "degrees"}), "degrees"),
        (lambda s: (s.pop("address"), s.pop("tiles")), "no address"),
        (lambda s: s.update(address="https://a.org/{lat.__class__}.tif"), "__class__"),
        (lambda s: s.update(kind="geoparquet"), "bbox"),
        (lambda s: s.update(stac={"api": "https://a", "collection": "c", "asset": "d"}), "years"),
        (lambda s: s["layers"].update(elevation={"scale": 2}), "only with `reduce`"),
    ],
)
def test_a_fault_of_the_catalogue_is_told(tmp_path, change, told):
    given = documents.read(catalogue.CATALOGUE)
    change(given["sources"]["copernicus_dem"])
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    with pytest.raises(catalogue.CatalogueError, match=told):
        catalogue.load(path)


def test_tiles_of_a_box_by_their_corner():
    source = {"tiles": {"kind": "degrees", "degrees": 3}}
    found = addresses.pieces(source, "{ns}{lat:02d}{ew}{lon:03d}", (-3.5, -1, 1, 2.9))
    assert [p.address for p in found] == [
        "S03W006", "S03W003", "S03E000", "N00W006", "N00W003", "N00E000",
    ]  # fmt: skip
    edge = addresses.pieces(source, "{ns}{lat:02d}{ew}{lon:03d}", (3, 3, 6, 6))
    assert [p.address for p in edge] == ["N03E003"], "a box that ends on an edge needs no more"
    known = catalogue.load()["openstreetmap"]["tiles"]["extracts"]
    assert addresses.extracts(known, (107, 47, 108, 48)) == ["asia/mongolia"]
    assert addresses.extracts(known, (113, 49, 116, 51)) == [
        "asia/mongolia", "russia/far-eastern-fed-district", "russia/siberian-fed-district",
    ]  # fmt: skip
    assert addresses.countries((74, 40, 81, 43.5)) == ["CHN", "KAZ", "KGZ"]


# ------------------------------------------------------------------------------- a new region


def in_a_line(text) -> str:
    return " ".join(text.split())


def test_a_new_region_is_fetched_and_loads(tmp_path, monkeypatch, server):
    path = region(tmp_path, monkeypatch, server, cell_m=1200)
    lines = [line for line in path.read_text().splitlines() if not line.strip().startswith("#")]
    assert len(lines) <= 60
    config = config_of(path)
    assert config["region"]["units"] == "provinces" and config["region"]["mask"] is None
    listed = fetch.as_text(config)
    assert "91.5 MB  Copernicus DEM GLO-30, 2011-2015: elevation\n" in listed
    assert "CHELSA" in listed and ": temperature, precipitation, snow_days\n" in listed
    assert "by record (column `licence`); not to be published" in listed
    every = fetch.about_bytes(fetch.orders(config_of(path)))
    assert listed.endswith(
        f"about {every / 1e6:.0f} MB to come in all, less what other regions fetched before; "
        "windows reach up to 62 km beyond the region, as far as threats do"
    )
    link = fetch.link_of(config)
    lines = fetch.fetch_all(fetch.orders(config), link)
    assert len(lines) == 18
    assert "precipitation, snow_days (there: all)" in in_a_line(fetch.as_text(config))
    Path("data/khentii/temperature.tif").unlink()
    assert "(there: precipitation, snow_days)" in in_a_line(fetch.as_text(config))
    fetch.fetch_all(fetch.orders(config), link)
    assert config_of(path)["layers"]["roads"]["date"] == "2026-09-21", "that of the file"
    data = Path("data/khentii")

    with rasterio.open(data / "elevation.tif") as found:
        values = found.read(1)
        with rasterio.open(server.root / served.DEM.format("N47_00_E107_00")) as tile:
            window = from_bounds(*served.BOX, transform=tile.transform)
            inner = from_bounds(*served.BOX, transform=found.transform)
            there = tile.read(1, window=window)
            column, row = round(inner.col_off), round(inner.row_off)
            part = values[row : row + there.shape[0], column : column + there.shape[1]]
            np.testing.assert_array_equal(part, there)
    with rasterio.open(data / "land_cover.tif") as found:
        assert found.transform.a == pytest.approx(2 * 0.001), "5 pixels along a cell of 1.2 km"
    with rasterio.open(data / "temperature.tif") as found:
        assert (found.scales[0], found.offsets[0]) == (0.1, -273.15)
    with rasterio.open(data / "ndvi_max.tif") as found:
        assert np.nanmax(found.read(1)) == pytest.approx(0.4002), "July 2024; November is no summer"
    with rasterio.open(data / "fire.tif") as found:
        burned = found.read(1)
        assert set(np.unique(burned[~np.isnan(burned)])) == {0.0, 0.5}, "one year of two"
    with rasterio.open(data / "grazing.tif") as found:
        assert np.nanmax(found.read(1)) == pytest.approx((30 + 0.9 * 20 + 6 * 5) / 100)

    roads = gpd.read_file(data / "roads.gpkg")
    assert sorted(roads["road_class"]) == ["paved", "track", "unpaved_main"]
    assert sorted(gpd.read_file(data / "railways.gpkg")["status"]) == ["existing", "planned"]
    assert sorted(gpd.read_file(data / "mines.gpkg")["type"]) == ["coal", "quarry"]
    pits = gpd.read_file(data / "mines.gpkg")
    assert pits["area_ha"].iloc[0] == pytest.approx(332, rel=0.02), "0.02 degrees at 47.6 N"
    assert list(gpd.read_file(data / "fences.gpkg")["fence_type"]) == ["barbed_wire"]
    towns = gpd.read_file(data / "settlements.gpkg").set_index("name")
    assert towns.loc["Баянчандмань", "population"] == 3000 and "Far away" not in towns.index
    records = pd.read_csv(data / "manul_records.csv")
    assert list(records["category"]) == ["C1", "C3", "C1"]
    assert list(records["date"].astype(str)) == ["2021-05-04", "2019-02", "2011-01-01"]
    assert not config["layers"]["manul_records"]["public"]
    came_from = json.loads((data / "manul_records.retrieved.json").read_text())["files"]
    assert came_from == [{"address": "https://api.gbif.org/v1/occurrence/search"}]
    came_from = json.loads((data / "provinces.retrieved.json").read_text())["files"]
    assert came_from[0]["address"].endswith("MNG-ADM1.geojson") and came_from[0]["etag"]

    came = server.sent
    again = fetch.fetch_all(fetch.orders(config), fetch.link_of(config))
    assert all("there already" in line for line in again) and server.sent == came


def test_a_window_costs_little_more_than_its_tiles(tmp_path, server):
    """At most 1.3 times the bytes of the tiles that the window touches."""
    address = "a.org/large.tif"
    values = np.random.default_rng(1).integers(0, 2000, (4096, 4096)).astype("int16")
    grid = rasterio.transform.from_origin(100, 50, 1 / 2048, 1 / 2048)
    served.tiff(server.root / address, values, grid, -1, block=512)
    box = (100.3, 49.1, 100.9, 49.6)
    link = Link(tmp_path / "cache", server.mirrors, tries=1)
    source = {"kind": "raster", "format": "tiff", "not_found": "error"}
    rasters.write_window(
        tmp_path / "out.tif", [addresses.Piece("https://" + address)], box,
        lambda a: RemoteFile(link, a, "tiff"), source, {}, 1000,
    )  # fmt: skip
    tiles = served.tile_bytes(server.root / address, box)
    assert tiles > 1e6
    assert server.sent <= 1.3 * tiles
    assert server.sent < 0.2 * (server.root / address).stat().st_size
    with rasterio.open(tmp_path / "out.tif") as found, rasterio.open(server.root / address) as all_:
        window = from_bounds(*found.bounds, transform=all_.transform)
        np.testing.assert_array_equal(found.read(1), all_.read(1, window=window))
        pixel, of = 1 / 2048, found.bounds
    for beyond in (box[0] - of.left, box[1] - of.bottom, of.right - box[2], of.top - box[3]):
        assert 0 <= beyond < pixel, "the pixels that the box cuts, and no more"


def test_row_groups_beside_the_box_are_not_read(tmp_path, server):
    x = np.repeat(np.arange(40.0), 500)
    points = gpd.GeoDataFrame(
        {"name": [f"{'n' * 50}{i}" for i in range(x.size)], "w": x, "e": x, "s": 45.0, "n": 45.0},
        geometry=gpd.points_from_xy(x, np.full(x.size, 45.0)), crs=4326,
    )  # fmt: skip
    (server.root / "a.org").mkdir(exist_ok=True)
    path = server.root / "a.org/places.parquet"
    points.to_parquet(path, row_group_size=500, compression=None)
    link = Link(tmp_path / "cache", server.mirrors, tries=1)
    found, _ = vectors.read_parquet(
        [addresses.Piece("https://a.org/places.parquet")], (6.5, 44, 8.5, 46),
        lambda a: RemoteFile(link, a, "parquet"), {"bbox": ["w", "s", "e", "n"]},
    )  # fmt: skip
    assert len(found) == 1000 and set(found.geometry.x) == {7.0, 8.0}
    assert server.sent < 0.2 * path.stat().st_size


def test_a_wrong_checksum_stops_the_layer_and_tells_what_to_do(tmp_path, monkeypatch, server):
    path = region(tmp_path, monkeypatch, server)
    told = server.root / (served.OSM + ".md5")
    right = told.read_text()
    told.write_text(hashlib.md5(b"other").hexdigest() + "  x\n")
    try:
        wanted = [o for o in fetch.orders(config_of(path)) if o.layer in ("roads", "temperature")]
        with pytest.raises(fetch.FetchError) as caught:
            fetch.fetch_all(wanted, fetch.link_of(config_of(path)))
    finally:
        told.write_text(right)
    message = str(caught.value)
    assert "roads, from OpenStreetMap" in message and "md5" in message and "By hand" in message
    assert Path("data/khentii/temperature.tif").is_file(), "the others come"
    assert not Path("data/khentii/roads.gpkg").exists()


def test_a_tile_that_is_not_there_is_ground_without_data(tmp_path, monkeypatch, server):
    """South of the two tiles there is none: as over sea."""
    path = region(tmp_path, monkeypatch, server, box=[107.2, 45.6, 107.8, 46.4])
    wanted = [o for o in fetch.orders(config_of(path)) if o.layer == "elevation"]
    fetch.fetch_all(wanted, fetch.link_of(config_of(path)))
    with rasterio.open("data/khentii/elevation.tif") as found:
        assert found.bounds.bottom == pytest.approx(46.0)


def test_what_changed_on_the_server_comes_again_and_is_told(tmp_path, monkeypatch, server):
    path = region(tmp_path, monkeypatch, server)
    config = config_of(path)
    wanted = [o for o in fetch.orders(config) if o.layer in ("provinces", "temperature")]
    fetch.fetch_all(wanted, fetch.link_of(config))
    units = gpd.read_file(server.root / served.UNITS)
    try:
        served.save(units.iloc[:1], server.root / served.UNITS, driver="GeoJSON")
        server.modified += 86400
        (server.root / served.CHELSA.format("bio1")).touch()
        lines = fetch.fetch_all(wanted, fetch.link_of(config), fresh=True)
    finally:
        served.save(units, server.root / served.UNITS, driver="GeoJSON")
    provinces = next(line for line in lines if line.startswith("provinces"))
    assert "1 features; it had 2 features" in provinces and "2026-09-22" in provinces
    temperature = next(line for line in lines if line.startswith("temperature"))
    assert "came from" in temperature and "it had" not in temperature, "as large as before"
    assert len(gpd.read_file("data/khentii/provinces.gpkg")) == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "Bad Name", "box": "1,2,3,4"}, "name: found 'Bad Name'"),
        ({"name": "a"}, "expected one of box"),
        ({"name": "a", "box": "100,45,102", "country": "MN"}, "expected one of"),
        ({"name": "a", "box": "100,45,102"}, "four numbers"),
        ({"name": "a", "box": "102,45,100,46"}, "west before east"),
        ({"name": "a", "box": "45,100,48,105"}, "swapped"),
        ({"name": "a", "box": "45,100,48,105"}, "south before north"),
        ({"name": "a", "box": "100,45,190,50"}, "in degrees, west before east"),
        ({"name": "a", "box": "100,45,110,95"}, "south before north$"),
        ({"name": "a", "box": "-95,100,48,105"}, "south before north$"),
        ({"name": "a", "box": "45,100,48,190"}, "south before north$"),
        ({"name": "a", "box": "30,50,34,54"}, "swapped"),
        ({"name": "a", "country": "Mongolistan"}, r"Mongolia \(MNG\)"),
        ({"name": "a", "area": "none.gpkg"}, "no file"),
        ({"name": "a", "box": "100,45,102,46", "cell_m": "-3"}, "cell_m"),
        ({"name": "a", "box": "100,45,102,46", "species_model": "lynx"}, "no species model"),
    ],
)
def test_a_wrong_question_is_told(tmp_path, monkeypatch, asked, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(new_region.AskedError, match=told):
        new_region.write(asked)
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.parametrize(
    ("box", "cell_m"),  # at most 2 million cells: 1 degree is 111 km, and 78 km at 45 N
    [("100,45,101,46", 100), ("100,44,104,46", 250), ("90,42,110,50", 1000)],
)
def test_the_grid_is_fitted_to_the_box(tmp_path, monkeypatch, box, cell_m):
    monkeypatch.chdir(tmp_path)
    region = config_of(new_region.write({"name": "a", "box": box}))["region"]
    west, south, east, north = (float(n) for n in box.split(","))
    centre = pyproj.CRS(region["crs"]).to_dict()
    assert (centre["lon_0"], centre["lat_0"]) == ((west + east) / 2, (south + north) / 2)
    assert centre["proj"] == "laea" and region["cell_m"] == cell_m
    assert region["bounds"] == [west, south, east, north]


def test_a_country_is_its_own_mask(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = new_region.write({"name": "kg", "country": "kgz"})
    config = config_of(path)
    assert config["region"]["title"] == "Kyrgyzstan" and config["region"]["mask"] == "study_area"
    km2 = gpd.read_file("data/kg/study_area.gpkg").to_crs(config["region"]["crs"]).area.sum() / 1e6
    assert km2 == pytest.approx(199_950, rel=0.01)
    with pytest.raises(new_region.AskedError, match="there already"):
        new_region.write({"name": "kg", "country": "kgz"})


def test_a_full_disk_is_foreseen(tmp_path, monkeypatch, server):
    path = region(tmp_path, monkeypatch, server)
    config = config_of(path)
    some = [order for order in fetch.orders(config) if order.layer == "provinces"]
    for share, enough in ((1.4, False), (1.6, True)):  # half as much again is wanted
        free = share * fetch.about_bytes(some)
        monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _, n=free: SimpleNamespace(free=n))
        if enough:
            fetch.fetch_all(some, fetch.link_of(config))
        else:
            mb = f"some {free / 1.4e6:,.0f} MB are to come, .* has {free / 1e6:,.0f} MB free"
            with pytest.raises(fetch.FetchError, match=mb):
                fetch.fetch_all(some, fetch.link_of(config))


def test_a_person_must_fetch_what_its_terms_forbid(tmp_path, monkeypatch, server):
    path = region(tmp_path, monkeypatch, server)
    text = path.read_text().replace("layers:\n", "layers:\n  protected_areas: {fetch: wdpa}\n", 1)
    path.write_text(text)
    with pytest.raises(load.ConfigError, match=r"protected_areas.*not public"):
        config_of(path)  # its terms forbid to show it
    path.write_text(text.replace("  context: {", "  context: {protected_areas: null, ", 1))
    wanted = [o for o in fetch.orders(config_of(path)) if o.layer == "protected_areas"]
    with pytest.raises(fetch.FetchError, match=r"(?s)a person.*Accept the terms"):
        fetch.fetch_all(wanted, fetch.link_of(config_of(path)))


def test_a_file_within_a_zip_is_read_and_one_that_is_missing_is_told(server, link):
    units = server.root / served.UNITS
    with zipfile.ZipFile(server.root / "a.org/units.zip", "w") as archive:
        archive.write(units, "release/units.geojson")
    source = {"kind": "vector", "not_found": "error", "inside": "units.geojson"}
    piece = [addresses.Piece("https://a.org/units.zip")]

    def read(source):
        return vectors.read(piece, served.BOX, lambda a: RemoteFile(link, a, "zip"), source, {})

    found, came_from = read(source)
    assert sorted(found["shapeName"]) == ["Khentii", "Töv"]
    assert came_from == ["https://a.org/units.zip"]
    with pytest.raises(RemoteError, match=r"the archive holds no units\.shp"):
        read(source | {"inside": "units.shp"})


def test_a_proxy_is_asked_in_place_of_the_server(server, tmp_path, big):
    link = Link(tmp_path / "cache", {}, proxy=server.address, tries=1, wait_s=0.01)
    assert RemoteFile(link, "http://a.org/big.bin").whole().read_bytes() == big
    assert server.asked[0][0] == "a.org/big.bin"


@pytest.mark.parametrize("answer", [[1], {"features": {}}, {"other": []}])
def test_an_answer_that_is_no_page_is_told(server, link, answer):
    server.answers[served.STAC] = lambda _: answer
    source = catalogue.load()["modis_ndvi"]
    try:
        with pytest.raises(RemoteError, match="no page of features"):
            stac.pieces(link, source, served.BOX)
    finally:
        served.fill(server)


def test_a_mirror_of_all_sources_stands_in_the_file_of_a_new_region(tmp_path):
    asked = {"name": "a", "box": "107.2,47.3,107.8,47.7", "mirror": "http://127.0.0.1:1"}
    path = new_region.write(asked, tmp_path)
    (config,) = load.load(documents.read(path), [path]).values()
    assert config["retrieval"]["mirrors"] == {"https://": "http://127.0.0.1:1/"}
    assert fetch.link_of(config).place("https://b.org/x") == "http://127.0.0.1:1/b.org/x"
    without = new_region.write({**asked, "name": "b", "mirror": None}, tmp_path)
    assert "\nretrieval" not in without.read_text() and "# retrieval" in without.read_text()
    with pytest.raises(new_region.AskedError, match="mirror: found 'my mirror'"):
        new_region.write({**asked, "name": "c", "mirror": "my mirror"}, tmp_path)
    assert not (tmp_path / "c.yaml").exists()


def test_the_countries_of_a_box_are_told():
    assert addresses.countries_in([107.2, 47.3, 107.8, 47.7]) == ["Mongolia"]
    assert addresses.countries_in([47.3, 47.2, 51, 51.5]) == ["Kazakhstan", "Russia"]
    assert addresses.countries_in([-30, -1, -29, 1]) == []


def test_a_misspelt_layer_of_a_source_is_told_with_the_one_that_is_meant(
    tmp_path, monkeypatch, server
):
    path = region(tmp_path, monkeypatch, server)
    path.write_text(path.read_text().replace("  roads:", "  raods:"))
    told = r"layers.raods.fetch: found 'openstreetmap', expected a layer.*did you mean 'roads'\?"
    with pytest.raises(load.ConfigError, match=told):
        config_of(path)


def test_a_wrong_source_is_a_fault_of_the_config(tmp_path, monkeypatch, server):
    path = region(tmp_path, monkeypatch, server)
    path.write_text(path.read_text().replace("fetch: worldcover", "fetch: gbif"))
    with pytest.raises(
        load.ConfigError, match=r"layers.land_cover.fetch: found 'gbif', expected worldcover"
    ):
        config_of(path)

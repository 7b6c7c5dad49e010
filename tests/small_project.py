"""A project of 20 x 20 cells with a layer of each kind, for tests that run its jobs many times."""

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
import yaml
from affine import Affine

HERE = Path(__file__).parent
TABLES = {
    "camps": (
        "id,season,households,dogs,livestock_su,lon,lat\n"
        "C1,winter,2,3,900,77.03,42.03\n"
        "C2,summer,1,0,300,77.06,42.05\n"
        "C3,,1,,,77.09,42.02\n"
    ),
    "transects": (
        "transect_id,date,lon_start,lat_start,lon_end,lat_end,length_m,half_width_m,n_active,"
        "n_inactive,n_collapsed,species,method\n"
        "T1,2024-07-01,77.02,42.02,77.032,42.02,1000,20,3,1,0,baibacina,foot\n"
        "T2,2024-07-02,77.05,42.04,77.062,42.04,1000,20,0,0,,baibacina,horse\n"
        "T3,2023-07-03,77.09,42.06,77.096,42.06,500,,1,0,2,,\n"
    ),
    "cats": (
        "rec_id,date,lon,lat,coord_error_m,type,category,n_adults,n_kittens,"
        "absence_effort_camdays,public_ok\n"
        "M1,2024-05-01,77.031,42.031,30,camera,C1,1,0,20,y\n"
        "M2,2023-01-15,77.07,42.06,200,sighting,C3,1,2,,n\n"
        "M3,2022,77.09,42.03,,camera,C1,0,0,60,\n"
    ),
    "events": (
        "event_id,date_start,date_end,country,aimag,soum,lon,lat,geom,target_species,compound,"
        "conc_ppm,dose_kg_ha,bait_total_kg,area_treated_ha,method,coverage_frac,carcass_collected,"
        "confidence\n"
        "E1,2025-05-01,2025-05-09,KG,Naryn,West,77.03,42.04,,marmot,bromadiolone,50,3,300,100,"
        "in_burrow,0.5,y,1\n"
        "E2,2025-04-01,,KG,Naryn,East,,,,pika,zinc phosphide,,,,40,,,,\n"
        'E3,2024-04-01,2024-04-05,KG,Naryn,East,,,"POLYGON ((77.08 42.05, 77.1 42.05, '
        '77.1 42.07, 77.08 42.05))",pika,unknown,20,3,90,30,aerial,1,n,2\n'
    ),
}
DEPLOYMENTS = (
    "deploymentID,locationID,latitude,longitude,coordinateUncertainty,deploymentStart,"
    "deploymentEnd\n"
    "d1,a,42.02,77.02,30,2024-05-01T08:00:00+0600,2024-06-10T20:00:00+0600\n"
    "d2,b,42.07,77.08,30,2024-05-01T08:00:00+0600,2024-05-31T08:00:00+0600\n"
)
OBSERVATIONS = (
    "observationID,deploymentID,eventID,eventStart,observationLevel,observationType,"
    "scientificName,count,lifeStage,classificationMethod,classifiedBy\n"
    "o1,d1,e1,2024-05-03T23:10:00+0600,event,animal,Otocolobus manul,1,adult,human,Bek\n"
    "o2,d1,e2,2024-05-04T01:00:00+0600,event,animal,Vulpes vulpes,1,,human,Bek\n"
    "o3,d2,e3,2024-05-03T23:10:00+0600,event,animal,Vulpes vulpes,1,,human,Bek\n"
)
PACKAGE = {
    "datapackage.json": json.dumps(
        {"resources": [{"name": n, "path": f"{n}.csv"} for n in ("deployments", "observations")]}
    ),
    "deployments.csv": DEPLOYMENTS,
    "observations.csv": OBSERVATIONS,
}
TOLD = {
    "date": 2024, "source": "made up", "licence": "CC0", "data_status": "illustrative",
    "positional_error_m": 50,
}  # fmt: skip


def config() -> dict:
    """The config, new at each call."""
    made = yaml.safe_load((HERE / "small.yaml").read_text(encoding="utf-8"))
    for layer in made["layers"].values():
        if layer["kind"] != "absent":
            layer |= TOLD
    return made


def write(folder) -> None:
    """All data of the project, unspoiled."""
    folder = Path(folder)
    rows, columns = np.mgrid[0:60, 0:70]
    raster(folder / "elevation.tif", 2000 + 40 * np.abs(columns - 35) + 10 * rows, "float32")
    cover = np.where(columns < 20, 2, np.where(rows < 20, 3, 1))
    raster(folder / "cover.tif", cover, "uint8")
    halves = [shapely.box(76.95, 41.95, 77.06, 42.15), shapely.box(77.06, 41.95, 77.2, 42.15)]
    reserve = shapely.box(77.02, 42.02, 77.04, 42.04)
    table = {"name": ["West", "East", "Park"], "kind": ["district", "district", "reserve"]}
    gpd.GeoDataFrame(table, geometry=[*halves, reserve], crs=4326).to_file(
        folder / "districts.geojson"
    )
    lines = [[(76.9, 42.045), (77.2, 42.045)], [(77.06, 41.9), (77.06, 42.2)]]
    table = {"road_class": ["paved", "track"], "name": ["A1", None]}
    gpd.GeoDataFrame(table, geometry=[*map(shapely.LineString, lines)], crs=4326).to_file(
        folder / "roads.geojson"
    )
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    package(folder / "cameras.zip", PACKAGE)


def package(path, files) -> None:
    """A zipped camera package of these texts (or bytes) by name."""
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)


def raster(path, values, dtype) -> None:
    """A GeoTIFF of 70 x 60 cells of 0.005 degrees around the region."""
    profile = {
        "driver": "GTiff", "crs": "EPSG:4326", "dtype": dtype, "count": 1, "height": 60,
        "width": 70, "transform": Affine(0.005, 0, 76.885, 0, -0.005, 42.195),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(values.astype(dtype), 1)

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

CONFIG = """
model: none
species: {title: Test cat, plural: cats, status: "Test cat: a species for tests"}
region:
  name: small
  title: Small region
  crs: "+proj=laea +lat_0=42.045 +lon_0=77.06 +datum=WGS84 +units=m"
  cell_m: 500
  bounds: [77.0, 42.0, 77.12, 42.09]
  mask: districts
  units: districts
as_of: 2025-06-01
layers:
  elevation: {kind: continuous, title: Elevation, path: elevation.tif, units: m, valid: [0, 9000]}
  cover: {kind: classes, title: Cover, path: cover.tif, classes: {1: grass, 2: town, 3: water}}
  districts: {kind: vector, title: Districts, path: districts.geojson}
  roads: {kind: vector, title: Roads, path: roads.geojson}
  fire: {kind: absent, title: Fire, needs: burned area}
  camps: {kind: records, table: camp, title: Camps, path: camps.csv, public: false}
  transects: {kind: records, table: burrow_transect, title: Transects, path: transects.csv}
  cats: {kind: records, table: manul_record, title: Cats, path: cats.csv}
  cameras: {kind: records, table: manul_record, title: Cameras, path: cameras.zip}
  events: {kind: records, table: rodenticide_event, title: Events, path: events.csv}
surfaces:
  elevation: {kind: value, layer: elevation}
  slope: {kind: slope, layer: elevation}
  relief: {kind: relief, layer: elevation, radius_m: 300}
  score: {kind: value, layer: cover, scores: {grass: 1, town: 0.2, water: 0}}
  town: {kind: share, layer: districts, where: "kind == 'reserve'"}
  steep: {kind: distance, of: {kind: slope, layer: elevation}, minimum: 3, reach_m: 3000}
  burrows:
    kind: burrow_density
    layer: transects
    strata: {of: {kind: slope, layer: elevation}, breaks: [3]}
    within: {of: {kind: value, layer: cover, scores: {grass: 1, town: 0, water: 0}}, minimum: 0.5}
  effort: {kind: effort, layer: cameras, field: absence_effort_camdays, radius_m: 2000}
  effort_cats:
    {kind: effort, layer: cats, field: absence_effort_camdays, per_record: 1, max_age_years: 20, radius_m: 2000}
  camp_density: {kind: density, layer: camps, radius_m: 2000}
habitat:
  reference: {burrows: 2}
  loss: burrows
  components:
    shelter:
      title: Shelter
      weight: {value: 0.5, range: [0.4, 0.6], status: G}
      combine: noisy_or
      terms:
        steep: {weight: 0.8, surface: steep, response: {exponential: {scale: 500}}}
        burrows: {surface: burrows, response: {half_saturation: {half: 0.5}}}
    height: {title: Height, surface: elevation, response: {trapezoid: {a: 500, b: 1000, c: 4000, d: 5000}}}
  gates:
    cover: {title: Cover, surface: score}
groups: {people: {title: People, colour: "#333333"}}
threats:
  dogs:
    {title: Dogs, group: people, iucn: "8.1", cmp: "1.1", weight: 0.5, surface: {kind: exposure, layer: camps,
     kernel: saturating, intensity: {combine: product, terms: [{field: dogs, response: {ramp: {lower: 0, upper: 5}}},
     {field: season, response: {classes: {scores: {winter: 1, summer: 0.5, spring: 0.5, autumn: 0.5}}}}]},
     decay: exponential, scale_m: 500, reach_m: 2000}}
  poison:
    {title: Poison, group: people, iucn: "9.3", cmp: "1.1", weight: 0.6, surface: {kind: poison, layer: events,
     path: toxic, scale_m: 500, reach_m: 2000, districts_layer: districts, place_field: soum}}
  roads:
    {title: Roads, group: people, iucn: "4.1", cmp: "1.1", weight: 0.3, surface: {kind: exposure, layer: roads,
     where: "road_class == 'paved'", decay: linear, reach_m: 1500}, footprint: {surface: town}}
  access:
    title: Access
    group: people
    iucn: "5.1"
    cmp: "1.1"
    weight: 0.2
    surface: {kind: travel_time, layer: camps, roads_layer: roads, elevation_layer: elevation, class_field: road_class,
              speeds_km_h: {paved: 60, track: 20}, reach_h: 3}
    response: {exponential: {scale: 1}}
  fire: {title: Fire, group: people, iucn: "7.1", cmp: "1.1", weight: 0.3, surface: {kind: value, layer: fire}}
  loss: {title: Loss, group: people, iucn: "5.1", cmp: "1.1", weight: 0.3, loss_from: [burrows]}
compounds:
  bromadiolone: {hazard: 1, half_life_d: 60}
  zinc_phosphide: {hazard: 0.5, half_life_d: 10}
  unknown: {hazard: 0.8, half_life_d: 60}
key_habitat: {suitable: 0.2, key: 0.4, core_km2: 0.5, breeding_km2: 2, area_km2: 2, join_km: 1, protected: town}
rules:
  R1:
    title: Tiles
    zones: {kind: tiles, area_km2: 4}
    measures: {habitat: {mean: habitat}, key_share: {share: key}}
    nearest: {cat: {layer: cats, newer_than_days: 3000, date_field: date, where: "n_adults > 0", within_m: 3000, name_field: rec_id}}
    when: "habitat >= 0.1 and not (cat_distance_m <= 500)"
    reason: "mean habitat {habitat:.2f}"
    action: Look
    iucn: "8.1"
    cmp: "8.2"
    agency: agency
  R2:
    title: Mask
    zones: {kind: mask, where: "(habitat >= 0.2) & (effect_poison >= 0.001)", smallest_km2: 0.5}
    measures: {effect: {maximum: effect_poison}}
    when: "effect > 0"
    reason: "effect {effect:.2f}"
    action: Stop
    iucn: "5.2"
    cmp: "7.2"
    agency: agency
  R3:
    title: Camps
    zones: {kind: points, layer: camps, radius_m: 1000, id_field: id}
    measures: {dogs: {field: dogs}}
    when: "dogs >= 1"
    reason: "{dogs:.0f} dogs"
    action: Tie
    iucn: "2.2"
    cmp: "1.1"
    agency: agency
    public: false
  R4:
    title: Roads
    zones: {kind: segments, layer: roads, where: "road_class == 'paved'", length_m: 1000}
    measures: {left: {left_mean: habitat}, right: {right_mean: habitat}}
    when: "left >= 0 and right >= 0"
    reason: "{left:.2f} and {right:.2f}"
    action: Culvert
    iucn: "2.1"
    cmp: "1.1"
    agency: agency
priority: [R1, R2, R3, R4]
maps: {context: {provinces: districts}, dpi: 50}
scenarios:
  current: {title: Present}
  fewer_dogs: {title: Fewer dogs, changes: {threats: {dogs: {weight: 0.1}}}}
"""

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
    made = yaml.safe_load(CONFIG)
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

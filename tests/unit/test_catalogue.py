"""The catalogue of maps and the record of a run, judged by the validators of their standards."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from judges import crate_faults
from odc.geo.geobox import GeoBox

from manul.grid.fields import Source
from manul.products import catalogue, crate

GRID = GeoBox.from_bbox((0, 0, 9000, 6000), crs="EPSG:32643", resolution=1000)
RECORD = {"camps": {"title": "Camps", "date": "2020", "status": "illustrative",
                    "source": "invented", "licence": "CC0", "content": []}}  # fmt: skip


def map_file(path, bands=1) -> str:
    with rasterio.open(
        path, "w", driver="GTiff", height=6, width=9, count=bands, dtype="float32",
        crs="EPSG:32643", transform=GRID.affine,
    ) as out:  # fmt: skip
        out.write(np.zeros((bands, 6, 9), "float32"))
        out.update_tags(MANUL_LAYERS=json.dumps(RECORD), MANUL_CONFIG_DIGEST="ab")
    return str(path)


@pytest.fixture
def catalog(tmp_path):
    now, before = tmp_path / "current", tmp_path / "before"
    (now / "maps").mkdir(parents=True)
    before.mkdir()
    habitat = map_file(now / "maps" / "habitat.tif", 2)
    key = map_file(before / "key.tif")
    maps = {
        "habitat": Source(habitat, 1, "Habitat", "0..1"),
        "cover": Source(habitat, 2, "Cover", "0..1"),
        "key": Source(key, 1, "Key habitat", "", (2, 3)),
        "other": Source(map_file(now / "habitat.tif"), 1, "Of the same name"),
        "gone": Source(str(tmp_path / "gone.tif"), 1, "Gone"),
    }
    catalogue.write(now / "stac", "Region: now", "2025-10-01", maps)
    return pystac.Catalog.from_file(str(now / "stac" / "catalog.json"))


def test_the_catalogue_and_its_items_are_valid(catalog):
    catalog.validate()
    for item in catalog.get_items():
        item.stac_extensions = []  # their schemas are on the web
        item.validate()


def test_an_item_says_where_a_map_lies_what_its_bands_are_and_on_what_data_it_rests(catalog):
    items = {item.id: item for item in catalog.get_items()}
    assert set(items) == {"maps-habitat", "habitat", "before-key"}
    habitat = items["maps-habitat"]
    assert habitat.assets["map"].extra_fields["bands"] == [
        {"name": "habitat", "description": "Habitat", "unit": "0..1"},
        {"name": "cover", "description": "Cover", "unit": "0..1"},
    ]  # fmt: skip
    told = habitat.properties
    assert told["proj:code"] == "EPSG:32643" and told["proj:shape"] == [6, 9]
    assert told["proj:transform"] == [1000, 0, 0, 0, -1000, 6000]
    assert told["manul:data_status"] == "illustrative" and told["manul:data_dates"] == "2020"
    assert "ILLUSTRATIVE" in told["manul:notice"] and told["title"] == "habitat"
    assert items["before-key"].properties["title"] == "Key habitat"
    assert "bands" not in items["before-key"].assets["map"].extra_fields  # classes are no numbers
    west, south, east, north = habitat.bbox
    assert (west, south) == pytest.approx((70.511, 0), abs=1e-3)
    assert east - west == pytest.approx(9000 / 111_320, rel=0.01)
    assert north - south == pytest.approx(6000 / 110_574, rel=0.01)
    assert habitat.datetime.date().isoformat() == "2025-10-01"


def test_links_lead_to_the_files_from_where_the_catalogue_lies(catalog, tmp_path):
    for item in catalog.get_items():
        href = item.assets["map"].href
        assert not Path(href).is_absolute()
        found = (Path(item.get_self_href()).parent / href).resolve()
        assert found.exists() and found.suffix == ".tif"
        assert str(tmp_path) not in Path(item.get_self_href()).read_text()


# ----------------------------------------------------------------------------- record of a run

TOLD = {
    "title": "Region", "as_of": "2025-10-01", "species": {"title": "Pallas's cat"},
    "scenarios": {"current": "Now", "planned": "Later"},
    "layers": {
        "roads": {"title": "Roads", "date": 2024, "source": "OSM", "licence": "ODbL",
                  "data_status": "measured", "public": True, "files": ["data/roads.gpkg"],
                  "content": ["aa"]},
        "camps": {"title": "Camps", "date": "2020", "source": "team", "licence": "CC0",
                  "data_status": "illustrative", "public": False,
                  "files": ["private/camps.csv"], "content": ["bb"]},
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Snakefile").write_text("rule all:\n    input: []\n")
    (tmp_path / "config.yaml").write_text("a: 1\n")
    (tmp_path / "current" / "atlas").mkdir(parents=True)
    (tmp_path / "current" / "units.csv").write_text("unit\nWest\n")
    (tmp_path / "current" / "atlas" / "West.pdf").write_bytes(b"%PDF")
    return tmp_path


def made(folder) -> dict:
    files = [folder / "current" / "units.csv", folder / "current" / "atlas"]
    return crate.record(folder, "Snakefile", "config.yaml", files, TOLD)


def test_the_record_of_a_run_is_a_valid_workflow_run_crate(folder):
    text = json.dumps(made(folder))
    (folder / crate.METADATA).write_text(text)
    assert crate_faults(folder) == []


def test_the_judge_sees_a_record_without_its_run(folder):
    found = made(folder)
    found["@graph"] = [e for e in found["@graph"] if e["@type"] != "CreateAction"]
    for entity in found["@graph"]:
        entity.pop("mentions", None)
    (folder / crate.METADATA).write_text(json.dumps(found))
    assert crate_faults(folder) != []


def test_what_came_out_is_there_with_its_digest(folder):
    entities = {entity["@id"]: entity for entity in made(folder)["@graph"]}
    table = entities["current/units.csv"]
    assert table["sha256"] == hashlib.sha256(b"unit\nWest\n").hexdigest()
    assert table["contentSize"] == "10" and table["encodingFormat"] == "text/csv"
    assert entities["current/atlas/West.pdf"]["encodingFormat"] == "application/pdf"
    run = entities["#run"]
    assert {e["@id"] for e in run["result"]} == {"current/units.csv", "current/atlas/West.pdf"}
    assert run["instrument"] == {"@id": "Snakefile"}
    assert {e["@id"] for e in run["object"]} == {"config.yaml", "#layer-roads", "#layer-camps"}
    assert "Now, Later" in entities["./"]["description"]


def test_layers_are_named_and_private_files_are_not(folder):
    text = json.dumps(made(folder))
    entities = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
    assert entities["#layer-roads"]["alternateName"] == "data/roads.gpkg"
    assert entities["#layer-roads"]["identifier"] == "aa"
    assert entities["#layer-camps"]["name"] == "Camps"
    assert "camps.csv" not in text
    assert entities["#layer-camps"]["creativeWorkStatus"] == "illustrative"


def test_the_same_run_gives_the_same_record(folder):
    assert json.dumps(made(folder)) == json.dumps(made(folder))

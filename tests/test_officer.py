"""What an officer gets of a run: places, workbook, briefs and files say the same."""

import hashlib
import html
import json
from pathlib import Path

import geopandas as gpd
import in_process
import openpyxl
import pandas as pd
import pyogrio
import pystac
import pytest
from judges import crate_faults
from pypdf import PdfReader
from rio_cogeo.cogeo import cog_validate

from manul.grid import map_tags, plain_files, provenance
from manul.grid.templates import as_in_print
from manul.products import actions
from manul.products.gains import Gains

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def whole(corner, tmp_path_factory):
    """The corner with all that an officer gets; its record of the run names tables and reports."""
    more = ("stac", "atlas/provinces", "report.pdf", "briefs.pdf")
    region = corner.copy(tmp_path_factory.mktemp("officer"))
    region = region.overlay("few", {"products": ["tables", "reports"]})
    wanted = [f"results/corner/current/{name}" for name in more]
    in_process.make(region, wanted)
    in_process.make(region)
    region.run("results/corner/ro-crate-metadata.json")  # of all that is there
    return region


@pytest.fixture
def home(whole):
    return whole.results / "current"


@pytest.fixture
def places(home):
    return actions.read(home / "actions.gpkg")


@pytest.fixture
def recommended(home):
    table = plain_files.read_table(home / "recommendations.csv")
    return table[table["unit"].notna() | table["area_km2"].notna() | table["length_km"].notna()]


def test_every_recommendation_is_in_one_place(places, recommended):
    of = places["recommendations"].str.split(", ").explode()
    assert sorted(of) == sorted(recommended["id"]) and of.is_unique
    assert places["zones"].sum() == len(of)


def test_a_place_gains_what_its_zones_do_and_nothing_twice(home, places, recommended):
    gain = recommended.set_index("id")["gain_km2"]
    gains = Gains.read(home / "uncertainty" / "gains.npz")
    assert sorted(gains.names) == sorted(recommended["id"])
    some = places[places["gain_km2"].notna()]
    assert len(some) > 5
    for place in some.itertuples():
        zones = gain[place.recommendations.split(", ")]
        assert zones.max() - 0.002 <= place.gain_km2 <= zones.sum() + 0.002 * len(zones)
        # one run without draws: the interval has no width
        assert place.gain_km2 == place.gain_p05_km2 == place.gain_p95_km2


def test_areas_of_tables_and_polygons_agree(places):
    areas = places[places["area_km2"].notna()]
    assert (areas.area / 1e6).to_numpy() == pytest.approx(areas["area_km2"].to_numpy(), rel=1e-3)


def test_table_workbook_and_files_hold_the_same_places(home, places):
    table = plain_files.read_table(home / "actions.csv")
    assert set(table["id"]) == set(places["id"])
    sheet = openpyxl.load_workbook(home / "actions.xlsx", read_only=True)["All actions"]
    assert sheet.max_row == len(table) + 1
    kmz = home / "handover" / "actions.kmz"
    names = [name for name, _ in pyogrio.list_layers(kmz)]
    drawn = pd.concat([pyogrio.read_dataframe(kmz, layer=name) for name in names])
    assert len(drawn) == len(table) and kmz.stat().st_size < 5e6


def test_each_unit_with_land_has_a_brief(home):
    units = plain_files.read_table(home / "units.csv")
    page = (home / "briefs.html").read_text(encoding="utf-8")
    assert page.count("<article") == len(units)
    assert all(f"<h1>{unit}" in page for unit in units["unit"])
    assert "How sure this is was not assessed" in page


def test_camps_are_in_no_file_for_the_public(home):
    secret = plain_files.read_table(home / "restricted" / "actions.csv")
    assert "R6" in set(secret["rule"])
    for name in ("actions.csv", "first_actions.html", "briefs.html"):
        assert "R6-" not in (home / name).read_text(encoding="utf-8-sig")


# --------------------------------------------------------------- judged by others' validators


def test_every_map_is_a_cloud_optimized_geotiff(home):
    maps = [path for path in home.parent.rglob("*.tif") if "layers" not in path.parts]
    assert len(maps) > 20
    for path in maps:
        valid, errors, _ = cog_validate(str(path))
        assert valid, (path, errors)


def test_the_catalogue_is_valid_and_leads_to_every_public_map(home):
    catalogue = pystac.Catalog.from_file(str(home / "stac" / "catalog.json"))
    catalogue.validate()
    index = plain_files.read_table(home / "outputs.csv")
    there = set()
    for item in catalogue.get_items():
        item.stac_extensions = []
        item.validate()
        file = Path(item.get_self_href()).parent / item.assets["map"].href
        assert file.resolve().exists()
        there.add(file.resolve())
    shown = {(home / file).resolve() for file in index.loc[index["public"], "file"]}
    assert there == shown


def test_the_record_of_the_run_is_valid_and_holds_what_may_be_shown(home):
    assert crate_faults(home.parent) == []
    graph = json.loads((home.parent / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    for name in ("current/units.csv", "current/actions.gpkg", "current/report.html"):
        content = (home.parent / name).read_bytes()
        assert entities[name]["sha256"] == hashlib.sha256(content).hexdigest()
    assert not [name for name in entities if "restricted" in name]


def test_geoparquet_and_geopackage_have_the_same_places(home, places):
    read = gpd.read_parquet(home / "handover" / "actions.parquet")
    assert read["id"].tolist() == places["id"].tolist()
    area = read.to_crs(places.crs).area.to_numpy()
    assert area == pytest.approx(places.area.to_numpy(), rel=1e-6, abs=1)


# ------------------------------------------------------------------------------ on paper


def test_each_unit_has_sheets_with_the_numbers_of_its_brief(home, places):
    units = plain_files.read_table(home / "units.csv")["unit"].tolist()
    books = {path.stem: PdfReader(path) for path in (home / "atlas" / "provinces").glob("*.pdf")}
    assert len(books) == len(units)
    assert len(PdfReader(home / "briefs.pdf").pages) >= len(units)
    page = (home / "briefs.html").read_text("utf-8")
    for unit in units:
        first = actions.foremost(places[places["unit"] == unit])
        rows = [f"<td>{i}</td><td>{html.escape(p)}<br>" for i, p in enumerate(first["place"], 1)]
        assert all(row in page for row in rows)
    for name, book in books.items():
        assert all("/VP" in page for page in book.pages), name
        pictures = list((home / "atlas" / "provinces").glob(f"{name}_*.png"))
        assert len(pictures) == len(book.pages)


def test_the_report_tells_each_layer_and_the_equations(home):
    page = (home / "report.html").read_text("utf-8")
    for layer in provenance.merge(map_tags.read_provenance(home / "value_at_risk.tif")).values():
        told = (html.escape(as_in_print(layer[key])) for key in ("title", "source"))
        assert all(text in page for text in told)
    assert "T = 1 − Π (1 − e)" in page
    assert len(PdfReader(home / "report.pdf").pages) > 2

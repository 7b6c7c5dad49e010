"""Another species is another model file: nothing of the Pallas's cat shows in its products."""

import re

import geopandas as gpd
import pandas as pd
import pytest
import rasterio
import yaml
from conftest import ROOT
from pypdf import PdfReader
from test_left_out import run

pytestmark = pytest.mark.workflow

REGION = """
model: {model}
region:
  name: voles
  title: Song-Kol
  crs: "+proj=laea +lat_0=41.6 +lon_0=75.5 +datum=WGS84 +units=m"
  cell_m: 1000
  bounds: [74.75, 41.25, 76.35, 42.0]
  units: provinces
as_of: 2025-10-01
layers:
  elevation: resources/tien_shan/elevation.tif
  roads: resources/tien_shan/roads.gpkg
  provinces: resources/tien_shan/provinces.gpkg
"""
OURS = re.compile(r"pallas|manul,|otocolobus|marmot|\bcats?\b|tien shan", re.IGNORECASE)


@pytest.fixture(scope="module")
def voles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voles")
    run(folder, yaml.safe_load(REGION.format(model=ROOT / "tests" / "snow_vole.yaml")))
    return folder / "results" / "voles" / "current"


def test_the_products_are_those_of_its_model(voles):
    assert {p.stem for p in voles.glob("maps/*.png")} == {
        "habitat", "threat", "chance_key", "chance_top", "dominant_threat", "threats",
        "value_at_risk", "key_habitat", "recommendations", "measure_habitat", "measure_threat",
    }  # fmt: skip
    units = pd.read_csv(voles / "units.csv")
    assert {"voles_low", "voles_high", "V1_km"} <= set(units)
    assert units["V1_count"].sum() == len(gpd.read_file(voles / "recommendations.gpkg", layer="V1"))
    with rasterio.open(voles / "threats" / "traffic.tif") as source:
        assert source.tags()["MANUL_SPECIES_STATUS"].startswith("Snow vole")
        assert 0.4 < source.statistics(1).max <= 0.5


def test_no_word_of_another_species_or_region_stands_in_its_products(voles):
    read = 0
    for path in voles.rglob("*"):
        if path.suffix in (".csv", ".html"):
            text = path.read_text(encoding="utf-8-sig")
        elif path.suffix == ".pdf":
            text = words_of(path)
        elif path.suffix == ".tif":
            with rasterio.open(path) as source:
                text = " ".join([*source.tags().values(), *filter(None, source.descriptions)])
        else:
            continue
        read += 1
        assert not OURS.search(text), (path.name, OURS.search(text))
    assert read > 15


def words_of(pdf) -> str:
    """The text of a PDF: what stands in brackets in the drawing of its pages."""
    out = []
    for page in PdfReader(pdf).pages:
        drawn = page.get_contents().get_data()
        out.append(b"".join(re.findall(rb"\((.*?)(?<!\\)\)", drawn, re.DOTALL)))
    return b" ".join(out).decode("latin-1")


def test_the_words_of_a_pdf_are_read(voles):
    text = words_of(voles / "maps" / "habitat.pdf")
    assert "snow vole" in text and "Song-Kol" in text

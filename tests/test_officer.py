"""What an officer gets of a run: places, workbook, briefs and files say the same."""

import openpyxl
import pandas as pd
import pyogrio
import pytest

from manul.grid import plain_files
from manul.products import actions
from manul.products.gains import Gains

pytestmark = pytest.mark.workflow


@pytest.fixture
def home(corner):
    return corner.results / "current"


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

"""The reader of field tables: dirty rows with their verdict, tables of cases, and fuzz."""

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from manul.records import field_tables
from manul.records.check import RecordsError, document, read_records
from manul.records.rules import RULES
from manul.records.table_files import read_table
from manul.records.text import instant
from manul.records.values import PARSERS, Context, synonyms

ROOT = Path(__file__).parents[2]
DATA = ROOT / "resources" / "tien_shan"
SCHEMAS = yaml.safe_load((ROOT / "workflow/schemas/records.yaml").read_text(encoding="utf-8"))
TODAY = dt.date(2026, 11, 23)
CONTEXT = Context(SCHEMAS, TODAY, (35, 25, 120, 56))
EVENTS, TRANSECTS = "rodenticide_event", "burrow_transect"
DIRTY = {EVENTS: "rodenticide_events.csv", TRANSECTS: "burrow_transects.csv"}

EVENT = {
    "event_id": "E1",
    "date_start": "2022-06-01",
    "soum": "At-Bashi",
    "lon": "76.2",
    "lat": "41.0",
    "compound": "bromadiolone",
    "area_treated_ha": "100",
}


def read(rows, table, **arguments):
    raw = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, dtype=object)
    return read_records(raw, table, SCHEMAS, TODAY, **arguments)


def event(**change):
    """The outcome of one rodenticide event with some cells changed (None leaves a column out)."""
    cells = {name: text for name, text in (EVENT | change).items() if text is not None}
    return read([cells], EVENTS)


def events(*changes):
    """The outcome of several events with different identifiers and areas far from each other."""
    rows = [{"event_id": f"E{i}", "area_treated_ha": f"{3**i}"} | c for i, c in enumerate(changes)]
    return read([EVENT | row for row in rows], EVENTS)


def holds(records, raw):
    """Rows in = rows accepted + rows rejected, no row in both."""
    accepted, rejected = set(records.accepted.index), set(records.rejected["row"])
    assert accepted | rejected == set(raw.index)
    assert not accepted & rejected
    assert len(records.accepted) == len(accepted)


# the dirty tables ---------------------------------------------------------------------------------


def dirty_rows():
    for table, name in DIRTY.items():
        raw = read_table(DATA / "dirty" / name)
        for row, expected in raw["expected"].items():
            yield pytest.param(table, row, expected, id=raw.loc[row].iloc[0])


@pytest.fixture(scope="module")
def dirty():
    return {table: read(read_table(DATA / "dirty" / name), table) for table, name in DIRTY.items()}


@pytest.mark.parametrize(("table", "row", "expected"), list(dirty_rows()))
def test_dirty_row_gets_its_verdict(dirty, table, row, expected):
    records = dirty[table]
    verdict = expected.split(":")[0]
    rejected = row in set(records.rejected["row"])
    changed = row in set(records.normalised["row"])
    assert rejected == (verdict == "reject")
    assert (row in records.accepted.index) != rejected
    # "becomes" is a change announced in an accepted row
    assert changed == (verdict == "normalise" or "becomes 3" in expected)
    if "flag" in verdict:
        assert records.accepted.loc[row, "flags"] != ""


# What a cell must become where it did not come from the clean row; the rest equals that row.
MENDED = {
    "DR005": {"compound": "bromadiolone"},
    "DR007": {"compound": "bromadiolone", "conc_ppm": 50.0},
    "DR008": {"compound": "zinc phosphide", "conc_ppm": 15000.0},
    "DR009": {"compound": "unknown", "conc_ppm": 50.0},
    "DR020": {"date_start": pd.Timestamp("2025-06-13")},
}


@pytest.mark.parametrize("table", DIRTY)
def test_normalised_rows_equal_the_clean_table(dirty, table):
    clean = read(read_table(DATA / DIRTY[table]), table).accepted
    fields = SCHEMAS["tables"][table]["fields"].keys() - {"event_id", "transect_id", "geom"}
    compared = 0
    for row, expected in dirty[table].accepted["expected"].items():
        mended = dirty[table].accepted.loc[row]
        base = twin(clean, mended, table)
        if not expected.startswith("normalise") or base is None:
            continue
        for name in fields:
            wanted = MENDED.get(mended.iloc[0], {}).get(name, base[name])
            assert equal(mended[name], wanted), f"row {row}, {name}: {mended[name]} not {wanted}"
        compared += 1
    assert compared == {EVENTS: 10, TRANSECTS: 4}[table]


def twin(clean, row, table):
    """The clean row a dirty row was made from, by the cells that were not damaged."""
    same = {EVENTS: ["bait_total_kg"], TRANSECTS: ["date", "length_m", "n_active"]}[table]
    hits = clean[(clean[same] == row[same]).all(axis=1)]
    if "lon_start" in clean:
        hits = hits[(hits["lon_start"] - row["lon_start"]).abs() < 1e-4]
    return hits.iloc[0] if len(hits) else None


def equal(found, wanted):
    if pd.isna(wanted):
        return pd.isna(found)
    if isinstance(wanted, float):
        return found == pytest.approx(wanted, abs=2e-5)  # 0.1 second of arc is 2.8e-5 degrees
    return found == wanted


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("rodenticide_events.csv", EVENTS),
        ("burrow_transects.csv", TRANSECTS),
        ("camps.csv", "camp"),
        ("manul_records.csv", "manul_record"),
    ],
)
def test_clean_tables_pass_untouched(name, table):
    raw = read_table(DATA / name)
    records = read(raw, table)
    assert len(records.accepted) == len(raw) > 0
    assert records.rejected.empty
    assert set(records.normalised["rule"]) == {"read as"}
    assert list(records.accepted["status"]) == ["illustrative"] * len(raw)


@pytest.mark.parametrize(
    ("text", "compound"),
    [
        ("БРОМАДИОЛОН", "bromadiolone"),
        ("敌鼠钠盐", "diphacinone"),
        ("zinc_phosphide", "zinc phosphide"),
        ("磷化锌", "zinc phosphide"),
        ("Klerat", "brodifacoum"),
        ("1080", "fluoroacetate (1080)"),
        ("C型肉毒素", "Clostridium botulinum C/D toxin"),
    ],
)
def test_compounds_by_any_name(text, compound):
    records = event(compound=text)
    assert records.accepted["compound"].item() == compound
    assert records.normalised[["value_found", "value_used"]].values.tolist() == [[text, compound]]
    assert records.accepted["flags"].item() == ""


def test_a_compound_not_on_the_list_becomes_unknown_with_a_flag():
    accepted = event(compound="dragon's blood").accepted
    assert accepted["compound"].item() == "unknown"
    assert accepted["flags"].item() == "compound not on the list"


@pytest.mark.parametrize(
    ("text", "value"), [("да", True), ("тийм", True), ("否", False), ("N", False)]
)
def test_yes_and_no(text, value):
    assert event(carcass_collected=text).accepted["carcass_collected"].tolist() == [value]


def test_unknown_stays_unknown():
    accepted = event(dose_kg_ha="n/a", carcass_collected="", conc_ppm=None).accepted
    assert accepted[["dose_kg_ha", "carcass_collected", "conc_ppm"]].isna().all(axis=None)


@pytest.mark.parametrize(("dose", "kept"), [("2,5", False), ("2.5", True), ("", True)])
def test_one_decimal_comma_makes_points_doubtful(dose, kept):
    rows = [{"area_treated_ha": "1.500"}, {"area_treated_ha": "90000", "dose_kg_ha": dose}]
    records = events(*rows)
    assert (0 in records.accepted.index) == kept
    assert set(records.rejected["field"]) == (set() if kept else {"area_treated_ha"})


# positions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lon", "lat", "verdict"),
    [
        ("76.2", "41.0", "accept"),
        ("41.0", "76.2", "swap"),
        ("41°N", "76.2°E", "swap"),
        ("45", "50", "accept"),  # both orders lie in the box: as it stands
        ("50°N", "45°E", "swap"),  # unless the letters tell
        ("41.0°E", "76.2°N", "reject"),  # the letters forbid the swap
        ("41°N", "42°N", "reject"),
        ("12.5", "41.9", "reject"),
        ("41.9", "12.5", "reject"),
        ("76.2", "", "reject"),
        ("76.2", "north", "reject"),
    ],
)
def test_swapped_coordinates(lon, lat, verdict):
    records = event(lon=lon, lat=lat)
    rules = set(records.normalised["rule"])
    assert len(records.accepted) == (verdict != "reject")
    assert ("longitude and latitude were swapped" in rules) == (verdict == "swap")
    if verdict == "swap":
        assert records.accepted["lon"].item() > records.accepted["lat"].item() - 10


@settings(deadline=None, max_examples=30)
@given(st.integers(42, 50), st.floats(-2.9, 2.9), st.floats(25.1, 55.9))
def test_utm_round_trip(zone, offset, lat):
    lon = min(6 * zone - 183 + offset, 119.9)
    to_utm = Transformer.from_crs(4326, 32600 + zone, always_xy=True)
    east, north = to_utm.transform(lon, lat)
    cells = {"easting": f"{east:.3f}", "northing": f"{north:.3f}", "zone": f"{zone}N"}
    found = event(lon=None, lat=None, **cells).accepted
    assert found["lon"].item() == pytest.approx(lon, abs=1e-6)
    assert found["lat"].item() == pytest.approx(lat, abs=1e-6)


def test_utm_in_the_columns_of_degrees_needs_a_zone():
    row = [EVENT | {"lon": "432000", "lat": "4540000"}]
    assert read(row, EVENTS).accepted.empty
    accepted = read(row, EVENTS, zone="43N").accepted
    assert 74 < accepted["lon"].item() < 76
    assert read(row, EVENTS, zone="33N").rejected["field"].tolist() == ["zone"]


@pytest.mark.parametrize(
    ("lon", "lat", "told"),
    [
        ("76.2", "4540000", "UTM 76.2 E 4.54e+06 N is not on the grid"),
        ("432000", "41", "in lat the position is outside"),
    ],
)
def test_half_a_position_in_metres_is_none(lon, lat, told):
    found = read([EVENT | {"lon": lon, "lat": lat}], EVENTS, zone="43N")
    assert found.accepted.empty and told in found.rejected["reason"].item()


def test_a_geometry_gives_the_position():
    outline = shapely.box(76, 41, 76.2, 41.2).wkt
    accepted = event(lon="", lat="", geom=outline).accepted
    assert (accepted["lon"].item(), accepted["lat"].item()) == pytest.approx((76.1, 41.1))
    assert accepted["flags"].item() == ""


TO_43N = Transformer.from_crs(4326, 32643, always_xy=True)


@pytest.mark.parametrize(
    ("lon", "more", "told"),
    [
        (76.2, {}, None),
        (76.22, {}, None),  # 1.7 km at 41 degrees north: 0.02 x 111.3 x cos 41
        (76.23, {}, "lon and lat lie 3 km from the place of easting and northing"),  # 2.5 km
        (76.23, {"zone": "?"}, None),  # of no zone, no second telling
        (74.2, {"zone": "42N"}, "lie 337 km from"),
    ],
)
def test_a_place_told_twice_is_one_place(lon, more, told):
    east, north = TO_43N.transform(76.2, 41.0)
    utm = {"easting": f"{east:.0f}", "northing": f"{north:.0f}", "zone": "43N"} | more
    found = event(lon=str(lon), **utm)
    assert len(found.accepted) == (told is None)
    if told:
        assert found.rejected["field"].tolist() == ["lon"]
        assert told in found.rejected["reason"].item()
    else:
        assert found.accepted["lon"].item() == lon


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#NAME?"])
@pytest.mark.parametrize("field", ["soum", "compound", "event_id"])
def test_an_error_of_a_spreadsheet_is_no_value(field, error):
    found = event(**{field: error})
    assert found.rejected["field"].tolist() == [field]
    assert "error of a spreadsheet" in found.rejected["reason"].item()


@pytest.mark.parametrize(("length", "kept", "flag"), [(8350, 1, 0), (1000, 1, 1), (800, 0, 0)])
def test_a_line_whose_ends_lie_ten_lengths_apart_is_a_slip(length, kept, flag):
    row = {"transect_id": "T1", "date": "2024-05-01", "length_m": str(length), "n_active": "3"}
    row |= {
        "n_inactive": "1",
        "lon_start": "76.2",
        "lat_start": "41.0",
        "lat_end": "41.0",
        "half_width_m": "10",
    }
    found = read([row | {"lon_end": "76.3"}], TRANSECTS)  # 8.4 km
    assert len(found.accepted) == kept
    if kept:
        assert ("length does not fit" in found.accepted["flags"].item()) == flag
    else:
        assert "the ends lie 8 km apart for a length of 800 m" in found.rejected["reason"].item()


@pytest.mark.parametrize(
    ("head", "cells", "kept"),
    [
        (["lon", "column 4", "lat", "column 6"], ["76", "12", "41", "30"], False),
        (["lon", "lat", "lon_min", "lat_min"], ["76", "41", "12", "30.5"], False),
        (["долгота", "широта", "долгота, мин"], ["76", "41", "12"], False),
        (["lon", "lat", "column 5"], ["76.2", "41.5", "12"], True),  # a number of something else
        (["lon", "lat", "column 5"], ["76", "41", "seen twice"], True),
        (["lon", "lat", "column 5"], ["76", "41", ""], True),
    ],
)
def test_minutes_in_a_column_of_their_own_are_not_lost(head, cells, kept):
    raw = pd.DataFrame([["E1", "2022-06-01", *cells, "bromadiolone"]])
    raw.columns = ["event_id", "date_start", *head, "compound"]
    found = read(raw, EVENTS)
    assert len(found.accepted) == kept
    assert found.rejected["reason"].str.contains("are these minutes?").any() == (not kept)


def test_a_place_that_is_none_leaves_its_row_to_another_telling():
    east, north = TO_43N.transform(76.2, 41.0)
    utm = {"easting": f"{east:.3f}", "northing": f"{north:.3f}", "zone": "43N"}
    found = event(lon="0", lat="0", **utm)
    assert found.accepted["lon"].item() == pytest.approx(76.2, abs=1e-6)
    assert "lon and lat are no place; that of easting and northing is used" in set(
        found.normalised["rule"]
    )
    assert found.accepted["flags"].item() == "lon and lat left aside"
    swapped = event(easting=utm["northing"], northing=utm["easting"], zone="43N")
    assert swapped.accepted["lon"].item() == 76.2
    assert any(swapped.normalised["rule"].str.startswith("easting and northing are no place"))


@pytest.mark.parametrize(("error", "kept"), [("", False), ("1000", False), ("9000", True)])
def test_two_places_of_a_record_may_lie_as_far_apart_as_its_error(error, kept):
    row = {"rec_id": "M1", "date": "2024-05-01", "category": "C1", "lon": "76.2", "lat": "41.0"}
    row |= {"geom": "POINT (76.3 41.0)", "coord_error_m": error}  # 8.4 km
    assert len(read([row], "manul_record").accepted) == kept


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_may_be_drawn_from_its_other_end(turned):
    ends = [(76.2, 41.0), (76.25, 41.0)]
    row = {
        "transect_id": "T1",
        "date": "2024-05-01",
        "length_m": "4200",
        "n_active": "3",
        "half_width_m": "10",
    }
    row |= {
        "n_inactive": "1",
        "lon_start": "76.2",
        "lat_start": "41.0",
        "lon_end": "76.25",
        "lat_end": "41.0",
    }
    row["geom"] = shapely.LineString(ends[::-1] if turned else ends).wkt
    found = read([row], TRANSECTS)
    assert "place" not in " ".join(found.rejected["reason"])
    assert len(read([row | {"lon_start": "76.4"}], TRANSECTS).accepted) == 0


@pytest.mark.parametrize(
    ("geom", "kept"),
    [
        (shapely.box(76.0, 40.9, 76.1, 41.1), False), (shapely.box(76.0, 40.9, 76.19, 41.1), True),
        (shapely.box(75.0, 40.0, 77.0, 41.1), True),
    ],
)  # fmt: skip
def test_a_place_lies_in_or_near_the_outline_of_its_row(geom, kept):
    found = event(geom=geom.wkt)
    assert len(found.accepted) == kept
    if not kept:
        assert "lie 8 km from the place of geom" in found.rejected["reason"].item()


def test_a_swapped_outline_is_turned():
    records = event(geom=shapely.box(41, 76, 41.2, 76.2).wkt)
    assert records.accepted["geom"].item().bounds == (76, 41, 76.2, 41.2)
    assert "geom" in set(records.normalised["field"])


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON ((76 41",
        "LINESTRING (76 41, 77 42)",
        "MULTIPOINT (76 41, 77 42)",
        "POLYGON EMPTY",
        "POLYGON ((76 41, 77 42, 77 41, 76 42, 76 41))",
        "POINT (5 5)",
        "POLYGON ((119 50, 121 50, 121 51, 119 51, 119 50))",  # half outside
        "POINT (nan nan)",
        "hill",
    ],
)
def test_bad_geometry_is_rejected(wkt):
    assert set(event(geom=wkt).rejected["field"]) == {"geom"}


@pytest.mark.parametrize(
    ("wkt", "kept"),
    [
        ("MULTIPOINT (76.1 41.5)", "POINT (76.1 41.5)"),
        ("GEOMETRYCOLLECTION (POINT (76.1 41.5))", "POINT (76.1 41.5)"),
        ("MULTIPOINT (76.1 41.5, 76.2 41.5)", None),
        ("POINT (76.1 41.5)", "POINT (76.1 41.5)"),
    ],
)
def test_a_shape_of_one_part_is_that_part(wkt, kept):
    records = read([{"id": "A", "geom": wkt}], "camp")
    assert [shape.wkt for shape in records.accepted["geom"]] == ([kept] if kept else [])
    if kept is None:
        assert "MultiPoint of 2 parts" in records.rejected["reason"].item()


def test_lines_in_parts_that_join_are_one_line():
    raw = read_table(DATA / "burrow_transects.csv").iloc[[0, 0]].reset_index(drop=True)
    parts = ["MULTILINESTRING ((75.36 41.74, 75.365 41.738), (75.365 41.738, 75.371 41.736))"]
    parts += ["MULTILINESTRING ((75.36 41.74, 75.365 41.738), (75.366 41.738, 75.371 41.736))"]
    ends = ["lon_start", "lat_start", "lon_end", "lat_end"]
    records = read(raw.drop(columns=ends).assign(geom=parts), TRANSECTS)
    assert records.accepted[ends].values.tolist() == [[75.36, 41.74, 75.371, 41.736]]
    assert records.rejected["field"].tolist() == ["geom"]


def test_only_a_soum_is_diffuse():
    accepted = event(lon="", lat="", confidence="1").accepted
    assert accepted["flags"].item() == "diffuse"
    assert accepted["confidence"].item() == 3
    assert accepted[["lon", "lat"]].isna().all(axis=None)


def test_a_transect_takes_its_ends_from_a_line():
    raw = read_table(DATA / "burrow_transects.csv").iloc[:1]
    line = raw.drop(columns=["lon_start", "lat_start", "lon_end", "lat_end"])
    line = line.assign(geom="LINESTRING (75.3604 41.74, 75.365 41.738, 75.37122 41.73604)")
    ends = ["lon_start", "lat_start", "lon_end", "lat_end"]
    pd.testing.assert_frame_equal(
        read(line, TRANSECTS).accepted[ends], read(raw, TRANSECTS).accepted[ends]
    )


# ranges and rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("conc_ppm", ["5", "20000"], ["4.9", "20001"]),
        ("dose_kg_ha", ["0.1", "50"], ["0", "-2", "50.1"]),
        ("coverage_frac", ["0", "1", "70 %"], ["1.1", "70"]),
        ("confidence", ["1", "3"], ["0", "4", "1.5"]),
        ("area_treated_ha", ["0.1"], ["0", "wide"]),
        ("date_end", ["2022-06-01"], ["2022-05-31", "2071-01-01"]),
        ("method", ["aerial", "вручную"], ["telepathy"]),
        ("compound", ["unknown"], ["", " ", "-"]),
        ("event_id", ["7"], [""]),
    ],
)
def test_ranges(field, good, bad):
    for text in good:
        assert event(**{field: text}).rejected.empty, text
    for text in bad:
        rejected = event(**{field: text}).rejected
        assert rejected["field"].tolist() == [field], text
        assert rejected["reason"].str.fullmatch(r"Found .*; .*\.").all()


def test_a_reason_says_found_expected_and_how_to_mend():
    reason = event(conc_ppm="250000").rejected["reason"].item()
    assert reason == (
        "Found '250000' in conc_ppm; expected at least 5 and at most 20000 ppm;"
        " check the unit and correct the value."
    )


def test_all_problems_of_a_row_are_told():
    rejected = event(conc_ppm="1", dose_kg_ha="99", compound="").rejected
    assert set(rejected["field"]) == {"conc_ppm", "dose_kg_ha", "compound"}


def test_second_reports_are_measured_from_the_kept_one():
    area = {"area_treated_ha": "100"}
    days = ["2022-06-01", "2022-06-07", "2022-06-12"]
    records = events(*({"date_start": day} | area for day in days))
    # the third is 5 days after the second, but 11 after the first, which was kept
    assert records.rejected["row"].tolist() == [1]
    assert "row 0 (E0)" in records.rejected["reason"].item()


@pytest.mark.parametrize(
    ("change", "twice"),
    [
        ({"date_start": "2022-06-08"}, True),
        ({"date_start": "2022-06-09"}, False),
        ({"area_treated_ha": "105"}, True),
        ({"area_treated_ha": "95"}, True),
        ({"area_treated_ha": "106"}, False),
        ({"soum": "at bashi"}, True),
        ({"soum": "Naryn"}, False),
        ({"area_treated_ha": ""}, False),
    ],
)
def test_second_report(change, twice):
    area = {"area_treated_ha": "100"}
    assert (len(events(area, area | change).rejected) == 1) == twice


def test_a_rejected_row_hides_no_later_one():
    records = events({"event_id": "A", "dose_kg_ha": "99"}, {"event_id": "A"}, {"event_id": "A"})
    assert records.rejected["row"].tolist() == [0, 2]
    assert "row 1 (A)" in records.rejected["reason"].iloc[1]


def test_identical_burrows_of_a_transect_are_kept_with_a_flag():
    burrow = {"transect_id": "T1", "perp_dist_m": "5", "status": "active"}
    records = read([burrow, burrow], "burrow_obs")
    assert records.accepted["flags"].tolist() == ["", "repeats row 0"]


def test_an_area_larger_than_its_soum_is_flagged():
    known = {"at-bashi": 90.0}
    accepted = read([EVENT], EVENTS, place_area_ha=known).accepted
    assert accepted["flags"].item() == "area larger than the soum"
    assert event().accepted["flags"].item() == ""


@pytest.mark.parametrize(
    ("length", "flagged"), [("1000", False), ("1990", False), ("2100", True), ("490", True)]
)
def test_length_against_the_end_points(length, flagged):
    raw = read_table(DATA / "burrow_transects.csv").iloc[:1].assign(length_m=length)
    assert (read(raw, TRANSECTS).accepted["flags"].item() != "") == flagged


# headers and tables -------------------------------------------------------------------------------


def test_headers_by_other_names_are_logged():
    names = {"lon": "Долгота", "lat": " Latitude", "area_treated_ha": "area_mu", "soum": "SOUM"}
    records = read([{names.get(k, k): v for k, v in EVENT.items()}], EVENTS)
    assert records.accepted["area_treated_ha"].item() == pytest.approx(100 / 15)
    assert records.accepted["lon"].item() == 76.2
    logged = records.normalised.query("row == 'header'").set_index("value_found")["value_used"]
    assert logged.to_dict() == {name: field for field, name in names.items()}


def test_extra_and_repeated_columns_are_kept():
    raw = pd.DataFrame([[*EVENT.values(), "a", "b", "c", "77"]], dtype=object)
    raw.columns = [*EVENT, "flags", "herd", "herd", "lon"]
    accepted = read(raw, EVENTS).accepted
    kept = accepted[["flags (2)", "herd", "herd (2)", "lon (2)"]].iloc[0].tolist()
    assert kept == ["a", "b", "c", "77"]
    assert accepted["lon"].item() == 76.2


def test_names_that_a_geopackage_cannot_hold_are_changed(tmp_path):
    """As QGIS exports them: `fid` and `geom` are its own, and case does not tell names apart."""
    row = {"id": "C1", "season": "winter", "lon": "76.1", "lat": "41.5", "geom": ""}
    more = {"fid": "7", "FID": "7", "ID": "8", "LON": "9", "Row": "1", "Geometry": "x", "Dogs": "2"}
    found = read([row | more | {"herd": "a", "Herd": "b"}], "camp")
    names = [name.lower() for name in found.accepted.columns]
    assert len(set(names)) == len(names) and not {"fid", "row", "geometry"} & set(names)
    assert found.accepted[["ID (2)", "LON (2)", "Herd (2)"]].iloc[0].tolist() == ["8", "9", "b"]
    assert found.accepted["dogs"].tolist() == [2]
    features = field_tables.features(found, {"table": "camp"})
    features.to_file(tmp_path / "camp.gpkg")
    assert len(gpd.read_file(tmp_path / "camp.gpkg")) == 1


def test_a_synonym_never_takes_the_place_of_the_field():
    records = read([{"X": "99"} | EVENT], EVENTS)
    assert records.accepted[["lon", "X"]].iloc[0].tolist() == [76.2, "99"]


@pytest.mark.parametrize("missing", ["compound", "event_id", "date_start"])
def test_a_missing_column_is_named(missing):
    with pytest.raises(RecordsError, match=rf"needs a column '{missing}'.*found: .*lon"):
        event(**{missing: None})


def test_a_missing_position_is_named():
    camp = {"id": "C1", "lat": "41"}
    with pytest.raises(RecordsError, match="needs a column 'lon'"):
        read([camp], "camp")


def test_an_unknown_table_lists_the_known():
    with pytest.raises(RecordsError, match=r"no table 'cats'.*manul_record"):
        read([EVENT], "cats")


def test_rows_need_their_own_label():
    with pytest.raises(RecordsError, match="labelled 4"):
        read(pd.DataFrame([EVENT, EVENT], index=[4, 4]), EVENTS)


def test_types_of_an_empty_and_a_full_table_agree():
    full = read_table(DATA / "rodenticide_events.csv")
    types = read(full, EVENTS).accepted.dtypes.drop("status")
    pd.testing.assert_series_equal(read(full[:0], EVENTS).accepted.dtypes.drop("status"), types)
    assert types["date_start"] == "datetime64[ns]"
    assert types["lon"] == types["conc_ppm"] == "float64"


# the schemas --------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", SCHEMAS["tables"])
def test_schemas_name_only_what_exists(table):
    spec = SCHEMAS["tables"][table]
    for name, field in spec["fields"].items():
        assert field["type"] in PARSERS, name
        assert field.get("list", "compound") in SCHEMAS["lists"], name
        assert field["description"], name
    assert {rule["rule"] for rule in spec["rules"]} <= set(RULES)


@pytest.mark.parametrize("name", SCHEMAS["lists"])
def test_a_synonym_has_one_meaning(name):
    names = SCHEMAS["lists"][name]
    meanings = synonyms(names)
    for value, words in names.items():
        assert all(isinstance(word, str) for word in [value, *words])
        assert {meanings[key] for key in synonyms({value: words})} == {value}


@pytest.mark.parametrize("table", SCHEMAS["tables"])
def test_a_header_has_one_meaning(table):
    fields = set(SCHEMAS["tables"][table]["fields"])
    words = {f: w for f, w in SCHEMAS["headers"].items() if f in fields}
    meanings = synonyms(words | {f: [] for f in fields - set(words)})
    assert {meanings[key] for key in meanings} == fields


def test_each_compound_has_a_hazard_class():
    assert set(SCHEMAS["classes"]["compound"]) == set(SCHEMAS["lists"]["compound"])


def test_the_page_names_all_fields_and_lists():
    page = document(SCHEMAS)
    for table, spec in SCHEMAS["tables"].items():
        assert f"## {table}\n" in page
        assert all(f"| `{name}`" in page for name in spec["fields"])
    assert all(f"### {name}\n" in page for name in SCHEMAS["lists"])
    assert "| `conc_ppm` | number | ppm | at least 5 and at most 20000 ppm |" in page


# fuzz ---------------------------------------------------------------------------------------------

WILD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "75.1", "41.5", "2021-07-15", "15 mu", "bromadiolone", "POINT (75 41)"]),
    st.sampled_from(["1e400", "9" * 400, "0." + "1" * 5000, "-0", "١٢", "75°", "\x00", "\ud800"]),
    st.floats().map(str),
    st.dates().map(str),
    st.binary(max_size=8).map(lambda data: data.decode("latin-1")),
    st.none(),
)


@settings(deadline=None, max_examples=15)
@pytest.mark.parametrize("table", SCHEMAS["tables"])
@given(data=st.data())
def test_wild_tables_never_crash_nor_lose_a_row(table, data):
    fields = list(SCHEMAS["tables"][table]["fields"])
    names = [*fields, "easting", "northing", "zone", "flags", "other"]
    rows = data.draw(st.lists(st.lists(WILD, min_size=len(names), max_size=len(names)), max_size=4))
    raw = pd.DataFrame(rows, columns=names, dtype=object)
    records = read(raw, table)
    holds(records, raw)
    assert {*fields, "other", "flags (2)", "flags"} <= set(records.accepted.columns)


def test_darwin_core_as_gbif_gives_it():
    row = {
        "gbifID": "77",
        "eventDate": "2021-02-03",
        "decimalLongitude": "77.5",
        "decimalLatitude": "41.9",
        "coordinateUncertaintyInMeters": "250",
        "basisOfRecord": "MACHINE_OBSERVATION",
        "occurrenceStatus": "PRESENT",
        "individualCount": "2",
        "datasetKey": "kept as it came",
    }
    raw = pd.DataFrame([row, row | {"gbifID": "78", "eventDate": "2071-01-01"}], dtype=object)
    found = read(raw, "occurrence")
    holds(found, raw)
    kept = found.accepted.iloc[0]
    assert (kept["basis_of_record"], kept["occurrence_status"]) == (
        "machine_observation",
        "present",
    )
    assert (kept["lon"], kept["lat"], kept["coord_error_m"]) == (77.5, 41.9, 250)
    assert kept["datasetKey"] == "kept as it came"
    assert found.rejected["field"].tolist() == ["date"]


OCCURRENCE = {
    "gbifID": "1",
    "eventDate": "2021-02-03",
    "decimalLongitude": "77.5",
    "decimalLatitude": "41.9",
    "basisOfRecord": "HUMAN_OBSERVATION",
}


@pytest.mark.parametrize(
    ("basis", "kept"),
    [
        ("HUMAN_OBSERVATION", "human_observation"),
        ("HumanObservation", "human_observation"),
        ("MACHINE_OBSERVATION", "machine_observation"),
        ("MachineObservation", "machine_observation"),
        ("PRESERVED_SPECIMEN", "preserved_specimen"),
        ("LIVING_SPECIMEN", "living_specimen"),
        ("LivingSpecimen", "living_specimen"),
        ("FOSSIL_SPECIMEN", "fossil_specimen"),
        ("FossilSpecimen", "fossil_specimen"),
        ("MATERIAL_SAMPLE", "material_sample"),
        ("MATERIAL_CITATION", "material_citation"),
        ("MaterialCitation", "material_citation"),
        ("MATERIAL_ENTITY", "material_entity"),
        ("OBSERVATION", "human_observation"),
        ("OCCURRENCE", "occurrence"),
    ],
)
def test_each_basis_of_record_in_both_spellings(basis, kept):
    found = read([OCCURRENCE | {"basisOfRecord": basis}], "occurrence")
    assert found.accepted["basis_of_record"].tolist() == [kept]


@pytest.mark.parametrize(
    ("text", "day", "flag"),
    [
        ("2021", "2021-01-01", "date first day of a period"),
        ("2021-05", "2021-05-01", "date first day of a period"),
        ("2021-05-03/2021-06-01", "2021-05-03", "date first day of a period"),
        ("2021-05/2021-06", "2021-05-01", "date first day of a period"),
        ("2020/2021", "2020-01-01", "date first day of a period"),
        ("2021/5/3", "2021-05-03", ""),
        ("13/04/2021", "2021-04-13", ""),
        ("2021-05-03T01:00/2021-05-03T04:00", "2021-05-03", ""),
        ("2021-05-03T01:00:00", "2021-05-03", ""),
        ("2021-13", None, ""),
        ("2027", None, ""),
        ("0000", None, ""),
    ],
)
def test_a_year_a_month_or_a_period_is_its_first_day_with_a_flag(text, day, flag):
    found = read([OCCURRENCE | {"eventDate": text}], "occurrence")
    assert [str(date.date()) for date in found.accepted["date"]] == ([day] if day else [])
    assert found.accepted["flags"].tolist() == ([flag] if day else [])


@pytest.mark.parametrize(
    ("error", "kept"), [("100000", 1), ("100001", 0), ("301000", 0), ("-1", 0)]
)
def test_the_error_of_a_position_has_bounds(error, kept):
    found = read([OCCURRENCE | {"coordinateUncertaintyInMeters": error}], "occurrence")
    assert len(found.accepted) == kept


@pytest.mark.parametrize("table", ["manul_record", "occurrence"])
def test_two_records_at_one_place_on_one_day_are_kept_with_a_flag(table):
    cat = {"rec_id": "1", "date": "2021-02-03", "lon": "77.5", "lat": "41.9", "category": "C1"}
    first, name = (cat, "rec_id") if table == "manul_record" else (OCCURRENCE, "gbifID")
    found = read([first, first | {name: "2"}, first | {name: "2"}], table)
    assert found.accepted["flags"].tolist() == ["", "repeats row 0"]
    assert found.rejected["row"].tolist() == [2]  # the identifier itself repeats


INATURALIST = {
    "id": "77",
    "observed_on": "2021-02-03",
    "latitude": "41.9",
    "longitude": "77.5",
    "positional_accuracy": "10",
    "public_positional_accuracy": "27500",
    "coordinates_obscured": "true",
    "captive_cultivated": "false",
    "user_login": "aida",
    "quality_grade": "research",
}


@pytest.mark.parametrize(
    ("change", "error", "flag"),
    [
        ({}, 28000, "position obscured"),
        ({"public_positional_accuracy": "", "positional_accuracy": ""}, 28000, "position obscured"),
        ({"public_positional_accuracy": "31000"}, 31000, "position obscured"),
        ({"coordinates_obscured": "false"}, 27500, ""),
        ({"coordinates_obscured": "false", "public_positional_accuracy": ""}, 10, ""),
        ({"coordinates_obscured": "", "positional_accuracy": "", "public_positional_accuracy": ""},
         None, ""),
    ],
)  # fmt: skip
def test_an_obscured_position_keeps_its_error(change, error, flag):
    found = read([INATURALIST | change], "occurrence").accepted.iloc[0]
    assert (found["occurrence_id"], found["observer"], found["captive"]) == ("77", "aida", False)
    assert found["flags"] == flag
    assert pd.isna(found["coord_error_m"]) if error is None else found["coord_error_m"] == error


def test_an_error_that_is_no_number_is_told_whatever_the_others_say():
    found = read([INATURALIST | {"public_positional_accuracy": "far"}], "occurrence")
    assert found.rejected["field"].tolist() == ["coord_error_m"]


def test_movebank_as_it_is_exported():
    row = {
        "event-id": "9001",
        "visible": "true",
        "timestamp": "2021-02-03 04:00:01.000",
        "location-long": "77.5",
        "location-lat": "41.9",
        "sensor-type": "gps",
        "individual-taxon-canonical-name": "Otocolobus manul",
    }
    found = read([row, row | {"event-id": "9002", "visible": "false"}], "occurrence")
    kept = found.accepted.iloc[0]
    assert (kept["occurrence_id"], kept["lon"], kept["lat"]) == ("9001", 77.5, 41.9)
    assert (str(kept["date"].date()), kept["basis_of_record"]) == (
        "2021-02-03",
        "machine_observation",
    )
    assert found.rejected["field"].tolist() == ["visible"]


@pytest.mark.parametrize(
    ("numbers", "wkt"),
    [
        ([76.0, 41.0], "POINT (76 41)"),
        ([76.0, 41.0, 77.0, 42.0], "LINESTRING (76 41, 77 42)"),
        ([76.0, None], None),
        ([76.0, 41.0, 77.0, None], None),
    ],
)
def test_a_place_is_a_point_or_a_line_and_unknown_where_a_number_is(numbers, wkt):
    (place,) = field_tables._places(np.array([numbers], "float64"))
    assert (place and place.wkt) == wkt


def test_an_animal_dies_once_and_is_not_watched_after(tmp_path):
    def row(animal, start, end, died):
        return {"animal": animal, "stage": "adult", "date_entry": start, "date_exit": end,
                "died": died}  # fmt: skip

    found = read(
        [
            row("A", "2019-01-01", "2020-01-01", "n"),
            row("A", "2020-01-01", "2021-01-01", "y"),
            row("A", "2020-06-01", "2021-06-01", "y"),
            row("a", "2021-02-01", "2021-03-01", "n"),
            row("B", "2021-02-01", "2021-03-01", "y"),
        ],
        "fate",
    )
    assert found.accepted["animal"].tolist() == ["A", "A", "B"]
    told = found.rejected.set_index("row")["reason"]
    assert "says so too; it can be in one row alone" in told.iloc[0]
    assert "it begins after died of" in told.iloc[1] and "2021-01-01" in told.iloc[1]


@pytest.mark.parametrize("offset", ["+06", "+0600", "+06:00"])
def test_an_offset_of_whole_hours_needs_no_minutes(offset):
    found, rule = instant(f"2021-05-03 08:30:00{offset}", dt.date(2022, 1, 1))
    assert (found.isoformat(), rule) == ("2021-05-03T02:30:00+00:00", "")

"""Field tables in CSV of any encoding and separator, XLSX and GeoPackage; fuzzed bytes."""

import datetime as dt
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.records.check import RecordsError, read_records
from manul.records.table_files import parse_csv, read_table

ROOT = Path(__file__).parents[2]
SCHEMAS = yaml.safe_load((ROOT / "workflow/schemas/records.yaml").read_text(encoding="utf-8"))
EVENTS = "rodenticide_event"
EVENT = {
    "event_id": "E1",
    "date_start": "2022-06-01",
    "soum": "At-Bashi",
    "lon": "76.2",
    "lat": "41.0",
    "compound": "bromadiolone",
    "area_treated_ha": "100",
}


def read(raw, table):
    return read_records(raw, table, SCHEMAS, dt.date(2026, 11, 23))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=9), max_size=5),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251", "gb18030"]),
    st.sampled_from([",", ";", "\t"]),
    st.binary(max_size=20),
)
def test_wild_files_never_crash_nor_lose_a_row(rows, encoding, separator, tail):
    lines = [separator.join(cells) for cells in [list(EVENT), list(EVENT.values()), *rows]]
    data = "\n".join(lines).encode(encoding, errors="replace") + tail
    try:
        raw = parse_csv(data)
        records = read(raw, EVENTS)
    except RecordsError as error:
        assert str(error).endswith(".")
    else:
        accepted, rejected = set(records.accepted.index), set(records.rejected["row"])
        assert accepted | rejected == set(raw.index)
        assert not accepted & rejected


CYRILLIC = EVENT | {"soum": "Ат-Башы", "compound": "Бромадиолон", "notes": "в норы, у реки"}
CHINESE = EVENT | {"soum": "温宿县", "compound": "溴敌隆", "notes": "人工撒施, 草原"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("cells", "encoding"),
    [(CYRILLIC, "cp1251"), (CHINESE, "gb18030")]
    + [(cells, e) for cells in (CYRILLIC, CHINESE) for e in ("utf-8", "utf-8-sig", "utf-16")]
    + [(CYRILLIC, "utf-16-le"), (CHINESE, "utf-16-be")],
)
def test_csv_of_any_encoding_and_separator(tmp_path, cells, encoding, separator):
    path = tmp_path / "events.csv"
    pd.DataFrame([cells]).to_csv(path, index=False, sep=separator, encoding=encoding)
    raw = read_table(path)
    assert raw.loc[2].to_dict() == cells
    assert raw.attrs["read_as"] == {"encoding": encoding, "separator": separator}
    accepted = read(raw, EVENTS).accepted
    assert accepted["compound"].item() == "bromadiolone"


def test_a_text_that_may_be_russian_or_chinese_is_not_guessed():
    with pytest.raises(RecordsError, match="any of cp1251, gb18030"):
        parse_csv("soum\n温宿\n".encode("gb18030"))


def test_rows_are_counted_by_line():
    raw = parse_csv(b'a,b\n\n1,"x\ny"\n,\n2,z\n')
    assert raw["a"].to_dict() == {3: "1", 6: "2"}


def test_cells_beyond_the_header_reject_the_row():
    header, values = ",".join(EVENT), ",".join(EVENT.values())
    shifted = values.replace("76.2,41.0", "76,2,41,0")
    records = read(parse_csv(f"{header}\n{values}\n{shifted}\n".encode()), EVENTS)
    assert records.accepted.index.tolist() == [2]
    assert set(records.rejected["row"]) == {3}
    assert "more cells than the header" in " ".join(records.rejected["reason"])


@pytest.mark.parametrize("data", [b"", b"\n\n", b'a,b\n"1,2\n3,4\n', b"a\xff\x98,b\xff"])
def test_files_that_are_no_table_say_why(data):
    with pytest.raises(RecordsError, match=r"expected|save it as UTF-8"):
        parse_csv(data)


def test_xlsx_with_dates_and_numbers(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([*EVENT, "carcass_collected"])
    sheet.append([None])
    typed = EVENT | {"date_start": dt.datetime(2022, 6, 1), "lon": 76.2, "area_treated_ha": 100}
    sheet.append([*typed.values(), True])
    book.save(tmp_path / "events.xlsx")
    raw = read_table(tmp_path / "events.xlsx")
    records = read(raw, EVENTS)
    assert raw.loc[3].to_dict() == EVENT | {"carcass_collected": "True"}
    assert records.accepted["carcass_collected"].tolist() == [True]


def test_geopackage_layer_in_utm(tmp_path):
    path = tmp_path / "field.gpkg"
    points = gpd.GeoDataFrame(
        {"id": ["C1", "C2"], "dogs": [3, None]},
        geometry=[shapely.Point(76.2, 41), shapely.Point(77, 42)],
        crs=4326,
    )
    points.to_crs(32643).to_file(path, layer="camp")
    records = read(read_table(path), "camp")
    assert records.accepted["lon"].tolist() == pytest.approx([76.2, 77], abs=1e-7)
    assert records.accepted["lat"].tolist() == pytest.approx([41, 42], abs=1e-7)
    assert records.accepted["dogs"].fillna(-1).tolist() == [3, -1]
    assert records.accepted.index.tolist() == [1, 2]


def test_a_layer_must_be_named_where_there_are_several(tmp_path):
    path = tmp_path / "field.gpkg"
    frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(76, 41)], crs=4326)
    frame.to_file(path, layer="camp")
    frame.to_file(path, layer="mine")
    with pytest.raises(RecordsError, match="camp, mine"):
        read_table(path)
    assert read(read_table(path, "mine"), "mine").accepted["id"].tolist() == ["a"]


@pytest.mark.parametrize("name", ["broken.xlsx", "broken.gpkg", "table.pdf"])
def test_broken_files_say_so(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a table")
    with pytest.raises(RecordsError, match=name.split(".")[0]):
        read_table(tmp_path / name)

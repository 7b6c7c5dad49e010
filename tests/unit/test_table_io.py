"""Field tables in CSV of any encoding and separator, XLSX and GeoPackage; fuzzed bytes."""

import datetime as dt
import gzip
import zipfile
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.records import field_tables, limits
from manul.records.check import PROBLEM, RecordsError, header_names, read_records
from manul.records.table_files import Wanted, parse_csv, read_table

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
TRADITIONAL = EVENT | {"soum": "溫宿縣", "compound": "溴敵隆", "notes": "新疆維吾爾自治區"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("cells", "encoding"),
    [(CYRILLIC, "cp1251"), (CYRILLIC, "koi8-r"), (CYRILLIC, "cp866")]
    + [
        (CHINESE, "gb18030"),
        (TRADITIONAL, "big5"),
    ]
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
    with pytest.raises(RecordsError, match="any of cp1251, koi8-r, gb18030; save it as UTF-8, or"):
        parse_csv("soum\n温宿\n".encode("gb18030"))


@pytest.mark.parametrize("encoding", ["cp1254", "koi8-r", "cp1252"])
def test_an_encoding_that_is_not_sure_is_asked_for(tmp_path, encoding):
    text = "soum\nIğdır, Ağrı\n" if encoding == "cp1254" else "soum\nда, ус\n"
    text = "soum\nZürich, Genève\n" if encoding == "cp1252" else text
    path = tmp_path / "camps.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(RecordsError, match="name its encoding with the key `encoding`"):
        read_table(path)
    raw = read_table(path, Wanted(encoding=encoding))
    assert raw["soum"].tolist() == [text.split("\n")[1].split(",")[0]]
    assert raw.attrs["read_as"]["encoding"] == encoding


@pytest.mark.parametrize(
    ("encoding", "why"), [("klingon", "no encoding 'klingon'"), ("ascii", "Line 2 is not in ascii")]
)
def test_a_wrong_key_encoding_is_told(encoding, why):
    with pytest.raises(RecordsError, match=why):
        parse_csv("soum\nНарын\n".encode(), encoding)


# quotation marks ----------------------------------------------------------------------------------


def test_text_between_tabs_is_never_quoted():
    rows = ['1\t"upper Naryn\t41.5', "2\tNaryn\t41.6", '3\tlower Naryn"\t41.7', '4\t"a" b\t41.8']
    raw = parse_csv("\n".join(["id\tplace\tlat", *rows]).encode())
    assert raw["lat"].tolist() == ["41.5", "41.6", "41.7", "41.8"]
    assert raw["place"].tolist() == ['"upper Naryn', "Naryn", 'lower Naryn"', '"a" b']
    assert PROBLEM not in raw


def test_marks_around_a_tab_move_no_cell():
    raw = parse_csv(b'id\tplace\tlat\n1\t"a\t41"\n2\t"x"\t42\n')
    assert raw["place"].tolist() == ['"a', "x"]
    assert raw["lat"].tolist() == ['41"', "42"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_mark_that_is_not_closed_takes_no_other_row_with_it(separator):
    rows = ['1,"upper Naryn,41.5', "2,Naryn,41.6", '3,lower Naryn",41.7', '4,"a, b",41.8']
    text = "\n".join(["id,place,lat", *rows]).replace(",", separator)
    raw = parse_csv(text.encode())
    assert raw.index.tolist() == [2, 3, 4, 5]
    assert [bool(wrong) for wrong in raw[PROBLEM]] == [True, False, False, False]
    assert raw["lat"].tolist()[1:] == ["41.6", "41.7", "41.8"]


def test_a_row_with_a_lone_mark_is_rejected_with_its_reason():
    header, values = ",".join(EVENT), ",".join(EVENT.values())
    records = read(parse_csv(f'{header}\n{values}\n"{values}\n'.encode()), EVENTS)
    assert records.accepted.index.tolist() == [2]
    assert records.rejected["row"].unique().tolist() == [3]
    assert "a quotation mark is not closed" in " ".join(records.rejected["reason"])


CELL = st.text(st.sampled_from(["a", "7", '"', "'", "я", "狲", " ", "."]), max_size=5)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(CELL, min_size=7, max_size=7), min_size=1, max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_stray_marks_never_lose_a_row(rows, encoding, separator, newline):
    """No cell holds a separator or a new line, so each line is a row, whatever its marks."""
    lines = [separator.join(["x" if i == 0 else c for i, c in enumerate(row)]) for row in rows]
    text = newline.join([separator.join(EVENT), *lines])
    told = encoding if encoding == "gb18030" else ""
    raw = parse_csv(text.encode(encoding), told)
    records = read(raw, EVENTS)
    accepted, rejected = set(records.accepted.index), set(records.rejected["row"])
    assert sorted(accepted | rejected) == list(range(2, len(rows) + 2))
    assert not accepted & rejected


# lines above the names ----------------------------------------------------------------------------

CAMPS = header_names("camp", SCHEMAS)


@pytest.mark.parametrize(
    ("above", "separator"),
    [
        ("sep=;\n", ";"),
        ("sep=,\n", ","),
        ('"sep=;"\n', ";"),
        ("Camps of Naryn, summer 2023\n\n", ";"),
        ("Учёт стоянок;;;\nсоставил: Бек, 2023;;;\n", ";"),
        ("sep=\t\nCamps\n", "\t"),
    ],
)
def test_lines_above_the_names_of_the_columns(tmp_path, above, separator):
    path = tmp_path / "camps.csv"
    body = "id;lon;lat;dogs\nA;76.1;41.5;2\n".replace(";", separator)
    path.write_text(above + body, encoding="utf-8")
    raw = read_table(path, Wanted(known=CAMPS))
    number = above.count("\n") + 2
    assert raw.loc[number].to_dict() == {"id": "A", "lon": "76.1", "lat": "41.5", "dogs": "2"}
    assert raw.attrs["read_as"]["names of the columns"] == f"row {number - 1}"
    assert read(raw, "camp").accepted["dogs"].tolist() == [2]


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


@pytest.mark.parametrize("data", [b"", b"\n\n", b'"a,b\n1,2\n3,4\n', b"a\xff\x98,b\xff"])
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


# workbooks ----------------------------------------------------------------------------------------


def workbook(path, *sheets):
    """A workbook of (name, rows)."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


CAMP_ROWS = [["id", "lon", "lat", "dogs"], ["A", 76.1, 41.5, 2]]
NOTES = [["Notes"], ["All dogs were counted at noon, see the date"]]


@pytest.mark.parametrize(
    "sheets",
    [
        [("Camps", CAMP_ROWS), ("Sheet2", []), ("Sheet3", [])],
        [("Notes", NOTES), ("Camps", CAMP_ROWS)],
        [("Camps", [["Camps of Naryn"], [], *CAMP_ROWS])],
    ],
    ids=["empty sheets", "notes", "title"],
)
def test_empty_sheets_notes_and_titles_are_not_the_table(tmp_path, sheets):
    path = workbook(tmp_path / "camps.xlsx", *sheets)
    raw = read_table(path, Wanted(known=CAMPS))
    assert raw.attrs["read_as"]["sheet"] == "Camps"
    assert read(raw, "camp").accepted["dogs"].tolist() == [2]


def test_one_of_two_sheets_is_named(tmp_path):
    path = workbook(tmp_path / "camps.xlsx", ("2022", CAMP_ROWS), ("2023", CAMP_ROWS))
    with pytest.raises(RecordsError, match=r"sheets 2022, 2023; expected one.*key `layer`"):
        read_table(path, Wanted(known=CAMPS))
    assert len(read_table(path, Wanted("2023", known=CAMPS))) == 1
    with pytest.raises(RecordsError, match="found no '2024'"):
        read_table(path, Wanted("2024", known=CAMPS))


def test_a_formula_without_a_stored_value_rejects_its_row(tmp_path):
    rows = [*CAMP_ROWS, ["B", 76.2, 41.5, "=D2+1"], ["C", 76.3, 41.5, None]]
    records = read(read_table(workbook(tmp_path / "camps.xlsx", ("Camps", rows))), "camp")
    assert records.accepted["id"].tolist() == ["A", "C"]
    assert records.rejected["row"].tolist() == [3]
    assert "column 4 has no stored value" in records.rejected["reason"].item()


def test_merged_cells_reject_the_rows_whose_value_they_hide_and_no_others(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [
        ["Camps of the district"], ["id", "lon", "lat", "dogs"], ["A", 76.1, 41.5, 2],
        ["B", 76.2, 41.5, 5], ["C", 76.3, 41.5, None], ["D", 76.4, 41.5, None],
    ]:  # fmt: skip
        sheet.append(row)
    sheet["G1"] = sheet["H4"] = "a legend"
    # a title, two camps of one number, blank cells, a legend, cells without a name beside the table
    for area in ("A1:D1", "D4:D5", "A20:C22", "G1:J6", "E3:F6"):
        sheet.merge_cells(area)
    book.save(path := tmp_path / "camps.xlsx")
    records = read(read_table(path, Wanted(known=CAMPS)), "camp")
    assert records.accepted["id"].tolist() == ["A", "D"]
    assert records.rejected["row"].tolist() == [4, 5]
    assert all("the cells D4:D5 are merged" in reason for reason in records.rejected["reason"])
    sheet.unmerge_cells("D4:D5")
    sheet.merge_cells("B3:C3")  # one value for longitude and latitude
    book.save(path)
    records = read(read_table(path, Wanted(known=CAMPS)), "camp")
    assert any("the cells B3:C3 are merged" in told for told in records.rejected["reason"])


def test_days_counted_from_1904(tmp_path):
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["event_id", "date_start", "soum", "compound"])
    book.active.append(["typed", dt.datetime(2022, 6, 1), "Naryn", "unknown"])
    book.active.append(["a number", 43251, "At-Bashi", "unknown"])  # of the same day
    book.save(tmp_path / "events.xlsx")
    found = read(read_table(tmp_path / "events.xlsx"), EVENTS).accepted
    assert found["date_start"].tolist() == [dt.datetime(2022, 6, 1)] * 2


def test_a_workbook_with_broken_xml_says_so(tmp_path):
    path = workbook(tmp_path / "camps.xlsx", ("Camps", CAMP_ROWS))
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"][:-60]
    with zipfile.ZipFile(path, "w") as book:
        for name, data in parts.items():
            book.writestr(name, data)
    with pytest.raises(RecordsError, match=r"camps\.xlsx is not a readable XLSX file"):
        read_table(path)


@pytest.mark.parametrize(
    ("limit", "most", "why"),
    [("ROWS", 2, "2 rows"), ("COLUMNS", 3, "3 columns"), ("CELLS", 9, "9 cells"),
     ("BYTES", 40, "40 bytes")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_tables_that_are_too_large_are_refused(tmp_path, monkeypatch, limit, most, why, kind):
    rows = [*CAMP_ROWS, ["B", 76.2, 41.5, 3]]
    path = workbook(tmp_path / "camps.xlsx", ("Camps", rows))
    if kind == "csv":
        path = tmp_path / "camps.csv"
        path.write_text("\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8")
    assert len(read_table(path)) == 2
    monkeypatch.setattr(limits, limit, most)
    monkeypatch.setattr(limits, "SHEET_CELLS", limits.CELLS)
    with pytest.raises(RecordsError, match=f"more than {why}.*; expected a table of records"):
        read_table(path)


# zipped tables ------------------------------------------------------------------------------------

GBIF = (
    "gbifID\teventDate\tdecimalLongitude\tdecimalLatitude\tlocality\n"
    '1\t2021-02-03\t77.5\t41.9\t"upper Naryn\n'
    "2\t2021-02-04\t77.6\t41.9\tNaryn\n"
)
META = """<?xml version="1.0"?>
<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">
  <core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy=''
      ignoreHeaderLines="HEADERS" rowType="http://rs.tdwg.org/dwc/terms/ROWS">
    <files><location>occurrence.txt</location></files>
    <id index="0"/>
    <field index="0" term="http://rs.gbif.org/terms/1.0/gbifID"/>
    <field index="1" term="http://rs.tdwg.org/dwc/terms/eventDate"/>
    <field index="2" term="http://rs.tdwg.org/dwc/terms/decimalLongitude"/>
    <field index="3" term="http://rs.tdwg.org/dwc/terms/decimalLatitude"/>
    <field default="PRESENT" term="http://rs.tdwg.org/dwc/terms/occurrenceStatus"/>
  </core>
</archive>"""


def zipped(path, **files):
    """A zip of texts by name; "_" stands for the point of a name."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return path


@pytest.mark.parametrize("headers", [0, 1, 2])
def test_a_darwin_core_archive(tmp_path, headers):
    rows = GBIF.split("\n", 1)[1]
    above = "".join(["a line\n", "another\n"][:headers])
    meta = META.replace("HEADERS", str(headers)).replace("ROWS", "Occurrence")
    path = zipped(tmp_path / "0012.zip", occurrence_txt=above + rows, meta_xml=meta, eml_xml="<e/>")
    found = read(read_table(path), "occurrence").accepted
    assert found["occurrence_id"].to_dict() == {headers + 1: "1", headers + 2: "2"}
    assert found["lon"].tolist() == [77.5, 77.6]
    assert set(found["occurrence_status"]) == {"present"}


def test_an_archive_of_something_else_says_so(tmp_path):
    meta = META.replace("HEADERS", "1").replace("ROWS", "Event")
    path = zipped(tmp_path / "0012.zip", occurrence_txt=GBIF, meta_xml=meta)
    with pytest.raises(
        RecordsError, match=r"0012\.zip is not a readable Darwin Core .* holds Event"
    ):
        read_table(path)


def test_one_table_zipped_or_packed(tmp_path):
    path = zipped(tmp_path / "0013.zip", occurrence_csv=GBIF)
    packed = tmp_path / "occurrence.txt.gz"
    packed.write_bytes(gzip.compress(GBIF.encode()))
    for file in (path, packed):
        assert read(read_table(file), "occurrence").accepted["lon"].tolist() == [77.5, 77.6]


@pytest.mark.parametrize("cut", [0, -9], ids=["no gzip", "cut"])
def test_a_broken_gz_says_so(tmp_path, cut):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n")[:cut] or b"no gzip")
    with pytest.raises(RecordsError, match=r"a\.csv\.gz is not a readable \.gz file"):
        read_table(tmp_path / "a.csv.gz")


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "BYTES", 100_000)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" + b"0,0\n" * 100_000))
    path = zipped(tmp_path / "a.zip", a_csv="a,b\n" + "0,0\n" * 100_000)
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b" " * 200_000)
    for file in (packed, path, tmp_path / "a.xlsx"):
        with pytest.raises(RecordsError, match="more than 100,000 bytes when unpacked"):
            read_table(file)


# what a layer of the config says ------------------------------------------------------------------


def test_the_layer_of_the_config_names_sheet_and_encoding(tmp_path):
    path = workbook(tmp_path / "camps.xlsx", ("2022", CAMP_ROWS), ("2023", CAMP_ROWS))
    for named in ("2023", ["2023"]):
        found = field_tables.read(path, {"table": "camp", "layer": named}, "2025-10-01")
        assert found.accepted["id"].tolist() == ["A"]
    with pytest.raises(RecordsError, match="names 2022, 2023; expected one for a table"):
        field_tables.read(path, {"table": "camp", "layer": ["2022", "2023"]}, "2025-10-01")
    text = tmp_path / "camps.csv"
    text.write_bytes("id;lon;lat\nİğde;76,1;41,5\n".encode("cp1254"))
    found = field_tables.read(text, {"table": "camp", "encoding": "cp1254"}, "2025-10-01")
    assert found.accepted["id"].tolist() == ["İğde"]


@pytest.mark.parametrize(("as_of", "kept"), [("2022-05-31", 0), ("2022-06-01", 1)])
def test_the_future_begins_after_the_day_of_the_config(tmp_path, as_of, kept):
    path = tmp_path / "events.csv"
    pd.DataFrame([EVENT]).to_csv(path, index=False)
    found = field_tables.read(path, {"table": EVENTS}, as_of)
    assert len(found.accepted) == kept
    if not kept:
        assert "at latest 2022-05-31, the day `as_of`" in found.rejected["reason"].item()


def test_the_names_of_the_team_lead_to_the_head_of_the_table(tmp_path):
    path = tmp_path / "camps.csv"
    path.write_text("Camps\n\nшифр,восток,север\nA,76.1,41.5\n", encoding="utf-8")
    fields = {"id": "шифр", "lon": "восток", "lat": {"from": "север"}}
    found = field_tables.read(path, {"table": "camp", "fields": fields}, "2025-10-01")
    assert found.accepted["id"].to_dict() == {4: "A"}


# geopackages --------------------------------------------------------------------------------------


def test_styles_and_empty_layers_are_no_tables(tmp_path):
    path = tmp_path / "field.gpkg"
    frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(76, 41)], crs=4326)
    frame.to_file(path, layer="camp")
    frame[:0].to_file(path, layer="old")
    styles = pd.DataFrame({"styleQML": ["<qgis/>"]})
    pyogrio.write_dataframe(styles, path, layer="layer_styles", driver="GPKG")
    assert read(read_table(path), "camp").accepted["id"].tolist() == ["a"]


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


def test_a_feature_without_a_place_has_none_and_is_a_row_all_the_same(tmp_path):
    path = tmp_path / "field.gpkg"
    shapes = [shapely.Point(76, 41), None, shapely.Point()]
    gpd.GeoDataFrame({"id": ["a", "b", "c"]}, geometry=shapes, crs=4326).to_file(path, layer="camp")
    table = read_table(path)
    assert table["geom"].tolist() == ["POINT (76 41)", "", ""]
    assert table["id"].tolist() == ["a", "b", "c"]


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


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(RecordsError, match=r"records.csv is a folder; expected the file of a tab"):
        (tmp_path / "records.csv").mkdir()
        read_table(tmp_path / "records.csv")


def test_fixes_come_as_movebank_and_receivers_write_them(tmp_path):
    rows = (
        "event-id,visible,timestamp,location-long,location-lat,gps:dop,individual-local-identifier\n"
        "1,true,2024-05-01 04:00:00.000,77.1,41.9,2.1,MC1\n"
        "2,false,2024-05-01 08:00:00.000,77.2,41.9,9.0,MC1\n"
    )
    (tmp_path / "movebank.csv").write_text(rows)
    block = {"kind": "records", "table": "fix"}
    found = field_tables.read(tmp_path / "movebank.csv", block, "2026-01-01").accepted
    assert found["animal"].tolist() == ["MC1", "MC1"] and found["dop"].tolist() == [2.1, 9.0]
    assert found["visible"].tolist() == [True, False]
    assert found["time"].iloc[0] == pd.Timestamp("2024-05-01 04:00", tz="UTC")
    points = "".join(
        f'<trkpt lat="41.9" lon="77.{i}"><time>2024-05-01T0{i}:00:00Z</time></trkpt>'
        for i in (1, 2)
    )
    track = f'<wpt lat="41" lon="77"/><trk><trkseg>{points}</trkseg></trk>'
    (tmp_path / "track.gpx").write_text(f'<gpx version="1.1" creator="t">{track}</gpx>')
    track = field_tables.read(tmp_path / "track.gpx", block, "2026-01-01").accepted
    assert track["lon"].tolist() == [77.1, 77.2]
    assert track["time"].dt.hour.tolist() == [1, 2]

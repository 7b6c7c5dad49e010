"""The report of a region, and pages as PDF."""

import io
import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pypdf import PdfReader

from manul.model.cumulative import CUMULATIVE
from manul.pages import html, paper
from manul.products import report
from manul.products.recommendations import KEY_GAIN
from manul.products.units import REGION

UNITS = pd.DataFrame(
    {
        "unit": ["West", "East"], "area_km2": [1000.0, 3000.0], "suitable_km2": [500.0, 900.0],
        "suitable_km2_p05": [400.0, 800.0], "suitable_km2_p95": [600.0, 1000.0],
        "key_km2": [200.0, 4.4], "key_km2_p05": [100.0, 1.0], "key_km2_p95": [300.0, 9.0],
        "mean_threat": [0.125, np.nan], "threat_1": ["Dogs 60 %", None],
        "cats_low": [3.0, 1.0], "cats_high": [40.0, 2.0],
    }
)  # fmt: skip
ACTIONS = pd.DataFrame(
    [
        ("R1", "No dogs", "issue", 5.0, "West"), ("R1", "No dogs", "survey first", 50.0, "West"),
        ("R2", "Look", "issue", np.nan, "East"), ("R1", "No dogs", "issue", 20.0, "East"),
    ],
    columns=["rule", "title", "verdict", "gain_km2", "unit"],
).assign(
    place="7 km N of Town", action="Act", agency="Ministry", gain_p05_km2=1.0, gain_p95_km2=99.0,
    gain_of="without Dogs", **dict.fromkeys(KEY_GAIN, np.nan),
)  # fmt: skip
RECORD = {
    "camps": {"title": "Camps", "date": "2020", "status": "illustrative", "source": "invented",
              "licence": "CC0", "positional_error_m": 30_000, "caveat": "few", "content": []},
    "z": {"title": "Elevation", "date": "1999", "status": "measured", "source": "GLOBE",
          "licence": "public domain", "positional_error_m": None, "caveat": None, "content": []},
}  # fmt: skip
TOLD = {
    "floor": 0.05, "known_weight": 0.5, "loss": "marmot burrows", "cumulative": "saturation",
    "key": {"key": 0.6, "core_km2": 4, "breeding_km2": 25, "suitable": 0.4},
}  # fmt: skip


def table(section, number=0) -> pd.DataFrame:
    return section.tables[number][1]


def test_the_region_in_short_adds_units_up():
    first, second = report.in_short(UNITS, ACTIONS, "cats").words
    assert first.startswith("Of 4,000 km² of land 204 km² are key habitat.")
    assert "hold 4 to 42 cats, where all of it is lived in: a range, no count." in first
    assert second == ("4 places with a recommendation: 3 to act on, 1 where a survey comes first.")
    of_draws = pd.DataFrame({
        "unit": ["West", "(whole region)"], "key_km2_p05": [1.0, 90.0],
        "key_km2_p95": [2.0, 350.6], "cats_low": [0.0, 2.0], "cats_high": [1.0, 55.0],
        "key_km2_mean": [1.5, 180.2],
    })  # fmt: skip
    first, _ = report.in_short(UNITS, ACTIONS, "cats", of_draws).words
    assert first.startswith(
        "Of 4,000 km² of land 90 to 351 km² are key habitat in 90 % of the draws of all uncertain "
        "numbers, 180 on average; 204 with the values of the config, which the maps show."
    )
    assert "hold 2 to 55 cats" in first
    nothing = report.in_short(None, ACTIONS.iloc[:0], "cats").words
    assert nothing == ["No unit and no rule is told in the config."]


def test_numbers_of_units_have_the_interval_of_the_draws_beside_them():
    found = table(report.by_unit(UNITS))
    assert found["key habitat (km²)"].tolist() == ["200 (100 to 300)", "4.4 (1 to 9)"]
    assert found["mean threat"].tolist() == ["0.12", ""]
    assert found["land (km²)"].tolist() == ["1,000", "3,000"]
    assert "was not assessed" in report.by_unit(UNITS.drop(columns="key_km2_p05")).words[0]


def test_places_to_act_on_come_by_their_gain_and_rules_are_counted():
    section = report.to_do(ACTIONS, {"R1": "No dogs", "R2": "Look"})
    assert table(section)[["rule", "to act on", "survey first"]].values.tolist() == [
        ["R1", 2, 1], ["R2", 1, 0],
    ]  # fmt: skip
    places = table(section, 1)
    assert places["where"].tolist() == [
        "7 km N of Town (East)", "7 km N of Town (West)", "7 km N of Town (East)",
    ]  # fmt: skip
    assert places["gain (km² of full quality)"].tolist() == [
        "20 (1 to 99) without Dogs", "5 (1 to 99) without Dogs", "",
    ]  # fmt: skip


def test_where_surveys_come_first_they_are_shown_and_of_many_places_ten():
    survey = ACTIONS[ACTIONS["verdict"] == "survey first"]
    assert len(table(report.to_do(survey, {}), 1)) == 1
    many = pd.concat([ACTIONS] * 4)  # 12 to act on
    assert len(table(report.to_do(many, {}), 1)) == 10


@pytest.mark.parametrize("mode", CUMULATIVE)
def test_the_method_has_the_equations_and_numbers_of_the_config(mode):
    words = report.method(TOLD | {"cumulative": mode}).words
    assert CUMULATIVE[mode].words in words
    assert "none below 0.05" in words[0] and "less than 50%" in words[0]
    assert "before the loss of marmot burrows" in words[3]
    assert "H of at least 0.6 in patches of at least 4 km²" in words[-1]


def test_each_number_of_the_model_says_who_vouches_for_it():
    known = [
        {"words": "Dogs", "unit": "m", "value": 2000.0, "range": (500.0, 3000.0), "status": "G",
         "used": True},
        {"words": "Cover", "unit": "", "value": 0.35, "range": None, "status": "F", "used": True},
        {"words": "Snow", "unit": "cm", "value": 1.0, "range": None, "status": "G", "used": False},
    ]  # fmt: skip
    section = report.numbers(known)
    assert table(section).values.tolist() == [
        ["Dogs", "m", "2000", "500 to 3000", "expert guess"],
        ["Cover", "", "0.35", "", "published"],
    ]  # fmt: skip
    assert section.words == ["2 numbers with a range or a status, 1 of them expert guesses."]


def test_layers_are_told_with_what_is_lacking():
    section = report.data(RECORD, {"snow": "snow depth"}, {"R4": "Roads"})
    assert table(section)["places known to"].tolist() == ["30,000 m", ""]
    assert table(section)["caveat"].tolist() == ["few", ""]
    assert section.words[0] == "No data on: snow depth."
    assert section.words[1].endswith("and not drawn as absent: Roads.")
    assert report.limits(["Guesses"], RECORD).words == ["Guesses.", "Camps: few."]
    cited = report.references(RECORD, "1.0", "abc").words
    assert cited[0] == "GLOBE." and "run abc" in cited[-1] and len(cited) == 2


def test_what_the_results_hang_on_is_that_of_the_region():
    rows = [
        (REGION, "key_cell_km2", 2, "Prey", 0.2),
        (REGION, "key_cell_km2", 1, "Dens", 0.5),
        ("West", "key_cell_km2", 1, "Snow", 0.9),
        (REGION, "mean_threat", 1, "Dogs", 0.8),
    ]
    matters = pd.DataFrame(rows, columns=["unit", "outcome", "rank", "words", "total"])
    matters = matters.assign(total_low=0.1, total_high=0.95)
    section = report.doubt(matters, 200)
    assert table(section)["input"].tolist() == ["Dens", "Prey"]
    assert table(section)["share of the doubt"].tolist() == ["50%", "20%"]
    assert "drawn 200 times" in section.words[0]
    many = pd.concat([matters[:2]] * 6)
    assert table(report.doubt(many, 200))["input"].tolist() == ["Dens"] * 6 + ["Prey"] * 4
    assert report.doubt(None, 0).words == ["This was not assessed: one run, no draws."]


def test_rows_of_field_tables_are_told():
    summary = pd.DataFrame({"rows": ["came", "accepted"], "number": [20, 19]})
    found = table(report.field_records({"Camps": summary}))
    assert found.values.tolist() == [["Camps", "came", 20], ["Camps", "accepted", 19]]


# ------------------------------------------------------------------------------------ paper


def a_page() -> str:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "#1b7a4b").save(out, "PNG")
    frame = pd.DataFrame({"place": ["Ысык-Көл"], "km²": [12.5]})
    section = html.Section("Results — Σ Π", ["Words."], [("", frame)], [("A map.", out.getvalue())])
    return html.page("A title", "sub", "A notice.", [section], "foot")


def test_a_page_is_printed_with_all_its_words_and_the_same_bytes(tmp_path):
    for name in ("a.pdf", "b.pdf"):
        assert paper.write_pdf(tmp_path / name, a_page(), "A title", "2025-10-01") == 1
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    book = PdfReader(tmp_path / "a.pdf")
    text = book.pages[0].extract_text()
    for word in ("A title", "A notice.", "Ысык-Көл", "12.5", "Σ Π", "A map."):
        assert word in text
    assert [float(side) for side in book.pages[0].mediabox[2:]] == pytest.approx(
        [595.3, 841.9], abs=1
    )
    assert book.metadata.title == "A title"
    assert len(book.pages[0].images) == 1


def test_type_is_in_the_file(tmp_path):
    paper.write_pdf(tmp_path / "a.pdf", a_page(), "t", "2025-10-01")
    fonts = PdfReader(tmp_path / "a.pdf").pages[0]["/Resources"]["/Font"]
    assert {font.get_object()["/BaseFont"].split("+")[-1] for font in fonts.values()} == {
        "DejaVuSans", "DejaVuSans-Bold",
    }  # fmt: skip


@pytest.mark.parametrize("wish", ["file:///etc/hostname", "http://127.0.0.1:9/a.png"])
def test_a_page_that_wants_something_from_outside_is_no_pdf(tmp_path, wish):
    page = a_page().replace("</body>", f'<img src="{wish}"></body>')
    with pytest.raises(paper.PaperError, match="which it does not hold itself"):
        paper.write_pdf(tmp_path / "a.pdf", page, "t", "2025-10-01")
    assert not (tmp_path / "a.pdf").exists()


def test_links_within_a_page_are_no_trouble(tmp_path, capfd):
    page = a_page().replace("</body>", '<a href="#there">there</a></body>')
    paper.write_pdf(tmp_path / "a.pdf", page, "t", "2025-10-01")
    logging.shutdown()
    assert capfd.readouterr().err == ""

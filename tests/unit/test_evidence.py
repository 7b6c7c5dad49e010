"""Evidence pages: every row is told of, nothing is loaded, no exact place is given away."""

import re
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul import preflight
from manul.analyses import suitability_words
from manul.grid.fields import Fields
from manul.pages import html
from manul.products import evidence, known_places
from manul.records import field_tables
from manul.surveys import burrows

BOX = SimpleNamespace(left=0, bottom=0, right=40_000, top=40_000)
PRIVACY = {"cell_m": 10_000, "reach_m": 0, "margin_m": 0}
SCHEMAS = field_tables.schemas()["tables"]
BLOCK = {
    "title": "Cats", "source": "invented", "licence": "CC0", "data_status": "illustrative",
    "date": "2025", "positional_error_m": 100,
}  # fmt: skip


def cats():
    return gpd.GeoDataFrame(
        {
            "rec_id": ["MR1", "MR2", "MR3"],
            "date": pd.to_datetime(["2024-05-01", "2025-05-01", "2025-06-01"]),
            "n_adults": [1, 0, 1],
            "days": [100.0, 60.0, np.nan],
        },
        geometry=gpd.points_from_xy([12_345.6, 12_999.9, 31_234.5], [1_234.5, 4_321.0, 9_876.5]),
        crs="EPSG:6933",
    )


def logs():
    rejected = pd.DataFrame(
        {
            "row": [4, 5],
            "field": ["lon", "date"],
            "value": ["175.12345", "tomorrow"],
            "reason": [
                "Found '175.12345' in lon; expected 35 to 120.",
                "Found 'tomorrow' in date.",
            ],
        }
    )
    changed = pd.DataFrame(
        {"row": [1], "field": ["lat"], "value_found": ["41,12345"], "value_used": ["41.12345"],
         "rule": ["decimal comma"]}
    )  # fmt: skip
    counts = {"came": 5, "accepted": 3, "rejected": 2}
    summary = pd.DataFrame({"rows": list(counts), "number": list(counts.values())})
    return {"summary": summary, "rejected": rejected, "normalised": changed}


def page_of(public, table="manul_record", rows=None, **more):
    found = evidence.Evidence(
        name="cats", block=BLOCK | {"public": public}, schema=SCHEMAS[table],
        rows=cats() if rows is None else rows, outline=None, as_of="2025-10-01", cell_km2=1.0,
        box=BOX, privacy=PRIVACY | {"least": 2},
        **logs(), **more,
    )  # fmt: skip
    made = evidence.sections(found)
    return made, html.page("Cats", "Here", "ILLUSTRATIVE", made, "Least Concern (2020)")


def words(page):
    """The text of a page without pictures and style."""
    words = re.sub(r"<style>.*?</style>|<img[^>]*>", "", page, flags=re.S)
    return re.sub(r"<[^>]+>", " ", words).replace("\u00a0", " ")


def test_the_page_tells_of_every_row_and_loads_nothing():
    _, page = page_of(public=True)
    text = words(page)
    for told in ("came 5", "accepted 3", "rejected 2", "decimal comma", "175.12345", "tomorrow"):
        assert told in re.sub(r"\s+", " ", text)
    assert "ILLUSTRATIVE" in text
    assert not re.search(r"(src|href)=\"(?!data:)|https?://|@import", page)


def test_a_page_of_a_layer_that_is_not_public_has_no_place_and_no_name():
    made, page = page_of(public=False)
    text = words(page)
    for secret in ("175.12345", "41.12345", "41,12345", "12345", "1234.5", "MR1", "tomorrow"):
        assert secret not in text
    assert "areas with at least 2 places" in text and "date" in text
    assert not html.numbers(made).astype(str).apply(lambda c: c.str.contains("MR1")).any().any()


def test_effort_is_told_in_days_and_in_the_part_of_the_region_that_it_reaches():
    """100 and 60 days, and 10 of the row that tells none; three of the four known cells."""
    value = np.array([[0.0, 2.0, 1.0, 0.5, np.nan]])
    grid = GeoBox.from_bbox((0, 0, 5000, 1000), crs="EPSG:6933", resolution=1000)
    block = {"kind": "effort", "field": "days", "date_field": "date", "per_record": 10, "per_km": 1}
    maps = {"reach": Fields({"value": value}, grid)}
    sections, _ = page_of(True, surfaces={"reach": block}, maps=maps)
    effort = next(s for s in sections if s.title == "Survey effort")
    assert [number[1] for number in effort.numbers] == [170, 75]
    assert effort.tables[0][1]["value"].tolist() == [170, 75]


def test_rows_are_counted_in_areas_with_enough_places():
    found = SimpleNamespace(box=BOX, privacy=PRIVACY | {"least": 2})
    areas = evidence.area_counts(cats(), found)
    assert areas["rows"].tolist() == [3]
    cells = evidence.area_counts(cats(), SimpleNamespace(box=BOX, privacy=PRIVACY | {"least": 1}))
    assert sorted(cells["rows"]) == [1, 2]
    assert cells["value"].tolist() == (1000 * cells["rows"] / 100).tolist()  # cells of 100 km2


def test_rows_in_an_area_are_told_for_1000_km2_of_it_wherever_it_lies():
    rows = gpd.GeoDataFrame(geometry=gpd.points_from_xy([21_000, 22_000], [31_000, 32_000]))
    found = SimpleNamespace(box=BOX, privacy=PRIVACY | {"least": 1})
    (area,) = evidence.area_counts(rows, found).to_dict("records")
    assert area == {
        "west": 20_000, "south": 30_000, "east": 30_000, "north": 40_000, "rows": 2, "value": 20,
    }  # fmt: skip


def test_what_is_written_on_a_page_is_escaped():
    table = pd.DataFrame({"<b>": ["<script>", np.nan, 3]})
    page = html.page("<t>", "", "", [html.Section("s", ["<i>"], [("", table)])], "")
    assert "<script>" not in page and "<i>" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("value", "told"),
    [(1234567.0, "1,234,567"), (1234.6, "1,235"), (999.96, "1000"), (-0.12345, "-0.1235"),
     (3, "3"), ("a", "a"), (np.nan, ""), (None, ""), (pd.NaT, "")],
)  # fmt: skip
def test_a_cell_of_a_table_is_a_plain_number_and_empty_if_unknown(value, told):
    assert html._cell(value) == told


def test_numbers_of_a_page_are_told_with_their_section():
    one = html.Section("One", numbers=[("rows", 3, None, None, ""), ("km", 1.5, 1, 2, "km")])
    table = html.numbers([one, html.Section("Two")])
    assert table["section"].tolist() == ["One", "One"]
    assert table.loc[1].to_dict() == {
        "section": "One", "what": "km", "value": 1.5, "low": 1, "high": 2, "unit": "km",
    }  # fmt: skip


def test_poison_page_tells_area_by_year_exposed_area_and_where_nobody_reported():
    rows = gpd.GeoDataFrame(
        {
            "date_start": pd.to_datetime(["2024-05-01", "2025-05-01"]),
            "compound": ["bromadiolone", "zinc_phosphide"],
            "area_treated_ha": [1000.0, 500.0],
            "soum": ["A", "B"],
        },
        geometry=[shapely.Point(0, 0), None],
        crs="EPSG:6933",
    )
    block = {"kind": "poison", "path": "toxic", "place_field": "soum"}
    maps = {
        "value": np.array([[0.5, 0.1, 0.0, 0.0, np.nan]]),
        "reports_within_50_km": np.array([[2.0, 0.0, 0.0, 0.0, np.nan]]),
        "value_2024-10-01": np.array([[0.5, 0.3, 0.0, 0.0, np.nan]]),
    }
    rules = {"poison": {
        "conc_reference_ppm": 50, "conc_exponent": 0.5, "dose_label_kg_ha": 3,
        "exposed": {"methods": [], "factor": 1}, "enclosed": {"methods": [], "factor": 1},
        "assume": {"conc_ppm": 50, "dose_kg_ha": 3, "coverage_frac": 1.0, "method": "aerial",
                   "carcass_collected": "n"},
    }}  # fmt: skip
    made, page = page_of(
        True,
        "rodenticide_event",
        rows,
        surfaces={"toxic": block},
        maps={"toxic": fields(maps)},
        rules=rules,
    )
    text = re.sub(r"\s+", " ", words(page))
    assert "No report within 50 km: 75 % of the map" in text
    assert "2 of 2 events had a value that had to be assumed" in text
    assert "1 event on no map: no place, and no layer of districts over which to spread" in text
    _, page = page_of(
        True, "rodenticide_event", rows, maps={"toxic": fields(maps)}, rules=rules,
        surfaces={"toxic": block | {"districts_layer": "soums", "districts_field": "name"}},
        layers={"soums": gpd.GeoDataFrame({"name": ["C"]}, geometry=rows.geometry[:1], crs=6933)},
    )  # fmt: skip
    spread = re.sub(r"\s+", " ", words(page))
    assert "no place, and no district that the layer of districts knows by this name" in spread
    numbers = html.numbers(made).set_index("what")["value"]
    assert numbers["exposed on 2025-10-01"] == 1 and numbers["exposed on 2024-10-01"] == 2
    both = {"toxic": block, "prey": block | {"path": "prey"}}
    more, _ = page_of(
        True, "rodenticide_event", rows, surfaces=both, maps=dict.fromkeys(both, fields(maps)),
        rules=rules,
    )  # fmt: skip
    titles = [title for section in more for title, _ in section.tables]
    assert titles.count("Reported area (km²)") == 1, "the reports are those of every path"
    assert "2024 10" in text and "2025 0 5" in text


def fields(maps):
    """Small arrays as the maps of a surface."""
    height, width = next(iter(maps.values())).shape
    grid = GeoBox.from_bbox((0, 0, width, height), crs="EPSG:6933", resolution=1)
    return Fields(maps, grid)


def burrow_page(transects, seen=None):
    block = {
        "kind": "burrow_density", "layer": "cats", "observations_layer": "seen", "method": "auto",
        "covariates": [],
    }  # fmt: skip
    rules = {
        "collapse_half_life_yr": 8, "fresh_yr": 9, "detection": {"uav": 1.0},
        "assume_method": "uav", "strip_half_width_m": 25, "truncation_m": None, "min_distances": 40,
    }  # fmt: skip
    maps = {
        "value": np.array([[1.0, 3.0, np.nan]]),
        "cv": np.array([[0.4, 0.6, np.nan]]),
        "extrapolated": np.array([[0.0, 1.0, 1.0]]),
    }
    return page_of(
        True, "burrow_transect", transects, surfaces={"burrows": block},
        maps={"burrows": fields(maps)}, layers={"cats": transects, "seen": seen},
        rules={"burrows": {"burrows": rules}},
    )  # fmt: skip


def transects(counts, years):
    lines = [shapely.LineString([(i * 5000, 0), (i * 5000 + 1000, 0)]) for i in range(len(counts))]
    return gpd.GeoDataFrame(
        {
            "transect_id": [f"T{i}" for i in range(len(counts))],
            "date": pd.to_datetime([f"{y}-06-01" for y in years]),
            "length_m": 1000.0, "half_width_m": 25.0, "n_active": counts, "n_inactive": 0.0,
            "method": "uav",
        },
        geometry=lines, crs="EPSG:6933",
    )  # fmt: skip


def test_burrow_page_tells_method_density_cv_trend_and_extrapolation():
    made, page = burrow_page(transects([8.0, 4.0, 2.0, 2.0], [2020, 2020, 2025, 2025]))
    numbers = html.numbers(made).set_index("what")
    assert "method: stratum means" in words(page)
    assert numbers.loc["density over all sites", "value"] == pytest.approx(0.8)
    assert numbers.loc["density over the map", "value"] == 2
    assert numbers.loc["extrapolated: no site in reach, stratum mean", "value"] == 50
    assert numbers.loc["ratio 2025 to 2020", "value"] == pytest.approx(4 / 12)
    low, high = numbers.loc["ratio 2025 to 2020", ["low", "high"]]
    assert low <= 4 / 12 <= high


def test_burrow_page_counts_the_sites_with_burrows():
    _, page = burrow_page(transects([8.0, 0.0, 2.0, 2.0], [2020, 2020, 2025, 2025]))
    assert "4 of 4 sites used, 3 with burrows" in words(page)


def test_a_map_of_burrows_in_which_nothing_is_known_tells_no_number():
    nothing = np.full((1, 3), np.nan)
    told = evidence._map_numbers(fields({"value": nothing, "cv": nothing, "extrapolated": nothing}))
    assert len(told) == 3
    for _, value, *ends, _ in told:
        assert np.isnan(value) and all(end is None or np.isnan(end) for end in ends)


def test_the_spread_of_a_map_of_burrows_is_told_by_its_quantiles():
    cv = np.arange(0, 2.05, 0.1).reshape(3, 7)  # 0 to 2
    one = np.ones((3, 7))
    told = evidence._map_numbers(fields({"value": one, "cv": cv, "extrapolated": 0 * one}))
    assert told[1][1:4] == pytest.approx((1, 0.1, 1.9))
    assert told[0][1] == 1 and told[2][1] == 0


def test_burrow_page_shows_the_detection_function_only_with_enough_distances():
    rows = transects([8.0, 4.0], [2025, 2025])
    many = pd.DataFrame({"perp_dist_m": np.linspace(0, 50, 60), "status": "active"})
    assert "Detection function" in burrow_page(rows, many)[1]
    _, page = burrow_page(rows, many[:20])
    assert "Detection function" not in page and "No trend" in words(page)


def test_pooled_density_is_known_to_be_unknown_without_sites():
    none = pd.DataFrame({"count": [], "effort_ha": []})
    assert np.isnan(burrows.pooled(none)).all()
    one = pd.DataFrame({"count": [2.0, 6.0], "effort_ha": [5.0, 5.0]})
    density, low, high = burrows.pooled(one)
    assert density == pytest.approx(0.8) and low <= density <= high


def test_rows_in_are_rows_accepted_and_rejected():
    found = SimpleNamespace(
        accepted=pd.DataFrame(index=[1, 2, 3]),
        rejected=pd.DataFrame({"row": [4, 4, 5]}),
        normalised=pd.DataFrame({"row": [1, 1, 4, "header"]}),
    )
    counts = field_tables.summary(found, cats()).set_index("rows")["number"]
    assert counts["came"] == counts["accepted"] + counts["rejected"] == 5
    assert counts["accepted with a changed value"] == 1


@pytest.mark.parametrize(
    ("number", "shown", "told"),
    [(0, 0, ["No row was rejected."]), (200, 200, []),
     (201, 200, ["The first 200 of them; all stand in the folder records."])],
)  # fmt: skip
def test_of_many_rejected_rows_the_first_are_shown(number, shown, told):
    some = logs() | {"rejected": pd.DataFrame({"row": range(number), "field": "lon"})}
    section = evidence.what_came(SimpleNamespace(public=True, **some))
    tables = dict(section.tables)
    assert len(tables.get(f"Rejected: {number} findings", [])) == shown
    assert section.words == told


def test_the_table_of_the_preflight_hides_what_rows_of_private_layers_hold():
    problem = preflight.Problem(
        "error", "camps", "camps.csv", "3", "lon", "'175.1'", "", "Mend 175.1"
    )
    shown = preflight.as_table([problem], ["camps"])
    assert "175.1" not in shown.to_csv()
    assert "175.1" in preflight.as_table([problem], ["mines"]).to_csv()


def test_the_words_of_a_fit_tell_records_skill_and_thresholds():
    evaluation = pd.DataFrame(
        [
            {
                "method": "ensemble",
                "fold": "mean",
                "auc": 0.81,
                "tss": 0.5,
                "boyce": 0.7,
                "omission": 0.1,
            }
        ]
    )
    row = {"map": "fitted", "suitable": 0.45, "records": 31, "gate": "passed"}
    limits = pd.DataFrame([row | {"note": "expert model is the default"}])
    told = " ".join(suitability_words.sentences(evaluation, limits))
    assert "31 independent records" in told and "AUC 0.81" in told and "0.45" in told


def habitat(**cells):
    """Habitat of 0.8 on 10 x 10 cells of 1 km, the named cells (row_column) lower."""
    grid = GeoBox.from_bbox((0, 0, 10_000, 10_000), crs="EPSG:6933", resolution=1000)
    values = np.full(grid.shape, 0.8, "float32")
    for name, value in cells.items():
        values[tuple(map(int, name[1:].split("_")))] = value
    return Fields({"habitat": values}, grid)


def records(*of):
    """Records of one adult, each (x km, y km, error in m)."""
    x, y, error = zip(*of, strict=True)
    return gpd.GeoDataFrame(
        {
            "rec_id": [f"R{i}" for i in range(len(of))],
            "n_adults": 1,
            "coord_error_m": error,
        },
        geometry=gpd.points_from_xy(np.array(x) * 1000, np.array(y) * 1000),
        crs="EPSG:6933",
    )


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((2.5, 7.5, 10), 0.1),  # row 2, column 2: north is at the top
        ((2.5, 7.5, 600), 0.8),  # its error reaches into the next cell
        ((2.5, 7.5, 400), 0.1),
        ((2.5, 7.5, np.nan), 0.1),
        ((5.5, 5.5, 10), np.nan),  # unknown is not low
        ((-3.0, 5.0, 10), np.nan),  # beyond the map
        ((9.9, 0.1, 4000), 0.8),  # at the edge
        ((2.5, 8.4, 10), 0.8),  # the row north of it
        ((2.5, 6.6, 10), 0.8),  # and the one south
        ((2.5, 7.5, 1600), 0.8),
    ],
)
def test_a_record_has_the_best_habitat_within_its_error(place, expected):
    found = known_places.best_habitat(records(place), habitat(c2_2=0.1, c4_5=np.nan))
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_an_error_reaches_to_the_east_too():
    """At the western edge, where the rows around are low as well."""
    low = habitat(c1_0=0.1, c2_0=0.1, c3_0=0.1)
    best = known_places.best_habitat(records((0.5, 7.5, 600), (0.5, 7.5, 400)), low)
    np.testing.assert_allclose(best, [0.8, 0.1], rtol=1e-6)


def test_known_places_on_unsuitable_land_are_listed():
    rows = records((2.5, 7.5, 10), (3.5, 7.5, 10), (4.5, 4.5, 10), (2.5, 7.5, 9000))
    rows.loc[1, "n_adults"] = 0  # effort without a cat
    of = habitat(c2_2=0.1, c2_3=0.1)
    told = known_places.contradicted(rows, of, 0.4, {"least": 3}, public=True)
    assert told.words[0].startswith("Of 2 records of animals where habitat is known, 1 lie on")
    assert told.words[1].startswith("Either the map misses something there")
    ((_, table),) = told.tables
    assert table[["record", "habitat"]].values.tolist() == [["R0", pytest.approx(0.1)]]
    assert told.numbers == [("contradicted by the map", 1, None, None, "records")]


def test_records_where_habitat_is_unknown_do_not_count():
    rows = records((2.5, 7.5, 10), (5.5, 5.5, 10))
    of = habitat(c2_2=0.1, c4_5=np.nan)
    told = known_places.contradicted(rows, of, 0.4, {"least": 3}, public=True)
    assert told.words[0].startswith("Of 1 record of animals where habitat is known, 1 lie on")


def test_a_hidden_layer_tells_no_place_and_no_small_number_of_them():
    rows = records((2.5, 7.5, 10), (4.5, 4.5, 10))
    told = known_places.contradicted(rows, habitat(c2_2=0.1), 0.4, {"least": 3}, public=False)
    assert "fewer than 3 lie on land" in told.words[0]
    assert not told.tables and not told.numbers
    many = records(*[(2.5, 7.5, 10)] * 3)
    told = known_places.contradicted(many, habitat(c2_2=0.1), 0.4, {"least": 3}, public=False)
    assert ", 3 lie on land" in told.words[0] and not told.tables


def test_records_elsewhere_contradict_nothing():
    told = known_places.contradicted(
        records((50, 50, 10)), habitat(), 0.4, {"least": 3}, public=True
    )
    assert told.words == ["No record of an animal lies where habitat is known."]
    section = page_of(True, habitat=habitat(), suitable=0.4)[0][2]
    assert section.title == "Known places that the map contradicts"

"""Suitability from records to maps: simulated cats with a known truth, thinning, thresholds."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from conftest import demo_config
from odc.geo.geobox import GeoBox

from manul.analyses import suitability
from manul.analyses import suitability_fit as fit
from manul.analyses import suitability_words as fit_words
from manul.config import load
from manul.grid import vectors
from manul.suitability import explain

GRID = GeoBox.from_bbox((0, 0, 200_000, 200_000), crs="EPSG:6933", resolution=1000)
KEY = {"thresholds": "expert", "suitable": 0.4, "key": 0.6}
SPEC = {
    "records": "cats",
    "where": "n > 0",
    "date_field": "date",
    "max_age_years": 20,
    "thin_m": 2000,
    "predictors": ["relief", "cover", "noise"],
    "background": {"points": 1000, "effort": "none", "bandwidth_m": 20_000},
    "method": "ensemble",
    "options": {"random_forest": {"trees": 60}, "boosted": {"bags": 1}},
    "weights": "by_records",
    "block_m": 40_000,
    "folds": 4,
    "seed": 1,
    "minimum_records": 30,
    "prefer_at": 60,
    "gate": {"auc": 0.75, "boyce": 0.5, "omission": 0.10},
}


def land(seed=0):
    """Three smooth maps, and the truth: cats like relief and cover and ignore the noise."""
    rng = np.random.default_rng(seed)
    from scipy.ndimage import gaussian_filter

    maps = {n: gaussian_filter(rng.normal(size=GRID.shape), 8) for n in SPEC["predictors"]}
    maps = {n: (m - m.mean()) / m.std() for n, m in maps.items()}
    truth = 1 / (1 + np.exp(-(2.5 * maps["relief"] + 2 * maps["cover"] - 2.5)))
    return maps, truth


def cats(truth, n=100, seed=0):
    """Records drawn by the truth, dated 2020."""
    rng = np.random.default_rng(seed)
    flat = rng.choice(truth.size, n, replace=False, p=truth.ravel() / truth.sum())
    row, column = np.divmod(flat, truth.shape[1])
    x, y = GRID.affine @ (column + 0.5, row + 0.5)
    dates = pd.Timestamp("2020-06-01")
    return gpd.GeoDataFrame(
        {"date": dates, "n": 1.0},
        geometry=gpd.points_from_xy(x, y),
        crs="EPSG:6933",
        index=range(n),
    )


def fitted(records, maps, habitat, spec=SPEC, key=KEY):
    found, steps = fit.presences(records, spec, "2025-10-01")
    looked = fit.effort_places(records, [], spec)
    sites = fit.draw_sites(found, looked, GRID, lambda r, c: habitat[r, c], spec)
    values = pd.DataFrame({n: m[sites["row"], sites["column"]] for n, m in maps.items()})
    return fit.fit(sites, values, steps, spec, key)


@pytest.fixture(scope="module")
def simulated():
    maps, truth = land()
    return maps, truth, fitted(cats(truth), maps, truth)


def test_known_truth_is_found_in_blocks_that_the_fit_has_not_seen(simulated):
    _, _, made = simulated
    table = made.tables["evaluation"]
    whole = table[(table["method"] == "ensemble") & (table["fold"] == "pooled")].iloc[0]
    assert whole["auc"] >= 0.75 and whole["boyce"] >= 0.5 and whole["omission"] <= 0.10
    assert set(table["method"]) >= {"ensemble", "maxent", "random_forest", "boosted"}
    assert set(table["fold"]) == {0, 1, 2, 3, "mean", "pooled"}


def test_importance_names_what_the_cats_like(simulated):
    _, _, made = simulated
    share = made.tables["importance"].set_index("covariate")["share"]
    assert share["relief"] > share["noise"] and share["cover"] > share["noise"]


def test_prediction_follows_the_truth_and_does_not_depend_on_blocks(simulated):
    maps, truth, made = simulated
    values = pd.DataFrame({n: m.ravel() for n, m in maps.items()})
    whole = fit.predict(made, values, truth.ravel(), KEY)
    half = fit.predict(made, values[:7000], truth.ravel()[:7000], KEY)
    for name in fit_words.BANDS:
        np.testing.assert_array_equal(whole[name][:7000], half[name])
    assert np.corrcoef(whole["suitability"], truth.ravel())[0, 1] > 0.8
    assert np.abs(whole["rank_difference"]).mean() < 0.15
    assert set(np.unique(whole["agreement"])) <= {0, 1, 2, 3}


def test_conditions_never_surveyed_have_a_negative_mess_and_their_predictor(simulated):
    _, _, made = simulated
    strange = pd.DataFrame({"relief": [0.0, np.nan], "cover": [99.0, 0.0], "noise": [0.0, 0.0]})
    made = fit.predict(made, strange, np.array([0.5, 0.5]), KEY)
    assert made["mess"][0] < 0 and made["most_dissimilar"][0] == 2
    for name in fit_words.BANDS:
        assert np.isnan(made[name][1]), "an unknown predictor stays unknown"


def test_rows_of_effort_and_old_and_crowded_records_are_no_presences():
    table = gpd.GeoDataFrame(
        {
            "date": pd.to_datetime(["2020-01-01", "2020-01-01", "1990-01-01", "2020-01-01", None]),
            "n": [1.0, 1.0, 1.0, 0.0, 1.0],
        },
        geometry=gpd.points_from_xy([0, 100, 50_000, 90_000, 120_000], [0] * 5),
        crs="EPSG:6933",
    )
    found, steps = fit.presences(table, SPEC, "2025-10-01")
    assert list(steps.values()) == [5, 4, 4, 2, 1]
    assert len(found) == 1
    looked = fit.effort_places(
        table, [], SPEC | {"background": {"effort": "target_group", "points": 1, "bandwidth_m": 1}}
    )
    assert len(looked) == 5, "absences and old records show where people looked"


def points(**columns):
    """Records of 2020, 50 km apart."""
    n = len(next(iter(columns.values())))
    places = gpd.points_from_xy([50_000 * i for i in range(n)], [0] * n)
    table = {"date": pd.Timestamp("2020-01-01")} | columns
    return gpd.GeoDataFrame(table, geometry=places, crs="EPSG:6933", index=range(n))


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"occurrence_status": ["present", "absent", None, "ABSENT"]}, [0, 2]),
        ({"individual_count": [1.0, 0.0, None]}, [0, 2]),
        ({"n_adults": [1.0, 0.0, 0.0, None], "n_kittens": [0.0, 0.0, 2.0, None]}, [0, 2, 3]),
        ({"n_adults": [None, None, 1.0], "absence_effort_camdays": [30.0, None, 30.0]}, [1, 2]),
        ({"basis_of_record": ["human_observation", "living_specimen", "fossil_specimen"]}, [0]),
        ({"coord_error_m": [30.0, 1000.0, 1001.0, 250_000.0, None]}, [0, 1, 4]),
    ],
)
def test_what_is_no_wild_animal_or_has_no_place_is_no_presence(columns, kept):
    """Without any `where`."""
    found, steps = fit.presences(points(**columns), SPEC | {"where": None}, "2025-10-01")
    assert sorted(found["x"]) == [50_000 * i for i in kept]
    assert steps["records"] == len(next(iter(columns.values())))
    assert steps["independent"] == len(kept)


@pytest.mark.parametrize(
    ("limit", "cell_m", "kept"), [(None, 5000, 2), (None, 30, 1), (100, 5000, 0)]
)
def test_the_largest_error_of_a_position(limit, cell_m, kept):
    table = points(coord_error_m=[500.0, 4000.0])
    spec = SPEC | {"where": None, "max_error_m": limit}
    _, steps = fit.presences(table, spec, "2025-10-01", cell_m)
    assert (steps["presences"], steps["placed well enough"]) == (2, kept)


def test_a_place_that_is_hardly_known_shows_no_effort():
    background = {"effort": "target_group", "points": 100, "bandwidth_m": 20_000}
    table = points(coord_error_m=[30.0, 20_000.0, 90_000.0, None])
    looked = fit.effort_places(table, [], SPEC | {"background": background})
    assert looked[:, 0].tolist() == [0, 50_000, 150_000]


def test_the_background_lies_where_people_looked():
    spec = SPEC | {
        "background": {"points": 300, "effort": "target_group", "bandwidth_m": 5000.0},
        "thin_m": 1.0,
    }
    looked = np.array([[50_000.0, 50_000.0]])
    found = pd.DataFrame({"x": [50_000.0], "y": [50_000.0]})
    sites = fit.draw_sites(found, looked, GRID, lambda r, c: np.ones(len(r)), spec)
    ground = sites[sites["kind"] == "background"]
    near = np.hypot(ground["x"] - 50_000, ground["y"] - 50_000) < 15_000
    assert len(ground) == 300 and near.mean() > 5 * np.pi * 15**2 / 200**2


@pytest.mark.parametrize("n", [0, 3])
def test_too_few_records_give_unknown_maps_and_the_reason(n):
    maps, truth = land()
    made = fitted(cats(truth, 3)[:n], maps, truth)
    shown = fit.predict(made, pd.DataFrame({n: [0.0] for n in maps}), np.array([0.5]), KEY)
    assert made.model is None and all(np.isnan(shown[name]).all() for name in fit_words.BANDS)
    assert "not fitted" in made.tables["evaluation"]["fold"].iloc[0]
    assert fit_words.key_rules(KEY, [made.tables["thresholds"]])["suitable"] == 0.4
    assert (
        "not fitted" in fit_words.sentences(made.tables["evaluation"], made.tables["thresholds"])[0]
    )


def test_thresholds_come_from_the_records_only_if_wanted_and_enough(simulated):
    maps, truth, made = simulated
    assert fit_words.key_rules(KEY, [made.tables["thresholds"]])["suitable"] == 0.4
    wanted = KEY | {"thresholds": "fitted"}
    light = SPEC | {"method": "logistic"}
    many = fit_words.key_rules(
        wanted, [fitted(cats(truth), maps, truth, light, wanted).tables["thresholds"]]
    )
    few = fit_words.key_rules(
        wanted, [fitted(cats(truth, 20), maps, truth, light, wanted).tables["thresholds"]]
    )
    assert few["suitable"] == 0.4 and "expert" in fit_words.threshold_words(few)
    assert many["suitable"] != 0.4 and many["key"] >= many["suitable"]
    assert "independent records" in fit_words.threshold_words(many)


def test_the_config_names_what_is_wrong_with_the_block():
    config = load.written_out(demo_config())
    config["analyses"]["suitability"]["records"] = "manul_record"
    config["analyses"]["suitability"]["predictors"].append("releif")
    with pytest.raises(load.ConfigError, match="'manul_records'") as fault:
        load.load(config)
    assert "'relief'" in str(fault.value)
    del config["analyses"]["suitability"]
    config["key_habitat"]["thresholds"] = "suitability"
    with pytest.raises(load.ConfigError, match="neither 'expert' nor an analysis"):
        load.load(config)


def test_preflight_tells_of_columns_that_the_fit_and_districts_lack():
    from manul.preflight import uses

    config = load.written_out(demo_config())
    config["analyses"]["suitability"] |= {"where": "n_adult > 0", "date_field": "day"}
    config["threats"]["rodenticide_toxic"]["surface"] |= {
        "districts_layer": "provinces",
        "districts_field": "nam",
    }
    config = load.load(config)["current"]
    records = pd.DataFrame({"n_adults": [1], "date": ["2020-01-01"]})
    tables = {"manul_records": records, "provinces": pd.DataFrame({"name": ["A"]})}
    told = " ".join(map(str, uses.check_analyses(config, tables)))
    for word in ("n_adult", "day", "nam", "rodenticide_toxic"):
        assert word in told


def test_thresholds_that_coincide_still_make_a_legend():

    from manul.maps import scales

    def classes(suitable, key):
        rules = {"key_habitat": {"suitable": suitable, "key": key}}
        return scales.suitability(rules["key_habitat"]).classes

    assert classes(0.4, 0.6).bounds == pytest.approx((0.2, 0.4, 0.6, 0.8))
    assert classes(0.35, 0.35).names == ("poor", "marginal", "key", "best")


# --------------------------------------------------------------------------- gate and protocol

GATE = SPEC["gate"]


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ({"auc": 0.75, "boyce": 0.5, "omission": 0.1}, "passed"),
        (
            {"auc": 0.734, "boyce": 0.9, "omission": 0.13},
            "misses the gate for use: AUC 0.73 (0.75 or more), omission 0.13 (0.10 or less)",
        ),
        (
            {"auc": 0.9, "boyce": np.nan, "omission": 0.0},
            "misses the gate for use: Boyce index nan (0.50 or more)",
        ),
    ],
)
def test_a_fit_is_held_against_its_gate(scores, told):
    assert fit_words.gate_words(scores, GATE) == told


def thresholds_table(gate, by="40 independent records"):
    rows = {"map": ["habitat", "fitted"], "suitable": 0.5, "key": 0.6, "by": by, "used": True}
    return pd.DataFrame(rows | {"records": 40, "note": "compare both maps", "gate": gate})


def test_all_that_rests_on_a_fit_says_that_it_missed_the_gate():
    poor = "misses the gate for use: AUC 0.73 (0.75 or more)"
    scores = {"auc": 0.73, "tss": 0.4, "boyce": 0.6, "omission": 0.1}
    evaluation = pd.DataFrame([{"method": "maxent", "fold": "mean", **scores}])
    told = fit_words.sentences(evaluation, thresholds_table(poor))
    assert told[0] == f"The fit {poor}"
    key = fit_words.key_rules(KEY, [thresholds_table(poor)])
    assert fit_words.threshold_words(key).endswith(f"40 independent records; the fit {poor}")
    good = fit_words.sentences(evaluation, thresholds_table("passed"))
    assert not any("gate" in line for line in good)
    expert = fit_words.key_rules(KEY, [thresholds_table(poor, fit_words.EXPERT)])
    assert "gate" not in fit_words.threshold_words(expert)


def of_a_fit(**more) -> dict:
    """The tables of a fit with three rows of scores, of which one is of a single fold."""
    scores = {"auc": 0.81, "tss": 0.5, "boyce": 0.7, "omission": 0.1}
    rows = [{"method": "maxent", "fold": fold} | scores for fold in ("1", "mean", "pooled")]
    curves = pd.DataFrame({"covariate": ["relief"], "value": ["1"], "suitability": [0.5]})
    return {
        "evaluation": pd.DataFrame(rows),
        "thresholds": thresholds_table("passed"),
        "response_curves": curves,
        "importance": pd.DataFrame({"covariate": ["relief"], "share": [1.0]}),
        "odmap": pd.DataFrame({"section": ["Overview"]}),
    } | more


def test_the_page_of_a_fit_tells_means_and_leaves_out_single_folds():
    found = suitability.section(of_a_fit())
    titles = [title for title, _ in found.tables]
    assert [title.partition(" ")[0] for title in titles] == ["Scores", "Thresholds;", "ODMAP"]
    assert found.tables[0][1]["fold"].tolist() == ["mean", "pooled"]
    assert found.numbers == [
        ("auc maxent", 0.81, None, None, ""), ("tss maxent", 0.5, None, None, ""),
        ("boyce maxent", 0.7, None, None, ""), ("omission maxent", 0.1, None, None, ""),
    ]  # fmt: skip
    assert [caption.partition(",")[0] for caption, _ in found.figures] == [
        *("Response curves", "Importance")
    ]


def test_the_page_of_a_fit_that_was_not_made_has_no_figure():
    empty = of_a_fit()["response_curves"].iloc[:0]
    found = suitability.section(of_a_fit(response_curves=empty))
    assert len(found.tables) == 2 and not found.figures


def test_maps_of_a_fit_tell_its_thresholds_or_why_there_are_none():
    fitted = SimpleNamespace(
        model=object(), suitable={"fitted": 0.345}, predictors=["relief", "noise"],
        tables={"thresholds": thresholds_table("passed")},
    )  # fmt: skip
    told = suitability._tags(fitted, KEY)
    assert told["MANUL_MOST_DISSIMILAR"] == "1 relief; 2 noise"
    assert told["MANUL_THRESHOLDS"].startswith("fit: suitable from 0.34 (")
    assert told["MANUL_THRESHOLDS"].endswith("suitable from 0.40 (config)")
    fitted.tables["thresholds"] = thresholds_table("misses the gate for use: AUC 0.73")
    assert "misses the gate" in suitability._tags(fitted, KEY)["MANUL_THRESHOLDS"]
    fitted.model, fitted.reason = None, "3 records"
    assert suitability._thresholds(fitted, KEY) == "not fitted: 3 records"


def test_maps_of_a_fit_that_rules_may_name_are_the_bands_that_they_say():
    found = {
        word: list(suitability.MAPS[file])[band - 1]
        for word, (file, band, _, _) in suitability.FIELDS.items()
    }
    assert found == {"": "suitability", "mess": "mess", "agreement": "agreement"}


def test_without_a_fit_the_thresholds_are_those_of_the_config():
    assert fit_words.key_rules(KEY) == KEY | {"source": fit_words.EXPERT}


def test_a_fit_reads_the_layers_of_effort_that_are_there():
    config = {"layers": {"a": {"kind": "records"}, "b": {"kind": "absent"}}}
    block = SPEC | {"background": {"effort": ["a", "b"]}}
    read = suitability.reads(block, config)
    assert read["effort"] == [("layer", "a")]
    assert read["records"] == [("layer", "cats")]
    assert read["predictors"][0] == ("surface", "relief")
    assert suitability.reads(SPEC, config)["effort"] == []


def test_the_demo_has_the_gate_of_the_project():
    block = load.load(demo_config())["current"]["analyses"]["suitability"]
    assert block["gate"] == {"auc": 0.75, "boyce": 0.5, "omission": 0.1}


def test_the_protocol_is_filled_from_the_config_and_names_what_authors_must_write():
    answers = fit._answers({"records": 60, "independent": 40}, SPEC)
    assert answers["Data partitioning"] == "4 folds of spatial blocks of 40 km"
    assert "presences: n > 0; at most 20 years old" in answers["Biodiversity data overview"]
    told = SimpleNamespace(
        region={"title": "Tien Shan", "bounds": [74, 40, 81, 43.5], "cell_m": 1000, "crs": "x"},
        species={"status": "Least Concern (2020)"},
    )
    about = suitability._about(told)
    assert about["Location"] == "Tien Shan: 74 to 81 degrees east, 40 to 43.5 north"
    assert about["Focal taxon"] == "Least Concern (2020)"
    assert set(about) | set(answers) <= {e for names in explain._ODMAP.values() for e in names}


@pytest.mark.parametrize(
    ("records", "wish", "used"),
    [(30, "a", "suitability"), (29, "a", "habitat"), (30, "expert", "habitat")],
)
def test_thresholds_of_enough_records_are_in_use_where_they_are_wanted(records, wish, used):
    limits = {"suitability": {"presence_p10": 0.3, "max_tss": 0.2}}
    spec, key = {"minimum_records": 30, "prefer_at": 60}, KEY | {"thresholds": wish}
    table = fit._threshold_table(limits, records, spec, key).set_index("map")
    assert table.loc["habitat", ["suitable", "key"]].tolist() == [0.4, 0.6]
    assert table.loc["suitability", ["suitable", "key"]].tolist() == [0.3, 0.3]
    assert table.index[table["used"]].tolist() == [used]


# ------------------------------------------------------------------ cells, ages, codes, weights


@pytest.mark.parametrize(("n", "drawn"), [(6, 6), (12, 12), (13, 12), (400, 12)])
def test_cells_are_drawn_once_each_with_their_centres(n, drawn):
    """Of a grid of 3 x 4 cells of 10 m whose upper left corner lies at (100, 230)."""
    grid = GeoBox.from_bbox((100, 200, 140, 230), crs="EPSG:6933", resolution=10)
    cells = fit._some_cells(np.random.default_rng(0), grid, n)
    assert len(cells) == drawn and not cells.duplicated(["row", "column"]).any()
    assert set(cells["row"]) <= {0, 1, 2} and set(cells["column"]) <= {0, 1, 2, 3}
    assert (cells["x"] == 105 + 10 * cells["column"]).all()
    assert (cells["y"] == 225 - 10 * cells["row"]).all()


def test_of_many_cells_as_many_as_asked_for_are_drawn_from_all_over():
    cells = fit._some_cells(np.random.default_rng(0), GRID, 3000)
    assert 2800 < len(cells) <= 3000
    for name in ("row", "column"):
        assert cells[name].min() < 5 and cells[name].max() > 194
        assert cells[name].mean() == pytest.approx(99.5, abs=6)


def test_places_beyond_the_grid_are_left_out_and_the_others_have_their_cell():
    x = [0, 999, 1_000, 199_999, 200_001, -1, 500, 500]
    y = [199_999, 199_000.5, 198_999, 1, 5, 5, 200_001, -1]
    found = fit._inside(pd.DataFrame({"x": x, "y": y}, dtype=float), GRID)
    assert found[["row", "column"]].to_numpy().tolist() == [[0, 0], [0, 0], [1, 1], [199, 199]]


def test_sites_are_presences_background_and_a_sample_with_the_habitat_of_their_cells():
    def habitat(row, column):
        return np.where(np.asarray(column) < 100, np.nan, 1000.0 * row + column)

    found = pd.DataFrame({"x": [150_500.0, -5.0], "y": [100_500.0, 5.0]})
    sites = fit.draw_sites(found, None, GRID, habitat, SPEC)
    kinds = sites["kind"].value_counts()
    assert kinds["presence"] == 1 and kinds["background"] == 1000
    assert kinds["sample"] == 5000
    assert (sites["habitat"] == habitat(sites["row"], sites["column"])).all()
    ground = sites[sites["kind"] != "presence"]
    assert (ground["effort"] == 1).all() and ground["column"].min() >= 100
    assert not sites[sites["kind"] == "background"].duplicated(["row", "column"]).any()
    with pytest.raises(ValueError, match="no background to draw from"):
        fit.draw_sites(found, None, GRID, lambda r, c: np.full(len(r), np.nan), SPEC)


@pytest.mark.parametrize(
    ("date", "kept"), [("2005-10-02", 1), ("2005-09-28", 0), ("2026-01-01", 1), (None, 0)]
)
def test_records_of_twenty_years_are_young_enough_and_older_ones_are_not(date, kept):
    table = points(n=[1.0]).assign(date=pd.to_datetime([date]))
    found, steps = fit.presences(table, SPEC, "2025-10-01")
    assert (len(found), steps["young enough"]) == (kept, kept)


def test_codes_and_bands_of_a_prediction_are_those_of_its_two_models():
    """The fit calls suitable from 0.5, the expert model from 0.4."""
    shown = np.array([0.5, 0.5, 0.49, 0.49, np.nan, 0.9])
    habitat = np.array([0.4, 0.39, 0.4, 0.39, 0.9, np.nan])
    ranks = fit._ranks(np.array([0.1, 0.49, 0.5, np.nan, 0.9]))
    made = fit.Fitted(
        predictors=("a", "b"), tables={}, model=SimpleNamespace(predict=lambda values: shown),
        reference=np.array([[0.0, 5.0], [1.0, 6.0]]), suitable={"fitted": 0.5},
        ranks={"fitted": ranks, "habitat": ranks},
    )  # fmt: skip
    values = pd.DataFrame({"a": [0.5, 0.5, 0.5, 999.0, np.nan, 0.5], "b": [5.5] * 5 + [7.0]})
    told = fit.predict(made, values, habitat, KEY)
    np.testing.assert_array_equal(told["agreement"], [1, 2, 3, 0, np.nan, np.nan])
    named = [fit_words.AGREEMENT[code] for code in told["agreement"][:4]]
    assert named == ["both suitable", "fit only", "expert model only", "neither suitable"]
    np.testing.assert_array_equal(told["suitability"], shown)
    assert told["mess"][3] == -1000 and told["mess"][5] == pytest.approx(-100)
    assert told["most_dissimilar"][[3, 5]].tolist() == [1, 2] and np.isnan(told["mess"][4])
    expected = ranks.share(shown) - ranks.share(habitat)
    np.testing.assert_array_equal(told["rank_difference"], expected)
    assert told["rank_difference"][1] > 0, "the fit ranks it higher"


@pytest.mark.parametrize(
    ("auc", "weights"),
    [
        ({"a": 0.9, "b": 0.75}, {"a": 0.8, "b": 0.5}),
        ({"a": 0.9, "b": 0.4}, {"a": 0.8, "b": 0.0}),
        ({"a": 0.5, "b": 0.3}, None),
    ],
)
def test_members_of_an_ensemble_weigh_by_how_much_better_than_chance_they_are(
    monkeypatch, auc, weights
):
    held = {
        name: SimpleNamespace(scores=pd.DataFrame({"auc": [value]}, ["mean"]))
        for name, value in (auc | {"ensemble": 0.99}).items()
    }
    monkeypatch.setattr(fit.suitability, "cross_validate_members", lambda *a, **k: held)
    spec = SPEC | {"weights": "by_skill"}
    found = fit._options((None, None), (None, None), spec)
    assert found.get("model_weights") == (weights and pytest.approx(weights))
    assert found["options"] == SPEC["options"]
    by_records = fit._options((None, None), (None, None), SPEC)
    assert by_records == {"options": SPEC["options"]}
    one = SPEC | {"method": "boosted"}
    assert fit._options((None, None), (None, None), one) == {"bags": 1}


@pytest.mark.parametrize(
    ("records", "note"),
    [
        (29, "fewer than the 30 records that thresholds need; expert model is the default"),
        (30, "expert model is the default"), (59, "expert model is the default"),
        (60, "compare both maps"),
    ],
)  # fmt: skip
def test_the_note_of_thresholds_says_for_what_the_records_are_enough(records, note):
    limits = {"fitted": {"presence_p10": 0.31239, "max_tss": 0.7}}
    table = fit._threshold_table(limits, records, SPEC, KEY).set_index("map")
    assert set(table["note"]) == {note} and set(table["records"]) == {records}
    assert table.loc["fitted", ["suitable", "key"]].tolist() == [0.3124, 0.7]
    assert table["used"].all(), "what the expert says of habitat, and what the fit says of itself"


def test_a_fit_is_told_with_the_sites_that_made_it():
    """80 presences, and a background of which every second point is far from all effort."""
    rng = np.random.default_rng(3)
    kinds = ["presence"] * 80 + ["background"] * 300 + ["sample"] * 200
    sites = pd.DataFrame({"kind": kinds, "x": rng.uniform(0, 2e5, 580)})
    sites["y"], sites["habitat"] = rng.uniform(0, 2e5, 580), rng.uniform(0, 1, 580)
    sites["effort"] = np.where(np.arange(580) % 2, 0.01, 0.5)
    sites.loc[sites["kind"] == "presence", "effort"] = np.nan
    values = pd.DataFrame({"relief": rng.normal(size=580), "cover": rng.normal(size=580)})
    values.loc[:79, "relief"] += 2
    values.loc[0, "cover"] = np.nan  # a presence without a predictor
    spec = SPEC | {"method": "logistic", "options": {}}
    made = fit.fit(sites, values, {"independent": 80}, spec, KEY, {"Location": "Tien Shan"})
    used = values[(sites["kind"] == "presence") | (sites["effort"] == 0.5)]
    used = used[(sites["kind"] != "sample") & used.notna().all(axis=1)]
    np.testing.assert_array_equal(np.sort(made.reference[:, 0]), np.sort(used["relief"]))
    assert made.tables["thresholds"]["records"].unique().tolist() == [79]
    evaluation = made.tables["evaluation"].set_index("fold")
    assert evaluation.loc[[0, 1, 2, 3], ["n_presences", "n_background"]].sum().tolist() == [79, 300]
    assert evaluation.loc["mean", "auc"] > 0.8
    assert made.predictors == ("relief", "cover") and not made.reason
    share = made.tables["importance"].set_index("covariate")["share"]
    assert share["relief"] > 0.8
    curves = made.tables["response_curves"]
    relief = pd.to_numeric(curves.loc[curves["covariate"] == "relief", "value"])
    assert relief.max() <= values["relief"][:80].max()
    odmap = made.tables["odmap"].set_index("element")["value"]
    assert odmap["Location"] == "Tien Shan"
    assert odmap["Data partitioning"] == "4 folds of spatial blocks of 40 km"
    low, high = made.ranks["habitat"].share(np.array([-1.0, 2.0]))
    assert (low, high) == (0, 1)


def test_maps_of_a_block_are_unknown_outside_the_region(tmp_path):
    grid = GeoBox.from_bbox((0, 0, 4, 3), crs="EPSG:6933", resolution=1)
    values = {"a": np.arange(12.0).reshape(3, 4), "habitat": np.full((3, 4), 0.5)}
    for name, array in values.items():
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", height=3, width=4, count=1,
            dtype="float32", crs="EPSG:6933", transform=grid.affine, nodata=np.nan,
        ) as file:  # fmt: skip
            file.write(array.astype("float32"), 1)
    shape = gpd.GeoDataFrame(geometry=[shapely.box(1, 0, 4, 3)], crs="EPSG:6933")
    mask = tmp_path / "mask.gpkg"
    vectors.write_vector(mask, {"mask": shape}, {})
    made = fit.Fitted(
        predictors=("a",), tables={}, suitable={"fitted": 7.0}, reference=np.array([[0.0], [9.0]]),
        model=SimpleNamespace(predict=lambda values: values["a"].to_numpy(float)),
        ranks=dict.fromkeys(("fitted", "habitat"), fit._ranks([0.0, 11.0])),
    )  # fmt: skip
    files = {"a": tmp_path / "a.tif"}
    told = suitability._on_block(
        files, tmp_path / "habitat.tif", [mask], grid, made, KEY, (1, 3, 0, 3)
    )
    assert {name: tuple(bands) for name, bands in told.items()} == {
        "fitted": fit_words.FITTED_BANDS, "disagreement": fit_words.DISAGREEMENT,
    }  # fmt: skip
    unknown = np.nan
    np.testing.assert_array_equal(
        told["fitted"]["suitability"], [[unknown, 5, 6], [unknown, 9, 10]]
    )
    np.testing.assert_array_equal(
        told["disagreement"]["agreement"], [[unknown, 3, 3], [unknown, 1, 1]]
    )


@pytest.mark.parametrize(
    ("fold", "records", "told"),
    [
        ("mean", 1, "Fitted to 1 independent record (maxent); compare both maps"),
        ("mean", 2, "Fitted to 2 independent records (maxent); compare both maps"),
        ("not fitted: 3 records", 3, "maxent: not fitted: 3 records"),
    ],
)
def test_words_of_a_fit_are_those_of_its_own_row(fold, records, told):
    """Another method's scores and the thresholds of the other map are not told."""
    scores = {"auc": 0.7349, "tss": 0.4, "boyce": 0.6, "omission": 0.1}
    rows = [
        {"method": "maxent", "fold": fold} | scores,
        {"method": "maxent", "fold": "pooled"} | dict.fromkeys(scores, 0.01),
        {"method": "boosted", "fold": "mean"} | dict.fromkeys(scores, 0.99),
    ]
    table = thresholds_table("passed").assign(
        records=records, suitable=[0.11, 0.22], gate=["misses", "passed"]
    )
    said = fit_words.sentences(pd.DataFrame(rows), table)
    assert said[0] == told
    if fold == "mean":
        assert said[1].endswith("AUC 0.73, TSS 0.40, Boyce index 0.60, omission 0.10")
        assert said[2].startswith("Suitable here from 0.22 (") and len(said) == 3
    only_habitat = fit_words.sentences(pd.DataFrame(rows), table.iloc[:1])
    assert only_habitat == (f"maxent: {fold}",)


def test_thresholds_in_use_are_those_of_the_habitat_map():
    table = thresholds_table("passed").assign(suitable=[0.11, 0.22], key=[0.33, 0.44])
    found = fit_words.key_rules(KEY, [table])
    assert (found["suitable"], found["key"]) == (0.11, 0.33)
    twice = pd.concat([table.assign(used=False, suitable=0.9), table], ignore_index=True)
    assert fit_words.key_rules(KEY, [twice])["suitable"] == 0.11

"""Camera traps against an independent script's counts, occupancy against PRESENCE-like software.

The tables in tests/oracle/evidence are made up; the answers came from other software.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from manul.cameras import occupancy, traps
from manul.records import field_tables

ORACLE = Path(__file__).parents[1] / "oracle" / "evidence"
EIGHT = ORACLE / "eight_cameras"
AS_OF = "2026-11-01"


def _read(table):
    block = {"kind": "records", "table": table}
    return field_tables.read(EIGHT / "datapackage.json", block, AS_OF).accepted


@pytest.fixture(scope="module")
def stood():
    return traps.effort(_read("camera_deployment"))


@pytest.fixture(scope="module")
def used(stood):
    return traps.records(_read("camera_observation"), stood)


def _answers(name, **more):
    return pd.read_csv(EIGHT / "answers" / f"{name}.csv", dtype={"deploymentID": str}, **more)


def test_effort_honours_the_offsets_of_its_times(stood):
    want = _answers("effort").set_index("deploymentID")["camera_days"]
    assert stood.set_index("deployment")["camera_days"].to_dict() == pytest.approx(
        want.to_dict(), abs=1e-6
    )


def test_every_row_left_out_is_counted_under_one_reason(used):
    want = json.loads((EIGHT / "answers" / "summary.json").read_text())
    assert len(used.records) == want["records_used"]
    assert used.left_out == want["records_left_out"]


@pytest.mark.parametrize("rule", traps.RULES)
@pytest.mark.parametrize("minutes", [30, 60])
def test_independent_events_to_the_row(used, rule, minutes):
    want = _answers("independent_events").query("rule == @rule and minutes == @minutes")
    found = traps.events(used.records, minutes, rule)
    both = found.merge(
        want, how="outer", left_on=["deployment", "name", "event"],
        right_on=["deploymentID", "scientificName", "event"],
    )  # fmt: skip
    assert len(both) == len(found) == len(want)
    assert (both["records_x"] == both["records_y"]).all()
    assert (both["most_at_once"] == both["max_count"]).all()
    assert (both["first"] == pd.to_datetime(both["first_utc"], utc=True)).all()
    assert (both["last"] == pd.to_datetime(both["last_utc"], utc=True)).all()


def test_relative_abundance_is_events_in_100_camera_days(used, stood):
    want = _answers("rai_by_species").set_index("scientificName")
    found = traps.relative_abundance(traps.events(used.records), stood).set_index("name")
    assert found["per_100_days"].to_dict() == pytest.approx(
        want["rai100_last_record_30"].to_dict(), abs=1e-5
    )
    assert (found["deployments"] == want["deployments_with"]).all()
    assert found["naive_occupancy"].to_dict() == pytest.approx(want["naive_occupancy"].to_dict())


@pytest.mark.parametrize(
    ("file", "days", "key"),
    [("detection_by_7_days", 7, "occasion"), ("detection_by_iso_week_utc", None, "iso_week")],
)
def test_detections_by_occasion_to_the_row(used, stood, file, days, key):
    want, periods = _answers(file), traps.occasions(stood, days)
    for name, rows in want.groupby("scientificName"):
        found = traps.detections(used.records[used.records["name"] == name], periods)
        both = found.merge(
            rows, how="outer", left_on=["deployment", "occasion"], right_on=["deploymentID", key]
        )
        assert len(both) == len(found) == len(rows)
        assert (both["records_x"] == both["records_y"]).all()
        assert (both["detected_x"] == both["detected_y"]).all()
        assert (both["effort_days_x"] - both["effort_days_y"]).abs().max() < 1e-6


def test_rows_that_cannot_be_used_have_the_first_reason_that_holds():
    at = pd.Timestamp("2024-05-01", tz="UTC")
    stood = pd.DataFrame(
        {"deployment": ["a"], "start": [at], "end": [at + 2 * traps.DAY], "camera_days": [2.0]}
    )
    rows = [
        ("a", at, "event", "animal", "Otocolobus manul", np.nan),
        ("a", at, "media", "animal", "Otocolobus manul", 1),
        ("b", at, "event", "animal", "Otocolobus manul", 1),
        ("a", at + 3 * traps.DAY, "event", "animal", "Otocolobus manul", 1),
        ("a", at, "event", "animal", "", 1),
        ("a", at, "", "human", "", 1),
    ]
    names = ["deployment", "time", "level", "kind_seen", "name_seen", "number_seen"]
    used = traps.records(pd.DataFrame(rows, columns=names), stood)
    assert used.records["number"].tolist() == [1]
    assert used.left_out == {
        "other observationLevel": 1, "not animal: human": 1, "animal without a name": 1,
        "unknown deployment": 1, "outside its deployment's time": 1,
    }  # fmt: skip


def test_a_camera_that_stood_ten_days_has_a_week_and_three_days():
    start = pd.Timestamp("2024-05-01 12:00", tz="UTC")
    stood = pd.DataFrame(
        {"deployment": ["a", "b"], "start": start, "end": start + pd.to_timedelta([10, 0.5], "D")}
    )
    periods = traps.occasions(stood)
    assert periods["effort_days"].tolist() == [7, 3, 0.5]
    at_end = pd.DataFrame({"deployment": ["a"], "time": [start + pd.Timedelta(days=10)]})
    seen, days, sites = traps.histories(traps.detections(at_end, periods))
    assert sites == ["a", "b"]  # half a day is no visit, but the site is there
    np.testing.assert_array_equal(seen, [[0, 1], [np.nan, np.nan]])
    np.testing.assert_array_equal(days, [[7, 3], [np.nan, np.nan]])


# ----------------------------------------------------------------------------------- occupancy

OCCUPANCY = json.loads((ORACLE / "occupancy.json").read_text())


@pytest.fixture(scope="module")
def static():
    return pd.read_csv(ORACLE / "occupancy_static.csv")


def _same(found, want, names):
    assert found.converged
    assert found.beta == pytest.approx([want["estimate_logit"][n] for n in names], abs=1e-6)
    error = np.sqrt(np.diag(found.covariance))
    assert error == pytest.approx([want["se_logit"][n] for n in names], abs=1e-6)
    assert found.log_likelihood == pytest.approx(want["loglik"], abs=1e-8)


def test_constant_occupancy_and_the_chance_of_each_site(static):
    seen = static.filter(regex=r"^y\d").to_numpy()
    found, want = occupancy.fit(occupancy.data(seen)), OCCUPANCY["static"]["constant"]
    _same(found, want, ["psi", "p"])
    assert found.aic == pytest.approx(want["AIC"])
    assert found.occupied()[:, 0] == pytest.approx(want["posterior_occupied"], abs=1e-7)
    for part in ("psi", "p"):
        value, low, high = found.chance(part, np.ones((1, 1)))
        assert value[0] == pytest.approx(want["real"][part])
        assert [low[0], high[0]] == pytest.approx(want["real"][f"{part}_ci"])


def test_occupancy_with_covariates_of_site_and_visit(static):
    seen, effort = (static.filter(regex=of).to_numpy() for of in (r"^y\d", "^effort"))
    site = {"elev": static["elev"], "rugged": static["rugged"]}
    found = occupancy.fit(occupancy.data(seen, site, {"effort": effort - 4.5}))
    want = OCCUPANCY["static"]["psi_covariates_p_effort"]
    _same(found, want, list(want["estimate_logit"]))
    for row in want["predict_psi"]:
        value, low, high = found.chance("psi", np.array([[1, row["elev"], row["rugged"]]]))
        assert (value[0], low[0], high[0]) == pytest.approx(
            (row["psi"], row["lower"], row["upper"])
        )
    assert found.table()["term"].tolist()[1:3] == ["psi: elev", "psi: rugged"]


def test_occupancy_over_years():
    table, want = pd.read_csv(ORACLE / "occupancy_dynamic.csv"), OCCUPANCY["dynamic"]
    seen = table.iloc[:, 1:].to_numpy(float).reshape(len(table), 4, 3)
    found = occupancy.fit(occupancy.data(seen))
    _same(found, want["constant"], ["psi1", "gamma", "epsilon", "p"])
    assert found.projected() == pytest.approx(want["constant"]["psi_projected"])
    smoothed = found.occupied().mean(axis=0)
    assert smoothed == pytest.approx(want["constant"]["psi_smoothed_mean"])
    later = {str(year): np.eye(3)[None, :, year - 1].repeat(len(table), 0) for year in (2, 3)}
    by_year = occupancy.fit(occupancy.data(seen, gamma=later, epsilon=later))
    assert by_year.log_likelihood == pytest.approx(
        want["gamma_and_epsilon_by_year"]["loglik"], abs=1e-7
    )


def test_a_site_where_a_cat_was_seen_is_occupied_and_one_never_visited_is_as_likely_as_any():
    seen = np.array([[1, 0], [0, 0], [np.nan, np.nan]])
    data = occupancy.data(seen)
    beta = np.array([0.0, 0.0])  # psi and p are 1/2
    assert np.exp(occupancy.log_likelihood(beta, data)) == pytest.approx(
        (1 / 2 * 1 / 4) * (1 / 2 * 1 / 4 + 1 / 2) * 1
    )
    found = occupancy.Fit(data, beta, np.eye(2), 0.0, True)
    assert found.occupied()[:, 0] == pytest.approx([1, (1 / 8) / (5 / 8), 1 / 2])


def test_a_covariate_must_be_known_where_somebody_looked():
    with pytest.raises(ValueError, match="elevation of psi is unknown"):
        occupancy.data([[1, 0]], {"elevation": [np.nan]})
    occupancy.data([[1, np.nan]], p={"effort": [[7, np.nan]]})  # not where nobody did
    with pytest.raises(ValueError, match="0, 1 or not known"):
        occupancy.data([[2, 0]])


def test_the_fit_test_finds_visits_that_are_not_alike(static):
    seen = static.filter(regex=r"^y\d").to_numpy()
    well = occupancy.goodness(occupancy.fit(occupancy.data(seen)), draws=60)
    assert well["p"] > 0.05
    assert 0.7 < well["spread"] < 1.4
    rng = np.random.default_rng(1)
    often = rng.random(80) < 0.5  # at half of the sites a cat passes daily, at half hardly ever
    mixed = (rng.random((80, 8)) < np.where(often, 0.95, 0.12)[:, None]).astype(float)
    assert occupancy.goodness(occupancy.fit(occupancy.data(mixed)), draws=60)["p"] < 0.05


TWO_SEASONS = {"psi": 0.5, "gamma": 0.4, "epsilon": 0.2, "p": 0.5}


def _of_two_seasons(sites):
    """Data of two seasons with two visits each, and chances that are the same at all sites."""
    data = occupancy.data(np.zeros((sites, 2, 2)))
    beta = np.array([np.log(TWO_SEASONS[part] / (1 - TWO_SEASONS[part])) for part in data.parts])
    return data, data.chances(beta)


def test_the_misfit_of_two_seasons_by_hand():
    data, chances = _of_two_seasons(1)
    data.seen[0] = [[1, 0], [0, 0]]
    # occupied by 0.5, then by 0.5 x 0.8 + 0.5 x 0.4 = 0.6; two visits find half of that each
    want = (1 - 0.5**0.5) ** 2 + 0.6
    assert occupancy._misfit(data, chances) == pytest.approx(want)


def test_simulated_seasons_gain_and_lose_sites_as_the_model_says():
    data, chances = _of_two_seasons(100_000)
    found = occupancy._simulate(data, chances, np.random.default_rng(0))
    first, second = found.any(axis=2).mean(axis=0)
    assert first == pytest.approx(0.5 * 0.75, abs=0.01)
    assert second == pytest.approx(0.6 * 0.75, abs=0.01)
    seen = found[found[:, 0].any(axis=1)]
    assert seen[:, 1].any(axis=1).mean() == pytest.approx(0.8 * 0.75, abs=0.01)


def test_a_coefficient_has_the_interval_of_its_error(static):
    seen = static.filter(regex=r"^y\d").to_numpy()
    table = occupancy.fit(occupancy.data(seen)).table()
    for end, sign in (("low", -1), ("high", 1)):
        want = table["coefficient"] + sign * 1.959964 * table["se"]
        assert table[end].tolist() == pytest.approx(want.tolist())


def test_sites_for_a_wanted_precision():
    # p = 1: each site tells its state, so the error is that of a share, psi (1 - psi) / sites
    assert occupancy.sites_for(0.5, 1 - 1e-12, 3, 0.05) == pytest.approx(0.25 / 0.05**2)
    few = occupancy.sites_for(0.4, 0.2, 4, 0.05)
    # ever seen 1 - 0.8^4 = 0.5904; 4 x 0.2 x 0.8^3 = 0.4096; 0.4 / 0.0025 (0.6 + 0.4096 / 0.1808)
    assert few == pytest.approx(160 * (0.6 + 0.4096 / 0.1808))
    assert occupancy.sites_for(0.4, 0.2, 8, 0.05) < few


@pytest.mark.parametrize("sites", [60])
def test_the_interval_of_occupancy_covers_the_truth(sites):
    rng, held = np.random.default_rng(5), 0
    for _ in range(100):
        lives = rng.random(sites) < 0.4
        seen = (lives[:, None] & (rng.random((sites, 6)) < 0.3)).astype(float)
        _, low, high = occupancy.fit(occupancy.data(seen)).chance("psi", np.ones((1, 1)))
        held += low[0] <= 0.4 <= high[0]
    assert 90 <= held <= 99

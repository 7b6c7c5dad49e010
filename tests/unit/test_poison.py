"""Rodenticide: the worked values of the model, footprints, distances and how events combine."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from manul.surveys import rodenticide

COMPOUNDS = {
    "bromadiolone": {"hazard": 1.0, "half_life_d": 60},
    "brodifacoum": {"hazard": 1.2, "half_life_d": 180},
    "zinc_phosphide": {"hazard": 0.15, "half_life_d": 7},
    "unknown": {"hazard": 0.8, "half_life_d": 60},
}
RULES = {
    "conc_reference_ppm": 50,
    "conc_exponent": 0.5,
    "dose_label_kg_ha": 2.0,
    "exposed": {"methods": ["aerial", "hand_broadcast", "vehicle"], "factor": 1.3},
    "enclosed": {"methods": ["in_burrow"], "factor": 0.7},
    "assume": {
        "compound": "unknown",
        "conc_ppm": 50,
        "dose_kg_ha": 2.0,
        "coverage_frac": 1.0,
        "method": "hand_broadcast",
        "carcass_collected": "n",
    },
    "default_area_ha": 1000.0,
    "prey": {"efficacy": 0.9, "recovery_yr": 1.5},
}
TOXIC = {"source": "toxic", "decay_m": 2700.0, "cut_m": 8000.0}
PREY = {"source": "prey", "decay_m": 500.0, "cut_m": 2000.0}
X = np.arange(-12_000.0, 12_001, 500)
Y = X[::-1]


def event(**values):
    return {
        "date_start": pd.Timestamp("2025-05-01"),
        "compound": "bromadiolone",
        "conc_ppm": 50.0,
        "dose_kg_ha": 2.0,
        "coverage_frac": 1.0,
        "method": "bait_station",
        "carcass_collected": "y",
        "x": 0.0,
        "y": 0.0,
        "area_treated_ha": 100.0,
    } | values


def table(*events):
    return pd.DataFrame(list(events))


def expose(events, path=TOXIC, as_of="2025-05-01", x=X, y=Y, districts=None):
    return rodenticide.exposure(events, x, y, as_of, path, COMPOUNDS, RULES, districts)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, 1.0),
        ({"conc_ppm": 15_000.0}, 1.0),
        ({"conc_ppm": 12.5}, 0.5),
        ({"dose_kg_ha": 1.0}, 0.5),
        ({"dose_kg_ha": 9.0}, 1.0),
        ({"coverage_frac": 0.4}, 0.4),
        ({"coverage_frac": 0.4, "method": "aerial"}, 0.52),
        ({"coverage_frac": 0.4, "carcass_collected": "n"}, 0.52),
        ({"coverage_frac": 0.4, "method": "aerial", "carcass_collected": "n"}, 0.52),
        ({"method": "in_burrow"}, 0.7),
        ({"method": "in_burrow", "carcass_collected": "n"}, 0.91),
        ({"method": "aerial"}, 1.0),
    ],
)
def test_intensity(values, expected):
    got = rodenticide.event_intensity(table(event(**values)), RULES)
    assert got["intensity"].item() == pytest.approx(expected)
    assert got["assumed"].item() == []


def test_missing_values_are_assumed_at_their_worst_and_named():
    gaps = table(event(conc_ppm=np.nan, coverage_frac=0.5), event()).drop(columns="method")
    got = rodenticide.event_intensity(gaps, RULES)
    assert got["assumed"].tolist() == [["conc_ppm", "method"], ["method"]]
    assert got["intensity"].tolist() == pytest.approx([0.65, 1.0])


def test_time_left_of_bromadiolone():
    left = rodenticide.time_left("bromadiolone", np.array([-1, 0, 60, 180, 365]), COMPOUNDS)
    assert left[:4].tolist() == pytest.approx([0, 1, 0.5, 0.125])
    assert left[4] <= 0.02


def test_zinc_phosphide_is_gone_when_its_prey_is_still_missing():
    assert rodenticide.time_left("zinc_phosphide", 60, COMPOUNDS) <= 0.001
    loss = rodenticide.prey_loss(table(event(compound="zinc_phosphide")), 60, RULES)
    assert loss.item() == pytest.approx(0.8, abs=0.01)


def test_unknown_age_stays_unknown_and_unknown_compound_stops():
    assert np.isnan(rodenticide.time_left("bromadiolone", np.nan, COMPOUNDS))
    with pytest.raises(ValueError, match=r"warfarin.*not one of"):
        rodenticide.time_left("warfarin", 3, COMPOUNDS)


def test_measured_densities_replace_the_default_efficacy():
    events = table(
        event(prebait_density_ha=50.0, postbait_density_ha=20.0),
        event(prebait_density_ha=50.0, postbait_density_ha=80.0),
        event(prebait_density_ha=0.0, postbait_density_ha=0.0),
        event(coverage_frac=0.5),
    )
    loss = rodenticide.prey_loss(events, np.zeros(4), RULES)
    assert loss.tolist() == pytest.approx([0.6, 0.0, 0.9, 0.45])
    assert rodenticide.prey_loss(events, -np.ones(4), RULES).tolist() == [0] * 4


def test_age_counts_from_the_end_of_the_campaign():
    events = table(event(date_end=pd.Timestamp("2025-05-11")), event(date_end=pd.NaT))
    assert rodenticide.age_days(events, "2025-04-30").tolist() == [-1, -1]
    assert rodenticide.age_days(events, "2025-05-06").tolist() == [0, 5]
    assert rodenticide.age_days(events, "2025-05-21").tolist() == [10, 20]


def test_an_event_without_date_stops():
    with pytest.raises(ValueError, match="without date_start"):
        expose(table(event(date_start=pd.NaT)))


def test_footprints_fall_back_and_say_so():
    square = shapely.box(0, 0, 1000, 1000)
    events = table(
        event(geometry=square),
        event(geometry=shapely.Point(0, 0)),
        event(x=np.nan, district="north"),
        event(area_treated_ha=np.nan, district="north", coord_error_m=3000.0),
        event(area_treated_ha=np.nan),
        event(x=np.nan),
    )
    got = rodenticide.footprints(events, {"north": shapely.box(0, 0, 10_000, 20_000)}, 1000.0)
    assert got["kind"].tolist() == ["polygon", "disc", "diffuse", "diffuse", "disc", "unplaced"]
    assert got["share"].tolist() == pytest.approx([1, 1, 0.005, 0.05, 1, 1])
    assert got["assumed"].tolist() == [False, False, False, True, True, False]
    assert got["radius_m"][1] == pytest.approx(np.sqrt(1e6 / np.pi))
    assert got["coord_error_m"][3] == 3000.0


def test_exposure_by_distance_from_a_disc():
    r = np.sqrt(1e6 / np.pi)
    x = np.array([0.0, r - 1, r + 3000, r + 8000 - 1, r + 8001])
    got = 0.6 * expose(table(event()), x=x, y=np.array([0.0]))[0]
    near_cut = 0.6 * np.exp(-7999 / 2700)
    assert got.tolist() == pytest.approx([0.6, 0.6, 0.198, near_cut, 0], abs=5e-4)


def test_distance_to_polygons_is_exact():
    ring = shapely.Point(500, -700).buffer(3000).difference(shapely.Point(900, 0).buffer(1200))
    shape = shapely.union_all([ring, shapely.box(-9000, -9000, -6000, -5000)])
    with np.errstate(divide="ignore"):
        got = -TOXIC["decay_m"] * np.log(expose(table(event(geometry=shape))))
    points = shapely.points(*np.meshgrid(X, Y))
    truth = shapely.distance(points, shape)
    near = truth <= 8000
    assert near.sum() > 500
    np.testing.assert_allclose(got[near], truth[near], atol=0.5)
    assert np.all(got[~near] == np.inf)


def test_a_district_event_is_thin_inside_it():
    event_ = table(event(x=np.nan, district="d", area_treated_ha=250.0))
    got = expose(event_, districts={"d": shapely.box(-5000, -5000, 5000, 5000)})
    assert got[24, 24] == pytest.approx(0.025)
    assert expose(event_).max() == 0, "an event without any place reaches no cell"


def test_events_combine_by_noisy_or_and_dates_stack():
    events = table(event(coverage_frac=0.5), event(coverage_frac=0.5, date_start="2025-06-30"))
    dates = ["2025-04-30", "2025-05-01", "2025-06-30"]
    got = expose(events, as_of=dates)
    assert got.shape == (3, 49, 49)
    assert got.dtype == np.float32
    assert got[:, 24, 24].tolist() == pytest.approx([0, 0.5, 1 - 0.75 * 0.5])
    np.testing.assert_array_equal(got[2], expose(events, as_of="2025-06-30"))


def test_brodifacoum_does_not_exceed_one():
    assert expose(table(event(compound="brodifacoum"))).max() == 1


def test_prey_path_reaches_two_kilometres():
    r = np.sqrt(1e6 / np.pi)
    x = np.array([0.0, r + 500, r + 2001])
    got = expose(table(event(compound="zinc_phosphide")), PREY, x=x, y=np.array([0.0]))[0]
    assert got.tolist() == pytest.approx([0.9, 0.9 * np.exp(-1), 0])


def test_any_window_and_direction_gives_the_same_values():
    shape = shapely.box(-3000, 1000, -200, 2300)
    events = table(event(x=700.0), event(geometry=shape, coverage_frac=0.3))
    whole = expose(events)
    np.testing.assert_array_equal(expose(events, x=X[5:30], y=Y[7:9]), whole[7:9, 5:30])
    np.testing.assert_array_equal(expose(events, x=X[::-1], y=Y[::-1]), whole[::-1, ::-1])


def test_no_events_is_zero_exposure_and_zero_effort():
    none = table(event()).iloc[:0]
    assert expose(none).max() == 0
    assert rodenticide.reporting_effort(none, X, Y, 5000).max() == 0


def test_reporting_effort_counts_reports_of_any_date():
    events = table(event(), event(date_start="1999-01-01"), event(x=9000.0))
    got = rodenticide.reporting_effort(events, X, Y, 3000.0)
    assert (got[24, 24], got[24, 42], got[0, 0]) == (2, 1, 0)


drawn = st.builds(
    event,
    x=st.floats(-15_000, 15_000),
    y=st.floats(-15_000, 15_000),
    compound=st.sampled_from(sorted(COMPOUNDS)),
    conc_ppm=st.floats(5, 20_000) | st.just(np.nan),
    dose_kg_ha=st.floats(0.1, 50) | st.just(np.nan),
    coverage_frac=st.floats(0, 1) | st.just(np.nan),
    area_treated_ha=st.floats(1, 20_000) | st.just(np.nan),
    method=st.sampled_from(["aerial", "in_burrow", "bait_station"]) | st.none(),
    date_start=st.dates(date(2023, 1, 1), date(2026, 1, 1)).map(pd.Timestamp),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(drawn, min_size=2, max_size=5), st.sampled_from([TOXIC, PREY]), st.randoms())
def test_bounded_order_free_and_never_lowered_by_another_event(events, path, rng):
    whole = expose(table(*events), path)
    assert whole.min() >= 0
    assert whole.max() <= 1
    shuffled = rng.sample(events, len(events))
    np.testing.assert_allclose(expose(table(*shuffled), path), whole, atol=1e-6)
    assert np.all(whole >= expose(table(*events[:-1]), path))


@settings(deadline=None)
@given(st.floats(0, 5000), st.floats(0, 5000), st.sampled_from(sorted(COMPOUNDS)))
def test_time_never_brings_poison_back(a, b, compound):
    early, late = sorted((a, b))
    left = rodenticide.time_left(compound, np.array([early, late]), COMPOUNDS)
    assert left[0] >= left[1] >= 0

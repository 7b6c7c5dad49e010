"""The analyses of the cats' own evidence, run as jobs on a small land with a known truth."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from scipy.ndimage import gaussian_filter

from manul import job
from manul.analyses import (
    KINDS,
    disease,
    fluctuations,
    fluctuations_fit,
    habitat_selection,
    habitat_selection_fit,
    home_range,
    occupancy,
    occupancy_fit,
    places,
    pooled_weights,
    survival,
)
from manul.config import load, schema
from manul.demography import shares
from manul.graph import Graph
from manul.grid import plain_files, provenance, vectors
from manul.grid.region import grid_of
from manul.uncertainty import distributions, tables

REGION = {
    "name": "land", "title": "Land", "crs": "+proj=laea +lat_0=42 +lon_0=77 +units=m",
    "cell_m": 500, "bounds": [76.6, 41.7, 77.4, 42.3], "mask": None, "units": None,
}  # fmt: skip
GRID = grid_of(REGION)
RELIEF = gaussian_filter(np.random.default_rng(1).standard_normal(GRID.shape), 3, mode="wrap")
RELIEF = (200 + 60 * RELIEF / RELIEF.std()).astype("float32")
LAYER = {"title": "Made up", "source": "test", "licence": "CC0", "date": "2024",
         "data_status": "illustrative", "positional_error_m": 10, "public": False}  # fmt: skip
AS_OF = "2026-01-01"


class Values(dict):
    __getattr__ = dict.__getitem__

    def __iter__(self):
        for value in self.values():
            yield from [value] if isinstance(value, str) else value


@pytest.fixture
def land(tmp_path):
    """Maps of relief and of habitat, which is relief by another name."""
    record = provenance.of_layer("relief", LAYER | {"kind": "continuous"}, {})
    for name, values in (("relief", RELIEF), ("habitat", (RELIEF - 50) / 300)):
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", count=1, dtype="float32",
            height=GRID.shape[0], width=GRID.shape[1], crs=str(GRID.crs), transform=GRID.affine,
            nodata=np.nan,
        ) as target:  # fmt: skip
            target.write(values.astype("float32"), 1)
            target.update_tags(**job.map_tags.of_layers(record))
    return tmp_path


def run(folder, kind, block, outlines=False, weights=None, **tables):
    """The tables of an analysis of `tables` (role -> GeoDataFrame), made in `folder`."""
    spec = {"kind": kind, **block}
    faults, _ = schema.complete(
        spec, {"$defs": schema.schema()["$defs"], **schema.analysis_kind(kind)}, "block"
    )
    assert faults == []
    module, paths = KINDS[kind], {}
    for role, table in tables.items():
        paths[role] = str(folder / f"{role}.gpkg")
        record = provenance.of_layer(role, LAYER | {"kind": "records"}, {})
        vectors.write_vector(paths[role], {role: table}, job.map_tags.of_layers(record))
    paths |= {"predictors": [str(folder / "relief.tif")], "habitat": str(folder / "habitat.tif")}
    files = {name: str(folder / f"{name}.csv") for name in module.TABLES}
    files |= {name: str(folder / f"{name}_map.tif") for name in module.MAPS}
    files |= {module.OUTLINES: str(folder / "outlines.gpkg")} if outlines else {}
    told = {"block": spec, "region": REGION, "as_of": AS_OF, "species": {"status": "test"}}
    told |= {"weights": weights or {}}
    told |= {"key_habitat": {}}
    this = job.Job(
        SimpleNamespace(
            input=Values(paths), output=Values(files), params=Values(told=told), threads=2,
            wildcards=Values(region="land", scenario="s", analysis=kind), rule=kind, log=[],
        )
    )  # fmt: skip
    module.run(this)
    found = {name: pd.read_csv(files[name]) for name in module.TABLES}
    for table in found.values():
        for name in {"note", "fit", "words"} & set(table):
            table[name] = table[name].astype(object).fillna("")
    return found, files


def points(table, x, y):
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(x, y), crs=GRID.crs)


def relief_at(xy):
    column, row = ~GRID.affine @ np.asarray(xy, float).T
    inside = (row >= 0) & (row < GRID.shape[0]) & (column >= 0) & (column < GRID.shape[1])
    at = RELIEF[
        row.clip(0, GRID.shape[0] - 1).astype(int), column.clip(0, GRID.shape[1] - 1).astype(int)
    ]
    return np.where(inside, at, 0)


def tracks(beta, animals=6, days=120, sigma=1500.0, seed=0):
    """Fixes in four hours of cats that pick rugged ground: odds exp(beta) per 60 m of relief."""
    rng, parts = np.random.default_rng(seed), []
    rho = np.exp(-4 / 24 / 1.0)
    for k in range(animals):
        centre, at, n = rng.uniform(-12_000, 12_000, 2), np.zeros(2), days * 6
        xy = np.empty((n, 2))
        for i in range(n):
            ends = rho * at + np.sqrt(1 - rho**2) * sigma * rng.standard_normal((15, 2))
            weight = np.exp(beta * (relief_at(centre + ends) - 200) / 60)
            at = ends[rng.choice(15, p=weight / weight.sum())]
            xy[i] = centre + at
        time = pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(4 * np.arange(n), "h")
        table = pd.DataFrame({"animal": f"C{k}", "time": time, "dop": 1.0})
        parts.append(points(table, *xy.T))
    return pd.concat(parts, ignore_index=True)


def collared(animals):
    table = pd.DataFrame({"animal": [f"C{k}" for k in range(animals)], "stage": "adult"})
    table["sex"] = ["f" if k < animals - 1 else "m" for k in range(animals)]
    return gpd.GeoDataFrame(
        table.assign(time_on=pd.NaT, time_off=pd.NaT), geometry=[None] * animals, crs=GRID.crs
    )


# ----------------------------------------------------------------------------------- home range


def test_home_ranges_of_cats_and_of_their_population(land):
    fixes = tracks(0.0, animals=6, seed=8)
    fixes.loc[3, "geometry"] = gpd.points_from_xy([9e5], [0])[0]  # a spike
    found, files = run(
        land, "home_range", {"fixes": "x", "collars": "y", "years": False}, outlines=True,
        fixes=fixes, collars=collared(6),
    )  # fmt: skip
    cleaning = found["cleaning"].set_index("animal")
    assert cleaning["came"].sum() == len(fixes)
    assert cleaning["impossible speed"].tolist() == [1, 0, 0, 0, 0, 0]
    assert (cleaning.drop(columns="came").sum(axis=1) == cleaning["came"]).all()
    whole = found["ranges"].query("period == 'all'")
    truth = 2 * np.pi * np.log(20) * 1.5**2
    assert ((whole["low"] < truth) & (truth < whole["high"])).sum() >= 4
    assert (whole["convex_polygon_km2"] > 0).all() and (whole["core_km2"] < whole["km2"]).all()
    assert (found["moves"]["class"] == "resident").sum() >= 5
    pooled = found["population"].set_index("group").loc["all animals"]
    assert pooled["low"] < truth < pooled["high"]
    sizes = found["sizes"].iloc[0]
    assert sizes["females"] == 5 and sizes["used"]
    assert sizes["breeding_km2_low"] < truth < sizes["breeding_km2_high"]
    shapes = vectors.read_vector(files["outlines"])
    of_95 = shapes[(shapes["share"] == 0.95) & (shapes["period"] == "all")]
    assert (of_95.area / 1e6).to_numpy() == pytest.approx(of_95["km2"], rel=0.02)
    deltas = found["models"].groupby("animal")["delta_aicc"]
    assert (deltas.min() == 0).all() and (deltas.max() > 0).all()
    away = found["displacement"]
    assert away.groupby("animal")["km"].first().tolist() == [0] * 6
    a = fixes[fixes["animal"] == fixes["animal"][0]].drop(index=3)
    week = pd.to_datetime(a["time"], utc=True).dt.strftime("%G-%V").to_numpy()
    x, y = (c.groupby(week).median() for c in (a.geometry.x, a.geometry.y))
    mine = away[away["animal"] == fixes["animal"][0]]["km"].to_numpy()
    assert mine == pytest.approx(np.hypot(x - x.iloc[0], y - y.iloc[0]).to_numpy() / 1000)
    section = home_range.section(found)
    assert any("from its first week" in caption for caption, _ in section.figures)
    assert f"6 animals, {len(fixes) - 1} of {len(fixes)} fixes used" in section.head
    assert "95 % interval" in section.head
    text = " ".join(str(t.to_dict()) for _, t in section.tables)
    assert "geometry" not in text and "lon" not in text


def test_few_females_leave_patch_sizes_as_they_are_and_few_fixes_give_no_range(land):
    fixes = pd.concat(
        [tracks(0.0, animals=1, days=60), tracks(0.0, animals=1, days=3).assign(animal="B")]
    )
    found, _ = run(land, "home_range", {"fixes": "x"}, fixes=fixes)
    assert not found["sizes"].iloc[0]["used"]
    assert "5 are needed" in home_range.section(found).words[-1]
    few = found["ranges"].query("animal == 'B' and period == 'all'").iloc[0]
    assert np.isnan(few["km2"]) and few["note"] == "fewer than 30 fixes"
    one = found["ranges"].query("animal == 'C0' and period == 'all'").iloc[0]
    assert one["sex"] != one["sex"] or one["sex"] == ""  # nobody told


# ---------------------------------------------------------------------------- habitat selection

STEPS = {"fixes": "x", "predictors": ["relief"], "random": 10}


def test_what_cats_pick_is_found_and_mapped(land):
    found, files = run(land, "habitat_selection", STEPS, fixes=tracks(0.8))
    row = found["coefficients"].iloc[0]
    per_60 = 60 / row["sd"]
    assert row["low"] * per_60 < 0.8 < row["high"] * per_60
    assert row["low"] > 0
    by_animal = found["validation"].set_index("what").loc["mean of animals"]
    assert by_animal["auc"] > 0.55
    with rasterio.open(files["selection"]) as source:
        score, low, high, beyond = source.read()
    assert (low < score).all() and (score < high).all()
    assert np.corrcoef(score.ravel(), RELIEF.ravel())[0, 1] > 0.9
    assert 0 < beyond.mean() < 0.5
    head = habitat_selection.section(found).head
    assert "of 6 animals, each against 10 places" in head and "robust by animal" in head


@pytest.mark.parametrize("method", ["steps", "places"])
def test_cats_that_pick_nothing_show_no_selection(land, method):
    found, _ = run(land, "habitat_selection", STEPS | {"method": method}, fixes=tracks(0.0, seed=3))
    row = found["coefficients"].iloc[0]
    assert abs(row["coefficient"]) < 3 * (row["high"] - row["low"]) / 3.92 + 0.05


def test_tracks_laid_over_ground_that_the_cats_never_saw_show_no_selection(land):
    fixes, rng = tracks(1.0), np.random.default_rng(4)
    offsets = {animal: rng.uniform(6_000, 12_000, 2) for animal in fixes["animal"].unique()}
    moved = np.array([offsets[animal] for animal in fixes["animal"]])
    fixes = points(
        fixes.drop(columns="geometry"),
        fixes.geometry.x + moved[:, 0],
        fixes.geometry.y + moved[:, 1],
    )
    found, _ = run(land, "habitat_selection", STEPS, fixes=fixes)
    row = found["coefficients"].iloc[0]
    assert row["low"] < 0.05 and row["high"] > -0.05


def test_too_few_steps_give_unknown_maps_and_the_reason(land):
    found, files = run(land, "habitat_selection", STEPS, fixes=tracks(0.5, animals=2, days=4))
    assert found["summary"]["note"][0].startswith("not fitted: 0 steps")
    with rasterio.open(files["selection"]) as source:
        assert np.isnan(source.read(1)).all()
    assert "not fitted" in " ".join(habitat_selection.section(found).words)


def test_ground_that_is_picked_in_one_season_only_is_a_class_of_its_own(land):
    """The cats climb in winter (December to February) and go down in summer (June to August)."""
    high, low = tracks(1.0), tracks(-1.0, seed=5)
    low["time"] = (pd.to_datetime(low["time"], utc=True) + pd.DateOffset(months=6)).astype(str)
    months = pd.to_datetime(high["time"], utc=True).dt.month.unique().tolist()
    other = pd.to_datetime(low["time"], utc=True).dt.month.unique().tolist()
    seasons = {"cold": months, "warm": [m for m in other if m not in months]}
    fixes = pd.concat([high, low], ignore_index=True)
    found, files = run(land, "habitat_selection", STEPS | {"seasons": seasons}, fixes=fixes)
    by = found["by_season"].set_index("season")["coefficient"]
    assert by["cold"] > 0 > by["warm"]
    with rasterio.open(files["seasonal"]) as source:
        season, cold, warm = source.read()
    known = np.isfinite(season)
    assert set(np.unique(season[known])) <= {0, 1, 2, 3} and 0.3 < known.mean() < 1
    top, bottom = (np.quantile(RELIEF[known], q) < RELIEF for q in (0.8, 0.2))
    assert (season[known & top] == 1).mean() > 0.9
    assert (season[known & ~bottom] == 2).mean() > 0.9
    assert ((cold >= 0.5) == np.isin(season, (1, 3)))[known].all()
    assert ((warm >= 0.5) == np.isin(season, (2, 3)))[known].all()
    told = habitat_selection.of_seasons(found["summary"])
    assert told.startswith("Seasons, each fitted alone: ") and " steps in cold, " in told
    one, files = run(land, "habitat_selection", STEPS | {"seasons": {"cold": [1]}}, fixes=high)
    assert habitat_selection.of_seasons(one["summary"]).startswith("No map of seasons: the config")
    with rasterio.open(files["seasonal"]) as source:
        assert np.isnan(source.read()).all()


def test_a_choice_needs_known_ground_where_the_cat_went_and_at_one_other_place():
    choices = pd.DataFrame({"stratum": [0, 0, 0, 1, 1, 2, 2], "case": [1, 0, 0, 1, 0, 1, 0]})
    values = pd.DataFrame({"relief": [1, np.nan, 2, np.nan, 1, 1, np.nan]})
    known = habitat_selection_fit._whole_strata(choices, values)
    assert known.tolist() == [True, False, True, False, False, False, False]


def test_a_place_is_read_in_the_cell_that_it_lies_in(land):
    file = {"relief": str(land / "relief.tif")}
    x, y = GRID.affine @ (3.9, 2.1)
    found = places.at(file, GRID, [[x, y], [GRID.boundingbox.left - 1, y]])["relief"]
    assert found[0] == RELIEF[2, 3] and np.isnan(found[1])


# ------------------------------------------------------------------------------------ occupancy


def cameras(sites=80, seed=2, slope=1.2, p=0.4, weeks=8):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-20_000, 20_000, (sites, 2))
    lives = rng.random(sites) < 1 / (1 + np.exp(-slope * (relief_at(xy) - 200) / 60))
    start = pd.Timestamp("2024-05-01", tz="UTC")
    stood = points(
        pd.DataFrame(
            {"deployment": [f"D{k}" for k in range(sites)], "time_start": start,
             "time_end": start + pd.Timedelta(weeks=weeks)}
        ), *xy.T,
    )  # fmt: skip
    rows = []
    for k in range(sites):
        rows.append((f"D{k}", start, "event", "animal", "Vulpes vulpes", 1.0))
        rows += [
            (
                f"D{k}",
                start + pd.Timedelta(weeks=w, days=2),
                "event",
                "animal",
                "Otocolobus manul",
                1.0,
            )
            for w in range(weeks)
            if lives[k] and rng.random() < p
        ]
    names = ["deployment", "time", "level", "kind_seen", "name_seen", "number_seen"]
    seen = gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=names), geometry=[None] * len(rows), crs=GRID.crs
    )
    return stood, seen


OCCUPIED = {"cameras": "x", "observations": "y", "predictors": ["relief"]}


def test_occupancy_from_cameras_finds_its_truth(land):
    stood, seen = cameras()
    found, files = run(land, "occupancy", OCCUPIED, cameras=stood, observations=seen)
    row = found["summary"].iloc[0]
    assert row["camera_days"] == 80 * 56 and row["sites"] == 80
    cats = seen[seen["name_seen"] == "Otocolobus manul"]
    assert row["sites_with_cats"] == cats["deployment"].nunique() < 80
    term = found["coefficients"].set_index("term").loc["psi: relief"]
    sd = relief_at(np.column_stack([stood.geometry.x, stood.geometry.y])).std(ddof=1)
    assert term["low"] * 60 / sd < 1.2 < term["high"] * 60 / sd
    assert row["p"] == pytest.approx(0.4, abs=0.06)
    assert "No sign of misfit" in row["fit"]
    more = found["more"]
    assert more["sites"].tolist() == sorted(more["sites"]) and more["occasions_each"][0] == 8
    assert more["sites"][2] == pytest.approx(4 * more["sites"][1], rel=0.05)  # half the error
    with rasterio.open(files["occupancy"]) as source:
        psi, low, high, _ = source.read()
    assert (low < psi).all() and (psi < high).all()
    assert found["abundance"].set_index("name").loc["Vulpes vulpes", "events"] == 80
    assert "4480 camera-days" in occupancy.section(found).head


def test_sites_of_several_years_are_colonised_and_abandoned(land):
    rng = np.random.default_rng(6)
    stood, seen = cameras(sites=60, slope=0.0)
    lives = rng.random(60) < 0.5
    parts, rows = [], []
    for year in (2022, 2023, 2024):
        start = pd.Timestamp(f"{year}-05-01", tz="UTC")
        own = stood.assign(
            deployment=[f"{d}-{year}" for d in stood["deployment"]], time_start=start,
            time_end=start + pd.Timedelta(weeks=6),
        )  # fmt: skip
        parts.append(own)
        for k, name in enumerate(own["deployment"]):
            for week in range(6):
                if lives[k] and rng.random() < 0.5:
                    at = start + pd.Timedelta(weeks=week, days=1)
                    rows.append((name, at, "event", "animal", "Otocolobus manul", 1.0))
        lives = np.where(lives, rng.random(60) >= 0.2, rng.random(60) < 0.2)
    names = ["deployment", "time", "level", "kind_seen", "name_seen", "number_seen"]
    seen = gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=names), geometry=[None] * len(rows), crs=GRID.crs
    )
    found, _ = run(
        land, "occupancy", OCCUPIED, cameras=pd.concat(parts, ignore_index=True), observations=seen
    )
    assert found["summary"]["sites"][0] == 60
    years = found["years"]
    assert years["year"].tolist() == [2022, 2023, 2024]
    assert years["occupancy"].to_numpy() == pytest.approx(0.5, abs=0.2)
    assert years["colonised"][0] == pytest.approx(0.2, abs=0.12)
    assert years["abandoned"][0] == pytest.approx(0.2, abs=0.12)


@pytest.mark.parametrize(
    ("levels", "counted"),
    [(["media", "media"], "media"), (["media", "event"], "event"), ([None, "media"], "event")],
)
def test_events_are_counted_where_there_are_any(levels, counted):
    assert occupancy_fit._level(pd.DataFrame({"level": levels})) == counted


def test_few_cameras_tell_no_occupancy(land):
    stood, seen = cameras(sites=6)
    found, files = run(land, "occupancy", OCCUPIED, cameras=stood, observations=seen)
    assert "10 sites and 3 detections are needed" in found["summary"]["note"][0]
    with rasterio.open(files["occupancy"]) as source:
        assert np.isnan(source.read(1)).all()
    assert "needed" in occupancy.section(found).head


# ------------------------------------------------------------------------------------- survival

WEIGHTS = {
    "dogs": {"value": 0.4, "range": [0.3, 0.5], "status": "G"},
    "poison": {"value": 0.4, "range": [0.3, 0.5], "status": "G"},
}
CAUSES = {"dog": ["dogs"], "poison": ["poison"]}


def fates(died, cause):
    n = len(died)
    start = pd.Timestamp("2020-04-01")
    return gpd.GeoDataFrame(
        {
            "animal": [f"A{k}" for k in range(n)], "stage": "adult", "sex": "f", "litter": None,
            "date_entry": start, "date_exit": start + pd.to_timedelta(100 + np.arange(n) % 60, "D"),
            "died": pd.array(died, "boolean"), "cause": cause,
        },
        geometry=[None] * n, crs=GRID.crs,
    )  # fmt: skip


def _median(table, threat):
    return table.set_index("parameter").loc[f"threats.{threat}.weight", "q0500"]


def test_the_dead_move_the_weights_as_far_as_they_are_many(land):
    died = [True] * 30 + [False] * 30
    table = fates(died, ["dog"] * 27 + ["poison"] * 3 + [""] * 30)
    block = {"fates": "x", "causes": CAUSES, "deaths_that_weigh_as_experts": 1e-9}
    found, _ = run(land, "survival", block, weights=WEIGHTS, fates=table)
    weights = found["weights_by_deaths"]
    # of a sum of 0.8 the dogs have 27.5 of 31
    assert _median(weights, "dogs") == pytest.approx(0.8 * 27.5 / 31, abs=0.01)
    assert _median(weights, "poison") == pytest.approx(0.8 * 3.5 / 31, abs=0.01)
    experts, _ = run(
        land,
        "survival",
        block | {"deaths_that_weigh_as_experts": 1e9},
        weights=WEIGHTS,
        fates=table,
    )
    assert _median(experts["weights_by_deaths"], "dogs") == pytest.approx(0.4, abs=0.005)
    causes = found["causes"].set_index("cause")
    assert causes.loc["dog", "share"] == pytest.approx(27.5 / 31)
    assert causes.loc["dog", "share_of_experts"] == 0.5
    assert causes["weight_of_data"].iloc[0] == pytest.approx(1)
    section = survival.section(found)
    assert "60 adults, 30 deaths" in section.head


def test_unknown_causes_and_no_deaths_move_nothing(land):
    block = {"fates": "x", "causes": CAUSES}
    unknown = fates([True] * 8 + [False] * 5, ["unknown"] * 4 + [""] * 9)
    found, _ = run(land, "survival", block, weights=WEIGHTS, fates=unknown)
    assert not len(found["weights_by_deaths"])
    assert found["summary"]["unknown_causes"][0] == 8
    assert "8 deaths are few" in found["summary"]["note"][0]


def test_years_act_on_survival(land):
    rng = np.random.default_rng(0)
    n, food = 300, {2018: 1.0, 2019: -1.0, 2020: 0.0}
    year = rng.choice(list(food), n)
    start = pd.to_datetime([f"{y}-04-01" for y in year])
    life = rng.exponential(365 / (0.6 * np.exp(-0.8 * np.array([food[y] for y in year]))))
    days = np.minimum(life, 364).astype(int) + 1
    table = fates([True] * n, [""] * n)
    table = table.assign(
        date_entry=start, date_exit=start + pd.to_timedelta(days, "D"), died=life < 364
    )
    series = pd.DataFrame({"series": "food", "year": list(food), "value": list(food.values())})
    series = gpd.GeoDataFrame(series, geometry=[None] * 3, crs=GRID.crs)
    block = {"fates": "x", "series": "y", "covariates": ["food"]}
    found, _ = run(land, "survival", block, fates=table, series=series)
    row = found["hazards"].iloc[0]
    assert np.log(row["ratio_low"]) < -0.8 < np.log(row["ratio_high"])
    assert row["robust_se"] == pytest.approx(row["se"], rel=0.2)


# -------------------------------------------------------------------------------------- disease


def sera(positive, negative):
    results = ["positive"] * positive + ["negative"] * negative
    n = len(results)
    table = {"sample_id": [f"S{k}" for k in range(n)], "species": "manul", "pathogen": "toxoplasma"}
    return points(pd.DataFrame(table | {"result": results}), np.zeros(n), np.zeros(n))


TESTED = {
    "sera": "x", "tests": {"toxoplasma": {"sensitivity": 1.0, "specificity": 1.0}},
    "threat": "disease", "pathogen": "toxoplasma", "reference_share": 0.2,
}  # fmt: skip
OF_DISEASE = {"disease": {"value": 0.1, "range": [0.099, 0.101], "status": "G"}}


def test_thirty_samples_of_cats_move_the_weight_of_disease(land):
    found, _ = run(land, "disease", TESTED, weights=OF_DISEASE, sera=sera(160, 240))
    row = found["prevalence"].iloc[0]
    assert (row["tested"], row["positive"]) == (400, 160)
    assert row["true_share"] == pytest.approx(0.4)
    # twice as common as where the weight was given
    assert _median(found["weights_by_tests"], "disease") == pytest.approx(0.2, abs=0.01)
    few, _ = run(land, "disease", TESTED, weights=OF_DISEASE, sera=sera(12, 17))
    assert not len(few["weights_by_tests"])
    assert "30 samples of cats are needed" in " ".join(disease.section(few).words)
    assert "toxoplasma in 160 of 400 cats" in disease.section(found).head


def test_a_test_of_unknown_errors_gives_the_apparent_share_alone(land):
    found, _ = run(land, "disease", {"sera": "x"}, sera=sera(3, 7))
    row = found["prevalence"].iloc[0]
    assert row["apparent"] == 0.3 and np.isnan(row["true_share"])
    assert "no test of cats with known errors" in disease.section(found).head


# -------------------------------------------------------------------------------- fluctuations


@pytest.mark.parametrize(
    ("effort", "rates"),
    [
        ([100, np.nan, 100, 50], {2019: 0.05, 2021: 0.06}),  # unknown in 2020; two surveys in 2021
        ([np.nan] * 4, {2019: 5, 2020: 5, 2021: 4.5}),  # the same each time
    ],
)
def test_counts_of_a_year_add_up_and_unknown_effort_is_not_one(effort, rates):
    rows = {"series": "cats", "year": [2019, 2020, 2021, 2021], "value": [5.0, 5, 7, 2]}
    table = pd.DataFrame(rows | {"effort": effort})
    found = fluctuations_fit._index(table, {"index": "cats"}).set_index("year")["rate"]
    assert found.dropna().to_dict() == pytest.approx(rates)
    assert found.index.tolist() == [2019, 2020, 2021]


def test_cats_follow_their_prey_a_year_later(land):
    rng = np.random.default_rng(1)
    food = np.zeros(65)
    for t in range(2, 65):
        food[t] = -0.8 * food[t - 2] + rng.normal(0, 0.4)
    food, years = food[-25:], np.arange(2000, 2025)
    count = rng.poisson(1000 * np.exp(-3 + 0.9 * np.r_[0, food[:-1]]))
    parts = [
        ("cats", count, 1000.0),
        ("food", food, np.nan),
        ("noise", np.random.default_rng(7).standard_normal(25), np.nan),
    ]
    table = pd.concat(
        [pd.DataFrame({"series": s, "year": years, "value": v, "effort": e}) for s, v, e in parts]
    )
    table = gpd.GeoDataFrame(table, geometry=[None] * len(table), crs=GRID.crs)
    block = {"series": "x", "index": "cats", "drivers": ["food", "noise", "not there"]}
    found, _ = run(land, "fluctuations", block, series=table)
    lags = found["lags"].query("driver == 'food'")
    assert lags.loc[lags["aic"].idxmin(), "lag"] == 1
    row = found["regression"].set_index("term").loc["food"]
    assert row["low"] < 0.9 < row["high"]
    shares = found["explained"].set_index("driver")["share"]
    assert shares["food, 1 years before"] > 0.7 and shares.sum() == pytest.approx(1)
    period = found["period"].set_index("series")
    assert period.loc["cats", "told"] == "yes" and period.loc["noise", "told"] == "no"
    assert period.loc["food", "low"] < 4 < period.loc["food", "high"]
    assert "25 years, 2000-2024" in fluctuations.section(found).head


def test_five_years_are_too_few_for_a_period(land):
    table = pd.DataFrame({"series": "cats", "year": range(2020, 2025), "value": 5.0, "effort": 1.0})
    table = gpd.GeoDataFrame(table, geometry=[None] * 5, crs=GRID.crs)
    found, _ = run(land, "fluctuations", {"series": "x", "index": "cats"}, series=table)
    assert "too few to look for a period" in fluctuations.section(found).head


# --------------------------------------------------------------------------------- in the draws


def test_the_draws_take_what_the_evidence_says_of_weights(tmp_path):
    draws = {"dogs": np.full(shares.DRAWS, 0.7)}
    paths = {}
    for name, table in (
        ("weights_by_deaths", pooled_weights.table(draws, "causes of death", 12)),
        ("weights_by_tests", pooled_weights.table({}, "blood tests", 0)),
    ):
        paths[name] = tmp_path / f"{name}.csv"
        plain_files.write_table(paths[name], table)
    parameters = {
        f"threats.{name}.weight": {"value": 0.4, "range": [0.3, 0.5], "status": "G"}
        for name in ("dogs", "poison")
    }
    spec = tables.spec_of_job(
        lambda role: paths if role == "elicited" else {}, {"draws": {"parameters": parameters}}
    )
    of = spec["parameters"]
    u = np.array([0.0, 0.5, 1.0])
    assert distributions.quantiles(of["threats.dogs.weight"], u).tolist() == [0.7] * 3
    assert distributions.quantiles(of["threats.poison.weight"], u).tolist() == [0.3, 0.4, 0.5]


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_an_analysis_have_names_of_their_own(kind):
    module = KINDS[kind]
    names = [*module.MAPS, *module.TABLES, *getattr(module, "SHAPES", ())]
    assert len(names) == len(set(names))
    assert {file for file, *_ in module.FIELDS.values()} <= set(module.MAPS)


def test_the_jobs_of_draws_read_the_tables_of_evidence(demo_graph):
    read = demo_graph.reads("current", "draws")["elicited"]
    assert [path.rpartition("/")[2] for path in read] == [
        "weights_by_deaths.csv",
        "weights_by_tests.csv",
    ]
    told = demo_graph.job("current", "analysis_survival", "survival").told["weights"]
    assert told["dogs_camps"]["range"] == [0.25, 0.65]
    # outlines of ranges are places: they are made where nothing is hidden, and in the exact view
    assert "outlines" not in demo_graph.files("current", "analysis_home_range", "home_range")
    exact = demo_graph.files("current/restricted", "analysis_home_range", "home_range")
    assert exact["outlines"].startswith("results/tien_shan/current/restricted/")


@pytest.fixture(scope="module")
def demo_graph():
    root = Path(__file__).parents[2]
    with contextlib.chdir(root):
        config = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
        yield Graph(load.load(config, ["config/config.yaml"]))

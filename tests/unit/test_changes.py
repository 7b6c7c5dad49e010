"""A scenario against the first one, and the present without a threat, in the same draws."""

import dataclasses
import io

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from odc.geo.geobox import GeoBox
from PIL import Image
from unit.test_draws import GRID, SPEC, WEIGHT, model, uncertain, write, write_bits

from manul.comparison import maps, scenario_page
from manul.grid import block_maps, disk_maps, plain_files, vectors
from manul.products import patches
from manul.products.units import REGION
from manul.uncertainty import (
    changes,
    design,
    passes,
    sensitivity,
    tables,
    without,
    without_page,
)

OTHER = WEIGHT | {"range": [0.1, 0.9]}


def spec(**more):
    return SPEC | {"parameters": {"threats.dogs.weight": WEIGHT}} | more


def made(folder, before, after, of=None, mask=(), units=()):
    """The maps and sums of a change: surfaces of both sides by name; `of`: another model after."""
    sides, alike = [], of is None
    drawn, sum_of = {"threats.dogs.weight": WEIGHT}, {"cumulative": {"additive": 1.0}}
    for name, arrays, of_side in (("before", before, None), ("after", after, of)):
        (folder / name).mkdir()
        files = write(folder / name, **arrays)
        sides.append(uncertain(files, drawn, of=of_side, **sum_of))
    known = {
        name: np.isfinite(before["food"]) & np.isfinite(after["food"]) & threats
        for name, threats in (("habitat", True), ("threat", True), ("value_at_risk", True))
    }
    kept: dict = {}

    def there(at):
        return {n: k[at[0] : at[1], at[2] : at[3]] for n, k in known.items()}

    of, out = changes.Sides(*sides, alike), {}
    for at in block_maps.blocks(GRID, 16):
        found = changes.on_block(of, there, mask, units, kept.__setitem__, GRID, True, at)
        for name, bands in found.items():
            for band, values in bands.items():
                whole = out.setdefault((name, band), np.zeros(GRID.shape, "float32"))
                whole[at[0] : at[1], at[2] : at[3]] = values
    return out, sum(kept.values())


@pytest.fixture
def surfaces():
    rng = np.random.default_rng(5)
    found = {
        n: rng.uniform(0.1, 0.5, GRID.shape).astype("float32") for n in ("food", "dogs", "mines")
    }
    found["food"][4, 4] = np.nan
    return found


def test_scenarios_have_the_same_draws_of_what_they_share():
    one, other = spec(), spec(errors=["burrows"])
    other["parameters"] = {"threats.mines.weight": WEIGHT, "threats.dogs.weight": OTHER}
    together = {"together": design.shared([one, other])}
    a, b = design.draw(one | together), design.draw(other | together)
    name = "threats.dogs.weight"
    # the same place in another range: 0.2..0.6 and 0.1..0.9
    np.testing.assert_allclose(
        (a.values[name] - 0.2) / 0.4, (b.values[name] - 0.1) / 0.8, atol=1e-6
    )
    alone = design.draw(other)
    assert not np.allclose(b.values[name], alone.values[name])


def test_draws_keep_their_order_where_only_one_scenario_moves_its_layers():
    one, other = spec(), spec(realisations=4)
    together = {"together": design.shared([one, other])}
    a, b = design.draw(one | together), design.draw(other | together)
    name = "threats.dogs.weight"
    np.testing.assert_array_equal(a.values[name], b.values[name])
    assert not a.places.any() and np.bincount(b.places).tolist() == [16] * 4
    assert (np.diff(b.places) >= 0).all()


def test_a_scenario_without_changes_differs_nowhere(tmp_path, surfaces):
    out, sums = made(tmp_path, surfaces, surfaces)
    for values in out.values():
        assert np.isnan(values[4, 4]) and not np.nan_to_num(values).any()
        assert np.isnan(values).sum() == 1
    assert sums[0, 0, 0] == GRID.shape[0] * GRID.shape[1] - 1
    assert (sums[0, 1] == sums[0, 0]).all() and not sums[:, 2:].any()


def test_only_what_is_changed_differs_and_by_as_much_as_one_can_work_out(tmp_path, surfaces):
    after = {name: values.copy() for name, values in surfaces.items()}
    after["dogs"][20, 30] = surfaces["dogs"][20, 30] + 0.25
    out, sums = made(tmp_path, surfaces, after)
    elsewhere = np.ones(GRID.shape, bool)
    elsewhere[20, 30] = False
    change = out["change_threat", "mean"]
    assert not np.nan_to_num(change[elsewhere]).any()
    # the threat rises by weight x 0.25, and the weight is uniform over 0.2..0.6
    assert change[20, 30] == pytest.approx(0.1, abs=1e-3)
    assert out["change_threat", "p05"][20, 30] == pytest.approx(0.22 * 0.25, abs=2e-3)
    assert out["change_threat", "p95"][20, 30] == pytest.approx(0.58 * 0.25, abs=2e-3)
    assert not np.nan_to_num(out["change_habitat", "mean"]).any()
    food = surfaces["food"][20, 30]
    of = dict(zip(changes.SUMS, sums[0], strict=True))
    assert of["value_at_risk"].mean() == pytest.approx(food * 0.1, rel=1e-2)
    assert (of["value_at_risk"] > 0).all() and not of["suitable"].any()


def test_beyond_the_mask_nothing_is_told(tmp_path, surfaces):
    west = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 20_000, 30_000)], crs=GRID.crs)
    west.to_file(tmp_path / "mask.gpkg")
    after = {name: values.copy() for name, values in surfaces.items()}
    after["dogs"] += 0.1
    where = [str(tmp_path / "mask.gpkg")]
    out, sums = made(tmp_path, surfaces, after, mask=where, units=where)
    change = out["change_threat", "mean"]
    assert np.isnan(change[:, 20:]).all() and (np.nan_to_num(change[:, :20], nan=1) > 0).all()
    assert sums[:, 0, 0].tolist() == [0, 20 * 30 - 1]  # of the unit; one cell is unknown


def test_another_model_is_told_in_each_cell(tmp_path, surfaces):
    halved = model()
    halved["threats"]["mines"]["weight"] = 0.15
    out, _ = made(tmp_path, surfaces, surfaces, halved)
    np.testing.assert_allclose(
        out["change_threat", "mean"],
        np.where(np.isnan(surfaces["food"]), np.nan, -0.15 * surfaces["mines"]),
        atol=1e-6,
    )


def test_key_habitat_is_gained_and_lost_by_patches(tmp_path, monkeypatch):
    was, now = np.zeros((2, *GRID.shape), bool)
    was[0:3, 0:4] = True  # 12 km2, stays
    was[10:12, 10:12] = True  # 4 km2: no patch
    now |= was
    now[10:13, 10:14] = True  # becomes one of 12 km2
    was[20:24, 20:24] = True  # 16 km2 that fall apart into 2 x 4 cells each
    now[20:24, 20:21] = now[20:24, 23:24] = True
    names = passes.bits(8)
    paths = []
    for name, half in (("was", was), ("now", now)):
        # half of the draws see the change, the others the state before
        draws = np.stack([half if i % 2 else was for i in range(8)], -1)
        bits = np.packbits(draws, axis=-1)[..., 0]
        path = tmp_path / f"{name}.tif"
        units = dict.fromkeys(names, "")
        file = block_maps.MapFile(path, GRID, units, {}, "d", passes.BITS, name=name)
        blocks = block_maps.blocks(GRID, 1024)
        with block_maps.finishing([file], blocks):
            for at in blocks:
                part = bits[at[0] : at[1], at[2] : at[3]]
                block_maps.make(lambda _, n=name, p=part: {n: {names[0]: p}}, [file], at)
        paths.append(str(path))
    known = np.ones(GRID.shape, bool)
    known[12] = False
    left, bottom, right, top = GRID.boundingbox
    east = gpd.GeoDataFrame(geometry=[shapely.box(left + 20_000, bottom, right, top)], crs=GRID.crs)
    vectors.write_vector(tmp_path / "units.gpkg", {"units": east}, {})
    units = [tmp_path / "units.gpkg"]
    found = changes.key_change(paths, [10, 10], 8, lambda rows: known[rows], GRID, units)
    gained, lost = (found.areas[name] for name in changes.KEY)
    assert gained[0].tolist() == [0, 8] * 4  # 12 km2 without the row that is unknown
    assert lost[1].tolist() == [0, 16] * 4 and not gained[1].any() and not lost[0].any()
    maps = found.maps(slice(None), slice(None))["change_key"]
    assert maps["p_gained"][10, 10] == 0.5 and maps["p_lost"][21, 21] == 0.5
    assert np.isnan(maps["p_lost"][12, 0]) and maps["p_lost"][0, 0] == 0
    sums = np.zeros((2, len(changes.SUMS), 8))
    sums[:, :2] = 100
    sums[1, changes.SUMS.index("value_at_risk")] = [-1, 3, 3, 3] * 2
    sums[1, changes.SUMS.index("threat")] = 5
    sums[1, changes.SUMS.index("habitat")] = 2
    table = changes.of_units(["east"], sums, found, GRID).set_index("unit")
    assert table.loc["east", "key_lost_km2_mean"] == 8
    assert table.loc[REGION, "value_at_risk_km2_mean"] == 2
    assert table.loc["east", changes.RISES] == 0.75
    assert table.loc["east", ["mean_threat_mean", "mean_habitat_mean"]].tolist() == [0.05, 0.02]
    assert table.loc[REGION, ["mean_threat_mean", "mean_habitat_mean"]].tolist() == [0.025, 0.01]
    told = scenario_page.in_short(table.reset_index(), "now", 8)
    assert "It rises in 75% of the draws, so the direction is not sure." in told[0]
    assert told[1].startswith("4 km² of key habitat are gained (0 to 8")
    sums[1, 1] = 0  # no threat is known there
    table = changes.of_units(["east"], sums, found, GRID).set_index("unit")
    names = ["mean_threat_mean", "value_at_risk_km2_p05", changes.RISES]
    assert table.loc["east", names].isna().all() and table.loc[REGION, names].notna().all()
    shown = scenario_page.by_unit(table.reset_index()).set_index("unit").loc["east"]
    assert shown["Value at risk, change (km²)"] == shown["rises in"] == "not known"
    with monkeypatch.context() as small:
        small.setattr(patches, "STRIP", 5 * GRID.shape[1])
        small.setattr(patches, "TILE", 5)
        small.setattr(disk_maps, "HELD", 0)
        parts = changes.key_change(
            paths, [10, 10], 8, lambda rows: known[rows], GRID, units, tmp_path
        )
    for name, areas in found.areas.items():
        np.testing.assert_array_equal(parts.areas[name], areas)
    window = slice(0, 30), slice(0, 40)
    np.testing.assert_equal(parts.maps(*window), found.maps(*window))
    stricter = changes.key_change(paths[:1] * 2, [10, 14], 8, lambda rows: known[rows], GRID, units)
    lost = stricter.areas["p_lost"].sum(0)  # the patch of 12 km2, in the same map
    assert lost.tolist() == [12] * 8 and not stricter.areas["p_gained"].any()


def test_changes_of_units_are_in_km2_whatever_a_cell_measures(tmp_path):
    """Cells of 2 km: a patch of three of them has 12 km2, two alone have 8."""
    grid = GeoBox.from_bbox((0, 0, 10_000, 6000), crs=GRID.crs, resolution=2000)
    now = np.zeros((1, *grid.shape), "uint8")
    now[0, 0, :3] = now[0, 2, 3:] = 255
    paths = []
    for name, bits in (("was", 0 * now), ("now", now)):
        (tmp_path / name).mkdir()
        paths.append(str(write_bits(tmp_path / name, bits)))
    known = np.ones(grid.shape, bool)
    key = changes.key_change(paths, [10, 10], 8, lambda rows: known[rows], grid, [])
    assert key.areas["p_gained"].tolist() == [[12] * 8] and not key.areas["p_lost"].any()
    sums = dict.fromkeys(changes.SUMS, 0.0) | {"cells": 9, "told": 6, "suitable": 3}
    sums |= {"habitat": 3, "threat": 1, "value_at_risk": 5}
    table = np.array(list(sums.values()))[None, :, None] * np.ones(8)
    (row,) = changes.of_units([], table, key, grid).to_dict("records")
    assert [row[f"{name}_km2_mean"] for name in ("key_gained", "suitable", "value_at_risk")] == [
        12, 12, 20,
    ]  # fmt: skip
    assert (row["mean_habitat_mean"], row["mean_threat_mean"]) == (0.333333, 0.166667)


def test_nothing_that_differs_is_told_as_such():
    table = pd.DataFrame([{"unit": REGION, changes.RISES: 0.0}])
    for name in scenario_page.TITLES:
        table[[f"{name}_{end}" for end in ("mean", "p05", "p95")]] = 0.0
    assert scenario_page.in_short(table, "Current state", 8) == [
        "Nothing differs from Current state in any of 8 draws."
    ]


@pytest.mark.parametrize(
    ("value", "digits", "told"),
    [(3.14159, 1, "+3.1"), (-1234.5, 0, "−1,234"), (0.0, 1, "0"), (0.04, 1, "0"), (-0.0, 1, "0")],
)
def test_a_change_has_its_sign(value, digits, told):
    assert scenario_page._signed(value, digits) == told


# ---------------------------------------------------------------------------- without a threat


def taken_away(folder, surfaces, of, **more):
    uncertainty = uncertain(write(folder, **surfaces), of=of, cumulative={"additive": 1.0}, **more)
    cells = sensitivity.sample(uncertainty, [], [], GRID, limit=GRID.shape[0] * GRID.shape[1])
    assert cells.every == 1
    sums = without.gains(uncertainty, cells, 0)
    titles = {name: name for name in of["threats"]}
    return without.table(sums, titles, [], GRID, 1).set_index(["change", "threat"])


def test_what_a_threat_takes_comes_back_without_it(tmp_path, surfaces):
    table = taken_away(tmp_path, surfaces, model())
    food = np.nan_to_num(surfaces["food"]).astype(float)
    dogs, mines = (food * w * surfaces[n] for n, w in (("dogs", 0.4), ("mines", 0.3)))
    quality = table["quality_km2_mean"]
    assert quality["without", "dogs"] == pytest.approx(dogs.sum(), rel=1e-5)
    assert quality["halved", "mines"] == pytest.approx(mines.sum() / 2, rel=1e-5)
    assert table.loc[("without", "dogs"), ["rank", "most_in_draws"]].tolist() == [1, 1]
    assert table.loc[("without", "mines"), ["rank", "most_in_draws"]].tolist() == [2, 0]
    assert not table["key_cell_km2_mean"].any()  # neither is a loss of habitat
    surfaces["mines"][:] = 0
    (tmp_path / "dogs").mkdir()
    alone = taken_away(tmp_path / "dogs", surfaces, model())
    assert alone.loc[("without", "dogs"), "most_in_draws"] == 1  # though another takes nothing


def test_each_cell_of_a_sample_stands_for_those_around_it():
    sums = np.ones((1, 1, 2, 3, 4))
    table = without.table(sums, {"dogs": "Dogs"}, [], GRID, 3)
    assert (table["quality_km2_mean"] == 9).all()  # every third cell of every third row, of 1 km2
    nothing = without.table(0 * sums, {"dogs": "Dogs"}, [], GRID, 3)
    assert not nothing["most_in_draws"].any()


def test_gains_without_a_threat_are_in_km2_and_ranked_and_the_first_are_told():
    """Cells of 2 km, of which each second one of each second row is in the sample: 16 km2 each."""
    grid = GeoBox.from_bbox((0, 0, 80_000, 60_000), crs=GRID.crs, resolution=2000)
    titles = {name: name for name in ("Fire", "Dogs", "Mines", "Roads", "Snow")}
    of_threat = np.array([1, 5, 3, 2, 0]) / 3  # in the one unit; beyond it nothing
    sums = np.zeros((2, 5, 2, 3, 4))
    sums[1, :, 0, 0] = of_threat[:, None]
    sums[1, 2, 0, 2] = 2
    table = without.table(sums, titles, ["West"], grid, 2)
    first = table[(table["unit"] == "West") & (table["change"] == "without")]
    assert first[["threat", "rank", "quality_km2_mean", "most_in_draws"]].values.tolist() == [
        ["Dogs", 1, 26.6667, 1], ["Mines", 2, 16, 0], ["Roads", 3, 10.6667, 0],
        ["Fire", 4, 5.3333, 0], ["Snow", 5, 0, 0],
    ]  # fmt: skip
    short, *_, units, _ = without_page.sections(table, 100, 4)
    assert [words.split(":")[0].split(",")[0] for words in short.words] == [
        "Without dogs", "Without mines", "Without roads", "Without mines",
    ]  # fmt: skip
    assert "mines, 32 km² (32 to 32) would be good enough" in short.words[-1]
    assert units.tables[0][1].values.tolist() == [["West", "Dogs (27 km²); Mines (16 km²)"]]
    nothing = without_page.sections(without.table(0 * sums, titles, ["West"], grid, 2), 100, 4)
    assert nothing[0].words == ["No threat takes anything: nothing would come back."]
    assert nothing[3].tables[0][1].values.tolist() == [["West", "no threat"]]


def test_habitat_comes_back_with_the_burrows(tmp_path, surfaces):
    of = model()
    of["habitat"]["reference"] = {"food": 0.7}
    of["threats"]["loss"] = {"loss_from": ["food"], "weight": 1.0}
    food = np.full(GRID.shape, 0.2, "float32")
    food[:10] = 0.65  # good enough already
    food[10:12] = np.nan
    given = {"food": food, "dogs": food * 0, "mines": food * 0}
    table = taken_away(tmp_path, given, of)
    width, height = GRID.shape[1], GRID.shape[0] - 12
    # 0.7 is good enough for key habitat (0.6), 0.45, which is halfway back, is not
    assert table.loc[("without", "loss"), "key_cell_km2_mean"] == width * height
    assert table.loc[("halved", "loss"), "key_cell_km2_mean"] == 0
    whole = width * (height * 0.5 + 10 * 0.05)
    assert table.loc[("without", "loss"), "quality_km2_mean"] == pytest.approx(whole, rel=1e-4)
    inside = table.loc[("without", "loss"), "quality_in_key_km2_mean"]
    assert inside == pytest.approx(width * 10 * 0.05, rel=1e-3)


def test_the_page_without_threats_names_the_first_ones(tmp_path, surfaces):
    table = taken_away(tmp_path, surfaces, model()).reset_index()
    sections = without_page.sections(table, 100, 64)
    assert sections[0].words[0].startswith("Without dogs: ")
    assert "In 100% of the draws this is the largest gain of all." in sections[0].words[0]
    assert [s.title for s in sections] == [
        "In short", "Each threat taken away", "Each halved", "How this was found",
    ]  # fmt: skip


def test_sides_are_alike_only_if_they_read_the_same_bands_and_take_the_same_fit(tmp_path, surfaces):
    one = uncertain(write(tmp_path, **surfaces), {"threats.dogs.weight": WEIGHT})
    fit = passes.Fit("a.tif", (0, 0.3, 0.5, 1), (0, 0.4, 0.6, 1))
    more = {**one.files, "dogs": (one.files["dogs"][0], (1, 2))}
    drawn = dataclasses.replace(one.draws, fitted=one.draws.fitted | True)
    assert changes.Sides(one, one, True).alike
    assert not changes.Sides(one, one, False).alike
    for other in ({"files": more}, {"fit": fit}, {"draws": drawn}):
        assert not changes.Sides(one, dataclasses.replace(one, **other), True).alike
    moved = fit._replace(path="b.tif")
    sides = (dataclasses.replace(one, fit=of) for of in (fit, moved))
    assert changes.Sides(*sides, True).alike  # the values of the files are looked at cell by cell


def test_what_changes_nothing_on_both_sides_is_left_out(tmp_path):
    for name, dead in (("before", [0, 0, 0.2]), ("after", [0, 0.1, 0])):
        table = pd.DataFrame({"parameter": ["a", "b", "c"], "change": dead})
        (tmp_path / name).mkdir()
        plain_files.write_table(tmp_path / name / "mines.csv", table)
    sides = [{"mines": str(tmp_path / name / "mines.csv")} for name in ("before", "after")]
    assert tables.without_effect(*sides) == {"mines": ["a"]}
    assert tables.without_effect(sides[0]) == {"mines": ["a", "b"]}
    assert tables.without_effect(sides[0], {}) == {}


def test_a_picture_shows_where_key_habitat_is_gained_and_lost(tmp_path):
    chances = np.zeros((2, *GRID.shape), "float32")
    chances[0, :10, :10], chances[1, :10, 20:30] = 1, 0.6
    chances[:, 25:] = np.nan
    paths = write(tmp_path, change_key=chances, change_habitat=chances[0] - chances[1])
    same, shown = scenario_page.pictures(paths, tuple(GRID.boundingbox), None)
    assert same == [] and [title for title, _ in shown][1].startswith("P(key habitat is gained)")
    picture = np.asarray(Image.open(io.BytesIO(shown[1][1])).convert("RGB")).reshape(-1, 3)
    seen = {tuple(colour) for colour in np.unique(picture, axis=0)}
    for tint in (maps.BETTER[3], maps.WORSE[2], maps.MIDDLE):  # surely gained, likely lost, nothing
        assert tuple(int(tint[i : i + 2], 16) for i in (1, 3, 5)) in seen
    (tmp_path / "nothing").mkdir()
    nothing = write(tmp_path / "nothing", change_key=np.zeros((2, *GRID.shape)))
    assert scenario_page.pictures(nothing, tuple(GRID.boundingbox), None) == (["key habitat"], [])


def test_a_cell_differs_if_any_of_its_inputs_does():
    was = {"dogs": np.array([[1, 2, np.nan, 4], [1, 2, np.nan, np.nan]])}
    now = {"dogs": np.array([[1, 3, np.nan, 4], [1, 2, np.nan, 5]])}
    assert changes._differ(was, now).tolist() == [False, True, False, True]


def region(**ends) -> pd.DataFrame:
    """The row of a region in which nothing changes, but for what is given: (p05, mean, p95)."""
    table = pd.DataFrame([{"unit": REGION, changes.RISES: ends.pop("rises", 0.0)}])
    for name in scenario_page.TITLES:
        for end, value in zip(("p05", "mean", "p95"), ends.get(name, (0, 0, 0)), strict=True):
            table[f"{name}_{end}"] = float(value)
    return table


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        (
            {"value_at_risk_km2": (-9, -4, -1)},
            "Value at risk falls by 4.0 km² of full habitat (−9.0 to −1.0 in 90 % of the draws). "
            "It falls in 100% of the draws.",
        ),
        (
            {"value_at_risk_km2": (0.01, 0.02, 3), "rises": 0.96},
            "Value at risk rises by less than 0.1 km² of full habitat (0 to +3.0 in 90 % of the "
            "draws). It rises in 96% of the draws.",
        ),
        ({"key_lost_km2": (0, 3, 8)}, "Value at risk does not change."),
        ({"value_at_risk_km2": [np.nan] * 3, "key_lost_km2": (0, 3, 8)},
         "3 km² of key habitat are lost (0 to 8 in 90 % of the draws)."),
    ],
)  # fmt: skip
def test_the_first_sentence_tells_what_changes(ends, told):
    assert scenario_page.in_short(region(**ends), "Current state", 8)[0] == told

"""InVEST Habitat Quality: by hand, against brute force, and against the model's own rasters."""

import csv
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from manul.exposure.nearest import profile, scan
from manul.grid import rasters
from manul.model import invest_csv, invest_run
from manul.model.invest_quality import class_rows, degradation_strip, scene
from manul.model.invest_tables import sensitivity_from, threat_sources, threats_from
from manul.preflight import invest as preflight

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "tests" / "oracle" / "invest_hq"

MINE = {"threat": "mine", "max_dist": "200", "weight": "3", "decay": "linear"}
ROAD = {"threat": "road", "max_dist": "150", "weight": "1", "decay": "exponential"}
STEPPE = {"lucode": "7", "name": "steppe", "habitat": "1", "mine": "0.5", "road": "1"}
FIELD = {"lucode": "2", "name": "field", "habitat": "0.4", "mine": "1", "road": "0"}


def run(case, land, threats, strip_rows, access=None):
    """Degradation and quality of whole arrays, strip by strip."""
    sources = [np.ascontiguousarray(threat).view("uint8") for threat in threats]
    starts = range(0, land.shape[0], strip_rows)
    cut = [[each[row : row + strip_rows] for row in starts] for each in sources]
    carries = [
        scan([profile(part, row) for part, row in zip(each, starts, strict=True)]) for each in cut
    ]
    parts = [
        degradation_strip(
            case,
            land[row : row + strip_rows],
            [each[i] for each in cut],
            [each[i] for each in carries],
            row,
            None if access is None else access[row : row + strip_rows],
        )
        for i, row in enumerate(starts)
    ]
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def brute(threats, classes, cell, land, nodata, masks, access, k, z):
    """The equations, cell by cell, with no table and no envelope."""
    rows, columns = np.indices(land.shape)
    dx, dy = np.broadcast_to(cell, 2)
    total = sum(threat.weight for threat in threats)
    table = {code: i for i, code in enumerate(classes.codes)}
    degradation = np.full(land.shape, np.nan)
    quality = np.full(land.shape, np.nan)
    for r, c in zip(*np.nonzero(land != nodata), strict=True):
        at, summed = table[land[r, c]], 0.0
        for threat, mask in zip(threats, masks, strict=True):
            apart = np.hypot(columns - c, (rows - r) * dy / dx)[mask]
            d, m = apart.min(initial=np.inf), threat.max_dist_m / dx
            if d <= m:
                decay = {"linear": 1 - d / m, "exponential": np.exp(-2.99 * d / m)}[threat.decay]
                summed += decay * classes.sensitivity[threat.name][at] * threat.weight / total
        degradation[r, c] = summed * access[r, c]
        power = degradation[r, c] ** z
        quality[r, c] = classes.habitat[at] * (1 - power / (power + k**z))
    return degradation, quality


def test_nine_cells_by_hand():
    case = scene(threats_from([MINE, ROAD]), sensitivity_from([STEPPE, FIELD]), 100.0, 255)
    land = np.array([[7, 7, 255], [7, 2, 7], [7, 7, 7]], dtype="uint8")
    mine = threat_sources(np.array([[0.01, 0, 0], [0, 0, 0], [0, 0, -9]]), -9)
    road = threat_sources(np.array([[0, 0, 0], [0, 0, 0], [0, 255, 0]], dtype="uint8"), 255)
    access = np.ones((3, 3), dtype="float32")
    access[1, 1] = 0.5
    near, diagonal = 0.75 * 0.5, 0.75 * (1 - np.sqrt(2) / 2)
    expected = np.array(
        [[near, near / 2, np.nan], [near / 2, 0.5 * diagonal, 0], [0, 0, 0]], dtype="float64"
    )
    habitat = np.where(land == 2, 0.4, 1.0)
    degradation, quality = run(case, land, [mine, road], 2, access)
    np.testing.assert_allclose(degradation, expected, rtol=1e-6)
    share = expected**2.5 / (expected**2.5 + 0.05**2.5)
    np.testing.assert_allclose(quality, habitat * (1 - share), rtol=1e-5)


def test_the_exponential_ends_at_the_reach_with_a_step():
    road = ROAD | {"max_dist": 200}
    case = scene(threats_from([road]), sensitivity_from([without("mine", STEPPE)]), 100.0)
    source = np.array([[1, 0, 0, 0]], dtype=bool)
    degradation, _ = run(case, np.full((1, 4), 7, dtype="int32"), [source], 1)
    expected = [[1, np.exp(-2.99 / 2), np.exp(-2.99), 0]]
    np.testing.assert_allclose(degradation, expected, rtol=1e-6)


@st.composite
def cases(draw):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
    kinds = draw(st.lists(st.sampled_from(["linear", "exponential"]), min_size=1, max_size=3))
    reach, weight = st.sampled_from([30, 95, 150, 1000]), st.sampled_from([0.1, 1, 2.5])
    score = st.floats(0, 1)
    threats = [
        {"threat": f"t{i}", "max_dist": draw(reach), "weight": draw(weight), "decay": kind}
        for i, kind in enumerate(kinds)
    ]
    names = [threat["threat"] for threat in threats]
    classes = [
        {"lucode": code, "habitat": draw(score)} | {name: draw(score) for name in names}
        for code in (40, -3, 11)
    ]
    land = draw(hnp.arrays("int16", shape, elements=st.sampled_from([40, -3, 11, -99])))
    cell = st.one_of(st.just(0), st.sampled_from([0, 0, 0, 0.3, 1, np.nan, -1]))
    masks = [threat_sources(draw(hnp.arrays("float32", shape, elements=cell)), -1) for _ in names]
    access = draw(hnp.arrays("float32", shape, elements=st.sampled_from([0, 0.25, 1])))
    return threats_from(threats), sensitivity_from(classes), land, masks, access


@settings(max_examples=80, deadline=None)
@given(
    cases(),
    st.sampled_from([30.0, (30.0, -30.0), (30.0, 45.0)]),
    st.integers(1, 13),
    st.sampled_from([0.05, 0.5]),
    st.sampled_from([2.5, 1.0, 3.3]),
)
def test_any_small_case_equals_brute_force(given_case, cell, strip_rows, k, z):
    threats, classes, land, masks, access = given_case
    case = scene(threats, classes, cell, -99, k, z)
    got = run(case, land, masks, strip_rows, access)
    expected = brute(threats, classes, np.abs(cell), land, -99, masks, access, k, z)
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    whole = run(case, land, masks, land.shape[0], access)
    for ours, theirs in zip(got, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_reach_too_wide_for_a_table_gives_the_same(monkeypatch):
    threats, classes = threats_from([MINE, ROAD]), sensitivity_from([STEPPE, FIELD])
    land = np.full((5, 9), 7, dtype="uint8")
    masks = np.random.default_rng(1).random((2, 5, 9)) < 0.1
    expected = run(scene(threats, classes, 30.0), land, masks, 5)
    monkeypatch.setattr("manul.exposure.nearest.LARGEST_TABLE", 0)
    for ours, theirs in zip(
        run(scene(threats, classes, 30.0), land, masks, 2), expected, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert expected[0].max() > 0


def test_unknown_access_is_unknown_and_no_access_table_is_free_access():
    case = scene(threats_from([MINE, ROAD]), sensitivity_from([STEPPE, FIELD]), 100.0)
    land, source = np.full((1, 2), 7, dtype="uint8"), np.ones((1, 2), dtype=bool)
    access = np.array([[np.nan, 1]], dtype="float32")
    degradation, quality = run(case, land, [source, source], 1, access)
    free, _ = run(case, land, [source, source], 1)
    assert np.isnan([degradation[0, 0], quality[0, 0]]).all()
    np.testing.assert_allclose(free, [[0.625, 0.625]], rtol=1e-6)
    assert degradation[0, 1] == free[0, 1]


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "int64", "float32"])
def test_classes_are_found_in_any_type_and_order(kind):
    case = scene(threats_from([MINE, ROAD]), sensitivity_from([STEPPE, FIELD]), 30.0, 0)
    land = np.array([[7, 2, 0, 7]], dtype=kind)
    assert class_rows(land, case).tolist() == [[2, 1, 0, 2]]
    with pytest.raises(ValueError, match=r"without a row in the class table: 1, 9$"):
        class_rows(np.array([[9, 2, 1]], dtype=kind), case)


def test_land_cover_that_is_nan_is_unknown():
    case = scene(threats_from([MINE, ROAD]), sensitivity_from([STEPPE, FIELD]), 30.0)
    assert class_rows(np.array([[np.nan, 2]]), case).tolist() == [[0, 1]]


def test_sources_are_all_known_cells_but_zero():
    values = np.array([[0, 0.2, 7, -1, np.nan, -3]], dtype="float32")
    assert threat_sources(values, -1).tolist() == [[False, True, True, False, False, True]]
    assert threat_sources(values, np.nan).tolist() == [[False, True, True, True, False, True]]


def without(column, row):
    return {name: value for name, value in row.items() if name != column}


@pytest.mark.parametrize(
    ("threats", "classes", "named"),
    [
        ([MINE, without("decay", ROAD)], [STEPPE], "threat table, row 2: missing column decay"),
        ([MINE, MINE], [STEPPE], "threat repeated: mine"),
        ([MINE | {"decay": "cubic"}], [STEPPE], "threat table, mine: decay 'cubic' is unknown"),
        ([MINE | {"weight": "heavy"}], [STEPPE], "mine, weight: must be a number, found 'heavy'"),
        ([MINE | {"max_dist": 0}], [STEPPE], "mine, max_dist: must be positive, found 0"),
        ([MINE | {"weight": None}], [STEPPE], "mine, weight: must be a number, found None"),
        ([], [STEPPE], "threat table: has no rows"),
        ([MINE, ROAD], [], "class table: has no rows"),
        ([MINE, ROAD], [without("habitat", STEPPE)], "class table, row 1: missing column habitat"),
        ([MINE, ROAD], [STEPPE, without("road", FIELD)], "row 2: missing column road"),
        ([MINE, ROAD], [STEPPE, STEPPE], "lucode repeated: 7"),
        ([MINE, ROAD], [STEPPE | {"lucode": 1.5}], "lucode: must be a whole number, found 1.5"),
        ([MINE, ROAD], [STEPPE | {"road": 2}], "road of 7: must lie in 0..1, found 2"),
        ([MINE, ROAD], [STEPPE | {"habitat": "nan"}], "habitat: must be a finite number"),
        ([MINE, ROAD], [without("road", STEPPE)], "without a column in the class table: road"),
        ([MINE], [STEPPE], "no threat of the threat table: road"),
    ],
)
def test_wrong_tables_are_refused_by_name(threats, classes, named):
    with pytest.raises(ValueError, match=named):
        scene(threats_from(threats), sensitivity_from(classes), 30.0)


@pytest.mark.parametrize(("k", "z", "named"), [(0, 2.5, "k must"), (0.05, np.nan, "z must")])
def test_constants_must_be_positive(k, z, named):
    with pytest.raises(ValueError, match=named):
        scene(threats_from([MINE, ROAD]), sensitivity_from([STEPPE]), 30.0, k=k, z=z)


def test_columns_are_found_whatever_their_case():
    rows = [{f" {name.upper()} ": value for name, value in row.items()} for row in (STEPPE, FIELD)]
    found = sensitivity_from(rows)
    assert found.codes.tolist() == [7, 2]
    assert found.sensitivity["mine"].tolist() == [0.5, 1.0]


@pytest.mark.parametrize("threads", [1, 3])
def test_files_agree_with_the_oracle(tmp_path, threads):
    case = {name: ORACLE / f"{name}.csv" for name in ("threats", "sensitivity")}
    case |= {"land_cover": ORACLE / "lulc.tif", "access": ORACLE / "access.geojson"}
    names = "deg_sum_c.tif", "quality_c.tif"
    case["half_saturation"] = 0.05
    invest_run.run(case, *(tmp_path / name for name in names), threads)
    for name in names:
        with rasterio.open(tmp_path / name) as ours, rasterio.open(ORACLE / name) as theirs:
            assert (ours.crs, ours.transform, ours.nodata) == (
                theirs.crs,
                theirs.transform,
                theirs.nodata,
            )
            got, expected = ours.read(1, masked=True), theirs.read(1, masked=True)
        np.testing.assert_array_equal(got.mask, expected.mask)
        assert got.mask.any()
        assert np.abs(got.astype("float64") - expected).max() <= 1e-6


def test_the_strips_agree_with_the_oracle():
    def read(name):
        with rasterio.open(ORACLE / name) as raster:
            return raster.read(1), raster.nodata

    def table(name):
        with (ORACLE / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    threats, classes = table("threats.csv"), table("sensitivity.csv")
    land, nodata = read("lulc.tif")
    case = scene(threats_from(threats), sensitivity_from(classes), 100.0, nodata)
    masks = [threat_sources(*read(row["cur_path"])) for row in threats]
    # The two rectangles of access.geojson, in cells; the later one overwrites the earlier.
    access = np.ones(land.shape, dtype="float32")
    access[100:350, 100:400] = 0.2
    access[250:550, 300:550] = 0.6
    results = run(case, land, masks, 77, access)
    for ours, name in zip(results, ("deg_sum_c.tif", "quality_c.tif"), strict=True):
        theirs, unknown = read(name)
        np.testing.assert_array_equal(np.isnan(ours), theirs == unknown)
        np.testing.assert_allclose(
            ours, np.where(theirs == unknown, np.nan, theirs), rtol=0, atol=1e-6
        )


def test_names_of_columns_are_the_same_in_any_case(tmp_path):
    table = tmp_path / "threats.csv"
    table.write_text("THREAT, Max_Dist ,weight,decay,CUR_PATH\nroad,5000,1,linear,road.tif\n")
    assert invest_csv.threat_rasters(table) == [tmp_path / "road.tif"]
    (road,) = threats_from(invest_csv.read_rows(table))
    assert (road.name, road.max_dist_m) == ("road", 5000)


def test_the_preflight_of_a_huge_raster_reads_some_of_its_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(rasters, "LOOKED", 3)
    monkeypatch.setattr(rasters, "BLOCK", 512)
    huge = {"height": 100_000, "width": 100_000, "count": 1, "dtype": "uint8", "tiled": True}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", sparse_ok=True, **huge):
        pass
    with rasterio.open(tmp_path / "a.tif") as raster:
        assert [values.size for values in preflight._values(raster)] == [512 * 512] * 3

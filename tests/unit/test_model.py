"""The model against the worked values and acceptance facts of its description."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from manul.config import nodes
from manul.config.responses import respond
from manul.model import cells, cumulative, outputs

# The default model at 100 m, with a rock-outcrop layer, prey and snow: what the demo cannot have.
HABITAT = yaml.safe_load(
    """
floor: 0.05
known_weight: 0.5
reference: {burrows: 2.5}
components:
  cover:
    weight: 0.35
    combine: sum
    terms:
      - {surface: rock, weight: 0.6, response: {exponential: {scale: 300}}}
      - {surface: relief, weight: 0.4, response: {trapezoid: {a: 20, b: 100, c: 600, d: 1200}}}
  den:
    weight: 0.20
    combine: noisy_or
    terms:
      - {surface: rock, weight: 0.9, response: {exponential: {scale: 250}}}
      - {surface: burrows, weight: 1, response: {half_saturation: {half: 0.5}}}
  prey: {weight: 0.25, surface: prey, response: {half_saturation: {half: 5}}}
  vegetation:
    weight: 0.10
    surface: ndvi
    response: {trapezoid: {a: 0.03, b: 0.12, c: 0.45, d: 0.7}}
  climate:
    weight: 0.10
    combine: product
    terms:
      - {surface: temperature, weight: 1, response: {trapezoid: {a: -14, b: -8, c: 6, d: 14}}}
      - {surface: rain, weight: 1, response: {trapezoid: {a: 40, b: 120, c: 500, d: 900}}}
gates:
  land: {surface: land}
  snow: {surface: snow, response: {logistic_fall: {midpoint: 15, slope: 2}}}
  elevation: {surface: elevation, response: {trapezoid: {a: 300, b: 500, c: 5100, d: 6000}}}
"""
)
HUSTAI = dict(
    rock=50, relief=150, burrows=1, prey=15, ndvi=0.35, temperature=-1, rain=250, snow=8, land=1,
    elevation=1500,
)  # fmt: skip
ROLLING = HUSTAI | dict(rock=2500, relief=60, prey=20, burrows=2.5)


def parameters(threats=None, mode="saturation"):
    dogs = {"surface": "dogs", "weight": 0.45}
    return {
        "habitat": HABITAT,
        "threats": threats or {"dogs": dogs},
        "cumulative": mode,
        "dominant_floor": 0.02,
        "absent": [],
    }


def evaluate(threats=None, mode="saturation", **surfaces):
    arrays = {name: np.float32([value]) for name, value in surfaces.items()}
    return {k: v[0] for k, v in cells.evaluate(arrays, parameters(threats, mode)).items()}


def habitat(**site):
    return float(evaluate(dogs=0, **site)["habitat"])


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (HUSTAI, 0.858),
        (HUSTAI | {"burrows": 0.05}, 0.827),
        (HUSTAI | {"prey": 1.5}, 0.639),
        (ROLLING, 0.504),
        (ROLLING | {"burrows": 0}, 0.287),
    ],
)
def test_worked_values(site, expected):
    assert habitat(**site) == pytest.approx(expected, abs=0.01)


def test_snow_limits_more_than_anything():
    by_depth = [habitat(**HUSTAI | {"snow": cm}) for cm in (5, 10, 15, 20)]
    assert by_depth[3] <= 0.10 * by_depth[0]
    assert by_depth[1] >= 0.85 * by_depth[0]
    gate = [float(respond(HABITAT["gates"]["snow"]["response"], cm)) for cm in (0, 5, 10, 15, 20)]
    assert gate == pytest.approx([1, 0.99, 0.93, 0.50, 0.08], abs=0.01)


def test_without_cover_there_is_no_habitat():
    flat = HUSTAI | dict(relief=15, rock=3000, burrows=0)
    basin = flat | dict(prey=0.3, ndvi=0.06, rain=90)
    assert habitat(**basin) == pytest.approx(0.079, abs=0.01)
    assert habitat(**flat | dict(prey=20, ndvi=0.4)) <= 0.20
    assert habitat(**flat | dict(land=0.05)) <= 0.05
    assert habitat(**HUSTAI) >= 0.75


def test_marmots_matter_where_there_is_no_rock():
    loss = 1 - habitat(**ROLLING | {"burrows": 0}) / habitat(**ROLLING)
    assert 0.30 <= loss <= 0.55
    on_rock = HUSTAI | {"rock": 0}
    assert 1 - habitat(**on_rock | {"burrows": 0}) / habitat(**on_rock | {"burrows": 2.5}) <= 0.06


@pytest.mark.parametrize("metres", [570, 3900, 4100, 4200, 4500, 4650])
def test_elevation_is_no_driver(metres):
    assert habitat(**HUSTAI | {"elevation": metres}) == habitat(**HUSTAI)


def test_dogs_by_distance_and_two_camps():
    effect = [0.45 * np.exp(-d / 1.5) for d in (0, 1, 3)]
    assert effect == pytest.approx([0.45, 0.23, 0.06], abs=0.005)
    two = {"dogs": {"combine": "noisy_or", "weight": 0.45, "terms": [
        {"surface": "a", "weight": 1}, {"surface": "b", "weight": 1}]}}  # fmt: skip
    made = evaluate(two, a=0.8, b=0.7, **HUSTAI)
    assert made["effect:dogs"] == pytest.approx(0.45 * (1 - 0.2 * 0.3))


def test_shares_sum_to_one_and_follow_the_logarithm():
    threats = {n: {"surface": n, "weight": 1} for n in ("a", "b", "c")}
    made = evaluate(threats, a=0.5, b=0.25, c=0, **HUSTAI)
    shares = [made[f"share:{n}"] for n in threats]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares[0] == pytest.approx(np.log(0.5) / (np.log(0.5) + np.log(0.75)))
    assert made["threat"] == pytest.approx(1 - 0.5 * 0.75)
    assert made["dominant_threat"] == 1
    h_ref = made["habitat_reference"]
    assert made["quality"] == pytest.approx(h_ref * (1 - made["threat"]))
    assert made["value_at_risk"] == pytest.approx(h_ref * made["threat"])


@pytest.mark.parametrize(
    ("mode", "total"),
    [("saturation", 0.625), ("additive", 0.75), ("diminishing", 0.625), ("dominant", 0.5)],
)
def test_cumulative_modes(mode, total):
    threats = {n: {"surface": n, "weight": 1} for n in ("a", "b")}
    made = evaluate(threats, mode, a=0.5, b=0.25, **HUSTAI)
    assert made["threat"] == pytest.approx(total)
    assert made["share:a"] + made["share:b"] == pytest.approx(1)


def test_an_effect_of_one_keeps_shares_finite():
    threats = {n: {"surface": n, "weight": 1} for n in ("pit", "dogs")}
    made = evaluate(threats, pit=1, dogs=0.5, **HUSTAI)
    assert made["threat"] == 1
    assert made["share:pit"] + made["share:dogs"] == pytest.approx(1)


def test_inside_a_footprint_the_effect_is_one():
    mine = {"surface": "near", "weight": 0.4, "footprint": {"surface": "pit"}}
    assert evaluate({"m": mine}, near=1, pit=1, **HUSTAI)["effect:m"] == 1
    assert evaluate({"m": mine}, near=1, pit=0, **HUSTAI)["effect:m"] == pytest.approx(0.4)
    half = evaluate({"m": mine}, near=1, pit=0.5, **HUSTAI)["effect:m"]
    assert half == pytest.approx(0.5 + 0.5 * 0.4)


def test_marmot_loss_is_derived_and_not_counted_in_the_reference():
    loss = {"marmots": {"loss_from": ["burrows"], "weight": 1}}
    made = evaluate(loss, **ROLLING | {"burrows": 0})
    assert made["effect:marmots"] == pytest.approx(1 - 0.287 / 0.504, abs=0.01)
    assert made["habitat_reference"] == pytest.approx(0.504, abs=0.01)
    assert evaluate(loss, **ROLLING | {"burrows": 4})["effect:marmots"] == 0


def test_unknown_burrows_are_no_loss_and_no_zero():
    loss = {"marmots": {"loss_from": ["burrows"], "weight": 1}}
    made = evaluate(loss, **ROLLING | {"burrows": np.nan})
    assert np.isnan(made["effect:marmots"])
    assert made["habitat"] == made["habitat_reference"]
    assert made["missing_inputs"] == 1


def test_a_missing_component_is_dropped_and_the_weights_scaled():
    whole = habitat(**HUSTAI)
    site = {k: v for k, v in HUSTAI.items() if k != "prey"}
    made = evaluate(dogs=0, **site)
    gate, prey = float(respond(HABITAT["gates"]["snow"]["response"], 8)), 15 / 20
    without = (whole / gate / prey**0.25) ** (1 / 0.75) * gate
    assert made["habitat"] == pytest.approx(without, rel=1e-3)
    assert made["n_components"] == 4
    assert made["missing_inputs"] == 1


def test_too_little_known_is_nodata():
    assert np.isnan(evaluate(dogs=0, ndvi=0.3, temperature=0, rain=200, land=1)["habitat"])


# ------------------------------------------------------------------- responses and combinations


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (None, {-1: -1, 0.3: 0.3}),
        ({"identity": {}}, {-1: -1, 0.3: 0.3}),
        ({"complement": {}}, {0: 1, 0.25: 0.75, 1: 0}),
        ({"multiply": {"factor": 0.01}}, {300: 3, -100: -1}),
        ({"affine": {"slope": 0.5, "intercept": 0.1}}, {-1: 0, 0: 0.1, 1: 0.6, 3: 1}),
        ({"affine": {"slope": 0.5}}, {0: 0, 1: 0.5}),
        ({"ramp": {"lower": 10, "upper": 30}}, {9: 0, 10: 0, 15: 0.25, 30: 1, 31: 1}),
        ({"ramp": {"lower": 30, "upper": 10}}, {9: 1, 10: 1, 15: 0.75, 30: 0, 31: 0}),
        ({"exponential": {"scale": 100}}, {0: 1, 100: np.exp(-1), 300: np.exp(-3)}),
        ({"exponential": {"scale": 100, "reach": 200}}, {200: np.exp(-2), 201: 0}),
        ({"gaussian": {"scale": 10}}, {0: 1, 10: np.exp(-0.5), -20: np.exp(-2)}),
        ({"gaussian": {"scale": 10, "centre": 5}}, {5: 1, -5: np.exp(-0.5), 25: np.exp(-2)}),
        ({"half_saturation": {"half": 2}}, {0: 0, 2: 0.5, 6: 0.75}),
        ({"logistic_fall": {"midpoint": 0, "slope": 2}}, {0: 1, 2 * np.log(3): 0.5}),
        ({"logistic_fall": {"midpoint": 15, "slope": 2}}, {0: 1, 15: (1 + np.exp(-7.5)) / 2}),
        (
            {"trapezoid": {"a": 10, "b": 20, "c": 40, "d": 80}},
            {9: 0, 10: 0, 15: 0.5, 20: 1, 40: 1, 50: 0.75, 70: 0.25, 80: 0, 90: 0},
        ),
        ({"curve": {"points": [[0, 0.2], [10, 1], [20, 0]]}}, {-5: 0.2, 5: 0.6, 15: 0.5, 30: 0}),
        ({"threshold": {"minimum": 2, "maximum": 4}}, {1.9: 0, 2: 1, 4: 1, 4.1: 0}),
        ({"threshold": {"minimum": 2}}, {1.9: 0, 2: 1, 1e9: 1}),
        ({"threshold": {"maximum": 4}}, {-1e9: 1, 4: 1, 4.1: 0}),
        ({"classes": {"scores": {"1": 0.5, "2.0": 0.25}}}, {1: 0.5, 2: 0.25, 3: np.nan}),
        ({"classes": {"scores": {"1": 0.5}, "other": 0.1}}, {1: 0.5, 3: 0.1}),
        ({"classes": {"scores": {"yes": 0.5, "no": 0.25, "sum": 0.9}}}, {1: 0.5, 0: 0.25}),
    ],
)
def test_each_response_has_its_values_and_unknown_stays_unknown(response, expected):
    x = np.array([*expected, np.nan])
    made = respond(response, x)
    np.testing.assert_allclose(made, [*expected.values(), np.nan], atol=1e-6)
    square = respond(response, np.array([[*expected]]))
    assert square.shape == (1, len(expected)), "the shape is kept"


# Terms of 0.5 and 0.8; those of 0.5 alone where the second is unknown.
PAIR = [(1.0, [0.5, 0.5, np.nan]), (0.5, [0.8, np.nan, np.nan])]


@pytest.mark.parametrize(
    ("combine", "both", "alone"),
    [
        ("sum", 0.9, 0.75),  # 0.5 + 0.5 x 0.8; the known one has the weight of both, 1.5 x 0.5
        ("geometric_mean", (0.5 * np.sqrt(0.8)) ** (1 / 1.5), 0.5),
        ("product", 0.4, 0.5),
        ("noisy_or", 0.7, 0.5),  # 1 - 0.5 x 0.6
        ("maximum", 0.5, 0.5),  # 0.5 x 0.8 is less
    ],
)
def test_each_combination_of_two_terms_of_one_and_of_none(combine, both, alone):
    terms = [{"surface": str(i), "weight": w} for i, (w, _) in enumerate(PAIR)]
    node = {"combine": combine, "terms": terms, "response": {"multiply": {"factor": 10}}}
    made = nodes.evaluate(node, lambda _, name: np.float32(PAIR[int(name)][1]))
    np.testing.assert_allclose(made, [10 * both, 10 * alone, np.nan], rtol=1e-6)


def test_a_geometric_mean_counts_nothing_below_the_floor():
    values = np.float32([0, 0.5]), np.float32([0.8, 0.02])
    parts = [(1.0, nodes.valued(x)) for x in values]
    low = nodes.filled(nodes.geometric_mean(parts, 0.05))
    np.testing.assert_allclose(low, np.sqrt([0.05 * 0.8, 0.5 * 0.05]), rtol=1e-6)
    assert nodes.filled(nodes.geometric_mean(parts))[0] == 0


def test_the_largest_weighed_term_may_be_negative():
    node = {"combine": "maximum", "terms": [{"constant": -2, "weight": w} for w in (1.0, 0.5)]}
    assert nodes.evaluate(node, None) == -1


def test_what_a_node_reads_is_found_at_every_depth():
    fields = {"field": "kind", "response": {"classes": {"scores": {"a": 1}}}}
    node = {"terms": {"x": {"surface": "s"}, "y": {"terms": [{"surface": "t"}, fields]}}}
    assert list(nodes.leaves(node, "surface")) == ["s", "t"]
    assert list(nodes.leaves(node, "component")) == []
    assert list(nodes.classed(node)) == ["kind"]
    assert [name for name, _ in nodes.named_terms(node)] == ["x", "y"]
    block = {"kind": "k", "layer": "a", "b_layer": "b", "c": [{"of": {"layer": "a"}, "layers": 1}]}
    assert nodes.layers_of(block | {"d": {"layer": "e"}, "f_layer": 3}) == ["a", "b", "e"]


# ---------------------------------------------------------------------------- sums of threats

# Five cells: the second threat is the largest, or unknown; none; all unknown; below any floor.
THREE = {
    "a": [0.2, 0.2, 0, np.nan, 1e-7],
    "b": [0.5, np.nan, 0, np.nan, 0],
    "c": [0.1, 0.1, 0, np.nan, 0],
}


@pytest.mark.parametrize(
    ("mode", "total", "parts"),
    [
        ("saturation", 1 - 0.8 * 0.5 * 0.9, [-np.log(0.8), -np.log(0.5), -np.log(0.9)]),
        ("additive", 0.8, [0.2, 0.5, 0.1]),
        ("diminishing", 0.5 + 0.2 * 2 / 3 + 0.1 / 3, [0.2 * 2 / 3, 0.5, 0.1 / 3]),
        ("dominant", 0.5, [0, 0.5, 0]),
    ],
)
def test_three_threats_their_sum_and_their_shares(mode, total, parts):
    made = cumulative.cumulate({n: np.float32(v) for n, v in THREE.items()}, mode)
    shares = np.array([made[f"share:{n}"] for n in THREE])
    np.testing.assert_allclose(made["threat"][0], total, rtol=1e-6)
    np.testing.assert_allclose(shares[:, 0], np.array(parts) / sum(parts), rtol=1e-5)
    assert made["threat"][2] == 0 and np.isnan(made["threat"][3])
    assert (shares[:, 2] == 0).all() and np.isnan(shares[:, 3]).all()
    assert shares[1, 1] == 0, "what is unknown has no part"
    assert made["dominant_threat"].tolist() == [2, 1, 0, 255, 0]


def test_sums_are_cut_at_one():
    strong = {n: np.float32([0.9]) for n in "abc"}
    for mode in ("additive", "diminishing"):
        assert cumulative.cumulate(strong, mode)["threat"] == [1]


@pytest.mark.parametrize(("effect", "number"), [(0.0199, 0), (0.02, 1), (0.5, 1)])
def test_a_threat_below_the_floor_does_not_dominate(effect, number):
    made = cumulative.cumulate({"a": np.array([effect])}, "saturation", float(np.float32(effect)))
    assert made["dominant_threat"] == 1
    made = cumulative.cumulate({"a": np.float32([effect])}, "saturation", float(np.float32(0.02)))
    assert made["dominant_threat"] == number


def test_the_loss_of_one_surface_among_two_and_of_both():
    habitat_ = {
        "floor": 0, "known_weight": 0, "reference": {"x": 1.0, "y": 1.0}, "gates": {},
        "components": {"x": {"surface": "x", "weight": 1}, "y": {"surface": "y", "weight": 1}},
    }  # fmt: skip
    loss = {n: {"loss_from": of, "weight": 1} for n, of in {"x": ["x"], "xy": ["x", "y"]}.items()}
    surfaces = {"x": np.float32([0.25, 1, 0, np.nan]), "y": np.float32([0.16, 1, 0, 1])}
    made = cells.evaluate(surfaces, parameters(loss) | {"habitat": habitat_})
    # sqrt(0.25 x 0.16) = 0.2; with the first at its level 0.4, with both 1; without habitat 0.
    np.testing.assert_allclose(made["habitat"], [0.2, 1, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(made["reference:x"], [0.4, 1, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(made["effect:x"], [0.5, 0, 0, np.nan], rtol=1e-6)
    np.testing.assert_allclose(made["effect:xy"], [0.8, 0, 1, np.nan], rtol=1e-6)


def test_a_factor_lowers_an_effect_also_inside_a_footprint():
    mine = {"surface": "near", "weight": 0.4, "footprint": {"surface": "pit"}, "factor": 0.5}
    assert evaluate({"m": mine}, near=1, pit=0, **HUSTAI)["effect:m"] == pytest.approx(0.2)
    assert evaluate({"m": mine}, near=1, pit=1, **HUSTAI)["effect:m"] == pytest.approx(0.5)
    assert evaluate({"m": mine}, near=1, pit=np.nan, **HUSTAI)["effect:m"] == pytest.approx(0.2)


def test_inputs_that_are_unknown_or_have_no_layer_are_counted():
    threats = {"m": {"surface": "near", "weight": 1, "footprint": {"surface": "pit"}}}
    model = parameters(threats) | {"absent": ["snares", "disease"]}
    arrays = {n: np.float32([v]) for n, v in HUSTAI.items()} | {"near": np.float32([np.nan])}
    made = cells.evaluate(arrays | {"rain": np.float32([np.nan])}, model)
    assert made["missing"] == 1 and made["missing_inputs"] == 1 + 2 + 2
    wanted = cells.needed_of_habitat(model | {"threats": {"l": {"loss_from": ["burrows"]}}})
    assert wanted == ["habitat", "habitat_reference", "missing", "reference:burrows"]


@pytest.mark.parametrize(("known", "is_known"), [(["rock", "ndvi"], True), (["ndvi"], False)])
def test_habitat_is_known_from_half_of_the_weights_on(known, is_known):
    """With rock alone cover (0.35) and den (0.2) are known, with vegetation 0.65 of 1."""
    made = evaluate(dogs=0, **{n: HUSTAI[n] for n in known})
    assert np.isfinite(made["habitat"]) == is_known


@pytest.mark.parametrize(("known", "is_known"), [("a", False), ("b", True)])
@pytest.mark.parametrize("times", [0.1, 1, 10])
def test_only_the_ratio_of_weights_counts_for_what_is_known(known, is_known, times):
    """Of the weights 2 and 3, one is less than half of both and one more."""
    parts = {n: {"surface": n, "weight": times * w} for n, w in (("a", 2), ("b", 3))}
    block = {"floor": 0, "known_weight": 0.5, "components": parts, "gates": {}, "reference": {}}
    surfaces = {n: np.float32([0.5 if n == known else np.nan]) for n in parts}
    made = cells.habitat(surfaces, block)["habitat"]
    assert made == pytest.approx(0.5) if is_known else np.isnan(made)


unit = st.floats(0, 1, width=32)


@settings(deadline=None, max_examples=60)
@given(st.lists(unit, min_size=2, max_size=5), st.sampled_from(sorted(cumulative.CUMULATIVE)))
def test_cumulative_threat_is_bounded_order_free_and_never_falls(effects, mode):
    named = {str(i): np.float32([e]) for i, e in enumerate(effects)}
    total = cumulative.cumulate(named, mode)["threat"][0]
    backwards = cumulative.cumulate(dict(reversed(named.items())), mode)["threat"][0]
    assert 0 <= total <= 1
    assert total == pytest.approx(backwards, abs=1e-6)
    if mode != "diminishing":  # there, one more threat weakens the others by rule
        assert (
            cumulative.cumulate(named | {"more": np.float32([0.3])}, mode)["threat"][0]
            >= total - 1e-6
        )
    shares = sum(
        v[0] for k, v in cumulative.cumulate(named, mode).items() if k.startswith("share:")
    )
    assert shares == pytest.approx(1, abs=1e-3) or max(effects) < 1e-6


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(unit, st.just(float("nan"))), min_size=1, max_size=4))
def test_unknown_terms_are_left_out_of_every_combination(values):
    node = {"terms": [{"constant": 0, "weight": 1.0} for _ in values]}
    for name, combine in nodes.COMBINE.items():
        terms = zip(node["terms"], values, strict=True)
        parts = [(t["weight"], nodes.valued(np.float32([v]))) for t, v in terms]
        known = [p for p in parts if p[1].known is None]
        out = nodes.filled(combine(parts))[0]
        if not known:
            assert np.isnan(out), name
        elif name != "sum":
            assert out == pytest.approx(nodes.filled(combine(known))[0], abs=1e-5), name


def test_blocks_and_the_whole_agree_bit_for_bit():
    rng = np.random.default_rng(3)
    whole = {n: rng.uniform(0.5, 1.5, (20, 30)).astype("float32") * v for n, v in HUSTAI.items()}
    whole["dogs"] = rng.uniform(0, 1, (20, 30)).astype("float32")
    whole["prey"][3:5] = np.nan
    made = cells.evaluate(whole, parameters())
    part = cells.evaluate({n: a[7:13, 11:] for n, a in whole.items()}, parameters())
    for name, array in part.items():
        np.testing.assert_array_equal(array, made[name][7:13, 11:], err_msg=name)


def test_the_loss_of_one_surface_is_its_own_whatever_else_is_at_hand():
    parts = {"a": {"surface": "a", "weight": 1}, "b": {"surface": "b", "weight": 1}}
    block = {
        "floor": 0, "known_weight": 0.5, "components": parts, "gates": {},
        "reference": {"a": 1.0, "b": 1.0, "no_layer": 1.0},
    }  # fmt: skip
    found = cells.habitat({"a": np.float32([0.25]), "b": np.float32([0.25])}, block)
    assert found["habitat"] == pytest.approx(0.25)
    assert found["habitat_reference"] == pytest.approx(1)
    assert found["reference:no_layer"] == found["habitat"]
    threats = {name: {"weight": 1, "loss_from": [name]} for name in ("a", "no_layer")}
    model = {"habitat": block, "threats": threats, "cumulative": "saturation", "absent": []}
    made = cells.threats({"a": np.float32([0.25])}, found, model | {"dominant_floor": 0})
    assert made["effect:a"] == pytest.approx(0.5), "1 - 0.25 / sqrt(1 x 0.25)"
    assert np.isnan(made["effect:no_layer"])


# ------------------------------------------------------------------------- the rasters of the model

PLAIN = {
    "floor": 0, "known_weight": 0.5, "reference": {"food": 1.0}, "loss": "marmots",
    "components": {
        "food": {"surface": "food", "weight": 1, "title": "Food"},
        "rock": {"surface": "rock", "weight": 1},
    },
    "gates": {"land": {"surface": "land", "title": "On land"}},
}  # fmt: skip
SOME = {
    "dogs": {"surface": "dogs", "weight": 0.5, "title": "Dogs"},
    "grazing": {"component": "food", "weight": 0.4},
    "loss": {"loss_from": ["food"], "weight": 1.0, "title": "Loss of food"},
}


def told(threats=SOME):
    return {
        "habitat": PLAIN, "threats": threats, "cumulative": "saturation", "dominant_floor": 0.02,
        "absent": [],
    }  # fmt: skip


def test_maps_of_the_habitat_name_their_bands_and_what_is_behind_them():
    now, before, parts = outputs.habitat_maps(PLAIN)
    assert [m.name for m in (now, before, parts)] == [
        "habitat", "habitat_reference", "habitat_components",
    ]  # fmt: skip
    assert now.surfaces == before.surfaces == parts.surfaces == ("food", "rock", "land")
    assert [band.name for band in before.bands] == ["habitat_reference"]
    assert before.bands[0].title == "Habitat before the loss of marmots"
    assert [(b.name, b.title, b.key) for b in parts.bands] == [
        ("component_food", "Food", "component:food"),
        ("component_rock", "rock", "component:rock"),
        ("gate_land", "On land", "gate:land"),
        ("n_components", "Known components", "n_components"),
        ("missing", "Unknown inputs of habitat", "missing"),
    ]
    assert parts.units == {
        "food": "0..1", "rock": "0..1", "gate_land": "0..1", "n_components": "count",
        "missing": "count",
    }  # fmt: skip


def test_each_of_several_references_has_a_band_of_its_own():
    block = PLAIN | {"reference": {"food": 1.0, "rock": 1.0}, "loss": ""}
    before = outputs.habitat_maps(block)[1]
    assert [(b.name, b.title) for b in before.bands] == [
        ("habitat_reference", "Habitat before"),
        ("reference_food", "Habitat before: food"),
        ("reference_rock", "Habitat before: rock"),
    ]
    assert outputs.habitat_maps(block | {"reference": {}})[1].bands == before.bands[:1]


def test_maps_of_the_threats_tell_the_surfaces_behind_each():
    maps = {m.name: m for m in outputs.threat_maps(told())}
    of_habitat = ("food", "rock", "land")
    assert maps["threats/dogs"].surfaces == ("dogs",)
    assert maps["threats/grazing"].surfaces == ("food",)
    assert maps["threats/loss"].surfaces == of_habitat
    assert maps["threat"].surfaces == maps["dominant_threat"].surfaces == ("dogs", *of_habitat)
    assert maps["quality"].surfaces == maps["value_at_risk"].surfaces == (*of_habitat, "dogs")
    assert maps["dominant_threat"].categories == {
        0: "none", 1: "Dogs", 2: "grazing", 3: "Loss of food",
    }  # fmt: skip
    assert [band.title for band in maps["threats/dogs"].bands] == ["Dogs", "Dogs: share"]
    files = {name: f"{name}.tif" for name in maps}
    where = outputs.bands_of(list(maps.values()), files)
    assert where["value_at_risk"] == ("value_at_risk.tif", 1)
    assert where["effect:grazing"] == ("threats/grazing.tif", 1)
    assert where["share:grazing"] == ("threats/grazing.tif", 2)


SQUARE = GeoBox.from_bbox((0, 0, 400, 300), crs="EPSG:6933", resolution=100)


def raster(folder, name, *bands):
    """A file of 3 x 4 cells; a number stands for a band of it."""
    path = str(folder / f"{name}.tif")
    with rasterio.open(
        path, "w", "GTiff", 4, 3, len(bands), SQUARE.crs.to_wkt(), SQUARE.affine, "float32"
    ) as file:
        for i, band in enumerate(bands, 1):
            file.write(np.broadcast_to(np.asarray(band, "float32"), (3, 4)), i)
    return path


def test_the_model_of_a_block_is_blank_beyond_the_region(tmp_path):
    """Habitat is sqrt(0.25 x 1), and 1 with the food of before; the last column lies outside."""
    given_ = {"food": 0.25, "rock": 1.0, "land": 1.0}
    files = {name: raster(tmp_path, name, value) for name, value in given_.items()}
    mask = tmp_path / "mask.gpkg"
    gpd.GeoSeries([shapely.box(0, 0, 300, 300)], crs="EPSG:6933").to_file(mask)
    maps = outputs.habitat_maps(PLAIN)
    block = (1, 3, 1, 4)
    made = outputs.habitat_on_block(PLAIN, maps, files, [mask], SQUARE, block)
    now = made["habitat"]["habitat suitability"]
    np.testing.assert_array_equal(now, [[0.5, 0.5, np.nan]] * 2)
    before = made["habitat_reference"]["reference habitat suitability"]
    np.testing.assert_array_equal(before, [[1, 1, np.nan]] * 2)
    assert made["habitat_components"]["n_components"].tolist() == [[2, 2, 255]] * 2
    assert made["habitat_components"]["missing"].tolist() == [[0, 0, 255]] * 2
    whole = outputs.habitat_on_block(PLAIN, maps, files, [], SQUARE, block)
    assert (whole["habitat"]["habitat suitability"] == 0.5).all()


def test_threats_of_a_block_read_the_habitat_that_was_made(tmp_path):
    """Dogs take 0.5 of 0.6, grazing 0.4 of the 0.25 of food; a half is lost of the habitat of 1."""
    files = {n: raster(tmp_path, n, v) for n, v in {"dogs": 0.6, "food": 0.25}.items()}
    parts = raster(tmp_path, "parts", 9, 0.25)
    plain = {"habitat": 0.5, "habitat_reference": 1.0, "missing": 0.0}
    found = {key: (raster(tmp_path, key, value), 1) for key, value in plain.items()}
    found |= {"component:food": (parts, 2), "component:rock": (parts, 1)}
    maps = outputs.threat_maps(told())
    made = outputs.threats_on_block(told(), maps, files, found, [], SQUARE, (0, 2, 0, 4))
    effects = [made[f"threats/{name}"]["effect"] for name in SOME]
    for effect, expected in zip(effects, (0.3, 0.1, 0.5), strict=True):
        np.testing.assert_allclose(effect, np.full((2, 4), expected), rtol=1e-6)
    threat = made["threat"]["cumulative threat"]
    np.testing.assert_allclose(threat, 1 - 0.7 * 0.9 * 0.5, rtol=1e-6)
    assert (made["dominant_threat"]["dominant threat"] == 3).all()


@pytest.mark.parametrize("most", [1, 8, 9, 10**6])
def test_a_block_is_the_same_in_strips_of_any_height(monkeypatch, most):
    monkeypatch.setattr(outputs, "CACHED_CELLS", most)
    array = np.arange(20).reshape(5, 4)
    heights = []

    def twice(part):
        heights.append(len(part["a"]))
        return {"b": 2 * part["a"]}

    assert outputs._in_strips(twice, {"a": array})["b"].tolist() == (2 * array).tolist()
    assert max(heights) == min(5, max(1, most // 4))

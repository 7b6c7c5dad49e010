"""What actions regain or keep: sums that one can do in the head, nothing counted twice."""

import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from manul.config.nodes import Value
from manul.grid.fields import Fields
from manul.model import gains as of_model
from manul.model.cumulative import CUMULATIVE, known_effects
from manul.products.gains import Faces, Gains, of_maps

GRID = GeoBox.from_bbox((0, 0, 8000, 4000), crs="EPSG:6933", resolution=1000)
HUNTING, MINES = ("without", "hunting"), ("keep_from", "mines")
RULE = {"gain": {"without": ["hunting", "fire"], "keep_from": ["mines"]}}


def of(number, known=None):
    return Value(np.asarray(number, "float32"), known)


def added(mode, effects):
    e, known = known_effects(list(effects.values()))
    return Value(CUMULATIVE[mode].total(e), known)


def gain(lever, effects, reference, mode="saturation"):
    """The gain of a lever; every threat has a weight of 0.4, poison one of 0.7."""
    weights = {name: {"weight": 0.7 if name == "poison" else 0.4} for name in effects}
    return of_model.gain(
        lever, effects, weights, added(mode, effects), reference,
        lambda changed: added(mode, {**effects, **changed}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "lever", "expected"),
    [
        # T = 1 - 0.5 x 0.8 = 0.6, without hunting 0.2; with a mine (0.4) 1 - 0.5 x 0.6 = 0.7
        ("saturation", HUNTING, 0.8 * 0.4),
        ("saturation", MINES, 0.8 * 0.1),
        ("additive", HUNTING, 0.8 * 0.5),
        ("additive", MINES, 0.8 * 0.2),
        ("dominant", HUNTING, 0.8 * 0.3),
        ("dominant", MINES, 0.0),  # hunting takes more than a mine would
    ],
)
def test_a_gain_is_the_model_with_and_without_the_threat(mode, lever, expected):
    effects = {"hunting": of([0.5]), "mines": of([0.2])}
    found = gain(lever, effects, of([0.8]), mode)
    assert found.number == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("mode", "kept", "back"),
    [
        # without both 0.2; with both in full 1 - 0.8 x 0.6 x 0.3; more than all is never lost
        ("saturation", 1 - 0.8 * 0.6 * 0.3 - 0.64, 0.64 - 0.2),
        ("additive", 1 - 0.8, 0.8 - 0.2),
        ("dominant", 0.7 - 0.5, 0.5 - 0.2),
    ],
)
def test_what_a_rule_gains_is_what_its_threats_take_together(mode, kept, back):
    effects = {"mines": of([0.1]), "poison": of([0.5]), "dogs": of([0.2])}
    for how, together in (("keep_from", kept), ("without", back)):
        acts = of_model.levers({"gain": {how: ["mines", "poison"]}}, effects)
        assert acts == [(how, "mines"), (how, "mines poison")]
        parts = [gain(lever, effects, of([0.8]), mode).number for lever in acts]
        assert sum(parts) == pytest.approx(0.8 * together, abs=1e-6)
    assert of_model.words(acts, {"mines": "Mines", "poison": "Bait"}) == "without Mines and Bait"


def test_a_threat_that_is_unknown_gains_nothing_when_it_stops_and_can_still_come():
    unknown = of([0.0], np.array([False]))
    effects = {"hunting": unknown, "mines": unknown, "dogs": of([0.5])}
    for lever, expected in ((HUNTING, 0.0), (MINES, 1.0 * 0.5 * 0.4)):
        assert gain(lever, effects, of([1.0])).number == pytest.approx(expected)
    lost = gain(HUNTING, effects, of([0.0], np.array([False])))
    assert lost.known is not None and not lost.known.any()


def test_a_rule_acts_on_the_threats_that_are_assessed():
    assert of_model.levers(RULE, ["hunting", "mines"]) == [HUNTING, MINES]
    titles = {"hunting": "Hunting", "mines": "Large mines"}
    assert of_model.words([HUNTING, MINES], titles) == "without Hunting; kept from Large mines"


def fields(**maps):
    return Fields({n: np.full(GRID.shape, v, "float32") for n, v in maps.items()}, GRID)


def made(**shapes):
    """Faces of rules of squares, by rule: (west, south, east, north) in km."""
    ground = {
        name: np.array([shapely.box(*(1000 * n for n in square)) for square in squares])
        for name, squares in shapes.items()
    }
    return Faces(ground, {name: [HUNTING] for name in shapes}, GRID)


def test_ground_that_two_rules_share_counts_once():
    faces = made(R1=[(0, 0, 2, 2), (2, 0, 4, 2)], R2=[(1, 0, 3, 2)])
    found = faces.gains(faces.measure(fields(gain_without_hunting=0.5))[:, None])
    assert found.of_each()[:, 0] == pytest.approx([2, 2, 2])
    assert found.of([0, 1])[0] == pytest.approx(4)
    assert found.of([0, 2])[0] == pytest.approx(3)
    assert found.of([0, 1, 2])[0] == pytest.approx(4)


def test_a_border_through_a_cell_shares_it():
    faces = made(R1=[(0, 0, 1.5, 1), (1.5, 0, 3, 1)])
    found = faces.gains(faces.measure(fields(gain_without_hunting=1))[:, None])
    assert found.of_each()[:, 0] == pytest.approx([1.5, 1.5])
    assert found.of([0, 1])[0] == pytest.approx(3)


def test_two_things_on_one_ground_are_told_one_by_one(tmp_path):
    squares = {"R1": np.array([shapely.box(0, 0, 2000, 2000)])}
    faces = Faces(squares, {"R1": [HUNTING, MINES]}, GRID)
    found = faces.gains(
        faces.measure(fields(gain_without_hunting=1, gain_keep_from_mines=0.5))[:, None]
    )
    assert found.of([0])[0] == pytest.approx(6)
    found.write(tmp_path / "gains.npz")
    assert Gains.read(tmp_path / "gains.npz").levers == (HUNTING, MINES)


def test_of_two_rules_one_may_act_on_less():
    """1 km2 on which R1 ends hunting and keeps mines away, and 1 km2 on which R2 ends hunting."""
    ground = {
        f"R{i}": np.array([shapely.box(x, 0, x + 1000, 1000)]) for i, x in ((1, 0), (2, 3000))
    }
    faces = Faces(ground, {"R1": [HUNTING, MINES], "R2": [HUNTING]}, GRID)
    known = fields(gain_without_hunting=1, gain_keep_from_mines=0.5)
    found = faces.gains(faces.measure(known)[:, None])
    assert found.of_each()[:, 0].tolist() == [1.5, 1]
    assert found.of_each([of_model.WITHOUT])[:, 0].tolist() == [1, 1]
    assert found.of_each([of_model.KEEP_FROM])[:, 0].tolist() == [0.5, 0]


def test_groups_of_zones_have_the_ground_of_them_all(tmp_path):
    faces = made(R1=[(0, 0, 2, 2), (2, 0, 4, 2), (4, 0, 6, 2)], R2=[(1, 0, 3, 2)])
    km2 = faces.measure(fields(gain_without_hunting=1))[:, None] * np.array([[1, 2]], "float32")
    places = faces.gains(km2).grouped(np.array([0, 0, -1, 1]), ["a", "b"])
    assert places.of_each().tolist() == [[8, 16], [4, 8]]
    assert places.of([0, 1]).tolist() == [8, 16]
    assert len(places.km2) == 2  # what only the first covers, and what both do
    places.write(tmp_path / "gains.npz")
    read = Gains.read(tmp_path / "gains.npz")
    assert read.levers == (HUNTING,) and read.names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(read.of_each(), places.of_each())


def test_without_zones_there_are_no_gains():
    faces = Faces({}, {}, GRID)
    found = faces.gains(faces.measure(fields())[:, None])
    assert found.of_each().shape == (0, 1) and found.grouped(np.zeros(0, int), []).of([]) == [0]


def test_of_zones_that_are_all_left_out_nothing_is_kept():
    faces = made(R1=[(0, 0, 2, 2), (2, 0, 4, 2)])
    found = faces.gains(faces.measure(fields(gain_without_hunting=1))[:, None])
    none = found.grouped(np.array([-1, -1]), [])
    assert none.km2.shape == (0, 1) and none.lever.tolist() == none.face.tolist() == []
    one = found.grouped(np.array([-1, 0]), ["b"])
    assert one.km2.tolist() == [[4]] and one.lever.tolist() == [0]


def test_the_gain_of_one_run_follows_from_its_maps():
    maps = fields(effect_hunting=0.5, effect_mines=0.2, threat=0.6, habitat_reference=0.8)
    model = {"threats": {"hunting": {"weight": 0.5}, "mines": {"weight": 0.4}}}
    what = of_maps([HUNTING, MINES], model | {"cumulative": "saturation"}, 0.6)
    faces = made(R1=[(0, 0, 1, 1)])
    assert faces.measure(maps, what) == pytest.approx([0.32], abs=1e-6)


# A model in which the loss of marmots takes habitat itself, and hunting does not.
TWO = {
    "threats": {"marmots": {"loss_from": ["burrows"]}, "hunting": {"surface": "posts"}},
    "habitat": {"reference": {"burrows": 2.5}},
}
AGAIN = ("again", "marmots")


@pytest.mark.parametrize(
    ("now", "before", "left", "back"),
    [
        (0.5, 0.7, 0.0, 1),  # good enough again
        (0.5, 0.7, 0.5, 1),  # 0.6, just good enough
        (0.5, 0.7, 0.75, 0),
        (0.6, 0.7, 0.0, 0),  # is so now
        (0.5, 0.4, 0.0, 0),  # nothing was lost
        (0.2, 0.5, 0.0, 0),
    ],
)
def test_key_habitat_is_back_where_habitat_is_good_enough_again(now, before, left, back):
    found = of_model.again(of([now]), of([before]), np.float32(0.6), left)
    assert found.number.tolist() == [back]
    unknown = of_model.again(of([now]), of([before], np.array([False])), 0.6)
    assert not unknown.known.any()


def test_only_a_threat_that_takes_habitat_brings_key_habitat_back():
    takes = of_model.takes_habitat(TWO)
    assert takes == {"marmots"}
    assert of_model.before_the_loss("marmots", TWO) == "habitat_reference"
    rule = {"gain": {"without": ["hunting", "marmots"], "keep_from": ["marmots"]}}
    found = of_model.levers(rule, TWO["threats"], takes)
    assert found == [HUNTING, ("without", "hunting marmots"), ("keep_from", "marmots"), AGAIN]
    told = of_model.words(found, {"hunting": "Hunting", "marmots": "Loss of marmots"})
    assert told == "without Hunting and Loss of marmots; kept from Loss of marmots"


def test_key_habitat_that_is_back_is_told_apart_from_quality():
    """4 km2 on which quality of 0.5 comes back, and key habitat in the west."""
    maps = fields(gain_without_marmots=0.5, habitat=0.5, habitat_reference=0.5)
    before = np.full(GRID.shape, 0.5, "float32")
    before[:, 0] = 0.7
    maps = maps.replaced({"habitat_reference": before})
    squares = {"R3": np.array([shapely.box(0, 0, 2000, 2000), shapely.box(1000, 0, 3000, 1000)])}
    faces = Faces(squares, {"R3": [("without", "marmots"), AGAIN]}, GRID)
    found = faces.gains(faces.measure(maps, of_maps([AGAIN], TWO, 0.6))[:, None])
    assert found.of_each()[:, 0].tolist() == [2, 1]
    assert found.of_each([of_model.AGAIN])[:, 0].tolist() == [2, 0]
    assert found.of([0, 1]).tolist() == [2.5]  # of quality
    joined = found.grouped(np.array([0, 0]), ["both"])
    assert joined.of_each([of_model.AGAIN])[:, 0].tolist() == [2]


@pytest.mark.parametrize("resolution", [500, 1000, 2000])
def test_gains_are_in_km2_whatever_a_cell_measures(resolution):
    grid = GeoBox.from_bbox((0, 0, 8000, 4000), crs="EPSG:6933", resolution=resolution)
    faces = Faces({"R1": np.array([shapely.box(0, 0, 3000, 1000)])}, {"R1": [HUNTING]}, grid)
    known = Fields({"gain_without_hunting": np.full(grid.shape, 0.5, "float32")}, grid)
    assert faces.measure(known).tolist() == [1.5]

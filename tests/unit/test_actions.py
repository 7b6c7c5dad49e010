"""Places, who acts, what it costs, and what a budget buys: small cases that one can count."""

import itertools
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from conftest import demo_config

from manul.config import load
from manul.grid import vectors
from manul.pages import handover, workbook
from manul.pages.amounts import gained
from manul.preflight import decisions, uses
from manul.products import actions, actions_page, budget, decision_tables, places
from manul.products.gains import Gains
from manul.products.recommendations import COLUMNS

CRS = "+proj=laea +lat_0=41.75 +lon_0=77.5 +datum=WGS84 +units=m"


def squares(*corners, side=5000):
    return gpd.GeoSeries([shapely.box(x, y, x + side, y + side) for x, y in corners], crs=CRS)


# ------------------------------------------------------------------------------------- places


def test_neighbours_join_from_the_best_on_until_the_place_is_full():
    row = squares((0, 0), (5000, 0), (10_000, 0), (15_000, 0), (40_000, 0))
    same = np.array(["a"] * 5)
    worth = np.array([1.0, 2.0, 9.0, 8.0, 5.0])
    of = places.joined(row, same, worth, np.full(5, 25.0), 75)
    assert of.tolist() == [2, 0, 0, 0, 1]


def test_what_is_not_alike_or_too_large_stays_alone():
    row = squares((0, 0), (5000, 0), (10_000, 0))
    of = places.joined(row, np.array(["a", "b", "b"]), np.ones(3), np.array([25, 25, 900.0]), 50)
    assert of.tolist() == [0, 1, 2]
    assert places.joined(squares(), np.zeros(0, str), np.zeros(0), np.zeros(0), 1).tolist() == []


def test_where_a_place_lies_is_told_in_three_ways():
    point = gpd.GeoSeries([shapely.Point(74.7987, 41.7134)], crs=4326).to_crs(CRS).buffer(10)
    at = places.coordinates(point)
    assert at["longitude"][0] == pytest.approx(74.7987, abs=2e-4)
    assert at["dms"][0].startswith("41°42'4") and at["dms"][0].endswith("E")
    zone, east, north = at["utm"][0].split()
    assert zone == "43N"
    back = gpd.GeoSeries([shapely.Point(float(east), float(north))], crs=32643).to_crs(4326)
    assert back.x[0] == pytest.approx(74.7987, abs=3e-4)


def test_degrees_south_and_west_and_full_minutes():
    assert (
        places._dms(-41.5, "NS") == "41°30'00\"S" and places._dms(59.99999, "EW") == "60°00'00\"E"
    )
    assert places._utm(-70, -20).startswith("19S ") and places._utm(180, 0).startswith("60N ")


# ------------------------------------------------------------------------------- who and costs


def table(text, tmp_path, kind):
    path = tmp_path / f"{kind}.csv"
    path.write_text(text, encoding="utf-8")
    return decision_tables.read(path, kind)


AGENCIES = """agency,country,unit,name,status
ministry,KG,,Ministry of Nature,
ministry,KG,Naryn,Office in Naryn,not checked
rangers,KZ,,Rangers of KZ,
"""


def test_who_acts_is_told_by_unit_then_country_then_kind(tmp_path):
    agencies = table(AGENCIES, tmp_path, "agencies")
    assert decision_tables.who("ministry", "KG", "Osh", agencies) == "Ministry of Nature"
    assert (
        decision_tables.who("ministry", "KG", "Naryn", agencies) == "Office in Naryn (not checked)"
    )
    assert decision_tables.who("rangers, ministry", "KZ", "", agencies) == "Rangers of KZ; ministry"
    assert decision_tables.who("rangers", "KG", "", None) == "rangers"


COSTS = "rule,per,low,high,status\nR5,km2,100,300,illustrative\nR4,km,10,20,\nR3,place,7,9,\n"


def test_a_second_line_for_one_rule_or_agency_is_told(tmp_path):
    twice = table(f"{COSTS}R5,place,1,2,\n", tmp_path, "costs")
    assert list(decision_tables.faults(twice, "costs", {})) == [
        ("5", "rule", "a second line for R5", "one line for each")
    ]
    again = table(f"{AGENCIES}ministry,KG,Naryn,Another,\n", tmp_path, "agencies")
    assert list(decision_tables.faults(again, "agencies", {})) == [
        ("5", "agency", "a second line for ministry, KG, Naryn", "one line for each")
    ]
    assert not list(decision_tables.faults(table(AGENCIES, tmp_path, "agencies"), "agencies", {}))


def test_costs_go_by_area_length_or_place(tmp_path):
    costs = table(COSTS, tmp_path, "costs")
    assert not list(decision_tables.faults(costs, "costs", {"per": decision_tables.PER}))
    assert decision_tables.notice(costs) == "Costs: illustrative."
    assert decision_tables.notice(None) == ""
    rows = pd.DataFrame(
        {
            "rule": ["R5", "R4", "R3", "R7"],
            "area_km2": [2, np.nan, 5, 1.0],
            "length_km": [np.nan, 3, 0, 0],
        }
    )
    low, high = decision_tables.cost(rows, decision_tables.costs(costs))
    np.testing.assert_array_equal(low, [200, 30, 7, np.nan])
    np.testing.assert_array_equal(high, [600, 60, 9, np.nan])


@pytest.mark.parametrize(
    ("text", "row", "field"),
    [
        ("rule,low,high\nR5,1,2\n", "", "per"),
        ("rule,per,low,high\nR5,km2,1 000,2\n", "2", "low"),
        ("rule,per,low,high\nR5,km2,3,2\n", "2", "high"),
        ("rule,per,low,high\nR5,km2,0,2\n", "2", "high"),
        ("rule,per,low,high\nR4,km,1,2\nR5,mile,1,2\n", "3", "per"),
        ("rule,per,low,high\n,km,1,2\n", "2", "rule"),
    ],
)
def test_a_wrong_cost_is_told_with_row_and_field(tmp_path, text, row, field):
    wrong = table(text, tmp_path, "costs")
    found = list(decision_tables.faults(wrong, "costs", {"per": decision_tables.PER}))
    assert [(f[0], f[1]) for f in found] == [(row, field)]


@pytest.fixture(scope="module")
def config():
    return load.load(demo_config())["current"]


def problems(config, **actions_):
    """What the preflight says of the tables, without the notes on rules."""
    made = config | {"actions": config["actions"] | actions_}
    return [p for p in decisions.check(made) if p.layer == "actions"]


def test_the_tables_of_the_demo_are_in_order(config):
    assert problems(config) == []


@pytest.mark.parametrize("kind", ["xlsx", "semicolons", "cp1251"])
def test_a_table_is_read_as_people_have_it(tmp_path, kind):
    table = pd.DataFrame(
        {"Agency ": ["ministry"], "country": ["KG"], "name": ["Министерство "], "unit": ["Нарын"]}
    )
    path = tmp_path / ("a.xlsx" if kind == "xlsx" else "a.csv")
    if kind == "xlsx":
        table.to_excel(path, index=False)
    else:
        encoding = "cp1251" if kind == "cp1251" else "utf-8"
        table.to_csv(path, index=False, sep=";", encoding=encoding)
    (row,) = decision_tables.read(path, "agencies")[["agency", "name", "unit", "status"]].values
    assert row.tolist() == ["ministry", "Министерство", "Нарын", ""]
    assert (
        list(decision_tables.faults(decision_tables.read(path, "agencies"), "agencies", {})) == []
    )


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("costs", "rule,per,low\n", "no such column"),
        ("costs", "rule,per,low,high\nR5,km2,2,1\n", "2 to 1"),
        ("costs", "rule,per,low,high\nR55,km2,1,2\n", "WARNING"),
        ("agencies", "agency,country,name\nministry of magic,KG,x\n", "a rule has it"),
        ("agencies", 'agency,country,name\n"a,KG,x\n', "as many cells as the head has"),
        ("costs", "", "a table, as CSV or XLSX"),
    ],
)
def test_a_wrong_table_is_told_before_any_job(config, tmp_path, kind, text, words):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    allowed = config | {"allow": {"outside": True, "network": False}}
    (found,) = problems(allowed, **{kind: str(path)})
    assert words in str(found) and str(path) in str(found)


def test_a_table_that_is_not_there_and_a_budget_without_costs_are_told(config):
    (found,) = problems(config, costs="resources/tien_shan/cost.csv")
    assert found.severity == "error" and "costs.csv" in found.mend
    (found,) = problems(config, costs=None)
    assert (found.severity, found.field) == ("warning", "budget")


def test_an_unknown_threat_of_a_gain_is_told(config):
    rules = {"R5": config["rules"]["R5"] | {"gain": {"without": ["huntin"], "keep_from": []}}}
    (found,) = uses.check_threats_named(config | {"rules": rules})
    assert found.severity == "warning" and "did you mean 'hunting'" in str(found)


# ------------------------------------------------------------------------------------- budget


def offers(places_=12, faces=30, seed=1):
    random = np.random.default_rng(seed)
    pairs = np.argwhere(random.random((faces, places_)) < 0.2)
    cost = random.uniform(1, 10, places_)
    return budget.Offer(cost, random.uniform(0, 5, faces), pairs[:, 0], pairs[:, 1])


def by_hand(offer, limit):
    """The best of all sets of places."""
    sets = itertools.product([False, True], repeat=len(offer.cost))
    every = [np.array(chosen) for chosen in sets]
    return max(offer.regained(c) for c in every if offer.cost[c].sum() <= limit)


@pytest.mark.parametrize(("seed", "limit"), [(1, 10), (2, 18), (3, 30)])
def test_the_best_set_is_that_of_all_sets_and_never_worse_than_the_greedy_one(seed, limit):
    offer = offers(seed=seed)
    best, greedy = budget.best(offer, limit), budget.greedy(offer, limit)
    assert best.gain == pytest.approx(by_hand(offer, limit), rel=2e-4)
    assert best.gain >= greedy.gain * (1 - 1e-4)
    assert max(best.cost, greedy.cost) <= limit + 1e-6
    assert best.gain == offer.regained(best.chosen) and best.gap <= 1e-4


def test_greedy_can_miss_what_the_exact_choice_finds():
    # one place of 10 for 6, or two of 8 each for 5: with 10 the two are better
    offer = budget.Offer(np.array([6.0, 5, 5]), np.array([11.0, 8, 8]), np.arange(3), np.arange(3))
    assert budget.greedy(offer, 10).gain == 11 and budget.best(offer, 10).gain == 16


@pytest.mark.parametrize("unit", [1, 0.01])
def test_greedy_takes_what_adds_most_for_its_money(unit):
    # 2 for 1 is more for the money than 4 for 5, after which 4 of the 5 are left for nothing
    cost, gain = np.array([1.0, 5.0]) * unit, np.array([2.0, 4.0])
    offer = budget.Offer(cost, gain, np.arange(2), np.arange(2))
    assert budget.greedy(offer, 5 * unit).chosen.tolist() == [True, False]


def test_greedy_goes_on_with_what_still_fits_and_counts_shared_ground_once():
    # places 0 and 1 share the first face; 2 would bring most and costs more than there is
    face, place = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    offer = budget.Offer(np.array([2.0, 3, 9]), np.array([4.0, 1, 100]), face, place)
    found = budget.greedy(offer, 5)
    assert found.chosen.tolist() == [True, True, False]
    assert (found.cost, found.gain) == (5, 5)


def test_a_share_is_reached_for_the_least_money():
    offer = budget.Offer(np.array([6.0, 5, 5]), np.array([10.0, 8, 2]), np.arange(3), np.arange(3))
    found = budget.cheapest(offer, 0.5)
    assert found.chosen.tolist() == [True, False, False] and found.cost == 6
    assert budget.cheapest(offer, 1).cost == 16


def test_ground_that_two_places_share_is_paid_for_once():
    # places 0 and 1 cover the same face; place 2 another, worth less
    offer = budget.Offer(np.ones(3), np.array([5.0, 3.0]), np.array([0, 0, 1]), np.array([0, 1, 2]))
    best = budget.best(offer, 2)
    assert best.gain == 8 and best.chosen[2] and best.chosen[:2].sum() == 1


def test_nothing_is_bought_of_nothing():
    nothing = budget.Offer(np.zeros(0), np.zeros(0), np.zeros(0, int), np.zeros(0, int))
    assert budget.best(nothing, 10).gain == 0
    dear = budget.Offer(np.array([11.0]), np.array([1.0]), np.zeros(1, int), np.zeros(1, int))
    assert not budget.best(dear, 10).chosen.any()


# ------------------------------------------------------------------------------------ actions

RULES = {
    "R5": {"gain": {"without": ["hunting"], "keep_from": []}, "zones": {"kind": "tiles"},
           "place_km2": 50},
    "R7": {"gain": {}, "zones": {"kind": "tiles"}, "place_km2": 1000},
}  # fmt: skip


def recommended(rule, geometry, **columns):
    rows = {name: "" for name in COLUMNS} | {"value_at_risk_km2": 1.0, "length_km": np.nan}
    made = gpd.GeoDataFrame([rows] * len(geometry), geometry=geometry.to_numpy(), crs=CRS)
    ids = [f"{rule}-{i}" for i in range(len(geometry))]
    return made.assign(rule=rule, title="Patrol", id=ids, area_km2=25.0, verdict="issue",
                       support=0.8, unit="Naryn", agency="rangers, police",
                       gain_of="without Hunting" if rule == "R5" else "", **columns)  # fmt: skip


@pytest.fixture
def found():
    """Four patrol cells, of which one is dropped, and a survey."""
    cells = squares((0, 0), (5000, 0), (30_000, 0), (60_000, 0))
    tables = {"R5": recommended("R5", cells), "R7": recommended("R7", squares((0, 0)))}
    tables["R5"].loc[3, "verdict"] = "not supported"
    km2 = np.array([[1, 3], [2, 2], [5, 7], [100, 100]], "float32")
    names = np.array([*tables["R5"]["id"], *tables["R7"]["id"]], object)
    gains = Gains(
        (("without", "hunting"),), names, np.zeros(4, int), km2, np.arange(4), np.arange(4)
    )
    towns = gpd.GeoDataFrame({"name": ["Naryn"]}, geometry=[shapely.Point(2500, -20_000)], crs=CRS)
    units = gpd.GeoDataFrame(
        {"name": ["Naryn"], "country": ["KG"]},
        geometry=[shapely.box(-1e5, -1e5, 1e5, 1e5)],
        crs=CRS,
    )
    who = actions.Who(units, towns, None)
    return actions.actions(tables, RULES, gains, who)


def places_of(table, km2, **rule):
    """Places of recommendations of R5 whose gains in each draw are the rows of `km2`."""
    each = np.arange(len(table))
    drawn = np.array(km2, "float32").reshape(len(table), -1)
    names = table["id"].to_numpy(object)
    gains = Gains((("without", "hunting"),), names, 0 * each, drawn, each, each)
    who = actions.Who(None, None, None)
    return actions.actions({"R5": table}, {"R5": RULES["R5"] | rule}, gains, who)


def test_places_are_ranked_by_what_they_gain_for_sure(found):
    made, gains = found
    assert made["rule"].tolist() == ["R5", "R5", "R7"] and made["rank"].tolist() == [1, 2, 3]
    first, second = made.iloc[0], made.iloc[1]
    assert (first["gain_km2"], first["zones"]) == (6, 1)
    assert (second["gain_km2"], second["zones"], second["area_km2"]) == (4, 2, 50)
    assert second["gain_p05_km2"] == pytest.approx(3.1) and second["confidence"] == 0.8
    assert second["recommendations"] == "R5-0, R5-1" and second["country"] == "KG"
    assert second["place"] == "23 km N of Naryn" and np.isnan(made.iloc[2]["gain_km2"])
    each = dict(zip(gains.names, gains.of_each().mean(1), strict=True))
    assert [each[name] for name in made["id"]] == [6, 4, 0]


@pytest.mark.parametrize("gain", [RULES["R5"]["gain"], {}])
def test_a_surer_place_may_come_before_one_that_gains_more(gain):
    """6 km2 in half of the draws are worth 3, and 4 in all of them 4."""
    table = recommended("R5", squares((0, 0), (30_000, 0)))
    table["support"], table["value_at_risk_km2"] = [0.5, 1.0], [6.0, 4.0]
    made, _ = places_of(table, [6, 4], gain=gain)
    assert made["recommendations"].tolist() == ["R5-1", "R5-0"]


@pytest.mark.parametrize(
    ("gain", "support", "told"),
    [
        ({"without": ["hunting"], "keep_from": []}, [1.0, 1.0], "gains 2"),
        ({"without": ["hunting"], "keep_from": []}, [1.0, 0.4], "gains 1"),
        ({}, [1.0, 1.0], "gains 1"),
        ({}, [0.3, 1.0], "gains 2"),
    ],
)
def test_a_place_has_the_reason_of_its_best_zone(gain, support, told):
    table = recommended("R5", squares((0, 0), (5000, 0)))
    table["value_at_risk_km2"], table["support"] = [3.0, 1.0], support
    table["reason"] = ["gains 1", "gains 2"]
    made, _ = places_of(table, [1, 2], gain=gain)
    zone = {"gains 1": "R5-0", "gains 2": "R5-1"}[told]
    assert made["reason"].tolist() == [f"best of 2 zones, {zone}: {told}"]
    alone, _ = places_of(table.iloc[:1], [1], gain=gain)
    assert alone["reason"].tolist() == ["gains 1"]


def test_a_place_is_told_by_the_district_and_the_valley_in_which_most_of_it_lies():
    nowhere = shapely.box(90, 0, 99, 9)
    shapes = [shapely.box(0, 0, 10, 10), shapely.LineString([(0, 5), (30, 5)]), nowhere]
    districts = gpd.GeoDataFrame(
        {"name": ["West", "East", None]},
        geometry=[shapely.box(-9, -9, 4, 20), shapely.box(4, -9, 50, 20), nowhere],
    )
    valleys = gpd.GeoDataFrame({"name": ["Deep"]}, geometry=[shapely.box(-50, -50, 1, 50)])
    assert places.within(shapes, [districts, valleys]) == [["East", "Deep"], ["East", "Deep"], []]
    assert places.within(shapes, []) == [[], [], []]


def test_the_first_actions_are_told_for_each_agency_and_unit(found):
    made, _ = found
    told = actions.first(made, 2)
    assert [(role, unit, len(part)) for role, unit, part in told] == [
        ("police", "Naryn", 2), ("rangers", "Naryn", 2),
    ]  # fmt: skip
    assert (
        actions.listed(made, 2)["First actions"]["agency_kind"].tolist()
        == ["police"] * 2 + ["rangers"] * 2
    )


def test_a_budget_pays_for_the_places_that_bring_back_most(found):
    made, gains = found
    low, high = np.array([40.0, 10, np.nan]), np.array([60.0, 10, np.nan])
    plan = actions.plan(made, gains, low, high, 20, seed=1)
    assert plan.offered.tolist() == [0, 1] and plan.alone.tolist() == [6, 4]
    assert plan.best.chosen.tolist() == [False, True] and plan.in_draws.tolist() == [0, 1]
    more = actions.with_money(made, low, high, plan)
    assert more["paid"].tolist() == ["no", "yes", ""]
    curve = actions.of_plan(plan)["Gain over budget"]
    assert curve["gain"].is_monotonic_increasing and curve["gain"].iloc[-1] == 10
    page = actions_page.sections(more, 10, plan, "USD")
    assert [s.title for s in page][:2] == ["In short", "What a budget buys"]
    assert "the best set is 1 place for 10 USD, which bring back 4 km²" in page[1].words[0]
    assert "to within 0.01%" in page[1].words[0]
    assert page[1].words[2] == "As much money again would add 0 km²."
    assert "Of 3 places 2 were weighed" in page[1].words[-1]
    assert page[1].words[-1].endswith("whose rule has a cost (R5).")


def test_what_costs_most_stands_with_the_places_that_answer_it_or_why_there_is_none(found):
    """Hunting has places; dogs a rule that draws do not support; poison one that nothing meets."""
    made, _ = found
    made.loc[1, "verdict"] = "survey first"
    titles = {"hunting": "Hunting", "dogs_camps": "Dogs", "poison": "Poison", "roads": "Roads"}
    here, ends = "(whole region)", {"quality_km2_p05": 0.5, "quality_km2_p95": 60.0}
    rows = [
        (here, "without", "Roads", 1), (here, "without", "Hunting", 40),
        (here, "without", "Dogs", 30), (here, "without", "Poison", 2),
        (here, "half", "Poison", 99), ("Naryn", "without", "Roads", 99),
    ]  # fmt: skip
    columns = ["unit", "change", "threat", "quality_km2_mean"]
    table = pd.DataFrame(rows, columns=columns).assign(**ends)
    unmet = RULES["R5"] | {"title": "Other", "gain": {"keep_from": ["poison"]}}
    dogs = unmet | {"title": "Dog zone", "gain": {"without": ["dogs_camps"]}}
    rules = {"R5": RULES["R5"] | {"title": "Patrol"}, "R6": dogs, "R2": unmet}
    zones = {"R6": recommended("R6", squares((0, 0))).assign(verdict="not supported")}
    answered = actions_page.answers(table, made, zones, rules, titles)
    assert answered["threat"].tolist() == ["Hunting", "Dogs", "Poison", "Roads"]
    assert answered["answered here by"].tolist() == [
        "R5 Patrol: 1 place to act on, 1 place to survey first",
        "R6 Dog zone: no place, as the draws do not support its 1 zone",
        "R2 Other: no place meets the rule",
        "no rule here acts on it",
    ]
    assert answered.iloc[0, 1] == "40 (0.5 to 60)"
    page = actions_page.sections(made, 10, None, "USD", (), answered)
    assert [s.title for s in page][:2] == ["In short", "What costs most, and what answers it"]
    none = actions_page.sections(made.iloc[:0], 10, None, "USD", (), answered)
    assert [s.title for s in none] == ["In short", "What costs most, and what answers it"]
    titles_of = [s.title for s in actions_page.sections(made, 10, None, "USD", (), None)]
    assert "What costs most, and what answers it" not in titles_of


def test_twice_the_budget_may_buy_more(found):
    made, gains = found
    low = np.array([50.0, 10, np.nan])
    plan = actions.plan(made, gains, low, low, 30, seed=1)
    page = actions_page.sections(actions.with_money(made, low, low, plan), 10, plan, "USD")
    assert (plan.best.gain, plan.more.gain) == (4, 10)
    assert page[1].words[2] == "As much money again would add 6 km²."


@pytest.mark.parametrize(("amount", "often"), [(40, 0), (60, 1)])
def test_in_a_draw_a_cost_lies_between_its_ends(amount, often):
    made, gains = places_of(recommended("R5", squares((0, 0))), [1] * 9)
    plan = actions.plan(made, gains, np.array([40.0]), np.array([60.0]), amount, seed=1)
    assert plan.in_draws.tolist() == [often]


def test_the_page_tells_places_and_their_zones_and_what_lies_in_no_unit(found):
    made, _ = found
    made.loc[2, "verdict"], made.loc[2, "unit"] = "survey first", ""
    page = actions_page.sections(made, 10, None, "USD")
    assert page[0].words[0].startswith("3 places, of 4 recommendations: 2 to act on, 1 where a ")
    assert (
        page[0]
        .words[1]
        .startswith(
            "Most is gained where a threat is taken away: patrol, 38 km NE of Naryn (Naryn), 6 "
        )
    )
    assert [title.split(":")[0] for title, _ in page[1].tables] == ["Naryn", "In no unit"]
    shown = page[1].tables[0][1]["place"].tolist()
    assert [("zones" in words) for words in shown] == [False, True]
    assert shown[1].endswith("Naryn (2 zones, 50 km²)")


@pytest.mark.parametrize(
    ("gain_of", "told"),
    [
        ("without Hunting", "444 (200 to 600) km² without Hunting"),
        ("kept from Mines", "444 (200 to 600) km² kept from Mines"),
        (
            "without Hunting; kept from Mines",
            "444 (200 to 600) km² without Hunting; kept from Mines (of this 2.3 (0.5 to 7) comes "
            "back; the rest is lost only if the threat comes)",
        ),
    ],
)
def test_what_is_kept_from_a_threat_that_may_come_is_told_apart(found, gain_of, told):
    """Most of the gain is kept from mines that may never come; the other place gains 4."""
    row = {"gain_km2": 444.0, "gain_p05_km2": 200.0, "gain_p95_km2": 600.0, "gain_of": gain_of,
           "back_km2": 2.3, "back_p05_km2": 0.5, "back_p95_km2": 7.0} | dict.fromkeys(
               ["key_gain_km2", "key_gain_p05_km2", "key_gain_p95_km2"], np.nan)  # fmt: skip
    assert gained(row, "km² ") == told
    made = found[0].copy()
    made.loc[0, list(row)] = list(row.values())
    short = actions_page.sections(made, 10, None, "USD")[0].words[1]
    other = made.loc[made["back_km2"].idxmax(), "place"]
    assert made["back_km2"].max() == 4 and f", {other} (" in short
    none = actions_page.sections(made[made["rule"] == "R7"], 10, None, "USD")[0].words
    assert len(none) == 1, "of surveys nothing is told"
    assert "444" not in short and short.split(") km² of full quality ")[1].startswith("without")


@pytest.mark.parametrize(("amount", "last"), [(20, 60), (40, 80)])
def test_the_curve_ends_where_all_is_paid_for_or_at_twice_the_budget(found, amount, last):
    made, gains = found
    low, high = np.array([40.0, 10, np.nan]), np.array([60.0, 10, np.nan])
    curve = actions.plan(made, gains, low, high, amount, seed=1).curve
    assert curve[-1][0] == last and curve[0][0] == amount / 16
    assert amount in [budget_ for budget_, _ in curve]


def test_gains_and_confidence_have_three_digits():
    table = recommended("R5", squares((0, 0), (5000, 0), (10_000, 0)))
    table["support"] = [1.0, 1.0, 0.0]
    table["value_at_risk_km2"] = table["length_km"] = table["area_km2"] = 2 / 9
    made, _ = places_of(table, [[1 / 9] * 2] * 3, place_km2=1000)
    row = made.iloc[0]
    assert (row["gain_km2"], row["gain_p05_km2"], row["confidence"]) == (0.333, 0.333, 0.667)
    assert (row["value_at_risk_km2"], row["length_km"], row["area_km2"]) == (0.667, 0.667, 0.67)


@pytest.mark.parametrize(("most_km2", "number"), [(6.1, 1), (5.9, 2)])
def test_pieces_of_a_road_join_as_far_as_the_strips_beside_them_allow(most_km2, number):
    pieces = gpd.GeoSeries(
        [shapely.LineString([(x, 0), (x + 1000, 0)]) for x in (0, 1000)], crs=CRS
    )
    table = recommended("R4", pieces)
    table["length_km"], table["area_km2"] = 1.0, np.nan  # with 1.5 km on both sides 3 km2 each
    gains = Gains((("without", "hunting"),), table["id"].to_numpy(object), np.zeros(2, int),
                  np.ones((2, 2), "float32"), np.arange(2), np.arange(2))  # fmt: skip
    zones = {"kind": "segments", "side_m": 1500}
    rules = {"R4": RULES["R5"] | {"zones": zones, "place_km2": most_km2}}
    made, _ = actions.actions({"R4": table}, rules, gains, actions.Who(None, None, None))
    assert len(made) == number


def test_a_target_is_a_share_of_what_its_rules_could_bring_back(found):
    made, gains = found
    low, high = np.array([40.0, 10, np.nan]), np.array([60.0, 10, np.nan])
    wanted = [
        {"share": 0.4},
        {"share": 0.5},
        {"share": 1, "rules": ["R5"]},
        {"share": 0.5, "rules": ["R7"]},
    ]
    two, half, every, none = actions.targets(made, gains, low, high, wanted)
    assert (two.choice.cost, two.all_km2) == (10, 10) and two.choice.gain == 4
    assert (half.choice.cost, half.choice.gain) == (50, 6)
    assert (every.choice.cost, every.choice.chosen.sum()) == (60, 2)
    assert (none.choice.cost, none.all_km2) == (0, 0)  # it has no cost and brings nothing back
    table = actions.of_targets([two, every])["Cost of a target"]
    assert table[["share", "rules", "cost", "places"]].values.tolist() == [
        [0.4, "all", 10, 1], [1, "R5", 60, 2],
    ]  # fmt: skip
    page = actions_page.sections(made, 10, None, "USD", [two, every])
    words = next(s for s in page if s.title == "What a target costs").words
    assert words[0] == (
        "To bring back 40% of the 10 km² of full quality that all priced actions could bring back "
        "costs at least 10 USD: 1 place, 4 km²."
    )
    assert "the rules R5" in words[1] and actions.of_targets([]) == {}


@pytest.fixture
def roads():
    """Two patrol cells apart and a road of two pieces: gains of 3, 5 and together 2 in 60 draws."""
    cells = squares((0, 0), (30_000, 0))
    pieces = gpd.GeoSeries(
        [shapely.LineString([(x, 50_000), (x + 1000, 50_000)]) for x in (0, 1000)], crs=CRS
    )
    tables = {"R5": recommended("R5", cells), "R4": recommended("R4", pieces)}
    tables["R4"]["length_km"], tables["R4"]["area_km2"] = 1.0, np.nan
    tables["R4"]["gain_of"] = "without Hunting"
    names = np.array([*tables["R5"]["id"], *tables["R4"]["id"]], object)
    km2 = np.repeat(np.array([[3], [5], [1], [1]], "float32"), 60, axis=1)
    every = np.arange(4)
    gains = Gains((("without", "hunting"),), names, np.zeros(4, int), km2, every, every)
    rule = RULES["R5"] | {"zones": {"kind": "segments", "side_m": 1500}}
    return actions.actions(tables, RULES | {"R4": rule}, gains, actions.Who(None, None, None))


def test_pieces_of_a_road_join_and_each_rule_keeps_its_own_gains(roads):
    made, _ = roads
    told = made[["rule", "gain_km2", "zones"]].to_dict("split")["data"]
    assert told == [["R5", 5, 1], ["R5", 3, 1], ["R4", 2, 2]]
    road = made.iloc[2]
    assert road["length_km"] == 2 and np.isnan(road["area_km2"]) and road["country"] == ""
    assert road["place"] == f"{road['latitude']:.2f}°, {road['longitude']:.2f}°"


def test_areas_and_lines_are_layers_of_their_own_and_read_as_one(roads, tmp_path):
    made, _ = roads
    layers = actions.layers(made)
    assert [(name, len(part)) for name, part in layers.items()] == [("areas", 2), ("lines", 1)]
    styles = actions.styles(layers, {"area_km2": {"title": "Area", "unit": "km2"}})
    assert styles["lines"].line and styles["areas"].labels == {"R5": "R5 Patrol"}
    assert styles["areas"].aliases["area_km2"] == "Area (km2)"
    vectors.write_vector(tmp_path / "a.gpkg", layers, {}, styles)
    assert actions.read(tmp_path / "a.gpkg")["id"].tolist() == made["id"].tolist()
    assert list(actions.layers(made[:0])) == ["areas"]


def test_where_a_survey_comes_first_nothing_is_paid_for(roads):
    made, gains = roads
    made.loc[0, "verdict"] = "survey first"
    low = np.array([1.0, 1, 1])
    plan = actions.plan(made, gains, low, low, 100, seed=1)
    assert plan.offered.tolist() == [1, 2] and plan.draws == actions.DRAWS
    assert plan.best.gain == 5 and plan.more.gain == 5


def test_without_any_recommendation_there_is_nothing_to_do(tmp_path):
    gains = Gains(
        (),
        np.zeros(0, object),
        np.zeros(0, int),
        np.zeros((0, 1)),
        np.zeros(0, int),
        np.zeros(0, int),
    )
    made, _ = actions.actions({}, RULES, gains, actions.Who(None, None, None))
    assert len(made) == 0 and actions.listed(made, 10) == {}
    path, layers = tmp_path / "a.gpkg", actions.layers(made)
    vectors.write_vector(path, layers, {}, actions.styles(layers, {}))
    handover.kmz(tmp_path / "a.kmz", actions.read(path), "Title", "Notice")
    assert "nothing to do" in actions_page.sections(made, 10, None, "")[0].words[0]


# ----------------------------------------------------------------------------------- workbook


def test_a_workbook_has_filters_units_a_dictionary_and_the_same_bytes(tmp_path):
    rows = pd.DataFrame({"place": ["=1+1", "b"], "unit": ["x", "y"], "area_km2": [1.5, np.nan]})
    for name in ("a.xlsx", "b.xlsx"):
        workbook.write(tmp_path / name, "Title", "Notice", {"All actions": rows})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["Read first", "All actions", "Columns"]
    sheet = book["All actions"]
    assert [c.value for c in sheet[1]] == ["Place", "Unit", "Area (km2)"]
    assert [c.value for c in sheet[2]] == ["'=1+1", "x", 1.5] and sheet["C3"].value is None
    assert sheet.freeze_panes == "C2" and sheet.auto_filter.ref == "A1:C3"
    assert book["Columns"]["B4"].value == "area_km2" and book["Read first"]["A2"].value == "Notice"
    assert all(i.date_time[0] == 1980 for i in zipfile.ZipFile(tmp_path / "a.xlsx").infolist())


@pytest.mark.parametrize(
    ("zones", "confidence", "how_sure", "told"),
    [
        (1, 0.8, "holds in 80%", "issue, holds in 80%"),
        (4, 0.61, "best of 4 zones, A: holds in 70%",
         "issue, 61% of the draws, best of 4 zones, A: holds in 70%"),
        (4, np.nan, "", "issue"),
    ],
)  # fmt: skip
def test_a_place_of_several_zones_tells_its_own_share_of_draws_before_that_of_the_best(
    zones, confidence, how_sure, told
):
    row = pd.Series(
        {"verdict": "issue", "zones": zones, "confidence": confidence, "how_sure": how_sure}
    )
    assert actions_page._how_sure(row) == told

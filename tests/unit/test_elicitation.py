"""Experts' answers: checked by name, stretched, fitted, pooled, weighted, shown without names."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from conftest import demo_config
from scipy import stats

from manul import preflight
from manul.config import load, numbers
from manul.graph import Graph
from manul.grid import plain_files
from manul.uncertainty import elicit_calibration as calibration
from manul.uncertainty import (
    elicit_fit,
    elicit_page,
    elicit_parameters,
    elicit_template,
    elicitation,
)
from manul.uncertainty.elicit_parameters import Parameter, asked, parameters, unknown

WEIGHT, SCALE = "threats.dogs_camps.weight", "surfaces.dogs_camps.scale_m"
KNOWN = {
    WEIGHT: Parameter(WEIGHT, "largest share", "", 0.45, (0.25, 0.65), "G", 0.0, 1.0),
    SCALE: Parameter(SCALE, "distance", "m", 1500, (500, 3000), "G", 0.0, 2e6, above=True),
}
BLOCK = {
    "path": None, "layer": None, "ask": [], "pool": "equal", "certainty": 0.9, "names": False,
    "on_rejected": "stop",
}  # fmt: skip
HEADER = ["expert", "parameter", "lowest", "highest", "best", "confidence", "truth", "comment"]


def read(tmp_path, *rows, **block):
    """The answers of rows (expert, parameter, lowest, highest, best, confidence, truth)."""
    path = tmp_path / "answers.csv"
    pd.DataFrame([[*row, *[""] * (8 - len(row))] for row in rows], columns=HEADER).to_csv(
        path, index=False
    )
    return elicitation.read(BLOCK | {"path": str(path)} | block, KNOWN, "2026-01-01")


def answer(expert="Ann", parameter=WEIGHT, low=0.2, high=0.6, best=0.4, confidence=90, truth=""):
    return expert, parameter, low, high, best, confidence, truth


# ------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (answer(best=0.7), "best", "from the lowest to the highest of the row, 0.2 to 0.6"),
        (answer(best=0.1), "best", "0.2 to 0.6"),
        (answer(confidence=40), "confidence", "at least 50 and at most 100 %"),
        (answer(confidence=101), "confidence", "at most 100 %"),
        (answer(low=0.4, high=0.4), "highest", "more than the lowest, 0.4"),
        (answer(high=1.2), "highest", "at least 0 and at most 1"),
        (answer(low=-0.1), "lowest", "at least 0"),
        (answer(parameter=SCALE, low=0, high=900, best=500), "lowest", "above 0"),
        (answer(parameter="threats.dog_camps.weight"), "parameter", f"did you mean {WEIGHT!r}"),
        (answer(best=""), "best", "expected a value"),
        (answer(expert=""), "expert", "expected a value"),
        (answer(low="little"), "lowest", "expected a number"),
        (answer(truth=0.3), "truth", "names of their own"),
    ],
)
def test_an_answer_that_is_nonsense_is_rejected_by_expert_and_number(tmp_path, row, field, words):
    found = read(tmp_path, row, answer("Bob"))
    assert found.usable["expert"].tolist() == ["Bob"]
    (problem,) = found.rejected.itertuples()
    assert (problem.row, problem.expert, problem.parameter) == ("2", row[0], row[1])
    assert problem.field == field
    assert words in problem.reason


def test_an_expert_answers_once_on_a_number_however_the_sign_is_written(tmp_path):
    found = read(tmp_path, answer("E1"), answer("e1 ", best=0.5), answer("E2"))
    assert found.usable["expert"].tolist() == ["E1", "E2"]
    assert found.rejected["row"].tolist() == ["3"]
    assert "row 2 is this expert's answer too" in found.rejected["reason"][0]


def test_rows_without_an_answer_are_left_out(tmp_path):
    blank = ("", SCALE, "", "", "", "")
    unknown = ("Ann", SCALE, "-", "n/a", "", "?")
    found = read(tmp_path, answer(), blank, unknown, blank)
    assert (len(found.usable), len(found.rejected), found.unanswered) == (1, 0, 3)


def test_a_truth_in_one_row_makes_a_seed_question_for_all(tmp_path):
    rows = [answer("Ann", "height", 5, 9, 7, 80, 8), answer("Bob", "height", 1, 2, 1.5, 80)]
    found = read(tmp_path, *rows, answer("Cat", "height", 1, 9, 5, 80, 7))
    assert found.seeds["truth"].tolist() == [8, 8]
    assert "another row has 8 for this question" in found.rejected["reason"][0]


def test_each_expert_may_send_a_file(tmp_path):
    for name in ("a", "b"):
        read(tmp_path, answer(name), answer(name, best=9))
        (tmp_path / "answers.csv").rename(tmp_path / f"{name}.csv")
    block = BLOCK | {"path": [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]}
    found = elicitation.read(block, KNOWN, "2026-01-01")
    assert found.usable["expert"].tolist() == ["a", "b"]
    assert found.rejected["row"].tolist() == ["a.csv 3", "b.csv 3"]


def test_answers_are_read_from_the_sheet_that_the_config_names(tmp_path):
    path = tmp_path / "answers.xlsx"
    with pd.ExcelWriter(path) as book:
        for name in ("Ann", "Bob"):
            of = pd.DataFrame([[*answer(name), ""]], columns=HEADER)
            of.to_excel(book, sheet_name=f"of {name}", index=False)
    found = elicitation.read(BLOCK | {"path": str(path), "layer": "of Bob"}, KNOWN, "2026-01-01")
    assert found.usable["expert"].tolist() == ["Bob"]


# ------------------------------------------------------------------------------------ fitting


def test_an_interval_is_stretched_in_proportion_about_the_best_guess():
    assert elicit_fit.stretched(2, 4, 8, 0.8, 0.9) == (4 - 2 * 0.9 / 0.8, 4 + 4 * 0.9 / 0.8)
    assert elicit_fit.stretched(10, 18, 26, 0.8, 0.9) == (9, 27)
    assert elicit_fit.stretched(10, 20, 30, 1.0, 0.8) == (12, 28)


@pytest.mark.parametrize("best", [0, 0.1, 3, 5, 9.9, 10])
def test_the_fitted_peak_is_the_best_guess_and_the_tails_are_as_told(best):
    fitted = elicit_fit.fit((0, 10), best, 0.9)
    assert fitted.mode == best
    assert fitted.cdf([0, 10]) == pytest.approx([0.05, 0.95])


def test_a_fit_stays_within_what_is_allowed():
    fitted = elicit_fit.fit((-0.2, 0.3), 0.1, 0.9, (0, 1))
    assert fitted.lowest == 0
    assert fitted.highest < 1
    assert fitted.cdf(0.3) == pytest.approx(0.95)
    mirrored = elicit_fit.fit((0.7, 1.2), 0.9, 0.9, (0, 1))
    assert mirrored.highest == 1
    assert mirrored.lowest == pytest.approx(1 - fitted.highest)
    assert elicit_fit.fit((-1, 2), 0.5, 0.9, (0, 1)) == elicit_fit.Pert(0, 0.5, 1)


def test_a_scale_never_comes_to_0():
    assert elicit_fit.reachable(50, (0, math.inf), above=True) == (5, math.inf)
    assert elicit_fit.reachable(50, (0, 1), above=False) == (0, 1)


def test_pert_has_the_mean_and_variance_of_its_quantiles():
    pert = elicit_fit.Pert(0, 1, 6)
    assert pert.mean == pytest.approx(10 / 6)  # (0 + 4 + 6) / 6
    draws = pert.quantile((np.arange(100_000) + 0.5) / 100_000)
    assert draws.mean() == pytest.approx(pert.mean, rel=1e-3)
    assert draws.var() == pytest.approx(pert.variance, rel=1e-2)


# ------------------------------------------------------------------------------------ pooling


def test_the_pool_of_two_experts_has_its_median_between_them():
    two = [elicit_fit.Pert(0, 5, 10), elicit_fit.Pert(10, 15, 20)]
    pooled = elicit_fit.pool(two, [1, 1])
    assert pooled.at(0.5) == pytest.approx(10)
    assert (pooled.at(0), pooled.at(1)) == (0, 20)
    # a quarter of the pool is the middle of the first expert, three quarters that of the second
    assert pooled.at(0.25) == pytest.approx(5, abs=1e-3)
    assert pooled.at(0.75) == pytest.approx(15, abs=1e-3)
    # 25 lies between the experts (5 from their mean, squared), 25 / 7 within each
    assert pooled.disagreement == pytest.approx(25 / (25 + 25 / 7))


def test_experts_who_agree_are_pooled_to_what_each_says():
    one = elicit_fit.Pert(0, 3, 10)
    pooled = elicit_fit.pool([one, one, one], [1, 1, 1])
    assert pooled.disagreement == pytest.approx(0)
    assert pooled.quantiles == pytest.approx(one.quantile(elicit_fit.PROBABILITIES), abs=1e-4)


def test_weights_shift_the_pool_and_who_has_none_is_not_heard():
    two = [elicit_fit.Pert(0, 5, 10), elicit_fit.Pert(10, 15, 20)]
    assert elicit_fit.pool(two, [3, 1]).at(0.375) == pytest.approx(5, abs=1e-3)
    assert elicit_fit.pool(two, [1, 0]).at(1) == 10


# -------------------------------------------------------------------------------- calibration


def seeds(truth, low, best, high):
    return {f"s{i}": truth for i in range(20)}, {f"s{i}": (low, best, high) for i in range(20)}


def test_who_hits_as_often_as_told_has_calibration_1():
    truths = {f"s{i}": float(i) for i in range(20)}  # 1 below, 9 and 9 within, 1 above
    ends = {f"s{i}": (0.5, 9.5, 18.5) for i in range(20)}
    score = calibration.scores({"Ann": ends}, truths, 0.9)["Ann"]
    assert (score.seeds, score.inside) == (20, 18)
    assert score.calibration == pytest.approx(1)


def test_who_is_always_too_low_has_a_calibration_of_almost_0():
    truths, given = seeds(9.0, 1, 2, 3)
    score = calibration.scores({"Ann": given}, truths, 0.9)["Ann"]
    # all truths in a part that should hold 1 in 20: 2 x 20 x ln 20 of a chi square of 3
    assert score.calibration == pytest.approx(stats.chi2.sf(40 * math.log(20), 3))
    assert score.inside == 0


def test_the_calibration_of_two_answers_within_by_hand():
    truths, given = {"a": 4.0, "b": 6.0}, {"a": (0, 5, 10), "b": (0, 5, 10)}
    score = calibration.scores({"Ann": given}, truths, 0.9)["Ann"]
    assert (score.seeds, score.inside) == (2, 2)
    # Half and half where 45 % were expected, of two answers: 2 x 2 x ln(0.5 / 0.45).
    assert score.calibration == pytest.approx(stats.chi2.sf(4 * math.log(0.5 / 0.45), 3))


def test_an_even_spread_over_the_ground_tells_least():
    truths = {"s": 50.0}
    even = {"s": (100 / 12, 50.0, 1100 / 12)}
    narrow = {"s": (45.0, 50.0, 55.0)}
    ends = {"s": (5.0, 50.0, 95.0)}
    found = calibration.scores({"even": even, "narrow": narrow, "ends": ends}, truths, 0.9)
    assert found["ends"].information < found["even"].information < found["narrow"].information
    # alone, the ground reaches 10 % beyond 5 and 95: parts of 9, 45, 45 and 9 of 108
    alone = calibration.scores({"ends": ends}, truths, 0.9)["ends"]
    parts, widths = np.array([0.05, 0.45, 0.45, 0.05]), np.array([9, 45, 45, 9]) / 108
    assert alone.information == pytest.approx(np.sum(parts * np.log(parts / widths)))


def test_weights_prefer_the_expert_who_hit_the_seeds(tmp_path):
    rows = [answer("hit", low=0.1, high=0.3, best=0.2), answer("miss", low=0.7, high=0.9, best=0.8)]
    for i in range(10):
        rows.append(answer("hit", f"s{i}", 8, 12, 10 - (-1) ** i, 90, 10))
        rows.append(answer("miss", f"s{i}", 20, 24, 22, 90))
    found = read(tmp_path, *rows)
    result = elicitation.results(found, KNOWN, BLOCK | {"pool": "calibration"})[WEIGHT]
    assert result.weights[0] > 0.99
    assert result.pooled.at(0.5) < 0.3
    equal = elicitation.results(found, KNOWN, BLOCK)[WEIGHT]
    assert equal.weights == [0.5, 0.5]


def test_weights_without_seed_questions_are_refused(tmp_path):
    with pytest.raises(elicitation.ElicitationError, match="seed questions, and there are none"):
        elicitation.results(read(tmp_path, answer()), KNOWN, BLOCK | {"pool": "calibration"})


def test_a_number_on_which_nobody_has_a_weight_is_pooled_evenly_and_says_so(tmp_path):
    rows = [answer("Ann", "s", 8, 12, 10, 90, 10), answer("Bob"), answer("Cat")]
    block = BLOCK | {"pool": "calibration"}
    found = elicitation.results(read(tmp_path, *rows), KNOWN, block)
    assert (found[WEIGHT].pooled_by, found[WEIGHT].weights) == ("equal", [0.5, 0.5])


def test_an_opinion_keeps_what_was_said_and_why(tmp_path):
    rows = [(*answer("Ann", confidence=80), "seen often"), answer("Bob")]
    said = elicitation.results(read(tmp_path, *rows), KNOWN, BLOCK)[WEIGHT].opinions
    assert [(o.expert, o.comment) for o in said] == [("Ann", "seen often"), ("Bob", "")]
    ann = said[0]
    assert (ann.lowest, ann.best, ann.highest, ann.confidence) == (0.2, 0.4, 0.6, 80)
    assert ann.interval == pytest.approx((0.4 - 0.2 * 90 / 80, 0.4 + 0.2 * 90 / 80))


# ----------------------------------------------------------------------------- what is handed on


def test_the_table_is_read_again_as_quantile_functions(tmp_path):
    rows = [answer("Ann"), answer("Bob", low=0.3, high=0.9, best=0.6)]
    rows += [answer("Ann", SCALE, 500, 3000, 1500, 60)]
    found = elicitation.results(read(tmp_path, *rows), KNOWN, BLOCK)
    table = elicitation.table(found)
    assert table[["parameter", "experts", "pool"]].to_numpy().tolist() == [
        [WEIGHT, 2, "equal"],
        [SCALE, 1, "equal"],
    ]
    plain_files.write_table(tmp_path / "elicited.csv", table)
    again = elicitation.read_pooled(tmp_path / "elicited.csv")
    probabilities, quantiles = again[SCALE]
    assert probabilities[[0, 1, -1]].tolist() == [0, 0.005, 1]
    assert np.interp(0.95, probabilities, quantiles) == pytest.approx(1500 + 1500 * 1.5)
    assert (np.diff(quantiles) > 0).all()
    assert quantiles[0] == 50  # a tenth of the lowest answer, as 0 is not allowed


def test_the_page_has_numbers_for_names_and_what_is_disputed_first(tmp_path):
    rows = [answer("Ann"), answer("Bob", low=0.25, high=0.6, best=0.45)]
    rows += [answer("Ann", SCALE, 100, 200, 150, 90), answer("Bob", SCALE, 2000, 3000, 2500, 90)]
    found = read(tmp_path, *rows, answer("Cunning", best=9))
    results = elicitation.results(found, KNOWN, BLOCK)
    made = elicit_page.sections(results, found, BLOCK)
    assert [s.title for s in made] == [
        "What experts say",
        "Answers that could not be used",
        "distance",
        "largest share",
        "All numbers in one table",
    ]
    told = repr([(s.title, s.words, [t.to_csv() for _, t in s.tables]) for s in made])
    assert not {name for name in ("Ann", "Bob", "Cunning") if name in told}
    rejected = made[1].tables[0][1]
    assert rejected["expert"][0] in ("expert 1", "expert 2", "expert 3")
    open_block = BLOCK | {"names": True}
    named = elicit_page.sections(results, found, open_block)
    assert named[1].tables[0][1]["expert"][0] == "Cunning"


def shown(tmp_path, *rows, **block):
    """The sections of the page by their titles."""
    found = read(tmp_path, *rows)
    block = BLOCK | block
    made = elicit_page.sections(elicitation.results(found, KNOWN, block), found, block)
    return {section.title: section for section in made}


@pytest.mark.parametrize(
    ("low", "best", "high", "remark"),
    [
        (0.2, 0.4, 0.6, ""),
        (0.44, 0.6, 0.76, ""),
        (0.14, 0.3, 0.46, ""),
        (0.46, 0.6, 0.74, "lower"),
        (0.16, 0.3, 0.44, "higher"),
    ],
)
def test_the_table_of_all_numbers_has_the_tails_of_the_pool_beside_the_config(
    tmp_path, low, best, high, remark
):
    """The config has 0.45; one expert in whose interval the truth lies with 90 %."""
    page = shown(tmp_path, answer("Ann", low=low, best=best, high=high))
    (row,) = page["All numbers in one table"].tables[0][1].to_dict("records")
    found = [row["low (5 %)"], row["middle"], row["high (95 %)"]]
    assert found == pytest.approx([low, best, high], abs=1e-3)
    assert (row["number"], row["experts"], row["disagreement"]) == ("largest share", 1, 0)
    assert (row["config"], row["config's range"]) == (0.45, "0.25\xa0to\xa00.65")
    told = f"the config's value is {remark} than experts hold likely" if remark else ""
    assert row["remark"] == told
    outside = "1 number" if remark else "0 numbers"
    assert f"of {outside}, the config's value lies outside" in page["What experts say"].words[0]
    (first,) = page["largest share"].words
    assert first.startswith(f"One expert answered{'; ' if told else ''}{told}. Path in the config")


@pytest.mark.parametrize(
    ("share", "word"), [(0.5, "disagree"), (0.49, "differ"), (0.2, "differ"), (0.19, "agree")]
)
def test_how_far_experts_disagree_is_told_in_a_word(share, word):
    result = SimpleNamespace(opinions=[1, 2, 3], pooled=SimpleNamespace(disagreement=share))
    assert elicit_page._degree(result) == f"3 experts {word} (disagreement {share:.2f})"


@pytest.mark.parametrize("names", [True, False])
def test_what_an_expert_remarks_is_shown_only_with_the_name(tmp_path, names):
    other = answer("Bob", low=0.3, best=0.5, high=0.7)
    page = shown(tmp_path, (*answer("Ann"), "seen often"), other, names=names)
    (row,) = page["All numbers in one table"].tables[0][1].to_dict("records")
    assert 0 < row["disagreement"] == round(row["disagreement"], 2)
    assert page["largest share"].words[1:] == (["Ann: seen often"] if names else [])


@pytest.mark.parametrize(("number", "few"), [(9, True), (10, False)])
def test_the_page_tells_the_weights_of_experts_and_whether_the_questions_are_few(
    tmp_path, number, few
):
    """One hits each seed, the other none, so that the first has all of the weight."""
    rows = [answer("hit"), answer("miss", low=0.7, high=0.9, best=0.8)]
    for i in range(number):
        rows.append(answer("miss", f"s{i}", 20, 24, 22, 90, 10))
        rows.append(answer("hit", f"s{i}", 8, 12, 10 - (-1) ** i, 90))
    page = shown(tmp_path, *rows, pool="calibration", names=True)
    section = page["Weights of the experts"]
    assert ("10 or more are advised" in section.words[0]) == few
    assert f"There were {number} questions" in section.words[0]
    columns = ["expert", "questions", "inside the 90 % interval", "weight"]
    assert section.tables[0][1][columns].values.tolist() == [
        ["hit", number, number, 1], ["miss", number, 0, 0],
    ]  # fmt: skip
    numbers_ = section.tables[0][1].select_dtypes("number")
    assert numbers_.equals(numbers_.round(3))
    assert elicit_page._named("Ann", 0.25, SimpleNamespace(pooled_by="calibration")) == "Ann (25 %)"
    assert elicit_page._named("Ann", 0.25, SimpleNamespace(pooled_by="equal")) == "Ann"


# ------------------------------------------------------------------------ config and the form


@pytest.fixture(scope="module")
def configs():
    return load.load(demo_config())


def test_numbers_say_what_they_are_and_what_is_allowed(configs):
    known = parameters(configs.values())
    weight, scale = known[WEIGHT], known[SCALE]
    assert weight.words == (
        "Threats: Dogs at herding camps: largest share of the habitat's value that it can take "
        "alone"
    )
    assert (weight.allowed, weight.unit) == ("at least 0 and at most 1", "")
    assert scale.words.endswith("distance at which the effect has fallen to 37 %")
    assert (scale.unit, scale.above, scale.lowest) == ("m", True, 0)
    snow = known["habitat.gates.snow.response.logistic_fall.midpoint"]
    assert (snow.unit, snow.used, weight.used) == ("cm", False, True)
    assert "Snow depth, where the value has fallen to 0.5" in snow.words


def test_a_number_of_a_surface_acts_where_the_surface_can_be_made(configs):
    assert elicit_parameters._acts(configs["current"], SCALE)
    assert not elicit_parameters._acts(configs["current"], "surfaces.no_such.scale_m")


@pytest.mark.parametrize(
    ("path", "have", "acts"),
    [
        ("components.cover.terms.rock.weight", "relief", False),  # though relief alone makes cover
        ("components.cover.terms.relief.weight", "relief", True),
        ("components.cover.weight", "relief", True), ("components.cover.weight", "ndvi", False),
        ("reference.burrow_density", "burrow_density", True),
        ("reference.burrow_density", "ndvi", False),
    ],
)  # fmt: skip
def test_a_number_acts_where_each_part_around_it_has_data(configs, monkeypatch, path, have, acts):
    monkeypatch.setattr(elicit_parameters.selection, "available", lambda _: [have])
    assert elicit_parameters._acts(configs["current"], f"habitat.{path}") == acts


def test_every_number_with_a_range_is_found_in_the_schema(configs):
    for config in configs.values():
        for path in config["ranges"]:
            assert numbers.said_of(config, path).get("description"), path


def test_what_is_asked_can_be_chosen(configs):
    known = parameters(configs.values())
    assert list(asked(known, ["threats.dogs_camps"])) == [WEIGHT]
    assert len(asked(known, [])) == len([p for p in known.values() if p.range])
    assert "did you mean 'threats.hunting'" in unknown(known, ["threats.huntin", "habitat"])[
        "threats.huntin"
    ]  # fmt: skip


@pytest.mark.parametrize("known", [list(KNOWN.values()), []])
def test_the_form_tells_each_number_and_refuses_what_cannot_be(tmp_path, known):
    elicit_template.write(tmp_path / "form.xlsx", known, "Here")
    book = openpyxl.load_workbook(tmp_path / "form.xlsx")
    sheet, rows = book["Answers"], ":{}3" if known else ""
    told = [[cell.value for cell in row[:8]] for row in sheet.iter_rows(min_row=2)]
    assert told[: len(known)] == [
        [WEIGHT, "largest share", None, "at least 0 and at most 1", 0.45, "0.25 - 0.65",
         "expert guess", "yes"],
        [SCALE, "distance", "m", "above 0 and at most 2000000", 1500, "500 - 3000", "expert guess",
         "yes"],
    ][: len(known)]  # fmt: skip
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    letters = elicit_template.LETTERS
    limits = {n: f"{letters[n]}2" + rows.format(letters[n]) for n in ("confidence", "best")}
    assert set(rules) == set(limits.values())
    between = {name: rules[at] for name, at in limits.items()}
    assert (between["confidence"].formula1, between["confidence"].formula2) == ("50", "100")
    ends = [f"{letters[name]}2" for name in ("lowest", "highest")]
    assert [between["best"].formula1, between["best"].formula2] == ends
    yellow = [cell.column_letter for cell in sheet[1] if cell.fill.fgColor.rgb.endswith("FFF6D5")]
    assert yellow == [letters[name] for name in letters if name in HEADER[:1] + HEADER[2:]]
    how = [book["How to answer"][f"A{row}"] for row in (1, 2, 3)]
    assert how[0].value.endswith("of Here") and how[1].value is None
    assert how[2].value and how[2].font.bold and sheet["A1"].font.bold


def test_a_form_that_is_filled_in_is_read(tmp_path):
    path = tmp_path / "form.xlsx"
    elicit_template.write(path, KNOWN.values(), "Here")
    book = openpyxl.load_workbook(path)
    sheet = book["Answers"]
    column = {cell.value: cell.column for cell in sheet[1]}
    for name, value in zip(HEADER, answer(), strict=False):
        if name in column:
            sheet.cell(2, column[name]).value = value
    book.save(path)
    found = elicitation.read(BLOCK | {"path": str(path)}, KNOWN, "2026-01-01")
    assert found.usable[HEADER[:6]].to_numpy().tolist() == [list(answer()[:6])]
    assert (found.unanswered, len(found.rejected)) == (1, 0)


def configured(tmp_path, text, **block):
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    config = demo_config() | {"elicitation": {"path": str(path), **block}}
    return load.load(yaml.safe_load(yaml.safe_dump(config)))


HEAD = "expert,parameter,lowest,highest,best,confidence\n"


def test_preflight_tells_faults_with_the_expert_but_not_in_public(tmp_path):
    configs = configured(tmp_path, f"{HEAD}Ann,{WEIGHT},0.2,0.6,0.7,80\n")
    problems = preflight.check_elicitation(configs)
    errors = [p for p in problems if p.severity == "error"]
    assert len(errors) == 1
    assert "Ann" in str(errors[0])
    assert WEIGHT in str(errors[0])
    private = preflight.private_blocks(configs["current"])
    assert "Ann" not in preflight.as_table(problems, private).to_csv()


def test_preflight_goes_on_without_rejected_answers_where_it_may(tmp_path):
    text = f"{HEAD}Ann,{WEIGHT},0.2,0.6,0.7,80\nBob,{WEIGHT},0.2,0.6,0.3,80\n"
    problems = preflight.check_elicitation(configured(tmp_path, text, on_rejected="continue"))
    assert [p.severity for p in problems] == ["warning", "note"]


def test_preflight_tells_what_is_missing(tmp_path):
    text = f"{HEAD}Ann,{WEIGHT},0.2,0.6,0.3,80\n"
    configs = configured(tmp_path, text, pool="calibration", ask=["threats", "threat"])
    told = " ".join(map(str, preflight.check_elicitation(configs)))
    assert "there are none" in told
    assert "'threat'" in told
    configs["current"]["elicitation"]["path"] = str(tmp_path / "answer.csv")
    assert "answers.csv" in str(preflight.check_elicitation(configs)[1])


def test_an_answer_on_a_number_of_another_scenario_is_known(tmp_path):
    config = demo_config()
    config["elicitation"] = {"path": str(tmp_path / "answers.csv")}
    config["scenarios"]["planned"]["changes"] = {"threats": {"hunting": None}}
    (tmp_path / "answers.csv").write_text(
        f"{HEAD}Ann,threats.hunting.weight,0.2,0.6,0.3,80\n", encoding="utf-8"
    )
    configs = load.load(config)
    assert "threats.hunting.weight" not in configs["planned"]["ranges"]
    assert [p.severity for p in preflight.check_elicitation(configs)] == ["note"]
    graph = Graph(configs)
    assert graph.owner("planned", "elicitation") == "current"


def test_there_is_a_job_only_where_there_are_answers(tmp_path, configs):
    assert Graph(configs).keys("current", "elicitation") == []
    graph = Graph(configured(tmp_path, HEAD))
    assert graph.files("current", "elicitation")["table"].endswith("uncertainty/elicited.csv")
    assert not graph.private("current", "elicitation")


def test_a_scenario_cannot_have_answers_of_its_own():
    config = copy.deepcopy(demo_config())
    config["scenarios"]["planned"]["changes"] = {"elicitation": {"path": "other.csv"}}
    with pytest.raises(load.ConfigError, match="elicitation: found a change; expected none"):
        load.load(config)

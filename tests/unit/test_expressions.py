"""Expressions of the config: one dialect for single values, cells and rows, and what it refuses."""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from manul.config import expressions
from manul.config.expressions import ExpressionError
from manul.grid.features import LayerError, select

NAN = float("nan")
# Two cells and an unknown one.
CELLS = {
    "a": [0.2, 0.7, NAN],
    "b": [0.5, 0.5, 0.5],
    "key": [False, True, True],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a >= 0.5 and key", [False, True, False]),
        ("a >= 0.5 or key", [False, True, True]),
        ("not (a >= 0.5)", [True, False, True]),
        ("not key", [True, False, False]),
        ("~key | (a < 0.3)", [True, False, False]),
        ("(a > 0.1) & (b < 0.6)", [True, True, False]),
        ("0.1 < a < b", [True, False, False]),
        ("a != 0.2", [False, True, True]),
        ("key == True", [False, True, True]),
        ("a + b > 1 and not (b > a)", [False, True, False]),
        ("b in [-1, 0.5]", [True, True, True]),
        ("a not in (0.2, 9)", [False, True, True]),
        ("where(key, 1, 0) == 1", [False, True, True]),
        ("maximum(a, b) >= 0.7", [False, True, False]),
        ("abs(-b) - minimum(b, 1) == 0 or False", [True, True, True]),
        ("a / (b - b) > 0", [False, False, False]),  # divided by 0: unknown
        ("(key + key) * 0.5 >= 1", [False, True, True]),
        ("-key < 0", [False, True, True]),
        ("a or key", [True, True, True]),  # a number: known and not 0
    ],
)
def test_it_means_the_same_for_cells_rows_and_single_values(text, expected):
    cells = {n: np.array(v, bool if n == "key" else "float32") for n, v in CELLS.items()}
    np.testing.assert_array_equal(expressions.holds(text, cells), expected)
    np.testing.assert_array_equal(expressions.holds(text, pd.DataFrame(cells)), expected)
    single = [{n: v[i] for n, v in CELLS.items()} for i in range(3)]
    assert [expressions.holds(text, one) for one in single] == expected


def test_the_numbers_of_cells_stay_as_short_as_they_were():
    cells = {"a": np.array([1.5, NAN], "float32")}
    for text, first in (("a * 314", 471), ("where(a > 1, a, 0)", 1.5), ("a / 3", 0.5)):
        made = expressions.evaluate(text, cells)
        assert made.dtype == "float32" and made[0] == first


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a == 1/0", "division by 0"),
        ("a > 'b' * 99999999999", "arithmetic with a text"),
        ("9 ** 9 ** 9 > a", "a power"),
        ("a % 2 == 0", "a remainder"),
        ("minimum(a)", r"minimum needs 2 values: minimum\(a, b\)"),
        ("where(a > 1, 2, 3, 4)", "where needs 3 values"),
        ("abs()", "abs needs 1 value:"),
        ("where(*a)", "where needs 3"),
        ("minimum(a, b=2)", "a call"),
        ("a == b'x'", "b'x'"),
        ("a == 1j", "1j"),
        ("a == ...", "Ellipsis"),
        ("a is None", "is not allowed"),
        ("a > 1e999", "a number above"),
        ("a > " + "9" * 400, "a number above"),
        ("a >= 0.4 & b < 20", "needs its own brackets"),
        ("a > 1 and b + 1", "`and` needs conditions, found a number"),
        ("where(a > 1, 1, 0) and b > 1", "`and` needs conditions, found a number"),
        ("not 'x'", "`not` needs conditions, found a text"),
        ("a in b", "needs a list of values"),
        ("a in [b]", "needs a list of values"),
        ("a == [1, 2]", "a list"),
        ("1 == 'x'", "a number is compared with a text"),
        ("a if b else 1", "if ... else"),
        ("a[0]", "an index"),
        ("f'{a}'", "a text with braces"),
        ("a == 1" + " and a == 1" * 300, "characters"),
        ("-" * 150 + "a", "too deep"),
        ("(" * 400 + "a" + ")" * 400, "cannot be read"),
        ("", "cannot be read"),
        ("a; b", "cannot be read"),
    ],
)
def test_what_cannot_be_computed_is_refused_before_there_are_values(text, told):
    with pytest.raises(ExpressionError, match=told):
        expressions.check(text)


@pytest.mark.parametrize(
    ("text", "is_condition"),
    [
        ("where(a > 1, b > 1, b < 2)", True),
        ("where(a > 1, 1, 0)", False),
        ("where(a > 1, key, b > 1)", True),  # a map may hold true and false
        ("where(a > 1, key, 0)", True),
        ("minimum(a, key)", False),
    ],
)
def test_a_choice_is_a_condition_if_what_it_gives_may_be_one(text, is_condition):
    if is_condition:
        assert expressions.check(text, condition=True)
    else:
        with pytest.raises(ExpressionError, match="expected a condition"):
            expressions.check(text, condition=True)


def test_a_condition_must_be_one_and_maps_hold_no_texts():
    assert expressions.check("key", condition=True) == ["key"]
    with pytest.raises(ExpressionError, match="is a number; expected a condition"):
        expressions.check("a + b", condition=True)
    with pytest.raises(ExpressionError, match="'high'; maps hold numbers"):
        expressions.check("a == 'high'", texts=False)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("a >= 0.2 and b < 3", [("a", ">=", 0.2), ("b", "<", 3)]),
        ("(a > 1) & (b < 2)", [("a", ">", 1), ("b", "<", 2)]),
        ("(a > 1) | (b < 2)", []),  # either may hold
        ("a > 1 or b < 2", []),
        ("not (a > 1)", []),
        ("~(a > 1)", []),
        ("0 < a < 1", []),
        ("2 < a", []),
        ("a > b and key", []),
        ("a + b <= 4 and key", [("a + b", "<=", 4)]),
    ],
)
def test_limits_are_those_that_each_must_hold(text, limits):
    assert expressions.limits(text) == limits


# --------------------------------------------------------------------------------------- rows


@pytest.fixture
def roads():
    table = pd.DataFrame(
        {
            "class": ["paved", "track", None],
            "road class": ["a", "b", "c"],
            "lanes": [2, 1, None],
            "built": pd.to_datetime(["1999-05-01", "2020-01-01", None]),
            "open": [True, None, False],
        }
    )
    return gpd.GeoDataFrame(table, geometry=[shapely.Point(i, 0) for i in range(3)])


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("lanes > 1", [0]),
        ("lanes * 2 > 1 and not (lanes == 2)", [1]),
        ("`road class` in ['a', 'c']", [0, 2]),
        ("`road class` == 'a`b' or lanes == 1", [1]),
        ("`class` not in ['paved']", [1, 2]),
        ("`class` != 'paved'", [1, 2]),
        ("built > '2000-01-01'", [1]),
        ("open", [0]),
        ("not open", [1, 2]),
    ],
)
def test_rows_are_kept_by_the_same_dialect(roads, condition, kept):
    assert select(roads, condition).index.tolist() == kept


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("`class` * 99999999999 == lanes", "arithmetic with a text"),
        ("`road class` > 2", "the text 'a' is compared with the number 2"),
        ("`road class`", "neither true nor false"),
        ("lanes + 1", "neither true nor false"),
        ("1 == 1", "neither true nor false"),
        ("klass == 'paved'", "there is no column 'klass'"),
        ("not `road class`", "found texts, expected a condition"),
    ],
)
def test_a_condition_that_rows_cannot_take_is_told_with_the_columns(roads, condition, told):
    with pytest.raises(LayerError, match=told) as error:
        select(roads, condition)
    assert "lanes" in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("closed != 1", "the text '1' is compared with the number 1"),
        ("closed not in [1]", "the text '1' is compared with the number 1"),
        ("lanes != '0'", "the text '0' is compared with numbers"),
        ("open != 'n'", "the text 'n' is compared with numbers"),
        ("opened >= '1/1/2020'", "found '1/1/2020' before or after another text"),
        ("built >= '2020-01-01'", "found '5/3/2021' before or after another text"),
    ],
)
def test_what_can_never_be_equal_and_words_without_an_order_are_refused(text, told):
    table = pd.DataFrame({
        "closed": ["1", None], "lanes": [2, 0], "open": [True, False],
        "opened": ["2021-03-05", "2010"], "built": ["2021-03-05", "5/3/2021"],
    })  # fmt: skip
    with pytest.raises(ExpressionError, match=re.escape(told)):
        expressions.evaluate(text, table)
    fine = "closed == '1' and opened >= '2020-01-01' and open and lanes > 1 and closed in ['1']"
    assert expressions.evaluate(fine, table).tolist() == [True, False]

"""Expressions of the config, such as `key_share >= 0.3 or distance_m <= 2500`.

One dialect for cells of maps, measures of zones and rows of tables: names, numbers, texts,
comparisons (also in chains, also `in [...]`), `and`, `or`, `not` (or `&`, `|`, `~`), arithmetic,
and `where(condition, a, b)`, `minimum(a, b)`, `maximum(a, b)`, `abs(a)`. It means the same for
single values and for arrays. A comparison with unknown (NaN) is false, but for `!=`, which is true;
what is divided by 0 is unknown. What cannot be computed is refused by `check`, before there are
values.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

LONGEST = 2000  # characters of an expression
DEEPEST = 100  # brackets, signs and operators within each other
LARGEST = 1e15  # numbers beyond it are typing errors, or meant to fill the memory

COMPARISONS: dict[type, Callable] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
ARITHMETIC: dict[type, Callable] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply,
    ast.Div: lambda a, b: np.where(np.equal(b, 0), np.nan, np.divide(a, b)),
}  # fmt: skip
JOINED: dict[type, Callable] = {
    ast.And: np.logical_and, ast.BitAnd: np.logical_and,
    ast.Or: np.logical_or, ast.BitOr: np.logical_or,
}  # fmt: skip
FUNCTIONS: dict[str, tuple[int, Callable]] = {
    "where": (3, lambda c, a, b: np.where(_true(c), a, b)),
    "minimum": (2, lambda a, b: np.minimum(_number(a), _number(b))),
    "maximum": (2, lambda a, b: np.maximum(_number(a), _number(b))),
    "abs": (1, lambda a: np.abs(_number(a))),
}
PLAIN_WORDS = {
    "Call": "a call", "Attribute": "a dot", "Pow": "a power", "Mod": "a remainder",
    "Subscript": "an index", "Lambda": "a function", "IfExp": "if ... else", "NamedExpr": ":=",
    "Is": "is", "IsNot": "is not", "JoinedStr": "a text with braces", "List": "a list",
    "Tuple": "a list", "FloorDiv": "//", "BitXor": "^",
}  # fmt: skip
DATE = re.compile(r"\d{4}(-\d\d){0,2}([T ].*)?$")
CONDITION, NUMBER, TEXT, ANY = "a condition", "a number", "a text", "anything"
SIGNS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


class ExpressionError(ValueError):
    """An expression that cannot be read or computed, or a name that does not exist."""


def evaluate(text: str, values: Mapping):
    """The value of an expression over scalars, or over arrays or columns of one shape.

    Only the values are asked for that the expression names. Raises `ExpressionError`.
    """
    tree, marks = _checked(text)
    missing = [name for name in names(text) if name not in values]
    if missing:
        raise ExpressionError(
            f"{text!r}: there is no {missing[0]!r}; there are {', '.join(sorted(values))}"
        )
    try:
        with np.errstate(all="ignore"):
            return _plain(_value(tree, values, marks, {}))
    except (ExpressionError, TypeError, OverflowError) as error:
        raise ExpressionError(f"{text!r}: {error}") from None


def holds(text: str, values: Mapping):
    """Where a condition is true; false where it is unknown. Scalars or arrays as `evaluate`."""
    found = evaluate(text, values)
    try:
        return _plain(_true(found))
    except ExpressionError as error:
        raise ExpressionError(f"{text!r}: {error}") from None


def limits(text: str) -> list[tuple[str, str, float]]:
    """The limits that an expression sets one by one: ('x', '>=', 0.2) for 'x >= 0.2 and y'.

    Only comparisons with a number that must hold for the whole to hold; on their left stands a name
    or an expression.
    """
    found: list[tuple[str, str, float]] = []
    rest = [_checked(text)[0]]
    while rest:
        node = rest.pop(0)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            rest += node.values
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
            rest += [node.left, node.right]
        elif isinstance(node, ast.Compare) and not isinstance(node.left, ast.Constant):
            sign, limit = SIGNS.get(type(node.ops[0])), node.comparators[0]
            number = limit.value if isinstance(limit, ast.Constant) else None
            if sign and isinstance(number, int | float) and len(node.ops) == 1:
                found.append((ast.unparse(node.left), sign, float(number)))
    return found


def check(text: str, condition: bool = False, texts: bool = True) -> list[str]:
    """The names that an expression needs, in order; whoever has them can compute it.

    `condition`: it must be true or false; `texts`: texts may stand in it. Raises `ExpressionError`.
    """
    tree, _ = _checked(text)
    if condition and _kind(tree) == NUMBER:
        raise ExpressionError(f"{text!r} is a number; expected a condition, such as ... >= 0.5")
    words = [
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    if words and not texts:
        raise ExpressionError(f"{text!r}: found the text {words[0]!r}; maps hold numbers")
    return names(text)


def names(text: str) -> list[str]:
    """The names that an expression needs, each once; raises `ExpressionError` as `check`.

    A name that is no word, such as that of a column, stands in backticks.
    """
    return list(_names(text))


@cache
def _names(text) -> tuple[str, ...]:
    tree, marks = _checked(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    return tuple(dict.fromkeys(marks.get(name, name) for name in found))


# ------------------------------------------------------------------------------ before values


@cache
def _checked(text) -> tuple[ast.expr, dict[str, str]]:
    """The tree of an expression that can be computed, and the names that stood in backticks."""
    if len(text) > LONGEST:
        raise ExpressionError(f"{text[:60]!r}... has {len(text)} characters, at most {LONGEST}")
    tree, marks = _parsed(text)
    if _depth(tree) > DEEPEST:
        raise ExpressionError(f"{text[:60]!r}... cannot be read; it is too deep")
    try:
        _kind(tree)
    except ExpressionError as error:
        raise ExpressionError(f"{text!r}: {error}") from None
    return tree, marks


def _parsed(text):
    marks: dict[str, str] = {}

    def marked(match):
        if match[1] is None:
            return match[0]  # a text
        mark = f"quoted_{len(marks)}_"
        marks[mark] = match[1]
        return mark

    words = re.sub(r"'[^']*'|\"[^\"]*\"|`([^`]+)`", marked, text.strip())
    try:
        return ast.parse(words, mode="eval").body, marks
    except SyntaxError as error:
        hint = " (a comparison is written ==)" if re.search(r"[^=<>!]=[^=]", text) else ""
        raise ExpressionError(f"{text!r} cannot be read: {error.msg}{hint}") from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError(f"{text[:60]!r}... cannot be read; it is too deep") from None


def _depth(tree) -> int:
    level, depth = [tree], 0
    while level and depth <= DEEPEST:
        level = [part for node in level for part in ast.iter_child_nodes(node)]
        depth += 1
    return depth


def _kind(node) -> str:
    """What a part of an expression gives; raises `ExpressionError` if it cannot be computed."""
    match node:
        case ast.Name():
            return ANY
        case ast.Constant():
            return _kind_of_constant(node.value)
        case ast.Compare():
            return _kind_of_comparison(node)
        case ast.BoolOp(op=op, values=parts):
            return _conditions("and" if isinstance(op, ast.And) else "or", *parts)
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as op, left=left, right=right):
            return _conditions("&" if isinstance(op, ast.BitAnd) else "|", left, right)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=part):
            return _conditions("not", part)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=part):
            return _numbers(part)
        case ast.BinOp(op=ast.Div(), right=ast.Constant(value=0)):
            raise ExpressionError("a division by 0 is not allowed here")
        case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
            return _numbers(left, right)
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            return _kind_of_call(name, parts)
    odd = node.op if isinstance(node, ast.BinOp | ast.UnaryOp) else node
    raise ExpressionError(f"{_plainly(odd)} is not allowed here")


def _kind_of_constant(value) -> str:
    if isinstance(value, bool):
        return CONDITION
    if isinstance(value, str):
        return TEXT
    if isinstance(value, int | float):
        if not abs(value) <= LARGEST:
            raise ExpressionError(f"a number above {LARGEST:g} is not allowed here")
        return NUMBER
    raise ExpressionError(f"{value!r} is not allowed here")


def _kind_of_comparison(node) -> str:
    for op, left, right in _pairs(node):
        if isinstance(op, ast.In | ast.NotIn):
            _listed(right)
            _kind(left)
            continue
        if type(op) not in COMPARISONS:
            raise ExpressionError(f"{_plainly(op)} is not allowed here")
        kinds = {_kind(left), _kind(right)}
        if kinds == {NUMBER, TEXT}:
            raise ExpressionError("a number is compared with a text")
    return CONDITION


def _listed(node) -> list:
    parts = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    try:
        values = [ast.literal_eval(part) for part in parts]
    except (ValueError, TypeError):
        values = []
    if not values:
        raise ExpressionError("`in` needs a list of values, such as ['paved', 'haul']")
    for value in values:
        _kind_of_constant(value)
    return values


def _kind_of_call(name, parts) -> str:
    number, _ = FUNCTIONS[name]
    if any(isinstance(part, ast.Starred) for part in parts) or len(parts) != number:
        raise ExpressionError(f"{name} needs {number} value{'s' * (number > 1)}: {_USES[name]}")
    if name != "where":
        return _numbers(*parts)
    _conditions("where", parts[0])
    kinds = {_kind(part) for part in parts[1:]}
    if TEXT in kinds:
        raise ExpressionError("where gives numbers, found a text")
    return CONDITION if kinds == {CONDITION} else ANY if ANY in kinds else NUMBER


_USES = {
    "where": "where(condition, value if true, value if not)",
    "minimum": "minimum(a, b)",
    "maximum": "maximum(a, b)",
    "abs": "abs(a)",
}


def _conditions(word, *parts) -> str:
    for part in parts:
        kind = _kind(part)
        if kind in (NUMBER, TEXT):
            brackets = "; each comparison needs its own brackets" if word in "&|" else ""
            raise ExpressionError(f"`{word}` needs conditions, found {kind}{brackets}")
    return CONDITION


def _numbers(*parts) -> str:
    for part in parts:
        if _kind(part) == TEXT:
            raise ExpressionError("arithmetic with a text is not allowed here")
    return NUMBER


def _plainly(node) -> str:
    kind = type(node).__name__
    return PLAIN_WORDS.get(kind, kind)


def _pairs(node):
    return zip(node.ops, [node.left, *node.comparators], node.comparators, strict=False)


# -------------------------------------------------------------------------------- with values


def _value(node, values, marks, seen) -> Any:
    """The value of a part; `seen` holds what was asked for already."""

    def of(part):
        return _value(part, values, marks, seen)

    match node:
        case ast.Name(id=name):
            name = marks.get(name, name)
            if name not in seen:
                seen[name] = values[name]
            return seen[name]
        case ast.Constant(value=value):
            return value
        case ast.Compare():
            return _joined(np.logical_and, [_compared(of, *pair) for pair in _pairs(node)])
        case ast.BoolOp(op=op, values=parts):
            return _joined(JOINED[type(op)], [of(part) for part in parts])
        case ast.BinOp(op=op, left=left, right=right) if type(op) in JOINED:
            return _joined(JOINED[type(op)], [of(left), of(right)])
        case ast.BinOp(op=op, left=left, right=right):
            return ARITHMETIC[type(op)](_number(of(left)), _number(of(right)))
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=part):
            return np.logical_not(_true(of(part)))
        case ast.UnaryOp(op=op, operand=part):
            number = _number(of(part))
            return -number if isinstance(op, ast.USub) else number
    _, function = FUNCTIONS[node.func.id]
    return function(*(of(part) for part in node.args))


def _compared(of, op, left, right):
    if isinstance(op, ast.In | ast.NotIn):
        value, choices = of(left), _listed(right)
        for choice in {type(choice): choice for choice in choices}.values():
            _comparable(value, choice, False)
        found = _one_of(value, choices)
        return found if isinstance(op, ast.In) else np.logical_not(found)
    one, two = of(left), of(right)
    _comparable(one, two, type(op) in SIGNS)
    return COMPARISONS[type(op)](one, two)


def _comparable(one, two, ordered) -> None:
    """Refuse what is never equal, a number and a text, and an order of texts that are no dates."""
    texts = [_text_in(value) for value in (one, two)]
    if (texts[0] and _numeric(two)) or (texts[1] and _numeric(one)):
        number = two if texts[0] else one
        raise ExpressionError(
            f"the text {texts[0] or texts[1]!r} is compared with {_shown(number)}, and is never "
            "equal to it; write the one as the other is written, with or without quotation marks"
        )
    odd = [text for text in texts if text and not DATE.match(text)]
    if ordered and texts[0] and texts[1] and odd:
        raise ExpressionError(
            f"found {odd[0]!r} before or after another text; expected numbers, or dates such as "
            "2021-07-15: other texts have no order but that of the alphabet"
        )


def _text_in(value) -> str:
    """A text of a value or a column, of those that are no date if there are any; "" for none.

    Also for a column of texts and other things, some of which may be meant.
    """
    if isinstance(value, str):
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", "O")
    if not np.ndim(value) or kind in "biufcmM":
        return ""
    known = [part for part in np.asarray(value, object).ravel() if not pd.isna(part)]
    if not known or not all(isinstance(part, str) for part in known):
        return ""
    return next((part for part in known if not DATE.match(part)), known[0])


def _numeric(value) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return isinstance(value, bool | int | float) or kind in tuple("biuf")


def _shown(number) -> str:
    return "numbers" if np.ndim(number) else f"the number {number}"


def _one_of(value, choices):
    found = [_true(value == choice) for choice in choices]
    return np.logical_or.reduce(found) if np.ndim(value) else any(found)


def _joined(how, parts):
    out = _true(parts[0])
    for part in parts[1:]:
        out = how(out, _true(part))
    return out


def _true(value):
    """A value as true or false: unknown is false, of numbers 0."""
    if isinstance(value, bool) or isinstance(getattr(value, "dtype", None), np.dtypes.BoolDType):
        return value
    known = ~pd.isna(value) if np.ndim(value) else not pd.isna(value)
    if not np.ndim(value):
        if isinstance(value, str):
            raise ExpressionError(f"found the text {value!r}, expected a condition")
        return known and bool(value)
    if value.dtype.kind not in "biuf" and not all(isinstance(v, bool) for v in value[known]):
        raise ExpressionError("found texts, expected a condition; compare them with ==")
    return np.asarray(np.where(known, value, 0), bool)


def _number(value):
    """A value for arithmetic; conditions count 1 and 0."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    kind = value.dtype.kind if hasattr(value, "dtype") else "f"
    if isinstance(value, str) or kind not in "biuf":
        raise ExpressionError("arithmetic with a text, expected numbers")
    return value.astype("float32") if kind == "b" else value


def _plain(value):
    """Single values as Python's own, so that they mean what they say."""
    single = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim)
    return value.item() if single else value

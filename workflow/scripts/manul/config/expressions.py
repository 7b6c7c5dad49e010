"""Expressions of the config, such as `key_share >= 0.3 or distance_m <= 2500`.

Only names, numbers, texts, comparisons, arithmetic and a few functions are allowed; a name that
does not exist is told with the names that do. Comparisons with unknown (NaN) are false.
"""

import ast
import re
from collections.abc import Mapping
from functools import cache

import numpy as np

FUNCTIONS = {"where": np.where, "minimum": np.minimum, "maximum": np.maximum, "abs": np.abs}
ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd, ast.BitOr, ast.Compare, ast.Lt,
    ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.Name, ast.Load, ast.Constant, ast.Call,
)  # fmt: skip
IN_CONDITIONS = (
    *(kind for kind in ALLOWED if kind is not ast.Call),
    ast.In, ast.NotIn, ast.List, ast.Tuple,
)  # fmt: skip
PLAIN_WORDS = {
    "Call": "a call", "Attribute": "a dot", "Pow": "a power", "BinOp": "arithmetic with a text",
    "Subscript": "an index", "Lambda": "a function",
}  # fmt: skip


SIGNS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


class ExpressionError(ValueError):
    """An expression that cannot be read, or a name that does not exist."""


def evaluate(text: str, values: Mapping):
    """The value of an expression over scalars or arrays of one shape."""
    missing = [name for name in names(text) if name not in values]
    if missing:
        raise ExpressionError(
            f"{text!r}: there is no {missing[0]!r}; there are {', '.join(sorted(values))}"
        )
    with np.errstate(invalid="ignore"):
        # As locals, so that only the values are asked for that the expression names.
        return eval(_compiled(text), {"__builtins__": {}, **FUNCTIONS}, values)


@cache
def names(text: str) -> list[str]:
    """The names that an expression needs; raises `ExpressionError` if it cannot be read."""
    return [
        node.id
        for node in ast.walk(_tree(text))
        if isinstance(node, ast.Name) and node.id not in FUNCTIONS
    ]


def limits(text: str) -> list[tuple[str, str, float]]:
    """The limits that an expression sets one by one: ('x', '>=', 0.2) for 'x >= 0.2 and y'.

    Only comparisons with a number that must hold for the whole to hold; on their left stands a name
    or an expression.
    """
    found: list[tuple[str, str, float]] = []
    rest = [_tree(text).body]
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


def columns(condition: str) -> list[str]:
    """The columns that a condition on rows, such as `status == 'open'`, needs.

    A column whose name is no word stands in backticks. Raises `ExpressionError` for anything but
    comparisons and arithmetic: pandas would run a call or an attribute.
    """
    quoted = re.findall(r"`([^`]+)`", condition)
    for i, name in enumerate(quoted):
        condition = condition.replace(f"`{name}`", f"quoted_{i}")
    marks = {f"quoted_{i}": name for i, name in enumerate(quoted)}
    tree = _parsed(condition)
    for node in ast.walk(tree):
        if not isinstance(node, IN_CONDITIONS):
            raise ExpressionError(f"{condition!r}: {_plainly(node)} is not allowed here")
    found = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
    return list(dict.fromkeys(marks.get(name, name) for name in found))


@cache
def _compiled(text):
    return compile(_tree(text), text, "eval")


@cache
def _tree(text):
    tree = _parsed(text)
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and getattr(node.func, "id", None) not in FUNCTIONS
        if not isinstance(node, ALLOWED) or called or _is_repeated_text(node):
            raise ExpressionError(f"{text!r}: {_plainly(node)} is not allowed here")
    return tree


def _parsed(text):
    try:
        return ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        hint = " (a comparison is written ==)" if re.search(r"[^=<>!]=[^=]", text) else ""
        raise ExpressionError(f"{text!r} cannot be read: {error.msg}{hint}") from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError(f"{text[:60]!r}... cannot be read; it is too deep") from None


def _plainly(node) -> str:
    kind = type(node).__name__
    return PLAIN_WORDS.get(kind, kind)


def _is_repeated_text(node) -> bool:
    """True for 'a' * 9999999999, which would fill the memory."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else ()
    return any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)

"""Expressions of the config, such as `key_share >= 0.3 or distance_m <= 2500`.

Only names, numbers, texts, comparisons, arithmetic and a few functions are allowed; a name that
does not exist is told with the names that do. Comparisons with unknown (NaN) are false.
"""

import ast
from collections.abc import Mapping
from functools import cache

import numpy as np

FUNCTIONS = {"where": np.where, "minimum": np.minimum, "maximum": np.maximum, "abs": np.abs}
ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub,
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd, ast.BitOr, ast.Compare, ast.Lt,
    ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.Name, ast.Load, ast.Constant, ast.Call,
)  # fmt: skip


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
        return eval(_compiled(text), {"__builtins__": {}}, {**FUNCTIONS, **values})


def names(text: str) -> list[str]:
    """The names that an expression needs; raises `ExpressionError` if it cannot be read."""
    return [
        node.id
        for node in ast.walk(_tree(text))
        if isinstance(node, ast.Name) and node.id not in FUNCTIONS
    ]


@cache
def _compiled(text):
    return compile(_tree(text), text, "eval")


@cache
def _tree(text):
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ExpressionError(f"{text!r} cannot be read: {error.msg}") from None
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and getattr(node.func, "id", None) not in FUNCTIONS
        if not isinstance(node, ALLOWED) or called:
            raise ExpressionError(f"{text!r}: {type(node).__name__} is not allowed here")
    return tree

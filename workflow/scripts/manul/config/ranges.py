"""Numbers with a range: `{value: 0.45, range: [0.25, 0.65], status: G}` may stand for 0.45."""

from collections.abc import Iterator
from functools import reduce

DISTRIBUTIONS = ("uniform", "triangular", "pert")  # that a number may name
PARAMETER_KEYS = {"value", "range", "status", "source", "distribution"}


def plain(block):
    """The block with each number-with-a-range replaced by its value, at every depth."""
    if isinstance(block, dict):
        if is_parameter(block):
            return block["value"]
        return {key: plain(value) for key, value in block.items()}
    if isinstance(block, list):
        return [plain(value) for value in block]
    return block


def ranges(block) -> dict[str, dict]:
    """What stands beside each number that has more than its value, by its path with dots.

    Every entry has `value` and, as far as given, `range` [lowest, highest], `status` (F = found in
    a published source, G = expert guess), `distribution` and `source`.
    """
    return dict(_found(block, ""))


def below(block, key: str):
    """What stands under a step of a path, in a mapping or a list; None: nothing."""
    if isinstance(block, list):
        return block[int(key)] if key.isdigit() and int(key) < len(block) else None
    return block.get(key) if isinstance(block, dict) else None


def put(block: dict, path: str, value) -> bool:
    """Set what lies at a path with dots; False where there is no such path."""
    *way, last = path.split(".")
    at = reduce(below, way, block)
    if below(at, last) is None:
        return False
    at[int(last) if isinstance(at, list) else last] = value
    return True


def is_parameter(block) -> bool:
    """True for a mapping that holds `value` and no key but those of a number with a range."""
    return isinstance(block, dict) and "value" in block and block.keys() <= PARAMETER_KEYS


def _found(block, path) -> Iterator[tuple[str, dict]]:
    if is_parameter(block):
        yield path, block
    elif isinstance(block, dict | list):
        named = block.items() if isinstance(block, dict) else enumerate(block)
        for key, value in named:
            yield from _found(value, f"{path}.{key}".lstrip("."))

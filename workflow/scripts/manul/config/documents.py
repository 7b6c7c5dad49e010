"""YAML files of the config, read strictly, and what YAML makes of a config without a word.

YAML keeps the last of two equal keys, reads an unquoted `no` as false, `0100` as 64, `20:00` as
1200, `.nan` as a number, and lets anchors blow a few lines up to more than memory holds. Snakemake
runs a config that says so as a program before it hands it on.
"""

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

MOST = 200_000  # values of a whole config; the demo has about 2000
DEEPEST = 50  # blocks within each other
TEMPLATE = "__use_yte__"
# Of files of our own, in which nobody has to be shown the line of a fault: in C where there is one,
# which takes a seventh of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
ODD_NUMBER = re.compile(r"[-+]?(0[0-9_]+$|0[bx]|[^:]*:)", re.IGNORECASE)


class DocumentError(ValueError):
    """A file or a config that cannot be taken; `faults` are its faults, one line each."""

    def __init__(self, faults: Iterable[str]):
        self.faults = list(faults)
        super().__init__("; ".join(self.faults))


def read(path) -> dict:
    """A YAML file that holds a mapping, each of its keys once, as JSON would hold it."""
    tree = _tree(path)
    faults = list(_misread(tree, path))
    if faults:
        raise DocumentError(faults)
    try:
        found = yaml.SafeLoader("").construct_document(tree) if tree else None
    except ValueError as error:  # of a date that no calendar has
        raise DocumentError([f"{path}: {error}; expected dates that there are"]) from None
    if not isinstance(found, dict):
        raise DocumentError([f"{path}: expected a mapping of keys to values"])
    try:
        return as_json(found)
    except DocumentError as error:
        raise DocumentError(f"{path}: {fault}" for fault in error.faults) from None


def misread(path) -> list[str]:
    """What YAML reads otherwise than it looks in a YAML or JSON file, one line each.

    Keys that stand twice in one block, and numbers such as 0100 (64 to YAML) and 20:00 (1200).
    """
    return list(_misread(_tree(path), path))


def templates(paths: Iterable) -> list[str]:
    """The files that Snakemake would run as templates, which are programs; one line each."""
    return [
        fault for path in paths if Path(path).is_file() for fault in _template(_tree(path), path)
    ]


def as_json(config) -> dict:
    """The config with texts as keys and dates as texts; raises `DocumentError`.

    Refused: circles of anchors, more than `MOST` values, keys that are true, false, empty or dates,
    numbers that are not finite, texts with a zero byte.
    """
    _measure(config)
    faults = list(_odd(config, ()))
    if faults:
        raise DocumentError(faults)
    return _plain(config)


# ------------------------------------------------------------------------------------- files


def _tree(path) -> yaml.Node | None:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError([f"{path}: {' '.join(str(error).split())}"]) from None


def _template(tree, path) -> Iterator[str]:
    for node in _mappings(tree):
        for key, _ in node.value:
            if key.value == TEMPLATE:
                yield (
                    f"{path}, line {key.start_mark.line + 1}: found the key {TEMPLATE}, by which "
                    "Snakemake runs a file as a program of the template engine yte; expected plain "
                    "YAML. Take the key out and write the values themselves"
                )


def _misread(tree, path) -> Iterator[str]:
    for node in _nodes(tree):
        if isinstance(node, yaml.MappingNode):
            yield from _twice(node, path)
        elif node.tag in NUMBERS and ODD_NUMBER.match(node.value):
            means = yaml.SafeLoader("").construct_object(node)
            yield (
                f"{path}, line {node.start_mark.line + 1}: found {node.value}, which YAML reads as "
                f"{means}; write {means}, or put it in quotes if it is a text"
            )


def _mappings(tree) -> Iterator[yaml.MappingNode]:
    """Every block of keys of a file, each once, in its order."""
    return (node for node in _nodes(tree) if isinstance(node, yaml.MappingNode))


def _nodes(tree) -> Iterator[yaml.Node]:
    """Every block, key and value of a file, each once, in its order."""
    todo, seen = [tree], set()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.Node):  # none of an empty file
            yield node
        if isinstance(node, yaml.SequenceNode):
            todo += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            todo += reversed([part for pair in node.value for part in pair])


def _twice(node, path) -> Iterator[str]:
    lines: dict[tuple, int] = {}
    for key, _ in node.value:
        word, line = (key.tag, str(key.value)), key.start_mark.line + 1
        first = lines.setdefault(word, line)
        if first != line or list(lines).count(word) > 1:
            yield (
                f"{path}, line {line}: the key {key.value!r} stands twice in one block, first in "
                f"line {first}; expected it once. Join the two or take one out"
            )


# ----------------------------------------------------------------------------------- content


def _measure(config) -> None:
    """Raise for a circle and for too many values, without walking through all of them."""
    sizes: dict[int, int] = {}

    def size(block, above) -> int:
        if not isinstance(block, dict | list | tuple):
            return 1
        if id(block) in above:
            raise DocumentError(["the config refers to itself; expected anchors without a circle"])
        if len(above) > DEEPEST:
            raise DocumentError([f"blocks within each other: more than {DEEPEST}, expected fewer"])
        if id(block) not in sizes:
            parts = block.values() if isinstance(block, dict) else block
            sizes[id(block)] = 1 + sum(size(part, above | {id(block)}) for part in parts)
        return sizes[id(block)]

    if (found := size(config, frozenset())) > MOST:
        raise DocumentError([f"the config has {found:.3g} values, expected at most {MOST}"])


def _odd(block, path) -> Iterator[str]:
    if isinstance(block, dict):
        for key, value in block.items():
            yield from _odd_key(key, path)
            yield from _odd(value, (*path, str(key)))
    elif isinstance(block, list | tuple):
        for i, value in enumerate(block):
            yield from _odd(value, (*path, str(i)))
    elif isinstance(block, int | float) and not _is_finite(block):
        yield f"{'.'.join(path)}: found {str(block)[:20]}, expected a finite number"
    elif isinstance(block, str) and "\0" in block:
        yield f"{'.'.join(path)}: found a zero byte in a text; take it out"
    elif not isinstance(block, str | int | float | dt.date | None):
        yield f"{'.'.join(path)}: found a {type(block).__name__}, expected a text or a number"


def _odd_key(key, path) -> Iterator[str]:
    where = ".".join(path) or "config"
    if isinstance(key, bool) or key is None:
        read_as = {True: "true", False: "false", None: "null"}[key]
        yield (
            f"{where}: found the key {read_as}, expected a text. YAML reads yes, on, no, off and "
            'empty keys so: put the word in quotes, such as "no"'
        )
    elif not isinstance(key, str | int | float) or not (isinstance(key, str) or _is_finite(key)):
        yield f'{where}: found the key {key}, expected a text; put it in quotes, such as "{key}"'


def _is_finite(number) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _plain(block) -> Any:
    if isinstance(block, dict):
        return {str(key): _plain(value) for key, value in block.items()}
    if isinstance(block, list | tuple):
        return [_plain(value) for value in block]
    return str(block) if isinstance(block, dt.date) else block

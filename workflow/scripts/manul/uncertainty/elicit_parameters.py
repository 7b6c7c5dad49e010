"""The numbers of a config on which experts may be asked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

from manul.config import nodes, numbers, selection
from manul.config.hints import hint
from manul.config.types import Config


@dataclass(frozen=True)
class Parameter:
    """A number: its path in the config, what it is, its value and range, and what is allowed.

    `above`: `lowest` itself is not allowed. `used`: some scenario has the data that it acts on.
    """

    path: str
    words: str
    unit: str
    value: float
    range: tuple[float, float] | None
    status: str
    lowest: float = -inf
    highest: float = inf
    above: bool = False
    used: bool = True

    def allows(self, number: float) -> bool:
        """May the parameter have this value?"""
        low = self.lowest < number if self.above else self.lowest <= number
        return low and number <= self.highest

    @property
    def allowed(self) -> str:
        """The allowed values in words; empty if any number is."""
        low = f"{'above' if self.above else 'at least'} {self.lowest:.12g}"
        high = f"at most {self.highest:.12g}"
        parts = [low] * (self.lowest > -inf) + [high] * (self.highest < inf)
        return " and ".join(parts)


def parameters(configs: Iterable[Config]) -> dict[str, Parameter]:
    """Every number that stands in a config with a range or a status, by path.

    Of a number that several scenarios have, the first tells the value.
    """
    found: dict[str, Parameter] = {}
    used: set[str] = set()
    for config in configs:
        for path, block in config["ranges"].items():
            if _is_number(block["value"]):
                found.setdefault(path, _parameter(config, path, block))
                used |= {path} if _acts(config, path) else set()
    return {path: replace(p, used=path in used) for path, p in found.items()}


def asked(known: dict[str, Parameter], ask: Iterable[str]) -> dict[str, Parameter]:
    """Those with a range whose path is one of `ask`, or begins so; all of them if it is empty."""
    ranged = {path: p for path, p in known.items() if p.range}
    wanted = list(ask)
    if not wanted:
        return ranged
    return {path: p for path, p in ranged.items() if any(_within(path, name) for name in wanted)}


def asked_in(configs: Mapping[str, Config]) -> list[dict]:
    """What the form for experts asks: those that the config names, else all, as mappings."""
    block = next(iter(configs.values()))["elicitation"]
    found = asked(parameters(configs.values()), block["ask"] if block else [])
    return [asdict(parameter) for parameter in found.values()]


def unknown(known: dict[str, Parameter], ask: Iterable[str]) -> dict[str, str]:
    """The entries of `ask` that stand for no number with a range, each with a hint."""
    beginnings = {p.rsplit(".", n)[0] for p in asked(known, []) for n in range(p.count(".") + 1)}
    return {name: hint(name, beginnings) for name in ask if name not in beginnings}


# ------------------------------------------------------------------------------------- helpers


def _parameter(config, path, block) -> Parameter:
    lowest, highest, above = numbers.limits(numbers.said_of(config, path))
    ends = block.get("range")
    return Parameter(
        path, numbers.words(config, path), numbers.unit(config, path), block["value"],
        (ends[0], ends[1]) if ends else None, block.get("status", ""), lowest, highest, above,
    )  # fmt: skip


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(path, name) -> bool:
    return path == name or path.startswith(f"{name}.")


def _acts(config, path) -> bool:
    """Is there a layer for what the number is part of?"""
    have = set(selection.available(config))
    room, *below = path.split(".")
    if room == "surfaces":
        return below[0] in have
    if path.startswith("habitat.reference."):
        return below[1] in have
    blocks: Iterator[Any] = (block for _, block in numbers.around(config, path))
    wanted = (selection.surfaces_of(b) for b in blocks if isinstance(b, dict) and _is_node(b))
    return all(names & have for names in wanted if names)


def _is_node(block) -> bool:
    return "terms" in block or bool(nodes.leaf(block)[0])

"""Faults of the ranges of numbers: ends that a draw must not take."""

import copy
from collections.abc import Iterator
from functools import reduce
from math import inf
from typing import cast

from manul.config import faults, numbers
from manul.config.ranges import below, put
from manul.config.types import Config


def find(config: Config) -> Iterator[str]:
    """Ends of ranges that a draw must not take: what would be a fault if it were the value.

    Only for a config without any other fault. Weights are looked at one by one alone: those of a
    sum are divided by their sum in each draw.
    """
    found = [*_beyond_limits(config), *_turning(config)]
    for i, end in enumerate(() if found else ("low", "high")):
        varied = copy.deepcopy(config)
        for path, block in config["ranges"].items():
            if "range" in block and not path.endswith(".weight"):
                put(cast(dict, varied), path, block["range"][i])
        told = faults.find(varied) or faults.out_of_range(varied)
        found += [f"with all numbers at the {end} end of their ranges, {fault}" for fault in told]
    yield from found


# ------------------------------------------------------------------------------------- helpers


def _beyond_limits(config) -> Iterator[str]:
    for path, block in config["ranges"].items():
        if "range" not in block:
            continue
        low, high, above = numbers.limits(numbers.said_of(config, path))
        ends = block["range"]
        if any(isinstance(end, bool) for end in ends):
            yield f"{path}.range: found {ends}, expected two numbers"
        elif ends[0] < low or (above and ends[0] == low) or ends[1] > high:
            least = f"{'above' if above else 'of at least'} {low:g}" if low > -inf else ""
            most = f"of at most {high:g}" if high < inf else ""
            wanted = " and ".join(filter(None, [least, most]))
            yield f"{path}.range: found {ends}, expected numbers {wanted}"


def _turning(config) -> Iterator[str]:
    """Ramps whose ends may change sides."""
    known = config["ranges"]
    for path in dict.fromkeys(p.rpartition(".")[0] for p in known if ".ramp." in p):
        ramp = reduce(below, path.split("."), config)
        if not isinstance(ramp, dict) or not {"lower", "upper"} <= ramp.keys():
            continue
        (a, b), (c, d) = (
            known.get(f"{path}.{end}", {}).get("range", [ramp[end]] * 2)
            for end in ("lower", "upper")
        )
        if a <= d and c <= b:
            yield (
                f"{path}: lower can be {a:g} to {b:g} and upper {c:g} to {d:g}, so that the curve "
                "would turn round in some draws; expected ranges that do not overlap"
            )

"""States of the past: one scenario for each date of a series, in which only the day is another."""

import re
from collections.abc import Mapping

from manul.config.types import Config


def dates(config: Mapping) -> list[str]:
    """The past days of a series, ascending; of a config that may not be completed yet."""
    found = (config.get("series") or {}).get("dates") or []
    return sorted(map(str, found)) if isinstance(found, list) else []


def name(day: str) -> str:
    """The scenario of a day: on_2021_10_01."""
    return "on_" + re.sub("[^0-9A-Za-z]", "_", day)


def is_past(config: Config) -> bool:
    """Is this a state of the past, of data that go on after it?"""
    return bool(config["known_on"]) and config["known_on"] != config["as_of"]


def closed_on(config: Config) -> str:
    """The day after which there are no data."""
    return config["known_on"] or config["as_of"]

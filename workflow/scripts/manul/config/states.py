"""States of the past: one scenario for each date of a series, in which only the day is another."""

import datetime as dt
import re
from collections.abc import Mapping

from manul.config.types import Config


def dates(config: Mapping) -> list[str]:
    """The past days of a series, ascending; what is no day is left out, as the schema tells it."""
    block = config.get("series")
    found = block.get("dates") if isinstance(block, dict) and _is_day(config.get("as_of")) else []
    return sorted(filter(_is_day, found)) if isinstance(found, list) else []


def name(day: str) -> str:
    """The scenario of a day: on_2021_10_01."""
    return "on_" + re.sub("[^0-9A-Za-z]", "_", day)


def is_past(config: Config) -> bool:
    """Is this a state of the past, of data that go on after it?"""
    return closed_on(config) != config["as_of"]


def closed_on(config: Config) -> str:
    """The day after which there are no data."""
    return config.get("known_on") or config["as_of"]


def _is_day(text) -> bool:
    try:
        return bool(dt.date.fromisoformat(text))
    except (TypeError, ValueError):
        return False

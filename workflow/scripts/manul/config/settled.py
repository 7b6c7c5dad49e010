"""Configs that change no more, so that what is worked out from them is worked out once."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from manul.config.types import Config


class Settled(dict):
    """A config that changes no more; a dict in all else. What is made of it by `|` may change."""

    def __init__(self, config: Any):
        super().__init__(config)
        self.known: dict[tuple, Any] = {}


def settled(config: Config) -> Config:
    """The config, which changes no more."""
    return cast("Config", Settled(config))


def once(function: Callable) -> Callable:
    """A function of a config, and of names, that remembers what it gave for a `Settled` one.

    Nobody may change what it gives.
    """

    @wraps(function)
    def remembered(config, *names):
        if not isinstance(config, Settled):
            return function(config, *names)
        key = function, *names
        if key not in config.known:
            config.known[key] = function(config, *names)
        return config.known[key]

    return remembered

"""Templates beside the code that fills them: every name must be given, HTML and XML are escaped."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jinja2

AREA = re.compile(r" km2\b")
PERCENT = re.compile(r"(\d) ?%(?!\w)")


@cache
def template(path: Path, *filters: Callable) -> jinja2.Template:
    """The template of a file; `filters` are known in it by the names of the functions.

    In HTML, units are written as in print.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=not path.name.endswith(".txt.j2"),
        undefined=jinja2.StrictUndefined,
        finalize=as_in_print if path.name.endswith(".html.j2") else None,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {function.__name__.strip("_"): function for function in filters}
    environment.tests["number"] = lambda value: isinstance(value, int | float)
    return environment.get_template(path.name)


def as_in_print(value):
    """A text with km² for km2, and with units that no line break parts from their number."""
    if type(value) is not str:
        return value
    return PERCENT.sub("\\1\u00a0%", AREA.sub("\u00a0km²", value))

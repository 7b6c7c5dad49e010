"""Templates beside the code that fills them: every name must be given, HTML and XML are escaped."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import jinja2


@cache
def template(path: Path, *filters: Callable) -> jinja2.Template:
    """The template of a file; `filters` are known in it by the names of the functions."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=not path.name.endswith(".txt.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {function.__name__.strip("_"): function for function in filters}
    environment.tests["number"] = lambda value: isinstance(value, int | float)
    return environment.get_template(path.name)

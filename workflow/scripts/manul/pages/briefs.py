"""Briefs of units: two printed pages each, and the same in a dozen plain lines."""

import base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2


def page(units: Sequence[dict], title: str, notice: str, foot: str, unknown, layers) -> str:
    """All briefs as one HTML page; printed, each unit begins on a new sheet."""
    return _template("briefs.html.j2").render(
        units=units, title=title, notice=notice, foot=foot, unknown=unknown, layers=layers
    )


def lines(units: Sequence[dict], title: str) -> str:
    """The plain summaries of all units, one after the other."""
    return _template("brief.txt.j2").render(units=units, title=title)


@cache
def _template(name) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda picture: base64.b64encode(picture).decode()
    return environment.get_template(name)

"""Briefs of units: two printed pages each, and the same in a dozen plain lines."""

import base64
from collections.abc import Sequence
from pathlib import Path

from manul.grid.templates import template

HERE = Path(__file__).parent


def page(units: Sequence[dict], title: str, notice: str, foot: str, unknown, layers) -> str:
    """All briefs as one HTML page; printed, each unit begins on a new sheet."""
    return template(HERE / "briefs.html.j2", _base64).render(
        units=units, title=title, notice=notice, foot=foot, unknown=unknown, layers=layers
    )


def lines(units: Sequence[dict], title: str, notice: str) -> str:
    """The plain summaries of all units, one after the other."""
    return template(HERE / "brief.txt.j2").render(units=units, title=title, notice=notice)


# ------------------------------------------------------------------------------------- helpers


def _base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()

"""Which surfaces are guessed where nothing was measured, and on how much of the region."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from manul.grid.fields import Fields
from manul.pages.amounts import percent


def told(title: str, share: float) -> str:
    """A surface and the share (0..1) of its known ground that is extrapolated, as a limit."""
    return f"{title}: {percent(share)} extrapolated, no site in reach"


def limits(fields: Fields, far: Mapping[str, str]) -> list[str]:
    """A sentence for each surface of `far`, by the map (0 to 1) of where it is extrapolated."""
    out = []
    for name, of in far.items():
        guessed, known = fields.total(partial(_where_known, name, of))
        if guessed:
            title = getattr(fields.sources[name], "title", name)
            out.append(told(title, guessed / known))
    return out


def _where_known(name, of, maps) -> np.ndarray:
    return np.where(np.isfinite(maps[name]), maps[of], np.nan)

"""What to measure where: for each cell the group of inputs behind most of its variance.

A group is what one would measure to know its inputs better: a layer, as camps or poison reports,
or, where several layers or none stand behind, a surface, a component, a threat. How threats add up
is none of them: no measurement settles it.
"""

from collections.abc import Mapping

import numpy as np

from manul.config import numbers, selection
from manul.config.nodes import layers_of
from manul.config.types import Config
from manul.uncertainty import specs
from manul.uncertainty.design import CUMULATIVE, Draws

ROWS = 64  # of cells, that are multiplied at once
NONE = 255  # where nothing is known
CLEAR = 0, "hardly in doubt, or no input stands out"  # where no group stands out
VARIES = 1e-3  # standard deviation over the draws from which on it is asked what is behind it
LEAST = 0.05  # of the variance, that a group explains beyond chance


def groups(config: Config) -> dict[str, str]:
    """What each input that can be measured belongs to, in words, by its name in the draws."""
    words = specs.words(config)
    found = {name: _group(config, name) for name in specs.of_model(config)["parameters"]}
    found |= {f"error of {name}": _behind(config, name) for name in specs.errors(config)}
    rest = words.keys() - found.keys() - {CUMULATIVE}
    return found | {name: words[name].capitalize() for name in sorted(rest)}


class Behind:
    """The groups of the inputs of some draws, and which is behind most of a cell's variance."""

    def __init__(self, draws: Draws, of_input: Mapping[str, str]):
        columns, group = [], []
        self.codes = codes(of_input)
        numbered = {title: code for code, title in self.codes.items()}
        for name, values in draws.table().items():
            if name in of_input:
                columns.append(values.to_numpy())
                group.append(numbered[of_input[str(name)]])
        x = np.array(columns, float).reshape(len(columns), draws.number).T
        away = x - x.mean(0)
        size = np.sqrt((away**2).sum(0))
        self._x = (away / np.where(size > 0, size, 1)).astype("float32")
        self._group = np.array(group, int)
        self._noise = np.float32(1 / max(draws.number - 1, 1))  # of a squared correlation

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Codes (cells,), uint8, of numbers (cells, draws) or (cells, 1).

        That of CLEAR where the numbers hardly vary, or no group explains more than chance may.
        Squared correlations with the inputs of a group are summed, each less what chance gives.
        """
        n = len(values)
        if values.shape[1] == 1 or not len(self._group):
            return np.full(n, CLEAR[0], "uint8")
        away = values - values.mean(1, keepdims=True)
        size = np.einsum("ij,ij->i", away, away)
        shares = self._with_inputs(away) ** 2 / np.where(size > 0, size, 1)[:, None] - self._noise
        codes = np.unique(self._group)
        sums = shares @ (self._group[:, None] == codes).astype("float32")
        best = codes[sums.round(4).argmax(1)]
        clear = (size > values.shape[1] * VARIES**2) & (sums.max(1) > LEAST)
        return np.where(clear, best, CLEAR[0]).astype("uint8")

    def _with_inputs(self, away) -> np.ndarray:
        """The product with the inputs, always of ROWS rows: its bits depend on its shape."""
        out = np.empty((len(away), self._x.shape[1]), "float32")
        rows = np.zeros((ROWS, away.shape[1]), "float32")
        for start in range(0, len(away), ROWS):
            n = min(ROWS, len(away) - start)
            rows[:n] = away[start : start + n]
            out[start : start + n] = (rows @ self._x)[:n]
        return out


def codes(of_input: Mapping[str, str]) -> dict[int, str]:
    """A number from 1 for each group, in alphabetical order; before them that of CLEAR."""
    return dict([CLEAR, *enumerate(sorted(set(of_input.values())), 1)])


# ------------------------------------------------------------------------------------- helpers


def _group(config, path) -> str:
    room, name = path.split(".")[:2]
    if room == "surfaces":
        return _behind(config, name)
    if room not in specs.OF_MODEL:  # what surfaces know beside their block, as compounds
        made = [s for s in specs.surfaces_of(config) if room in selection.surface_rules(config, s)]
        return _behind(config, made[0]) if made else room
    way = numbers.around(config, path)
    for _, block in reversed(way):
        if isinstance(block, dict) and isinstance(block.get("surface"), str):
            return _behind(config, block["surface"])
    if way[1][0] == "reference":
        return _behind(config, way[2][0])
    key, block = way[2 if room == "habitat" and len(way) > 3 else 1]
    return _title(block, key)


def _behind(config, surface) -> str:
    """The title of the one layer behind a surface, else the surface's own."""
    block = config["surfaces"].get(surface, {})
    layers = list(dict.fromkeys(layers_of(block))) if block else []
    if len(layers) == 1:
        block, surface = config["layers"][layers[0]], layers[0]
    return _title(block, surface)


def _title(block, key) -> str:
    named = block.get("title") if isinstance(block, dict) else ""
    return named or key.replace("_", " ").capitalize()

"""How sure a recommendation is: in which share of the draws its rule holds at its place.

In each draw the maps that rules name are worked out again, with the key habitat of that draw, and
each rule is measured at the places of the main run by the same code.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from manul.config.nodes import filled
from manul.grid import block_maps, vectors
from manul.grid.fields import Fields
from manul.model import gains
from manul.products import key_habitat
from manul.products.gains import Faces
from manul.products.recommendations import Assessed
from manul.uncertainty import passes
from manul.uncertainty.design import Draws

HELD_MB = 400  # of maps of draws, at once


def maps_of_draws(
    of_draws: Callable, draws: Draws, main: Fields, names: Iterable[str], key: Mapping, mask: list,
    levers: Sequence[gains.Lever] = (),
) -> Iterator[Fields]:  # fmt: skip
    """The maps of each draw in turn; `of_draws(draws)` gives a `passes.Uncertain` of some draws.

    `main` are the maps of the main run, of which those that the model makes are replaced as far as
    `names` has them, and key habitat is found anew (`key`: the block `key_habitat`). A few draws
    are held at once, one at least: 4 bytes a cell and name. Of `levers` there are maps of gains.
    The maps of a draw are written over by those of a later one.
    """
    known = set(names)
    made = _made_anew(of_draws(draws.only(np.arange(1))), known) | {"habitat", "habitat_reference"}
    made |= set(map(gains.name, levers))
    each = len(made) * np.prod(main.grid.shape) * 4 / 1e6
    step = max(1, min(draws.number, int(HELD_MB / each)))
    held = {name: np.full((step, np.prod(main.grid.shape)), np.nan, "float32") for name in made}
    for start in range(0, draws.number, step):
        which = np.arange(start, min(start + step, draws.number))
        of = of_draws(draws.only(which)).narrowed()
        _fill(held, of, main.grid, mask, levers)
        for i in range(len(which)):
            maps = {name: values[i].reshape(main.grid.shape) for name, values in held.items()}
            level = {n: _level(getattr(of, n), i) for n in ("suitable", "key")}
            yield _with_key_habitat(main, maps, {**key, **level}, known)


def holds(
    rules: Sequence[Assessed], runs: Iterable[Fields], faces: Faces
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """By rule in which draws it holds at its places, (places, draws), and gains, (faces, draws).

    `runs` are maps of draws.
    """
    each, km2 = [], []
    for maps in runs:
        each.append([rule.in_draw(maps) for rule in rules])
        km2.append(faces.measure(maps))
    found = {rule.name: np.stack(of, 1) for rule, *of in zip(rules, *each, strict=True)}
    return found, np.stack(km2, 1)


# ------------------------------------------------------------------------------------- helpers


def _made_anew(of, names) -> set[str]:
    """Those of the names that the model makes, without surfaces that are the same in every draw."""
    ((_, outcome),) = of.pieces(of.read((0, 1, 0, 1)), np.arange(1))
    same = of.files.keys() - of.between.keys() - of.errors.keys()
    return names & outcome.named().keys() - same


def _fill(held, of, grid, mask, levers) -> None:
    """Write the maps of some draws into `held`: by name (draws, cells), flat, float32."""
    for at in block_maps.blocks(grid, passes.BLOCK):
        part, arrays = block_maps.part(grid, at), of.read(at)
        here = of.grouped(arrays, np.flatnonzero(vectors.inside(mask, part)))
        for cells, outcome in of.pieces(arrays, here):
            rows, columns = np.divmod(cells, part.width)
            where = (rows + at[0]) * grid.width + columns + at[2]
            found = outcome.named()
            found |= {gains.name(lever): outcome.gain(lever, of) for lever in levers}
            for name, whole in held.items():
                values = np.broadcast_to(filled(found[name]), (len(cells), of.draws.number))
                whole[: of.draws.number, where] = values.T


def _with_key_habitat(main, maps, key, names) -> Fields:
    """The maps of a draw with the key habitat that follows from them."""
    if names & key_habitat.BANDS.keys():
        whole = slice(0, main.grid.height), slice(0, main.grid.width)
        found = key_habitat.find(Fields(maps, main.grid), key, "key_area" in names)
        maps |= found.named(*whole)
    return main.replaced(maps)


def _level(level, draw):
    return float(level[draw]) if np.ndim(level) else level

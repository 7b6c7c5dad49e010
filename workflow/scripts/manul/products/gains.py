"""Gains of recommendations: habitat quality that actions regain or keep, nothing counted twice.

For each thing that actions act on (`model.gains.Lever`) the ground of all zones is cut into faces,
each covered by the same zones throughout. What a set of zones gains is then the sum of the faces
that any of them covers, exactly, also where zones of one rule or of several overlap.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely

from manul.config.nodes import Value, filled, valued
from manul.grid.fields import Fields
from manul.grid.plain_files import atomic
from manul.model import gains
from manul.model.cumulative import CUMULATIVE, known_effects
from manul.products.cover import Cover
from manul.products.key_habitat import cell_km2

LEAST_M2 = 1.0  # smaller faces are what rounding leaves


@dataclass(frozen=True)
class Gains:
    """What zones gain in each draw: `km2` (faces, draws), and who covers a face.

    Levers `again` gain land that is good enough for key habitat, others land of full quality.

    `face` and `zone` are pairs: that face is covered by that zone. `lever` is the number of each
    face's lever in `levers`, `names` are those of the zones.
    """

    levers: tuple[gains.Lever, ...]
    names: np.ndarray
    lever: np.ndarray
    km2: np.ndarray
    face: np.ndarray
    zone: np.ndarray

    def of(self, zones: Sequence[int]) -> np.ndarray:
        """The gain of some zones together in each draw, km2 of full quality."""
        of_quality = np.array([how != gains.AGAIN for how, _ in self.levers], bool)
        faces = np.unique(self.face[np.isin(self.zone, zones)])
        faces = faces[of_quality[self.lever[faces]]]
        return self.km2[faces].sum(0, dtype="float64")

    def of_each(self, hows: Sequence[str] = gains.HOW) -> np.ndarray:
        """The gain of each zone alone by the levers of these kinds: (zones, draws)."""
        of_lever = np.array([how in hows for how, _ in self.levers], bool)
        there = of_lever[self.lever[self.face]]
        out = np.zeros((len(self.names), self.km2.shape[1]))
        np.add.at(out, self.zone[there], self.km2[self.face[there]])
        return out

    def grouped(self, group: np.ndarray, names: Sequence[str]) -> "Gains":
        """Of groups of zones, which get these names; faces that the same groups cover are one.

        `group` is the number of each zone's group, -1 for a zone that is left out.
        """
        there = group[self.zone] >= 0
        face, zone = self.face[there], group[self.zone[there]]
        face, zone = np.unique(np.column_stack([face, zone]), axis=0).reshape(-1, 2).T
        joined = _joined(face, zone, len(self.km2), self.lever)
        lever = np.zeros(joined.max(initial=-1) + 1, int)
        km2 = np.zeros((len(lever), self.km2.shape[1]))
        held = joined >= 0
        np.add.at(km2, joined[held], self.km2[held])
        lever[joined[held]] = self.lever[held]
        pairs = np.unique(np.column_stack([joined[face], zone]), axis=0).reshape(-1, 2)
        made = np.asarray(names, object)
        return Gains(self.levers, made, lever, km2.astype("float32"), *pairs.T)

    def write(self, path) -> None:
        """As numpy's file of arrays."""
        levers, names = np.array(self.levers, "U").reshape(-1, 2), self.names.astype("U")
        with atomic(path) as partial, partial.open("wb") as file:
            np.savez(
                file, levers=levers, names=names, lever=self.lever, km2=self.km2, face=self.face,
                zone=self.zone,
            )  # fmt: skip

    @classmethod
    def read(cls, path) -> "Gains":
        """What `write` wrote."""
        with np.load(path) as found:
            held = {name: found[name] for name in found.files}
        levers = tuple((str(how), str(threat)) for how, threat in held.pop("levers"))
        return cls(levers, held.pop("names").astype(object), **held)


class Faces:
    """The faces of the zones of some rules; `ground` and `acts` are by rule, in their order."""

    def __init__(
        self, ground: Mapping[str, np.ndarray], acts: Mapping[str, Sequence[gains.Lever]], grid
    ):
        self.grid, self.number = grid, sum(map(len, ground.values()))
        self.levers = list(dict.fromkeys(lever for of in acts.values() for lever in of))
        start = dict(zip(ground, np.cumsum([0, *map(len, ground.values())]), strict=False))
        self.covers, faces, zones, levers, before = [], [], [], [], 0
        for i, lever in enumerate(self.levers):
            rules = [name for name, of in acts.items() if lever in of]
            shapes = np.concatenate([ground[name] for name in rules])
            number = np.concatenate([start[n] + np.arange(len(ground[n])) for n in rules])
            cut, face, zone = _faces(shapes)
            self.covers.append(Cover(cut, grid))
            faces.append(face + before)
            zones.append(number[zone])
            levers.append(np.full(len(cut), i))
            before += len(cut)
        self.face, self.zone, self.lever = (
            np.concatenate([np.zeros(0, int), *found]) for found in (faces, zones, levers)
        )

    def measure(self, fields: Fields, maps: Mapping | None = None) -> np.ndarray:
        """The gain (km2) of each face, float32; `maps`: what stands for a map."""
        found = [np.zeros(0)]
        for lever, cover in zip(self.levers, self.covers, strict=True):
            what = (maps or {}).get(gains.name(lever), gains.name(lever))
            found.append(cover.sum(what, fields) * cell_km2(self.grid))
        return np.concatenate(found).astype("float32")

    def gains(self, km2: np.ndarray) -> Gains:
        """With what was measured in each draw: (faces, draws)."""
        names = np.arange(self.number).astype(object)
        return Gains(tuple(self.levers), names, self.lever, km2, self.face, self.zone)


def of_maps(levers: Iterable[gains.Lever], model: Mapping, key: float) -> dict[str, Callable]:
    """By the name of its map how the gain of each lever follows from the maps of a run.

    From `key` on habitat is good enough for key habitat.
    """
    return {gains.name(lever): partial(_of_maps, lever, model, key) for lever in levers}


# ------------------------------------------------------------------------------------- helpers


def _of_maps(lever, model, key, maps) -> np.ndarray:
    if lever[0] == gains.AGAIN:
        before = maps[gains.map_before_the_loss(lever[1], model)]
        return filled(gains.again(valued(maps["habitat"]), valued(before), key))
    effects = {name: valued(maps[f"effect_{name}"]) for name in model["threats"]}

    def total(changed):
        e, known = known_effects(list({**effects, **changed}.values()))
        return Value(CUMULATIVE[model["cumulative"]].total(e), known)

    before, reference = valued(maps["threat"]), valued(maps["habitat_reference"])
    return filled(gains.gain(lever, effects, model["threats"], before, reference, total))


def _faces(shapes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(faces, pairs of face and shape): what the outlines of shapes cut of their ground."""
    edges = shapely.union_all(shapely.boundary(shapes))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    faces = faces[shapely.area(faces) > LEAST_M2]
    inside = shapely.point_on_surface(faces)
    face, shape = shapely.STRtree(shapes).query(inside, "within")
    used, face = np.unique(face, return_inverse=True)
    return faces[used], face, shape


def _joined(face, zone, number, lever) -> np.ndarray:
    """A new number for each face, the same where the same zones cover it; -1 where none does."""
    mark = np.random.default_rng(1).integers(1, 2**63, zone.max(initial=0) + 1, dtype="uint64")
    signature = np.zeros(number, "uint64")
    np.add.at(signature, face, mark[zone])
    covered = np.bincount(face, minlength=number) > 0
    out = np.full(number, -1)
    key = np.column_stack([lever[covered].astype("uint64"), signature[covered]])
    out[covered] = np.unique(key, axis=0, return_inverse=True)[1].ravel()
    return out

"""A thief with the public folder alone finds no more hidden places than by guessing.

Each way of looking gives as many guesses as there are places; a place is found if a guess lies
within 5 km. It is measured against guesses at random in equally good habitat.
"""

import shutil
from pathlib import Path

import geopandas as gpd
import in_process
import numpy as np
import pytest
import rasterio
import rasterio.features
import yaml
from conftest import ROOT, Region, demo_config
from scipy import ndimage

from manul.analyses import KINDS
from manul.comparison import kept
from manul.config import load

pytestmark = pytest.mark.workflow

FOUND_M = 5000
KEPT = ("dogs_camps", "dogs_settlements", "mines_large", "hunting")
LAYERS = ("camps", "manul_records", "cameras", "collar_fixes")
TARGETS = (
    "current/recommendations.gpkg", "current/analyses/suitability/fitted.tif",
    "current/analyses/occupancy/occupancy.tif", "current/analyses/habitat_selection/selection.tif",
    "current/restricted/threat.tif", "planned/threat.tif",
)  # fmt: skip


@pytest.fixture(scope="module")
def region(tmp_path_factory) -> Region:
    """The demo at 2 km with four threats: maps and tables of both scenarios."""
    folder = tmp_path_factory.mktemp("thief")
    shutil.copytree(ROOT / "resources", folder / "resources")
    config = load.written_out(demo_config())
    config["region"] |= {"name": "corner", "cell_m": 2000}
    config["threats"] = {name: config["threats"][name] for name in KEPT}
    config["rules"] = {name: config["rules"][name] for name in ("R1a", "R6", "R7")}
    config["priority"] = [name for name in config["priority"] if name in config["rules"]]
    config["draws"] = {"number": 16, "realisations": 1}
    config["analyses"]["suitability"] |= {"folds": 3, "background": {"points": 1500}}
    path = folder / "region.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    made = Region(folder, (path,))
    in_process.make(made, [f"results/corner/{target}" for target in TARGETS])
    return made


@pytest.fixture(scope="module")
def home(region) -> Path:
    return region.results


class Land:
    """The grid, the habitat, and the hidden places within it by layer."""

    def __init__(self, home, only=None):
        """`only` names some camps: no other places are looked for."""
        self.home = home
        self.habitat = read(home / "current" / "habitat.tif")[0]
        with rasterio.open(home / "current" / "habitat.tif") as raster:
            rows, columns = np.indices(raster.shape)
            self.x, self.y = (np.ravel(n) for n in raster.transform @ (columns + 0.5, rows + 0.5))
            crs, bounds, self.transform = raster.crs, raster.bounds, raster.transform
        self.places = {}
        for name in LAYERS if only is None else ("camps",):
            table = gpd.read_file(home / "current" / "restricted" / "layers" / f"{name}.gpkg")
            table = table if only is None else table[table["id"].isin(only)]
            if "animal" in table:  # of a cat, where it lives
                table = table.to_crs(crs).dissolve("animal")
                table = table.set_geometry(table.centroid)
            points = table.to_crs(crs).geometry.dropna()
            inside = points.cx[bounds.left : bounds.right, bounds.bottom : bounds.top]
            self.places[name] = np.unique(np.column_stack([inside.x, inside.y]).round(), axis=0)
        cells = np.column_stack([self.x, self.y])
        self.near = {
            name: np.array([np.hypot(*(cells - place).T) <= FOUND_M for place in places])
            for name, places in self.places.items()
        }  # (places, cells)
        self.random = np.random.default_rng(3)

    def found(self, name, guesses) -> int:
        """How many places of a layer have a guess (cell number) within 5 km."""
        return int(self.near[name][:, guesses].any(axis=1).sum())

    def peaks(self, values, count) -> np.ndarray:
        """The cells of the highest values, none within 5 km of another; ties by lot, and before
        them the middles of the plateaus that hold the highest values."""
        values = np.where(np.isfinite(values), values, -np.inf)
        steps, which = np.unique(values, return_inverse=True)
        few = len(steps) < values.size / 4
        which = which.reshape(values.shape)
        middles: list[tuple] = []
        for step in range(len(steps) - 1, -1, -1) if few else ():
            if len(middles) >= 2 * count:
                break
            parts, n = ndimage.label(which == step)
            middles += ndimage.center_of_mass(parts > 0, parts, range(1, n + 1))
        order = np.argsort(-(which.ravel() + self.random.random(values.size)))
        width = values.shape[1]
        start = [round(r) * width + round(c) for r, c in middles]
        return self._apart([*start, *order], count)

    def by_chance(self, name, guesses, tries=300) -> float:
        """How many are found by one in a hundred of random draws in equally good habitat."""
        good = self.habitat.ravel()
        low, high = np.nanquantile(good[guesses], [0.1, 0.9])
        like = np.flatnonzero((good >= low) & (good <= high))
        few = len(like) < len(guesses)
        drawn = (self.random.choice(like, len(guesses), replace=few) for _ in range(tries))
        return float(np.quantile([self.found(name, cells) for cells in drawn], 0.99))

    def _apart(self, order, count):
        taken: list[int] = []
        for cell in order:
            near = [
                c
                for c in taken
                if np.hypot(self.x[c] - self.x[cell], self.y[c] - self.y[cell]) < FOUND_M
            ]
            if not near:
                taken.append(cell)
            if len(taken) == count:
                break
        return np.array(taken)


@pytest.fixture(scope="module")
def land(home) -> Land:
    return Land(home)


def read(path) -> np.ndarray:
    """All bands, NaN where unknown."""
    with rasterio.open(path) as raster:
        return raster.read(masked=True).astype("float64").filled(np.nan)


def ways(folder) -> dict:
    """What a thief makes of the maps of a folder: arrays whose highest values he looks at."""
    maps = {p.stem: read(p) for p in sorted(folder.glob("*.tif"))}
    threats = {p.stem: read(p) for p in sorted(folder.glob("threats/*.tif"))}
    others = [bands for name, bands in threats.items() if name != "dogs_camps"]
    left = np.prod([1 - np.nan_to_num(bands[0]) for bands in others], axis=0)
    told = {
        f"{name} {i}": band
        for name, bands in (maps | threats).items()
        for i, band in enumerate(bands)
    }
    told |= {f"less {name}": -band for name, band in told.items()}
    loss = maps["value_at_risk"][0] / (maps["value_at_risk"][0] + maps["quality"][0])
    return told | {
        "solved from the sum": 1 - (1 - maps["threat"][0]) / np.maximum(left, 1e-6),
        "solved from the value": 1 - (1 - loss) / np.maximum(left, 1e-6),
        "solved from shares": 1 - np.sum([np.nan_to_num(bands[1]) for bands in others], axis=0),
    }


def zones(folder, land) -> dict:
    """Middles of the holes that the zones of each rule leave in good habitat."""
    found = {}
    for rule in ("R1a", "R7"):
        table = gpd.read_file(folder / "recommendations.gpkg", layer=rule)
        inside = rasterio.features.rasterize(
            table.geometry, land.habitat.shape,
            transform=land.transform,
        )  # fmt: skip
        found[f"holes of {rule}"] = ndimage.distance_transform_edt(
            (inside == 0) & (land.habitat >= 0.6)
        )
    return found


def test_the_public_folder_gives_no_place_away(home, land):
    public = home / "current"
    looks = ways(public) | zones(public, land)
    planned = {p.stem: read(p)[0] for p in (home / "planned").glob("*.tif")}
    looks |= {
        f"change of {n}": np.abs(v - read(public / f"{n}.tif")[0]) for n, v in planned.items()
    }
    fitted = {p.stem: read(p) for p in public.glob("analyses/*/*.tif")}
    looks |= {f"fit {n} {i}": b for n, bands in fitted.items() for i, b in enumerate(bands)}
    shown = {p.stem: read(p)[0] for p in public.glob("generalised/*.tif")}
    looks |= {f"generalised {name}": band for name, band in shown.items()}
    assert len(looks) > 40 and len(shown) == 2
    told = {}
    for name, places in land.places.items():
        for way, values in looks.items():
            guesses = land.peaks(values, len(places))
            found = land.found(name, guesses)
            told[name, way] = found, land.by_chance(name, guesses)
    # of some hundred ways one in a hundred may find one or two more than chance
    beyond = {way: f for way, f in told.items() if f[0] > f[1] + 2}
    assert not beyond


def test_the_same_thief_finds_the_camps_in_the_exact_maps(home, land):
    exact = ways(home / "current" / "restricted")
    count = len(land.places["camps"])
    for way in ("dogs_camps 0", "solved from the sum", "solved from the value"):
        assert land.found("camps", land.peaks(exact[way], count)) >= 0.8 * count, way


def test_what_came_between_two_kept_runs_is_not_given_away(region, tmp_path):
    """A thief who has the public folders of two months looks at what differs between them."""
    fewer = {
        "draws": {"number": 0},
        "scenarios": {"planned": None},
        "analyses": dict.fromkeys(KINDS),
    }
    later = region.copy(tmp_path / "later").overlay("fewer", fewer)
    table = later.folder / "resources" / "tien_shan" / "camps.csv"
    header, *rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
    known = [row for i, row in enumerate(rows) if i % 3]
    table.write_text("".join([header, *known]), encoding="utf-8")
    in_process.make(later, kept.files)
    later.run("keep", "--config", "label=before")
    table.write_text("".join([header, *rows]), encoding="utf-8")
    in_process.make(later, kept.files)
    later.run("compare")
    land = Land(later.results, {row.split(",")[0] for row in rows[::3]})
    maps = later.folder / "compared" / "before_to_present" / "{}" / "current"
    told = {}
    for view in ("public", "restricted"):
        changes = {p.stem: read(p)[0] for p in Path(str(maps).format(view)).glob("*_change.tif")}
        changes.pop("key_change")
        for way, values in {**changes, **{f"less {n}": -v for n, v in changes.items()}}.items():
            guesses = land.peaks(values, len(land.places["camps"]))
            told[view, way] = land.found("camps", guesses), land.by_chance("camps", guesses)
    beyond = {way for way, (found, chance) in told.items() if found > chance + 2}
    assert {way for way in beyond if way[0] == "public"} == set()
    assert ("restricted", "threat_change") in beyond

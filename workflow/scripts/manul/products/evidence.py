"""What a table of field records holds and what was made of it: the sections of its evidence page.

A layer that is not public shows counts in areas that give no place away, and of rejected rows the
fields alone. To add a section for a kind of surface: write a function of (Evidence, name, block)
that returns a Section, and name it in BY_KIND.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from manul.analyses import KINDS as ANALYSES
from manul.config.hints import counted
from manul.config.types import Layer, Surface
from manul.grid.fields import Fields
from manul.pages import figures
from manul.pages.html import Section
from manul.products import generalised, known_places
from manul.surveys import burrows, detection, from_records

FAR = "extrapolated: no site in reach, stratum mean"
EXPOSED = 0.2  # exposure from which a cell counts as exposed
MOST_ROWS = 200


@dataclass
class Evidence:
    """A records layer, what was read of it, and the maps and tables made from it.

    `rows` has all rows in reach; `maps` surface name -> its bands as `Fields`; `layers` other
    records that its surfaces name; `rules` of surfaces by name; `analyses` the tables of each
    analysis by name, `kinds` their kinds; `habitat` the map of habitat.
    """

    name: str
    block: Layer
    schema: dict
    rows: gpd.GeoDataFrame
    summary: pd.DataFrame
    rejected: pd.DataFrame
    normalised: pd.DataFrame
    outline: gpd.GeoDataFrame | None
    as_of: str
    cell_km2: float
    box: Any  # the region's left, bottom, right and top, in metres
    privacy: Mapping
    surfaces: dict = field(default_factory=dict)
    maps: dict = field(default_factory=dict)
    layers: dict = field(default_factory=dict)
    rules: dict = field(default_factory=dict)
    analyses: dict = field(default_factory=dict)
    kinds: dict = field(default_factory=dict)
    habitat: Fields | None = None
    suitable: float = np.nan  # habitat from which land is suitable

    @property
    def public(self) -> bool:
        """May places be shown?"""
        return self.block["public"]


def sections(e: Evidence) -> list[Section]:
    """All sections of the page, in order."""
    made = [what_came(e), where_and_when(e)]
    for name, block in e.surfaces.items():
        if block["kind"] in BY_KIND:
            made.append(BY_KIND[block["kind"]](e, name, block))
    if e.habitat is not None:
        told = e.habitat, e.suitable, e.privacy, e.public
        made.append(known_places.contradicted(e.rows, *told))
    for name, tables in e.analyses.items():
        made.append(ANALYSES[e.kinds[name]].section(tables))
    return [*made, source(e)]


def what_came(e: Evidence) -> Section:
    """Rows in, accepted and rejected; changes by rule; each rejected row with its reason."""
    section = Section("What came, and what became of it", tables=[("", e.summary)])
    section.numbers = [(row.rows, row.number, None, None, "rows") for row in e.summary.itertuples()]
    if len(e.normalised):
        by = e.normalised.groupby(["rule", "field"]).size().rename("values").reset_index()
        section.tables.append(("Values that were changed on reading, by rule", by))
    if not len(e.rejected):
        section.words.append("No row was rejected.")
    elif e.public:
        title = f"Rejected: {len(e.rejected)} findings"
        section.tables.append((title, e.rejected.head(MOST_ROWS)))
        if len(e.rejected) > MOST_ROWS:
            section.words.append(f"The first {MOST_ROWS} of them; all stand in the folder records.")
    else:
        by = e.rejected.groupby("field").size().rename("findings").reset_index()
        section.tables.append(("Rejected, by field (in full in the folder restricted)", by))
    return section


def where_and_when(e: Evidence) -> Section:
    """A map of the rows, exact only if they are public, and how many there are a year."""
    section = Section("Where and when people looked")
    placed = e.rows[e.rows.geometry.notna()]
    if not len(placed):
        section.words.append("Its rows have no places.")
    elif e.public:
        section.figures.append(("Places of all rows", figures.places_map(placed, e.outline)))
    else:
        least = e.privacy["least"]
        places, what = _one_of_each(placed)
        each = "places" if what == "rows" else what
        words = f"Places are not public: {what} counted in areas with at least {least} {each}."
        section.words.append(words)
        png = figures.areas_map(area_counts(places, e), e.outline, f"{what} per 1000 km²")
        section.figures.append((f"{what.capitalize()} in areas that give no place away", png))
    dates = [n for n, f in e.schema["fields"].items() if f["type"] == "date" and n in e.rows]
    if dates:
        years = pd.to_datetime(e.rows[dates[0]]).dt.year.dropna().astype(int).value_counts()
        years = years.sort_index()
        section.figures.append(("Rows by year", figures.bars(years, "year", "rows")))
        section.numbers += [(f"rows of {y}", int(n), None, None, "rows") for y, n in years.items()]
    section.words.append("A place without a row is a place where nobody reported, not one without.")
    return section


def of_poison(e: Evidence, name: str, block: Surface) -> Section:
    """Reported area by year and compound, exposed area over time, and where nobody reported."""
    events, maps = from_records.events(e.rows, block, e.as_of), e.maps[name]
    section = Section(f"Rodenticide: {block['path']} path")
    area = events.assign(year=pd.to_datetime(events["date_start"]).dt.year)
    table = area.pivot_table("area_treated_ha", "year", "compound", "sum", fill_value=0.0) / 100
    first = next(n for n, b in e.surfaces.items() if b["kind"] == block["kind"])
    if len(table) and name == first:  # the reports are the same for every path
        png = figures.stacked(table, "year", "reported area (km²)")
        section.figures.append(("Reported area by year and compound", png))
        section.tables.append(("Reported area (km²)", table.round(1).reset_index()))
    days = {b.removeprefix("value_"): b for b in maps if b.startswith("value_")}
    days[e.as_of] = "value"
    exposed = pd.Series({d: _exposed_km2(maps, days[d], e.cell_km2) for d in sorted(days)})
    section.numbers += [(f"exposed on {d}", a, None, None, "km2") for d, a in exposed.items()]
    if len(exposed) > 1:
        png = figures.series(exposed.to_frame(f"exposure of {EXPOSED:g} or more"), "area (km²)")
        section.figures.append(("Exposed area over time", png))
    section.words += _poison_words(e, events, maps, block)
    return section


def of_burrows(e: Evidence, name: str, block: Surface) -> Section:
    """Sites and method, mean density with its interval, CV, detection function, trend."""
    from manul.surveys.density import choose_method  # compiled: takes long to import

    transects = e.layers[block["layer"]]
    quadrats, observed = (
        e.layers.get(block.get(f"{n}_layer")) for n in ("quadrats", "observations")
    )
    sites = from_records.burrow_sites(
        transects, quadrats, observed, e.as_of, e.rules[name]["burrows"]
    )
    used = sites[sites["count"].notna() & (sites["effort_ha"] > 0)]
    section = Section("Burrow density")
    occupied = int((used["count"] > 0).sum())
    method = block["method"]
    if method == "auto":
        method = choose_method(len(used), occupied, len(block["covariates"]))
    section.words.append(
        f"{len(used)} of {len(sites)} sites used, {occupied} with burrows; "
        f"method: {method.replace('_', ' ')}."
    )
    section.numbers += [
        ("sites used", len(used), None, None, "sites"),
        ("density over all sites", *burrows.pooled(used), "per ha"),
        *_map_numbers(e.maps[name]),
    ]
    section.tables.append(("", _as_table(section.numbers)))
    far = from_records.distances(observed)
    if len(far) >= e.rules[name]["burrows"]["min_distances"]:
        fit = detection.half_normal(far, e.rules[name]["burrows"]["truncation_m"])
        wide = f"{fit.effective_half_width_m:.1f} m"
        words = f"Detection function (half-normal, effective half width {wide})"
        section.figures.append((words, figures.detection(fit, far)))
    _add_trend(section, used, block)
    return section


def of_effort(e: Evidence, name: str, block: Surface) -> Section:
    """Camera-days with and without a cat, and how much of the region they reach."""
    _, days = from_records.effort(e.rows, block, e.as_of)
    share = _share(e.maps[name], "value", lambda values: values > 0)
    section = Section("Survey effort")
    section.numbers = [
        ("camera-days", float(days.sum()), None, None, "camera-days"),
        ("region within reach of effort", 100 * share, None, None, "%"),
    ]
    section.tables.append(("", _as_table(section.numbers)))
    section.words.append("Records without a cat count as effort like those with one.")
    return section


BY_KIND = {"poison": of_poison, "burrow_density": of_burrows, "effort": of_effort}


def source(e: Evidence) -> Section:
    """Who made the data, on what terms, and what the page keeps back."""
    keys = ("source", "date", "licence", "data_status", "positional_error_m", "caveat")
    said = dict(e.block)
    told = [(key.replace("_", " "), str(said[key])) for key in keys if said.get(key)]
    section = Section("Source", tables=[("", pd.DataFrame(told, columns=["", " "]))])
    if not e.public:
        section.words.append("Not public: places are generalised, rows are not named.")
    return section


def area_counts(placed, e: Evidence) -> pd.DataFrame:
    """Rows in each area that holds some: `west`, `south`, `east`, `north` (m), rows, `value`: rows
    per 1000 km2."""
    areas = generalised.areas_of(e.box, placed.geometry, e.privacy)
    middle = placed.geometry.centroid
    number = areas.of(middle.x, middle.y)
    rows = np.bincount(number, minlength=len(areas) + 1)[1:]
    table = pd.DataFrame(areas.boxes(), columns=["west", "south", "east", "north"])
    km2 = (table["east"] - table["west"]) * (table["north"] - table["south"]) / 1e6
    return table.assign(rows=rows, value=1000 * rows / km2)[rows > 0].reset_index(drop=True)


# ------------------------------------------------------------------------------------- helpers


def _one_of_each(placed) -> tuple[gpd.GeoDataFrame, str]:
    """The rows; of fixes one place for each animal: thousands of its fixes would tell its range."""
    if "animal" not in placed or not placed["animal"].notna().any():
        return placed, "rows"
    middle = placed.assign(x=placed.geometry.centroid.x, y=placed.geometry.centroid.y)
    centre = middle.groupby("animal")[["x", "y"]].mean()
    points = gpd.points_from_xy(centre["x"], centre["y"], crs=placed.crs)
    return gpd.GeoDataFrame(centre.reset_index(), geometry=points), "animals"


def _poison_words(e, events, maps, block) -> list[str]:
    from manul.surveys import rodenticide  # compiled: takes long to import

    silent = _share(maps, "reports_within_50_km", lambda reports: reports == 0)
    polygons, field = e.layers.get(block.get("districts_layer")), block.get("districts_field")
    outlines = {} if polygons is None else from_records.districts(polygons, field)
    bare = rodenticide.footprints(events, outlines)["kind"].value_counts()
    nowhere, spread = int(bare.get("unplaced", 0)), int(bare.get("diffuse", 0))
    assumed = rodenticide.event_intensity(events, e.rules["poison"])["assumed"].str.len() > 0
    told = []
    if spread:
        told.append(
            f"{counted(spread, 'event')} known only by their district: each is spread over it."
        )
    if nowhere:
        known = "no district that the layer of districts knows by this name"
        why = known if outlines else "no layer of districts over which to spread them"
        told.append(f"{counted(nowhere, 'event')} on no map: no place, and {why}.")
    return [
        f"No report within 50 km: {silent:.0%} of the map, where poison is unknown, not absent.",
        f"{int(assumed.sum())} of {len(events)} events had a value that had to be assumed.",
        *told,
    ]


def _exposed_km2(maps, band, cell_km2) -> float:
    return maps.total(lambda at: at[band] >= EXPOSED)[0] * cell_km2


def _share(maps, band, true) -> float:
    """Share of the known cells of a map for which something is true."""
    total, number = maps.total(
        lambda at: np.where(np.isfinite(at[band]), true(at[band]), np.nan).astype(float)
    )
    return total / max(number, 1)


def _map_numbers(maps) -> list[tuple]:
    cv = maps.sample("cv")
    low, middle, high = np.quantile(cv, [0.05, 0.5, 0.95]) if cv.size else [np.nan] * 3
    far, _ = maps.total(lambda at: np.isfinite(at["value"]) & (at["extrapolated"] == 1))
    total, known = maps.total("value")
    return [
        ("density over the map", total / known if known else np.nan, None, None, "per ha"),
        ("coefficient of variation (median, 5 and 95 %)", middle, low, high, "1"),
        (FAR, 100 * far / known if known else np.nan, None, None, "%"),
    ]


def _add_trend(section, used, block) -> None:
    """Density of two survey years and their ratio, where there are two years with two sites."""
    per_year = used.groupby("year").size()
    years = block.get("trend_years") or sorted(per_year.index[per_year >= 2])
    if len(years) < 2:
        section.words.append("No trend: it takes two survey years with two sites each.")
        return
    first, last = years[0], years[-1]
    found = burrows.trend(used[used["year"] == first], used[used["year"] == last])
    rows = [
        (f"density {first}", found["density_a"], None, None, "per ha"),
        (f"density {last}", found["density_b"], None, None, "per ha"),
        (f"ratio {last} to {first}", found["ratio"], found["low"], found["high"], "1"),
    ]
    section.numbers += rows
    section.tables.append(("Trend (90 % bootstrap interval)", _as_table(rows)))


def _as_table(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["what", "value", "low", "high", "unit"]).astype(
        {"value": float, "low": float, "high": float}
    )

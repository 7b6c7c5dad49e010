"""Field tables as surfaces want them: rodenticide events, burrow sites, survey effort."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from manul.config.types import Surface
from manul.grid.features import select
from manul.records.text import fold
from manul.surveys import burrows

DAYS_PER_YEAR = 365.25
M_PER_KM = 1000
YES_NO = {True: "y", False: "n", "y": "y", "n": "n"}
STANDING = ("active", "inactive")  # a collapsed burrow is in no count, so in no distance either


def until(rows: pd.DataFrame, field: str, day) -> pd.DataFrame:
    """The rows that are no later than a day; one without a date stays."""
    if field not in rows:
        return rows
    dates = pd.to_datetime(rows[field], format="ISO8601")
    return rows[~(dates > pd.Timestamp(day))]


def events(rows: gpd.GeoDataFrame, block: Surface, as_of) -> pd.DataFrame:
    """Rodenticide events as `poison` wants them; `district` is the folded name of their district.

    An outline stays an outline, any other shape is its centre; rows without a place keep none.
    What began after `as_of` is left out.
    """
    rows = until(rows, "date_start", as_of)
    shapes = rows.geometry.to_numpy()
    centres = shapely.centroid(shapes)
    outlines = np.where(np.isin(shapely.get_type_id(shapes), [3, 6]), shapes, None)
    table = pd.DataFrame(rows.drop(columns="geometry")).assign(
        x=shapely.get_x(centres), y=shapely.get_y(centres), geometry=outlines
    )
    if "carcass_collected" in table:  # a yes-or-no column comes back from a file as true or false
        table["carcass_collected"] = table["carcass_collected"].map(YES_NO)
    named = table.get(block["place_field"], pd.Series(np.nan, table.index, dtype=object))
    return table.assign(district=named.map(fold, na_action="ignore"))


def districts(polygons: gpd.GeoDataFrame, name_field: str) -> dict:
    """Outline of each district by its folded name; parts of one name are one district."""
    known = polygons[polygons[name_field].notna()]
    parts = known.geometry.groupby(known[name_field].map(fold))
    return {name: shapely.union_all(shapes.to_numpy()) for name, shapes in parts}


def burrow_sites(transects, quadrats, observations, as_of, rules: dict) -> pd.DataFrame:
    """Transects and quadrats as sites with their `year`; a kind that is None is left out.

    Distances of standing burrows from `observations` make the detection function of transects
    without a half width. What was surveyed after `as_of` is left out.
    """
    transects, quadrats = (
        None if rows is None else until(rows, "date", as_of) for rows in (transects, quadrats)
    )
    parts = []
    if transects is not None and len(transects):
        seen = distances(observations)
        made = burrows.transect_sites(_with_ends(transects), as_of, rules, seen)
        parts.append(made.assign(year=_years(transects)))
    if quadrats is not None and len(quadrats):
        centre = quadrats.geometry.centroid
        table = pd.DataFrame(quadrats.drop(columns="geometry")).assign(x=centre.x, y=centre.y)
        made = burrows.quadrat_sites(table, as_of, rules)
        parts.append(made.assign(year=_years(quadrats)))
    columns = ["site", "geometry", "count", "effort_ha", "assumed", "year"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def distances(observations) -> np.ndarray:
    """Distances (m) of the standing burrows from their line; none without observations."""
    if observations is None:
        return np.zeros(0)
    return observations.loc[observations["status"].isin(STANDING), "perp_dist_m"].to_numpy(float)


def effort(table: gpd.GeoDataFrame, block: Surface, as_of) -> tuple[gpd.GeoSeries, np.ndarray]:
    """Places and their camera-days, whether a cat was found or not.

    The field where it has a value, else `per_record`; a line counts `per_km`. Records older than
    `max_age_years`, later than `as_of`, of an unknown date, or without a place are left out.
    """
    found = select(table[table.geometry.notna()], block.get("where"))
    found = until(found, block["date_field"], as_of)
    if "max_age_years" in block:
        dates = pd.to_datetime(found[block["date_field"]], format="ISO8601")
        age = (pd.Timestamp(as_of) - dates).dt.days / DAYS_PER_YEAR
        found = found[age <= block["max_age_years"]]
    days = np.full(len(found), float(block["per_record"]))
    if block.get("field") in found:
        stated = pd.to_numeric(found[block["field"]], errors="coerce").to_numpy("float64")
        days = np.where(np.isfinite(stated), stated, days)
    is_line = shapely.get_dimensions(found.geometry.to_numpy()) == 1
    return found.geometry, np.where(is_line, found.length / M_PER_KM * block["per_km"], days)


def _with_ends(lines) -> pd.DataFrame:
    """Lines as a plain table with their end points."""
    shapes = lines.geometry.to_numpy()
    ends = [shapely.get_point(shapes, i) for i in (0, -1)]
    columns = dict(zip(("x_start", "x_end"), map(shapely.get_x, ends), strict=True))
    columns |= dict(zip(("y_start", "y_end"), map(shapely.get_y, ends), strict=True))
    return pd.DataFrame(lines.drop(columns="geometry")).assign(**columns)


def _years(table) -> np.ndarray:
    return pd.to_datetime(table["date"]).dt.year.to_numpy()

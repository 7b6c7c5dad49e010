"""Preflight: every problem of every layer, table and number, in one list, before any computing.

Errors stop the run; warnings go on into the products. Each problem tells file, row, field, the
value found, what was expected, and how to mend it. Faults that need no file to be opened were told
before, by `settings.load`.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterator

from pyproj import CRS

from manul.config.types import Config
from manul.preflight import decisions, uses
from manul.preflight.answers import check_elicitation, private_blocks
from manul.preflight.files import check_file
from manul.preflight.findings import (
    PreflightError,
    Problem,
    as_table,
    in_order,
    number_of_warnings,
    stop_on_errors,
    warnings,
)
from manul.preflight.invest import check_invest
from manul.preflight.places import of_region, off_by
from manul.preflight.vectors import READ

__all__ = [
    "PreflightError",
    "Problem",
    "as_table",
    "check",
    "check_elicitation",
    "number_of_warnings",
    "private_blocks",
    "stop_on_errors",
    "warnings",
]

AREAS_OFF = 0.05  # a region's grid with areas farther off than this is refused
DISTANCES_OFF = 0.05  # and told with a warning if its distances are
NO_BETTER = 1.25  # times the error of the best system: no other is advised


def check(config: Config, maps: Collection[str], read: dict | None = None) -> list[Problem]:
    """All problems of one scenario, errors first; `maps` are the names that its rules may use.

    `read` keeps the tables of field records from one scenario to the next.
    """
    found = [*_areas(config["region"]), *_dates(config), *_copies(config["layers"])]
    tables: dict = {} if read is None else {READ: read}
    for name, block in config["layers"].items():
        if block["kind"] == "absent":
            found.append(Problem("note", name, value=f"no layer; it needs {block['needs']}"))
        else:
            found += check_file(name, block, config, tables)
    if region := of_region(config, found):
        return region
    found += uses.check_places(config, tables)
    found += uses.check_surfaces(config, tables)
    found += uses.check_habitat(config, tables)
    found += uses.check_analyses(config, tables)
    found += uses.check_rules(config, tables, maps)
    found += uses.check_threats_named(config)
    found += uses.check_completeness(config, maps)
    found += check_invest(config)
    found += decisions.check(config)
    return in_order(found)


# ------------------------------------------------------------------------------------- helpers


def _areas(region) -> Iterator[Problem]:
    """Areas and distances of the grid that are not those of the land."""
    area, distance = off_by(region)
    west, south, east, north = region["bounds"]
    better = (
        f"+proj=laea +lat_0={(south + north) / 2:g} +lon_0={(west + east) / 2:g} "
        "+datum=WGS84 +units=m"
    )
    instead = f"Take for example '{better}'"
    none_better = distance < NO_BETTER * off_by(region | {"crs": better})[1]
    name = CRS.from_user_input(region["crs"]).name
    crs = region["crs"] if name == "unknown" else name
    if area > 1e-4:
        yield Problem(
            "error" if area > AREAS_OFF else "warning", "region", field="crs",
            value=f"{crs}, with areas up to {100 * area:.2g} % off in the region",
            expected="an equal-area coordinate system",
            mend=f"All areas and numbers of animals would be off by as much. {instead}",
        )  # fmt: skip
    if distance > DISTANCES_OFF and area <= AREAS_OFF:
        yield Problem(
            "warning", "region", field="crs",
            value=f"{crs}, with distances up to {100 * distance:.2g} % off in the region",
            expected=f"distances less than {100 * DISTANCES_OFF:g} % off",
            mend="Reaches of threats would be off by as much. "
            + ("No system does much better over a region so large" if none_better else instead),
        )  # fmt: skip


def _dates(config) -> Iterator[Problem]:
    today = dt.date.today()
    if dt.date.fromisoformat(config["as_of"]) > today:
        yield Problem(
            "error", "config", field="as_of", value=config["as_of"],
            expected=f"a date up to today, {today}", mend="Ages cannot count to a day to come",
        )  # fmt: skip
    for name, block in config["layers"].items():
        if _latest(str(block.get("date", ""))) > today:
            yield Problem(
                "error", name, block.get("path", ""), field="date", value=str(block["date"]),
                expected=f"a date up to today, {today}", mend="Correct the date of the layer",
            )  # fmt: skip


def _latest(text) -> dt.date:
    """The earliest day that the latest date in a text can mean; year 1 if it names none."""
    found = re.findall(r"\b(\d{4})(?:-(\d\d))?(?:-(\d\d))?\b", text)
    days = (_day(*(int(part or 1) for part in date)) for date in found)
    return max((day for day in days if day), default=dt.date.min)


def _day(year, month, day) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _copies(layers) -> Iterator[Problem]:
    """Two layers that read the same band of the same file, or the same features."""
    seen: dict[tuple, str] = {}
    for name, block in layers.items():
        same = tuple(block.get(key) for key in ("path", "layer", "band", "filter", "kind", "table"))
        first = seen.setdefault(same, name)
        if block.get("path") and first != name:
            yield Problem(
                "warning", name, block["path"], field="path", value=f"the same as layer {first!r}",
                expected="data of its own", mend="Was a block copied and its path not changed?",
            )  # fmt: skip

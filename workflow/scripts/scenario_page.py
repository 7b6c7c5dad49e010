"""Write the page of a scenario: what it changes against the first one, and how sure that is."""

import shapely

from manul import job
from manul.comparison import differences, features, scenario_page, ways
from manul.grid import plain_files, provenance, vectors
from manul.grid.region import grid_of
from manul.pages import html
from manul.products import stamp

with job.start(snakemake) as this:
    told = this.told
    (units,) = this.inputs("units")
    tables = [
        next(iter(this.inputs(f"{side}_recommendations")), None) for side in ("before", "after")
    ]
    recommended = differences.changes_of(*tables)
    paths = {name: this.inputs(name)[0] for name in told.maps}
    outline = [vectors.read_vector(path) for path in this.inputs("outline")]
    bounds = tuple(grid_of(told.region).boundingbox)
    pictures = scenario_page.pictures(paths, bounds, next(iter(outline), None))
    record = this.provenance()
    notice = provenance.notice(record)
    notice = f"EXACT PLACES: NOT FOR PUBLICATION. {notice}" if told.exact else notice
    nets = [
        [plain_files.read_table(path) for path in this.inputs(f"{side}_ways")]
        for side in ("before", "after")
    ]
    towns = [vectors.read_vector(path) for path in this.inputs("towns")]
    moved = ways.compared(*(ways.Net(*net) for net in nets), *towns) if all(nets) else None
    sides = [this.named(f"{side}_features") for side in ("before", "after")]
    changed = {
        name: features.Change(
            title, *(vectors.read_vector(of[name]) if name in of else None for of in sides)
        )
        for name, title in told.features.items()
    }
    sections = scenario_page.sections(
        told.first, told.changes, plain_files.read_table(units), recommended, pictures,
        told.number, moved, features.table(changed, shapely.box(*bounds)),
    )  # fmt: skip
    page = html.page(told.scenario_title, told.region["title"], notice, sections, this.foot)
    stamped = stamp.stamp(record, this.scenario)
    plain_files.write_table(this.output("recommendations"), recommended.assign(**stamped))
    if moved is not None:
        plain_files.write_table(this.output("ways"), moved.assign(**stamped))
    plain_files.write_text(this.output("page"), page)

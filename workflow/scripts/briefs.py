"""Write the brief of each unit: two printed pages, and a dozen plain lines."""

import shapely

from manul import job
from manul.grid import plain_files, provenance, vectors
from manul.grid.region import grid_of
from manul.pages import briefs as pages
from manul.products import actions as places
from manul.products import briefs, extrapolated

with job.start(snakemake) as this:
    told = this.told
    units = plain_files.read_table(this.inputs("units")[0])
    actions = places.read(this.inputs("actions")[0])
    outlines = vectors.read_vector(this.inputs("layers")[0])
    key = vectors.read_layers(this.inputs("key")[0]).get("key")
    tables = this.inputs("matters")
    matters = plain_files.read_table(tables[0]) if tables else None
    found = briefs.briefs(
        units, actions, outlines, key, matters, told.species["plural"], told.as_of,
        shapely.box(*grid_of(told.region).boundingbox),
    )  # fmt: skip
    record = this.provenance()
    limits = [*extrapolated.limits(this.fields(), told.extrapolated), *told.limitations.values()]
    unknown = briefs.unknown(told.absent, told.not_assessed, limits)
    notice = provenance.notice(record)
    page = pages.page(found, told.title, notice, this.foot, unknown, list(record.values()))
    plain_files.write_text(this.output("page"), page)
    plain_files.write_text(this.output("lines"), pages.lines(found, told.title, notice))

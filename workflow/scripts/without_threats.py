"""Find what would come back without each threat, or with half of it, and show it on a page."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, provenance
from manul.grid.region import grid_of
from manul.pages import html
from manul.products import stamp
from manul.uncertainty import sensitivity, tables, without, without_page

with job.start(snakemake) as this:
    told, grid = this.told, grid_of(this.told.region)
    key = words.key_rules(told.key, this.thresholds())
    of_draws, draws = tables.of_job(this.named, vars(told), key)
    of, mask, units = of_draws(draws), this.inputs("mask"), this.inputs("units")
    names = tables.unit_names(units)
    cells = sensitivity.sample(of, mask, units, grid, without.CELLS)
    sums = without.gains(of, cells, len(names))
    found = without.table(sums, told.titles, names, grid, cells.every)
    record = this.provenance()
    sections = without_page.sections(found, len(cells.unit), draws.number)
    page = html.page(
        "Without a threat", told.region["title"], provenance.notice(record), sections, this.foot
    )
    stamped = stamp.stamp(record, this.scenario)
    plain_files.write_table(this.output("table"), found.assign(**stamped))
    plain_files.write_text(this.output("page"), page)

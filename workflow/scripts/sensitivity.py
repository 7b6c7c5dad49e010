"""Find which numbers are behind the doubt about the outcomes, and show it on a page."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, provenance
from manul.grid.region import grid_of
from manul.pages import html
from manul.products import stamp
from manul.products.key_habitat import cell_km2
from manul.uncertainty import sensitivity, sensitivity_page, tables

with job.start(snakemake) as this:
    told, grid = this.told, grid_of(this.told.region)
    of_draws, draws = tables.of_job(
        this.named, vars(told), words.key_rules(told.key, this.thresholds())
    )
    mask, units = this.inputs("mask"), this.inputs("units")
    names = tables.unit_names(units)
    cells = sensitivity.sample(of_draws(draws), mask, units, grid)
    threats, inputs = bool(told.model["threats"]), list(draws.table().columns)
    made = sensitivity.outputs(names, threats)
    run = sensitivity.model(
        of_draws, tables.spec_of_job(this.named, vars(told)), inputs, cells, names, threats,
        cell_km2(grid),
    )  # fmt: skip
    found = sensitivity.table(run, inputs, made, told.draws["seed"], told.words)
    this.log.info("%d inputs on %d cells, every %d", len(inputs), len(cells.unit), cells.every)
    sections = sensitivity_page.sections(found, len(inputs), cells)
    title = "Which number matters"
    record = this.provenance()
    notice = provenance.notice(record)
    page = html.page(title, told.region["title"], notice, sections, this.foot)
    stamped = stamp.stamp(record, this.scenario)
    plain_files.write_table(this.output("table"), found.assign(**stamped))
    plain_files.write_text(this.output("page"), page)

"""Write the report of a region as one page: method, data, results, doubt, limits."""

from manul import __version__, job
from manul.grid import plain_files, provenance
from manul.pages import figures, html
from manul.products import actions as places
from manul.products import extrapolated, report

with job.start(snakemake) as this:
    told = this.told
    tables = {
        role: plain_files.read_table(this.inputs(role)[0]) if this.inputs(role) else None
        for role in ("units", "of_draws", "matters")
    }
    found = places.read(this.inputs("actions")[0]) if this.inputs("actions") else None
    record = this.provenance()
    summaries = {
        told.records[name.removesuffix("_summary")]: plain_files.read_table(path)
        for name, path in this.named("summaries").items()
    }
    sheets = this.named("sheets").items()
    pictures = [(told.sheets[name], figures.smaller(path)) for name, path in sheets]
    animals = told.species["plural"]
    limits = [*extrapolated.limits(this.fields(), told.extrapolated), *told.limitations]
    sections = [
        report.in_short(
            tables["units"], found if found is not None else [], animals, tables["of_draws"]
        ),
        *([report.pictures(pictures)] if pictures else []),
        *([report.by_unit(tables["units"])] if tables["units"] is not None else []),
        *([report.to_do(found, told.rules)] if found is not None and len(found) else []),
        report.doubt(tables["matters"], told.draws),
        report.method(told.method),
        report.numbers(told.parameters.values()),
        report.data(record, told.absent, told.not_assessed),
        *([report.field_records(summaries)] if summaries else []),
        report.limits(limits, record),
        report.references(record, __version__, this.digest),
    ]
    title = f"{told.species['title']}: {told.title}"
    subtitle = f"{told.scenario_title}, as of {told.as_of}"
    page = html.page(title, subtitle, provenance.notice(record), sections, this.foot)
    plain_files.write_text(this.output("page"), page)

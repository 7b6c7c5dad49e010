"""Hold the states of several dates against each other: tables, trends, a page and an animation."""

from manul import job
from manul.comparison import maps
from manul.grid import plain_files, provenance, vectors
from manul.grid.atomic import atomic
from manul.grid.region import grid_of
from manul.pages import animation, html
from manul.products import stamp
from manul.records import schemas
from manul.uncertainty import series, series_page, tables

with job.start(snakemake) as this:
    told, days = this.told, this.told.days
    polygons = [vectors.read_vector(path) for path in this.inputs("units")]
    shapes = polygons[0] if polygons else None
    names = tables.unit_names(this.inputs("units"))
    sums = [plain_files.read_table(*this.inputs(f"sums_{i}")) for i in range(len(days))]
    outcomes = [name for name in series.OUTCOMES if sums[0][name].notna().any()]
    found = series.at_each_date(sums, names, outcomes)
    layers = {
        name: (vectors.read_rows(path), schemas.date_field(told.tables[name]))
        for name, path in this.named("reports").items()
    }
    reports = series.reports_of(layers, shapes, names, days, told.years)
    table = series.table(found, days, reports)
    trends = series.trends(found, days, reports)
    files = {day: this.inputs(f"map_{i}")[0] for i, day in enumerate(days)}
    outline = [vectors.read_vector(path) for path in this.inputs("mask")]
    bounds = tuple(grid_of(told.region).boundingbox)
    record = this.provenance()
    notice = provenance.notice(record)
    pictures = maps.each_day(files, bounds, next(iter(outline), shapes), told.words, notice)
    moving = animation.gif(pictures)
    sections = series_page.sections(table, trends, told.reports, told.years, moving)
    page = html.page("From date to date", told.region["title"], notice, sections, this.foot)
    stamped = stamp.stamp(record, this.scenario)
    plain_files.write_table(this.output("table"), table.assign(**stamped))
    plain_files.write_table(this.output("trends"), trends.assign(**stamped))
    plain_files.write_text(this.output("page"), page)
    plain_files.write_bytes(this.output("gif"), moving)
    with atomic(this.output("mp4")) as path:
        animation.mp4(pictures, path)

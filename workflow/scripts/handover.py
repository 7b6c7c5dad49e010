"""Write the actions in the formats of those who act: KMZ, GPX, Shapefile."""

from manul import job
from manul.grid import plain_files, provenance
from manul.pages import handover, workbook
from manul.products import actions as places

with job.start(snakemake) as this:
    title = f"What to do first: {this.told.title}"
    actions = places.read(this.inputs("actions")[0])
    notice = provenance.notice(this.provenance())
    tolerance = handover.kmz(this.output("kmz"), actions, title, notice)
    this.log.info("outlines of the KMZ simplified by %g m", tolerance)
    handover.gpx(this.output("gpx"), actions, title, notice)
    words = plain_files.read_yaml(workbook.COLUMNS)
    handover.shapefile(this.output("shapefile"), actions, words)

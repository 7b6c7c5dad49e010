"""Write the actions in the formats of those who act."""

from manul import job
from manul.grid import plain_files, provenance
from manul.pages import handover, workbook
from manul.products import actions as places

with job.start(snakemake) as this:
    title = f"What to do first: {this.told.title}"
    actions = places.read(this.inputs("actions")[0])
    notice = provenance.notice(this.provenance())
    tolerance, size = handover.kmz(this.output("kmz"), actions, title, notice)
    this.log.info("outlines of the KMZ simplified by %g m", tolerance)
    if size > handover.MOST_BYTES:
        this.log.warning("the KMZ has %.1f MB: phones may refuse it", size / 1e6)
    handover.gpx(this.output("gpx"), actions, title, notice)
    words = plain_files.read_yaml(workbook.COLUMNS)
    handover.shapefile(this.output("shapefile"), actions, words)
    handover.parquet(this.output("parquet"), actions)
    handover.waypoints(this.output("waypoints"), actions)

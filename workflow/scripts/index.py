"""List every map of a scenario: where it lies, what it shows, what stands behind it."""

from manul import job, results
from manul.grid import plain_files

with job.start(snakemake) as this:
    table = results.index_table(this.told.maps, this.told.home)
    plain_files.write_table(this.output("table"), table)

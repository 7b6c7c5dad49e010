"""Keep a finished run under a label."""

from manul import job
from manul.comparison import kept
from manul.graph import Graph

with job.start(snakemake) as this:
    told = snakemake.params
    folder, size = kept.keep(Graph(told.configs), told.label, told.replace)
    this.log.info(
        "kept as %s, %.1f MB; %s is not for publication", folder, size / 1e6, "restricted/"
    )

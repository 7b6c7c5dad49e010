"""Compare two kept runs, or a kept one with the present results."""

from manul import job
from manul.comparison import kept, page
from manul.graph import Graph

with job.start(snakemake) as this:
    told = snakemake.params
    before = kept.open_kept(told.before)
    if told.after == kept.PRESENT:
        with kept.present(Graph(told.configs)) as after:
            made = page.compare((before, after), this.run_here)
    else:
        made = page.compare((before, kept.open_kept(told.after)), this.run_here)
    for folder in made:
        this.log.info("compared in %s/index.html", folder)

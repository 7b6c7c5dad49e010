"""List what would be fetched for a region."""

from manul import job
from manul.retrieval import fetch

with job.start(snakemake) as this:
    this.log.info("%s", fetch.as_text(snakemake.params.config))

"""Run one analysis of field records; its kind says which."""

from manul import job
from manul.analyses import KINDS

with job.start(snakemake) as this:
    KINDS[this.told.block["kind"]].run(this)

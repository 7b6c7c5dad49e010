"""Compute one InVEST Habitat Quality case."""

from manul import job
from manul.model import invest_run

with job.start(snakemake) as this:
    inputs = snakemake.input
    case = {
        "land_cover": inputs.land_cover,
        "threats": inputs.threats,
        "sensitivity": inputs.sensitivity,
        "access": inputs.access or None,
        "half_saturation": snakemake.params.half_saturation,
        "tags": this.tags({}),
    }
    invest_run.run(case, *snakemake.output, this.threads)

"""Compute one InVEST Habitat Quality case."""

from manul import job
from manul.model import invest_run

with job.start(snakemake) as this:
    roles = ("land_cover", "threats", "sensitivity", "access")
    case = {role: next(iter(this.inputs(role)), None) for role in roles}
    case |= {"half_saturation": this.told.half_saturation, "tags": this.tags({})}
    invest_run.run(case, this.output("deg_sum_c"), this.output("quality_c"), this.threads)

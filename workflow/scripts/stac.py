"""Write the catalogue of the maps of a scenario."""

from manul import job
from manul.products import catalogue

with job.start(snakemake) as this:
    told = this.told
    maps = {name: source for name, source in job.sources_of(told.maps).items() if source}
    title = f"{told.title}: {told.scenario_title}"
    catalogue.write(this.output("folder"), title, str(told.as_of), maps)

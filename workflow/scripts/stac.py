"""Write the maps of a scenario as a catalogue, and as layers for QGIS."""

from manul import job
from manul.maps import layer_definition, scales
from manul.products import catalogue

with job.start(snakemake) as this:
    told = this.told
    maps = {name: source for name, source in job.sources_of(told.maps).items() if source}
    title = f"{told.title}: {told.scenario_title}"
    catalogue.write(this.output("folder"), title, str(told.as_of), maps)
    layer_definition.write(this.output("layers"), title, maps, scales.of_maps(told.words))

"""Sum up habitat, threats, cats and recommendations by administrative unit."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, vectors
from manul.products import units

with job.start(snakemake) as this:
    told = this.told
    places = vectors.read_vector(this.named("layers")[told.region["units"]])
    key = words.key_rules(told.key, this.thresholds())
    table = units.units(places, this.fields(), told.threats, key, told.species["plural"])
    for path in this.named("recommendations").values():
        table = units.with_rules(table, vectors.read_layers(path))
    plain_files.write_table(this.output("table"), table)

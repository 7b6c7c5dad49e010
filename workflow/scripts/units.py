"""Sum up habitat, threats, cats and recommendations by administrative unit."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, vectors
from manul.products import stamp, units

with job.start(snakemake) as this:
    told = this.told
    places = vectors.read_vector(this.named("layers")[told.region["units"]])
    key = words.key_rules(told.key, this.thresholds())
    stamped = stamp.stamp(this.provenance(), told.scenario)
    animals = told.species["plural"]
    table = units.units(
        places, this.fields(), told.threats, key, animals, stamped, told.completeness
    )
    if of_draws := [plain_files.read_table(path) for path in this.inputs("of_draws")]:
        table = units.with_intervals(table, animals, *of_draws)
    for path in this.named("recommendations").values():
        table = units.with_rules(table, vectors.read_layers(path))
    plain_files.write_table(this.output("table"), table)

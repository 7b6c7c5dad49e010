"""Find key habitat and breeding patches in every draw."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files
from manul.products import stamp
from manul.uncertainty import key_draws, passes, tables

with job.start(snakemake) as this:
    told, fields = this.told, this.fields()
    key, units = words.key_rules(told.key, this.thresholds()), this.inputs("units")
    (good,) = this.inputs("good")
    found = key_draws.find(good, told.number, fields, key, units, this.folder("key_habitat"))
    bands = dict.fromkeys(passes.KEY_TITLES, "0..1")
    made = [this.map_file("key_habitat", this.output("key_habitat"), fields.grid, bands)]
    this.run_here(found.maps, made)
    names = tables.unit_names(units)
    suitable = tables.of_each_unit(*this.inputs("units_of_draws"), "suitable_km2")
    animals = told.species["plural"]
    density = key["density_per_100_km2"]
    stamped = stamp.stamp(this.provenance(), this.scenario)
    by_unit = found.of_units(names, density, animals, suitable)
    plain_files.write_table(this.output("draws"), found.of_draws().assign(**stamped))
    plain_files.write_table(this.output("units"), by_unit.assign(**stamped))
    plain_files.write_table(this.output("areas"), found.of_sites().assign(**stamped))

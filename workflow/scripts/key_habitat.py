"""Find suitable and key habitat, breeding patches, key areas, and the distance to them."""

from manul import job
from manul.analyses import suitability_words as words
from manul.products import key_habitat

with job.start(snakemake) as this:
    told, fields = this.told, this.fields()
    key = words.key_rules(told.key, this.thresholds())
    tags = this.tags() | {"MANUL_THRESHOLDS": words.threshold_words(key)}
    found = key_habitat.find(fields, key, folder=this.folder("key_habitat"))
    made = [
        this.map_file(name, this.output(name), fields.grid, bands, None, categories).told(tags)
        for name, bands, categories in key_habitat.MAPS
    ]
    this.run_here(found.maps, made)

"""Outline suitable and key habitat, breeding patches, key areas and degraded key habitat."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, vectors
from manul.products import key_polygons, stamp

with job.start(snakemake) as this:
    told, fields = this.told, this.fields()
    key = words.key_rules(told.key, this.thresholds())
    tags = this.tags() | {"MANUL_THRESHOLDS": words.threshold_words(key)}
    stamped = stamp.stamp(this.provenance(), told.scenario)
    towns = [vectors.read_vector(path) for path in this.inputs("towns")]
    of_draws = [plain_files.read_table(path) for path in this.inputs("of_draws")]
    tables = key_polygons.tables(
        fields,
        told.threats,
        key,
        told.species["plural"],
        stamped,
        next(iter(towns), None),
        this.folder("polygons"),
        next(iter(of_draws), None),
    )
    vectors.write_vector(this.output("polygons"), tables, tags)

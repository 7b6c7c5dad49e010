"""Apply each recommendation rule."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import map_tags, plain_files, vectors
from manul.products import recommendations, stamp

with job.start(snakemake) as this:
    told, files = this.told, this.named("layers")
    layers = {name: vectors.read_vector(path) for name, path in files.items()}
    place = recommendations.Place(
        fields=this.fields(),
        layers=layers,
        records={name: map_tags.read_provenance(path) for name, path in files.items()},
        units=layers.get(told.region["units"]),
        threats=told.threats,
        as_of=told.as_of,
        scenario=told.scenario,
        private=told.private,
        towns=layers.get(told.towns),
    )
    found = {
        name: recommendations.recommend(name, rule, place)
        for name, rule in told.rules.items()
        if name not in told.not_assessed
    }
    recommendations.label_overlaps(found, told.priority)
    key = words.key_rules(told.key, this.thresholds())
    tags = this.tags() | {"MANUL_THRESHOLDS": words.threshold_words(key)}
    why = {n: recommendations.nowhere(told.rules[n], place) for n, t in found.items() if not len(t)}
    stamped = stamp.stamp(this.provenance(), told.scenario)
    listing = recommendations.listing(
        found, told.rules, told.not_assessed, why, stamped, told.withheld
    )
    vectors.write_vector(this.output("polygons"), found, tags)
    plain_files.write_table(this.output("table"), listing)

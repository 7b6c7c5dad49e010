"""Apply each recommendation rule, in the main run and in every draw, and tell what it gains."""

from functools import partial

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import map_tags, plain_files, vectors
from manul.model import gains as of_model
from manul.pages import workbook
from manul.products import confidence, gains, recommendations, stamp
from manul.uncertainty import support, tables

with job.start(snakemake) as this:
    told, files = this.told, this.named("layers")
    layers = {name: vectors.read_vector(path) for name, path in files.items()}
    fields, key = this.fields(), words.key_rules(told.key, this.thresholds())
    place = recommendations.Place(
        fields=fields,
        layers=layers,
        records={name: map_tags.read_provenance(path) for name, path in files.items()},
        units=layers.get(told.region["units"]),
        threats=told.threats,
        as_of=told.as_of,
        scenario=told.scenario,
        private=told.private,
        towns=layers.get(told.towns),
        takes_habitat=of_model.takes_habitat(told.model),
    )
    rules = {n: rule for n, rule in told.rules.items() if n not in told.not_assessed}
    assessed = [recommendations.assess(name, rule, place) for name, rule in rules.items()]
    acts = {
        name: of_model.levers(rule, told.threats, place.takes_habitat)
        for name, rule in rules.items()
    }
    faces = gains.Faces({of.name: of.ground for of in assessed}, acts, fields.grid)
    holds, tips = {}, None
    if told.uncertain:
        of_draws, draws = tables.of_job(this.named, told.uncertain, key)
        names = set(recommendations.names_in(*rules.values())) & set(fields)
        mask = this.inputs("mask")
        runs = support.maps_of_draws(of_draws, draws, fields, names, key, mask, faces.levers)
        holds, km2 = support.holds(assessed, this.told_of(runs, draws.number), faces)
        tips = partial(confidence.tipping, inputs=draws.table(), words=told.words)
    else:
        maps = gains.of_maps(faces.levers, told.model, key["key"])
        km2 = faces.measure(fields, maps)[:, None]
    gained = faces.gains(km2)
    found, of_rows = recommendations.recommend_all(assessed, place, holds, tips, gained)
    recommendations.label_overlaps(found, told.priority)
    tags = this.tags() | {"MANUL_THRESHOLDS": words.threshold_words(key)}
    why = {
        of.name: recommendations.nowhere(of, fields) for of in assessed if not len(found[of.name])
    }
    stamped = stamp.stamp(this.provenance(), told.scenario)
    listing = recommendations.listing(
        found, told.rules, told.not_assessed, why, stamped, told.withheld
    )
    styles = recommendations.styles(found, plain_files.read_yaml(workbook.COLUMNS))
    vectors.write_vector(this.output("polygons"), found, tags, styles)
    plain_files.write_table(this.output("table"), listing)
    of_rows.write(this.output("gains"))

"""Sum up what lies in and around each feature of a layer."""

from manul import job
from manul.analyses import suitability_words as words
from manul.grid import plain_files, vectors
from manul.products import actions, around, stamp

with job.start(snakemake) as this:
    told = this.told
    features = vectors.read_rows(this.inputs("features")[0])
    key = words.key_rules(told.key, this.thresholds())
    stamped = stamp.stamp(this.provenance(), told.scenario)
    table = around.around(
        features, told.within_m, this.fields(), told.threats, key, told.species["plural"], stamped
    )
    for path in this.inputs("places"):
        table = around.with_places(table, features, told.within_m, actions.read(path))
    plain_files.write_table(this.output("table"), table)

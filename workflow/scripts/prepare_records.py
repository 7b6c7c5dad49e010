"""Normalise and check a table of field records; what cannot be used is listed, never dropped."""

from manul import job
from manul.grid import features, plain_files, provenance, vectors
from manul.grid.region import grid_of
from manul.records import field_tables

with job.start(snakemake) as this:
    told, source, name = this.told, this.inputs("layer")[0], snakemake.wildcards.layer
    found = field_tables.read(source, told.block, told.as_of)
    rows = field_tables.features(found, told.block)
    record = provenance.of_layer(name, told.block, told.content)
    table = features.prepare_records(rows, told.block, grid_of(told.region), told.margin_m)
    this.log.info(
        "%s: %d rows accepted, %d findings on rejected rows, %d changes; %d rows in reach",
        name, len(found.accepted), len(found.rejected), len(found.normalised), len(table),
    )  # fmt: skip
    extent = features.extent_tags(told.block, grid_of(told.region), told.margin_m)
    vectors.write_vector(this.output("layer"), {name: table}, this.tags(record) | extent)
    plain_files.write_table(this.output("summary"), field_tables.summary(found, table))
    plain_files.write_table(this.output("rejected"), found.rejected)
    plain_files.write_table(this.output("normalised"), found.normalised)

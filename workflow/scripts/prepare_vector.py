"""Filter and clip one vector layer to the region and what lies within reach of it."""

from manul import job
from manul.grid import data_files, features, provenance, vectors
from manul.grid.region import grid_of
from manul.records import layer_files

with job.start(snakemake) as this:
    told, source, name = this.told, this.inputs("layer")[0], snakemake.wildcards.layer
    record = provenance.of_layer(name, told.block, told.content)
    path = data_files.under(told.block["path"], source)
    rows, changes = layer_files.read_layer(path, told.block)
    for change in changes:
        this.log.info("%s: %s", name, change)
    grid = grid_of(told.region)
    table = features.prepare_vector(rows, told.block, grid, told.margin_m, told.day)
    table = features.for_products(table, told.columns, told.units)
    extent = features.extent_tags(told.block, grid, told.margin_m)
    vectors.write_vector(this.output("layer"), {name: table}, this.tags(record) | extent)

"""Clip one raster layer to the region and what lies within reach of it."""

from manul import job
from manul.grid import data_files, provenance, rasters
from manul.grid.region import grid_of

with job.start(snakemake) as this:
    told, source = this.told, this.inputs("layer")[0]
    record = provenance.of_layer(snakemake.wildcards.layer, told.block, told.content)
    grid, path = grid_of(told.region), data_files.under(told.block["path"], source)

    def tags(low, high):
        return this.tags(provenance.with_values(record, told.block, low, high))

    rasters.clip(path, this.output("layer"), told.block, grid, told.margin_m, tags)

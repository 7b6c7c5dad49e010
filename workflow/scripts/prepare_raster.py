"""Clip one raster layer to the region and what lies within reach of it."""

from manul import job
from manul.grid import plain_files, provenance, rasters
from manul.grid.region import bounds, grid_of

with job.start(snakemake) as this:
    block, params = snakemake.params.block, snakemake.params
    grid = grid_of(params.region)
    record = provenance.of_layer(
        snakemake.wildcards.layer, block, plain_files.file_bytes(snakemake.input.layer)
    )
    rasters.clip_raster(
        snakemake.input.layer,
        snakemake.output.layer,
        block["band"],
        str(grid.crs),
        bounds(grid, params.margin_m),
        block["scale"],
        block["offset"],
        this.tags(record),
    )

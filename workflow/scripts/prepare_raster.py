"""Clip one raster layer to the region and what lies within reach of it."""

from manul import job
from manul.config import settings
from manul.grid import io, layers, provenance

with job.start(snakemake) as this:
    block, params = snakemake.params.block, snakemake.params
    grid = settings.grid(params.region)
    record = provenance.of_layer(
        snakemake.wildcards.layer, block, io.file_bytes(snakemake.input.layer)
    )
    io.clip_raster(
        snakemake.input.layer,
        snakemake.output.layer,
        block["band"],
        str(grid.crs),
        layers.bounds(grid, params.margin_m),
        block["scale"],
        block["offset"],
        this.tags(record),
    )

"""Fit suitability to field records, validate it, and predict it block by block."""

from functools import partial

from manul import job
from manul.analyses import fit, fit_maps
from manul.grid import block_maps, plain_files, rasters
from manul.grid.region import grid_of
from manul.model import outputs as model_outputs

with job.start(snakemake) as this:
    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    grid = grid_of(params.region)
    files = dict(zip(params.spec["predictors"], inputs.predictors, strict=True))
    sites, steps = fit_maps.sites(inputs, grid, params)
    values = rasters.read_cells(files, sites["row"], sites["column"])
    fitted = fit.fit(sites, values, steps, params.spec, params.key)
    job.log.info("%s", fitted.reason or fitted.tables["evaluation"].to_string(index=False))
    for name, table in fitted.tables.items():
        plain_files.write_table(output[name], table)
    tags = fit_maps.tags(fitted, params.key)
    made = [
        this.map_file(path, grid, bands).told(tags)
        for path, bands in fit_maps.outputs(output).items()
    ]
    work = partial(fit_maps.on_block, made, files, inputs, grid, fitted, params.key)
    this.run(work, made, block_maps.blocks(grid, model_outputs.FIT_BLOCK))

"""Fit suitability to field records, validate it, and predict it block by block."""

from functools import partial

from manul import fitting, fitting_files, io, job, map_files, passes, settings

with job.start(snakemake) as this:
    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    grid = settings.grid(params.region)
    files = dict(zip(params.spec["predictors"], inputs.predictors, strict=True))
    sites, steps = fitting_files.sites(inputs, grid, params)
    values = io.read_cells(files, sites["row"], sites["column"])
    fitted = fitting.fit(sites, values, steps, params.spec, params.key)
    job.log.info("%s", fitted.reason or fitted.tables["evaluation"].to_string(index=False))
    for name, table in fitted.tables.items():
        io.write_table(output[name], table)
    tags = fitting_files.tags(fitted, params.key)
    made = [
        this.map_file(path, grid, bands).told(tags)
        for path, bands in fitting_files.outputs(output).items()
    ]
    work = partial(fitting_files.on_block, made, files, inputs, grid, fitted, params.key)
    this.run(work, made, map_files.blocks(grid, passes.FIT_BLOCK))

"""Check every layer, table and number of a scenario; stop with the whole list if one is wrong."""

from manul import io, job, preflight

with job.start(snakemake):
    problems = preflight.check(snakemake.params.config)
    for problem in problems:
        job.log.info("%s", problem)
    preflight.stop_on_errors(problems)
    io.write_table(snakemake.output.table, preflight.as_table(problems))

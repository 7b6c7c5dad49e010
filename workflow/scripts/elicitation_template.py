"""Write the form in which experts answer, one row for each number of the config."""

from manul import job
from manul.uncertainty import elicit_template
from manul.uncertainty.elicit_parameters import Parameter

with job.start(snakemake):
    asked = [Parameter(**fields) for fields in snakemake.params.asked]
    elicit_template.write(snakemake.output.form, asked, snakemake.params.title)

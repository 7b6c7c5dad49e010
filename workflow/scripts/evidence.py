"""Write the evidence page of one layer of field records, and its numbers as a table."""

from manul import job
from manul.grid import plain_files, provenance
from manul.products import evidence, evidence_files, html_page

with job.start(snakemake) as this:
    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    found = evidence_files.read(inputs, params, snakemake.wildcards.layer)
    made = evidence.sections(found)
    notice = provenance.notice(this.provenance())
    foot = f"{provenance.SPECIES}. Manul {this.tags()['MANUL_VERSION']}; as of {params.as_of}."
    title, place = params.block["title"], params.region["title"]
    plain_files.write_text(output.page, html_page.html(title, place, notice, made, foot))
    plain_files.write_table(output.table, html_page.numbers(made))

"""Write the evidence page of one layer of field records, and its numbers as a table."""

from manul import job
from manul.grid import plain_files, provenance
from manul.pages import html
from manul.products import evidence, evidence_files

with job.start(snakemake) as this:
    told = this.told
    made = evidence.sections(evidence_files.read(this, snakemake.wildcards.layer))
    notice = provenance.notice(this.provenance())
    title, place = told.block["title"], told.region["title"]
    plain_files.write_text(this.output("page"), html.page(title, place, notice, made, this.foot))
    plain_files.write_table(this.output("table"), html.numbers(made))

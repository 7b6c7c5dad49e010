"""Write the evidence page of one layer of field records, and its numbers as a table."""

from manul import evidence, evidence_files, evidence_page, io, job, provenance

with job.start(snakemake) as this:
    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    found = evidence_files.read(inputs, params, snakemake.wildcards.layer)
    made = evidence.sections(found)
    notice = provenance.notice(this.provenance())
    foot = f"{provenance.SPECIES}. Manul {this.tags()['MANUL_VERSION']}; as of {params.as_of}."
    title, place = params.block["title"], params.region["title"]
    io.write_text(output.page, evidence_page.html(title, place, notice, made, foot))
    io.write_table(output.table, evidence_page.numbers(made))

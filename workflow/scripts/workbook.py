"""Write all tables of a scenario as one workbook, a sheet for each question."""

from manul import job
from manul.grid import plain_files, provenance, vectors
from manul.pages import workbook

with job.start(snakemake) as this:
    told = this.told
    tables = {
        title: plain_files.read_table(this.inputs(role)[0])
        for role, title in (("units", "By unit"), ("recommendations", "Recommendations"))
        if this.inputs(role)
    }
    if "Recommendations" in tables:  # called as in the workbook of actions
        called = {"confidence": "how_sure", "support": "confidence"}
        tables["Recommendations"] = tables["Recommendations"].rename(columns=called)
    for path, title in zip(this.inputs("by"), told.by.values(), strict=True):
        tables[f"By {title[:1].lower()}{title[1:]}"] = plain_files.read_table(path)
    areas = vectors.read_layers(this.inputs("key")[0])["key_area"]
    tables["Key areas"] = areas.drop(columns="geometry")
    record = this.provenance()
    notice, title = provenance.notice(record), f"Tables of {told.title}"
    workbook.write(this.output("workbook"), title, notice, tables, this.foot)

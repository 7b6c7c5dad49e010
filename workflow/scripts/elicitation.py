"""Pool the answers of experts for the draws, and show them on a page."""

from manul import job
from manul.grid import plain_files
from manul.pages import html
from manul.uncertainty import elicit_page, elicitation
from manul.uncertainty.elicit_parameters import Parameter

with job.start(snakemake) as this:
    told, block = this.told, this.told.elicitation
    parameters = {path: Parameter(**fields) for path, fields in told.parameters.items()}
    answers = elicitation.read(block, parameters, told.as_of)
    results = elicitation.results(answers, parameters, block)
    this.log.info(
        "%d answers of %d experts on %d numbers; %d seed answers, %d problems on rejected rows",
        len(answers.usable), len(answers.experts), len(results), len(answers.seeds),
        len(answers.rejected),
    )  # fmt: skip
    made = elicit_page.sections(results, answers, block)
    title = "Answers of experts"
    plain_files.write_table(this.output("table"), elicitation.table(results))
    plain_files.write_text(this.output("page"), html.page(title, told.title, "", made, this.foot))

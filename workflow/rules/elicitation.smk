# What experts say of the numbers of the config: pooled for the draws, and shown on a page.
rule elicitation:
    input:
        unpack(reads("elicitation")),
    output:
        table=files("elicitation")["table"],
        page=report(
            files("elicitation")["page"],
            caption="../report/elicitation.rst",
            category="Evidence",
            labels={"records": "answers of experts"},
        ),
    log:
        "logs/{region}/{scenario}/elicitation.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("elicitation"),
        runtime=30,
    params:
        told=told("elicitation"),
        code=digests.of_script("elicitation"),
    message:
        "Pool the answers of experts, and show where they disagree."
    script:
        "../scripts/elicitation.py"


# The form that experts fill in: snakemake --cores 1 elicitation_template
rule elicitation_template:
    output:
        form=f"results/{REGION}/elicitation_template.xlsx",
    log:
        f"logs/{REGION}/elicitation_template.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    params:
        asked=elicit_parameters.asked_in(CONFIGS),
        title=CONFIGS[SCENARIOS[0]]["region"]["title"],
        code=digests.of_script("elicitation_template"),
    message:
        "Write the form for experts: {output.form}."
    script:
        "../scripts/elicitation_template.py"

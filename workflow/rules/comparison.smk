# What changed since last time: a finished run is kept under a label, and any two are compared.
# snakemake --cores all keep --config label=2026-11
# snakemake --cores all compare --config before=2026-11 after=2027-05


rule keep:
    input:
        lambda w: kept.files(GRAPH),
    log:
        "logs/keep.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    params:
        configs=CONFIGS,
        label=lambda w: asked_label(),
        replace=ASKED["replace"],
    message:
        "Keep the finished run as {params.label}."
    script:
        "../scripts/keep.py"


rule compare:
    input:
        lambda w: kept.files(GRAPH) if asked_pair()[1] == kept.PRESENT else [],
    log:
        "logs/compare.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    threads: 8
    resources:
        mem_mb=lambda w: plan.memory_mb(CONFIGS[SCENARIOS[0]], "compare"),
    params:
        configs=CONFIGS,
        before=lambda w: asked_pair()[0],
        after=lambda w: asked_pair()[1],
    message:
        "Compare {params.before} with {params.after}: what changed, and why."
    script:
        "../scripts/compare.py"

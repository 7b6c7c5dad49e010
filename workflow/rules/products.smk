# Map sheets, each as PNG (for the screen and the report) and PDF (for print).


rule sheet:
    input:
        unpack(sheet_files),
        key_thresholds=threshold_file,
        layers=lambda w: [layer_file(w.scenario, i) for i in context_layers(w)],
    output:
        png=report(
            "results/{region}/{scenario}/maps/{sheet}.png",
            caption="../report/sheet.rst",
            category="{scenario}",
            labels={"map": "{sheet}"},
        ),
        pdf="results/{region}/{scenario}/maps/{sheet}.pdf",
    log:
        "logs/{region}/{scenario}/sheet_{sheet}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/sheet_{sheet}.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=lambda w: plan.sheet_mb(CONFIGS[w.scenario]),
        runtime=30,
    params:
        layers=context_layers,
        context=lambda w: CONFIGS[w.scenario]["maps"]["context"],
        config=lambda w: selection.sheet_words(CONFIGS[w.scenario]),
        region=BASE["region"],
        dpi=BASE["maps"]["dpi"],
        about=lambda w: SHEETS[w.sheet]["about"],
        code=digests.of_script("sheet"),
    message:
        "Draw the sheet {wildcards.sheet} of scenario {wildcards.scenario}."
    script:
        "../scripts/sheet.py"


rule plan:
    log:
        "logs/plan.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    threads: 8
    params:
        configs=CONFIGS,
    message:
        "Plan: cells, peak memory, time class and disk of each rule."
    script:
        "../scripts/plan.py"

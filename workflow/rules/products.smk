# Map sheets, each as PNG (for the screen and the report) and PDF (for print); the index of all maps.


rule sheet:
    input:
        unpack(reads("sheet", "sheet")),
    output:
        png=report(
            files("sheet", "sheet")["png"],
            caption="../report/sheet.rst",
            category="{scenario}",
            labels={"map": "{sheet}"},
        ),
        pdf=files("sheet", "sheet")["pdf"],
    log:
        "logs/{region}/{scenario}/sheet_{sheet}.log",
    wildcard_constraints:
        sheet=choices("sheet"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("sheet", "sheet"),
        runtime=30,
    params:
        told=told("sheet", "sheet"),
        about=lambda w: sheet_specs.about(w.sheet, GRAPH.configs[w.scenario]),
        code=digests.of_script("sheet"),
    message:
        "Draw the sheet {wildcards.sheet} of scenario {wildcards.scenario}."
    script:
        "../scripts/sheet.py"


rule atlas:
    input:
        unpack(reads("atlas", "units")),
    output:
        folder=directory(files("atlas", "units")["folder"]),
    log:
        "logs/{region}/{scenario}/atlas_{units}.log",
    wildcard_constraints:
        units=choices("atlas"),
    priority: 20
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("atlas", "units"),
        runtime=120,
    params:
        told=told("atlas", "units"),
        code=digests.of_script("atlas"),
    message:
        "Draw the sheets of the {wildcards.units} of scenario {wildcards.scenario}."
    script:
        "../scripts/atlas.py"


rule stac:
    input:
        unpack(reads("stac")),
    output:
        folder=directory(files("stac")["folder"]),
        layers=files("stac")["layers"],
    log:
        "logs/{region}/{scenario}/stac.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("stac"),
        runtime=30,
    params:
        told=told("stac"),
        code=digests.of_script("stac"),
    message:
        "Write the maps of scenario {wildcards.scenario} as a catalogue and as layers for QGIS."
    script:
        "../scripts/stac.py"


# The record of the run, as an RO-Crate: what went in, what was run, what came out, by digest.
rule crate:
    input:
        made=graph.public_products(GRAPH),
        layers=lambda w: graph.crate_layers(GRAPH),
    output:
        metadata="results/{region}/ro-crate-metadata.json",
        workflow="results/{region}/Snakefile",
        config="results/{region}/effective_config.yaml",
    log:
        "logs/{region}/crate.log",
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        told=graph.crate(GRAPH),
        code=digests.of_script("crate"),
    message:
        "Write the record of the run."
    script:
        "../scripts/crate.py"


rule index:
    output:
        **files("index"),
    log:
        "logs/{region}/{scenario}/index.log",
    localrule: True
    conda:
        "../../envs/manul.yaml"
    params:
        told=told("index"),
        code=digests.of_script("index"),
    message:
        "List every map of scenario {wildcards.scenario} and where it lies."
    script:
        "../scripts/index.py"


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

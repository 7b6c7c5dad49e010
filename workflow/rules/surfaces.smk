# One number per cell from the layers: distance, exposure, density, relief, travel time, ...


rule surface:
    input:
        layers=lambda w: [layer_file(w.scenario, i) for i in surface_layers(w)],
    output:
        surface="results/{region}/{scenario}/surfaces/{surface}.tif",
    log:
        "logs/{region}/{scenario}/surface_{surface}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/surface_{surface}.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, threads: plan.surface_mb(CONFIGS[w.scenario], w.surface, threads),
        runtime=120,
    params:
        block=lambda w: CONFIGS[w.scenario]["surfaces"][w.surface],
        rules=lambda w: selection.surface_rules(CONFIGS[w.scenario], w.surface),
        layers=surface_layers,
        region=BASE["region"],
        code=digests.of_script("surface"),
    message:
        "Make surface {wildcards.surface} for scenario {wildcards.scenario}."
    script:
        "../scripts/surface.py"

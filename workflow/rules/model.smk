# Habitat, threats, quality and value at risk in one pass: each surface is read once.


rule model:
    input:
        surfaces=lambda w: [surface_file(w.scenario, s) for s in settings.model_surfaces(CONFIGS[w.scenario])],
        mask=lambda w: [layer_file(w.scenario, m) for m in [BASE["region"]["mask"]] if m],
    output:
        habitat=FOLDER + "/{scenario}/habitat.tif",
        reference=FOLDER + "/{scenario}/habitat_reference.tif",
        components=FOLDER + "/{scenario}/habitat_components.tif",
        threat=FOLDER + "/{scenario}/threat.tif",
        dominant=FOLDER + "/{scenario}/dominant_threat.tif",
        quality=FOLDER + "/{scenario}/quality.tif",
        value=FOLDER + "/{scenario}/value_at_risk.tif",
        missing=FOLDER + "/{scenario}/missing_inputs.tif",
        threats=expand(FOLDER + "/{{scenario}}/threats/{threat}.tif", threat=settings.assessed(BASE)),
    log:
        "logs/" + REGION + "/{scenario}/model.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/model.tsv"
    params:
        model=lambda w: settings.model(CONFIGS[w.scenario]),
        surfaces=lambda w: settings.model_surfaces(CONFIGS[w.scenario]),
        region=BASE["region"],
        code=settings.code_digest("model", "io"),
    resources:
        mem_mb=memory_mb(1024**2 * workflow.cores if workflow.cores else 1024**2, 200),
        runtime=240,
    threads: workflow.cores
    conda:
        "../../envs/manul.yaml"
    message:
        "Evaluate habitat, threats, quality and value at risk of scenario {wildcards.scenario}."
    script:
        "../scripts/model.py"

# Habitat, threats, quality and value at risk in one pass: each surface is read once.


rule model:
    input:
        surfaces=lambda w: [
            surface_file(w.scenario, s) for s in selection.model_surfaces(CONFIGS[w.scenario])
        ],
        mask=lambda w: [layer_file(w.scenario, m) for m in [BASE["region"]["mask"]] if m],
    output:
        habitat="results/{region}/{scenario}/habitat.tif",
        reference="results/{region}/{scenario}/habitat_reference.tif",
        components="results/{region}/{scenario}/habitat_components.tif",
        threat="results/{region}/{scenario}/threat.tif",
        dominant="results/{region}/{scenario}/dominant_threat.tif",
        quality="results/{region}/{scenario}/quality.tif",
        value="results/{region}/{scenario}/value_at_risk.tif",
        missing="results/{region}/{scenario}/missing_inputs.tif",
        threats=expand(
            "results/{{region}}/{{scenario}}/threats/{threat}.tif", threat=selection.assessed(BASE)
        ),
    log:
        "logs/{region}/{scenario}/model.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/model.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 8
    resources:
        mem_mb=lambda w, threads: plan.model_mb(CONFIGS[w.scenario], threads),
        runtime=240,
    params:
        model=lambda w: selection.model(CONFIGS[w.scenario]),
        surfaces=lambda w: selection.model_surfaces(CONFIGS[w.scenario]),
        region=BASE["region"],
        code=digests.of_script("model"),
    message:
        "Evaluate habitat, threats, quality and value at risk of scenario {wildcards.scenario}."
    script:
        "../scripts/model.py"


rule invest:
    input:
        land_cover=lambda w: plain_files.existing(invest_case(w)["land_cover"]),
        threats=lambda w: plain_files.existing(invest_case(w)["threats"]),
        sensitivity=lambda w: plain_files.existing(invest_case(w)["sensitivity"]),
        access=lambda w: plain_files.existing(invest_case(w)["access"]),
        rasters=lambda w: invest_csv.invest_rasters(invest_case(w)),
    output:
        degradation="results/{region}/{scenario}/invest/{case}/deg_sum_c.tif",
        quality="results/{region}/{scenario}/invest/{case}/quality_c.tif",
    log:
        "logs/{region}/{scenario}/invest_{case}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/invest_{case}.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 8
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        half_saturation=lambda w: invest_case(w)["half_saturation"],
        code=digests.of_script("invest"),
    message:
        "Compute InVEST Habitat Quality of case {wildcards.case}."
    script:
        "../scripts/invest.py"

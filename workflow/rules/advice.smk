# Key habitat, recommendations and unit tables, all from the maps of the model.

MAPS = {
    "habitat": "results/{region}/{scenario}/habitat.tif",
    "reference": "results/{region}/{scenario}/habitat_reference.tif",
    "threat": "results/{region}/{scenario}/threat.tif",
    "value": "results/{region}/{scenario}/value_at_risk.tif",
    "components": "results/{region}/{scenario}/habitat_components.tif",
    "key_thresholds": threshold_file,
    "threats": expand(
        "results/{{region}}/{{scenario}}/threats/{threat}.tif", threat=selection.assessed(BASE)
    ),
}
MAP_PARAMS = {
    "key": lambda w: CONFIGS[w.scenario]["key_habitat"],
    "titles": lambda w: selection.titles(CONFIGS[w.scenario]),
    "threats": selection.assessed(BASE),
    "region": BASE["region"],
}


rule key_habitat:
    input:
        **MAPS,
        surfaces=[],
    output:
        polygons="results/{region}/{scenario}/key_habitat.gpkg",
        classes="results/{region}/{scenario}/key_habitat.tif",
    log:
        "logs/{region}/{scenario}/key_habitat.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/key_habitat.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=lambda w: plan.whole_mb(CONFIGS[w.scenario]),
        runtime=60,
    params:
        **MAP_PARAMS,
        surfaces=[],
        code=digests.of_script("key_habitat"),
    message:
        "Find key habitat, breeding patches and key areas of scenario {wildcards.scenario}."
    script:
        "../scripts/key_habitat.py"


rule recommend:
    input:
        **MAPS,
        surfaces=lambda w: [
            surface_file(w.scenario, s) for s in selection.used_surfaces(CONFIGS[w.scenario])
        ],
        layers=lambda w: [
            layer_file(w.scenario, i) for i in selection.rule_layers(CONFIGS[w.scenario])
        ],
        fit=fit_map,
    output:
        polygons="results/{region}/{scenario}/recommendations.gpkg",
        table="results/{region}/{scenario}/recommendations.csv",
        restricted="results/{region}/{scenario}/restricted/recommendations.gpkg",
    log:
        "logs/{region}/{scenario}/recommend.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/recommend.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=lambda w: plan.whole_mb(CONFIGS[w.scenario]),
        runtime=60,
    params:
        **MAP_PARAMS,
        surfaces=lambda w: selection.used_surfaces(CONFIGS[w.scenario]),
        layers=lambda w: selection.rule_layers(CONFIGS[w.scenario]),
        rules=lambda w: CONFIGS[w.scenario]["rules"],
        private=selection.private_layers(BASE),
        priority=BASE["priority"],
        as_of=BASE["as_of"],
        not_assessed=lambda w: selection.not_assessed(CONFIGS[w.scenario]),
        code=digests.of_script("recommend"),
    message:
        "Apply the recommendation rules to scenario {wildcards.scenario}."
    script:
        "../scripts/recommend.py"


rule units:
    input:
        **MAPS,
        surfaces=lambda w: [
            surface_file(w.scenario, s)
            for s in ["protected"]
            if s in selection.available(CONFIGS[w.scenario])
        ],
        units=lambda w: [layer_file(w.scenario, u) for u in [BASE["region"]["units"]] if u],
        recommendations="results/{region}/{scenario}/recommendations.gpkg",
    output:
        table="results/{region}/{scenario}/units.csv",
    log:
        "logs/{region}/{scenario}/units.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/units.tsv"
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=lambda w: plan.whole_mb(CONFIGS[w.scenario]),
        runtime=60,
    params:
        **MAP_PARAMS,
        surfaces=lambda w: [
            s for s in ["protected"] if s in selection.available(CONFIGS[w.scenario])
        ],
        code=digests.of_script("units"),
    message:
        "Sum up scenario {wildcards.scenario} by administrative unit."
    script:
        "../scripts/units.py"

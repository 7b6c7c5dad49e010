# Key habitat, recommendations and unit tables, all from the maps of the model.

MAPS = {
    "habitat": FOLDER + "/{scenario}/habitat.tif",
    "reference": FOLDER + "/{scenario}/habitat_reference.tif",
    "threat": FOLDER + "/{scenario}/threat.tif",
    "value": FOLDER + "/{scenario}/value_at_risk.tif",
    "components": FOLDER + "/{scenario}/habitat_components.tif",
    "threats": expand(FOLDER + "/{{scenario}}/threats/{threat}.tif", threat=settings.assessed(BASE)),
}
MAP_PARAMS = {
    "key": lambda w: CONFIGS[w.scenario]["key_habitat"],
    "titles": lambda w: settings.titles(CONFIGS[w.scenario]),
    "threats": settings.assessed(BASE),
    "region": BASE["region"],
}


rule key_habitat:
    input:
        **MAPS,
        surfaces=[],
    output:
        polygons=FOLDER + "/{scenario}/key_habitat.gpkg",
        classes=FOLDER + "/{scenario}/key_habitat.tif",
    log:
        "logs/" + REGION + "/{scenario}/key_habitat.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/key_habitat.tsv"
    params:
        **MAP_PARAMS,
        surfaces=[],
        code=settings.code_digest("products", "patches"),
    resources:
        mem_mb=memory_mb(region_cells(), 400),
        runtime=60,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Find key habitat, breeding patches and key areas of scenario {wildcards.scenario}."
    script:
        "../scripts/key_habitat.py"


rule recommend:
    input:
        **MAPS,
        surfaces=lambda w: [surface_file(w.scenario, s) for s in settings.used_surfaces(CONFIGS[w.scenario])],
        layers=lambda w: [layer_file(w.scenario, i) for i in settings.rule_layers(CONFIGS[w.scenario])],
    output:
        polygons=FOLDER + "/{scenario}/recommendations.gpkg",
        table=FOLDER + "/{scenario}/recommendations.csv",
        restricted=FOLDER + "/{scenario}/restricted/recommendations.gpkg",
    log:
        "logs/" + REGION + "/{scenario}/recommend.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/recommend.tsv"
    params:
        **MAP_PARAMS,
        surfaces=lambda w: settings.used_surfaces(CONFIGS[w.scenario]),
        layers=lambda w: settings.rule_layers(CONFIGS[w.scenario]),
        rules=lambda w: CONFIGS[w.scenario]["rules"],
        priority=BASE["priority"],
        as_of=BASE["as_of"],
        not_assessed=lambda w: settings.not_assessed(CONFIGS[w.scenario]),
        code=settings.code_digest("products", "advice"),
    resources:
        mem_mb=memory_mb(region_cells(), 600),
        runtime=60,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Apply the recommendation rules to scenario {wildcards.scenario}."
    script:
        "../scripts/recommend.py"


rule units:
    input:
        **MAPS,
        surfaces=lambda w: [
            surface_file(w.scenario, s) for s in ["protected"] if s in settings.available(CONFIGS[w.scenario])
        ],
        units=lambda w: [layer_file(w.scenario, u) for u in [BASE["region"]["units"]] if u],
        recommendations=FOLDER + "/{scenario}/recommendations.gpkg",
    output:
        table=FOLDER + "/{scenario}/units.csv",
    log:
        "logs/" + REGION + "/{scenario}/units.log",
    benchmark:
        "benchmarks/out/" + REGION + "/{scenario}/units.tsv"
    params:
        **MAP_PARAMS,
        surfaces=lambda w: [s for s in ["protected"] if s in settings.available(CONFIGS[w.scenario])],
        code=settings.code_digest("products", "tables"),
    resources:
        mem_mb=memory_mb(region_cells(), 400),
        runtime=60,
    threads: 1
    conda:
        "../../envs/manul.yaml"
    message:
        "Sum up scenario {wildcards.scenario} by administrative unit."
    script:
        "../scripts/units.py"

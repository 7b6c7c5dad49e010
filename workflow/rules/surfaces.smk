# One number per cell from the layers: distance, exposure, density, relief, travel time, ...; what
# rests on places that are not public is also generalised.


rule surface:
    input:
        unpack(reads("surface", "surface")),
        parts=parts("surface", "surface"),
    output:
        **files("surface", "surface"),
    log:
        "logs/{region}/{scenario}/surface_{surface}.log",
    wildcard_constraints:
        surface=choices("surface"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("surface", "surface"),
        runtime=120,
    params:
        told=told("surface", "surface"),
        code=digests.of_script("surface"),
    message:
        "Make surface {wildcards.surface} for scenario {wildcards.scenario}."
    script:
        "../scripts/surface.py"


rule generalise:
    input:
        unpack(reads("generalise", "surface")),
    output:
        **files("generalise", "surface"),
    log:
        "logs/{region}/{scenario}/generalise_{surface}.log",
    wildcard_constraints:
        surface=choices("generalise"),
    conda:
        "../../envs/manul.yaml"
    threads: 1
    resources:
        mem_mb=memory("generalise", "surface"),
        runtime=60,
    params:
        told=told("generalise", "surface"),
        code=digests.of_script("generalise"),
    message:
        "Generalise surface {wildcards.surface} of scenario {wildcards.scenario}: its places are not public."
    script:
        "../scripts/generalise.py"

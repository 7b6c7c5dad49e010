# One number per cell from the layers: distance, exposure, density, relief, travel time, ...


rule surface:
    input:
        unpack(reads("surface", "surface")),
    output:
        **files("surface", "surface"),
    log:
        "logs/{region}/{scenario}/surface_{surface}.log",
    benchmark:
        "benchmarks/out/{region}/{scenario}/surface_{surface}.tsv"
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

# On a cluster the blocks of a map may be dealt out among several jobs (`jobs_for_a_map`); each makes
# its share as the rule itself would, which then finds all blocks there and joins them.
for _rule in (*plan.OF_SURFACES, *plan.IN_BLOCKS):
    _wildcard = "surface" if _rule in plan.OF_SURFACES else ""
    for _first, _scenarios in (
        variants(_rule) if CONFIGS[SCENARIOS[0]]["jobs_for_a_map"] > 1 else ()
    ):
        _done = part_of("{maker}", _wildcard)
        _log = f"logs/{{region}}/{{scenario}}/{Path(_done).name}.log"

        rule:
            name:
                f"part_of_{_rule}_{_first}"
            input:
                unpack(reads(_rule, _wildcard)),
            output:
                temp(_done),
            log:
                _log,
            wildcard_constraints:
                scenario="|".join(_scenarios),
                maker=_rule,
                surface=choices("surface"),
                part="[0-9]{1,4}-of-[0-9]{1,4}",
            conda:
                "../../envs/manul.yaml"
            threads: cores()
            resources:
                mem_mb=memory(_rule, _wildcard),
                runtime=600,
            params:
                told=told(_rule, _wildcard),
                code=digests.of_script(_rule),
                outputs=outputs(_rule, _wildcard),
            message:
                "Make blocks, part {wildcards.part}, for rule {wildcards.maker} of scenario {wildcards.scenario}."
            script:
                "../scripts/{wildcards.maker}.py"

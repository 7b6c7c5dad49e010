# What the rules share: the effective configs, and the graph of what is made from what.
import os
import re
import time
from pathlib import Path

# A job has its own threads; those of a BLAS library beside each would only wait for each other.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# Never `from manul import config`: it would hide Snakemake's own `config`.
from manul import digests, graph, plan, preflight
from manul.comparison import kept
from manul.config import load
from manul.config.hints import counted
from manul.grid import plain_files, whole_files
from manul.maps import sheet_specs
from manul.uncertainty import elicit_parameters
from snakemake.logging import logger

BEGAN = time.time()
FOUND = {}  # by list of what was found in the data: the number of warnings in it

# Words to rules, given with --config; they are no part of a config.
FOR_KEPT = ("label", "replace", "before", "after")
FOR_A_REGION = ("name", "box", "country", "area", "cell_m", "species_model", "mirror")
FOR_LAYERS = ("fresh", "offline")
ASKED = {key: config.pop(key, None) for key in FOR_KEPT + FOR_A_REGION + FOR_LAYERS}

try:
    CONFIGS = load.load(config, workflow.configfiles)
    GRAPH = graph.Graph(CONFIGS)
except load.ConfigError as fault:
    raise WorkflowError(str(fault)) from None

SCENARIOS = list(GRAPH.configs)  # views: NAME, and NAME/restricted where some layer is not public
REGION = GRAPH.region
ANALYSES = list(graph.ANALYSES)


def choices(rule):
    """The keys of a rule in any scenario, for a wildcard; a name that nothing has if there is none."""
    found = dict.fromkeys(key for name in SCENARIOS for key in GRAPH.keys(name, rule))
    return "|".join(found) or "-"


def files(rule, wildcard="", scenario=SCENARIOS[0]):
    """The output files of a rule by name, with wildcards for region, scenario and key."""
    key = f"{{{wildcard}}}" if wildcard else ""
    paths = GRAPH.paths(scenario, rule, key)
    return {name: f"results/{{region}}/{{scenario}}/{path}" for name, path in paths.items()}


def outputs(rule, wildcard=""):
    """The same as a function of the wildcards, for a job that makes some of their blocks."""

    def found(w):
        paths = files(rule, wildcard, w.scenario)
        return {name: path.format(**dict(w.items())) for name, path in paths.items()}

    return found


def variants(rule):
    """Scenarios with the same output files of a rule, together: (first of them, all of them)."""
    found = {}
    for name in SCENARIOS:
        if GRAPH.keys(name, rule):
            found.setdefault(tuple(files(rule, scenario=name).items()), []).append(name)
    return [(names[0], names) for names in found.values()]


def reads(rule, wildcard=""):
    """The input files of a rule by role, as a function of the wildcards."""
    return lambda w: GRAPH.reads(w.scenario, rule, w[wildcard] if wildcard else "")


def told(rule, wildcard=""):
    """What the script of a rule is told, as a function of the wildcards."""
    return lambda w: GRAPH.job(w.scenario, rule, w[wildcard] if wildcard else "").told


def memory(rule, wildcard=""):
    """What a job of a rule may take (MB), as a function of the wildcards."""

    def planned(w, threads):
        return plan.memory_mb(
            GRAPH.configs[w.scenario], rule, w[wildcard] if wildcard else "", threads
        )

    return planned


def cores(rule=""):
    """The threads of a job that makes maps block by block, as a function of the wildcards."""
    return lambda w: plan.threads(GRAPH.configs[w.scenario], rule)


def part_of(rule, wildcard=""):
    """The file that says that one of several jobs for a map is done; `{part}`: as 1-of-4."""
    key = f"_{{{wildcard}}}" if wildcard else ""
    return f"results/{{region}}/{{scenario}}/.parts/{rule}{key}.{{part}}"


def parts(rule, wildcard=""):
    """Those of all jobs among which the blocks of a map are dealt out; none if one job makes all."""

    def asked(w):
        key = w[wildcard] if wildcard else ""
        number = plan.parts(GRAPH.configs[w.scenario], rule, key)
        every = [f"{i}-of-{number}" for i in range(1, number + 1)] if number > 1 else []
        told = {"region": REGION, "scenario": w.scenario, wildcard or "key": key}
        return [part_of(rule, wildcard).format(part=part, **told) for part in every]

    return asked


def asked_label():
    """The label under which the run is to be kept."""
    return told_to_people(kept.free_label, ASKED["label"], ASKED["replace"])


def asked_pair():
    """The labels of the runs to compare; if they are not given, the last one kept and the present."""
    return told_to_people(kept.pair, ASKED["before"], ASKED["after"], CONFIGS[SCENARIOS[0]])


def told_to_people(function, *arguments):
    """What a function of kept runs gives; its error without a traceback."""
    try:
        return function(*arguments)
    except kept.KeptError as fault:
        raise WorkflowError(str(fault)) from None


# What was asked for is looked at before all else: Snakemake would tell it with a traceback.
if ASKED["label"] is not None:
    asked_label()
if ASKED["before"] is not None or ASKED["after"] is not None:
    asked_pair()


def remove_what_was_cut():
    """Remove finished files that a full disk, a copy or a person has cut: they are made again."""
    dry = any(re.match("-[A-Za-z]*n|--dry-?run", word) for word in sys.argv)  # known too late else
    if workflow.is_main_process and not dry:
        for path in whole_files.remove(whole_files.cut(GRAPH.every_file())):
            logger.warning(f"{path} was not whole; it was removed and is made again")


remove_what_was_cut()


def hide_what_is_no_longer_public():
    """Remove exact files from the public folders, of layers that were public in an earlier run."""
    for name in CONFIGS:
        for path in whole_files.remove(GRAPH.left_over(name)):
            logger.warning(f"removed {path}: its places are not public; see the folder restricted")


def before_all_jobs():
    """Check and hide, unless layers alone are asked for: what is to come cannot be checked yet."""
    # Where a number of jobs a second is the limit, Snakemake looks for work anew every second for
    # each job that it has started, to the end of the run: 250 s of CPU in a run of 245 jobs. One
    # machine has no use for such a limit.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
    asked = {str(target) for target in workflow.dag_settings.targets}
    if not asked or not asked <= {"new_region", "retrieve", "what_to_retrieve"}:
        check_everything()
        hide_what_is_no_longer_public()


def check_everything():
    """Check all layers, tables and numbers before any job; stop with the whole list of errors.

    Not a rule: as an input of every other rule it would rerun them all when any layer changes.
    """
    answers = preflight.check_elicitation(CONFIGS)
    read = {}
    found = {n: [*preflight.check(c, GRAPH.names(n), read), *answers] for n, c in CONFIGS.items()}
    for name, problems in found.items():
        home, private = f"results/{REGION}/{name}", preflight.private_blocks(CONFIGS[name])
        plain_files.write_table(f"{home}/preflight.csv", preflight.as_table(problems, private))
        if private:
            exact = preflight.as_table(problems)
            plain_files.write_table(f"{home}/restricted/preflight.csv", exact)
    every = list(dict.fromkeys(problem for problems in found.values() for problem in problems))
    for line in preflight.warnings(every):
        logger.warning(line)
    lists = {}  # what is the same in two scenarios is told of the first
    for name, problems in found.items():
        if problems:
            lists.setdefault(tuple(problems), f"{name}/preflight.csv")
    FOUND.update((path, preflight.number_of_warnings(of)) for of, path in lists.items())
    if FOUND:
        where = ", ".join(FOUND)
        logger.info(f"what was found stands row by row under results/{REGION}/: {where}")
    try:
        preflight.stop_on_errors(every)
    except preflight.PreflightError as fault:
        raise WorkflowError(str(fault)) from None


def tell_what_to_open():
    """The pages to begin with, of the first scenario, if this run made them, and what to doubt.

    The warnings were told before the first job, and have scrolled away.
    """
    pages = graph.first_pages(GRAPH)
    made = [path for path in pages if Path(path).exists() and Path(path).stat().st_mtime >= BEGAN]
    for path, number in FOUND.items():
        if made and number:
            told = f"results/{REGION}/{path}: {counted(number, 'warning')} about the data"
            logger.warning(f"{told} behind the maps of this run")
    for path in made:
        logger.info(f"open {path}: {pages[path]}")

"""Preflight of experts' answers, which hold for all scenarios together."""

from collections.abc import Iterator, Mapping

from manul.config import selection
from manul.config.hints import counted
from manul.config.types import Config
from manul.grid import reach
from manul.grid.data_files import on_disk
from manul.preflight.files import nearest_files
from manul.preflight.findings import Problem, in_order
from manul.records.check import RecordsError
from manul.uncertainty import elicit_calibration as calibration
from manul.uncertainty import elicitation
from manul.uncertainty.elicit_parameters import parameters, unknown

BLOCK = "elicitation"


def check_elicitation(configs: Mapping[str, Config]) -> list[Problem]:
    """All problems of the answers of experts, errors first; `configs` are those of all scenarios.

    Signs of experts stand in `value`, which the public table of findings leaves out.
    """
    config = next(iter(configs.values()))
    block = config["elicitation"]
    if not block:
        return []
    known = parameters(configs.values())
    found = [_not_asked(name, meant) for name, meant in unknown(known, block["ask"]).items()]
    missing = [p for path in elicitation.files(block) for p in _file(path, config["allow"])]
    if missing or not block["path"]:
        return in_order([*found, *missing])
    try:
        answers = elicitation.read(block, known, config["as_of"])
    except RecordsError as error:
        why = " ".join(str(error).split())
        return in_order(
            [*found, _bad(_files(block), "a table that cannot be used", "answers", why)]
        )
    return in_order([*found, *_rejected(answers, block), *_pool(answers, block)])


def private_blocks(config: Config) -> list[str]:
    """The blocks of the config of which the public table of findings tells no row or value."""
    block = config["elicitation"]
    anonymous = [BLOCK] if block and block["path"] and not block["names"] else []
    return [*selection.private_layers(config), *anonymous]


# ------------------------------------------------------------------------------------- helpers


def _bad(file, value, expected, mend="", row="", field="", severity="error") -> Problem:
    return Problem(severity, BLOCK, file, row, field, value, expected, mend)


def _files(block) -> str:
    return ", ".join(elicitation.files(block))


def _not_asked(name, meant) -> Problem:
    return _bad(
        "", repr(name), f"the path of a number with a range, or how it begins{meant}",
        "Correct it, or ask for all", field="ask",
    )  # fmt: skip


def _file(path, allow) -> Iterator[Problem]:
    away = [_bad(path, *told) for told in reach.beyond(path, allow)]
    yield from away
    if not away and not on_disk(path).is_file():
        near = nearest_files(on_disk(path))
        yield _bad(path, "no such file", "an existing file", near)


def _rejected(answers, block) -> Iterator[Problem]:
    severity = "error" if block["on_rejected"] == "stop" else "warning"
    for row in answers.rejected.itertuples():
        why = str(row.reason).partition("; ")[2] or str(row.reason)
        value = f"{row.value!r}" if row.value else "nothing"
        yield _bad(
            _files(block), f"{value} by expert {row.expert!r} on {row.parameter!r}", "",
            why[0].upper() + why[1:], str(row.row), str(row.field), severity,
        )  # fmt: skip
    if answers.usable.empty and (severity == "warning" or answers.rejected.empty):
        yield _bad(_files(block), "no usable answer", "at least one", "Correct the rows")
    told = f"{counted(len(answers.usable), 'answer')}, {len(answers.seeds)} on seed questions"
    yield Problem("note", BLOCK, _files(block), value=told)


def _pool(answers, block) -> Iterator[Problem]:
    try:
        scores = elicitation.scores(answers, block)
    except elicitation.ElicitationError as error:
        found, _, mend = str(error).partition("; ")
        yield _bad(_files(block), found, "seed questions", mend.capitalize(), field="pool")
        return
    if scores is None:
        return
    seeds = answers.seeds["parameter"].nunique()
    if seeds < calibration.ADVISED:
        yield _bad(
            _files(block), f"{seeds} seed questions", f"{calibration.ADVISED} or more",
            "Fewer hardly tell who knows from who was lucky", field="pool", severity="warning",
        )  # fmt: skip
    for expert in sorted(set(answers.usable["expert"]) - set(scores)):
        yield _bad(
            _files(block), f"no seed question answered by expert {expert!r}", "some",
            "The expert has no weight", field="pool", severity="warning",
        )  # fmt: skip

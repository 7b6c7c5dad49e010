"""What experts say of numbers of the config: read, checked, pooled, and read again by the draws.

Answers have the four-step form: lowest, highest, best guess, and how sure the expert is that the
true value lies between the two (Speirs-Bridge et al. 2010). Rows with a known answer are seed
questions, by which experts may be weighted. Experts are told apart by a sign of their own, which
stays out of all that is published; what leaves this module for a product calls them by numbers.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from manul import digests
from manul.config.hints import hint
from manul.config.types import Elicitation
from manul.grid import plain_files
from manul.records import check, table_files
from manul.records.rules import Row
from manul.records.schemas import schemas
from manul.records.text import fold
from manul.uncertainty import elicit_calibration as calibration
from manul.uncertainty.elicit_fit import (
    PROBABILITIES,
    Pert,
    Pooled,
    fit,
    pool,
    reachable,
    stretched,
)
from manul.uncertainty.elicit_parameters import Parameter

TABLE = "elicitation"
STEPS = ("lowest", "highest", "best", "confidence")
REJECTED = ["row", "expert", "parameter", "field", "value", "reason"]
QUANTILE = "q{:04.0f}"  # name of a column, in thousandths


class ElicitationError(ValueError):
    """Answers that cannot be pooled as wanted; the message says why and what to do."""


@dataclass(frozen=True)
class Answers:
    """What came of the answers: `usable` and `seeds`, one row each, and the log of the rest.

    `usable` has expert, parameter, lowest, highest, best, confidence (%), comment; `seeds` also the
    known `truth`, its `parameter` is the question. `rejected` has a row for each problem.
    `unanswered` counts rows in which none of the four steps is filled in.
    """

    usable: pd.DataFrame
    seeds: pd.DataFrame
    rejected: pd.DataFrame
    unanswered: int

    @property
    def experts(self) -> list[str]:
        """The signs of all experts, in the order of their numbers, which tells nothing of them."""
        every = pd.concat([self.usable["expert"], self.seeds["expert"], self.rejected["expert"]])
        named = sorted({name for name in every if name})
        salt = self.usable[list(STEPS)].to_numpy(float).tolist()
        return sorted(named, key=lambda name: digests.digest(name, salt))


@dataclass(frozen=True)
class Opinion:
    """An expert's answer on a parameter: as it was said, stretched, and as a distribution."""

    expert: str
    lowest: float
    best: float
    highest: float
    confidence: float
    interval: tuple[float, float]
    fitted: Pert
    comment: str = ""


@dataclass(frozen=True)
class Result:
    """The opinions on one parameter, the weight of each, and their pool (`pooled_by` which way)."""

    parameter: Parameter
    opinions: list[Opinion]
    weights: list[float]
    pooled_by: str
    pooled: Pooled


def files(block: Elicitation) -> list[str]:
    """The files with answers that the config names."""
    path = block["path"]
    return [path] if isinstance(path, str) else list(path or [])


def read(block: Elicitation, parameters: Mapping[str, Parameter], as_of: str) -> Answers:
    """The answers in the files of the block, checked against the parameters of the config.

    Raises `RecordsError` for a file that cannot be read as a table of answers.
    """
    tables, rejected, unanswered = [], [], 0
    for path in files(block):
        prefix = f"{Path(path).name} " if len(files(block)) > 1 else ""
        found, problems, blank = _read_file(path, block, as_of)
        tables.append(found.rename(index=lambda row, prefix=prefix: f"{prefix}{row}"))
        rejected += [(f"{prefix}{row}", *rest) for row, *rest in problems]
        unanswered += blank
    rows = _one_spelling(pd.concat(tables)) if tables else _no_rows()
    truths = _truths(rows[~rows["parameter"].isin(parameters.keys())])
    wrong = list(_problems(rows, truths, parameters))
    good = rows[~rows.index.isin([row for row, *_ in wrong])]
    is_seed = good["parameter"].isin(truths.keys())
    seeds = good[is_seed].assign(truth=good.loc[is_seed, "parameter"].map(truths))
    log = pd.DataFrame([*rejected, *wrong], columns=REJECTED, dtype=object)
    return Answers(good[~is_seed].drop(columns="truth"), seeds, log, unanswered)


def results(
    answers: Answers, parameters: Mapping[str, Parameter], block: Elicitation
) -> dict[str, Result]:
    """The pooled answers of each parameter that someone answered, in the order of the config.

    Raises `ElicitationError` where weights by calibration are wanted and no seed was answered.
    """
    scored = scores(answers, block)
    given = {path: rows for path, rows in answers.usable.groupby("parameter", sort=False)}
    return {
        path: _result(parameter, given[path], scored, block)
        for path, parameter in parameters.items()
        if path in given
    }


def scores(answers: Answers, block: Elicitation) -> dict[str, calibration.Score] | None:
    """How well each expert answered the seed questions; None where all count alike."""
    if block["pool"] == "equal":
        return None
    if answers.seeds.empty:
        raise ElicitationError(
            "pool: calibration weights experts by seed questions, and there are none; add rows "
            "with a known answer in the column truth, answered by each expert, or take pool: equal"
        )
    certainty = block["certainty"]
    tail = (1 - certainty) / 2
    quantiles: dict[str, dict] = {expert: {} for expert in answers.experts}
    for row in answers.seeds.itertuples():
        fitted = fit(_interval(row, certainty), row.best, certainty)
        low, median, high = fitted.quantile([tail, 0.5, 1 - tail])
        quantiles[row.expert][row.parameter] = (low, median, high)
    truths = dict(zip(answers.seeds["parameter"], answers.seeds["truth"], strict=True))
    return calibration.scores(quantiles, truths, certainty)


def table(found: Mapping[str, Result]) -> pd.DataFrame:
    """One row for each parameter: experts, the way of pooling, quantiles q0000 .. q1000."""
    names = [QUANTILE.format(1000 * p) for p in PROBABILITIES]
    rows = [
        {"parameter": path, "experts": len(r.opinions), "pool": r.pooled_by}
        | dict(zip(names, r.pooled.quantiles, strict=True))
        for path, r in found.items()
    ]
    return pd.DataFrame(rows, columns=["parameter", "experts", "pool", *names])


def read_pooled(path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Probabilities and quantiles of each parameter in a file that `table` went to.

    A draw is `numpy.interp(u, probabilities, quantiles)`.
    """
    pooled = plain_files.read_table(path)
    names = [name for name in pooled if name.startswith("q") and name[1:].isdigit()]
    probabilities = np.array([int(name[1:]) / 1000 for name in names])
    quantiles = pooled[names].to_numpy(float)
    paths = pooled["parameter"]
    return {path: (probabilities, row) for path, row in zip(paths, quantiles, strict=True)}


# ------------------------------------------------------------------------------------- reading


def _read_file(path, block, as_of) -> tuple[pd.DataFrame, list[tuple], int]:
    """The rows of one file that have the right form, the problems of others, rows not answered."""
    known = schemas()
    wanted = table_files.Wanted(block["layer"] or "", "", check.header_names(TABLE, known))
    raw = table_files.read_table(path, wanted)
    columns = check.columns_of(raw, TABLE, known)
    steps = raw.iloc[:, [columns[name] for name in STEPS if name in columns]]
    blanks = {"", *map(fold, known["blanks"])}
    answered = ~steps.map(fold).isin(blanks).all(axis=1)
    found = check.read_records(raw[answered], TABLE, known, dt.date.fromisoformat(as_of))
    cells = raw.iloc[:, [columns[name] for name in ("expert", "parameter") if name in columns]]
    names = {row: tuple(map(str.strip, texts)) for row, *texts in cells.itertuples(name=None)}
    log = found.rejected[["row", "field", "value", "reason"]].itertuples(index=False, name=None)
    problems = [(row, *names[row], *rest) for row, *rest in log]
    return found.accepted[_COLUMNS], problems, int((~answered).sum())


_COLUMNS = ["expert", "parameter", *STEPS, "truth", "comment"]


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame(columns=_COLUMNS)


def _one_spelling(rows) -> pd.DataFrame:
    """Each expert by the first spelling of the sign: "e1" and "E1 " are one."""
    first: dict[str, str] = {}
    for name in rows["expert"]:
        first.setdefault(fold(name), name)
    return rows.assign(expert=[first[fold(name)] for name in rows["expert"]])


def _truths(rows) -> dict[str, float]:
    """The known answer of each seed question, as the first row with one has it."""
    told = rows[rows["truth"].notna()]
    return told.drop_duplicates("parameter").set_index("parameter")["truth"].to_dict()


def _problems(rows, truths, parameters) -> Iterator[tuple]:
    """What is wrong with rows of the right form: row, expert, parameter, field, value, reason."""
    first: dict[tuple, str] = {}
    for answer in rows.itertuples():
        texts = {name: _text(getattr(answer, name)) for name in _COLUMNS}
        row = Row(answer.Index, texts)
        if answer.parameter in truths:
            _check_seed(row, answer, truths[answer.parameter])
        elif answer.parameter not in parameters:
            near = hint(answer.parameter, parameters) if parameters else ""
            near = near if "did you mean" in near else "; take the paths of the template"
            row.reject("parameter", f"expected the path of a number with a range{near}")
        else:
            _check_number(row, answer, parameters[answer.parameter])
        if not row.problems:
            who = answer.expert, answer.parameter
            earlier = first.setdefault(who, answer.Index)
            if earlier != answer.Index:
                row.reject("expert", f"row {earlier} is this expert's answer too; remove one")
        yield from ((i, answer.expert, answer.parameter, *rest) for i, *rest in row.problems)


def _check_seed(row, answer, truth) -> None:
    if not np.isnan(answer.truth) and answer.truth != truth:
        row.reject("truth", f"another row has {truth:g} for this question; mend one")


def _check_number(row, answer, parameter) -> None:
    if not np.isnan(answer.truth):
        row.reject(
            "truth",
            "expected none for a number of the config; give seed questions names of their own",
        )
    for name in ("lowest", "highest", "best"):
        if not parameter.allows(getattr(answer, name)):
            unit = f" {parameter.unit}" if parameter.unit else ""
            row.reject(name, f"expected {parameter.allowed}{unit} ({parameter.words}); correct it")


def _text(value) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:g}"
    return "" if value is None else str(value)


# ------------------------------------------------------------------------------------- pooling


def _result(parameter, rows, scored, block) -> Result:
    opinions = [_opinion(row, parameter, block["certainty"]) for row in rows.itertuples()]
    pooled_by, weights = block["pool"], _weights([o.expert for o in opinions], scored)
    if sum(weights) == 0:  # none of them has a weight
        pooled_by, weights = "equal", [1.0] * len(opinions)
    weights = [w / sum(weights) for w in weights]
    return Result(
        parameter, opinions, weights, pooled_by, pool([o.fitted for o in opinions], weights)
    )


def _weights(experts: Sequence[str], scored) -> list[float]:
    if scored is None:
        return [1.0] * len(experts)
    return [scored[name].weight if name in scored else 0.0 for name in experts]


def _opinion(row, parameter, certainty) -> Opinion:
    ends = reachable(row.lowest, (parameter.lowest, parameter.highest), parameter.above)
    low, high = _interval(row, certainty)
    interval = max(low, ends[0]), min(high, ends[1])
    fitted = fit(interval, row.best, certainty, ends)
    said = (row.expert, row.lowest, row.best, row.highest, row.confidence)
    return Opinion(*said, interval, fitted, row.comment or "")


def _interval(row, certainty) -> tuple[float, float]:
    return stretched(row.lowest, row.best, row.highest, row.confidence / 100, certainty)

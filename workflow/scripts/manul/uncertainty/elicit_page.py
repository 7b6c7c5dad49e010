"""The page on which experts' answers are seen together: where they disagree most comes first."""

from collections.abc import Mapping

import pandas as pd

from manul.config.hints import counted
from manul.config.types import Elicitation
from manul.pages import figures
from manul.pages.html import Section
from manul.uncertainty import elicit_calibration as calibration
from manul.uncertainty import elicitation
from manul.uncertainty.elicit_fit import PROBABILITIES
from manul.uncertainty.elicitation import Answers, Result

HIGH, LOW = 0.5, 0.2  # of the variance between experts: they disagree, they agree


def sections(results: Mapping[str, Result], answers: Answers, block: Elicitation) -> list[Section]:
    """What the page says and shows; experts are numbered unless the config allows their names."""
    names = _names(answers, block)
    ranked = sorted(results.values(), key=lambda r: -r.pooled.disagreement)
    parts = [_overview(ranked, answers, block)]
    scored = elicitation.scores(answers, block)
    parts += [_weights(scored, names, answers, block)] if scored else []
    parts += [_rejected(answers, names)] if len(answers.rejected) else []
    parts += [_parameter(result, names, block) for result in ranked]
    return [*parts, _table(ranked, block)]


def _names(answers, block) -> dict[str, str]:
    numbered = {name: f"expert {i}" for i, name in enumerate(answers.experts, 1)}
    return {name: name for name in numbered} if block["names"] else numbered


# ---------------------------------------------------------------------------------- sections


def _overview(ranked, answers, block) -> Section:
    certainty = f"{100 * block['certainty']:g} %"
    heard = {o.expert for result in ranked for o in result.opinions}
    outside = [r for r in ranked if _place(r, block)]
    split = [r for r in ranked if r.pooled.disagreement >= HIGH]
    how = {
        "equal": "All experts count alike",
        "calibration": "Experts count by how well they answered questions with known answers",
    }
    words = [
        f"{counted(len(heard), 'expert')} answered on {counted(len(ranked), 'number')} of the "
        "config. They disagree most on what stands first. "
        f"Of {counted(len(split), 'number')}, more than half of all doubt lies between experts; "
        f"of {counted(len(outside), 'number')}, the config's value lies outside of what they hold "
        "likely.",
        "How to read a figure: a thick bar is the interval that an expert gave, the dot the best "
        f"guess, the thin line the interval as it would be if the expert were {certainty} sure of "
        "it. Below, in orange, is what the experts say together: how likely each value is, its "
        f"middle (dot) and the interval that holds the truth with {certainty}. This is what the "
        "draws take. At the foot, in black, are the value of the config and its range.",
        f"{how[block['pool']]}; their distributions are averaged (linear pool). Disagreement is "
        "the part of all doubt that lies between the experts: 0 if all say the same, near 1 if "
        "each is sure of something else.",
    ]
    return Section("What experts say", words)


def _table(ranked, block) -> Section:
    rows = pd.DataFrame([_row(result, block) for result in ranked])
    return Section("All numbers in one table", tables=[("", rows)])


def _row(result, block) -> dict:
    parameter, pooled = result.parameter, result.pooled
    tail = (1 - block["certainty"]) / 2
    ends = parameter.range or ("", "")
    return {
        "number": parameter.words,
        "unit": parameter.unit,
        "experts": len(result.opinions),
        "disagreement": round(pooled.disagreement, 2),
        f"low ({100 * tail:g} %)": float(pooled.at(tail)),
        "middle": pooled.at(0.5),
        f"high ({100 * (1 - tail):g} %)": pooled.at(1 - tail),
        "config": float(parameter.value),
        "config's range": "{:g}\u00a0to\u00a0{:g}".format(*ends) if parameter.range else "",
        "remark": "; ".join(filter(None, [_place(result, block), _unlike(result, block)])),
    }


def _place(result, block) -> str:
    """Where the config's value lies beside what the experts hold likely; empty within it."""
    tail = (1 - block["certainty"]) / 2
    if result.parameter.value < result.pooled.at(tail):
        return "the config's value is lower than experts hold likely"
    if result.parameter.value > result.pooled.at(1 - tail):
        return "the config's value is higher than experts hold likely"
    return ""


def _unlike(result, block) -> str:
    return "no expert has a weight: all count alike" if result.pooled_by != block["pool"] else ""


def _weights(scored, names, answers, block) -> Section:
    total = sum(score.weight for score in scored.values()) or 1
    certainty = f"{100 * block['certainty']:g} %"
    table = pd.DataFrame(
        {
            "expert": names[expert],
            "questions": score.seeds,
            f"inside the {certainty} interval": score.inside,
            "calibration": round(score.calibration, 3),
            "information": round(score.information, 3),
            "weight": round(score.weight / total, 3),
        }
        for expert, score in scored.items()
    ).sort_values("weight", ascending=False)
    seeds = answers.seeds["parameter"].nunique()
    few = f" {calibration.ADVISED} or more are advised." if seeds < calibration.ADVISED else ""
    return Section(
        "Weights of the experts",
        [
            f"There were {counted(seeds, 'question')} with a known answer.{few} Calibration is "
            f"high if about {certainty} of the known answers lie inside an expert's intervals, "
            "information if the intervals are narrow; the weight is their product (Cooke's "
            "classical model). Figures tell what part of the pool is an expert's.",
        ],
        tables=[("", table)],
    )


def _rejected(answers, names) -> Section:
    """The problems without what was written, which may tell who wrote it."""
    table = pd.DataFrame(
        {
            "expert": names.get(row.expert, ""),
            "number": row.parameter,
            "field": row.field,
            "row": row.row,
        }
        for row in answers.rejected.itertuples()
    )
    words = "These answers were left out; the list of the checks before the run tells why."
    return Section("Answers that could not be used", [words], tables=[("", table)])


def _parameter(result, names, block) -> Section:
    parameter = result.parameter
    opinions = pd.DataFrame(
        {
            "name": _named(names[o.expert], weight, result),
            "number": list(names).index(o.expert),
            "low": o.interval[0],
            "high": o.interval[1],
            "lowest": o.lowest,
            "best": o.best,
            "highest": o.highest,
        }
        for o, weight in zip(result.opinions, result.weights, strict=True)
    ).sort_values("number")
    image = figures.answers(
        opinions, (PROBABILITIES, result.pooled.quantiles), block["certainty"],
        parameter.value, parameter.range, parameter.unit,
    )  # fmt: skip
    why = _more(_place(result, block)) + _more(_unlike(result, block))
    told = [f"{_degree(result)}{why}. Path in the config: {parameter.path}"]
    told += [
        f"{names[o.expert]}: {o.comment}" for o in result.opinions if o.comment and block["names"]
    ]
    return Section(parameter.words, told, figures=[("", image)])


def _named(name, weight, result) -> str:
    """An expert on a figure, with the part of the pool where that is not the same for all."""
    return f"{name} ({100 * weight:.0f} %)" if result.pooled_by == "calibration" else name


def _degree(result) -> str:
    if len(result.opinions) == 1:
        return "One expert answered"
    share = result.pooled.disagreement
    word = "disagree" if share >= HIGH else "differ" if share >= LOW else "agree"
    return f"{len(result.opinions)} experts {word} (disagreement {share:.2f})"


def _more(words) -> str:
    return f"; {words}" if words else ""

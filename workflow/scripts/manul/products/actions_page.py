"""The page on which an agency reads what to do first, where, why, how sure and what it gains."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from manul.config.hints import counted
from manul.config.types import Rule
from manul.model import gains
from manul.pages import figures
from manul.pages.amounts import amount, gained
from manul.pages.html import Section
from manul.products import actions
from manul.products.confidence import ISSUE, SURVEY
from manul.products.recommendations import BACK, GAIN
from manul.products.units import REGION

MOST_THREATS = 5
SHOWN = ("place", "what", "gain (km² of full quality)", "how sure", "why here", "coordinates")


def sections(
    table: pd.DataFrame, number: int, plan: actions.Plan | None, currency: str,
    goals: Sequence[actions.Target] = (), answered: pd.DataFrame | None = None,
) -> list[Section]:  # fmt: skip
    """What the page says and shows of the actions; `number` first ones for each agency and unit.

    `answered` is what `answers` gives, where it is known what each threat costs.
    """
    more = [_answers(answered)] if answered is not None and len(answered) else []
    if not len(table):
        told = ["No rule holds anywhere: there is nothing to do first."]
        return [Section("In short", told), *more]
    made = [_in_short(table), *more]
    made += [_budget(table, plan, currency)] if plan else []
    made += [_targets(goals, currency)] if goals else []
    role = None
    for name, unit, part in actions.first(table, number):
        if name != role:
            made.append(Section(name[:1].upper() + name[1:]))
            role = name
        made[-1].tables.append((_who(unit, part), _rows(part)))
    return [*made, _how_made()]


def answers(
    without: pd.DataFrame, found: pd.DataFrame, recommended: Mapping[str, pd.DataFrame],
    rules: Mapping[str, Rule], titles: Mapping[str, str],
) -> pd.DataFrame:  # fmt: skip
    """The threats that cost most in the draws, and the places of `found` where a rule acts on them.

    `without` is the table of what would come back without each threat, `recommended` the zones of
    each rule, also those that the draws do not support, `titles` those of the threats.
    """
    rows = without[(without["unit"] == REGION) & (without["change"] == gains.WITHOUT)]
    rows = rows.sort_values("quality_km2_mean", ascending=False).head(MOST_THREATS)
    names = {title: name for name, title in titles.items()}
    return pd.DataFrame(
        {
            "threat": rows["threat"],
            "comes back without it (km² of full quality)": [
                f"{amount(row.quality_km2_mean)} ({amount(row.quality_km2_p05)} to "
                f"{amount(row.quality_km2_p95)})"
                for row in rows.itertuples()
            ],
            "answered here by": [
                _who_acts(names.get(title, ""), found, recommended, rules)
                for title in rows["threat"]
            ],
        }
    )


def _who_acts(threat, found, recommended, rules) -> str:
    """The rules that act on a threat, each with its places or with why it has none."""
    told = []
    for name, rule in rules.items():
        if threat not in [t for how in gains.HOW for t in rule["gain"].get(how, [])]:
            continue
        verdicts = found.loc[found["rule"] == name, "verdict"]
        issue, survey = (int((verdicts == of).sum()) for of in (ISSUE, SURVEY))
        places = [f"{counted(issue, 'place')} to act on"] if issue else []
        places += [f"{counted(survey, 'place')} to survey first"] if survey else []
        zones = len(recommended.get(name, ()))
        if not places and zones:
            places = [f"no place, as the draws do not support its {counted(zones, 'zone')}"]
        told.append(f"{name} {rule['title']}: {', '.join(places) or 'no place meets the rule'}")
    return "; ".join(told) or "no rule here acts on it"


def _answers(answered) -> Section:
    words = (
        "What each threat alone costs, as mean of the draws with their 5th and 95th percentile, "
        "and the places of this page where something is done about it. A large threat without a "
        "place is a gap of the rules, of the data or of what is known, and not dealt with."
    )
    return Section("What costs most, and what answers it", [words], [("", answered)])


def _in_short(table) -> Section:
    issued = table[table["verdict"] == ISSUE]
    told = [
        f"{len(table)} places, of {int(table['zones'].sum())} recommendations: {len(issued)} to "
        f"act on, {len(table) - len(issued)} where a survey comes first or nothing is known of "
        "how sure they are. Neighbouring zones of a rule are one place."
    ]
    gain_of = issued["gain_of"].fillna("")
    for words, how in (
        ("Most is gained where a threat is taken away", "without"),
        ("Most would be kept, if the threat came in full", "kept"),
    ):
        some = issued[gain_of.str.startswith(how)]
        if how == "without":
            some = _what_comes_back(some)
        for row in some.head(1).itertuples():
            told.append(
                f"{words}: {row.title[:1].lower()}{row.title[1:]}, {row.place} ({row.unit}), "
                f"{gained(row._asdict(), 'km² of full quality ')}{_sure(row)}."
            )
    return Section("In short", told)


def _what_comes_back(table) -> pd.DataFrame:
    """Most first, as if nothing were kept besides, from a threat that may never come."""
    most = table.sort_values("back_km2", ascending=False, kind="stable")
    without = [gain_of.partition("; kept from")[0] for gain_of in most["gain_of"]]
    back = {gain: most[column] for gain, column in zip(GAIN, BACK, strict=True)}
    return most.assign(gain_of=without, **back)


def _budget(table, plan, currency) -> Section:
    best, greedy, more = plan.best, plan.greedy, plan.more
    if not len(plan.offered):
        return Section("What a budget buys", ["No place has a cost and takes a threat away."])
    number = counted(int(best.chosen.sum()), "place")
    told = [
        f"With {plan.amount:,.0f} {currency} the best set is {number} for "
        f"{best.cost:,.0f} {currency}, which bring back {amount(best.gain)} km² of full quality. "
        f"It is the best there is to within {max(best.gap, 1e-4):.2%}.",
        "Taking one place after the other, always the one that adds most for its money, would "
        f"bring back {amount(greedy.gain)} km².",
        f"As much money again would add {amount(more.gain - best.gain)} km².",
        "What each place would do alone does not add up: ground that two actions share counts "
        f"once. In {plan.draws} draws of gains and costs the best set was found again; the last "
        "column says how often each place belonged to it.",
    ]
    offered = table.iloc[plan.offered]
    rules = ", ".join(sorted(offered["rule"].unique()))
    told.append(
        "Means of the gains and the middles of the costs count. Of "
        f"{counted(len(table), 'place')} {len(offered)} were weighed: those to act on, without a "
        f"survey first, that take a threat away and whose rule has a cost ({rules})."
    )
    rows = offered.assign(often=plan.in_draws, taken=best.chosen, alone=plan.alone)
    rows = rows[rows["taken"]].sort_values("often", ascending=False)
    shown = pd.DataFrame(
        {
            "place": [f"{r.title}, {r.place}" for r in rows.itertuples()],
            "unit": rows["unit"],
            f"cost ({currency})": [f"{a:,.0f} to {b:,.0f}" for a, b in
                                   zip(rows["cost_low"], rows["cost_high"], strict=True)],
            "comes back (km² of full quality)": [amount(gain) for gain in rows["alone"]],
            "in the best set of": [f"{often:.0%} of the draws" for often in rows["often"]],
        }
    )  # fmt: skip
    line = pd.DataFrame({"x": [b for b, _ in plan.curve], "y": [c.gain for _, c in plan.curve]})
    picture = figures.line(line, f"budget ({currency})", "quality regained (km²)", plan.amount)
    title = f"The best set for {plan.amount:,.0f} {currency}"
    return Section("What a budget buys", told, [(title, shown)], [("Gain over budget.", picture)])


def _targets(goals, currency) -> Section:
    told = [
        f"To bring back {goal.share:.0%} of the {amount(goal.all_km2)} km² of full quality that "
        f"{'the rules ' + ', '.join(goal.rules) if goal.rules else 'all priced actions'} could "
        f"bring back costs at least {goal.choice.cost:,.0f} {currency}: "
        f"{counted(int(goal.choice.chosen.sum()), 'place')}, {amount(goal.choice.gain)} km²."
        for goal in goals
    ]
    return Section("What a target costs", told)


def _rows(part) -> pd.DataFrame:
    rows = [
        {
            "place": f"{row.place} ({_size(row)})",
            "what": f"{row.title}: {row.action}",
            "gain (km² of full quality)": gained(row._asdict(), ""),
            "how sure": _how_sure(row),
            "why here": row.reason,
            "coordinates": f"{row.dms}; UTM {row.utm}",
        }
        for row in part.itertuples()
    ]
    return pd.DataFrame(rows, columns=list(SHOWN))


def _how_sure(row) -> str:
    """The verdict on a place and its share of draws, then what is told of its best zone."""
    several = row.zones > 1 and not pd.isna(row.confidence)
    of_place = [f"{row.confidence:.0%} of the draws"] if several else []
    return ", ".join(filter(None, [row.verdict, *of_place, row.how_sure]))


def _size(row) -> str:
    zones = f"{row.zones} zones, " if row.zones > 1 else ""
    if pd.isna(row.area_km2):
        return f"{zones}{amount(row.length_km)} km"
    return f"{zones}{amount(row.area_km2)} km²"


def _who(unit, part) -> str:
    names = "; ".join(dict.fromkeys(n for of in part["agency"] for n in of.split("; ")))
    return f"{unit or 'In no unit'}: {names}"


def _how_made() -> Section:
    return Section(
        "How this was made",
        [
            "The gain is habitat quality (reference habitat times what the threats leave of it), "
            "with the model evaluated once more in each draw without the threat that the action "
            "takes away ('without'), or with the threat come in full ('kept from'). The two are "
            "not the same: what is kept is lost only if the threat would come. Where the threat is "
            "itself a loss of habitat, land that is good enough for key habitat again is told too; "
            "no other threat changes key habitat.",
            "Places are ranked within agency and unit by gain times the share of the draws in "
            "which the rule holds there; those of rules without a gain (surveys) by value at risk.",
            "All places with all columns are in actions.csv, actions.gpkg and actions.xlsx.",
        ],
    )


def _sure(row) -> str:
    sure = row.confidence
    return "" if np.isnan(sure) else f"; the rule holds in {sure:.0%} of the draws"

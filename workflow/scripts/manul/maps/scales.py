"""In which colours maps are drawn, on sheets and in a GIS: scales and categories by map."""

from collections.abc import Mapping
from typing import Any

from manul.maps.spec import NOTHING_COLOUR, Category, Classes, Scale
from manul.products import confidence

THREAT_CLASSES = Classes((0.2, 0.4, 0.6), ("low", "moderate", "high", "very high"))
EFFECT_CLASSES = Classes(
    (0.01, 0.05, 0.1, 0.2, 0.4), ("none", "slight", "low", "moderate", "high", "very high")
)
CHANCES = Classes(
    (0.05, 1 - confidence.SUPPORTED, confidence.DOUBTFUL, confidence.SUPPORTED, 0.95),
    ("almost surely not", "unlikely", "rather not", "rather yes: survey", "likely", "almost sure"),
)
THREAT = Scale("Share of habitat value lost", palette="threat", classes=THREAT_CLASSES)
EFFECT = Scale("Effect of the threat", palette="threat", classes=EFFECT_CLASSES)
RISK_TOP = 0.5  # of the value at risk, where the map itself is not looked at
SUITABLE, KEY, BREEDING, DEGRADED = "#dbe7cf", "#8fc5a2", "#1b7a4b", "#c7b8dd"
KEY_CLASSES = (
    Category(0, "other", "#f4f2ec"),
    Category(1, "suitable", SUITABLE),
    Category(2, "key habitat", KEY),
    Category(3, "breeding patch", BREEDING),
    Category(4, "degraded key habitat", DEGRADED),
)


def of_maps(words: Mapping[str, Any]) -> dict[str, Scale | tuple[Category, ...]]:
    """The colours of the main maps by name; `words` is what `selection.sheet_words` tells."""
    habitat = suitability(words["key_habitat"])
    risk = Scale("Value at risk", palette="risk", vmax=RISK_TOP)
    found: dict[str, Scale | tuple[Category, ...]] = {"key_class": KEY_CLASSES}
    found |= dict.fromkeys(("habitat", "habitat_reference", "habitat_mean"), habitat)
    found |= {"quality": Scale("Realised quality")}
    found |= dict.fromkeys(("threat", "threat_mean"), THREAT)
    found |= dict.fromkeys(("value_at_risk", "value_at_risk_mean"), risk)
    found |= {f"effect_{name}": EFFECT for name in words["assessed"]}
    found |= {name: chance("habitat") for name in ("p_key", "p_breeding")}
    return found | {"p_top_tenth": chance("risk"), "dominant_threat": strongest(words)}


def suitability(key_habitat: Mapping[str, float]) -> Scale:
    """Habitat in classes, between the limits of suitable land and of key habitat."""
    suitable, key = key_habitat["suitable"], key_habitat["key"]
    limits = {"marginal": suitable / 2, "suitable": suitable, "key": key, "best": (1 + key) / 2}
    if suitable == key:  # so it may come from the records: then all that is suitable is key
        del limits["suitable"]
    classes = Classes(tuple(limits.values()), ("poor", *limits))
    return Scale("Habitat suitability", palette="habitat", classes=classes)


def chance(palette: str, label: str = "Share of the draws") -> Scale:
    """In which share of the draws something is true."""
    return Scale(label, unit="", palette=palette, classes=CHANCES)


def nothing(words: Mapping[str, Any]) -> Category:
    """Where no threat is strong enough to be called the strongest."""
    return Category(0, f"no threat above {words['dominant_floor']:g}", NOTHING_COLOUR)


def strongest(words: Mapping[str, Any]) -> tuple[Category, ...]:
    """The strongest threat by its number, in the colour of its group."""
    of = {name: words["groups"][words["threats"][name]["group"]] for name in words["assessed"]}
    named = enumerate(words["assessed"], 1)
    return nothing(words), *(
        Category(i, words["threats"][name]["title"], of[name]["colour"]) for i, name in named
    )

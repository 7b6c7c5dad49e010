"""What the name of an animal on a camera says: the cat itself, surely another, or neither.

Only a whole scientific name of a species of a known genus is another animal. A genus, a family, a
common name, a question mark or a "cf." leaves open what was seen, and so does a name that is not
understood: doubt is not absence.
"""

import re
from enum import Enum
from functools import cache

from manul.records.schemas import schemas
from manul.records.text import fold

# genus, subgenus, species, subspecies, author with or without brackets and year
_AUTHOR = r"[A-ZÀ-ÖØ-ÞŁŠŽ][\w.'’-]*"
_NAME = re.compile(
    r"([A-Za-z][a-z]{2,})(?: \([A-Z][a-z]+\))? ([a-z][a-z-]{2,})"
    r"(?: (?:ssp\. |subsp\. )?([a-z]{3,}))?"
    rf"(?:,? (?:\({_AUTHOR}[^()?/]*\)|{_AUTHOR}(?:(?:,| &| et| and) ?{_AUTHOR})*(?:,? \d{{4}})?))?"
)


class Seen(Enum):
    """The answer."""

    CAT = "cat"
    OTHER = "other"
    DOUBT = "doubt"


@cache
def seen(name: str) -> Seen:
    """Which animal a scientific name tells of; `Seen.DOUBT` for a blank."""
    known = schemas()["animals_on_cameras"]
    text = re.sub(r"[\s_]+", " ", name).strip()
    match = _NAME.fullmatch(text.capitalize() if text.isupper() else text)
    if not match:
        return Seen.DOUBT
    genus, species, subspecies = (part or "" for part in match.groups())
    if f"{genus} {species}".lower() in known["cat"]:
        return Seen.CAT
    words = {fold(word) for word in re.split(r"[\s()]+", text)}
    likeness = any(word.startswith(root) for word in words for root in known["like_the_cat"])
    vague = {species, subspecies} & set(known["vague"])
    sure = genus.capitalize() in _genera() and not vague and not likeness
    return Seen.OTHER if sure else Seen.DOUBT


@cache
def _genera() -> frozenset[str]:
    return frozenset(
        genus for group in schemas()["animals_on_cameras"]["genera"] for genus in group
    )

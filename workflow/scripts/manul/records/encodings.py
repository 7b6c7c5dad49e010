"""The bytes of a text file into text: what its letters say, or what the config says.

UTF-8 and UTF-16 tell themselves. Of the older encodings of Russian and Chinese one is taken only
where its letters are clearly those of the language and no other's are; else a person is asked.
"""

import codecs
import math
import re
from collections.abc import Callable

from manul.records.check import RecordsError

MEND = "save it as UTF-8, or name its encoding with the key `encoding` of the layer"


def decode(data: bytes, encoding: str = "") -> tuple[str, str]:
    """The encoding and the text: as told, else by byte order mark, UTF-8, or known letters.

    Raises `RecordsError` where the bytes are not in the encoding, or may be in several.
    """
    if encoding:
        return encoding, _as_told(data, encoding)
    for name, readable in _GUESSES:
        if readable(data):
            return name, data.decode(name)
    scores = {name: _likeness(data, name) for name in _READ_AS}
    best, second = sorted(scores, key=lambda name: -scores[name])[:2]
    if scores[best] < _LIKELY:
        raise RecordsError(f"The text is in none of utf-8, utf-16, {', '.join(scores)}; {MEND}.")
    if scores[best] - scores[second] < _CLEARLY:
        likely = [name for name in scores if scores[best] - scores[name] < _CLEARLY]
        raise RecordsError(f"The text may be in any of {', '.join(likely)}; {MEND}.")
    return best, data.decode(best)


def _as_told(data, encoding) -> str:
    try:
        text = data.decode(encoding)
    except LookupError:
        raise RecordsError(
            f"There is no encoding {encoding!r}; expected a name such as utf-8, cp1251 or koi8-r;"
            " mend the key `encoding` of the layer."
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecordsError(
            f"Line {line} is not in {encoding}, which the key `encoding` of the layer names;"
            " expected text in it; name the right encoding."
        ) from None
    return text.removeprefix("\ufeff")


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _zeros(data: bytes, parity: int) -> bool:
    """Is each second byte of a header in Latin letters zero, as in UTF-16 without a mark?"""
    head = data[parity:200:2]
    return len(head) > 1 and head.count(0) > 0.8 * len(head)


_GUESSES = (
    ("utf-8-sig", lambda d: d.startswith(codecs.BOM_UTF8) and _decodes(d, "utf-8-sig")),
    ("utf-16", lambda d: d.startswith(_UTF16_MARKS) and _decodes(d, "utf-16")),
    ("utf-16-le", lambda d: _zeros(d, 1) and _decodes(d, "utf-16-le")),
    ("utf-16-be", lambda d: _zeros(d, 0) and _decodes(d, "utf-16-be")),
    ("utf-8", lambda d: _decodes(d, "utf-8")),
)


# likeness -----------------------------------------------------------------------------------------

# Letters of a thousand in Russian text, by frequency; Mongolian and Kyrgyz are near enough.
_LETTERS = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        [110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16, 15,
         12, 10, 9, 7, 6, 5, 4, 3, 3, 1, 1],
        strict=True,
    )
)  # fmt: skip
_SIGNS = re.compile(r"(?<![A-Za-z])№(?![A-Za-z])|[°«»–—’”\xa0]")
# a word is in one case or capitalised, and no Latin letter stands in it
_WORD = re.compile(r"(?<![A-Za-zА-яЁё])(?:[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+)(?![A-Za-zА-яЁё])")
_RARE = 0.3  # a thousandth: what a letter counts that no word has
_USUAL = math.log(40)  # the mean letter of a text, in logarithms of a thousandth
_LIKELY, _CLEARLY = 0.6, 0.15


def _likeness(data: bytes, encoding: str) -> float:
    """How like a language the signs beyond ASCII are: 1 as its usual text, -1 for none."""
    if not _decodes(data, encoding):
        return -1.0
    text = data.decode(encoding)
    return _READ_AS[encoding](text, max(sum(ord(sign) > 127 for sign in text), 1))


def _russian(text: str, beyond: int) -> float:
    words = _WORD.findall(text)
    weights = [_LETTERS.get(sign, _RARE) for word in words for sign in word.lower()]
    signs = len(_SIGNS.findall(text))
    strange = beyond - len(weights) - signs
    if len(weights) + strange <= 0:
        return 1.0 if beyond <= signs else -1.0
    logs = sum(map(math.log, weights)) + strange * math.log(_RARE)
    return logs / (len(weights) + strange) / _USUAL


def _usual_signs(leads: set[int], least: int, encoding: str) -> Callable[[str, int], float]:
    """Share of the signs whose two bytes are those of a standard's usual level or punctuation."""

    def share(text: str, beyond: int) -> float:
        codes = [sign.encode(encoding) for sign in text if ord(sign) > 127]
        return sum(len(c) == 2 and c[0] in leads and c[1] >= least for c in codes) / beyond

    return share


_READ_AS: dict[str, Callable[[str, int], float]] = {
    "cp1251": _russian,
    "koi8-r": _russian,
    "cp866": _russian,
    # punctuation and letters, then the 3755 usual signs of GB 2312
    "gb18030": _usual_signs({*range(0xA1, 0xAA), *range(0xB0, 0xD8)}, 0xA1, "gb18030"),
    "big5": _usual_signs(set(range(0xA1, 0xC7)), 0x40, "big5"),  # and 5401 usual signs
}

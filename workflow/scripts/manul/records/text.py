"""The text of a cell read as a number, a day or an angle, knowing no schema.

Each reader returns `(value, rule)`; `rule` says in words what was changed, "" for nothing.
Nothing ambiguous is guessed: "1,500" and "03/04/2021" raise `Unusable`.
"""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping


class Unusable(ValueError):
    """A cell that cannot be used; the message is a sentence for the person who wrote it."""


def fold(text: str) -> str:
    """Spelling without case, blanks, "_", "-" or the dots of ё: the form for comparing words."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е").replace("’", "'")
    return re.sub(r"[\s_\-]+", " ", plain).strip()


def plain(text: str) -> str:
    """Compatible forms, blanks and minus signs made one; lower case."""
    folded = unicodedata.normalize("NFKC", text).replace("−", "-")
    return re.sub(r"\s+", " ", folded).strip().lower()


def join(*rules: str) -> str:
    """The rules that are not empty, as one text."""
    return ", ".join(rule for rule in rules if rule)


def decimal(text: str, comma: bool = False) -> tuple[str, str]:
    """The number in Python's spelling; a sign that may group thousands raises `Unusable`.

    That is a comma, and, where other cells of the table show decimals behind a `comma`, a point.
    """
    if " " in text and not re.fullmatch(r"[+-]?[0-9]{1,3}( [0-9]{3})+([.,][0-9]+)?", text):
        raise Unusable("the blanks inside do not group thousands; expected one number; correct it")
    rule = "blanks between thousands" if " " in text else ""
    text = text.replace(" ", "")
    point, group = (",", ".") if text.rfind(",") > text.rfind(".") else (".", ",")
    if text.count(point) > 1:  # 1.234.567: the sign repeats, so it can only group
        point, group = group, point
    if group in text and not re.fullmatch(rf"[+-]?[0-9]{{1,3}}(\{group}[0-9]{{3}})+(\D.*)?", text):
        raise Unusable("commas and points do not fit; expected one number; correct it")
    if point == "," and not rule and re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", text):
        raise Unusable("the comma may group thousands or be decimal; write 1500 or 1.5 without it")
    if comma and re.fullmatch(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}", text):
        raise Unusable(
            "the point may group thousands or be decimal, for other cells have a decimal comma;"
            " write 1500 or 1,5"
        )
    rule = join(rule, "decimal comma" if point == "," and "," in text else "")
    rule = join(rule, "signs between thousands" if group in text else "")
    return _finite(text.replace(group, "").replace(point, ".")), rule


_CLOCK = r"(?:[t ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:z|[+-]\d{2}(?::?\d{2})?)?)?"
_DATES = {  # pattern -> what it is called in the log; "" needs no entry
    r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})": "",
    r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})": "yyyy/mm/dd date",
    r"(?P<y>\d{4})[-.](?P<m>\d{1,2})[-.](?P<d>\d{1,2})\.?": "yyyy.mm.dd date",
    r"(?P<y>\d{4}) ?年 ?(?P<m>\d{1,2}) ?月 ?(?P<d>\d{1,2}) ?日?": "Chinese date",
    r"(?P<y>\d{4}) ?оны? (?P<m>\d{1,2})(?:-р)? ?сары?н? (?P<d>\d{1,2})": "Mongolian date",
    r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?: ?г\.?)?": "dd.mm.yyyy date",
    r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{2})(?: ?г\.?)?": "dd.mm.yy date",
    r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})": "yyyymmdd date",
}
_EITHER = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", re.ASCII)
_EXCEL_DAYS = (10_000, 73_050)  # 1927 to 2099
DAY_ZERO = dt.date(1899, 12, 30)  # from which spreadsheets count days, unless a book says 1904


def day(text: str, as_of: dt.date, day_zero: dt.date = DAY_ZERO) -> tuple[dt.date, str]:
    """The day written in `text`; a two-digit year is never after the year of `as_of`.

    A plain number counts days from `day_zero`.
    """
    for pattern, name in _DATES.items():
        match = re.fullmatch(f"({pattern})({_CLOCK})", text, re.ASCII)
        if match:
            year = _century(match["y"], as_of)
            clock = "time of day removed" if match.group(5) else ""
            return _calendar(year, int(match["m"]), int(match["d"])), join(name, clock)
    match = _EITHER.fullmatch(text)
    return _day_or_month_first(match) if match else _excel_day(text, day_zero)


_PERIOD = re.compile(r"(\d{4}(?:-\d{2}){0,2})(?:t[^/]*)?(?:/([^/]+))?", re.ASCII)


def period(text: str) -> dt.date | None:
    """The first day of a year, a month or a period (ISO 8601); None for a day or another text.

    A period within one day is no period.
    """
    match = _PERIOD.fullmatch(text)
    if not match or (len(match[1]) == 10 and (not match[2] or match[2].startswith(match[1]))):
        return None
    year, month, first = (*map(int, match[1].split("-")), 1, 1)[:3]
    return _calendar(year, month, first)


_TIME = re.compile(
    r"(.*?)[t ](\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?(?: ?(am|pm))?"
    r" ?(z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
NO_OFFSET = "time without an offset read as UTC"
MIDNIGHT = "day without a time read as its midnight"


def instant(
    text: str, as_of: dt.date, zone: dt.tzinfo | None = None, day_zero: dt.date = DAY_ZERO
) -> tuple[dt.datetime, str]:
    """The moment written in `text`, in UTC; a time that names no offset is one of `zone`."""
    match = _TIME.fullmatch(text)
    if not match:
        at, rule = day(text, as_of, day_zero)
        fraction = float(text) % 1 if re.fullmatch(r"\d{5}\.\d+", text, re.ASCII) else 0.0
        local = dt.datetime.combine(at, dt.time()) + dt.timedelta(seconds=round(fraction * 86400))
        offset, how = "", join(rule, "" if fraction else MIDNIGHT)
    else:
        at, how = day(match[1], as_of, day_zero)
        hour = int(match[2]) % 12 + 12 * (match[6] == "pm") if match[6] else int(match[2])
        parts = hour, int(match[3]), int(match[4] or 0)
        try:
            clock = dt.time(*parts, round(float(match[5] or 0) * 1e6) % 1_000_000)
        except ValueError as error:
            raise Unusable("no clock shows this time; expected 00:00:00 to 23:59:59") from error
        local, offset = dt.datetime.combine(at, clock), match[7] or ""
    if offset:
        shift = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", offset)
        minutes = int(shift[2]) * 60 + int(shift[3] or 0) if shift else 0
        if minutes > 14 * 60:
            raise Unusable("no place has this offset from UTC; expected -14:00 to +14:00")
        sign = -1 if shift and shift[1] == "-" else 1
        return (local - sign * dt.timedelta(minutes=minutes)).replace(tzinfo=dt.UTC), how
    if zone is not None:
        aware = local.replace(tzinfo=zone).astimezone(dt.UTC)
        if aware.astimezone(zone).replace(tzinfo=None) != local:
            raise Unusable(
                f"the clocks of {zone} skipped this time; correct it, or write its offset"
            )
        return aware, join(how, f"time of {zone}")
    return local.replace(tzinfo=dt.UTC), join(how, NO_OFFSET)


_NUMBER = r"[0-9]{1,9}(?:[.,][0-9]{1,20})?"
_DMS = re.compile(
    rf"(?P<sign>[+-]?)(?P<d>{_NUMBER})\s?(?:[°:\s]\s?(?:(?P<m>{_NUMBER})\s?"
    rf"(?:[':\s]\s?(?:(?P<s>{_NUMBER})\s?[\"']?)?)?)?)?"
)
_SIGNS = {
    r"''|′′|’’|``|‘‘|″|”|“|„|''|秒|\bсек\.?|\bsec\b": '"',
    r"′|’|‘|`|´|ʹ|ʼ|＇|分|(?<=\d)\s?(мин|min)\b\.?": "'",
    r"º|˚|度|∘|(?<=\d)\s?(град|deg|гр)\b\.?": "°",
    "−|–": "-",
}


def degrees(text: str, hemispheres: Mapping[str, list]) -> tuple[tuple[float, str], str]:
    """Signed degrees and the hemisphere letter ("" if none) of a decimal or sexagesimal text."""
    if re.fullmatch(r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?", text, re.ASCII):  # as computers write them
        return (float(text), ""), ""
    body, letter = _hemisphere(_angle_signs(text), hemispheres)
    match = _DMS.fullmatch(body.strip())
    if not match or (match["sign"] == "-" and letter):
        raise Unusable("expected degrees, such as 75.3604 or 75°21'37\"E; write the coordinate so")
    value = _sexagesimal(match["d"], match["m"], match["s"])
    negative = match["sign"] == "-" or letter in ("W", "S")
    return (-value if negative else value, letter), _angle_rule(match, letter)


def _finite(text: str) -> str:
    # Fraction("1e999999999") would fill the memory, so float judges the size first
    try:
        value = float(text)
    except ValueError as error:
        raise Unusable("expected one number; write digits only") from error
    if not abs(value) < 1e30:
        raise Unusable("the number is too large; correct it")
    return text if len(text) < 40 and abs(value) > 1e-30 else repr(value)


def _century(year: str, as_of: dt.date) -> int:
    if len(year) == 4:
        return int(year)
    return 2000 + int(year) if 2000 + int(year) <= as_of.year else 1900 + int(year)


def _day_or_month_first(match: re.Match) -> tuple[dt.date, str]:
    first, second, year = (int(part) for part in match.groups())
    if first <= 12 and second <= 12 and first != second:
        raise Unusable("the day and the month cannot be told apart; write it as yyyy-mm-dd")
    if second > 12:
        return _calendar(year, first, second), "mm/dd/yyyy date"
    return _calendar(year, second, first), "dd/mm/yyyy date"


def _excel_day(text: str, day_zero: dt.date) -> tuple[dt.date, str]:
    low, high = _EXCEL_DAYS
    if re.fullmatch(r"\d{5}(\.\d+)?", text, re.ASCII) and low <= float(text) <= high:
        return day_zero + dt.timedelta(days=int(float(text))), "Excel day number"
    raise Unusable("expected a date such as 2021-07-15 or 15.07.2021; write the whole day so")


def _calendar(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        raise Unusable("the date is impossible; expected a day of the calendar; mend it") from error


def _angle_signs(text: str) -> str:
    text = re.sub(r"\s+", " ", text.lower()).strip()
    for pattern, sign in _SIGNS.items():
        text = re.sub(pattern, sign, text)
    return unicodedata.normalize("NFKC", text)


def _hemisphere(text: str, hemispheres: Mapping[str, list]) -> tuple[str, str]:
    """The text without its hemisphere word at either end, and E, W, N, S or ""."""
    words = [(str(word), letter) for letter, names in hemispheres.items() for word in names]
    for word, letter in sorted(words, key=lambda pair: -len(pair[0])):
        if text.startswith(word):
            return text[len(word) :].lstrip(" :"), letter
        if text.endswith(word):
            return text[: -len(word)].rstrip(" ,"), letter
    return text, ""


def _sexagesimal(degrees: str, minutes: str | None, seconds: str | None) -> float:
    parts = [float(part.replace(",", ".")) for part in (degrees, minutes or "0", seconds or "0")]
    fractions = [part != math.floor(part) for part in parts]
    if parts[1] >= 60 or parts[2] >= 60:
        raise Unusable("minutes and seconds must be below 60; correct the coordinate")
    if (fractions[0] and minutes) or (fractions[1] and seconds):
        raise Unusable("only the last of degrees, minutes and seconds may have decimals; mend it")
    return parts[0] + parts[1] / 60 + parts[2] / 3600


def _angle_rule(match: re.Match, letter: str) -> str:
    if match["m"]:
        return "degrees, minutes and seconds" if match["s"] else "degrees and minutes"
    comma = "decimal comma" if "," in match["d"] else ""
    return join(comma, "hemisphere letter" if letter else "")

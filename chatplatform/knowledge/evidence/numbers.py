"""What a text counts and measures: numbers with their units, in figures and in words, English and Chinese.

"4 weeks" and "四周", "€4.90" and "4.9 欧元", "40,000" and "4 万" are the same. "One", "a" and "一" state no number:
they are articles more often than not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from chatplatform.knowledge.ranking.stemming import stem
from chatplatform.knowledge.ranking.stop_words import ENGLISH
from chatplatform.text_search.folding import folded

_UNITS: Final = {
    "eur": "€ eur euro euros 欧元",
    "usd": "$ usd dollar dollars 美元",
    "gbp": "£ gbp pound pounds 英镑",
    "cny": "¥ cny rmb yuan 元 块 人民币",
    "percent": "% percent 百分之",
    "minute": "minute minutes min 分钟",
    "hour": "hour hours 小时 个小时",
    "day": "day days 天 个工作日 工作日",
    "night": "night nights 晚",
    "week": "week weeks 周 星期 个星期",
    "month": "month months 个月",
    "year": "year years 年",
    "kg": "kg kilogram kilograms kilo kilos 公斤 千克",
    "g": "g gram grams 克",
    "mm": "mm millimetre millimetres millimeter millimeters 毫米",
    "cm": "cm centimetre centimetres centimeter centimeters 厘米",
    "m": "m metre metres meter meters 米",
    "km": "km kilometre kilometres kilometer kilometers 公里 千米",
    "ml": "ml millilitre millilitres milliliter milliliters 毫升",
    "l": "l litre litres liter liters 升",
    "gb": "gb",
    "mb": "mb",
    "degree": "° °c degree degrees 度 摄氏度",
    "person": "person persons people guests 人 位 名",
    "times": "times 次 遍",
    "fold": "倍",
}
_CANONICAL: Final = MappingProxyType({word: unit for unit, words in _UNITS.items() for word in words.split()})
_WORDS: Final = [
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS: Final = ["first", "second", "third", "fourth", "fifth"]
_WRITTEN: Final = MappingProxyType(
    {word: at for at, word in enumerate(_WORDS, start=2)}
    | {word: 10 * at for at, word in enumerate(_TENS, start=2)}
)
_HAN: Final = MappingProxyType(
    {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2} | dict(zip("三四五六七八九", range(3, 10), strict=True))
)

_CURRENCY: Final = r"[€$£¥]"
_CLASSIFIERS: Final = "个本只件双顶张页种片杯瓶套层楼折颗粒"
_UNIT_WORDS: Final = "|".join(
    re.escape(word) if not word.isascii() or not word.isalpha() else rf"{word}\b"
    for word in sorted(_CANONICAL, key=len, reverse=True)
)
_QUANTITY: Final = re.compile(
    rf"(?P<before>{_CURRENCY}|百分之)?\s?"
    r"(?:(?P<time>\d{1,2}:\d\d)"
    r"|(?P<ordinal>第(?:\d+|[一二三四五六七八九十]+)|\b(?:first|second|third|fourth|fifth)\b)"
    r"|(?P<figures>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<twice>\btwice\b)"
    rf"|(?P<english>\b(?:{'|'.join(_TENS)})(?:-(?:{'|'.join(['one', *_WORDS[:8]])}))?\b|\b(?:{'|'.join(_WORDS)})\b)"
    r"|(?P<han>[零〇一二两三四五六七八九十百千]+(?=\s?[万个年天日周次人位名分元片月小星公度克毫升米岁倍本只件双顶张页种折晚欧]))"
    r")"
    r"(?P<scale>\s?(?:万|亿|thousand\b|million\b))?"
    rf"(?:[\s-]?(?:(?:working|more|extra|paid)\s)?(?:(?P<unit>{_UNIT_WORDS})|(?P<noun>[a-z]{{3,}}|[{_CLASSIFIERS}])))?",
)
_RANGE: Final = re.compile(r"\s*(?:至|到|-|–|~|to|and|or|和|或)\s*")
_WEEKDAY: Final = re.compile(
    r"(?:星期|礼拜|周)(?P<han>[一二三四五六日天])|\b(?P<english>mon|tues|wednes|thurs|fri|satur|sun)days?\b"
)
_MONTH: Final = re.compile(
    r"(?P<figures>1[0-2]|[1-9])\s?月(?!以)"
    r"|\b(?P<english>january|february|march|april|june|july|august|september|october|november|december)\b"
)
_WEEKDAYS: Final = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
_MONTHS: Final = (
    "january", "february", "march", "april", "", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_SCALES: Final = MappingProxyType({"万": 10_000, "亿": 100_000_000, "thousand": 1_000, "million": 1_000_000})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and what it is of: `unit` is canonical, "" where it is none of those that are known; `noun` is the stem
    of the word that follows then. Times of day are minutes."""

    value: Decimal
    unit: str
    noun: str = ""

    def agrees(self, other: Quantity) -> bool:
        """Whether both may be the same: their units, where both are known, are too."""
        return self.value == other.value and self.is_like(other)

    def is_like(self, other: Quantity) -> bool:
        """Whether both may measure the same thing."""
        return self.unit == other.unit or not (self.unit and other.unit)

    def is_of_same(self, other: Quantity) -> bool:
        """Whether both surely measure or count the same thing."""
        return self.unit == other.unit and self.noun == other.noun and bool(self.unit or self.noun)


def quantities(text: str) -> list[Quantity]:
    """Every number that a text states, and every day of the week and month that it names."""
    text = folded(text)
    found = [Quantity(Decimal(_weekday(match)), "weekday") for match in _WEEKDAY.finditer(text)]
    text = _WEEKDAY.sub(" ", text)
    found += [Quantity(Decimal(_month(match)), "calendar") for match in _MONTH.finditer(text)]
    return [*found, *_found(_MONTH.sub(" ", text))]


def agree(stated: Iterable[Quantity], known: Iterable[Quantity]) -> bool:
    """Whether each number that is stated is known, and is not known of something else only."""
    known = list(known)
    for one in stated:
        agreeing = [other for other in known if one.agrees(other)]
        if not agreeing:
            return False
        sure = any(one.is_of_same(other) for other in agreeing)
        if not sure and any(one.is_of_same(other) for other in known):
            return False
    return True


def _weekday(match: re.Match[str]) -> int:
    if match["english"]:
        return _WEEKDAYS.index(match["english"]) + 1
    return "一二三四五六日".index(match["han"].replace("天", "日")) + 1


def _month(match: re.Match[str]) -> int:
    return int(match["figures"]) if match["figures"] else _MONTHS.index(match["english"]) + 1


def _found(text: str) -> Iterator[Quantity]:
    matches = list(_QUANTITY.finditer(text))
    for at, match in enumerate(matches):
        if match["time"]:
            hour, _colon, minute = match["time"].partition(":")
            yield Quantity(Decimal(int(hour) * 60 + int(minute)), "time")
            continue
        if match["ordinal"]:
            if (place := _place(match["ordinal"])) > 1:
                yield Quantity(Decimal(place), "ordinal")
            continue
        value = _value(match)
        if value is None:
            continue
        scale = (match["scale"] or "").strip()
        unit, noun = _measure(match)
        if not unit and not noun and at + 1 < len(matches):
            following = matches[at + 1]
            if _RANGE.fullmatch(text, match.end(), following.start()):  # "2 to 4 days": both are days
                unit, noun = _measure(following)
        yield Quantity(value * _SCALES.get(scale, 1), unit, noun)


def _measure(match: re.Match[str]) -> tuple[str, str]:
    """Unit and noun of a number."""
    unit = "times" if match["twice"] else _CANONICAL.get(match["before"] or match["unit"] or "", "")
    noun = match["noun"] if not unit and match["noun"] not in ENGLISH else None
    return unit, stem(noun) if noun else ""


def _value(match: re.Match[str]) -> Decimal | None:
    if match["figures"]:
        return Decimal(match["figures"].replace(",", "")).normalize()
    if match["twice"]:
        return Decimal(2)
    if match["english"]:
        tens, _dash, ones = match["english"].partition("-")
        return Decimal(_WRITTEN[tens] + (_WRITTEN.get(ones, 1) if ones else 0))
    value = _of_han(match["han"])
    return Decimal(value) if value > 1 or match["scale"] else None


def _place(word: str) -> int:
    if word in _ORDINALS:
        return _ORDINALS.index(word) + 1
    digits = word[1:]
    return int(digits) if digits.isdecimal() else _of_han(digits)


def _of_han(characters: str) -> int:
    total, digit = 0, None
    for character in characters:
        scale = {"十": 10, "百": 100, "千": 1000}.get(character)
        if scale:
            total, digit = total + scale * (1 if digit is None else digit), None
        else:
            digit = (digit or 0) * 10 + _HAN[character]
    return total + (digit or 0)

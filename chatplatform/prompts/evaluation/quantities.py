"""The numbers that a text states, in figures or in words, so that "4.9", "€4.90" and "四点九" are one answer."""

from __future__ import annotations

import re

_FIGURES = re.compile(r"\d+(?:[.,]\d+)?")
_CLOCK_12H = re.compile(r"(\d{1,2})(?::\d\d)?\s*p\.?m\b", re.IGNORECASE)
_AFTERNOON = re.compile(r"(?:下午|晚上|傍晚)\s*([0-9零〇一二两三四五六七八九十]{1,3})")
_HAN_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百]+")
_WEEKDAY = re.compile(r"(?:星期|礼拜|周)[一二三四五六]")
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)?")

_HAN_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2} | {
    c: n for n, c in enumerate("三四五六七八九", 3)
}
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ENGLISH = {word: n for n, word in enumerate(_UNITS + _TEENS)} | {
    word: 20 + 10 * n for n, word in enumerate(_TENS)
}


def _from_han(characters: str) -> int:
    """The value of 十五, 三十, 二百 or 一二; up to 999, which is more than our answers need."""
    total, digit = 0, None
    for character in characters:
        if character == "百":
            total, digit = total + 100 * (1 if digit is None else digit), None
        elif character == "十":
            total, digit = total + 10 * (1 if digit is None else digit), None
        else:
            digit = (digit or 0) * 10 + _HAN_DIGITS[character]
    return total + (digit or 0)


def _from_english(word: str) -> int | None:
    first, _, second = word.partition("-")
    if second:
        tens, unit = _ENGLISH.get(first), _ENGLISH.get(second)
        return tens + unit if tens is not None and unit is not None and tens >= 20 and unit < 10 else None
    return _ENGLISH.get(first)


def _value(figures: str) -> float:
    return float(figures.replace(",", ".")) if figures[0].isdigit() else float(_from_han(figures))


def quantities_in(text: str) -> frozenset[float]:
    """Every number in `text`; an hour of the afternoon counts as given and in 24-hour form as well."""
    text = _WEEKDAY.sub(" ", text)  # 星期六十点 is ten o'clock, not sixty
    found = {_value(figures) for figures in _FIGURES.findall(text)}
    found |= {_value(characters) for characters in _HAN_NUMBER.findall(text)}
    found |= {float(n) for word in _WORD.findall(text.lower()) if (n := _from_english(word)) is not None}
    for hour in (*_CLOCK_12H.findall(text), *_AFTERNOON.findall(text)):
        value = _value(hour)
        if value < 12:
            found.add(value + 12)
    return frozenset(found)

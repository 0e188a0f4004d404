"""English words without their endings: Porter2, the English stemmer of Snowball (snowballstem.org/algorithms/english).

Written from the description of the algorithm. R1 is what follows the first consonant after a vowel, R2 the same
within R1; an ending is only taken off where it lies within its region.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_VOWELS: Final = "aeiouy"
_DOUBLES: Final = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
_REGION: Final = re.compile(r"[aeiouy][^aeiouy]")
_R1_BEGINNINGS: Final = ("gener", "commun", "arsen", "past", "univers", "later", "emerg", "organ", "inter")
_HAS_VOWEL: Final = re.compile(r"[aeiouy]")
# a vowel and a consonant that is not w, x or Y; or a vowel that begins the word, and a consonant
_SHORT_END: Final = re.compile(r"(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy]|^past)$")
_LI_BEFORE: Final = "cdeghkmnrt"

_WHOLE: Final = MappingProxyType(
    {
        "skis": "ski", "skies": "sky", "idly": "idl", "gently": "gentl", "ugly": "ugli", "early": "earli",
        "only": "onli", "singly": "singl", "sky": "sky", "news": "news", "howe": "howe", "atlas": "atlas",
        "cosmos": "cosmos", "bias": "bias", "andes": "andes",
    }
)  # fmt: skip
_STEP_2: Final = (
    ("ization", "ize"), ("ational", "ate"), ("fulness", "ful"), ("ousness", "ous"), ("iveness", "ive"),
    ("tional", "tion"), ("biliti", "ble"), ("lessli", "less"), ("entli", "ent"), ("ation", "ate"),
    ("alism", "al"), ("aliti", "al"), ("ousli", "ous"), ("iviti", "ive"), ("fulli", "ful"), ("enci", "ence"),
    ("anci", "ance"), ("abli", "able"), ("izer", "ize"), ("ator", "ate"), ("alli", "al"), ("bli", "ble"),
    ("ogist", "og"), ("ogi", "og"), ("li", ""),
)  # fmt: skip
_STEP_3: Final = (
    ("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"), ("ative", ""),
    ("ical", "ic"), ("ness", ""), ("ful", ""),
)  # fmt: skip
_STEP_4: Final = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize",
    "ion", "al", "er", "ic",
)  # fmt: skip


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of an English word in small letters; any other word comes back as it is, or a little shorter."""
    if len(word) <= 2:
        return word
    if word in _WHOLE:
        return _WHOLE[word]
    word = re.sub(r"^y|(?<=[aeiouy])y", "Y", word.removeprefix("'"))
    r1, r2 = _regions(word)
    word = _step_1a(word)
    if word in (
        "inning",
        "outing",
        "canning",
        "herring",
        "earring",
        "evening",
        "proceed",
        "exceed",
        "succeed",
    ):
        return word
    word = _step_1b(word, r1)
    word = re.sub(r"(?<=.[^aeiouy])[yY]$", "i", word)
    word = _step_2(word, r1)
    word = _step_3(word, r1, r2)
    word = _step_4(word, r2)
    return _step_5(word, r1, r2).lower()


def _regions(word: str) -> tuple[int, int]:
    begun = next((len(begin) for begin in _R1_BEGINNINGS if word.startswith(begin)), 0)
    r1 = begun or _after_consonant(word, 0)
    return r1, _after_consonant(word, r1)


def _after_consonant(word: str, start: int) -> int:
    found = _REGION.search(word, start)
    return found.end() if found else len(word)


def _step_1a(word: str) -> str:
    for ending in ("'s'", "'s", "'"):
        if word.endswith(ending):
            word = word[: -len(ending)]
            break
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith(("us", "ss")) or not word.endswith("s"):
        return word
    return word[:-1] if _HAS_VOWEL.search(word[:-2]) else word


def _step_1b(word: str, r1: int) -> str:
    ending = _longest(word, ("eedly", "ingly", "edly", "eed", "ing", "ed"))
    if ending in ("eed", "eedly"):
        return word[: -len(ending)] + "ee" if len(word) - len(ending) >= r1 else word
    if not ending or not _HAS_VOWEL.search(word[: -len(ending)]):
        return word
    rest = word[: -len(ending)]
    if ending == "ing" and re.fullmatch(r"[^aeiouy]y", rest):
        return rest[:-1] + "ie"
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if rest.endswith(_DOUBLES):
        return rest if len(rest) == 3 and rest[0] in "aeo" else rest[:-1]
    return rest + "e" if len(rest) <= r1 and _SHORT_END.search(rest) else rest


def _step_2(word: str, r1: int) -> str:
    for ending, instead in _STEP_2:
        if word.endswith(ending):
            rest = word[: -len(ending)]
            if len(rest) < r1:
                return word
            if (ending == "ogi" and not rest.endswith("l")) or (
                ending == "li" and rest[-1:] not in _LI_BEFORE
            ):
                return word
            return rest + instead
    return word


def _step_3(word: str, r1: int, r2: int) -> str:
    for ending, instead in _STEP_3:
        if word.endswith(ending):
            rest = word[: -len(ending)]
            return rest + instead if len(rest) >= (r2 if ending == "ative" else r1) else word
    return word


def _step_4(word: str, r2: int) -> str:
    ending = _longest(word, _STEP_4)
    rest = word[: len(word) - len(ending)]
    if not ending or len(rest) < r2 or (ending == "ion" and not rest.endswith(("s", "t"))):
        return word
    return rest


def _step_5(word: str, r1: int, r2: int) -> str:
    rest = word[:-1]
    if word.endswith("e") and (len(rest) >= r2 or (len(rest) >= r1 and not _SHORT_END.search(rest))):
        return rest
    if word.endswith("ll") and len(rest) >= r2:
        return rest
    return word


def _longest(word: str, endings: Sequence[str]) -> str:
    """The first of the endings, given longest first, that the word has."""
    return next((ending for ending in endings if word.endswith(ending)), "")

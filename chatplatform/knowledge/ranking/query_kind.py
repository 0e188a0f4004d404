"""Which language a query is written in, and what kind of query it is: enough to weigh words against meaning.

Told by script alone, so it is quick, explainable, and honest about its limits: what is written in Latin letters counts
as English, French too; Chinese characters without kana count as Chinese. A query in both is of the language that has
more of it, and its terms are looked up in both whatever this says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from chatplatform.knowledge.ranking.stop_words import ENGLISH
from chatplatform.knowledge.ranking.terms import is_code, written_parts

Language = Literal["en", "zh", "other"]
Kind = Literal["exact", "keywords", "sentence"]

# a Chinese word has two characters, more or less
HAN_OF_A_WORD: Final = 2
MOST_KEYWORDS: Final = 3

_HAN: Final = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA: Final = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff]")
_LATIN: Final = re.compile(r"[a-z\u00df-\u024f]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_QUOTED: Final = re.compile(r"[\"“”「『«][^\"“”」』»]+[\"“”」』»]")
_QUESTION: Final = re.compile(r"[?？吗呢么]|什么|怎么|如何|为何|哪|谁|多少|几|是否|为什么")


@dataclass(frozen=True, slots=True)
class QueryReading:
    """`exact` holds a code or something in quotation marks; `keywords` are a few words that make no sentence."""

    language: Language
    kind: Kind


def reading_of(query: str) -> QueryReading:
    """What is known of a query from its characters. Never raises; an empty one is `other` and `keywords`."""
    unspaced, written = written_parts(query)
    return QueryReading(_language(unspaced, written), _kind(query, unspaced, written))


def _language(unspaced: list[str], written: list[str]) -> Language:
    together = "".join(unspaced)
    if _KANA.search(together):
        return "other"
    chinese = len(_HAN.findall(together)) / HAN_OF_A_WORD
    latin = sum(_LATIN.search(word) is not None for word in written)
    strange = sum(_LETTER.search(word) is not None and not _LATIN.search(word) for word in written)
    strange += len(together) - len(_HAN.findall(together))
    if not max(chinese, latin, strange) or strange > max(chinese, latin):
        return "other"
    return "zh" if chinese >= latin else "en"


def _kind(query: str, unspaced: list[str], written: list[str]) -> Kind:
    if _QUOTED.search(query) or any(is_code(word) and _LETTER.search(word) for word in written):
        return "exact"
    size = len(written) + sum(map(len, unspaced)) / HAN_OF_A_WORD
    if size > MOST_KEYWORDS or _QUESTION.search(query) or ENGLISH.intersection(written):
        return "sentence"
    return "keywords"

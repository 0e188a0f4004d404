"""A text as the terms that it is found by, the same for passages and queries, in English, Chinese and both at once.

English: words without case, accents and endings; no stop words. Chinese and its like: every character, and every pair
of neighbours. Numbers and codes («ISO-9001», «3.5», «IL-6») are kept whole, without the marks inside, so that other
ways to write them find them; a code's parts are terms too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from chatplatform.knowledge.ranking.stemming import stem
from chatplatform.knowledge.ranking.stop_words import ENGLISH
from chatplatform.text_search.folding import UNSPACED, folded

# more of one word than this is no word: keys, pictures as text
MOST_CHARS: Final = 64

_PARTS: Final = re.compile(
    rf"([{UNSPACED}]+)"  # written without spaces
    rf"|([^\W_{UNSPACED}]+(?:[-_./+,'’][^\W_{UNSPACED}]+)*)"  # words, perhaps with marks between them
)
_MARKS: Final = re.compile(r"[-_./+,'’]")
_DIGIT: Final = re.compile(r"\d")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)*")
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_POSSESSIVE: Final = re.compile(r"['’]s?$")
_NOT: Final = re.compile(r"n['’]t$")
# accents, which the same word has in one text and lacks in another
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")


def terms(text: str) -> Iterator[str]:
    """The terms of a text in their order, each as often as it comes. Raises nothing, whatever the text."""
    for unspaced, written in _PARTS.findall(_plain(text)):
        if unspaced:
            yield from unspaced
            yield from (unspaced[at : at + 2] for at in range(len(unspaced) - 1))
        else:
            yield from _of_written(written)


def is_code(written: str) -> bool:
    """Whether this is no word: something with a digit, which is looked for as it is written."""
    return _DIGIT.search(written) is not None


def written_parts(text: str) -> tuple[list[str], list[str]]:
    """What of a text is written without spaces, and what in words, each folded: what languages are told by."""
    found = _PARTS.findall(_plain(text))
    return [unspaced for unspaced, _ in found if unspaced], [written for _, written in found if written]


def _of_written(written: str) -> Iterator[str]:
    if not is_code(written):
        if not _NOT.search(written):  # don't, isn't
            yield from _of_words(_MARKS.split(_POSSESSIVE.sub("", written)))
        return
    whole = _THOUSANDS.sub("", written)
    if "," in whole:
        for part in whole.split(","):
            yield from _of_written(part)
    elif _NUMBER.fullmatch(whole):
        yield whole[:MOST_CHARS]
    else:
        yield _MARKS.sub("", whole)[:MOST_CHARS]
        if _MARKS.search(whole):
            for part in _MARKS.split(whole):
                yield from (part,) if is_code(part) else _of_words([part])


def _of_words(words: list[str]) -> Iterator[str]:
    for word in words:
        if word not in ENGLISH:
            yield stem(word[:MOST_CHARS])


def _plain(text: str) -> str:
    text = folded(text)
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))

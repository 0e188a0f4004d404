"""Which passages of a document a question is about: the same words, and, where there are vectors, the same meaning."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from chatplatform.documents.passages import Passage, weight

K1, B = 1.2, 0.75
# a question may be a whole pasted page
MOST_TERMS = 200
# how much meaning counts beside words
MEANING = 0.6
# the beginning of a document says what it is
BEGINNING = 0.08

_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff\uf900-\ufaff]+")
_ENDINGS = ("ingly", "edly", "ing", "ies", "ed", "es", "s", "ly")
_COMMON_WORDS = """
the a an of to in is are was were be been and or for on at by with as it its this that these those from what which who
how when where why do does did can could would should will i you he she we they my your me us about please tell
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def terms(text: str) -> Iterator[str]:
    """Words without their endings; Chinese, Japanese and Korean by pairs of characters."""
    text = _folded(text)
    for run in _WIDE.findall(text):
        yield from (run[at : at + 2] for at in range(len(run) - 1)) if len(run) > 1 else (run,)
    for word in _WORD.findall(_WIDE.sub(" ", text)):
        if word in _COMMON:
            continue
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                word = word.removesuffix(ending)
                break
        yield word


def ranked(question: str, passages: Sequence[Passage], near: Sequence[float] = ()) -> list[int]:
    """Numbers of the passages, best first. `near` is each one's nearness in meaning, for as many as it is known.

    Where nothing speaks for any passage, such as for “summarise this”, they come evenly from the whole document.
    """
    words = _by_words(question, passages)
    meaning = _levelled(near)
    if not meaning and not any(words):
        return _evenly(len(passages))
    words = _levelled(words)
    scores = [
        ((1 - MEANING) * words[at] + MEANING * meaning[at] if at < len(meaning) else words[at])
        + (BEGINNING if at == 0 else 0.0)
        for at in range(len(passages))
    ]
    return sorted(range(len(passages)), key=lambda at: (-scores[at], at))


def _by_words(question: str, passages: Sequence[Passage]) -> list[float]:
    """BM25 over the question's terms. Each passage is looked through once for all of them: cutting all of a long
    document into terms would take seconds."""
    asked = list(dict.fromkeys(terms(question)))[:MOST_TERMS]
    if not asked or not passages:
        return [0.0] * len(passages)
    found = _pattern(asked)
    counts = [Counter(found.findall(_folded(f"{passage.heading} {passage.text}"))) for passage in passages]
    lengths = [weight(passage.text) for passage in passages]
    mean = sum(lengths) / len(lengths) or 1.0
    scores = [0.0] * len(passages)
    for term in asked:
        having = sum(term in count for count in counts)
        rarity = math.log(1 + (len(passages) - having + 0.5) / (having + 0.5))
        for at, count in enumerate(counts):
            if often := count.get(term, 0):
                scores[at] += rarity * often * (K1 + 1) / (often + K1 * (1 - B + B * lengths[at] / mean))
    return scores


def _pattern(asked: Sequence[str]) -> re.Pattern[str]:
    """Finds the terms: pairs of characters anywhere, words at their beginning, with whatever ending."""
    longest_first = sorted(asked, key=len, reverse=True)
    wide = [re.escape(term) for term in longest_first if _WIDE.search(term)]
    words = [re.escape(term) for term in longest_first if not _WIDE.search(term)]
    parts = [f"(?<![^\\W_])(?:{'|'.join(words)})(?=[^\\W_]{{0,4}}(?![^\\W_]))"] if words else []
    return re.compile("|".join([*wide, *parts]))


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()


def _levelled(scores: Sequence[float]) -> list[float]:
    """From 0 for the worst to 1 for the best."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(score - low) / (high - low) if high > low else 0.0 for score in scores]


def _evenly(count: int) -> list[int]:
    """0, then halves, quarters and so on: the first few already reach through the whole."""
    order: dict[int, None] = {}
    parts = 1
    while len(order) < count and parts <= 2 * count:
        for part in range(parts + 1):
            order.setdefault(min(count - 1, part * count // parts), None)
        parts *= 2
    return [*order, *(at for at in range(count) if at not in order)]

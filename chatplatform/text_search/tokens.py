"""What is looked up in the index: beginnings of words, words with the beginning of the next, characters, pairs of them.

`tokens_of_term(term)` is within `tokens_of(text)` for every text in which the term is found. The reverse need not
hold: what the index finds is compared with the text itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from chatplatform.text_search.folding import RUNS

PREFIXES: Final = (1, 2, 3, 4, 6, 9)
# so much of a word is looked up with the whole one before it: without that, two common words that seldom stand
# together would have every text compared that holds both
OF_NEXT: Final = 2


def tokens_of(text: str) -> set[str]:
    """Every token of a folded text."""
    tokens: set[str] = set()
    for run, word, other in set(RUNS.findall(text)):
        if word:
            length = len(word)
            tokens.update(word[:most] for most in PREFIXES if most <= length)
        elif run:
            tokens.update(run)
            tokens.update(map(str.__add__, run, run[1:]))
        else:
            tokens.add(other)
    tokens.update(_with_next(before, word) for before, word in _neighbours(text))
    return tokens


def tokens_of_term(term: str) -> set[str]:
    """The fewest tokens that a folded text with this term must have."""
    tokens: set[str] = set()
    for run, word, other in RUNS.findall(term):
        if word:
            tokens.add(word[: PREFIXES[bisect_right(PREFIXES, len(word)) - 1]])
        elif len(run) > 1:
            tokens.update(map(str.__add__, run, run[1:]))
        else:
            tokens.add(run or other)
    for before, word in _neighbours(term):
        # the last word may go on in the text: one letter of it says nothing of the second
        if len(word) >= OF_NEXT or not term.endswith(word):
            tokens.add(_with_next(before, word))
    return tokens


def _neighbours(text: str) -> Iterator[tuple[str, str]]:
    """Words with nothing but a space between them."""
    before, end = "", -1
    for found in RUNS.finditer(text):
        word = found[2]
        if word:
            if before and found.start() == end + 1 and text[end] == " ":
                yield before, word
            end = found.end()
        before = word


def _with_next(before: str, word: str) -> str:
    return f"{before} {word[:OF_NEXT]}"

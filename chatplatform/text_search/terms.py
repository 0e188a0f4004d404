"""What a person types, and whether a text answers it: the plain search that the index has to equal.

A query is words and phrases in quotation marks; a text answers it when it holds all of them. A term is found where
its folded characters stand, as the beginning of a word where words have spaces between them, and anywhere within
Chinese and its like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from chatplatform.common.errors import InvalidInput
from chatplatform.text_search.folding import folded, is_in_word

MOST_CHARS: Final = 200
MOST_TERMS: Final = 16
# a phrase that is still being typed has no closing mark yet
_PARTS: Final = re.compile(r'["“”„「『»«＂]([^"“”„「」『』»«＂]*)(?:["“”」』»«＂]|$)|([^\s"“”„「『»«＂]+)')


@dataclass(frozen=True, slots=True)
class Query:
    """Folded terms, each once; all must be found. Never empty of terms, unless `is_empty`."""

    terms: tuple[str, ...] = field(repr=False)

    @property
    def is_empty(self) -> bool:
        return not self.terms

    def matches(self, folded_text: str) -> bool:
        """Whether this text, folded already, holds every term."""
        return all(position(term, folded_text) >= 0 for term in self.terms)


def parse(text: str) -> Query:
    """The query that a person typed. Raises InvalidInput when it is longer than anybody types."""
    if len(text) > MOST_CHARS:
        raise InvalidInput(
            "query_too_long",
            _("A search has at most %(n)d characters. Look for fewer words.") % {"n": MOST_CHARS},
        )
    parts = (phrase or word for phrase, word in _PARTS.findall(text.replace("\x00", "")))
    terms = dict.fromkeys(term for term in map(folded, parts) if term)
    return Query(tuple(terms)[:MOST_TERMS])


def position(term: str, text: str, start: int = 0) -> int:
    """Where `term` is found in `text` from `start` on, both folded; -1 where it is not."""
    place = text.find(term, start)
    if place > 0 and is_in_word(term[0]):
        while place > 0 and is_in_word(text[place - 1]):
            place = text.find(term, place + 1)
    return place

"""A text as the pieces that are compared: its sentences, and their clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chatplatform.knowledge.chunking.sentences import sentences
from chatplatform.knowledge.evidence.numbers import quantities
from chatplatform.knowledge.ranking.terms import terms

# a comma between figures is no end of a clause
_CUT = re.compile(
    r"[，；：]|[;:](?=\s)|,(?=\s)|\s(?:—|–)\s|\s(?=(?:but|yet|unless|except|while|whereas)\s)|(?=但|而且|，而)"
)
# between two things that are counted; "between 6:30 and 9:00" is one
_AND = re.compile(r"\s(?=(?:and|or)\s)|(?=[和及或])")
_RANGE = re.compile(r"\b(?:between|from)\b[^,;]*$|从[^，；]*$", re.IGNORECASE)
_HAS_TERM = 2


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a text with its terms; `sentence` counts from 0."""

    text: str = field(repr=False)
    terms: frozenset[str] = field(repr=False)
    sentence: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as sentences and as clauses; a sentence of one clause is in both."""

    sentences: tuple[Clause, ...]
    clauses: tuple[Clause, ...]

    @property
    def texts(self) -> list[str]:
        """All pieces that are compared, each once."""
        return list(dict.fromkeys(piece.text for piece in (*self.sentences, *self.clauses)))


def reading(text: str) -> Reading:
    """A text by lines, sentences and clauses. Raises nothing, whatever the text."""
    whole: list[Clause] = []
    parts: list[Clause] = []
    at = 0
    for line in text.split("\n"):
        end = at + len(line)
        for start, stop in sentences(text, at, end):
            sentence = text[start:stop]
            whole.append(_clause(sentence, len(whole)))
            parts += [_clause(part, len(whole) - 1) for part in _clauses(sentence)]
        at = end + 1
    return Reading(tuple(whole), tuple(parts))


def _clauses(sentence: str) -> Iterator[str]:
    """What has no two terms of its own stays with what follows, or what went before."""
    held = ""
    last: str | None = None
    begun = 0
    cuts = {match.end() for match in _CUT.finditer(sentence) if match.end()}
    cuts |= {at for at in (match.end() for match in _AND.finditer(sentence)) if _counts_apart(sentence, at)}
    for end in [*sorted(cuts), len(sentence)]:
        held += sentence[begun:end]
        begun = end
        if len(set(terms(held))) >= _HAS_TERM:
            if last is not None:
                yield last.strip()
            last, held = held, ""
    if last is not None or held:
        yield ((last or "") + held).strip()


def _counts_apart(sentence: str, at: int) -> bool:
    before, after = sentence[:at], sentence[at:]
    return bool(quantities(before)) and bool(quantities(after)) and not _RANGE.search(before)


def _clause(text: str, sentence: int) -> Clause:
    return Clause(text, frozenset(terms(text)), sentence)

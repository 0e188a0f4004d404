"""Whether a passage supports a sentence: what was compared, as figures, and the verdict that they make.

A sentence is held against every passage. In the best one, each of its clauses is laid beside the clause nearest to
it in words and in meaning. Numbers have to be there, in the clause that speaks of the same thing; one must not deny
what the other says. The rest is a matter of degree: a logistic model of a few figures (features of `Compared`), fitted
on labelled sentences by `python -m tests.benchmarks evidence --fit`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from chatplatform.knowledge.evidence import numbers, opposites
from chatplatform.knowledge.evidence.clauses import Clause, Reading
from chatplatform.knowledge.ranking.query_kind import reading_of
from chatplatform.knowledge.ranking.terms import terms as terms_of

# the cosine of two texts; None where there are no vectors
Near = Callable[[str, str], float | None]

_NAME: Final = re.compile(r"(?<=[a-z,;:] )[A-Z][A-Za-z]+|(?<=[\u3400-\u9fff])\s?[A-Za-z]{2,}")
# a clause of the same kind of number that is so much nearer is the one that the sentence means
MARGIN: Final = 0.08
MARGIN_ACROSS: Final = 0.03
# cosines of the encoder lie above this, whatever the texts
LOW_COSINE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Compared:
    """A sentence beside a passage. Shares lie from 0 to 1, cosines (above LOW_COSINE, stretched) as well."""

    is_across: bool  # in another language than the passage
    words: float  # share of the sentence's terms that its nearest sentence has
    clause_words: float  # the same by clauses
    meaning: float  # cosine with the nearest sentence
    clause_meaning: float  # the same by clauses, the worst of them
    stands_out: float  # how much nearer the nearest sentence is than the others
    elsewhere: float  # share of its terms that the passage has, and the nearest sentence has not
    clause_elsewhere: float  # the same by clauses, the worst of them
    foreign: float  # share of its terms that the passage has nowhere
    lacks_name: bool  # a name of it is nowhere in the passage
    lacks_number: bool
    other_number: bool  # the clause that speaks of the same thing has another one
    denies_otherwise: bool  # than the nearest sentence
    clause_denies_otherwise: bool  # than the nearest clauses
    opposes: bool


# Fitted on the labelled sentences that are marked for it, L2 0.3: tests/benchmarks/evidence.py. Across languages words
# say nothing.
SAME_LANGUAGE: Final = MappingProxyType(
    {
        "": -2.56,
        "words": 0.07,
        "clause_words": -0.6,
        "meaning": 2.59,
        "clause_meaning": 1.79,
        "stands_out": 1.64,
        "elsewhere": 0.59,
        "clause_elsewhere": 0.72,
        "foreign": -0.75,
        "lacks_name": -1.19,
        "other_number": -0.52,
        "denies_otherwise": -0.83,
        "clause_denies_otherwise": -1.36,
        "opposes": -0.87,
    }
)
ACROSS_LANGUAGES: Final = MappingProxyType(
    {
        "": -0.92,
        "meaning": 1.31,
        "clause_meaning": 0.53,
        "stands_out": 0.95,
        "denies_otherwise": -0.51,
        "clause_denies_otherwise": -0.35,
    }
)
# supported from here on; chosen so that nine of ten that are called so are
ENOUGH: Final = 0.6
ENOUGH_ACROSS: Final = 0.55


@dataclass(frozen=True, slots=True)
class Finding:
    """What the passages say of a sentence. `passage` is the index of the one that supports it, or comes closest."""

    passage: int
    is_supported: bool
    probability: float


def found(sentence: Reading, passages: Sequence[Reading], near: Near) -> Finding:
    """Which passage supports the sentence, if one does. Raises ValueError without a passage."""
    chances = [
        probability(compared(sentence, passage, near)) if passage.sentences else (0.0, ENOUGH)
        for passage in passages
    ]
    best = max(range(len(chances)), key=lambda at: chances[at][0])
    chance, enough = chances[best]
    return Finding(best, chance >= enough, chance)


def probability(one: Compared) -> tuple[float, float]:
    """How probable it is that the passage supports the sentence, and from where on that is enough."""
    weights = ACROSS_LANGUAGES if one.is_across else SAME_LANGUAGE
    odds = weights[""] + sum(weight * float(getattr(one, name)) for name, weight in weights.items() if name)
    # a number that the passage lacks is the end of it; what is left only tells which passage is the closest
    chance = 1 / (1 + math.exp(-odds)) * (0.1 if one.lacks_number else 1.0)
    return chance, ENOUGH_ACROSS if one.is_across else ENOUGH


def compared(sentence: Reading, passage: Reading, near: Near) -> Compared:
    """Lay a sentence of an answer beside a passage; both have at least one clause."""
    text = " ".join(one.text for one in sentence.sentences)
    terms = frozenset().union(*(one.terms for one in sentence.sentences))
    is_across = _language(text) != _language(" ".join(one.text for one in passage.sentences))
    whole = Clause(text, terms, 0)
    nearest = max(passage.sentences, key=lambda one: _match(whole, one, near, is_across))
    beside = [
        max(passage.clauses, key=lambda one, of=clause: _match(of, one, near, is_across))  # type: ignore[misc]
        for clause in sentence.clauses
    ]
    everywhere = frozenset().union(*(one.terms for one in passage.sentences))
    has = nearest.terms.union(*(one.terms for one in beside))
    stated = numbers.quantities(text)
    around = [one.text for one in passage.sentences if abs(one.sentence - nearest.sentence) <= 1]
    around += [one.text for one in beside]
    known = [one for piece in around for one in numbers.quantities(piece)]
    return Compared(
        is_across=is_across,
        words=_share(terms, nearest.terms),
        clause_words=min(
            (
                _share(clause.terms, found.terms)
                for clause, found in zip(sentence.clauses, beside, strict=True)
            ),
            default=0.0,
        ),
        meaning=_stretched(near(text, nearest.text)),
        clause_meaning=min(
            (
                _stretched(near(clause.text, found.text))
                for clause, found in zip(sentence.clauses, beside, strict=True)
            ),
            default=0.0,
        ),
        stands_out=_stands_out(text, nearest, passage, near),
        clause_elsewhere=max(
            (
                len((clause.terms & everywhere) - found.terms) / max(1, len(clause.terms))
                for clause, found in zip(sentence.clauses, beside, strict=True)
            ),
            default=0.0,
        ),
        elsewhere=len((terms & everywhere) - has) / max(1, len(terms)),
        foreign=len(terms - everywhere) / max(1, len(terms)),
        lacks_name=bool(_names(text) - everywhere),
        lacks_number=not numbers.agree(stated, known),
        other_number=_has_other_number(sentence, passage, near, is_across),
        denies_otherwise=opposites.denies(text) != opposites.denies(nearest.text),
        clause_denies_otherwise=any(
            opposites.denies(clause.text) != opposites.denies(found.text)
            for clause, found in zip(sentence.clauses, beside, strict=True)
        ),
        opposes=any(
            opposites.opposed(clause.text, found.text)
            for clause, found in zip(sentence.clauses, beside, strict=True)
        ),
    )


def _has_other_number(sentence: Reading, passage: Reading, near: Near, is_across: bool) -> bool:
    """Whether a number of the sentence is one of the passage, but of something else."""
    for clause in sentence.clauses:
        for stated in numbers.quantities(clause.text):
            like = [
                (_bare_match(clause, one, near, is_across), any(stated.agrees(other) for other in found))
                for one, found in ((one, numbers.quantities(one.text)) for one in passage.clauses)
                if any(stated.is_like(other) for other in found)
            ]
            having = max((score for score, has in like if has), default=0.0)
            lacking = max((score for score, has in like if not has), default=0.0)
            if lacking > having + (MARGIN_ACROSS if is_across else MARGIN):
                return True
    return False


def _stands_out(text: str, nearest: Clause, passage: Reading, near: Near) -> float:
    others = [_stretched(near(text, one.text)) for one in passage.sentences if one is not nearest]
    return _stretched(near(text, nearest.text)) - sum(others) / len(others) if others else 0.0


def _match(sentence: Clause, other: Clause, near: Near, is_across: bool) -> float:
    meaning = _stretched(near(sentence.text, other.text))
    return meaning if is_across else _share(sentence.terms, other.terms) + meaning


def _bare_match(sentence: Clause, other: Clause, near: Near, is_across: bool) -> float:
    """How near two clauses are but for their numbers."""
    meaning = _stretched(near(sentence.text, other.text))
    if is_across:
        return meaning
    bare = frozenset(term for term in sentence.terms if not term[0].isdigit())
    return (_share(bare, other.terms) + meaning) / 2


def _names(text: str) -> frozenset[str]:
    """Terms that are written as names: with a capital inside a sentence, or in Latin letters inside Chinese."""
    return frozenset(term for name in _NAME.findall(text) for term in terms_of(name) if not term[0].isdigit())


def _share(terms: frozenset[str], others: frozenset[str]) -> float:
    return len(terms & others) / len(terms) if terms else 0.0


def _stretched(cosine: float | None) -> float:
    return 0.0 if cosine is None else max(0.0, (cosine - LOW_COSINE) / (1 - LOW_COSINE))


@lru_cache(maxsize=512)
def _language(text: str) -> str:
    return reading_of(text).language

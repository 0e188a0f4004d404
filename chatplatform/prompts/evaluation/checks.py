"""Whether an answer does what its question asks: objective checks, each with words for what was expected."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from chatplatform.prompts.evaluation.language import Language, written_in
from chatplatform.prompts.evaluation.quantities import quantities_in
from chatplatform.prompts.evaluation.questions import Question

_EUROS = r"€|\beuros?\b|\beur\b|欧元"
_OTHER_MONEY = (
    r"[$£¥]|\b(dollars?|pounds?|yuan|francs?|usd|gbp|cny|chf)\b|美元|英镑|人民币|法郎|日元|(?<!欧)元"
)
_LANGUAGE_NAMES: Mapping[Language, str] = {"en": "English", "zh": "Chinese"}


def normalised(answer: str) -> str:
    """The answer as patterns see it: NFKC (full-width figures become plain), straight apostrophes, no markdown
    emphasis, one space for every run of white space."""
    plain = unicodedata.normalize("NFKC", answer).replace("’", "'")
    return re.sub(r"\s+", " ", re.sub(r"[*_`]+", "", plain)).strip()


def _occurs(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _any_occurs(patterns: Iterable[str], text: str) -> bool:
    return any(_occurs(pattern, text) for pattern in patterns)


def _failures(question: Question, text: str, refusals: Mapping[Language, tuple[str, ...]]) -> Iterator[str]:
    if not text:
        yield "an answer"
        return
    if not written_in(text, question.answer_language, question=question.question):
        yield f"an answer in {_LANGUAGE_NAMES[question.answer_language]}"
    stated = quantities_in(text)
    for number in sorted(question.numbers - stated):
        yield f"the number {number:g}"
    for pattern in question.all:
        if not _occurs(pattern, text):
            yield f"/{pattern}/"
    if question.any and not _any_occurs(question.any, text):
        yield "one of /" + "/, /".join(question.any) + "/"
    for pattern in question.none:
        if _occurs(pattern, text):
            yield f"nothing like /{pattern}/"
    if question.euros and (not _occurs(_EUROS, text) or _occurs(_OTHER_MONEY, text)):
        yield "money in euros"
    # An answer in the wrong language has failed above; whether it refuses is asked in either language.
    if question.refusal and not any(_any_occurs(phrases, text) for phrases in refusals.values()):
        yield "the admission that it doesn't know"


def failures(
    question: Question, answer: str, refusals: Mapping[Language, tuple[str, ...]]
) -> tuple[str, ...]:
    """What `answer` lacks, in words; empty when it is right."""
    return tuple(_failures(question, normalised(answer), refusals))

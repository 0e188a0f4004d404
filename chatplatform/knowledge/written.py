"""What is written here and not uploaded: a text, or questions with answers. Checked, and as the bytes that are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from chatplatform.common.errors import InvalidInput
from chatplatform.files.names import safe_name
from chatplatform.knowledge import content
from chatplatform.knowledge.models import Document

MOST_PAIRS = 5_000
PAIR_CHARS = 20_000
TEXT_CHARS = 4_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its answer."""

    question: str = field(repr=False)
    answer: str = field(repr=False)


def pairs_of(document: Document) -> list[Pair]:
    """What a document of questions and answers was made of. Raises ContentUnreadable."""
    whole = json.loads(b"".join(content.file_parts(document)))
    return [Pair(question, answer) for question, answer in whole]


def checked_title(title: str) -> str:
    name = " ".join(title.replace("\x00", "").split())
    if not name:
        raise InvalidInput("knowledge.title_empty", _("Give it a title."))
    return safe_name(name)


def checked_text(text: str) -> bytes:
    if not text.strip():
        raise InvalidInput("knowledge.text_empty", _("There is no text."))
    if len(text) > TEXT_CHARS:
        raise InvalidInput(
            "knowledge.text_too_long",
            _("This text is too long: it has %(n)d characters; the limit is %(limit)d.")
            % {"n": len(text), "limit": TEXT_CHARS},
        )
    return text.replace("\x00", "").encode("utf-8", "replace")


def checked_pairs(pairs: Sequence[Pair]) -> bytes:
    told = [(" ".join(pair.question.split()), pair.answer.strip()) for pair in pairs]
    if not told or any(not question or not answer for question, answer in told):
        raise InvalidInput("knowledge.pair_empty", _("Give each question an answer."))
    if len(told) > MOST_PAIRS:
        raise InvalidInput(
            "knowledge.too_many_pairs",
            _("One document has %(n)d questions at most. Make another one.") % {"n": MOST_PAIRS},
        )
    if any(len(question) + len(answer) > PAIR_CHARS for question, answer in told):
        raise InvalidInput(
            "knowledge.pair_too_long",
            _("A question with its answer has %(n)d characters at most.") % {"n": PAIR_CHARS},
        )
    return json.dumps(told, ensure_ascii=False).replace("\x00", "").encode("utf-8", "replace")

"""Which source supports which sentence of an answer: found out once, when somebody looks at an answer that is over.

Cosines are those of one encoder: with another one than rules and weights were measured with, no sentence is called
supported or unsupported, and only the closest source is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import mul
from typing import Final, Literal
from uuid import UUID

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field

from chatplatform.chat.content import text_of
from chatplatform.chat.knowledge.models import AnswerEvidence
from chatplatform.chat.models import Turn
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.queries import sources_of_turn
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, NotFound
from chatplatform.inference import gateway
from chatplatform.knowledge.evidence import agreement
from chatplatform.knowledge.evidence.claims import Claim, claims
from chatplatform.knowledge.evidence.clauses import Reading, reading
from chatplatform.knowledge.retrieval.encoders import present_encoder
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.privacy.subjects import Subject

State = Literal["supported", "unsupported", "closest"]

MEASURED_WITH: Final = "multilingual-e5-small"
MOST_SOURCES: Final = 12
# a passage is cut into so many characters at most, before it is read
MOST_CHARS: Final = 3_000
# texts that are embedded for one answer, and at once
MOST_TEXTS: Final = 400
AT_ONCE: Final = 64
WAIT_S: Final = 60.0


class Statement(BaseModel):
    """A sentence of the answer. `number` is the source that supports it; of one that none supports, the closest."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(repr=False)
    state: State
    number: int


class _Kept(BaseModel):
    """`characters` is how long the answer was: one that was continued is looked at anew."""

    characters: int
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    turn: Turn
    text: str = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    kept: tuple[Statement, ...] | None = field(repr=False)


def evidence_of_turn(person_id: UUID, turn_id: UUID) -> tuple[Statement, ...]:
    """The sentences of an answer that state something, in order; none for an answer without sources.

    None as well where the encoder takes too long. Blocks while it embeds, so not in an event loop. Raises NotFound for
    a turn that is not the person's, Conflict while it is answered, Unavailable where the encoder does not answer, and
    what privacy rules refuse.
    """
    answer = _loaded(person_id, turn_id)
    if answer.kept is not None:
        return answer.kept
    stated = claims(answer.text)
    if not stated or not answer.sources or not answer.turn.model:  # what no model said needs no checking
        return ()
    passages = [reading(_passage(source)) for source in answer.sources]
    vectors, encoder = async_to_sync(_embedded)(answer.turn, _texts(stated, passages))
    if not vectors:
        return ()
    found = _judged(stated, answer.sources, passages, vectors, encoder == MEASURED_WITH)
    _keep(answer.turn, _Kept(characters=len(answer.text), statements=found))
    return found


async def _embedded(turn: Turn, texts: Sequence[str]) -> tuple[dict[str, list[float]], str]:
    """The vectors of the texts, and which encoder made them; none where it takes too long."""
    try:
        async with asyncio.timeout(WAIT_S):
            vectors, encoder = await asyncio.gather(_vectors(turn, texts), present_encoder())
    except TimeoutError:
        return {}, ""
    return vectors, encoder


def _loaded(person_id: UUID, turn_id: UUID) -> _Answer:
    turn = Turn.objects.filter(id=turn_id, owner_id=person_id).select_related("answer").first()
    if turn is None:
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    if turn.state in Turn.UNFINISHED:
        raise Conflict("answer_running", _("Wait for the answer to end."))
    sources = tuple(sources_of_turn(person_id, turn_id)[:MOST_SOURCES])
    text = text_of(turn.answer, Subject.person(person_id))
    return _Answer(turn, text, sources, _kept(turn, len(text), sources))


def _kept(turn: Turn, characters: int, sources: Sequence[Source]) -> tuple[Statement, ...] | None:
    """What was found out before; None where a source of it may not be read any more."""
    row = AnswerEvidence.objects.filter(turn=turn).first()
    if row is None:
        return None
    try:
        text = decrypt_text(Subject.person(turn.owner_id), bytes(row.content), context=_context(turn.id))
    except ContentUnreadable:
        return None
    kept = _Kept.model_validate_json(text)
    there = {source.number for source in sources}
    is_whole = kept.characters == characters and all(one.number in there for one in kept.statements)
    return kept.statements if is_whole else None


def _keep(turn: Turn, kept: _Kept) -> None:
    owner = Subject.person(turn.owner_id)
    sealed = encrypt_text(owner, kept.model_dump_json(), context=_context(turn.id))
    if Turn.objects.filter(id=turn.id).exists():
        AnswerEvidence.objects.update_or_create(
            turn=turn, defaults={"workspace_id": turn.workspace_id, "content": sealed}
        )


def _passage(source: Source) -> str:
    return f"{source.title}\n{source.passage[:MOST_CHARS]}"


def _texts(stated: Sequence[Claim], passages: Sequence[Reading]) -> list[str]:
    texts = [text for claim in stated for text in _read(claim).texts]
    texts += [text for passage in passages for text in passage.texts]
    return list(dict.fromkeys(texts))[:MOST_TEXTS]


def _read(claim: Claim) -> Reading:
    return reading(claim.text)


async def _vectors(turn: Turn, texts: Sequence[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for at in range(0, len(texts), AT_ONCE):
        some = texts[at : at + AT_ONCE]
        vectors = await gateway.embed(
            some,
            kind="query",
            subject=Subject.person(turn.owner_id),
            workspace_id=turn.workspace_id,
            actor=Actor.person(turn.owner_id),
            purpose="chat.evidence",
        )
        found.update(zip(some, vectors, strict=True))
    return found


def _judged(
    stated: Sequence[Claim],
    sources: Sequence[Source],
    passages: Sequence[Reading],
    vectors: dict[str, list[float]],
    is_measured: bool,
) -> tuple[Statement, ...]:
    def near(one: str, other: str) -> float | None:
        if one not in vectors or other not in vectors:
            return None
        return float(sum(map(mul, vectors[one], vectors[other])))

    statements = []
    for claim in stated:
        finding = agreement.found(_read(claim), passages, near)
        state: State = "supported" if finding.is_supported else "unsupported"
        statements.append(
            Statement(
                text=claim.text,
                state=state if is_measured else "closest",
                number=sources[finding.passage].number,
            )
        )
    return tuple(statements)


def _context(turn_id: UUID) -> str:
    return f"answer-evidence:{turn_id}"

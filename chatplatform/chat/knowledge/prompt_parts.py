"""Passages of collections in the prompt.

What is chosen for a question is stored with it, word for word: later turns, and other answers to the same question,
put exactly that in the same place, so that the engine need not read it again. It goes where the person's right to it
goes, or the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.knowledge import choosing, rows, wording
from chatplatform.chat.knowledge.given import Given
from chatplatform.chat.knowledge.models import GivenPassages
from chatplatform.chat.knowledge.rows import GivenRow
from chatplatform.chat.sources.numbers import next_number
from chatplatform.chat.temporary.ids import is_temporary
from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.knowledge.gaps.services import file_gap
from chatplatform.knowledge.models import AssistantCollection, AssistantKnowledge
from chatplatform.knowledge.retrieval import Retrieved
from chatplatform.knowledge.rights import SearchScope, scope_of_assistant
from chatplatform.prompts.parts import AnsweredAlready, Origin, Part, PartRef, PartsRequest


@dataclass(frozen=True, slots=True)
class _Known:
    """What rows tell before anything is looked up."""

    scope: SearchScope
    only: bool
    given: tuple[GivenRow, ...]
    has_files: bool


@dataclass(frozen=True, slots=True)
class CollectionPassages:
    """Adds passages of the assistant's collections to questions."""

    @property
    def origins(self) -> tuple[Origin, ...]:
        return ("source",)

    async def parts(self, request: PartsRequest) -> Sequence[Part]:
        """Raises AnsweredAlready where the assistant answers from its collections only and nothing fits, and what
        `retrieve` raises."""
        known = await in_thread(_known)(request)
        if known is None:
            return []
        earlier = [row for row in known.given if row.message_id != request.question_id]
        own = next((row for row in known.given if row.message_id == request.question_id), None)
        if own is not None and (own.assistant_id != request.assistant_id or not own.given.text):
            own = None
        if own is not None or not known.scope.collection_ids or choosing.is_small_talk(request.question):
            return await self._placed(request, [*earlier, *([own] if own else [])])
        found = await choosing.look_up(request, known.scope)
        if is_temporary(request.conversation_id):
            return self._unkept(request, found, known)
        number = await in_thread(next_number)(request.owner_id, request.message_ids)
        given = choosing.choose(request, found, earlier, first_number=number, only=known.only)
        if given is None and known.only and not known.has_files:
            raise AnsweredAlready(await in_thread(_do_not_know)(request, found, number))
        if given is not None:
            own = await in_thread(rows.keep)(
                request.owner_id, request.question_id, request.assistant_id, given
            )
        return await self._placed(request, [*earlier, *([own] if own else [])])

    def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
        given = rows.given_again(part.ref, owner_id=owner_id)
        return given.text if given is not None else None

    async def _placed(self, request: PartsRequest, given: Sequence[GivenRow]) -> list[Part]:
        """The parts, with the answer's numbers open to what they name."""
        passages = [passage for row in given for passage in row.given.passages if row.given.text]
        if passages and not is_temporary(request.conversation_id):
            await in_thread(rows.cite)(request.turn_id, passages)
        return [
            Part("source", row.given.text, ref=row.ref, message_id=row.message_id)
            for row in given
            if row.given.text
        ]

    def _unkept(self, request: PartsRequest, found: Retrieved, known: _Known) -> list[Part]:
        """In a temporary chat nothing is written down: passages have no numbers, and no gap is filed."""
        given = choosing.choose(request, found, (), first_number=1, only=known.only, numbered=False)
        if given is None:
            if known.only:
                raise AnsweredAlready(wording.do_not_know(found.language, (), is_passed_on=False))
            return []
        return [Part("source", given.text, ref="temporary", message_id=request.question_id)]


def _known(request: PartsRequest) -> _Known | None:
    """None where there is nothing to be added: in most chats, so it is found out by two small queries."""
    has_given = GivenPassages.objects.filter(message_id__in=request.message_ids).exists()
    if not has_given and not AssistantCollection.objects.filter(assistant_id=request.assistant_id).exists():
        return None
    scope = scope_of_assistant(request.owner_id, request.assistant_id)
    if is_temporary(request.conversation_id):
        return _Known(scope, _answers_only(request), (), has_files=False)
    given = tuple(rows.of_messages(request.owner_id, request.message_ids))
    if not scope.collection_ids:
        return _Known(scope, False, given, has_files=False)
    has_files = Attachment.objects.filter(message_id__in=request.message_ids).exists()
    return _Known(scope, _answers_only(request), given, has_files)


def _answers_only(request: PartsRequest) -> bool:
    return AssistantKnowledge.objects.filter(
        assistant_id=request.assistant_id, use=AssistantKnowledge.Use.ONLY
    ).exists()


def _do_not_know(request: PartsRequest, found: Retrieved, number: int) -> str:
    """What is said without the model; the closest passages can be opened, and the question is passed on."""
    nearest = choosing.closest(found, first_number=number)
    if nearest:
        # kept without a text: nothing of it was put before the model
        given = Given(
            text="",
            passages=nearest,
            threshold=found.threshold,
            degraded=found.degraded,
            asked=choosing.asked_besides(request, found),
        )
        rows.keep(request.owner_id, request.question_id, request.assistant_id, given)
        rows.cite(request.turn_id, nearest)
    gap_id = file_gap(
        request.question,
        assistant_id=request.assistant_id,
        conversation_id=request.conversation_id,
        language=found.language,
        confidence=max((one.score.confidence for one in found.passages), default=None),
        actor=Actor.person(request.owner_id),
    )
    return wording.do_not_know(found.language, nearest, is_passed_on=gap_id is not None)

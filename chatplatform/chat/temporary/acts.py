"""What a person does in a temporary chat. Memory changes once the record of the act is committed, or not at all.

All run in a thread, inside a workspace scope; another person's chat is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.accounts.standing import Standing
from chatplatform.audit.services import Target, record
from chatplatform.chat.audit_events import TURN_RETRIED, TURN_STOP_REQUESTED
from chatplatform.chat.beginning import answer_running, checked_text, noted_at_quota, require_assistant
from chatplatform.chat.message_length import require_readable
from chatplatform.chat.models import Turn
from chatplatform.chat.temporary import audit_events as events
from chatplatform.chat.temporary.memory import (
    TemporaryChat,
    TemporaryChats,
    TemporaryMessage,
    TemporaryTurn,
    gone,
)
from chatplatform.chat.temporary.policy import current_policy
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, NotAllowed
from chatplatform.inference.cache_owners import forget_soon
from chatplatform.privacy.subjects import Subject
from chatplatform.usage.services import admit


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that was made, or made earlier by the same client id (`is_new` false)."""

    chat: TemporaryChat
    turn: TemporaryTurn
    is_new: bool = True
    chat_is_new: bool = False
    replaced_message_id: UUID | None = None


def is_wanted(standing: Standing, *, asked_for: bool) -> bool:
    """Whether a chat that begins now is temporary: by wish, or because all are. Raises NotAllowed for a wish that
    the workspace does not grant."""
    policy = current_policy()
    if policy.is_enforced_for(standing.role):
        return True
    if asked_for and not policy.is_offered:
        raise NotAllowed(
            "temporary_not_offered", _("Temporary chats are not offered here. Begin an ordinary one.")
        )
    return asked_for


def send(
    chats: TemporaryChats,
    standing: Standing,
    *,
    client_id: UUID,
    text: str,
    conversation_id: UUID | None,
    assistant_id: UUID | None,
    actor: Actor,
) -> Begun:
    """Take what a person said and begin the turn that answers it. Without a chat, one begins.

    Raises what `services.submit_message` does, and TooMany where memory has no room.
    """
    earlier = chats.sent_before(client_id, standing.user_id)
    if earlier is not None:
        return Begun(*earlier, is_new=False)
    text = checked_text(text)
    if conversation_id is None:
        require_assistant(assistant_id, standing.user_id)
        chat = TemporaryChat(standing, assistant_id)
    else:
        chat = chats.own(conversation_id, standing.user_id, standing.workspace_id)
    require_readable(text, conversation_id=None, assistant_id=chat.assistant_id, person_id=standing.user_id)
    with _alone(chat):
        earlier = chats.sent_before(client_id, standing.user_id)
        if earlier is not None:  # the same message came twice at once
            return Begun(*earlier, is_new=False)
        _require_idle(chat)
        chats.require_pace(standing.user_id)
        chats.require_room(chat, text)
        path = chat.path
        question = TemporaryMessage(
            "user", len(chat.messages) + 1, path[-1] if path else None, text, client_id=client_id
        )
        turn = _turn(chat, question, number=question.number + 1)
        is_new = conversation_id is None
        if is_new:
            chats.add(chat)
        try:
            with noted_at_quota(actor), transaction.atomic():
                _record_start(chat, turn, actor, characters=len(text), begins=is_new)
        except BaseException:
            if is_new:
                chats.remove(chat)
            raise
        chat.messages += [question, turn.answer]
        chat.updated_at = turn.created_at
    return Begun(chat, turn, chat_is_new=is_new)


def regenerate(
    chats: TemporaryChats, chat: TemporaryChat, turn: TemporaryTurn, *, client_id: UUID, actor: Actor
) -> Begun:
    """Answer the last question again; the earlier answer stays beside it. Raises Conflict and TooMany."""
    with _alone(chat):
        for earlier in chat.turns:
            if earlier.client_id == client_id:
                return Begun(chat, earlier, is_new=False)
        _require_idle(chat)
        shown = chat.path[-1]
        if shown.parent is not turn.question:
            raise Conflict(
                "not_the_last_answer", _("In a temporary chat, only the last answer can be written again.")
            )
        chats.require_pace(chat.person_id)
        chats.require_room(chat, "")
        new = _turn(chat, turn.question, number=len(chat.messages) + 1, client_id=client_id)
        with noted_at_quota(actor), transaction.atomic():
            _record_start(chat, new, actor, regenerated=True)
        shown.on_path = False
        chat.messages.append(new.answer)
        chat.updated_at = new.created_at
    return Begun(chat, new, replaced_message_id=shown.id)


def retry(chat: TemporaryChat, turn: TemporaryTurn, *, actor: Actor) -> None:
    """Take a failed turn up again, from the text that it has. Raises Conflict and QuotaExceeded."""
    with _alone(chat):
        _require_idle(chat)
        if turn.state != Turn.State.FAILED:
            raise Conflict("not_failed", _("This answer did not fail, so there is nothing to retry."))
        if not turn.answer.on_path:
            raise Conflict(
                "not_the_last_answer", _("In a temporary chat, only the last answer can be written again.")
            )
        with noted_at_quota(actor), transaction.atomic():
            record(TURN_RETRIED, actor=actor, workspace_id=chat.workspace_id, target=_target(turn))
            _count(turn, actor)
        turn.state, turn.error_code, turn.stop_requested = Turn.State.QUEUED, "", False
        turn.finished_at = None


def request_stop(chat: TemporaryChat, turn: TemporaryTurn, *, actor: Actor) -> None:
    """Note that the answer is to end. Stopping what is over changes nothing."""
    with chat.lock:
        if turn.is_over or turn.stop_requested:
            return
        with transaction.atomic():
            record(TURN_STOP_REQUESTED, actor=actor, workspace_id=chat.workspace_id, target=_target(turn))
        turn.stop_requested = True


def record_end(chat_id: UUID, standing: Standing, *, messages: int, reason: str, actor: Actor) -> None:
    """Write down that a chat is over, and have engines forget it: one transaction."""
    with transaction.atomic():
        record(
            events.ENDED,
            actor=actor,
            workspace_id=standing.workspace_id,
            target=Target("temporary_chat", str(chat_id)),
            details={"reason": reason, "messages": messages},
        )
        forget_soon(Subject.person(standing.user_id), actor=actor, apart=chat_id)


def with_role(standing: Standing, role: str) -> Standing:
    """The same standing in another role: a change of role ends no chat."""
    return replace(standing, role=type(standing.role)(role))


# ---------------------------------------------------------------- parts of the acts


@contextmanager
def _alone(chat: TemporaryChat) -> Iterator[None]:
    """One act at a time; raises NotFound for a chat that ended meanwhile."""
    with chat.lock:
        if chat.has_ended:
            raise gone(chat.id)
        yield


def _require_idle(chat: TemporaryChat) -> None:
    if chat.running is not None:
        raise answer_running()


def _turn(
    chat: TemporaryChat, question: TemporaryMessage, *, number: int, client_id: UUID | None = None
) -> TemporaryTurn:
    answer = TemporaryMessage("assistant", number, question)
    answer.turn = TemporaryTurn(question, answer, client_id=client_id)
    return answer.turn


def _record_start(
    chat: TemporaryChat,
    turn: TemporaryTurn,
    actor: Actor,
    *,
    characters: int = 0,
    regenerated: bool = False,
    begins: bool = False,
) -> None:
    record(
        events.TURN_STARTED,
        actor=actor,
        workspace_id=chat.workspace_id,
        target=_target(turn),
        details={
            "conversation_id": str(chat.id),
            "characters": characters,
            "regenerated": regenerated,
            "begins_conversation": begins,
        },
    )
    _count(turn, actor)


def _count(turn: TemporaryTurn, actor: Actor) -> None:
    """Pass the person's limits, last in the transaction."""
    counted = admit(user_id=UUID(actor.id), token_id=actor.token_id, turns=1)
    turn.counted_at = now() if counted else None


def _target(turn: TemporaryTurn) -> Target:
    return Target("turn", str(turn.id))

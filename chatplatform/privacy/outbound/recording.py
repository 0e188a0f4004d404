"""How the doors count. Whoever works for a conversation says so around its work; the doors write it down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.outbound.models import OutboundRequest

_conversation: ContextVar[UUID | None] = ContextVar("outbound_conversation", default=None)


@contextmanager
def on_behalf_of(conversation_id: UUID) -> Iterator[None]:
    """What leaves inside this block leaves for that conversation. Follows `await`, tasks and threads."""
    token = _conversation.set(conversation_id)
    try:
        yield
    finally:
        _conversation.reset(token)


def current_conversation() -> UUID | None:
    """For whom something leaves now, if for a conversation."""
    return _conversation.get()


def count_outbound(
    *,
    host: str,
    purpose: str,
    actor: Actor,
    workspace_id: UUID | None,
    conversation_id: UUID | None = None,
    sent_bytes: int | None = None,
) -> None:
    """Write down that something leaves, in the transaction of its audit event. Called by doors only."""
    if workspace_id is None:
        return
    with workspace_scope(workspace_id):
        OutboundRequest.objects.create(
            workspace_id=workspace_id,
            host=host[:200],
            purpose=purpose[:64],
            person_id=UUID(actor.id) if actor.kind is ActorKind.PERSON else None,
            conversation_id=conversation_id,
            sent_bytes=sent_bytes,
        )

"""Keeping, deleting and asking for summaries."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from chatplatform.audit.services import Target, record
from chatplatform.chat.announcements import announce
from chatplatform.chat.models import Announcement, Conversation, Message
from chatplatform.chat.summaries import audit_events as events
from chatplatform.chat.summaries.content import sealed_summary
from chatplatform.chat.summaries.models import Summary
from chatplatform.chat.summaries.queries import own_summary
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.jobs.services import enqueue
from chatplatform.privacy.subjects import Subject

KIND = "chat.summary"


def want_summary(conversation: Conversation, *, actor: Actor) -> None:
    """Have the older messages summarised soon, if there is anything to summarise; in the caller's transaction."""
    enqueue(
        KIND,
        args={"conversation_id": str(conversation.id)},
        actor=actor,
        workspace_id=conversation.workspace_id,
        dedupe_key=f"{KIND}:{conversation.id}",
    )


def keep_summary(
    conversation: Conversation,
    last: Message,
    text: str,
    *,
    first_number: int,
    messages: int,
    model: str,
    actor: Actor,
) -> UUID:
    """Keep a summary in the place of one of the same messages; its id."""
    owner = Subject.person(conversation.owner_id)
    with transaction.atomic():
        earlier = Summary.objects.filter(conversation=conversation, last_message=last).delete()[0]
        summary_id = new_id()
        Summary.objects.create(
            id=summary_id,
            workspace_id=conversation.workspace_id,
            conversation=conversation,
            last_message=last,
            first_number=first_number,
            last_number=last.number,
            messages=messages,
            content=sealed_summary(owner, summary_id, text),
            model=model[:255],
        )
        record(
            events.SUMMARY_MADE,
            actor=actor,
            workspace_id=conversation.workspace_id,
            target=Target("conversation", str(conversation.id)),
            details={
                "summary_id": str(summary_id),
                "messages": messages,
                "model": model[:200],
                "again": bool(earlier),
            },
        )
        announce(Announcement.Kind.MESSAGE, conversation, message_id=last.id)
    return summary_id


def remove_summary(summary_id: UUID, *, actor: Actor) -> None:
    """Delete a summary: these messages are not summarised again by themselves. Raises NotFound."""
    with transaction.atomic():
        row = own_summary(UUID(actor.id), summary_id)
        Summary.objects.filter(id=row.id).update(content=b"", removed_at=now())
        record(
            events.SUMMARY_REMOVED,
            actor=actor,
            workspace_id=row.workspace_id,
            target=Target("conversation", str(row.conversation_id)),
            details={"summary_id": str(row.id), "messages": row.messages},
        )
        announce(Announcement.Kind.MESSAGE, row.conversation, message_id=row.last_message_id)


def summarise_again(summary_id: UUID, *, actor: Actor) -> None:
    """Have another summary made of the same messages; until then this one holds. Raises NotFound."""
    with transaction.atomic():
        row = own_summary(UUID(actor.id), summary_id)
        record(
            events.SUMMARY_WANTED_AGAIN,
            actor=actor,
            workspace_id=row.workspace_id,
            target=Target("conversation", str(row.conversation_id)),
            details={"summary_id": str(row.id)},
        )
        enqueue(
            KIND,
            args={"conversation_id": str(row.conversation_id), "again": str(row.id)},
            actor=actor,
            workspace_id=row.workspace_id,
            dedupe_key=f"{KIND}:{row.id}",
        )

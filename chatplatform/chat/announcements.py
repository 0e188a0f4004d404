"""Rows that tell web processes what changed: written in the transaction of the change, tailed by each process."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from chatplatform.chat.models import Announcement, Conversation
from chatplatform.chat.wake import ring
from chatplatform.common.clock import now

KEPT = timedelta(minutes=10)


def announce(
    kind: Announcement.Kind,
    conversation: Conversation,
    *,
    turn_id: UUID | None = None,
    message_id: UUID | None = None,
) -> None:
    """Tell every web process; inside the caller's transaction."""
    Announcement.objects.create(
        workspace_id=conversation.workspace_id,
        kind=kind,
        owner_id=conversation.owner_id,
        conversation_id=conversation.id,
        turn_id=turn_id,
        message_id=message_id,
    )
    transaction.on_commit(ring, robust=True)


def forget_old_announcements() -> int:
    """Delete what every process has long seen; needs no audit event, for nothing that a person made is lost."""
    return Announcement.objects.filter(created_at__lt=now() - KEPT).delete()[0]

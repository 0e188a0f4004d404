"""What was asked in a conversation goes with it."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from chatplatform.chat.models import Conversation
from chatplatform.knowledge.gaps.services import forget_conversation


@receiver(post_delete, sender=Conversation)
def _conversation_is_gone(instance: Conversation, **_: Any) -> None:
    forget_conversation([instance.id])

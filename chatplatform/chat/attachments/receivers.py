"""A file goes with the last message that has it."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.models import QueuedMessage
from chatplatform.files.services import give_back, release


@receiver(post_delete, sender=Attachment)
def _message_is_gone(instance: Attachment, origin: object, **_: Any) -> None:
    if Attachment.objects.filter(file_id=instance.file_id).exists():
        return
    if isinstance(origin, QueuedMessage):
        give_back(instance.file_id)  # taken back: the words and the files are the person's again
    else:
        release(instance.file_id)

"""What lies on disk goes with its row, whatever took the row away; all of it goes with the workspace's key."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import remove_all
from chatplatform.knowledge.models import Document, IndexEntry
from chatplatform.knowledge.removal import forget_file
from chatplatform.privacy.signals import key_destroyed
from chatplatform.privacy.subjects import Subject


@receiver(post_delete, sender=Document)
def _document_is_gone(instance: Document, **_: Any) -> None:
    forget_file(instance.file_id)


@receiver(post_delete, sender=IndexEntry)
def _entry_is_gone(instance: IndexEntry, **_: Any) -> None:
    if instance.text_id is not None:
        forget_file(instance.text_id)


@receiver(key_destroyed)
def _nobody_may_read_it(sender: object, *, subject: Subject, actor: Actor, **_: Any) -> None:
    """Texts are unreadable then; vectors are not, and say something of them."""
    if subject.kind == "workspace":
        with workspace_scope(subject.id):
            remove_all(actor=actor)

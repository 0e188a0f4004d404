"""Folders and tags of one person. Their names and instructions are encrypted with the owner's key."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel


class Folder(ScopedModel):
    """Holds conversations; a conversation is in one folder at most. `version` grows when its instructions change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.BinaryField()
    instructions = models.BinaryField(default=bytes)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        pass


class Tag(ScopedModel):
    """A word that conversations are marked with, as many as wanted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.BinaryField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        pass


class ConversationTag(ScopedModel):
    """That a conversation is marked with a tag."""

    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="conversation_tags"
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="conversation_tags")

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["conversation", "tag"], name="tagged_once")]

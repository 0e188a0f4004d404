"""Summaries of the older messages of a branch, which the model reads in their place. Encrypted with the owner's key."""

from __future__ import annotations

from django.db import models

from chatplatform.chat.models import Conversation, Message
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel


class Summary(ScopedModel):
    """What was said up to `last_message`: the `messages` messages with numbers from `first_number` to `last_number` of
    the branch that ends there.

    It holds while that message is on the shown branch and none before it has changed. A row without content was deleted
    by the person: so much is not summarised again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="summaries")
    last_message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="summaries")
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()
    messages = models.PositiveIntegerField()
    content = models.BinaryField(default=bytes)
    model = models.CharField(max_length=255, blank=True)
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)

    class Meta(ScopedModel.Meta):
        constraints = [
            # of two jobs that summarise the same, one is kept
            models.UniqueConstraint(fields=["conversation", "last_message"], name="summary_of_range")
        ]

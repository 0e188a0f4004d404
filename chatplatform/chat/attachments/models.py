"""Files of messages. One file may belong to several messages: an edited one, or one of a forked conversation."""

from __future__ import annotations

from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel
from chatplatform.files.models import StoredFile


class Attachment(ScopedModel):
    """A file of a person's message, or of one that still waits (`queued`).

    `given`, sealed with their key, is what stood in the prompt for it, word for word, so that later turns build the
    same prompt; empty until the question was put. `given_use` is how it was to be used then, `version` counts what was
    given. With `is_further` nobody attached it here: it holds passages of an earlier file that this question is about.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    message = models.ForeignKey(
        "chat.Message", null=True, on_delete=models.CASCADE, related_name="attachments"
    )
    queued = models.ForeignKey(
        "chat.QueuedMessage", null=True, on_delete=models.CASCADE, related_name="attachments"
    )
    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()
    use = models.CharField(max_length=8, choices=StoredFile.Use.choices, default=StoredFile.Use.AUTO)
    given = models.BinaryField(default=bytes)
    given_use = models.CharField(max_length=8, blank=True)
    version = models.PositiveIntegerField(default=0)
    is_further = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["message", "file"], name="attached_once")]

"""Passages that questions were given, and what was found out about answers: sealed with the key of whoever asked."""

from __future__ import annotations

from django.db import models

from chatplatform.chat.models import Message, Turn
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel


class GivenPassages(ScopedModel):
    """What stood in front of a question, word for word, so that later turns build the same prompt.

    `version` counts what was given: another assistant's collections give something else. `assistant_id` is for whom it
    was chosen, `document_ids` of which documents it is.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="given_passages")
    assistant_id = models.UUIDField()
    document_ids = models.JSONField(default=list)
    content = models.BinaryField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        pass


class AnswerEvidence(ScopedModel):
    """Which source supports which sentence of an answer, found out once. Gone with the turn."""

    turn = models.OneToOneField(Turn, on_delete=models.CASCADE, related_name="evidence")
    content = models.BinaryField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        pass

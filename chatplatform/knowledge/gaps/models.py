"""Gaps: clear are ids, counts and times; the question is sealed with the key of whoever asked."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel
from chatplatform.prompts.models import Assistant


class Gap(ScopedModel):
    """A question of one person that an assistant had no passage for, or whose answer they judged to be bad and whose
    wording they chose to show; `times` counts how often they asked it.

    `likeness` is a keyed hash of the question without case and blanks: rows of several people that have the same are
    shown as one. `conversation_id` is where it was asked last. `document_id` is the answer that was written to it.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ANSWERED = "answered", _("Answered")
        CLOSED = "closed", _("Closed")

    class Cause(models.TextChoices):
        UNANSWERED = "unanswered", _("No document fitted")
        JUDGED = "judged", _("The answer was judged to be bad")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="+")
    conversation_id = models.UUIDField(db_index=True)
    likeness = models.CharField(max_length=32)
    question = models.BinaryField()
    language = models.CharField(max_length=8, blank=True)
    confidence = models.FloatField(null=True)
    times = models.PositiveIntegerField(default=1)
    cause = models.CharField(
        max_length=10, choices=Cause.choices, default=Cause.UNANSWERED, db_default=Cause.UNANSWERED
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    document_id = models.UUIDField(null=True)
    asked_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now, editable=False)
    settled_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[Gap]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["owner", "assistant", "likeness"], name="gap_of_person_once")
        ]
        indexes = [
            models.Index(fields=["workspace_id", "state", "-asked_at"], name="gap_recent"),
            models.Index(fields=["assistant", "likeness"], name="gap_alike"),
        ]

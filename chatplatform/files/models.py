"""Files of people. Rows say what a file is; what is in it lies on disk, each part under a key of its own."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel


class StoredFile(ScopedModel):
    """A file that a person attached. `name` and the keys are sealed with the person's key.

    `key` opens the file itself, `text_key` the text that was read of it, `vectors_key` what ranks its passages; each
    is empty while there is no such part. `attached_at` is empty until the file was sent with a message.
    """

    class State(models.TextChoices):
        READING = "reading", _("Being read")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Cannot be read")

    class Use(models.TextChoices):
        """How a question gets the file."""

        AUTO = "auto", _("As it fits")
        WHOLE = "whole", _("Whole text")
        PASSAGES = "passages", _("Passages")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.BinaryField()
    kind = models.CharField(max_length=16)
    size = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.READING)
    problem = models.CharField(max_length=24, blank=True)
    use = models.CharField(max_length=8, choices=Use.choices, default=Use.AUTO)
    characters = models.PositiveIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    is_cut = models.BooleanField(default=False)
    key = models.BinaryField()
    text_key = models.BinaryField(default=bytes)
    vectors_key = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=now, editable=False)
    read_at = models.DateTimeField(null=True)
    attached_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="file_of_person"),
            models.Index(fields=["created_at"], name="file_unsent", condition=Q(attached_at=None)),
            models.Index(fields=["created_at"], name="file_unread", condition=Q(state="reading")),
        ]

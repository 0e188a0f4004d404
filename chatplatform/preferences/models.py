"""What a person chose, for every workspace alike. Nothing of it is content."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from chatplatform.common.clock import now


class ChatPreferences(models.Model):
    """`shortcuts` holds only what differs from the defaults: an action's keys, empty for none."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    shortcuts = models.JSONField(default=dict)
    shortcuts_on = models.BooleanField(default=True)
    notify = models.BooleanField(default=False)
    changed_at = models.DateTimeField(default=now)

    objects: ClassVar[models.Manager[ChatPreferences]] = models.Manager()

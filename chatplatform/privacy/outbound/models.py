"""Requests that left this machine. Where to, why and when; never what was said."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.scope import ScopedManager, ScopedModel


class OutboundRequest(ScopedModel):
    """One request to a host that is not this machine, let through by the door of its kind.

    `purpose` is the door's short code; `sent_bytes` is the length of the body, where it is known beforehand. What
    concerns no workspace, such as a look at an engine's health, stands in the audit log alone.
    """

    id = models.BigAutoField(primary_key=True)
    host = models.CharField(max_length=200)
    purpose = models.CharField(max_length=64)
    person_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    sent_bytes = models.PositiveBigIntegerField(null=True)
    at = models.DateTimeField(default=now)

    objects: ClassVar[ScopedManager[OutboundRequest]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["conversation_id", "-at"], name="outbound_of_conversation"),
            models.Index(fields=["person_id", "-at"], name="outbound_of_person"),
            models.Index(fields=["workspace_id", "-at"], name="outbound_of_workspace"),
        ]

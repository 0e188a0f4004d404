"""What the API keeps of requests: how many there were, and the answers to those that may be repeated."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.scope import ScopedManager, ScopedModel


class RequestCount(models.Model):
    """How many requests a token, or a person without one, has made in one minute. Holds no tenant data."""

    caller_id = models.UUIDField()
    minute = models.DateTimeField(db_index=True)
    amount = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller_id", "minute"], name="requests_of_a_minute")]


class RepeatableCall(ScopedModel):
    """A request with an `Idempotency-Key`. `status` 0 means that it is running; `body` is encrypted for its person."""

    user_id = models.UUIDField()
    key_sha256 = models.CharField(max_length=64)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    streamed = models.BooleanField(default=False)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)

    objects: ClassVar[ScopedManager[RepeatableCall]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "user_id", "key_sha256"], name="call_made_once")
        ]

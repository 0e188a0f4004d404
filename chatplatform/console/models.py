"""What the console remembers of a workspace: that a list was put away, that something was reviewed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.scope import ScopedManager, ScopedModel


class WorkspaceMark(ScopedModel):
    """One thing that somebody did once for the whole workspace; `value` says for what state it was done."""

    name = models.CharField(max_length=64)
    value = models.CharField(max_length=200, blank=True)
    set_at = models.DateTimeField(default=now)

    objects: ClassVar[ScopedManager[WorkspaceMark]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace_id", "name"], name="mark_once")]

"""How much was used, by whom and of what, and how much somebody may. Counts only, never content."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel


class Window(models.TextChoices):
    """A calendar window in UTC. Its counters begin at nothing when the next one begins."""

    HOUR = "hour", _("an hour")
    DAY = "day", _("a day")
    MONTH = "month", _("a month")


class Unit(models.TextChoices):
    """What a limit counts: answers that were begun, or tokens that models read and wrote."""

    TURNS = "turns", _("Answers")
    TOKENS = "tokens", _("Tokens")


class QuotaRule(ScopedModel):
    """A limit. `subject_id` is the person, group or token; for everyone it is the workspace.

    A limit of a group or of everyone holds for each of its people alone or, with `together`, for their sum.
    """

    class Subject(models.TextChoices):
        PERSON = "person", _("Person")
        GROUP = "group", _("Group")
        TOKEN = "token", _("Token")
        EVERYONE = "everyone", _("Everyone")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject_kind = models.CharField(max_length=8, choices=Subject.choices)
    subject_id = models.UUIDField()
    together = models.BooleanField(default=False)
    unit = models.CharField(max_length=8, choices=Unit.choices)
    window = models.CharField(max_length=8, choices=Window.choices)
    limit = models.BigIntegerField()
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[QuotaRule]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "subject_kind", "subject_id", "together", "unit", "window"],
                name="one_quota_rule",
            ),
            models.CheckConstraint(condition=models.Q(limit__gte=0), name="quota_not_negative"),
        ]


class UsageCounter(ScopedModel):
    """What one subject used in one window. Limits are checked against people's and tokens' counters; assistants'
    and models' (by day) are for the reports. `label` is the name of a model: models have no id.

    What no person caused, such as indexing, is counted for the person with the id of zeros.
    """

    class Subject(models.TextChoices):
        PERSON = "person", _("Person")
        TOKEN = "token", _("Token")
        ASSISTANT = "assistant", _("Assistant")
        MODEL = "model", _("Model")

    subject_kind = models.CharField(max_length=9, choices=Subject.choices)
    subject_id = models.UUIDField()
    window = models.CharField(max_length=8, choices=Window.choices)
    starts_at = models.DateTimeField()
    label = models.CharField(max_length=255, blank=True)
    turns = models.BigIntegerField(default=0)
    tokens_read = models.BigIntegerField(default=0)
    tokens_written = models.BigIntegerField(default=0)

    objects: ClassVar[ScopedManager[UsageCounter]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            # in this order it serves the reports too: one kind, one window, a range of days
            models.UniqueConstraint(
                fields=["workspace_id", "subject_kind", "window", "starts_at", "subject_id"],
                name="one_usage_counter",
            )
        ]
        indexes = [models.Index(fields=["window", "starts_at"], name="usage_counter_age")]

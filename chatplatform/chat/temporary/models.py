"""The one thing about temporary chats that has a row: what a workspace allows. Never a word of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel


class TemporaryChatPolicy(ScopedModel):
    """What holds in a workspace; without a row, they are offered. `roles` are those that a rule is enforced for; none
    stands for everybody."""

    class Mode(models.TextChoices):
        OFFERED = "offered", _("Offered to everybody")
        NOT_OFFERED = "not_offered", _("Not offered")
        ENFORCED = "enforced", _("Every chat is temporary")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.OFFERED)
    roles = models.JSONField(default=list)
    changed_at = models.DateTimeField(default=now)

    objects: ClassVar[ScopedManager[TemporaryChatPolicy]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="one_temporary_chat_policy")]

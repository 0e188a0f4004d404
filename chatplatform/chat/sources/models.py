"""Sources of answers: numbers and ids in clear, everything else encrypted with the key of the turn's owner."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatplatform.common.scope import ScopedManager, ScopedModel


class SourceKind(models.TextChoices):
    FILE = "file", _("Attached file")
    DOCUMENT = "document", _("Document")
    WEB = "web", _("Web page")
    TOOL = "tool", _("Tool")


class TurnSource(ScopedModel):
    """One numbered passage that the model was given for a turn. `content` is a SourceText in JSON."""

    turn = models.ForeignKey("chat.Turn", on_delete=models.CASCADE, related_name="sources")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=SourceKind.choices)
    document_id = models.UUIDField(null=True)
    content = models.BinaryField()

    objects: ClassVar[ScopedManager[TurnSource]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["turn", "number"], name="turn_source_number")]

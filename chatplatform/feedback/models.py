"""What people think of answers. Comments are encrypted with their author's key; verdicts and reasons are clear."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel


class Verdict(models.TextChoices):
    GOOD = "good", _("Good")
    BAD = "bad", _("Bad")


class Reason(models.TextChoices):
    """Why. The first four go with a good verdict, the others with a bad one."""

    CORRECT = "correct", _("Correct")
    COMPLETE = "complete", _("Complete")
    CLEAR = "clear", _("Clear")
    RIGHT_TONE = "right_tone", _("The right tone")
    WRONG = "wrong", _("Not correct")
    INCOMPLETE = "incomplete", _("Something is missing")
    UNCLEAR = "unclear", _("Hard to understand")
    BESIDE_THE_POINT = "beside_the_point", _("Not what I asked")
    WRONG_SOURCE = "wrong_source", _("Its sources do not say that")
    HARMFUL = "harmful", _("Harmful or improper")


REASONS_OF: dict[Verdict, tuple[Reason, ...]] = {
    Verdict.GOOD: (Reason.CORRECT, Reason.COMPLETE, Reason.CLEAR, Reason.RIGHT_TONE),
    Verdict.BAD: (
        Reason.WRONG,
        Reason.INCOMPLETE,
        Reason.UNCLEAR,
        Reason.BESIDE_THE_POINT,
        Reason.WRONG_SOURCE,
        Reason.HARMFUL,
    ),
}


class Feedback(ScopedModel):
    """One person's verdict on one answer of theirs. Assistant, prompt version and model are those that answered.

    `reasons` are codes between commas, with one at each end, so that both databases find one by a plain comparison.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    turn = models.OneToOneField("chat.Turn", on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=4, choices=Verdict.choices)
    reasons = models.CharField(max_length=200, blank=True)
    comment = models.BinaryField(default=bytes)
    assistant_id = models.UUIDField(null=True)
    prompt_version_id = models.UUIDField(null=True)
    model = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    changed_at = models.DateTimeField(default=now)

    objects: ClassVar[ScopedManager[Feedback]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        indexes = [models.Index(fields=["workspace_id", "-created_at", "-id"], name="feedback_recent")]

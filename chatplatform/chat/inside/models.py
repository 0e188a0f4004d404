"""What was sent to a model for an answer: which parts, how long, when; never the texts themselves."""

from __future__ import annotations

from django.db import models

from chatplatform.chat.models import Turn
from chatplatform.common.clock import now
from chatplatform.common.scope import ScopedModel


class SentPrompt(ScopedModel):
    """One request to an engine for a turn; a turn that had to be taken up again has several.

    `sealed` lists the parts by origin, name and length, encrypted with the owner's key, with a salt and a salted hash
    of each part's text. `commitment` is the salted hash of the whole prompt, which the audit log holds as well: what is
    rebuilt from rows later is the prompt that was sent, or it is seen not to be. `context` names what features put
    before the history: ids and versions only.
    """

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="sent_prompts")
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()
    commitment = models.CharField(max_length=64)
    context = models.TextField(blank=True)
    asked_model = models.CharField(max_length=255)
    sampling = models.JSONField(default=dict)
    # in tokens: what prompt and answer may have together, what is kept free for the answer, what was counted
    window_tokens = models.PositiveIntegerField()
    answer_tokens = models.PositiveIntegerField()
    counted_tokens = models.PositiveIntegerField()
    # as the engine told
    prompt_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    model = models.CharField(max_length=255, blank=True)
    sent_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    first_word_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["turn", "number"], name="sent_prompt_number")]

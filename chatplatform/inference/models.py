"""Every call of a model: who caused it, where it went, how it ended. Never what was said."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel


class ModelCall(ScopedModel):
    """One request to an engine. The row is committed before the first byte leaves, and closed after the last."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("Answer")
        EMBEDDING = "embedding", _("Embedding")
        RERANKING = "reranking", _("Reranking")

    class State(models.TextChoices):
        OPEN = "open", _("Running")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")
        ABANDONED = "abandoned", _("Abandoned")  # its process died

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    turn_id = models.UUIDField(null=True, blank=True, db_index=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.UUIDField(db_index=True)
    purpose = models.CharField(max_length=64)
    priority = models.CharField(max_length=16)
    destination = models.CharField(max_length=255)
    destination_url = models.CharField(max_length=500)
    is_local = models.BooleanField()
    asked_model = models.CharField(max_length=255)
    messages_left_out = models.PositiveIntegerField(default=0)
    left_out_reason = models.CharField(max_length=16, blank=True)

    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    error_code = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=255, blank=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    finish_reason = models.CharField(max_length=16, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    first_token_s = models.FloatField(null=True)
    total_s = models.FloatField(null=True)
    opened_at = models.DateTimeField(default=now, editable=False)
    closed_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[ModelCall]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["opened_at"], condition=models.Q(state="open"), name="model_call_open")
        ]


class ModelChoice(models.Model):
    """Which model answers in a role, as chosen in the console; without a row the settings' default does.

    It concerns the machine and every workspace on it.
    """

    class Role(models.TextChoices):
        CHAT = "chat", _("Chat")
        QUICK = "quick", _("Titles and small tasks")

    role = models.CharField(primary_key=True, max_length=8, choices=Role.choices)
    model_id = models.CharField(max_length=100)
    changed_at = models.DateTimeField(default=now)


class EngineEndpoint(models.Model):
    """A server that answers beside the machine's own engine, for every workspace on it.

    One that is not on this machine is off until somebody with the right says that prompts may leave for it.
    """

    class Kind(models.TextChoices):
        OURS = "ours", _("Engine of this platform")
        LLAMA_SERVER = "llama_server", "llama-server"
        VLLM = "vllm", "vLLM"
        OLLAMA = "ollama", "Ollama"
        OPENAI = "openai", _("Any other server of the OpenAI protocol")

    class Place(models.TextChoices):
        MACHINE = "machine", _("On this machine")
        NETWORK = "network", _("In our own network")
        OUTSIDE = "outside", _("Outside, on the internet")

    class Order(models.TextChoices):
        BEFORE = "before", _("Before the machine's own engine")
        BESIDE = "beside", _("Beside it, sharing the load")
        AFTER = "after", _("After it, when it does not answer")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    url = models.CharField(max_length=300)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    place = models.CharField(max_length=16, choices=Place.choices)
    order = models.CharField(max_length=16, choices=Order.choices, default=Order.BEFORE)
    sealed_key = models.BinaryField(null=True)
    chat_model = models.CharField(max_length=255, blank=True)
    quick_model = models.CharField(max_length=255, blank=True)
    context_tokens = models.PositiveIntegerField(default=0)
    is_on = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now, editable=False)
    changed_at = models.DateTimeField(default=now)

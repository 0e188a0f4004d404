"""Conversations, messages and turns. Content is encrypted with the owner's key; only ids and counts are clear."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.chat.organising.models import Folder
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel


class Conversation(ScopedModel):
    """A series of messages between a person and an assistant."""

    class TitleOrigin(models.TextChoices):
        QUESTION = "question", _("First words of the question")
        MODEL = "model", _("Written by the model")
        PERSON = "person", _("Chosen by a person")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    assistant_id = models.UUIDField(null=True)
    # the model that answers instead of the assistant's own, where a person chose one
    model = models.CharField(max_length=255, blank=True, default="", db_default="")
    title = models.BinaryField()
    title_origin = models.CharField(max_length=8, choices=TitleOrigin.choices, default=TitleOrigin.QUESTION)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)
    folder = models.ForeignKey(Folder, null=True, on_delete=models.SET_NULL, related_name="conversations")
    pinned_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="conversation_recent"),
            models.Index(fields=["owner"], name="conversation_pinned", condition=Q(pinned_at__isnull=False)),
        ]


class Message(ScopedModel):
    """One entry. `parent` makes a tree; `on_path` marks the branch that is shown, so that a page of it is one query.
    `chosen` marks which of several siblings is shown when their parent is: a branch is found again as it was left.

    An assistant's message stays empty until its turn is over: until then its text is in the turn's segments. `tokens`
    is its length as the model file with the hash `tokens_of` reads it, where that was counted. `thinking` is what the
    model thought before the answer, kept apart: it is no part of the answer, nor of any prompt.
    """

    class Role(models.TextChoices):
        USER = "user", _("Person")
        ASSISTANT = "assistant", _("Assistant")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    number = models.PositiveIntegerField()
    on_path = models.BooleanField(default=True)
    chosen = models.BooleanField(default=True, db_default=True)
    role = models.CharField(max_length=9, choices=Role.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    client_id = models.UUIDField(null=True)
    content = models.BinaryField(default=bytes)
    thinking = models.BinaryField(null=True)
    tokens = models.PositiveIntegerField(null=True)
    tokens_of = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["conversation", "number"], name="message_number"),
            # a client's id names one message of one person, however often it is sent
            models.UniqueConstraint(fields=["author", "client_id"], name="message_sent_once"),
        ]
        indexes = [
            models.Index(fields=["conversation", "-number"], name="message_path", condition=Q(on_path=True))
        ]


class Turn(ScopedModel):
    """All that is done to answer one message. Whoever holds the lease runs it."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting its turn")
        RUNNING = "running", _("Answering")
        WAITING = "waiting", _("Waiting for the model")
        FINISHED = "finished", _("Finished")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    UNFINISHED: ClassVar = (State.QUEUED, State.RUNNING, State.WAITING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="turns")
    answer = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="turn")
    client_id = models.UUIDField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    stop_requested_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=64, blank=True)
    lease_owner = models.CharField(max_length=128, blank=True)
    lease_expires_at = models.DateTimeField(default=now)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)
    # who was chosen to answer when the turn began, and how many characters it had when it was continued last
    asked_assistant_id = models.UUIDField(null=True)
    asked_model = models.CharField(max_length=255, blank=True, default="", db_default="")
    continued_from = models.PositiveIntegerField(default=0, db_default=0)
    # the API token that asked, whose own limits hold; and when the turn was counted towards limits, if it was
    token_id = models.UUIDField(null=True)
    counted_at = models.DateTimeField(null=True)
    # the passport: what this answer was made of
    assistant_id = models.UUIDField(null=True)
    prompt_version_id = models.UUIDField(null=True)
    prompt_sha256 = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=255, blank=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    # what prompt and answer might have had together
    window_tokens = models.PositiveIntegerField(default=0, db_default=0)
    # what the prompt did not hold, why, and the number of the message that its history began with
    messages_left_out = models.PositiveIntegerField(default=0)
    left_out_reason = models.CharField(max_length=16, blank=True)
    history_from = models.PositiveIntegerField(null=True)
    context_retries = models.PositiveIntegerField(default=0)
    cut_at_limit = models.BooleanField(default=False)
    first_token_s = models.FloatField(null=True)
    total_s = models.FloatField(null=True)
    # what was thought before the answer: how long, how many of the answer's tokens, whether its words are kept; and
    # since when it goes on, while it does
    thought_s = models.FloatField(null=True)
    thinking_since = models.DateTimeField(null=True)
    thinking_tokens = models.PositiveIntegerField(default=0, db_default=0)
    has_thinking = models.BooleanField(default=False, db_default=False)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(state__in=["queued", "running", "waiting"]),
                name="one_running_turn",
            ),
            models.UniqueConstraint(fields=["question", "client_id"], name="regenerated_once"),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="turn_rate"),
            models.Index(
                fields=["lease_expires_at"],
                name="turn_lease",
                condition=Q(state__in=["queued", "running", "waiting"]),
            ),
        ]


class Segment(ScopedModel):
    """A piece of a running answer, or of the thinking before it, committed before it is shown. The numbers of a turn
    have no gap."""

    class Kind(models.TextChoices):
        ANSWER = "answer", _("Answer")
        THINKING = "thinking", _("Thinking")

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="segments")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(
        max_length=8, choices=Kind.choices, default=Kind.ANSWER, db_default=Kind.ANSWER.value
    )
    content = models.BinaryField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["turn", "sequence"], name="segment_sequence")]


class QueuedMessage(ScopedModel):
    """What was said while an answer ran. It becomes a message, and this row goes, when its turn to be answered comes.

    `number` is the order within the conversation, whatever clocks say. `refusal` is the code of why it could not be
    sent; then it, and what stands behind it, waits for the person.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="queued")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_id = models.UUIDField()
    number = models.PositiveIntegerField()
    content = models.BinaryField()
    token_id = models.UUIDField(null=True)
    refusal = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["conversation", "number"], name="queued_number"),
            models.UniqueConstraint(fields=["owner", "client_id"], name="queued_once"),
        ]


class Announcement(ScopedModel):
    """Tells every web process that something changed: they tail these rows. Holds ids only; short-lived."""

    class Kind(models.TextChoices):
        CONVERSATION = "conversation"
        REMOVED = "removed"
        TURN = "turn"
        STOP = "stop"
        PATH = "path"
        QUEUE = "queue"
        MESSAGE = "message"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    owner_id = models.UUIDField()
    conversation_id = models.UUIDField()
    turn_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now, db_index=True)

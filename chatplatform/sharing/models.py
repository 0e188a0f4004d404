"""What leaves a chat and what comes in: links to snapshots, files to take away, files that were brought.

Everything that somebody said is encrypted; ids, counts and times are clear.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.chat.models import Conversation
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel
from chatplatform.sharing.limits import EXPIRY_DAYS


class Audience(models.TextChoices):
    WORKSPACE = "workspace", _("Members of this workspace")
    PUBLIC = "public", _("Anyone with the link")


class SharingPolicy(ScopedModel):
    """What a workspace permits. Without a row nothing may be shared."""

    workspace_links = models.BooleanField(default=False)
    public_links = models.BooleanField(default=False)
    longest_days = models.PositiveIntegerField(default=EXPIRY_DAYS[-1])
    changed_at = models.DateTimeField(default=now)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="one_sharing_policy")]


class Share(ScopedModel):
    """A link that shows a conversation as it was at a moment.

    Whoever has the token may read; its hash finds the row, and the token itself is sealed with the owner's key, for
    the owner alone. A share that has ended keeps neither token nor pages, and its key is destroyed.
    """

    class Ended(models.TextChoices):
        REVOKED = "revoked", _("Revoked")
        EXPIRED = "expired", _("Expired")
        POLICY = "policy", _("Ended by the workspace's policy")
        DELETED = "deleted", _("The conversation was deleted")
        LEFT = "left", _("Its person left the workspace")
        ERASED = "erased", _("Its person's data was erased")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.SET_NULL, related_name="+")
    audience = models.CharField(max_length=9, choices=Audience.choices)
    token_hash = models.BinaryField(max_length=32, unique=True, null=True)
    token = models.BinaryField(default=bytes)
    shows_name = models.BooleanField(default=False)
    messages = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    snapshot_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended = models.CharField(max_length=8, choices=Ended.choices, blank=True)
    key_destroyed_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="share_of_owner"),
            models.Index(fields=["workspace_id", "-created_at"], name="share_of_workspace"),
            models.Index(fields=["expires_at"], condition=Q(ended_at__isnull=True), name="share_expiry"),
            models.Index(
                fields=["ended_at"],
                condition=Q(ended_at__isnull=False, key_destroyed_at__isnull=True),
                name="share_key_left",
            ),
        ]


class SharePage(ScopedModel):
    """Some messages of a snapshot, as JSON, encrypted with the share's key and then with the owner's."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["share", "number"], name="share_page_number")]


class FileFormat(models.TextChoices):
    MARKDOWN = "markdown", _("Markdown")
    HTML = "html", _("HTML, to read and print")
    JSON = "json", _("JSON, with all branches")


class ExportFile(ScopedModel):
    """A zip of conversations that a job makes. `conversation_ids` null means all of the owner's."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    format = models.CharField(max_length=8, choices=FileFormat.choices)
    language = models.CharField(max_length=16, blank=True)
    conversation_ids = models.JSONField(null=True)
    job_id = models.UUIDField(null=True)
    conversations = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta(ScopedModel.Meta):
        indexes = [models.Index(fields=["owner", "-created_at"], name="export_of_owner")]


class ExportPiece(ScopedModel):
    """A part of the zip, encrypted with the owner's key."""

    file = models.ForeignKey(ExportFile, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="export_piece_number")]


class ImportFile(ScopedModel):
    """A file of conversations that a person brings, and what became of it. Its pieces go when the job is over."""

    class Kind(models.TextChoices):
        UNKNOWN = "", _("Not known yet")
        OWN = "chatplatform", _("Chatplatform")
        CHATGPT = "chatgpt", _("ChatGPT")
        OPEN_WEBUI = "open_webui", _("Open WebUI")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    size_bytes = models.BigIntegerField()
    received = models.PositiveIntegerField(default=0)
    job_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.UNKNOWN, blank=True)
    found = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    problems = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        indexes = [models.Index(fields=["owner", "-created_at"], name="import_of_owner")]


class ImportPiece(ScopedModel):
    """A part of the file, encrypted with the owner's key; all but the last have the same length."""

    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="import_piece_number")]


class ImportedConversation(ScopedModel):
    """Where a conversation came from, so that the same file brings it once. Goes with the conversation.

    `fingerprint` is a keyed hash of what it held: it tells nobody without the master key anything.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="+")
    file_id = models.UUIDField(null=True)
    fingerprint = models.CharField(max_length=32)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["owner", "workspace_id", "fingerprint"], name="imported_once")
        ]

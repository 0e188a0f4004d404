"""The index: which texts there are to find, and encrypted packs of what they hold. Texts themselves lie elsewhere.

Clear are ids, times and counts. What words there are, and how often, is encrypted with the owner's key.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedModel


class Kind(models.TextChoices):
    """What is searched apart from the rest."""

    MESSAGE = "message"
    TITLE = "title"


class SearchPack(ScopedModel):
    """Tokens of up to PACK_TEXTS texts of one person. `listing` names the texts, newest first (packing.py).

    A stale pack holds something of a text that changed or is gone, and is about to be made anew. `newest` and
    `oldest` are the moments of its first and last text.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=7, choices=Kind.choices)
    newest = models.DateTimeField()
    oldest = models.DateTimeField()
    texts = models.PositiveIntegerField()
    is_stale = models.BooleanField(default=False)
    listing = models.BinaryField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["owner", "kind", "-newest"], name="pack_order"),
            models.Index(fields=["owner", "kind"], name="pack_stale", condition=Q(is_stale=True)),
        ]


class SearchBucket(ScopedModel):
    """A part of a pack's tokens: those whose keyed hash begins with `number`."""

    pack = models.ForeignKey(SearchPack, on_delete=models.CASCADE, related_name="buckets")
    number = models.PositiveSmallIntegerField()
    postings = models.BinaryField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["pack", "number"], name="bucket_of_pack")]


class SearchEntry(ScopedModel):
    """A text that is to be found. Without a pack it is compared with the query itself, so nothing is ever missed.

    `item_id` is the text's own id and `group_id` the conversation's; `at` orders what is found. `revision` grows with
    each change of the text.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=7, choices=Kind.choices)
    item_id = models.UUIDField()
    group_id = models.UUIDField()
    at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=0)
    pack = models.ForeignKey(SearchPack, null=True, on_delete=models.SET_NULL, related_name="entries")

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["item_id"], name="entry_of_text")]
        indexes = [
            # what is packed is found by its pack: only the rest wants an index of its own
            models.Index(
                fields=["owner", "kind", "-at"], name="entry_unpacked", condition=Q(pack__isnull=True)
            ),
            models.Index(fields=["group_id"], name="entry_group"),
        ]


class SearchBacklog(ScopedModel):
    """How far the texts that were there before the index are entered; one row a workspace."""

    last_group_id = models.UUIDField(null=True)
    passes = models.PositiveSmallIntegerField(default=0)
    passed_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="backlog_of_workspace")]

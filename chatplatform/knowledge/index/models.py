"""Packs of postings. Clear are ids, lengths and sizes, which rows of chunks say too; terms and how often they come are
keyed hashes inside of encrypted buckets.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel
from chatplatform.knowledge.models import Index


class TermPack(ScopedModel):
    """The words of up to 16,384 chunks of an index. Never changed but for what was removed.

    `ids` are 16 bytes a chunk, in order; a chunk's place there is its ordinal. `lengths` are 2 bytes a chunk, `longest`
    their largest. `removed` has a bit for each ordinal, or is empty; `length` is the sum of what is not removed.
    `buckets` is how many there could be, a power of two.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="+")
    chunks = models.PositiveIntegerField()
    length = models.PositiveBigIntegerField()
    longest = models.PositiveIntegerField()
    buckets = models.PositiveSmallIntegerField()
    removed_chunks = models.PositiveIntegerField(default=0)
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    removed = models.BinaryField(default=bytes)
    lengths = models.BinaryField()
    # at the end of the row: seldom read, and large
    ids = models.BinaryField()

    objects: ClassVar[ScopedManager[TermPack]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        pass


class TermBucket(ScopedModel):
    """A part of a pack's postings: of those terms whose keyed hash ends in `number`."""

    pack = models.ForeignKey(TermPack, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveSmallIntegerField()
    postings = models.BinaryField()

    objects: ClassVar[ScopedManager[TermBucket]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["pack", "number"], name="term_bucket_of_pack")]

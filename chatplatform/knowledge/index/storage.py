"""Packs as rows, and back."""

from __future__ import annotations

from uuid import UUID

from chatplatform.common.ids import new_id
from chatplatform.knowledge.index import packing
from chatplatform.knowledge.index.models import TermBucket, TermPack
from chatplatform.knowledge.models import Index
from chatplatform.privacy.content import decrypt_bytes, encrypt_bytes
from chatplatform.privacy.subjects import Subject


def write_pack(index: Index, pack: packing.Pack, sealed: dict[int, bytes], pack_id: UUID) -> TermPack:
    """Inside a transaction; `sealed` is `sealed_parts` of the pack under the same id."""
    lengths = packing.numbers("H", pack.lengths)
    row = TermPack.objects.create(
        id=pack_id,
        workspace_id=index.workspace_id,
        index_id=index.id,
        chunks=pack.chunks,
        length=sum(lengths),
        longest=max(lengths, default=0),
        buckets=pack.buckets,
        lengths=pack.lengths,
        ids=pack.ids,
    )
    TermBucket.objects.bulk_create(
        (
            TermBucket(workspace_id=index.workspace_id, pack=row, number=number, postings=postings)
            for number, postings in sealed.items()
        ),
        batch_size=200,
    )
    return row


def sealed_parts(workspace_id: UUID, pack: packing.Pack) -> tuple[UUID, dict[int, bytes]]:
    """A new id, and the buckets as they are kept under it. Raises KeysUnavailable, ContentErased."""
    pack_id = new_id()
    subject = Subject.workspace(workspace_id)
    return pack_id, {
        number: encrypt_bytes(subject, part, context=_context(pack_id, number))
        for number, part in pack.parts.items()
    }


def opened_bucket(workspace_id: UUID, pack_id: UUID, number: int, postings: bytes) -> bytes:
    """Raises ContentUnreadable, ContentErased, KeysUnavailable."""
    return decrypt_bytes(Subject.workspace(workspace_id), bytes(postings), context=_context(pack_id, number))


def _context(pack_id: UUID, number: int) -> str:
    return f"terms:{pack_id}:{number}"

"""The words of a chunk, sealed in its row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from uuid import UUID

from chatplatform.knowledge.models import Chunk
from chatplatform.privacy.content import decrypt_bytes, encrypt_bytes
from chatplatform.privacy.subjects import Subject


@dataclass(frozen=True, slots=True)
class ChunkText:
    """`text` is the span of the document; `context` what it stands under: headings, the header of its table, the
    question that it answers."""

    text: str = field(repr=False)
    context: str = field(default="", repr=False)

    @property
    def embedded(self) -> str:
        """What is turned into a vector and indexed by words."""
        return f"{self.context}\n{self.text}" if self.context else self.text


def sealed_chunk(workspace_id: UUID, chunk_id: UUID, said: ChunkText) -> bytes:
    """For Chunk.content. Raises KeysUnavailable, ContentErased."""
    plain = json.dumps([said.text, said.context], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return encrypt_bytes(Subject.workspace(workspace_id), plain, context=_context(chunk_id))


def chunk_text(chunk: Chunk) -> ChunkText:
    """What the chunk says. Raises ContentUnreadable, ContentErased, KeysUnavailable."""
    plain = decrypt_bytes(
        Subject.workspace(chunk.workspace_id), bytes(chunk.content), context=_context(chunk.id)
    )
    text, context = json.loads(plain.decode("utf-8", "surrogatepass"))
    return ChunkText(text, context)


def _context(chunk_id: UUID) -> str:
    return f"chunk:{chunk_id}"

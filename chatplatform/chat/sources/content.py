"""Sources encrypted and read again."""

from __future__ import annotations

from uuid import UUID

from chatplatform.chat.sources.models import TurnSource
from chatplatform.chat.sources.passages import Source, SourceText
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject

_CLEAR = {"number", "kind", "document_id"}


def sealed_source(owner: Subject, turn_id: UUID, source: Source) -> bytes:
    text = source.model_dump_json(exclude=_CLEAR)
    return encrypt_text(owner, text, context=_context(turn_id, source.number))


def source_of(row: TurnSource, owner: Subject) -> Source:
    text = SourceText.model_validate_json(
        decrypt_text(owner, bytes(row.content), context=_context(row.turn_id, row.number))
    )
    return Source(**text.model_dump(), number=row.number, kind=row.kind, document_id=row.document_id)


def _context(turn_id: UUID, number: int) -> str:
    return f"source:{turn_id}:{number}"

"""What is kept of a document: names and keys sealed with the workspace's key, parts on disk under keys of their own.

A document's file lies under its `file_id`, the text that was read of it beside it. Another content has another
`file_id`, so what an index was made of stays until the index is made of the new one.
"""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from django.conf import settings

from chatplatform.documents.blocks import Document as ReadDocument
from chatplatform.knowledge.models import Document, IndexEntry
from chatplatform.privacy.content import decrypt_bytes, decrypt_text, encrypt_bytes, encrypt_text
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.privacy.sealed_files import sealed_parts, write_sealed
from chatplatform.privacy.subjects import Subject

# a text of so many bytes is never written; more inside a part means that it is not ours
MOST_TEXT_BYTES = 64 * 2**20


class Of(StrEnum):
    """The parts of a file: the ending of each on disk, and the context of its key."""

    FILE = ""
    TEXT = ".text"


class Field(StrEnum):
    """What of a document is sealed in its row."""

    NAME = "name"
    TITLE = "title"
    ORIGIN = "origin"


def folder() -> Path:
    """Where all parts lie. Several machines share it."""
    return Path(settings.KNOWLEDGE_DIR)


def path_of(file_id: UUID, part: Of = Of.FILE) -> Path:
    # the last digits of an id are random, the first are time
    return folder() / file_id.hex[-2:] / f"{file_id}{part}"


def sealed_field(workspace_id: UUID, document_id: UUID, field: Field, text: str) -> bytes:
    """Nothing for nothing. Raises KeysUnavailable, ContentErased."""
    if not text:
        return b""
    return encrypt_text(Subject.workspace(workspace_id), text, context=f"document-{field}:{document_id}")


def field_of(document: Document, field: Field) -> str:
    """Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    sealed = bytes(getattr(document, field))
    if not sealed:
        return ""
    context = f"document-{field}:{document.id}"
    return decrypt_text(Subject.workspace(document.workspace_id), sealed, context=context)


def sealed_key(workspace_id: UUID, file_id: UUID, key: bytes, part: Of = Of.FILE) -> bytes:
    return encrypt_bytes(Subject.workspace(workspace_id), key, context=f"document-key:{file_id}{part}")


def digest_of(parts: Iterable[bytes], key: bytes) -> bytes:
    """The keyed hash by which the same content is known again in its collection."""
    digest = hmac.new(key, digestmod="sha256")
    for part in parts:
        digest.update(part)
    return digest.digest()


def file_parts(document: Document) -> Iterator[bytes]:
    """The file as it came, a piece at a time. The key is opened at once, the file by the first step."""
    key = _key(document.workspace_id, document.file_id, bytes(document.key), Of.FILE)
    return sealed_parts(path_of(document.file_id), key)


def write_text(document: Document, read: ReadDocument) -> bytes:
    """Keep what was read; gives the sealed key, for the row."""
    key = write_sealed(path_of(document.file_id, Of.TEXT), [zlib.compress(read.to_bytes(), 6)])
    return sealed_key(document.workspace_id, document.file_id, key, Of.TEXT)


def text_of(document: Document) -> ReadDocument:
    """What was read of its present content. Raises ContentUnreadable, also where there is nothing."""
    return _text(document.workspace_id, document.file_id, bytes(document.text_key))


def text_of_entry(entry: IndexEntry) -> ReadDocument:
    """The text that the document's chunks in this index are spans of. Raises ContentUnreadable."""
    if entry.text_id is None:
        raise ContentUnreadable
    return _text(entry.workspace_id, entry.text_id, bytes(entry.text_key))


def remove_parts(file_id: UUID) -> None:
    for part in Of:
        path_of(file_id, part).unlink(missing_ok=True)


def _text(workspace_id: UUID, file_id: UUID, sealed: bytes) -> ReadDocument:
    if not sealed:
        raise ContentUnreadable
    key = _key(workspace_id, file_id, sealed, Of.TEXT)
    try:
        packed = b"".join(sealed_parts(path_of(file_id, Of.TEXT), key))
    except FileNotFoundError as error:
        raise ContentUnreadable from error
    opened = zlib.decompressobj()
    data = opened.decompress(packed, MOST_TEXT_BYTES)
    if opened.unconsumed_tail:
        raise ContentUnreadable
    return ReadDocument.from_bytes(data)


def _key(workspace_id: UUID, file_id: UUID, sealed: bytes, part: Of) -> bytes:
    return decrypt_bytes(Subject.workspace(workspace_id), sealed, context=f"document-key:{file_id}{part}")

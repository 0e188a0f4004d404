"""What is kept of a file: names and keys sealed with the owner's key, parts on disk under keys of their own."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from django.conf import settings

from chatplatform.documents.blocks import Document
from chatplatform.files.models import StoredFile
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
    VECTORS = ".vectors"


def folder() -> Path:
    """Where all parts lie. Several machines share it."""
    return Path(settings.FILES_DIR)


def path_of(file_id: UUID, part: Of = Of.FILE) -> Path:
    # the last digits of an id are random, the first are time
    return folder() / file_id.hex[-2:] / f"{file_id}{part}"


def sealed_name(owner: Subject, file_id: UUID, name: str) -> bytes:
    return encrypt_text(owner, name, context=f"file-name:{file_id}")


def name_of(file: StoredFile) -> str:
    return decrypt_text(owner_of(file), bytes(file.name), context=f"file-name:{file.id}")


def owner_of(file: StoredFile) -> Subject:
    return Subject.person(file.owner_id)


def sealed_key(owner: Subject, file_id: UUID, key: bytes, part: Of = Of.FILE) -> bytes:
    return encrypt_bytes(owner, key, context=f"file-key:{file_id}{part}")


def file_parts(file: StoredFile) -> Iterator[bytes]:
    """The file as it came, a piece at a time. The key is opened at once, the file by the first step."""
    return sealed_parts(path_of(file.id), _key(file, bytes(file.key), Of.FILE))


def write_document(file: StoredFile, document: Document) -> bytes:
    """Keep what was read; gives the sealed key, for the row."""
    return _write(file, Of.TEXT, [zlib.compress(document.to_bytes(), 6)])


def document_of(file: StoredFile) -> Document:
    """What was read of the file. Raises ContentUnreadable, also where there is nothing."""
    if not file.text_key:
        raise ContentUnreadable
    packed = b"".join(sealed_parts(path_of(file.id, Of.TEXT), _key(file, bytes(file.text_key), Of.TEXT)))
    opened = zlib.decompressobj()
    data = opened.decompress(packed, MOST_TEXT_BYTES)
    if opened.unconsumed_tail:
        raise ContentUnreadable
    return Document.from_bytes(data)


def write_vectors(file: StoredFile, parts: Iterable[bytes]) -> bytes:
    return _write(file, Of.VECTORS, parts)


def vectors_of(file: StoredFile) -> bytes:
    """Empty where there are none."""
    if not file.vectors_key:
        return b""
    key = _key(file, bytes(file.vectors_key), Of.VECTORS)
    return b"".join(sealed_parts(path_of(file.id, Of.VECTORS), key))


def remove_parts(file_id: UUID) -> None:
    for part in Of:
        path_of(file_id, part).unlink(missing_ok=True)


def _write(file: StoredFile, part: Of, data: Iterable[bytes]) -> bytes:
    return sealed_key(owner_of(file), file.id, write_sealed(path_of(file.id, part), data), part)


def _key(file: StoredFile, sealed: bytes, part: Of) -> bytes:
    return decrypt_bytes(owner_of(file), sealed, context=f"file-key:{file.id}{part}")

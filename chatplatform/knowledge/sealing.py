"""A file on its way into a collection: sealed on the disk before a row names it, and gone again if none does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.common.errors import PlatformError, Unavailable
from chatplatform.common.ids import new_id
from chatplatform.documents.kinds import HEAD_BYTES, ending_of, kind_of
from chatplatform.knowledge import content
from chatplatform.knowledge.collection_secret import key_of
from chatplatform.knowledge.models import Collection, Document
from chatplatform.privacy.sealed_files import SealingWriter, sealed_parts


class TooLarge(PlatformError):
    """More than is taken."""

    status = 413


@dataclass(slots=True)
class SealedContent:
    """A file on the disk that no row names yet."""

    id: UUID
    key: bytes = field(repr=False)
    size: int
    head: bytes = field(repr=False)
    is_kept: bool = False


class sealing:
    """Seals the parts under a new id; what is not kept goes when the block ends."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self._sealed: SealedContent | None = None

    def __enter__(self) -> SealedContent:
        file_id, head = new_id(), b""
        most = settings.ENVIRONMENT.knowledge_file_mb * 2**20
        try:
            writer = SealingWriter(content.path_of(file_id))
        except OSError as error:
            raise not_stored() from error
        try:
            for part in self._parts:
                writer.write(part)
                if len(head) < HEAD_BYTES:
                    head += part[: HEAD_BYTES - len(head)]
                if writer.size > most:
                    raise too_large()
            key = writer.finish()
        except OSError as error:
            writer.discard()
            raise not_stored() from error
        except BaseException:
            writer.discard()
            raise
        self._sealed = SealedContent(file_id, key, writer.size, head)
        return self._sealed

    def __exit__(self, *_error: object) -> None:
        if self._sealed is not None and not self._sealed.is_kept:
            content.remove_parts(self._sealed.id)


def digest_of(collection: Collection, sealed: SealedContent, source: str) -> bytes:
    parts = sealed_parts(content.path_of(sealed.id), sealed.key)
    return content.digest_of(_marked(source, parts), key_of(collection, "digests"))


def _marked(source: str, parts: Iterator[bytes]) -> Iterator[bytes]:
    # questions and answers are no file of JSON, whatever their bytes are
    yield b"answers\x00" if source == Document.Kind.ANSWERS else b"file\x00"
    yield from parts


def kind_in(head: bytes, name: str, source: str) -> str:
    if source in {Document.Kind.TEXT, Document.Kind.ANSWERS}:
        return "markdown"
    return kind_of(head, ending_of(name)).value


def too_large() -> TooLarge:
    return TooLarge(
        "file_too_large",
        _("The file is larger than %(n)d MB. Add it in parts.")
        % {"n": settings.ENVIRONMENT.knowledge_file_mb},
    )


def not_stored() -> Unavailable:
    return Unavailable(
        "storage_unavailable",
        _("The file could not be stored: the disk may be full. Tell an administrator."),
        retry_after_s=30,
    )

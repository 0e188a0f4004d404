"""Files kept as encrypted pieces in rows: written as they come, read as they are asked for, never whole in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from uuid import UUID

from chatplatform.privacy.content import decrypt_bytes, encrypt_bytes
from chatplatform.privacy.subjects import Subject
from chatplatform.sharing.limits import PIECE_BYTES
from chatplatform.sharing.models import ExportFile, ExportPiece, ImportFile, ImportPiece

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CACHED: Final = 8


class TooLargeFile(Exception):
    """The file that is being written grew over its limit."""


class PieceWriter(io.RawIOBase):
    """What is written here becomes pieces of an export. For zipfile: it can neither seek nor read."""

    def __init__(self, file: ExportFile, *, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._waiting = bytearray()
        self._number = 0
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data)
        self.size_bytes += view.nbytes
        if self.size_bytes > self._limit:
            raise TooLargeFile
        self._waiting += view
        while len(self._waiting) >= PIECE_BYTES:
            self._put(bytes(self._waiting[:PIECE_BYTES]))
            del self._waiting[:PIECE_BYTES]
        return view.nbytes

    def finish(self) -> None:
        """Write what is left."""
        if self._waiting:
            self._put(bytes(self._waiting))
            self._waiting.clear()

    def _put(self, piece: bytes) -> None:
        ExportPiece.objects.create(
            workspace_id=self._file.workspace_id,
            file=self._file,
            number=self._number,
            content=sealed_piece(self._file.owner_id, "export", self._file.id, self._number, piece),
        )
        self._number += 1


def read_export(file: ExportFile) -> Iterator[bytes]:
    """The pieces of a file that was made, opened one by one; each step runs in the caller's scope."""
    number = 0
    while True:
        row = ExportPiece.objects.filter(file=file, number=number).first()
        if row is None:
            return
        yield opened_piece(file.owner_id, "export", file.id, number, bytes(row.content))
        number += 1


class PieceReader(io.RawIOBase):
    """A file that was brought, as something to read and seek in; holds a few pieces at a time."""

    def __init__(self, file: ImportFile) -> None:
        self._file = file
        self._at = 0
        self._known: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self._at >= self._file.size_bytes or not view.nbytes:
            return 0
        number, within = divmod(self._at, PIECE_BYTES)
        part = self._piece(number)[within : within + view.nbytes]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self, number: int) -> bytes:
        if number not in self._known:
            row = ImportPiece.objects.get(file=self._file, number=number)
            while len(self._known) >= _CACHED:
                self._known.pop(next(iter(self._known)))
            self._known[number] = opened_piece(
                self._file.owner_id, "import", self._file.id, number, bytes(row.content)
            )
        return self._known[number]


def sealed_piece(owner_id: UUID, kind: str, file_id: UUID, number: int, piece: bytes) -> bytes:
    return encrypt_bytes(Subject.person(owner_id), piece, context=_context(kind, file_id, number))


def opened_piece(owner_id: UUID, kind: str, file_id: UUID, number: int, content: bytes) -> bytes:
    return decrypt_bytes(Subject.person(owner_id), content, context=_context(kind, file_id, number))


def _context(kind: str, file_id: UUID, number: int) -> str:
    return f"{kind}-piece:{file_id}:{number}"

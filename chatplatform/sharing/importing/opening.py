"""A file that was brought, as documents of one conversation each: from a zip, a list or a single one.

What a zip says of itself is not believed: its directory is measured before it is read, only plain and deflated entries
are unpacked, and what comes out is counted.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput
from chatplatform.sharing.importing.problems import Refused, file_refused
from chatplatform.sharing.importing.splitting import Readable, objects_of_array
from chatplatform.sharing.limits import (
    CONVERSATION_BYTES,
    IMPORT_CONVERSATIONS,
    IMPORT_ENTRIES,
    IMPORT_UNPACKED_BYTES,
)

_DIRECTORY_BYTES: Final = 12 * 1024**2
_TAIL: Final = 65_557
_PEEK: Final = 8192
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_LISTS: Final = re.compile(r"(^|/)conversations([-_]?\d+)?\.json$", re.IGNORECASE)
_TIGHT: Final = 200  # unpacked to packed, beyond which it is no text that people wrote
_TIGHT_FROM: Final = 64 * 1024**2
_TOO_LARGE: Final = "sharing.import_too_large_unpacked"


_Buffered: TypeAlias = "io.BufferedReader[io.RawIOBase]"


@dataclass(frozen=True, slots=True)
class Found:
    """A document of one conversation, or why there is none at this position (1 is the first)."""

    position: int
    document: bytes | Refused


def documents_in(file: io.RawIOBase, size_bytes: int) -> Iterator[Found]:
    """The documents of a file of this length. Raises InvalidInput when nothing can be told of the rest."""
    stream = io.BufferedReader(file, buffer_size=256 * 1024)
    try:
        found = _unzipped(stream, size_bytes) if stream.peek(4)[:4] == b"PK\x03\x04" else _json(stream)
        for position, document in enumerate(found, start=1):
            if position > IMPORT_CONVERSATIONS:
                raise _too_many()
            yield Found(position, document)
    finally:
        stream.detach()  # the file is the caller's


def _json(buffered: _Buffered) -> Iterator[bytes | Refused]:
    """A list of conversations, or one."""
    begin = buffered.peek(_PEEK)[:_PEEK].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if begin[:1] == b"[":
        yield from objects_of_array(buffered)
    elif begin[:1] == b"{":
        document = buffered.read(CONVERSATION_BYTES + 1)
        too_large = len(document) > CONVERSATION_BYTES
        yield Refused("too_large", limit=CONVERSATION_BYTES // 1024**2) if too_large else document
    else:
        raise file_refused(
            "unknown", _("This file is neither JSON nor a zip. Choose an export of conversations.")
        )


def _unzipped(stream: _Buffered, size_bytes: int) -> Iterator[bytes | Refused]:
    _measure_directory(stream, size_bytes)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, UnicodeDecodeError):
        raise _damaged() from None
    entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".json")]
    if len(archive.infolist()) > IMPORT_ENTRIES:
        raise _too_many()
    lists = [entry for entry in entries if _LISTS.search(entry.filename)]
    if not entries:
        raise file_refused("nothing", _("There is no conversation in this archive."))
    budget = _Budget(IMPORT_UNPACKED_BYTES)
    for entry in lists or entries:
        yield from _entry(archive, entry, budget)


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes | Refused]:
    if entry.flag_bits & 0x1:
        raise file_refused("locked", _("This archive is locked with a password. Unlock it first."))
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield Refused("entry_damaged")
        return
    try:
        with archive.open(entry) as opened:
            yield from _json(io.BufferedReader(_Counted(opened, budget, entry.compress_size)))
    except _TooTight:
        yield Refused("packed_too_tight")
    except InvalidInput as problem:
        if problem.code == _TOO_LARGE:
            raise
        yield Refused("entry_damaged")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        yield Refused("entry_damaged")


class _TooTight(Exception):
    pass


@dataclass(slots=True)
class _Budget:
    left: int


class _Counted(io.RawIOBase):
    """What comes out of an entry, counted as it comes."""

    def __init__(self, inner: Readable, budget: _Budget, packed_bytes: int) -> None:
        self._inner = inner
        self._budget = budget
        self._packed = max(1, packed_bytes)
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        part = self._inner.read(view.nbytes)
        view[: len(part)] = part
        self._read += len(part)
        self._budget.left -= len(part)
        if self._budget.left < 0:
            raise InvalidInput(_TOO_LARGE, _("This archive is too large when it is unpacked."))
        if self._read > _TIGHT_FROM and self._read > _TIGHT * self._packed:
            raise _TooTight
        return len(part)


def _measure_directory(stream: _Buffered, size_bytes: int) -> None:
    """Raises InvalidInput for a directory that would fill the memory before the first entry is read."""
    start = max(0, size_bytes - _TAIL - 76)
    stream.seek(start)
    tail = stream.read(size_bytes - start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise _damaged()
    directory = struct.unpack_from("<4s4H2LH", tail, at)[5]
    if at >= 76 and tail[at - 76 : at - 72] == _END_64:
        directory = struct.unpack_from("<4sQ2H2L4Q", tail, at - 76)[8]
    stream.seek(0)
    if directory > _DIRECTORY_BYTES:
        raise _too_many()


def _too_many() -> InvalidInput:
    return file_refused("too_many", _("There are more conversations in this file than are taken at once."))


def _damaged() -> InvalidInput:
    return file_refused("damaged", _("This archive is damaged. Export or download it again."))

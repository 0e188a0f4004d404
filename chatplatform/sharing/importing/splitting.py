"""The objects of a JSON array one by one, however long the array is: only one of them is in memory at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

from django.utils.translation import gettext_lazy as _

from chatplatform.sharing.importing.problems import Refused, file_refused
from chatplatform.sharing.limits import CONVERSATION_BYTES, NESTING, STRUCTURES

_CHUNK: Final = 256 * 1024
_OUTSIDE: Final = re.compile(rb'["{}\[\]]')
# up to the string's end, or to half an escape at the end of a chunk; it gives nothing back, so it costs no memory
_INSIDE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_MARK: Final = b"\xef\xbb\xbf"


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def objects_of_array(stream: Readable) -> Iterator[bytes | Refused]:
    """Each object of the array as bytes, or why it is not taken: too large, too deep, too many parts.

    Raises InvalidInput where the rest cannot be told apart any more: no array, something else than objects in it,
    or an end in the middle.
    """
    splitter = _Splitter()
    while chunk := stream.read(_CHUNK):
        yield from splitter.feed(chunk)
    splitter.finish()


class _Splitter:
    """Follows brackets and strings, nothing else: whether it is JSON, the parser of each object finds out."""

    def __init__(self) -> None:
        self._begun = self._over = False
        self._depth = 0  # within the object
        self._in_string = self._escaped = False
        self._object = bytearray()
        self._structures = 0
        self._refused: Refused | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes | Refused]:
        at = 0
        if not self._begun:
            chunk = bytes(self._object) + chunk
            self._object.clear()
            rest = chunk.removeprefix(_MARK).lstrip(b" \t\r\n")
            if len(chunk) < len(_MARK) or not rest:  # the mark may come in pieces, and anything after it
                self._object += chunk if len(chunk) < len(_MARK) else _MARK
                return
            chunk = rest
            if chunk[:1] != b"[":
                raise file_refused("not_array", _("This is no list of conversations."))
            self._begun, at = True, 1
        while at < len(chunk):
            if self._depth == 0:
                at = self._between(chunk, at)
                continue
            at, ended = self._within(chunk, at)
            if ended:
                yield self._refused or bytes(self._object)
                self._object.clear()
                self._structures, self._refused = 0, None

    def finish(self) -> None:
        if not self._begun or not self._over:
            raise file_refused("cut", _("The file ends in the middle. Export or download it again."))

    def _between(self, chunk: bytes, at: int) -> int:
        """Skip to the next object; where it begins."""
        found = _SPACE.match(chunk, at)
        at = found.end() if found else at
        byte = chunk[at : at + 1]
        if not byte:
            return at
        if self._over:
            raise file_refused("more", _("Something stands behind the end of the list."))
        if byte == b",":
            return at + 1
        if byte == b"]":
            self._over = True
            return at + 1
        if byte == b"{":
            self._depth = 1
            self._keep(byte)
            return at + 1
        raise file_refused("not_objects", _("The list holds something else than conversations."))

    def _within(self, chunk: bytes, at: int) -> tuple[int, bool]:
        """Go on to the next bracket or the end of the chunk; whether the object ended there."""
        if self._in_string:
            return self._string(chunk, at), False
        found = _OUTSIDE.search(chunk, at)
        if found is None:
            self._keep(chunk[at:])
            return len(chunk), False
        end = found.end()
        self._keep(chunk[at:end])
        mark = found.group()
        if mark == b'"':
            self._in_string = True
        elif mark in b"{[":
            self._depth += 1
            self._structures += 1
            if self._depth > NESTING:
                self._refuse("too_deep", NESTING)
            elif self._structures > STRUCTURES:
                self._refuse("too_many_parts", STRUCTURES)
        else:
            self._depth -= 1
        return end, self._depth == 0

    def _string(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            self._keep(chunk[at : at + 1])
            return at + 1
        found = _INSIDE.match(chunk, at)
        end = found.end() if found else at
        if end < len(chunk):
            self._in_string = chunk[end : end + 1] != b'"'
            self._escaped = self._in_string
            end += 1
        self._keep(chunk[at:end])
        return end

    def _keep(self, part: bytes) -> None:
        if self._refused is not None:
            return
        self._object += part
        if len(self._object) > CONVERSATION_BYTES:
            self._refuse("too_large", CONVERSATION_BYTES // 1024**2)

    def _refuse(self, code: str, limit: int) -> None:
        if self._refused is None:
            self._refused = Refused(code, limit=limit)
            self._object.clear()

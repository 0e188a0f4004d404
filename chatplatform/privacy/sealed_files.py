"""Files on disk that nobody reads without their key: each has one of its own, kept elsewhere, sealed for its owner.

AES-256-GCM in chunks of 64 KiB, so that a file of any size needs little memory. Form, version 1: four bytes that say
so, then the chunks, each with its tag. The nonce of a chunk is its number and whether it is the last one: chunks
cannot be moved, repeated, or cut off unnoticed. A key is for one file and is never used for another text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chatplatform.privacy.errors import ContentUnreadable

CHUNK_BYTES: Final = 64 * 1024
_MAGIC: Final = b"CPF\x01"
_TAG_BYTES: Final = 16


class SealingWriter:
    """Writes a new sealed file, a piece at a time. Ends with `finish` or `discard`.

    Raises FileExistsError where there is one, and OSError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.key = AESGCM.generate_key(256)
        self.size = 0
        self._path = path
        self._cipher = AESGCM(self.key)
        self._number = 0
        self._waiting = bytearray()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._write(_MAGIC)
        except OSError:
            self.discard()
            raise

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._waiting += data
        # one chunk stays back: only the end knows which is the last
        while len(self._waiting) > CHUNK_BYTES:
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> bytes:
        """The key of the file, which is on the disk now."""
        self._seal(bytes(self._waiting), is_last=True)
        self._waiting.clear()
        os.fsync(self._file)
        os.close(self._file)
        self._file = -1
        return self.key

    def discard(self) -> None:
        """Leave nothing behind. May be called at any time, also again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._path.unlink(missing_ok=True)

    def _seal(self, plain: bytes, *, is_last: bool) -> None:
        self._write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), plain, _MAGIC))
        self._number += 1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]


def write_sealed(path: Path, parts: Iterable[bytes]) -> bytes:
    """Write a whole file in the place of an earlier one, all of it or nothing; gives its key. Raises OSError."""
    fresh = path.with_name(f"{path.name}.{os.urandom(4).hex()}.new")
    writer = SealingWriter(fresh)
    try:
        for part in parts:
            writer.write(part)
        key = writer.finish()
        fresh.replace(path)
    except BaseException:
        writer.discard()
        raise
    return key


def sealed_parts(path: Path, key: bytes) -> Iterator[bytes]:
    """What was written, a chunk at a time. Raises ContentUnreadable where file and key are not those of the writing,
    OSError where there is no file. The file is opened by the first step."""
    cipher = AESGCM(key)
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ContentUnreadable
        number = 0
        chunk = file.read(CHUNK_BYTES + _TAG_BYTES)
        while True:
            following = file.read(CHUNK_BYTES + _TAG_BYTES)
            try:
                plain = cipher.decrypt(_nonce(number, is_last=not following), chunk, _MAGIC)
            except (InvalidTag, ValueError) as error:
                raise ContentUnreadable from error
            if plain:
                yield plain
            if not following:
                return
            number, chunk = number + 1, following


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")

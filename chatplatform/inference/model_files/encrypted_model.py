"""Model files encrypted at rest, and opened into memory only.

AES-256-GCM in chunks. A file's own random key, wrapped by the platform's master key, stands in the header; the
header is authenticated with every chunk, and each chunk's nonce holds its number and whether it is the last. So
chunks cannot be changed, swapped, left out or taken from another file, and the end cannot be cut off.

Layout: MAGIC, then `_FIELDS` (bytes of a chunk, bytes of the model, SHA-256 of the model, random id of the file,
fingerprint of the master key, length of the wrapped key), the wrapped key, the chunks with a tag of 16 bytes each.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput, PlatformError, Unavailable
from chatplatform.inference.model_files.verified_files import file_sha256
from chatplatform.privacy.errors import KeysUnavailable
from chatplatform.privacy.master_key import KEY_BYTES, master_keyring

SUFFIX: Final = ".encrypted"
MAGIC: Final = b"ChatplatformModel 1\n"
CHUNK_BYTES: Final = 4 * 1024 * 1024
_MAX_CHUNK_BYTES: Final = 64 * 1024 * 1024
_MAX_WRAPPED_BYTES: Final = 1024
_TAG_BYTES: Final = 16
_FIELDS: Final = struct.Struct(">IQ32s16s8sH")

# called with a fraction from 0 to 1
Report = Callable[[float], None]


class DamagedEncryptedModel(InvalidInput):
    """The file is not what was encrypted, or not whole."""

    def __init__(self) -> None:
        super().__init__(
            "encrypted_model_damaged",
            _("The encrypted file of this model is damaged. Delete the model and fetch or add it again."),
        )


class ModelKeyWrong(PlatformError):
    """The file was encrypted under another master key."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "model_key_wrong",
            _(
                "This model was encrypted with another master key. Restore that key, or delete the model and "
                "fetch or add it again."
            ),
        )


@dataclass(frozen=True, slots=True)
class Header:
    """What an encrypted file says of itself; `plain_*` are of the model inside. Believed only once it is opened."""

    chunk_bytes: int
    plain_bytes: int
    plain_sha256: str
    file_id: bytes
    fingerprint: str
    wrapped_key: bytes

    def to_bytes(self) -> bytes:
        fields = _FIELDS.pack(
            self.chunk_bytes,
            self.plain_bytes,
            bytes.fromhex(self.plain_sha256),
            self.file_id,
            bytes.fromhex(self.fingerprint),
            len(self.wrapped_key),
        )
        return MAGIC + fields + self.wrapped_key

    @property
    def chunks(self) -> int:
        return -(-self.plain_bytes // self.chunk_bytes)

    @property
    def file_bytes(self) -> int:
        """How long the whole file has to be."""
        return len(self.to_bytes()) + self.plain_bytes + self.chunks * _TAG_BYTES


def is_encrypted(path: Path) -> bool:
    """Whether the file begins like an encrypted model. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def header_of(path: Path) -> Header:
    """The header of an encrypted file of the right length. Raises DamagedEncryptedModel, OSError."""
    with path.open("rb") as file:
        return _read_header(file, path.stat().st_size)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A path under which the plain model can be read: `path` itself, or a file in memory for an encrypted one.

    The file in memory goes when the block and every mapping of it has ended. Raises DamagedEncryptedModel,
    ModelKeyWrong, KeysUnavailable, Unavailable where the system has no such files or no room, OSError.
    """
    if not is_encrypted(path):
        yield path
        return
    if not hasattr(os, "memfd_create"):
        raise Unavailable(
            "encrypted_models_unsupported",
            _("Encrypted models are opened in memory, which needs Linux. Decrypt the model on this system."),
        )
    descriptor = os.memfd_create("model", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as memory:
        _check_memory(header_of(path).plain_bytes)
        for chunk in _plain_chunks(path):
            memory.write(chunk)
        memory.flush()
        yield Path(f"/proc/self/fd/{descriptor}")


def encrypt(source: Path, target: Path, report: Report) -> None:
    """Write `source` encrypted to `target`, whole or not at all. Raises KeysUnavailable, OSError."""
    keyring = master_keyring()
    key, file_id = AESGCM.generate_key(KEY_BYTES * 8), os.urandom(16)
    header = Header(
        chunk_bytes=CHUNK_BYTES,
        plain_bytes=source.stat().st_size,
        plain_sha256=file_sha256(source),
        file_id=file_id,
        fingerprint=keyring.fingerprint,
        wrapped_key=keyring.wrap(key, context=_wrapping_context(file_id)),
    )
    cipher, authenticated = AESGCM(key), header.to_bytes()

    def chunks() -> Iterator[bytes]:
        yield authenticated
        with source.open("rb") as file:
            for number in range(header.chunks):
                nonce = _nonce(number, header.chunks)
                yield cipher.encrypt(nonce, file.read(CHUNK_BYTES), authenticated)
                report((number + 1) / header.chunks)

    _write(target, chunks())


def decrypt(source: Path, target: Path, report: Report) -> None:
    """Write the model inside `source` plainly to `target`, whole or not at all. Raises as `opened` does."""
    total = header_of(source).chunks

    def chunks() -> Iterator[bytes]:
        for number, chunk in enumerate(_plain_chunks(source), start=1):
            yield chunk
            report(number / total)

    _write(target, chunks())


def verify(path: Path) -> bool:
    """Whether every chunk is right. Reads the whole file. Raises ModelKeyWrong, KeysUnavailable, OSError."""
    try:
        for _chunk in _plain_chunks(path):
            pass
    except DamagedEncryptedModel:
        return False
    return True


def _plain_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        header = _read_header(file, path.stat().st_size)
        cipher, authenticated = AESGCM(_unwrapped(header)), header.to_bytes()
        for number in range(header.chunks):
            last = number == header.chunks - 1
            size = header.plain_bytes - number * header.chunk_bytes if last else header.chunk_bytes
            try:
                nonce = _nonce(number, header.chunks)
                yield cipher.decrypt(nonce, file.read(size + _TAG_BYTES), authenticated)
            except (InvalidTag, ValueError) as error:
                raise DamagedEncryptedModel from error


def _unwrapped(header: Header) -> bytes:
    keyring = master_keyring()
    if keyring.fingerprint != header.fingerprint:
        raise ModelKeyWrong
    try:
        return keyring.unwrap(header.wrapped_key, context=_wrapping_context(header.file_id))
    except KeysUnavailable as error:  # the master key is right, so what it wrapped is not
        raise DamagedEncryptedModel from error


def _read_header(file: BinaryIO, size: int) -> Header:
    begin = file.read(len(MAGIC) + _FIELDS.size)
    if len(begin) != len(MAGIC) + _FIELDS.size or not begin.startswith(MAGIC):
        raise DamagedEncryptedModel
    chunk_bytes, plain_bytes, sha256, file_id, fingerprint, wrapped_bytes = _FIELDS.unpack(
        begin[len(MAGIC) :]
    )
    if not 0 < chunk_bytes <= _MAX_CHUNK_BYTES or plain_bytes == 0 or wrapped_bytes > _MAX_WRAPPED_BYTES:
        raise DamagedEncryptedModel
    wrapped = file.read(wrapped_bytes)
    header = Header(chunk_bytes, plain_bytes, sha256.hex(), file_id, fingerprint.hex(), wrapped)
    if len(wrapped) != wrapped_bytes or header.file_bytes != size:
        raise DamagedEncryptedModel
    return header


def _nonce(number: int, chunks: int) -> bytes:
    """Never twice under one key: the key is the file's own, and chunks are counted."""
    return struct.pack(">Q3xB", number, number == chunks - 1)


def _wrapping_context(file_id: bytes) -> bytes:
    return b"model file:" + file_id


def _check_memory(wanted: int) -> None:
    import psutil

    if psutil.virtual_memory().available < wanted:
        raise Unavailable(
            "no_memory_for_model", _("There is too little free memory to open this encrypted model.")
        )


def _write(target: Path, chunks: Iterator[bytes]) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("xb") as out:
            for chunk in chunks:
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)

"""Platform prefixes on disk, so that a system message is read once per installation and not once per start."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import struct
import tempfile
import time
from collections import OrderedDict
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

NONCE_BYTES = 12
MAX_FILES = 64
HALF_WRITTEN_S = 3600.0


class SavedPrefixes:
    """The platform's own prefixes, by their tokens: in memory, and on disk for the next start.

    `model` names everything that the library's bytes depend on: the model file, the library's version, the cache's
    types. A file for another model, changed by anyone, or cut, is as good as none.
    """

    def __init__(self, folder: Path | None, key: bytes, *, model: str, memory_bytes: int) -> None:
        self._folder = folder
        self._names = hashlib.sha256(b"prefix names\0" + key).digest()
        self._key = AESGCM(hashlib.sha256(b"prefix contents\0" + key).digest())
        self._model = model.encode()
        self._memory_bytes = memory_bytes
        self._in_memory: OrderedDict[tuple[int, ...], bytes] = OrderedDict()

    def keep(self, tokens: tuple[int, ...], data: bytes) -> None:
        self._remember(tokens, data)
        path = self._path(tokens)
        if path is None or path.exists():
            return
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._key.encrypt(nonce, data, self._bound_to(tokens))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                draft = Path(file.name)
                try:
                    file.write(sealed)
                    file.flush()
                    draft.replace(path)
                except OSError:
                    draft.unlink(missing_ok=True)
                    raise
            _tidy(path.parent)
        except OSError as error:
            log.warning("A prefix could not be saved on disk (%s).", error.strerror)

    def find(self, tokens: tuple[int, ...]) -> bytes | None:
        """The state of exactly these tokens, or None."""
        data = self._in_memory.get(tokens)
        if data is not None:
            self._in_memory.move_to_end(tokens)
            return data
        path = self._path(tokens)
        if path is None:
            return None
        try:
            sealed = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        try:
            data = self._key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound_to(tokens))
        except (InvalidTag, ValueError):
            log.warning("A saved prefix was damaged and is read anew.")
            path.unlink(missing_ok=True)
            return None
        self._remember(tokens, data)
        return data

    def drop(self, tokens: tuple[int, ...]) -> None:
        """Forget a state that the library would not take."""
        self._in_memory.pop(tokens, None)
        if path := self._path(tokens):
            path.unlink(missing_ok=True)

    def _remember(self, tokens: tuple[int, ...], data: bytes) -> None:
        self._in_memory[tokens] = data
        while len(self._in_memory) > 1 and sum(map(len, self._in_memory.values())) > self._memory_bytes:
            self._in_memory.popitem(last=False)

    def _bound_to(self, tokens: tuple[int, ...]) -> bytes:
        return self._model + b"\0" + struct.pack(f"<{len(tokens)}i", *tokens)

    def _path(self, tokens: tuple[int, ...]) -> Path | None:
        if self._folder is None:
            return None
        # keyed, so that the name tells nothing of the text
        name = hmac.new(self._names, self._bound_to(tokens), hashlib.sha256).hexdigest()
        return self._folder / f"{name[:40]}.prefix"


def _tidy(folder: Path) -> None:
    """Let the longest unused go, and what a killed process left half-written."""
    files = sorted(folder.glob("*.prefix"), key=lambda path: path.stat().st_mtime)
    half_written = [
        path for path in folder.glob("tmp*") if path.stat().st_mtime < time.time() - HALF_WRITTEN_S
    ]
    for path in (*files[:-MAX_FILES], *half_written):
        path.unlink(missing_ok=True)

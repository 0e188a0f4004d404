"""Conversations that had to leave the cache, ready to come back: what was read once is not read again.

They stay in memory up to a budget, then go to disk, encrypted, and leave for good, the longest unused first. On
disk they lie in files without a name under a key that exists in this process only: when it ends, however it ends,
they are gone.
"""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

NONCE_BYTES = 12
MAX_FILES = 256
"""Conversations on disk; each holds a file descriptor."""


@dataclass(frozen=True, eq=False, repr=False)
class SavedState:
    """Tokens `start` to the end of a sequence of `owner`, as the library wrote them down.

    `tokens` are all of the sequence; the first `start` are a platform prefix, which is not in `data`.
    """

    owner: str
    tokens: tuple[int, ...]
    start: int
    data: bytes


@dataclass(eq=False, repr=False)
class _Entry:
    """A state without or with its data: in memory, or in a file."""

    owner: str
    tokens: tuple[int, ...]
    start: int
    size: int
    saved_at: float
    data: bytes | None
    file: IO[bytes] | None = field(default=None)


class SavedConversations:
    """States of conversations. Each serves the owner it was saved for, and nobody else.

    One thread uses it. It never raises for a full or broken disk: what cannot be kept is read again.
    """

    def __init__(self, folder: Path | None, *, memory_bytes: int, disk_bytes: int) -> None:
        """Keep up to `memory_bytes` in memory and `disk_bytes` in `folder`; None keeps nothing on disk."""
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes if folder is not None else 0
        self._key = AESGCM(AESGCM.generate_key(256))
        self._keys = itertools.count()
        # oldest first
        self._in_memory: OrderedDict[int, _Entry] = OrderedDict()
        self._on_disk: OrderedDict[int, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._in_memory) + len(self._on_disk)

    @property
    def bytes_in_memory(self) -> int:
        return sum(entry.size for entry in self._in_memory.values())

    @property
    def bytes_on_disk(self) -> int:
        return sum(entry.size for entry in self._on_disk.values())

    def keep(self, state: SavedState, *, now: float) -> None:
        """Keep a state; it takes the place of those of its owner that it goes on from."""
        for entries in (self._in_memory, self._on_disk):
            for key, entry in list(entries.items()):
                if entry.owner == state.owner and state.tokens[: len(entry.tokens)] == entry.tokens:
                    _close(entries.pop(key))
        entry = _Entry(state.owner, state.tokens, state.start, len(state.data), now, state.data)
        self._in_memory[next(self._keys)] = entry
        self._settle()

    def longest(self, owner: str, tokens: Sequence[int]) -> tuple[int | None, int]:
        """The key of the state of `owner` that begins most like `tokens`, and how many tokens they share."""
        best: int | None = None
        longest = 0
        for entries in (self._in_memory, self._on_disk):
            for key, entry in entries.items():
                if not self._may_serve(entry.owner, owner):
                    continue
                common = common_length(entry.tokens, tokens)
                if common > max(longest, entry.start):
                    best, longest = key, common
        return best, longest

    def _may_serve(self, saved_for: str, owner: str) -> bool:
        return saved_for == owner

    def prefix_of(self, key: int) -> tuple[int, ...]:
        """The platform prefix that a state stands on, empty for none."""
        entry = self._in_memory.get(key) or self._on_disk[key]
        return entry.tokens[: entry.start]

    def size_of(self, key: int) -> int:
        """How many tokens of its own a state has."""
        entry = self._in_memory.get(key) or self._on_disk[key]
        return len(entry.tokens) - entry.start

    def take(self, key: int) -> SavedState | None:
        """Give a state out and forget it; None when it has gone meanwhile, or its file cannot be read."""
        entry = self._in_memory.pop(key, None) or self._on_disk.pop(key, None)
        if entry is None:
            return None
        data = entry.data
        if entry.file is not None:
            try:
                entry.file.seek(0)
                sealed = entry.file.read()
                data = self._key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], entry.owner.encode())
            except (OSError, InvalidTag) as error:
                log.warning("A saved conversation could not be read back (%s).", type(error).__name__)
            _close(entry)
        return None if data is None else SavedState(entry.owner, entry.tokens, entry.start, data)

    def forget(self, owner: str) -> int:
        """Forget every state of `owner`; how many there were."""
        return self._remove(lambda entry: entry.owner == owner)

    def forget_before(self, moment: float) -> int:
        """Forget what was saved before `moment`; how many there were."""
        return self._remove(lambda entry: entry.saved_at < moment)

    def close(self) -> None:
        self._remove(lambda _entry: True)

    def _remove(self, is_unwanted: Callable[[_Entry], bool]) -> int:
        count = 0
        for entries in (self._in_memory, self._on_disk):
            for key, entry in list(entries.items()):
                if is_unwanted(entry):
                    _close(entries.pop(key))
                    count += 1
        return count

    def _settle(self) -> None:
        """Bring memory and disk within their budgets."""
        while self.bytes_in_memory > self._memory_bytes:
            key, entry = self._in_memory.popitem(last=False)
            if self._write(entry):
                self._on_disk[key] = entry
        while self.bytes_on_disk > self._disk_bytes or len(self._on_disk) > MAX_FILES:
            _close(self._on_disk.popitem(last=False)[1])

    def _write(self, entry: _Entry) -> bool:
        if self._folder is None or entry.size > self._disk_bytes or entry.data is None:
            return False
        nonce = os.urandom(NONCE_BYTES)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # without a name: the system removes it with the process, also after SIGKILL
            entry.file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it lives as long as the entry
            entry.file.write(nonce + self._key.encrypt(nonce, entry.data, entry.owner.encode()))
            entry.file.flush()
        except OSError as error:
            log.warning("A conversation could not be saved on disk (%s).", error.strerror)
            _close(entry)
            return False
        entry.data = None
        return True


def _close(entry: _Entry) -> None:
    entry.data = None
    if entry.file is not None:
        entry.file.close()
        entry.file = None


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))

"""Where an engine saves what leaves its cache, and how much of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from chatplatform.inference.engines.llamacpp.saved_conversations import SavedConversations
from chatplatform.inference.engines.llamacpp.saved_prefixes import SavedPrefixes

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, repr=False)
class Saving:
    """A folder that may be None, `secret` to seal what outlives the process, and budgets for each model."""

    folder: Path | None
    secret: str
    memory_mb: int
    disk_mb: int

    def conversations(self) -> SavedConversations:
        return SavedConversations(
            self.folder,
            memory_bytes=self.memory_mb * MEBIBYTE,
            disk_bytes=self.disk_mb * MEBIBYTE,
        )

    def prefixes(self, model_sha256: str, library: str) -> SavedPrefixes:
        """Those of one model, as this version of the library wrote them."""
        key = hashlib.sha256(b"engine cache\0" + self.secret.encode()).digest()
        return SavedPrefixes(
            self.folder if self.disk_mb else None,
            key,
            model=f"{model_sha256} {library}",
            memory_bytes=self.memory_mb * MEBIBYTE,
        )

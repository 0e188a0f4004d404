"""How a model's context is set up: what the self-benchmark chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FlashAttention = Literal["auto", "on", "off"]
KVType = Literal["f16", "q8_0"]

BATCH = 512
Q8_SHARE = 34 / 64
"""Size of the cache in q8_0, by that in f16: 34 bytes for 32 numbers."""


@dataclass(frozen=True)
class ContextSettings:
    """`threads` 0 takes every core; `batch` tokens are read at once at most; `kv_type` is what the cache holds."""

    threads: int = 0
    batch: int = BATCH
    flash_attention: FlashAttention = "auto"
    kv_type: KVType = "f16"

    @property
    def cache_format(self) -> str:
        """Saved parts of a cache can be put back only into one of the same format."""
        return f"{self.kv_type} {self.flash_attention}"

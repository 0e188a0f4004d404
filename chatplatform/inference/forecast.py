"""What a model would need and do on this machine, said before it is fetched."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from chatplatform.inference.catalogue_entries import CatalogueModel
from chatplatform.inference.fit import (
    LEAST_READING_TOKENS_S,
    LEAST_WRITING_TOKENS_S,
    MODEL_SHARE,
    MachineFacts,
)
from chatplatform.inference.speeds import Expected, expected

# The engine's cache holds two full conversations; buffers for one batch come to about so much.
CONVERSATIONS = 2
WORKING_BYTES = 300_000_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """`memory_bytes` with a context of `context_tokens`, the one set, cut to what the model can.

    `most_context_tokens` is what would fit into this machine's memory. `speed` is None until something was
    measured here, and for embedding models.
    """

    memory_bytes: int
    context_tokens: int
    most_context_tokens: int
    fits: bool
    speed: Expected | None

    @property
    def is_slow(self) -> bool:
        """Whether people would wait: less than they read, or half a minute for a long question."""
        return self.speed is not None and (
            self.speed.writing_tokens_s < LEAST_WRITING_TOKENS_S
            or self.speed.reading_tokens_s < LEAST_READING_TOKENS_S
        )


def forecast(model: CatalogueModel, facts: MachineFacts) -> Forecast:
    """Reads no model file; takes microseconds."""
    weights = max(model.files, key=lambda file: file.size)
    context = min(settings.ENVIRONMENT.context_tokens, model.context_tokens)
    room = int(facts.memory_bytes * MODEL_SHARE)
    if model.kind != "chat" or not model.cache_bytes_per_token:
        most = model.context_tokens if model.memory_bytes <= room else 0
        speed = expected(weights.sha256, weights.size) if model.kind == "chat" else None
        return Forecast(model.memory_bytes, context, most, model.memory_bytes <= room, speed)
    needed = memory_needed(weights.size, model.cache_bytes_per_token, context)
    left = room - weights.size - WORKING_BYTES
    most = max(0, min(model.context_tokens, left // (CONVERSATIONS * model.cache_bytes_per_token)))
    return Forecast(needed, context, most, needed <= room, expected(weights.sha256, weights.size))


def memory_needed(weights_bytes: int, cache_bytes_per_token: int, context_tokens: int) -> int:
    """Memory of a chat model that is loaded and full."""
    return weights_bytes + WORKING_BYTES + CONVERSATIONS * context_tokens * cache_bytes_per_token

"""What a model would need and do on this machine, said before it is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from chatplatform.inference.model_files.catalogue_entries import CatalogueModel, ModelFile
from chatplatform.inference.model_files.fit import (
    LEAST_READING_TOKENS_S,
    LEAST_WRITING_TOKENS_S,
    MODEL_SHARE,
    MachineFacts,
)
from chatplatform.inference.model_files.speeds import Expected, Speed, expected

# The engine's cache holds two full conversations; buffers for one batch come to about so much.
CONVERSATIONS = 2
WORKING_BYTES = 300_000_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """`memory_bytes` with a context of `context_tokens`, the one set, cut to what the model can.

    `most_context_tokens` is what would fit into this machine's memory. `speed` is None until something was
    measured here, and for embedding models; `is_measured` says that it is this very file's.
    """

    memory_bytes: int
    context_tokens: int
    most_context_tokens: int
    fits: bool
    speed: Expected | None
    is_measured: bool

    @property
    def is_slow(self) -> bool:
        """Whether people would wait: less than they read, or half a minute for a long question."""
        return self.speed is not None and (
            self.speed.writing_tokens_s < LEAST_WRITING_TOKENS_S
            or self.speed.reading_tokens_s < LEAST_READING_TOKENS_S
        )


def forecast(model: CatalogueModel, facts: MachineFacts, also: Mapping[str, Speed] | None = None) -> Forecast:
    """Reads no model file; takes microseconds. `also`: see speeds.expected."""
    weights = max(model.files, key=lambda file: file.size)
    context = min(settings.ENVIRONMENT.context_tokens, model.context_tokens)
    room = int(facts.memory_bytes * MODEL_SHARE)
    if model.kind != "chat" or not model.cache_bytes_per_token:
        most = model.context_tokens if model.memory_bytes <= room else 0
        speed = expected(weights.sha256, weights.size, also) if model.kind == "chat" else None
        return Forecast(
            model.memory_bytes, context, most, model.memory_bytes <= room, speed, _is_own(speed, weights)
        )
    needed = memory_needed(weights.size, model.cache_bytes_per_token, context)
    left = room - weights.size - WORKING_BYTES
    most = max(0, min(model.context_tokens, left // (CONVERSATIONS * model.cache_bytes_per_token)))
    speed = expected(weights.sha256, weights.size, also)
    return Forecast(needed, context, most, needed <= room, speed, _is_own(speed, weights))


def _is_own(speed: Expected | None, weights: ModelFile) -> bool:
    return speed is not None and speed.based_on == weights.sha256


def memory_needed(weights_bytes: int, cache_bytes_per_token: int, context_tokens: int) -> int:
    """Memory of a chat model that is loaded and full."""
    return weights_bytes + WORKING_BYTES + CONVERSATIONS * context_tokens * cache_bytes_per_token

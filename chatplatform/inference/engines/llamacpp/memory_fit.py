"""What a model takes in memory once it is loaded, and what there is: forecasts, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import psutil

from chatplatform.inference.engines.llamacpp.gguf import DamagedModel, read_header
from chatplatform.inference.model_files.encrypted_model import is_encrypted

WORKING_BYTES = 300_000_000
"""For what is computed, the vocabulary and the process that renders templates."""
SPARED = 0.1
"""This part of the free memory is left to everyone else."""


def needed_bytes(path: Path, context_tokens: int) -> int:
    """The weights, a cache for one full conversation, and what is computed. Raises OSError."""
    weights = path.stat().st_size
    cache = 0
    if not is_encrypted(path):  # reading its header would open all of it
        try:
            header = read_header(path)
        except DamagedModel:
            return weights  # loading it says what is wrong
        cache = min(context_tokens, header.context_tokens) * header.cache_bytes_per_token
    return weights + cache + WORKING_BYTES


def available_bytes() -> int:
    """What may be taken without harm to others."""
    return int(psutil.virtual_memory().available * (1 - SPARED))

"""How fast a loaded model reads and writes with given settings: a short probe in a small context."""

from __future__ import annotations

import time

from chatplatform.inference.engines.llamacpp.context import DecodeFailed, Piece
from chatplatform.inference.engines.llamacpp.context_settings import ContextSettings
from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext
from chatplatform.inference.engines.llamacpp.model import LlamaModel, LoadFailed
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.self_benchmark import Speeds

CELLS = 4096
SMALL_READ, READ = 32, 128
READ_S, WRITE_S = 0.25, 0.25
CROWD = 4
LEAST_WRITTEN = 3


def probe(model: LlamaModel, settings: ContextSettings) -> Speeds | None:
    """None when the model cannot be run with these settings."""
    try:
        context = LlamaContext(model, cells=CELLS, settings=settings)
    except (LoadFailed, DecodeFailed):
        return None
    try:
        reading, length = _reading(context, model)
        return Speeds(reading, _writing(context, model, 1, length), _writing(context, model, CROWD, length))
    except DecodeFailed:
        return None
    finally:
        context.close()


def _reading(context: LlamaContext, model: LlamaModel) -> tuple[float, int]:
    """In pieces such as the scheduler makes; a slow model reads one small piece only. How fast, and how much it was."""
    token, position = max(model.bos, 0), 0
    began = time.monotonic()
    while time.monotonic() - began < READ_S and position < CELLS // 2:
        count = SMALL_READ if position == 0 else min(READ, context.max_batch)
        context.decode([Piece(0, position, [token] * count, sample=False)])
        position += count
        # the decode returns before an accelerator has done its work
        context.synchronise()
    return position / (time.monotonic() - began), position


def _writing(context: LlamaContext, model: LlamaModel, chats: int, length: int) -> float:
    """Tokens a second of so many chats together, which all stand on what was read."""
    token, written = max(model.bos, 0), 0
    samplers = [context.sampler(SamplerSettings(temperature=0)) for _chat in range(chats)]
    for chat in range(chats):
        context.copy(0, 1 + chat, length)
    began = time.monotonic()
    while written < LEAST_WRITTEN or time.monotonic() - began < WRITE_S:
        rows = context.decode(
            [Piece(1 + chat, length + written, [token], sample=True) for chat in range(chats)]
        )
        for row, sampler in zip(rows, samplers, strict=True):
            context.sample(row, sampler)
        written += 1
        if chats * written >= CELLS // 4:
            break
    seconds = time.monotonic() - began
    for chat, sampler in enumerate(samplers):
        context.trim(1 + chat, 0)
        sampler.close()
    return chats * written / seconds

"""How fast a loaded model reads and writes with given settings: a probe of half a second, in a small context."""

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
LEAST_WRITTEN = 3


def probe(model: LlamaModel, settings: ContextSettings) -> Speeds | None:
    """None when the model cannot be run with these settings."""
    try:
        context = LlamaContext(model, cells=CELLS, settings=settings)
    except (LoadFailed, DecodeFailed):
        return None
    try:
        return Speeds(_reading(context, model), _writing(context, model))
    except DecodeFailed:
        return None
    finally:
        context.close()


def _reading(context: LlamaContext, model: LlamaModel) -> float:
    """In pieces such as the scheduler makes; a slow model reads one small piece only."""
    token, position = max(model.bos, 0), 0
    began = time.monotonic()
    while time.monotonic() - began < READ_S and position < CELLS // 2:
        count = SMALL_READ if position == 0 else min(READ, context.max_batch)
        context.decode([Piece(0, position, [token] * count, sample=False)])
        position += count
        # the decode returns before an accelerator has done its work
        context.synchronise()
    return position / (time.monotonic() - began)


def _writing(context: LlamaContext, model: LlamaModel) -> float:
    token, position, written = max(model.bos, 0), 0, 0
    sampler = context.sampler(SamplerSettings(temperature=0))
    began = time.monotonic()
    while written < LEAST_WRITTEN or time.monotonic() - began < WRITE_S:
        row = context.decode([Piece(1, position, [token], sample=True)])[0]
        token = context.sample(row, sampler)
        position, written = position + 1, written + 1
        if position >= CELLS // 4:
            break
    seconds = time.monotonic() - began
    sampler.close()
    return written / seconds

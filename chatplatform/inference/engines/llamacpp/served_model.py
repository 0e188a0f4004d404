"""A model ready to answer: file, weights, cache, scheduler and prompt reader, made and freed together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from chatplatform.inference.engines.llamacpp.context import Piece
from chatplatform.inference.engines.llamacpp.context_settings import Q8_SHARE, ContextSettings, KVType
from chatplatform.inference.engines.llamacpp.gguf import GGUFHeader, read_header
from chatplatform.inference.engines.llamacpp.gpu import Wish, devices, machine_gpu, plan_layers
from chatplatform.inference.engines.llamacpp.llama_context import LlamaContext, usable_cores
from chatplatform.inference.engines.llamacpp.model import LlamaModel
from chatplatform.inference.engines.llamacpp.native import llama
from chatplatform.inference.engines.llamacpp.outbox import Deliver
from chatplatform.inference.engines.llamacpp.prompt_tokens import PromptReader
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.saving import Saving
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler
from chatplatform.inference.engines.llamacpp.self_benchmark import Fingerprint, SelfBenchmark
from chatplatform.inference.engines.llamacpp.speed_probe import probe
from chatplatform.inference.model_files.encrypted_model import opened
from chatplatform.inference.model_files.speeds import machine_name

log = logging.getLogger(__name__)

WARM_UP_READ = 64
WARM_UP_WRITE = 8
CACHE_FACTOR = 2
"""The cache holds this many full conversations, memory permitting: running ones, and kept ones beside them."""


class ServedModel:
    """Everything that belongs to one loaded model. Close it when no request uses it any more."""

    def __init__(
        self,
        model_id: str,
        path: Path,
        sha256: str,
        *,
        context_tokens: int,
        threads: int,
        deliver: Deliver,
        on_progress: Callable[[float], bool],
        saving: Saving,
        gpu_layers: Wish,
        self_benchmark: SelfBenchmark,
    ) -> None:
        """Load `path`. `context_tokens` is what one request may fill, cut to what the model was trained for.

        Raises DamagedModel, LoadFailed, OSError, or what encrypted_model.opened raises.
        """
        self.id = model_id
        self.path = path
        self.sha256 = sha256
        with opened(path) as plain:
            header = read_header(plain)
            self.context_tokens = min(context_tokens, header.context_tokens)
            self.gpu = plan_layers(
                gpu_layers,
                layers=header.number("block_count"),
                model_bytes=header.file_size + self.context_tokens * header.cache_bytes_per_token,
                devices=devices(),
                machine_gpu=machine_gpu(),
            )
            if self.gpu.notice:
                log.warning("%s: %s.", model_id, self.gpu.notice)
            self.model = LlamaModel(plain, on_progress, gpu_layers=self.gpu.layers)
        context: LlamaContext | None = None
        try:
            available = psutil.virtual_memory().available
            is_short = cache_cells(header, self.context_tokens, available_bytes=available) < (
                CACHE_FACTOR * self.context_tokens
            )
            self.settings, self.tuned = self_benchmark.settings(
                Fingerprint(
                    sha256=sha256,
                    library=str(llama().__version__),
                    processor=machine_name(),
                    cores=usable_cores(),
                    gpu_layers=self.gpu.layers,
                    wished_threads=threads,
                    memory_short=is_short,
                ),
                ContextSettings(threads=threads),
                lambda settings: probe(self.model, settings),
            )
            cells = cache_cells(
                header, self.context_tokens, available_bytes=available, kv_type=self.settings.kv_type
            )
            context = LlamaContext(self.model, cells=cells, settings=self.settings)
            self.scheduler = Scheduler(
                context,
                self.model,
                context_tokens=self.context_tokens,
                deliver=deliver,
                name=f"scheduler {model_id}",
                conversations=saving.conversations(),
                prefixes=saving.prefixes(sha256, f"{llama().__version__} {self.settings.cache_format}"),
            )
            _warm_up(context, self.model, self.scheduler)
        except BaseException:
            if context is not None:
                context.close()
            self.model.close()
            raise
        self._context = context
        self.prompts = PromptReader(self.model, header.chat_template)
        if self.prompts.template_error:
            log.warning("%s: ChatML is used, for %s.", model_id, self.prompts.template_error)
        self.scheduler.start()

    def close(self) -> None:
        """Fail what is under way and free all memory."""
        self.scheduler.stop()
        self.prompts.close()
        self._context.close()
        self.model.close()


def cache_cells(
    header: GGUFHeader, context_tokens: int, *, available_bytes: int, kv_type: KVType = "f16"
) -> int:
    """Size of the cache in tokens: CACHE_FACTOR conversations, within half of the memory that is left, and at
    least one.
    """
    bytes_per_token = header.cache_bytes_per_token * (Q8_SHARE if kv_type == "q8_0" else 1)
    affordable = int(available_bytes / 2 / max(1, bytes_per_token))
    return max(context_tokens, min(CACHE_FACTOR * context_tokens, affordable))


def _warm_up(context: LlamaContext, model: LlamaModel, scheduler: Scheduler) -> None:
    """Read and write a little, so that speeds are known before the first request."""
    token = max(model.bos, 0)
    sampler = context.sampler(SamplerSettings(temperature=0))
    began = time.monotonic()
    rows = context.decode([Piece(seq=0, start=0, tokens=[token] * WARM_UP_READ, sample=True)])
    scheduler.speed.step(read=WARM_UP_READ, writing=0, seconds=time.monotonic() - began)
    for position in range(WARM_UP_READ, WARM_UP_READ + WARM_UP_WRITE):
        began = time.monotonic()
        token = context.sample(rows[0], sampler)
        rows = context.decode([Piece(seq=0, start=position, tokens=[token], sample=True)])
        scheduler.speed.step(read=0, writing=1, seconds=time.monotonic() - began)
    sampler.close()
    context.clear()

"""The scheduler's Context over llama.cpp: one unified cache, one batch for many sequences."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

from chatplatform.inference.engines.llamacpp.context import (
    CacheFull,
    DecodeAborted,
    DecodeFailed,
    Piece,
    Sampler,
)
from chatplatform.inference.engines.llamacpp.context_settings import ContextSettings
from chatplatform.inference.engines.llamacpp.model import LlamaModel, LoadFailed
from chatplatform.inference.engines.llamacpp.native import last_complaint, llama
from chatplatform.inference.engines.llamacpp.sampling import SamplerChain, SamplerSettings, token_data
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob

SEQUENCES = 64
"""Running, kept and platform sequences together. The library allows 256; each costs a row of output memory."""
SPARE = SEQUENCES
"""One more, that holds a part of another for the moment in which it is saved."""


def usable_cores() -> int:
    """Cores that this process may use, containers' limits considered where the system says them."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS
        return max(1, os.cpu_count() or 1)


class LlamaContext:
    """See context.Context. Raises LoadFailed when there is no memory for `cells` tokens."""

    def __init__(
        self, model: LlamaModel, *, cells: int, threads: int = 0, settings: ContextSettings | None = None
    ) -> None:
        """`settings` is how the model is run; without it, on so many threads and as usual."""
        self._api = api = llama()
        self._model = model
        settings = settings or ContextSettings(threads=threads)
        threads = settings.threads or usable_cores()
        params = api.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = params.n_ubatch = settings.batch
        params.flash_attn_type = {
            "auto": api.LLAMA_FLASH_ATTN_TYPE_AUTO,
            "on": api.LLAMA_FLASH_ATTN_TYPE_ENABLED,
            "off": api.LLAMA_FLASH_ATTN_TYPE_DISABLED,
        }[settings.flash_attention]
        params.type_k = params.type_v = {"f16": api.GGML_TYPE_F16, "q8_0": api.GGML_TYPE_Q8_0}[
            settings.kv_type
        ]
        params.offload_kqv = params.op_offload = model.gpu_layers != 0
        params.n_seq_max = params.n_outputs_max = SEQUENCES + 1
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True  # without it a partial copy between sequences aborts the process
        params.swa_full = True  # sliding windows would forget what a kept conversation needs
        params.no_perf = True
        # A function in C that reads one byte: the abort check runs at every node of the graph, where a Python
        # callback would wait for the interpreter's lock. The length of the string in the flag is 0 or 1.
        self._flag = ctypes.create_string_buffer(2)
        params.abort_callback = ctypes.cast(ctypes.CDLL(None).strlen, api.ggml_abort_callback)
        params.abort_callback_data = ctypes.cast(self._flag, ctypes.c_void_p)
        self.pointer: Any = api.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            raise LoadFailed(f"There is no room for a context of {cells} tokens: {last_complaint()}")
        self._memory = api.llama_get_memory(self.pointer)
        self._batch = api.llama_batch_init(settings.batch, 0, 1)
        for row in range(settings.batch):
            self._batch.n_seq_id[row] = 1
        self.cells = int(api.llama_n_ctx(self.pointer))
        self._choices = token_data(model.size)
        self.sequences = SEQUENCES
        self.max_batch = settings.batch
        self.can_trim = self._probe_trim()

    def _probe_trim(self) -> bool:
        """Whether the model's memory can forget the end of a sequence; also loads the weights for real."""
        token = max(self._model.bos, 0)
        self.decode([Piece(seq=0, start=0, tokens=[token] * 4, sample=False)])
        can = bool(self._api.llama_memory_seq_rm(self._memory, 0, 2, -1))
        self._api.llama_memory_clear(self._memory, True)
        return can

    def decode(self, pieces: Sequence[Piece]) -> list[int]:
        batch, row = self._batch, 0
        rows: list[int] = []
        for piece in pieces:
            for offset, token in enumerate(piece.tokens):
                batch.token[row] = token
                batch.pos[row] = piece.start + offset
                batch.seq_id[row][0] = piece.seq
                batch.logits[row] = 0
                row += 1
            first = row - 1 - piece.guessed
            for wanted in range(first, row if piece.sample else first):
                batch.logits[wanted] = 1
            rows.append(first if piece.sample else -1)
        batch.n_tokens = row
        result = self._api.llama_decode(self.pointer, batch)
        if result == 0:
            return rows
        if result == 1:
            raise CacheFull
        if result == 2:
            raise DecodeAborted
        raise DecodeFailed(f"llama_decode gave {result}: {last_complaint()}")

    def sampler(self, settings: SamplerSettings) -> Sampler:
        return SamplerChain(settings, self._model.size, self._model.end_tokens, self._model)

    def sample(self, row: int, sampler: Sampler) -> int:
        assert isinstance(sampler, SamplerChain)
        if sampler.is_bound:
            import numpy

            logits = numpy.ctypeslib.as_array(
                self._api.llama_get_logits_ith(self.pointer, row), shape=(self._model.size,)
            )
            return sampler.choose(logits, self._choices)
        return int(self._api.llama_sampler_sample(sampler.pointer, self.pointer, row))

    def logprobs(self, row: int, token: int, count: int) -> TokenLogprob:
        import numpy

        logits = numpy.ctypeslib.as_array(
            self._api.llama_get_logits_ith(self.pointer, row), shape=(self._model.size,)
        )
        highest = float(logits.max())
        whole = highest + float(numpy.log(numpy.exp(logits - highest, dtype=numpy.float64).sum()))
        top: Any = numpy.argpartition(logits, -count)[-count:] if count else ()
        ranked = sorted(((int(one), float(logits[one]) - whole) for one in top), key=lambda pair: -pair[1])
        return TokenLogprob(token, float(logits[token]) - whole, tuple(ranked))

    def copy(self, source: int, target: int, stop: int) -> None:
        self._api.llama_memory_seq_cp(self._memory, source, target, 0, stop)

    def trim(self, seq: int, start: int) -> None:
        if not self._api.llama_memory_seq_rm(self._memory, seq, start, -1):
            raise DecodeFailed(f"the memory kept sequence {seq} from {start} on")

    def save(self, seq: int, start: int) -> bytes:
        source = seq
        if start:  # a state has whole sequences: the part is first made one, which takes no cells
            source = SPARE
            self._api.llama_memory_seq_cp(self._memory, seq, SPARE, -1, -1)
            self._api.llama_memory_seq_rm(self._memory, SPARE, 0, start)
        size = self._api.llama_state_seq_get_size(self.pointer, source)
        buffer = (ctypes.c_uint8 * size)()
        written = self._api.llama_state_seq_get_data(self.pointer, buffer, size, source)
        if start:
            self._api.llama_memory_seq_rm(self._memory, SPARE, -1, -1)
        return bytes(memoryview(buffer)[:written])

    def restore(self, seq: int, data: bytes) -> bool:
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        if self._api.llama_state_seq_set_data(self.pointer, buffer, len(data), seq):
            return True
        self._api.llama_memory_seq_rm(self._memory, seq, -1, -1)
        return False

    def clear(self) -> None:
        self._api.llama_memory_clear(self._memory, True)

    def abort(self, on: bool) -> None:
        self._flag[0] = b"x" if on else b"\0"

    def synchronise(self) -> None:
        """Wait until the last decode is done: on an accelerator it goes on after `decode` has returned."""
        self._api.llama_synchronize(self.pointer)

    def close(self) -> None:
        if self.pointer:
            self._api.llama_batch_free(self._batch)
            self._api.llama_free(self.pointer)
            self.pointer = None

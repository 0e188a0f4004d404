"""A loaded model file: its weights and its vocabulary."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatplatform.common.errors import Unavailable
from chatplatform.inference.engines.llamacpp.native import amx_is_compiled_in, last_complaint, llama

_ATTR_UNKNOWN, _ATTR_CONTROL = 1 << 0, 1 << 3


class LoadFailed(Unavailable):
    """llama.cpp could not load a model or make room for it; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("model_not_loaded", message)

    def __str__(self) -> str:
        return str(self.message)


class LlamaModel:
    """Weights and vocabulary. Tokenising is safe from any thread; close only when nobody uses it any more."""

    def __init__(
        self, path: Path, on_progress: Callable[[float], bool] | None = None, *, gpu_layers: int = -1
    ) -> None:
        """Load `path`, which read_header has found sound. `on_progress` gets 0 to 1; False gives up.

        `gpu_layers` go to an accelerator, if the library can use one; -1 means all. Raises LoadFailed.
        """
        self._api = api = llama()
        self.gpu_layers = gpu_layers
        params = api.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        if amx_is_compiled_in():
            params.use_extra_bufts = False
        if on_progress is not None:
            # kept until the load is over: the library holds a bare pointer to it
            callback = api.llama_progress_callback(lambda fraction, _data: on_progress(fraction))
            params.progress_callback = callback
        self.pointer: Any = api.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            reason = last_complaint() or "no reason was given"
            raise LoadFailed(f"llama.cpp could not load {path.name}: {reason}")
        self.vocab: Any = api.llama_model_get_vocab(self.pointer)
        self.size = int(api.llama_vocab_n_tokens(self.vocab))
        self.context_tokens = int(api.llama_model_n_ctx_train(self.pointer))
        self._is_spm = api.llama_vocab_type(self.vocab) == api.LLAMA_VOCAB_TYPE_SPM
        self._pieces: dict[int, bytes] = {}
        self.end_tokens = tuple(t for t in range(self.size) if api.llama_vocab_is_eog(self.vocab, t))
        self._ends = frozenset(self.end_tokens)
        self.control_texts = tuple(self._control_texts())
        """Texts that the tokeniser turns into control tokens: these must not work when people type them."""

    def _control_texts(self) -> list[str]:
        api, found = self._api, []
        for token in range(self.size):
            if api.llama_vocab_get_attr(self.vocab, token) & (_ATTR_CONTROL | _ATTR_UNKNOWN):
                text = (api.llama_vocab_get_text(self.vocab, token) or b"").decode("utf-8", errors="replace")
                if text:
                    found.append(text)
        return sorted(found, key=len, reverse=True)

    def is_end(self, token: int) -> bool:
        return token in self._ends

    def token_text(self, token: int) -> str:
        """The text that stands for a control token such as BOS; empty for -1, no such token."""
        if token < 0:
            return ""
        return bytes(self._api.llama_vocab_get_text(self.vocab, token) or b"").decode("utf-8", "replace")

    @property
    def bos_text(self) -> str:
        return self.token_text(self._api.llama_vocab_bos(self.vocab))

    @property
    def eos_text(self) -> str:
        return self.token_text(self._api.llama_vocab_eos(self.vocab))

    @property
    def adds_bos(self) -> bool:
        """True when the model wants BOS in front, and a prompt that lacks it must be given it."""
        return bool(self._api.llama_vocab_get_add_bos(self.vocab))

    @property
    def bos(self) -> int:
        return int(self._api.llama_vocab_bos(self.vocab))

    def piece(self, token: int) -> bytes:
        known = self._pieces.get(token)
        if known is None:
            buffer = ctypes.create_string_buffer(64)
            length = self._api.llama_token_to_piece(self.vocab, token, buffer, 64, 0, False)
            if length < 0:
                buffer = ctypes.create_string_buffer(-length)
                length = self._api.llama_token_to_piece(self.vocab, token, buffer, -length, 0, False)
            known = self._pieces[token] = buffer.raw[: max(length, 0)]
        return known

    def tokenise(self, text: str, *, control: bool, continues: bool = False) -> list[int]:
        """Tokens of `text`. With `control`, texts of control tokens become these; otherwise plain letters.

        With `continues` the text follows other text: vocabularies that put a space before the first word
        must not do it then.
        """
        if not text:
            return []
        if continues and self._is_spm:
            return self._tokenise("\n" + text, control)[len(self._tokenise("\n", control)) :]
        return self._tokenise(text, control)

    def _tokenise(self, text: str, control: bool) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 8
        tokens = (self._api.llama_token * room)()
        count = self._api.llama_tokenize(self.vocab, data, len(data), tokens, room, False, control)
        if count < 0:
            raise ValueError("the tokeniser found more tokens than bytes")
        return list(tokens[:count])

    def close(self) -> None:
        if self.pointer:
            self._api.llama_model_free(self.pointer)
            self.pointer = None

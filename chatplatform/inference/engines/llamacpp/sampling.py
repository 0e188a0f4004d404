"""How the next token is chosen: settings, and the chain of C samplers made from them."""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from chatplatform.inference.engines.llamacpp.native import llama
from chatplatform.inference.engines.llamacpp.opening_mark import THINKING, OpeningMark, may_begin_call

PENALTY_WINDOW = 256
"""Generated tokens that the penalties look back on. The prompt is not punished: answers must quote it."""
GRAMMAR_STEP_S = 0.25
"""Processor time that a grammar may take for one token. Ambiguous ones take more with each."""
CALL_SHARE = 0.2
"""A free answer begins with a call when so much of the likelihood of its first token belongs to one. Models that were
trained to call are nearly sure either way; small ones are not (tests/benchmarks/tool_calls.py)."""


@dataclass(frozen=True)
class SamplerSettings:
    """`temperature` 0 takes the likeliest token. `seed` None means a fresh one for each request.

    `grammar` (json_grammar.py) says what may be written at all; it may not be combined with `ignore_end`. With
    `grammar_after` the answer is free until it has written that, outside of thinking; `thinks` says that it begins
    in the middle of thinking.
    """

    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    ignore_end: bool = False
    logit_bias: tuple[tuple[int, float], ...] = ()
    grammar: str = field(default="", repr=False)
    grammar_after: str = ""
    thinks: bool = False


class Words(Protocol):
    """What a grammar needs of a model; see model.LlamaModel."""

    vocab: Any

    def piece(self, token: int) -> bytes: ...
    def tokenise(self, text: str, *, control: bool, continues: bool = False) -> list[int]: ...


def token_data(size: int) -> Any:
    """An array of so many tokens with their logits, as the library lays them out."""
    import numpy

    return numpy.zeros(size, dtype=[("id", numpy.int32), ("logit", numpy.float32), ("p", numpy.float32)])


@cache
def token_ids(size: int) -> Any:
    """0, 1, 2 … for so many tokens."""
    import numpy

    return numpy.arange(size, dtype=numpy.int32)


_openings: WeakKeyDictionary[Words, Any] = WeakKeyDictionary()


def openings(words: Words, size: int) -> Any:
    """Which of a model's tokens a call may begin with, as an array of truths. Slow the first time."""
    import numpy

    found = _openings.get(words)
    if found is None:
        found = numpy.array([may_begin_call(words.piece(token)) for token in range(size)], dtype=bool)
        _openings[words] = found
    return found


class GrammarRefused(ValueError):
    """The library cannot make sense of a grammar."""


class GrammarLeft(RuntimeError):
    """No token is permitted any more, or it takes too long to say which: accepting one that is not would end the
    process, and everybody's answers wait for the grammar of one, so the answer has to end."""


class SamplerChain:
    """A chain in C for one generation, with its own random state. Close it when the generation ends."""

    def __init__(
        self,
        settings: SamplerSettings,
        vocabulary_size: int,
        end_tokens: Sequence[int],
        words: Words | None = None,
    ) -> None:
        """`words` is the model, needed for a grammar. Raises GrammarRefused."""
        api = llama()
        self._api = api
        self._settings = settings
        self._words = words
        self._mark = (
            OpeningMark(settings.grammar_after, thinks=settings.thinks) if settings.grammar_after else None
        )
        self._forced = b""
        self._grammar: Any = None
        self._ids: Any = token_ids(vocabulary_size) if settings.grammar else None
        self.pointer: Any = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for sampler in self._samplers(settings, vocabulary_size, end_tokens):
            api.llama_sampler_chain_add(self.pointer, sampler)
        if settings.grammar and not self._mark:
            self._bind()

    @property
    def is_bound(self) -> bool:
        """Whether a grammar says what may be written, now or later: then `choose` has to be used."""
        return self._grammar is not None or self._mark is not None

    def choose(self, logits: Any, scratch: Any) -> int:
        """Choose a token by its logits (float32, one for each token), and let the samplers know it.

        What the chain likes best mostly is permitted; only if it is not, the grammar looks at every token. The
        library ends the process when it is told of a token that the grammar forbids, so none is before it was
        looked at. `scratch` is `token_data` of the same length. Raises GrammarLeft.
        """
        if self._grammar is None:
            return self._choose_before_grammar(logits, scratch)
        token, _logit = self._chosen(logits, scratch)
        began = time.thread_time()
        if not self._permits(token):
            self._fill(scratch, logits)
            self._apply(self._grammar, scratch, len(logits))
            token, logit = self._chosen(scratch["logit"].copy(), scratch)
            if logit == float("-inf"):
                raise GrammarLeft
        self._api.llama_sampler_accept(self._grammar, token)
        if time.thread_time() - began > GRAMMAR_STEP_S:
            raise GrammarLeft
        self._api.llama_sampler_accept(self.pointer, token)
        return token

    def _choose_before_grammar(self, logits: Any, scratch: Any) -> int:
        """What the chain likes best, or what has to stand in its place so that the mark is written whole and nothing
        with it."""
        assert self._mark is not None
        assert self._words is not None
        calls = False
        if self._mark.at_beginning and not self._forced:
            logits, calls = self._decided(logits)
        token, _logit = self._chosen(logits, scratch)
        piece = self._words.piece(token)
        if not self._forced:
            is_fence = piece.lstrip().startswith(b"`")  # what comes next tells a call from a program
            whole = self._settings.grammar_after.encode() if calls and not is_fence else b""
            self._forced = whole or self._mark.instead_of(piece)
        if self._forced:
            text = self._forced.decode("utf-8", errors="replace")
            token = self._words.tokenise(text, control=False, continues=True)[0]
            piece = self._words.piece(token)
            if not piece or not self._forced.startswith(piece):
                raise GrammarLeft
            self._forced = self._forced[len(piece) :]
        self._api.llama_sampler_accept(self.pointer, token)
        if self._mark.feed(piece):
            self._mark = None
            self._bind()
        return token

    def _decided(self, logits: Any) -> tuple[Any, bool]:
        """The logits of what the answer may begin with, and whether that is a call.

        Models of little training call in many forms, each less likely than the likeliest word: so the forms are
        weighed together against all words.
        """
        assert self._words is not None
        import numpy

        first = self._words.piece(int(logits.argmax()))
        if not first.strip() or first.lstrip().startswith(THINKING[:-1]):
            return logits, False
        opens = openings(self._words, len(logits))
        weights = numpy.exp(logits - logits.max(), dtype=numpy.float64)
        calls = bool(weights[opens].sum() >= CALL_SHARE * weights.sum())
        kept = logits.copy()
        kept[~opens if calls else opens] = -numpy.inf
        return kept, calls

    def _bind(self) -> None:
        assert self._words is not None
        self._grammar = bound_by(self._settings.grammar, self._words.vocab)

    def _chosen(self, logits: Any, scratch: Any) -> tuple[int, float]:
        """The chain's choice, and the logit that it had."""
        self._fill(scratch, logits)
        choice = self._apply(self.pointer, scratch, len(logits))
        if not 0 <= choice.selected < choice.size:
            raise GrammarLeft
        token = int(choice.data[choice.selected].id)
        return token, float(logits[token])

    def _permits(self, token: int) -> bool:
        alone = token_data(1)
        alone["id"] = token
        self._apply(self._grammar, alone, 1)
        return bool(alone["logit"][0] == 0.0)

    def _fill(self, scratch: Any, logits: Any) -> None:
        scratch["id"] = self._ids
        scratch["logit"] = logits
        scratch["p"] = 0.0

    def _apply(self, sampler: Any, data: Any, size: int) -> Any:
        pointer = data.ctypes.data_as(ctypes.POINTER(self._api.llama_token_data))
        choice = self._api.llama_token_data_array(data=pointer, size=size, selected=-1, sorted=False)
        self._api.llama_sampler_apply(sampler, ctypes.byref(choice))
        return choice

    def _samplers(self, s: SamplerSettings, vocabulary_size: int, end_tokens: Sequence[int]) -> list[Any]:
        api = self._api
        chain: list[Any] = []
        wanted = dict(s.logit_bias)
        if s.ignore_end:
            wanted |= dict.fromkeys(end_tokens, float("-inf"))
        if wanted:
            biases = (api.llama_logit_bias * len(wanted))(*wanted.items())
            chain.append(api.llama_sampler_init_logit_bias(vocabulary_size, len(wanted), biases))
        if s.repeat_penalty != 1.0 or s.frequency_penalty or s.presence_penalty:
            chain.append(
                api.llama_sampler_init_penalties(
                    vocabulary_size, PENALTY_WINDOW, s.repeat_penalty, s.frequency_penalty, s.presence_penalty
                )
            )
        if s.temperature <= 0:
            return [*chain, api.llama_sampler_init_greedy()]
        if s.top_k > 0:
            chain.append(api.llama_sampler_init_top_k(s.top_k))
        if s.top_p < 1:
            chain.append(api.llama_sampler_init_top_p(s.top_p, 1))
        if s.min_p > 0:
            chain.append(api.llama_sampler_init_min_p(s.min_p, 1))
        chain.append(api.llama_sampler_init_temp(s.temperature))
        seed = random.getrandbits(32) if s.seed is None else s.seed & 0xFFFFFFFF
        chain.append(api.llama_sampler_init_dist(ctypes.c_uint32(seed)))
        return chain

    def close(self) -> None:
        for sampler in (self.pointer, self._grammar):
            if sampler is not None:
                self._api.llama_sampler_free(sampler)
        self.pointer = self._grammar = None


def bound_by(grammar: str, vocabulary: Any) -> Any:
    """The C sampler of a grammar. Whoever asks frees it, or gives it to a chain. Raises GrammarRefused."""
    found = llama().llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
    if not found:
        raise GrammarRefused
    return found


def check_grammar(grammar: str, vocabulary: Any) -> None:
    """Raises GrammarRefused for what the library would refuse when the answer begins."""
    llama().llama_sampler_free(bound_by(grammar, vocabulary))

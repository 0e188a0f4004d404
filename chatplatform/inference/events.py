"""What a model call is asked with, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chatplatform.inference.protocol.dialects import OPENAI, Dialect

Priority = Literal["interactive", "background"]
FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen, and when to end. `seed` None means another answer each time.

    `logit_bias` makes tokens, by their numbers, likelier or less. With `logprobs`, each token is told with its
    probability and so many of the likeliest.
    """

    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()
    logit_bias: tuple[tuple[int, float], ...] = ()
    logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """The call waits; `position` counts from 1, `wait_s` is the engine's guess."""

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class Started:
    """The model reads the prompt. Counts are 0 and the hash is empty where an engine does not tell them."""

    model: str
    model_sha256: str
    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token with the natural logarithm of its probability; `top` has the likeliest ones in its place."""

    token: str = field(repr=False)
    data: bytes = field(repr=False)
    logprob: float = 0.0
    top: tuple[TokenLogprob, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text, as much as has arrived; `tokens` is how many pieces the engine sent it in. `logprobs`, if they were
    asked for, are those of the tokens since the last text, thinking and calls included."""

    text: str = field(repr=False)
    tokens: int = 1
    logprobs: tuple[TokenLogprob, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the model thinks before it answers. It is no part of the answer."""

    text: str = field(repr=False)
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """More of a call that the model makes, number `index` of the answer. `id` and `name` come with the first part;
    the parts of `arguments` joined are JSON."""

    index: int
    id: str
    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer is whole (`stop`, `tool_calls`) or was cut at a limit (`length`). Times are in seconds from the
    sending."""

    finish_reason: FinishReason
    model: str
    model_sha256: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    first_token_s: float | None
    total_s: float
    reasoning_tokens: int = 0


ModelEvent = Queued | Started | TextDelta | ReasoningDelta | ToolCallPart | Completed


@dataclass(frozen=True, slots=True)
class RunAs:
    """How an engine of ours runs a model: threads, layers on an accelerator, type of the cache; and whether that was
    chosen by trying."""

    threads: int
    gpu_layers: int
    kv_type: str
    measured: bool


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model that an engine serves. Speeds are measured tokens a second, None where unknown."""

    id: str
    aliases: tuple[str, ...] = ()
    sha256: str = ""
    context_tokens: int | None = None
    reading_tokens_s: float | None = None
    writing_tokens_s: float | None = None
    run_as: RunAs | None = None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """`state` is "ready", "loading", "error" or "down"; `error` says why in the reader's language. `started_at` tells
    one start of an engine of ours from the next; None for any other."""

    state: str
    models: tuple[EngineModel, ...] = ()
    error: str = ""
    dialect: Dialect = OPENAI
    started_at: float | None = None

    @property
    def ready(self) -> bool:
        return self.state == "ready"

    def model(self, name: str) -> EngineModel | None:
        """The model with this id or alias."""
        return next((model for model in self.models if name == model.id or name in model.aliases), None)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """How busy an engine is. Figures are sums over its models since it started, None where it does not tell.

    `cached_share` is the part of all prompt tokens that did not have to be read.
    """

    running: int | None = None
    queued: int | None = None
    cells: int | None = None
    cells_used: int | None = None
    conversations_kept: int | None = None
    answers: int | None = None
    cached_share: float | None = None

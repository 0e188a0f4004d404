"""One request on its way through the scheduler, and what it tells its client."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from chatplatform.inference.engines.llamacpp.context import Sampler
from chatplatform.inference.engines.llamacpp.output_text import OutputText
from chatplatform.inference.engines.llamacpp.prompt_lookup import PromptLookup
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.sequences import Held
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob, ToldTokens

Priority = Literal["interactive", "background"]
FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, repr=False)
class GenerationRequest:
    """What to generate. `tokens` holds the prompt, whose first `system_tokens` are the platform's own text.

    `owner` must not be empty; owners take turns in the queue. With `keep` the conversation stays in the cache for
    the same owner; with `no_store` it is never written down when it has to leave the cache.
    """

    tokens: tuple[int, ...]
    system_tokens: int
    owner: str
    keep: bool
    sampling: SamplerSettings
    max_tokens: int
    stop: tuple[str, ...] = ()
    priority: Priority = "interactive"
    logprobs: int | None = None
    """How many of the likeliest tokens are told with each token's own probability; None tells none."""
    no_store: bool = False


@dataclass(frozen=True)
class Queued:
    """The request waits at `position` (1 is next), for about `wait_s` seconds if that can be said."""

    position: int
    wait_s: float | None


@dataclass(frozen=True)
class Started:
    """Reading begins; `cached_tokens` of the prompt's tokens need not be read."""

    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, repr=False)
class Text:
    """More text, of `tokens` tokens. `logprobs` has one entry for each, if they were asked for."""

    text: str
    tokens: int = 1
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Finished:
    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


@dataclass(frozen=True)
class Failed:
    """The request ended without an answer. `status` as in HTTP; `message` is for people, without content."""

    status: int
    code: str
    message: str


Event = Queued | Started | Text | Finished | Failed
Sink = Callable[[Event], None]


class State(enum.Enum):
    QUEUED = enum.auto()
    READING = enum.auto()
    WRITING = enum.auto()
    ENDED = enum.auto()


@dataclass(eq=False, repr=False)
class Generation:
    """The scheduler's record of a request; everything but `cancelled` and `forgotten` belongs to the scheduler's
    thread."""

    request: GenerationRequest
    sink: Sink
    queued_at: float
    text: OutputText
    state: State = State.QUEUED
    cancelled: bool = False
    forgotten: bool = False
    """Whether its owner was forgotten while it ran: then nothing of it stays."""
    is_begun: bool = False
    """Whether its client was told that reading begins: a sequence alone is no progress."""
    held: Held | None = None
    sampler: Sampler | None = None
    cached_tokens: int = 0
    next_token: int = -1
    lookup: PromptLookup | None = None
    settled: int = 0
    """How many of the tokens in the cache are the conversation's for certain; what follows was guessed."""
    written: int = 0
    untold: ToldTokens = field(default_factory=ToldTokens)
    told: Queued | None = None
    told_at: float = field(default=0.0)

    @property
    def unread(self) -> int:
        """Prompt tokens that are still to be read."""
        return len(self.request.tokens) - (len(self.held.tokens) if self.held else 0)

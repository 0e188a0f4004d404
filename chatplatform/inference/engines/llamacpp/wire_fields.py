"""Fields that requests for an answer share, in chats and in completions of a text: how it is drawn, and how told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chatplatform.inference.engines.llamacpp.limits import DEFAULT_MAX_TOKENS
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings

MAX_STOPS = 16
MAX_STOP_CHARS = 200
MAX_BIASES = 300
MAX_CHOICES = 4
"""Answers of one request. Each takes a place of its own, as if it had been asked for alone."""
MAX_TOP_LOGPROBS = 20
MAX_GRAMMAR_CHARS = 16 * 1024

_DRAWN = (
    *("temperature", "top_p", "top_k", "min_p", "repeat_penalty", "frequency_penalty", "presence_penalty"),
    "seed",
)


def listed(value: object) -> object:
    """One text may stand for a list of it, and nothing for an empty one."""
    return [value] if isinstance(value, str) else value or []


class Request(BaseModel):
    """Unknown fields are dropped; numbers are finite; errors quote nothing."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False, populate_by_name=True
    )


class StreamOptions(Request):
    include_usage: bool = True


StopText = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARS)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Bias = Annotated[float, Field(ge=-100, le=100)]


class AnswerFields(Request):
    """`request_id` is what `/v1/cancel` knows the request by; nothing is kept without a `cache_owner`, and with
    `no_store` only as long as it has room in the cache: it is never written down."""

    model: str = Field("chat", max_length=400)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=MAX_CHOICES)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0, le=1_000_000)
    min_p: float | None = Field(None, ge=0, le=1)
    repeat_penalty: float | None = Field(None, gt=0, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = Field(None, ge=-(2**63), lt=2**64)
    logit_bias: Annotated[dict[TokenId, Bias], Field(max_length=MAX_BIASES)] | None = None
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    stop: Annotated[list[StopText], Field(max_length=MAX_STOPS), BeforeValidator(listed)] = []
    grammar: str | None = Field(None, max_length=MAX_GRAMMAR_CHARS)
    ignore_eos: bool = False
    cache_owner: str = Field("", max_length=200)
    no_store: bool = False
    priority: Literal["interactive", "background"] = "interactive"
    request_id: str = Field("", max_length=200)

    @property
    def answer_tokens(self) -> int:
        """How long the answer may be, in tokens."""
        return self.max_tokens or DEFAULT_MAX_TOKENS

    @property
    def with_usage(self) -> bool:
        return self.stream_options is None or self.stream_options.include_usage

    @property
    def choices(self) -> int:
        """How many answers are wanted."""
        return self.n or 1

    @property
    def grammar_after(self) -> str:
        """What an answer has to write before its grammar holds; empty when it holds from the beginning."""
        return ""

    def own_grammar(self) -> str:
        """The grammar that we make for the answer; empty when it is free, or the client has sent one.

        Raises SchemaRefused.
        """
        return ""

    def sampling(self, choice: int = 0, **beside: Any) -> SamplerSettings:
        """What was asked for; where nothing was, the engine's own defaults. Choices of one seed differ."""
        asked: dict[str, Any] = {name: value for name in _DRAWN if (value := getattr(self, name)) is not None}
        if self.seed is not None:
            asked["seed"] = self.seed + choice
        biases = tuple((self.logit_bias or {}).items())
        return SamplerSettings(**asked, ignore_end=self.ignore_eos, logit_bias=biases, **beside)

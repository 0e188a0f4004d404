"""What clients may send about bare texts: to complete them, and to see them as tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage
from chatplatform.inference.engines.llamacpp.wire import MAX_MESSAGES, Message
from chatplatform.inference.engines.llamacpp.wire_fields import (
    MAX_CHOICES,
    MAX_TOP_LOGPROBS,
    AnswerFields,
    Request,
    TokenId,
    listed,
)

MAX_IDS = 262_144


class CompletionRequest(AnswerFields):
    """`POST /v1/completions`. Each prompt is a text that the model goes on with, without a chat template."""

    prompt: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(min_length=1, max_length=MAX_CHOICES),
        BeforeValidator(listed),
    ]
    echo: Literal[False] | None = None
    suffix: Literal[""] | None = None
    logprobs: int | None = Field(None, ge=0, le=MAX_TOP_LOGPROBS)

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if len(self.prompt) * self.choices > MAX_CHOICES:
            raise ValueError(f"at most {MAX_CHOICES} answers, all prompts taken together")
        if self.grammar and self.ignore_eos:
            raise ValueError("an answer that a grammar binds cannot go on past its end")
        return self


class TokenizeRequest(Request):
    """`POST /v1/tokenize`: how many tokens messages have as they would be put to the model, or a text by itself, or
    several texts; or which tokens `content` has, as llama-server's clients ask."""

    model: str = Field("chat", max_length=400)
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)] | None = None
    text: str | None = None
    texts: Annotated[list[str], Field(min_length=1, max_length=MAX_MESSAGES)] | None = None
    content: str | None = None
    add_special: bool = False
    with_pieces: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if [self.messages, self.text, self.texts, self.content].count(None) != 3:
            raise ValueError("give either messages, text, texts or content")
        return self

    def as_chat(self) -> list[ChatMessage]:
        return [message.as_chat() for message in self.messages or ()]


class DetokenizeRequest(Request):
    """`POST /v1/detokenize`."""

    model: str = Field("chat", max_length=400)
    tokens: Annotated[list[TokenId], Field(max_length=MAX_IDS)]

"""Answers in OpenAI's shape, for the description."""

from __future__ import annotations

from typing import Literal

from ninja import Schema


class OpenAIErrorInfo(Schema):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Schema):
    """The error form of the OpenAI protocol."""

    error: OpenAIErrorInfo


class TokenDetails(Schema):
    cached_tokens: int


class WrittenDetails(Schema):
    reasoning_tokens: int


class CompletionUsage(Schema):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: TokenDetails
    completion_tokens_details: WrittenDetails


class FunctionCall(Schema):
    name: str
    arguments: str


class ToolCall(Schema):
    id: str
    type: Literal["function"]
    function: FunctionCall


class CompletionMessage(Schema):
    role: Literal["assistant"]
    content: str | None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class LikelyToken(Schema):
    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(LikelyToken):
    top_logprobs: list[LikelyToken]


class ChoiceLogprobs(Schema):
    """One entry for each token that was written, those of thinking and of calls included."""

    content: list[TokenLogprob]
    refusal: None = None


class CompletionChoice(Schema):
    index: int
    message: CompletionMessage
    logprobs: ChoiceLogprobs | None = None
    finish_reason: Literal["stop", "length", "tool_calls"]


class ChatCompletion(Schema):
    """A whole answer. With `stream` it comes as server-sent events, `chat.completion.chunk` objects, instead."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str | None = None
    choices: list[CompletionChoice]
    usage: CompletionUsage


class ModelObject(Schema):
    """An assistant that you may talk to, or the embedding model. `name` and `description` are ours."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str
    description: str


class ModelObjects(Schema):
    object: Literal["list"]
    data: list[ModelObject]


class EmbeddingObject(Schema):
    """`embedding` is a list of numbers, or base64 of little-endian 32-bit floats."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Schema):
    prompt_tokens: int
    total_tokens: int


class EmbeddingObjects(Schema):
    object: Literal["list"]
    data: list[EmbeddingObject]
    model: str
    usage: EmbeddingUsage

"""What the encoder is asked over HTTP, and how it says no."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatplatform.inference.engines.encoder.embedding_model import InputType

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_INPUTS = 256
MAX_CHARS = 32_000
MAX_RERANKED = 64
"""Documents of one request: each is read together with the question, which nothing can be kept of for the next one."""
MAX_QUESTION_CHARS = 8_000


class Refused(Exception):
    """An error in OpenAI's shape; `extra` goes into the error object."""

    def __init__(self, status: int, code: str, message: str, **extra: int) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"message": message, "type": code, "code": code, **extra}}


def queue_full() -> Refused:
    """There is no room for one more."""
    return Refused(429, "queue_full", "Too much is waiting already. Please try again in a moment.")


class EmbeddingRequest(BaseModel):
    """OpenAI's request. `input_type` says what the texts are for; with `truncate` a text that is too long for
    the model is cut instead of refused. Other fields of OpenAI's are taken and change nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    input: str | list[str]
    model: str = ""
    input_type: InputType | None = None
    truncate: bool = False

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class RerankRequest(BaseModel):
    """The request that Cohere, Jina and llama-server share. Without `top_n` all results are wanted; other fields of
    theirs are taken and change nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    query: str
    documents: list[str]
    model: str = ""
    top_n: int | None = Field(None, ge=1)


def parse_embedding_request(body: bytes) -> EmbeddingRequest:
    """Raises Refused, saying which field is wrong or which limit was passed, and never what the texts are."""
    request = _parsed(EmbeddingRequest, body)
    _check(request.texts, MAX_INPUTS)
    return request


def parse_rerank_request(body: bytes) -> RerankRequest:
    """Raises Refused in the same way."""
    request = _parsed(RerankRequest, body)
    _check(request.documents, MAX_RERANKED)
    if not request.query.strip():
        raise Refused(400, "invalid_request", "The query is empty.")
    if len(request.query) > MAX_QUESTION_CHARS:
        raise Refused(
            400,
            "invalid_request",
            f"The query has {len(request.query)} characters; {MAX_QUESTION_CHARS} are the limit.",
        )
    return request


Request = TypeVar("Request", bound=BaseModel)


def _parsed(kind: type[Request], body: bytes) -> Request:
    try:
        return kind.model_validate(json.loads(body))
    except ValidationError as error:
        fields = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]})
        named = ", ".join(fields) or "the body"
        raise Refused(400, "invalid_request", f"Not as it should be: {named}.") from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid_request", "The body is not JSON.") from error


def _check(texts: list[str], most: int) -> None:
    if not 1 <= len(texts) <= most:
        raise Refused(400, "invalid_request", f"Send 1 to {most} texts, not {len(texts)}.")
    for number, text in enumerate(texts):
        if not text.strip():
            raise Refused(400, "invalid_request", f"Text {number} is empty.")
        if len(text) > MAX_CHARS:
            raise Refused(
                400,
                "invalid_request",
                f"Text {number} has {len(text)} characters; {MAX_CHARS} are the limit.",
            )


@dataclass(frozen=True)
class Embeddings:
    """The answer: vectors in the order of the texts, how many tokens were read, and how many of each text were not,
    because it is too long for the model."""

    model: str
    vectors: list[list[float]]
    tokens: int
    cut: list[int]

    def to_json(self) -> dict[str, object]:
        data = [
            {"object": "embedding", "index": index, "embedding": vector, "cut_tokens": cut}
            for index, (vector, cut) in enumerate(zip(self.vectors, self.cut, strict=True))
        ]
        usage = {"prompt_tokens": self.tokens, "total_tokens": self.tokens, "cut_tokens": sum(self.cut)}
        return {"object": "list", "model": self.model, "data": data, "usage": usage}


@dataclass(frozen=True)
class Ranking:
    """The answer: a score from 0 to 1 for each document, in their order, and how many tokens were read."""

    model: str
    scores: list[float]
    tokens: int

    def to_json(self, top_n: int | None = None) -> dict[str, object]:
        """The best first, the `top_n` best where that is said."""
        order = sorted(range(len(self.scores)), key=lambda place: -self.scores[place])[:top_n]
        results = [{"index": place, "relevance_score": self.scores[place]} for place in order]
        usage = {"prompt_tokens": self.tokens, "total_tokens": self.tokens}
        return {"object": "list", "model": self.model, "results": results, "usage": usage}

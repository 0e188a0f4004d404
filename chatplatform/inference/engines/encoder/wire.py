"""What the encoder is asked over HTTP, and how it says no."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from chatplatform.inference.engines.encoder.embedding_model import InputType

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_INPUTS = 256
MAX_CHARS = 32_000


class Refused(Exception):
    """An error in OpenAI's shape; `extra` goes into the error object."""

    def __init__(self, status: int, code: str, message: str, **extra: int) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"message": message, "type": code, "code": code, **extra}}


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


def parse_embedding_request(body: bytes) -> EmbeddingRequest:
    """Raises Refused, saying which field is wrong or which limit was passed, and never what the texts are."""
    try:
        request = EmbeddingRequest.model_validate(json.loads(body))
    except ValidationError as error:
        fields = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]})
        named = ", ".join(fields) or "the body"
        raise Refused(400, "invalid_request", f"Not as it should be: {named}.") from error
    except ValueError as error:
        raise Refused(400, "invalid_request", "The body is not JSON.") from error
    texts = request.texts
    if not 1 <= len(texts) <= MAX_INPUTS:
        raise Refused(400, "invalid_request", f"Send 1 to {MAX_INPUTS} texts, not {len(texts)}.")
    for number, text in enumerate(texts):
        if not text.strip():
            raise Refused(400, "invalid_request", f"Text {number} is empty.")
        if len(text) > MAX_CHARS:
            raise Refused(
                400,
                "invalid_request",
                f"Text {number} has {len(text)} characters; {MAX_CHARS} are the limit.",
            )
    return request


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

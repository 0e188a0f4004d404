"""Answers in OpenAI's shapes: chat completions and completions of a text, as streams of chunks or as a whole."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chatplatform.inference.engines.llamacpp.answer_text import Part
from chatplatform.inference.engines.llamacpp.generation import FinishReason, Started
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob
from chatplatform.inference.engines.llamacpp.tool_text import Call

Piece = Callable[[int], bytes]
"""The bytes of a token."""


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


class Shape(Protocol):
    """Makes the objects of one request's answers, which share id, time, model and fingerprint."""

    def first(self, choice: int, started: Started) -> dict[str, Any]: ...
    def part(self, choice: int, part: Part) -> dict[str, Any]: ...
    def last(self, choice: int, reason: FinishReason) -> dict[str, Any]: ...
    def usage(self, usage: Usage) -> dict[str, Any]: ...
    def whole(self, choices: Sequence[tuple[Part, FinishReason]], usage: Usage) -> dict[str, Any]: ...


class ChatShape:
    """`POST /v1/chat/completions`."""

    def __init__(self, model: str, sha256: str, piece: Piece, *, logprobs: bool) -> None:
        self._head = _head("chatcmpl", model, sha256)
        self._piece = piece
        self._logprobs = logprobs
        self._calls: dict[int, int] = {}

    def first(self, choice: int, started: Started) -> dict[str, Any]:
        """The chunk that says that reading begins."""
        return {**self._chunk(choice, {"role": "assistant", "content": ""}), "engine": _engine(started)}

    def part(self, choice: int, part: Part) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        if part.reasoning:
            delta["reasoning_content"] = part.reasoning
        if part.content:
            delta["content"] = part.content
        if part.calls:
            before = self._calls.get(choice, 0)
            self._calls[choice] = before + len(part.calls)
            delta["tool_calls"] = [
                {"index": before + place, **_call(call)} for place, call in enumerate(part.calls)
            ]
        return self._chunk(choice, delta, logprobs=part.logprobs)

    def last(self, choice: int, reason: FinishReason) -> dict[str, Any]:
        return self._chunk(choice, {}, reason)

    def usage(self, usage: Usage) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": usage.as_json()}

    def whole(self, choices: Sequence[tuple[Part, FinishReason]], usage: Usage) -> dict[str, Any]:
        told = []
        for place, (part, reason) in enumerate(choices):
            message: dict[str, Any] = {"role": "assistant", "content": part.content}
            if part.reasoning:
                message["reasoning_content"] = part.reasoning
            if part.calls:
                message |= {"content": part.content or None, "tool_calls": [_call(c) for c in part.calls]}
            logprobs = self._told(part.logprobs) if self._logprobs else None
            told.append({"index": place, "message": message, "logprobs": logprobs, "finish_reason": reason})
        return {**self._head, "object": "chat.completion", "choices": told, "usage": usage.as_json()}

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        reason: FinishReason | None = None,
        logprobs: Sequence[TokenLogprob] = (),
    ) -> dict[str, Any]:
        told = self._told(logprobs) if logprobs else None
        choice = {"index": index, "delta": delta, "logprobs": told, "finish_reason": reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _told(self, logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
        return {
            "content": [
                {
                    **self._token(one.token, one.logprob),
                    "top_logprobs": [self._token(token, logprob) for token, logprob in one.top],
                }
                for one in logprobs
            ],
            "refusal": None,
        }

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        piece = self._piece(token)
        return {"token": piece.decode(errors="replace"), "logprob": logprob, "bytes": list(piece)}


class TextShape:
    """`POST /v1/completions`."""

    def __init__(self, model: str, sha256: str, piece: Piece, *, logprobs: bool) -> None:
        self._head = _head("cmpl", model, sha256)
        self._piece = piece
        self._logprobs = logprobs

    def first(self, choice: int, started: Started) -> dict[str, Any]:
        return {**self._object([self._choice(choice, Part(), None)]), "engine": _engine(started)}

    def part(self, choice: int, part: Part) -> dict[str, Any]:
        return self._object([self._choice(choice, part, None)])

    def last(self, choice: int, reason: FinishReason) -> dict[str, Any]:
        return self._object([self._choice(choice, Part(), reason)])

    def usage(self, usage: Usage) -> dict[str, Any]:
        return {**self._object([]), "usage": usage.as_json()}

    def whole(self, choices: Sequence[tuple[Part, FinishReason]], usage: Usage) -> dict[str, Any]:
        told = [self._choice(place, part, reason) for place, (part, reason) in enumerate(choices)]
        return {**self._object(told), "usage": usage.as_json()}

    def _object(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {**self._head, "object": "text_completion", "choices": choices}

    def _choice(self, index: int, part: Part, reason: FinishReason | None) -> dict[str, Any]:
        logprobs = self._told(part.logprobs) if self._logprobs and (part.logprobs or reason) else None
        return {"index": index, "text": part.content, "logprobs": logprobs, "finish_reason": reason}

    def _told(self, logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
        """The older form: lists side by side. Where a token stands in the text is left to who joins them."""
        return {
            "tokens": [self._text(one.token) for one in logprobs],
            "token_logprobs": [one.logprob for one in logprobs],
            "top_logprobs": [
                {self._text(token): logprob for token, logprob in reversed(one.top)} for one in logprobs
            ],
            "text_offset": [],
        }

    def _text(self, token: int) -> str:
        return self._piece(token).decode(errors="replace")


def _head(prefix: str, model: str, sha256: str) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": f"sha256:{sha256}",
    }


def _engine(started: Started) -> dict[str, int]:
    return {"prompt_tokens": started.prompt_tokens, "cached_tokens": started.cached_tokens}


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

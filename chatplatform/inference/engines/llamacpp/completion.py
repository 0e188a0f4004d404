"""Answers in OpenAI's shape: one chat completion, as a stream of chunks or as a whole."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from chatplatform.inference.engines.llamacpp.generation import Finished, Started
from chatplatform.inference.engines.llamacpp.tool_text import Call


class Completion:
    """Makes the objects of one answer. They share id, time, model and fingerprint."""

    def __init__(self, model: str, sha256: str) -> None:
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": f"sha256:{sha256}",
        }

    def first(self, started: Started) -> dict[str, Any]:
        """The chunk that says that reading begins."""
        engine = {"prompt_tokens": started.prompt_tokens, "cached_tokens": started.cached_tokens}
        return {**self._chunk({"role": "assistant", "content": ""}), "engine": engine}

    def text(self, text: str) -> dict[str, Any]:
        return self._chunk({"content": text})

    def calls(self, calls: Sequence[Call]) -> dict[str, Any]:
        return self._chunk(
            {"tool_calls": [{"index": place, **_call(call)} for place, call in enumerate(calls)]}
        )

    def last(self, finished: Finished) -> dict[str, Any]:
        return self._chunk({}, finished.reason)

    def usage(self, finished: Finished) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(finished)}

    def whole(self, text: str, finished: Finished, calls: Sequence[Call] = ()) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message |= {"content": text or None, "tool_calls": [_call(call) for call in calls]}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": finished.reason,
        }
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(finished)}

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _usage(finished: Finished) -> dict[str, Any]:
    return {
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": finished.completion_tokens,
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
    }

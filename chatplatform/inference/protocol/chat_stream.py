"""The events of one streamed chat completion, as model events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from math import isfinite
from time import monotonic
from typing import Any

from chatplatform.inference.errors import EngineRefused, EngineUnavailable
from chatplatform.inference.events import (
    Completed,
    FinishReason,
    ModelEvent,
    Queued,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallPart,
)
from chatplatform.inference.protocol.continuation import Continuation
from chatplatform.inference.protocol.openai_errors import error_from_object
from chatplatform.inference.protocol.server_sent_events import ServerSentEvent

# No tokenizer has longer ones but for runs of one letter; restarted answers come on top.
CHARS_A_TOKEN = 256
SPARE_CHARS = 64 * 1024
MOST_TOKENS = 1_000_000
MOST_COUNTED = 1_000_000_000
MODEL_CHARS = 255
MOST_TOP = 20
PARAGRAPH = "\n\n"
LEAST = -9999.0  # what others say of a token that cannot come
MALFORMED = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
BROKEN_OFF = {"abort", "error"}  # how vLLM and others end an answer that they lost


class ChatStream:
    """Collects what one stream tells. Text that arrived together becomes one delta: that is what keeps
    thousands of tokens a second cheap.

    `continuation` joins the text to the beginning that was shown before. With `thinks_anew`, thinking was shown before
    that the server knows nothing of: what it thinks now begins a paragraph of its own. A server that writes on and on
    beyond `most_tokens` is cut off, however it counts them.
    """

    def __init__(
        self,
        *,
        fallback_model: str,
        continuation: Continuation | None = None,
        most_tokens: int = MOST_TOKENS,
        thinks_anew: bool = False,
    ) -> None:
        self._model = fallback_model
        self._before_thinking = PARAGRAPH if thinks_anew else ""
        self._continuation = continuation or Continuation("", must_restart=False)
        self._chars_left = most_tokens * CHARS_A_TOKEN + SPARE_CHARS
        self._sha256 = ""
        self._prompt_tokens = 0
        self._cached_tokens = 0
        self._pieces = 0
        self._completion_tokens: int | None = None
        self._finish_reason: FinishReason | None = None
        self._started = False
        self._refused = False
        self._is_over = False
        self._first_text_at: float | None = None
        self._logprobs: list[TokenLogprob] = []
        self._reasoning_tokens = 0

    @property
    def has_text(self) -> bool:
        return self._first_text_at is not None

    @property
    def is_done(self) -> bool:
        """Nothing is left to cancel: the answer is whole, or was never begun."""
        return self._finish_reason is not None or self._refused

    @property
    def is_over(self) -> bool:
        """The server said its last word, or has said more than it may."""
        return self._is_over and self.is_done

    def refuse(self) -> None:
        """The server answered with an error instead of a stream."""
        self._refused = True

    def take(self, events: Sequence[ServerSentEvent]) -> Iterator[ModelEvent]:
        """The model events in `events`. Raises EngineUnavailable or EngineRefused for an error in the stream."""
        text: list[str] = []
        thought: list[str] = []
        for event in events:
            if event.data == b"[DONE]":
                self._is_over = True
                continue
            try:
                data = json.loads(event.data)
                if event.name == "queue":
                    yield _queued(data)
                    continue
                error = data.get("error")
                if not error and not self._started:
                    yield self._start(data)
                piece = "" if error else self._take_chunk(data)
                calls = [] if error else _call_parts(data)
                thinking = "" if error else _reasoning(data)
                self._logprobs += [] if error else _logprobs(data)
            except MALFORMED as malformed:
                raise EngineRefused("engine_not_understood") from malformed
            if error:
                self._refused = True
                raise error_from_object(
                    error if isinstance(error, dict) else {}, HTTPStatus.INTERNAL_SERVER_ERROR
                )
            if thinking:
                thought.append(self._within_limit(thinking))
            if piece:
                text.append(self._within_limit(self._continuation.feed(piece)))
            if self._finish_reason is not None:
                text.append(self._continuation.end())
            if calls:  # text that came before is told before
                yield from self._thought(thought)
                yield from self._told(text)
                thought, text = [], []
                self._first_text_at = self._first_text_at or monotonic()
                for call in calls:
                    self._within_limit(call.arguments)
                yield from calls
        yield from self._thought(thought)
        yield from self._told(text)

    def _thought(self, thought: Sequence[str]) -> Iterator[ReasoningDelta]:
        """Thinking comes before the text, whatever arrived with it."""
        if thought:
            if self._first_text_at is None:
                self._first_text_at = monotonic()
            self._pieces += len(thought)
            before, self._before_thinking = self._before_thinking, ""
            yield ReasoningDelta(before + "".join(thought), len(thought))

    def _told(self, text: Sequence[str]) -> Iterator[TextDelta]:
        pieces = [piece for piece in text if piece]
        is_end = self._finish_reason is not None and self._logprobs  # those of calls have no text
        if pieces or is_end:
            if self._first_text_at is None:
                self._first_text_at = monotonic()
            self._pieces += len(pieces)
            logprobs, self._logprobs = tuple(self._logprobs), []
            yield TextDelta("".join(pieces), len(pieces), logprobs)

    def _within_limit(self, text: str) -> str:
        """As much of `text` as the answer may still have; at the end the answer counts as cut."""
        kept = text[: max(0, self._chars_left)]
        self._chars_left -= len(text)
        if self._chars_left < 0:
            self._finish_reason, self._is_over = "length", True
        return kept

    def _start(self, data: dict[str, Any]) -> Started:
        self._started = True
        self._model = _printable(str(data.get("model") or "")) or self._model
        fingerprint = str(data.get("system_fingerprint") or "")
        self._sha256 = fingerprint.removeprefix("sha256:") if fingerprint.startswith("sha256:") else ""
        reading = data.get("engine") or {}
        self._prompt_tokens = _count(reading.get("prompt_tokens"))
        self._cached_tokens = _count(reading.get("cached_tokens"))
        return Started(self._model, self._sha256, self._prompt_tokens, self._cached_tokens)

    def _take_chunk(self, data: dict[str, Any]) -> str:
        """Note what a chunk says, and return its text."""
        usage = data.get("usage")
        if usage:
            self._prompt_tokens = _count(usage.get("prompt_tokens")) or self._prompt_tokens
            self._completion_tokens = _count(usage.get("completion_tokens"))
            details = usage.get("prompt_tokens_details") or {}
            self._cached_tokens = _count(details.get("cached_tokens")) or self._cached_tokens
            written = usage.get("completion_tokens_details") or {}
            self._reasoning_tokens = _count(written.get("reasoning_tokens"))
        elif timings := data.get("timings"):  # llama-server's own, where it gives no usage
            cached = _count(timings.get("cache_n"))
            self._cached_tokens = cached or self._cached_tokens
            self._prompt_tokens = _count(timings.get("prompt_n")) + cached or self._prompt_tokens
            self._completion_tokens = _count(timings.get("predicted_n")) or self._completion_tokens
        choices = data.get("choices")
        if not choices:
            return ""
        choice = choices[0]
        reason = choice.get("finish_reason")
        if reason in BROKEN_OFF:
            raise EngineUnavailable("engine_died")
        if reason:
            self._finish_reason = reason if reason in ("length", "tool_calls") else "stop"
        return _text((choice.get("delta") or {}).get("content"))

    def completed(self, *, started_at: float, ended_at: float) -> Completed:
        """The end of the call, in seconds of the monotonic clock; for a stream that is done."""
        if self._finish_reason is None:
            raise EngineUnavailable("engine_died")
        return Completed(
            finish_reason=self._finish_reason,
            model=self._model,
            model_sha256=self._sha256,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._pieces if self._completion_tokens is None else self._completion_tokens,
            cached_tokens=self._cached_tokens,
            first_token_s=None if self._first_text_at is None else self._first_text_at - started_at,
            total_s=ended_at - started_at,
            reasoning_tokens=self._reasoning_tokens,
        )


def _text(told: object) -> str:
    """Text that can be stored and sent: half a surrogate pair can't."""
    if told is None:
        return ""
    if not isinstance(told, str):
        raise TypeError("text is a string")
    try:
        told.encode()
    except UnicodeEncodeError:
        return told.encode(errors="replace").decode()
    return told


def _count(told: object) -> int:
    """A count of tokens, as far as it can be one."""
    return min(max(int(told), 0), MOST_COUNTED) if isinstance(told, int | float) else _no_count(told)


def _no_count(told: object) -> int:
    if told is not None:
        raise TypeError("a count is a number")
    return 0


def _printable(name: str) -> str:
    return "".join(letter for letter in name[:MODEL_CHARS] if letter.isprintable())


def _call_parts(data: dict[str, Any]) -> list[ToolCallPart]:
    choices = data.get("choices")
    delta = (choices[0].get("delta") or {}) if choices else {}
    return [
        ToolCallPart(
            int(part.get("index") or 0),
            str(part.get("id") or ""),
            str((part.get("function") or {}).get("name") or ""),
            str((part.get("function") or {}).get("arguments") or ""),
        )
        for part in delta.get("tool_calls") or ()
    ]


def _reasoning(data: dict[str, Any]) -> str:
    """Thinking, under the name that llama-server and vLLM have for it, or under Ollama's."""
    choices = data.get("choices")
    delta = (choices[0].get("delta") or {}) if choices else {}
    return _text(delta.get("reasoning_content") or delta.get("reasoning"))


def _logprobs(data: dict[str, Any]) -> list[TokenLogprob]:
    choices = data.get("choices")
    told = (choices[0].get("logprobs") or {}) if choices else {}
    return [
        replace(_token(one), top=tuple(_token(top) for top in (one.get("top_logprobs") or ())[:MOST_TOP]))
        for one in told.get("content") or ()
    ]


def _token(one: dict[str, Any]) -> TokenLogprob:
    text, data, logprob = _text(one["token"]), one.get("bytes"), float(one["logprob"])
    return TokenLogprob(
        text,
        bytes(data) if isinstance(data, list) else text.encode(),
        logprob if isfinite(logprob) else LEAST,
    )


def _queued(data: dict[str, Any]) -> Queued:
    wait_s = data.get("wait_s")
    return Queued(int(data.get("position") or 1), None if wait_s is None else float(wait_s))

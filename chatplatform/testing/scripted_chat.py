"""How the scripted engine answers a chat: in pieces, at the pace and with the accidents that were asked for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from chatplatform.testing.scripted_http import STREAM_END, piece, stream_head, whole
from chatplatform.testing.scripted_protocol import (
    MESSAGE_TOKENS,
    Messages,
    Refused,
    example_of,
    messages_of,
    prompt_tokens,
    thinking_of,
    wanted_call,
)
from chatplatform.testing.scripted_replies import (
    Directives,
    count,
    directives,
    reply,
    thoughts,
    tokens_of,
)

SHA256 = "5c" * 32
BATCH_TOKENS = 64


@dataclass
class Seen:
    """What has been asked so far, for tests."""

    requests: int = 0
    chats: int = 0
    finished: int = 0
    tokenized: int = 0
    warmed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    last_chat: dict[str, Any] = field(default_factory=dict)
    last_embeddings: dict[str, Any] = field(default_factory=dict)
    reranked: int = 0
    last_rerank: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer to be sent: tokens from `start` on of the whole text, after what is thought, from `thought` on."""

    request_id: str
    wanted: Directives
    tokens: list[str]
    start: int
    thinking: list[str]
    thought: int
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    call: dict[str, Any] | None = None

    @property
    def written(self) -> int:
        return len(self.thinking) + len(self.tokens)


class ScriptedChat:
    """The chats of one engine."""

    def __init__(
        self, *, default: Directives, script: list[tuple[str, str]], context: int, seen: Seen
    ) -> None:
        self._default = default
        self._script = script
        self._context = context
        self._seen = seen
        self._read_before: set[tuple[str, str]] = set()
        self._running: dict[str, asyncio.Event] = {}
        self._held = asyncio.Event()

    @property
    def running(self) -> int:
        return len(self._running)

    def release(self) -> None:
        """Let go of what `hold` keeps back, now and from now on."""
        self._held.set()

    async def released(self) -> None:
        """Wait until the test lets go."""
        await self._held.wait()

    def warm(self, messages: Messages) -> bool:
        """Read the platform's own messages; whether they were read before."""
        return self._cached(messages, "", shared=len(messages)) == prompt_tokens(messages)

    def forget(self, owner: str) -> None:
        """Forget what was read for an owner."""
        self._seen.forgotten.append(owner)
        self._read_before = {key for key in self._read_before if key[0] != owner}

    def cancel(self, request_id: str) -> bool:
        """End an answer; whether there was one."""
        self._seen.cancelled.append(request_id)
        running = self._running.get(request_id)
        if running is not None:
            running.set()
        return running is not None

    async def respond(
        self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Write the whole reply. Raises Refused before anything was written."""
        self._seen.chats += 1
        self._seen.last_chat = body
        answer = self._answer(body)
        stopped = self._running[answer.request_id] = asyncio.Event()
        try:
            if not body.get("stream"):
                await self._send_whole(answer, writer, stopped)
                return
            # a client that goes away must stop the answer even while nothing is being written
            gone = asyncio.create_task(_wait_for_end(reader, stopped))
            try:
                await self._send_stream(answer, writer, stopped)
            finally:
                gone.cancel()
                await asyncio.wait([gone])
        finally:
            del self._running[answer.request_id]

    def _answer(self, body: dict[str, Any]) -> Answer:
        messages = messages_of(body)
        question = next((text for role, text in reversed(messages) if role == "user"), "")
        try:
            wanted = directives(question, self._default)
        except ValueError as error:
            raise Refused("invalid_request", str(error)) from error
        if wanted.error:
            raise Refused(wanted.error, "The test asked for this error.")
        length = prompt_tokens(messages)
        if length >= self._context:
            raise Refused(
                "context_length_exceeded",
                "The messages are longer than the model can read.",
                prompt_tokens=length,
                context_tokens=self._context,
            )
        text = reply(question, wanted, self._script)
        said = (
            messages[-1][1] if body.get("continue_final_message") and messages[-1][0] == "assistant" else ""
        )
        rest = tokens_of(text.removeprefix(said), by_character=wanted.by_character)
        call = wanted_call(body, question)
        if call is not None:
            rest = []
        elif (body.get("response_format") or {}).get("type", "text") != "text":
            schema = (body["response_format"].get("json_schema") or {}).get("schema") or {"type": "object"}
            rest = tokens_of(json.dumps(example_of(schema)))
        thought = thinking_of(body)
        ahead = [] if said else tokens_of(thoughts(wanted).removeprefix(thought))
        limit = body.get("max_tokens") or len(ahead) + len(rest)
        is_cut = limit < len(ahead) + len(rest)
        return Answer(
            call=call,
            request_id=str(body.get("request_id") or id(body)),
            wanted=wanted,
            tokens=rest[: max(0, limit - len(ahead))],
            start=len(tokens_of(said, by_character=wanted.by_character)),
            thinking=ahead[:limit],
            thought=len(tokens_of(thought)),
            finish_reason="tool_calls" if call else "length" if is_cut else "stop",
            prompt_tokens=length,
            cached_tokens=self._cached(
                messages, str(body.get("cache_owner", "")), shared=body.get("platform_messages")
            ),
        )

    def _cached(self, messages: Messages, owner: str, *, shared: int | None) -> int:
        """Tokens of the leading messages read before: everybody's for the first `shared` (None: for system
        messages), else the owner's own."""
        cached, prefix, unbroken = 0, "", True
        for place, (role, text) in enumerate(messages):
            prefix += f"{role}\0{text}\0"
            is_shared = role == "system" if shared is None else place < shared
            key = ("" if is_shared else owner, prefix)
            unbroken = unbroken and key in self._read_before
            if unbroken:
                cached += count(text) + MESSAGE_TOKENS
            self._read_before.add(key)
        return cached

    async def _send_whole(self, answer: Answer, writer: asyncio.StreamWriter, stopped: asyncio.Event) -> None:
        text = "".join([token async for batch in self._paced(answer, stopped) for token in batch])
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if answer.thinking:
            message["reasoning_content"] = "".join(answer.thinking)
        if answer.call:
            message |= {"content": None, "tool_calls": [answer.call]}
        writer.write(
            whole(
                200,
                {
                    **_envelope(answer, "chat.completion"),
                    "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
                    "usage": _usage(answer),
                },
            )
        )
        self._seen.finished += 1

    async def _send_stream(
        self, answer: Answer, writer: asyncio.StreamWriter, stopped: asyncio.Event
    ) -> None:
        wanted = answer.wanted
        if wanted.hold:
            await self.released()
        writer.write(stream_head())
        for place in range(wanted.queue, 0, -1):
            wait = {"position": place, "wait_s": place * wanted.queue_ms / 1000}
            writer.write(piece(b"event: queue\ndata: " + json.dumps(wait).encode() + b"\n\n"))
            await asyncio.sleep(wanted.queue_ms / 1000)
        envelope = _envelope(answer, "chat.completion.chunk")
        reading = {"prompt_tokens": answer.prompt_tokens, "cached_tokens": answer.cached_tokens}
        role = [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
        writer.write(_event({**envelope, "choices": role, "engine": reading}))
        await asyncio.sleep(wanted.read_delay_ms / 1000)
        # a chunk is the same but for its text: what surrounds it is made once
        before, after = json.dumps(
            {**envelope, "choices": [{"index": 0, "delta": {"content": "@@"}, "finish_reason": None}]}
        ).split('"@@"')
        await self._think(answer, writer, stopped, envelope)
        sent = answer.start
        async for batch in self._paced(answer, stopped):
            writer.write(
                piece("".join(f"data: {before}{json.dumps(token)}{after}\n\n" for token in batch).encode())
            )
            await writer.drain()
            sent += len(batch)
            if sent == wanted.die_after:
                await _flush(writer)
                os._exit(1)
            if sent == wanted.cut_after:
                await _flush(writer)
                writer.transport.abort()
                raise ConnectionResetError
        if stopped.is_set():
            cancelled = Refused("cancelled", "The request was cancelled.")
            writer.write(_event(cancelled.body) + STREAM_END)
            return
        if answer.call:
            called = [{"index": 0, "delta": {"tool_calls": [answer.call]}, "finish_reason": None}]
            writer.write(_event({**envelope, "choices": called}))
        done = [{"index": 0, "delta": {}, "finish_reason": answer.finish_reason}]
        writer.write(_event({**envelope, "choices": done}))
        writer.write(_event({**envelope, "choices": [], "usage": _usage(answer)}))
        writer.write(piece(b"data: [DONE]\n\n") + STREAM_END)
        self._seen.finished += 1

    async def _think(
        self,
        answer: Answer,
        writer: asyncio.StreamWriter,
        stopped: asyncio.Event,
        envelope: dict[str, Any],
    ) -> None:
        wanted = answer.wanted
        for number, token in enumerate(answer.thinking, start=answer.thought + 1):
            if stopped.is_set():
                return
            thought = [{"index": 0, "delta": {"reasoning_content": token}, "finish_reason": None}]
            writer.write(_event({**envelope, "choices": thought}))
            await writer.drain()
            if number == wanted.die_thinking:
                await _flush(writer)
                os._exit(1)
            await asyncio.sleep(wanted.delay_ms / 1000)

    async def _paced(self, answer: Answer, stopped: asyncio.Event) -> AsyncIterator[list[str]]:
        """The tokens in batches: one by one with a delay, else many at once but never across a breaking point."""
        wanted = answer.wanted
        await asyncio.sleep(wanted.first_delay_ms / 1000)
        position = 0
        while position < len(answer.tokens):
            if stopped.is_set():
                return
            size = 1 if wanted.delay_ms else BATCH_TOKENS
            for point in (wanted.die_after - answer.start, wanted.cut_after - answer.start):
                if position < point < position + size:
                    size = point - position
            yield answer.tokens[position : position + size]
            position += size
            if position < len(answer.tokens):
                await asyncio.sleep(wanted.delay_ms / 1000)


def _envelope(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": answer.request_id,
        "object": kind,
        "model": "scripted",
        "system_fingerprint": f"sha256:{SHA256}",
    }


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.written,
        "total_tokens": answer.prompt_tokens + answer.written,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": len(answer.thinking)},
    }


def _event(data: dict[str, Any]) -> bytes:
    return piece(b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n")


async def _flush(writer: asyncio.StreamWriter) -> None:
    """Give what was written time to arrive: a reset throws away what the client has not read."""
    await writer.drain()
    await asyncio.sleep(0.05)


async def _wait_for_end(reader: asyncio.StreamReader, stopped: asyncio.Event) -> None:
    """Set `stopped` when the client goes away (or sends what it must not send before it has its answer)."""
    with contextlib.suppress(ConnectionError):
        await reader.read(1)
    stopped.set()

"""The client of every engine: ours, and any other server of the OpenAI protocol.

Extensions (docs/models.md) are used where a server has them, and left out where it would refuse
unknown fields. Only the gateway uses this.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from chatplatform.inference.chat_stream import ChatStream
from chatplatform.inference.errors import EngineRefused, EngineUnavailable
from chatplatform.inference.events import (
    EngineModel,
    EngineStatus,
    ModelEvent,
    Priority,
    Sampling,
)
from chatplatform.inference.http_clients import http_session
from chatplatform.inference.openai_errors import error_from_response
from chatplatform.inference.server_sent_events import EventParser, MalformedStream
from chatplatform.privacy.prompt import Prompt, PromptMessage

FIRST_BYTE_S = 120.0  # until the head of the reply; a queue tells its places after that
READING_S = 600.0  # from the head to the first text: a long prompt on a small machine
IDLE_S = 120.0  # between two pieces of text
PLAIN_S = 30.0  # for requests that are no chat
EMBEDDING_S = 300.0
CANCEL_S = 2.0
FIGURES_S = 2.0

ERROR_BYTES = 64 * 1024  # of an error that is looked at
JSON_BYTES = 64 * 1024 * 1024  # more than a whole batch of embeddings


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion. `cache_owner` is opaque: what was read for one owner is never used for another."""

    request_id: str
    model: str
    prompt: Prompt
    sampling: Sampling
    priority: Priority
    cache_owner: str


@dataclass(frozen=True, slots=True)
class EngineClient:
    """A server at `base_url` (ending in /v1). `extended` says that it speaks our extensions."""

    base_url: str
    token: str
    extended: bool = False

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ModelEvent]:
        """Stream one answer, ending with Completed. Closing the generator cancels the call in the engine.

        Raises EngineUnavailable, QueueFull, ContextOverflow, EngineRefused.
        """
        stream = ChatStream(fallback_model=request.model)
        sent_at = monotonic()
        try:
            async with aclosing(self._chat(request, stream)) as events:
                async for event in events:
                    yield event
        except (aiohttp.ClientError, TimeoutError, MalformedStream) as error:
            raise EngineUnavailable(_code_of(error)) from error
        finally:
            if self.extended and not stream.is_done:
                await self._cancel(request.request_id)
        yield stream.completed(started_at=sent_at, ended_at=monotonic())

    async def _chat(self, request: ChatRequest, stream: ChatStream) -> AsyncGenerator[ModelEvent]:
        async with asyncio.timeout(FIRST_BYTE_S):
            response = await self._send("POST", f"{self.base_url}/chat/completions", self._body(request))
        try:
            if response.status >= HTTPStatus.BAD_REQUEST:
                async with asyncio.timeout(PLAIN_S):
                    body = await _body_of(response, ERROR_BYTES)
                stream.refuse()
                raise error_from_response(response.status, body, response.headers)
            parser = EventParser()
            content = response.content
            while not content.at_eof():
                chunk = content.read_nowait()
                if not chunk:
                    async with asyncio.timeout(IDLE_S if stream.has_text else READING_S):
                        chunk = await content.readany()
                for event in stream.take(parser.feed(chunk)):
                    yield event
            if not stream.is_done:
                raise EngineUnavailable("engine_died")
        finally:
            response.close()  # whatever was not read closes the connection, which the engine notices

    async def _cancel(self, request_id: str) -> None:
        """Tell the engine; it also notices the closed connection, so failing here loses nothing."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(CANCEL_S):
                response = await self._send("POST", f"{self.base_url}/cancel", {"request_id": request_id})
                try:
                    await _body_of(response, ERROR_BYTES)
                finally:
                    response.close()

    async def _send(
        self, method: str, url: str, body: dict[str, Any] | None = None
    ) -> aiohttp.ClientResponse:
        """The head of the reply. Its body has to be read, and the reply to be closed, by the caller."""
        session = await http_session()
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return await session.request(
            method, url, data=content, headers=self._headers(), allow_redirects=False
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        # a name and password in the address stand for the token
        if "@" not in urlsplit(self.base_url).netloc:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": request.model,
            "messages": _messages(request.prompt.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.frequency_penalty:
            body["frequency_penalty"] = sampling.frequency_penalty
        if sampling.presence_penalty:
            body["presence_penalty"] = sampling.presence_penalty
        for name in ("tools", "tool_choice", "response_format"):
            if value := getattr(request.prompt, name):
                body[name] = json.loads(value)
        if request.prompt.continue_final:
            body["continue_final_message"] = True
            if not self.extended:  # as vLLM wants it; llama-server and Ollama continue without being told
                body["add_generation_prompt"] = False
        if self.extended:
            body |= {
                "top_k": sampling.top_k,
                "min_p": sampling.min_p,
                "repeat_penalty": sampling.repeat_penalty,
                "cache_owner": request.cache_owner,
                "priority": request.priority,
                "request_id": request.request_id,
            }
            if request.prompt.platform_messages is not None:
                body["platform_messages"] = request.prompt.platform_messages
        return body

    async def models(self) -> tuple[EngineModel, ...]:
        """What the server serves. Raises EngineUnavailable or EngineRefused."""
        found = await self._json("GET", f"{self.base_url}/models")
        entries = found.get("data")
        if not isinstance(entries, list):
            raise EngineRefused("engine_not_understood")
        return tuple(_model(entry) for entry in entries if isinstance(entry, dict) and entry.get("id"))

    async def status(self) -> EngineStatus:
        """How the server is. Never raises for a server that is down, loading or strange."""
        try:
            health = await self._health()
            if health is not None and health.get("status") in {"loading", "error"}:
                return EngineStatus(str(health["status"]), error=str(health.get("detail") or ""))
            return EngineStatus("ready", await self.models())
        except EngineUnavailable as error:
            state = "loading" if error.code == "model_loading" else "down"
            return EngineStatus(state, error=str(error.message))
        except EngineRefused as error:
            return EngineStatus("error", error=str(error.message))

    async def _health(self) -> dict[str, Any] | None:
        """The server's own word, or None where it has no such address."""
        try:
            return await self._json("GET", f"{self.base_url.removesuffix('/v1')}/health")
        except EngineRefused:
            return None

    async def metrics(self) -> str:
        """The server's figures as Prometheus reads them; empty when it has none or is down."""
        try:
            async with asyncio.timeout(FIGURES_S):
                response = await self._send("GET", f"{self.base_url.removesuffix('/v1')}/metrics")
                try:
                    body = await _body_of(response, ERROR_BYTES)
                finally:
                    response.close()
        except (aiohttp.ClientError, TimeoutError):
            return ""
        return body.decode(errors="replace") if response.status == HTTPStatus.OK else ""

    async def tokenize(self, messages: Sequence[PromptMessage], *, model: str) -> int:
        """How many tokens the messages are once they are put into the model's template."""
        found = await self._json(
            "POST", f"{self.base_url}/tokenize", {"model": model, "messages": _messages(messages)}
        )
        if not isinstance(found.get("tokens"), int):
            raise EngineRefused("engine_not_understood")
        return int(found["tokens"])

    async def count_texts(self, texts: Sequence[str], *, model: str) -> list[int]:
        """How many tokens each text has by itself, at a server of ours."""
        found = await self._json("POST", f"{self.base_url}/tokenize", {"model": model, "texts": list(texts)})
        counts = found.get("counts")
        if not isinstance(counts, list) or len(counts) != len(texts):
            raise EngineRefused("engine_not_understood")
        return [int(count) for count in counts]

    async def warm(self, messages: Sequence[PromptMessage], *, model: str) -> bool:
        """Have messages read before anybody asks, at a server of ours; whether they had been read already."""
        body = {"model": model, "messages": _messages(messages)}
        found = await self._json("POST", f"{self.base_url}/warm", body, timeout_s=READING_S)
        return bool(found.get("cached"))

    async def embed(
        self, texts: Sequence[str], *, model: str, input_type: str
    ) -> tuple[list[list[float]], int]:
        """A vector for each text, in order, and the tokens that were read."""
        body: dict[str, Any] = {"model": model, "input": list(texts)}
        if self.extended:
            # a long question is searched for by its beginning; a document's piece must fit
            body |= {"input_type": input_type, "truncate": input_type == "query"}
        found = await self._json("POST", f"{self.base_url}/embeddings", body, timeout_s=EMBEDDING_S)
        try:
            entries = sorted(found["data"], key=lambda entry: entry["index"])
            vectors = [[float(value) for value in entry["embedding"]] for entry in entries]
            tokens = int((found.get("usage") or {}).get("prompt_tokens", 0))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineRefused("engine_not_understood") from error
        if len(vectors) != len(texts):
            raise EngineRefused("engine_not_understood")
        return vectors, tokens

    async def _json(
        self, method: str, url: str, body: dict[str, Any] | None = None, *, timeout_s: float = PLAIN_S
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._send(method, url, body)
                try:
                    content = await _body_of(response, JSON_BYTES)
                finally:
                    response.close()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineUnavailable(_code_of(error)) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise error_from_response(response.status, content, response.headers)
        try:
            parsed = json.loads(content)
        except ValueError as error:
            raise EngineRefused("engine_not_understood") from error
        if not isinstance(parsed, dict):
            raise EngineRefused("engine_not_understood")
        return parsed


def _messages(messages: Sequence[PromptMessage]) -> list[dict[str, Any]]:
    return [_message(message) for message in messages]


def _message(message: PromptMessage) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        plain["tool_call_id"] = message.tool_call_id
    return plain


def _model(entry: dict[str, Any]) -> EngineModel:
    return EngineModel(
        id=str(entry["id"]),
        aliases=tuple(str(alias) for alias in entry.get("aliases") or ()),
        sha256=str(entry.get("sha256") or ""),
        # llama-server and vLLM have names of their own for it
        context_tokens=entry.get("context_tokens") or entry.get("max_model_len"),
        reading_tokens_s=entry.get("reading_tokens_s"),
        writing_tokens_s=entry.get("writing_tokens_s"),
    )


async def _body_of(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or its first `limit` bytes and a little more: what is cut off will not parse."""
    content = response.content
    pieces: list[bytes] = []
    size = 0
    while size <= limit and (piece := await content.readany()):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _code_of(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return "engine_unreachable"
        case TimeoutError():
            return "engine_silent"
        case _:
            return "engine_died"

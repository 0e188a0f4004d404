"""The client of every engine: ours, and any other server of the OpenAI protocol.

What a server knows beyond the protocol is used, and left out where it would not be understood (dialects.py).
Servers are not trusted to behave: every wait has a limit, and so has everything that is kept. Only the gateway uses
this.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from chatplatform.common.errors import PlatformError
from chatplatform.inference.errors import EngineRefused, EngineUnavailable
from chatplatform.inference.events import EngineStatus, ModelEvent
from chatplatform.inference.protocol.chat_request import ChatRequest, chat_body, messages_json
from chatplatform.inference.protocol.chat_stream import ChatStream
from chatplatform.inference.protocol.continuation import Continuation
from chatplatform.inference.protocol.dialects import OPENAI, Dialect
from chatplatform.inference.protocol.http_clients import LocalTransport, Reply, Transport
from chatplatform.inference.protocol.openai_errors import error_from_response
from chatplatform.inference.protocol.openai_models import ServedModels, served_models
from chatplatform.inference.protocol.server_sent_events import EventParser, MalformedStream
from chatplatform.privacy.prompt import PromptMessage

FIRST_BYTE_S = 120.0  # until the head of the reply; a queue tells its places after that
READING_S = 600.0  # from the head to the first text: a long prompt on a small machine
IDLE_S = 120.0  # between two pieces of text
TOTAL_S = 3600.0  # of one answer, whatever it says
ENDING_S = 1.0  # from the last event to the end of the reply
PLAIN_S = 30.0  # for requests that are no chat
EMBEDDING_S = 300.0
RERANKING_S = 30.0  # nobody waits longer for an order
CANCEL_S = 2.0
FIGURES_S = 2.0

ERROR_BYTES = 64 * 1024  # of an error that is looked at
JSON_BYTES = 64 * 1024 * 1024  # more than a whole batch of embeddings


@dataclass(frozen=True, slots=True)
class EngineClient:
    """A server at `base_url` (ending in /v1), spoken to in `dialect`."""

    base_url: str
    token: str = field(repr=False)
    dialect: Dialect = OPENAI
    transport: Transport = field(default_factory=LocalTransport)

    @property
    def extended(self) -> bool:
        """Whether it speaks our extensions."""
        return self.dialect.extended

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ModelEvent]:
        """Stream one answer, ending with Completed. Closing the generator cancels the call in the engine.

        An answer that broke off in thinking is gone on with at a server of ours, and thought over anew at any other.
        Raises EngineUnavailable, QueueFull, ContextOverflow, EngineRefused; AnswerNotContinued where the prompt
        asks to continue an answer and the server can't.
        """
        stream = ChatStream(
            fallback_model=request.model,
            continuation=Continuation(
                request.so_far if self.dialect.continuation in {"prefix", "restart"} else "",
                must_restart=self.dialect.continuation == "restart",
            ),
            most_tokens=request.sampling.max_tokens,
            thinks_anew=request.is_in_thinking and not self.extended,
        )
        sent_at = monotonic()
        try:
            async with aclosing(self._chat(request, stream)) as events:
                async for event in events:
                    yield event
        except TimeoutError as error:
            raise EngineUnavailable("engine_silent") from error
        except MalformedStream as error:
            raise EngineRefused("engine_not_understood") from error
        finally:
            if self.extended and not stream.is_done:
                await self._cancel(request.request_id)
        yield stream.completed(started_at=sent_at, ended_at=monotonic())

    async def _chat(self, request: ChatRequest, stream: ChatStream) -> AsyncGenerator[ModelEvent]:
        async with asyncio.timeout(FIRST_BYTE_S):
            body = chat_body(request, self.dialect)
            # llama-server ends a connection after a stream, though it says that it keeps it
            url, once = f"{self.base_url}/chat/completions", not self.extended
            reply = await self._send("POST", url, body, once=once)
        try:
            if reply.status != HTTPStatus.OK:
                async with asyncio.timeout(PLAIN_S):
                    content = await _body_of(reply, ERROR_BYTES)
                stream.refuse()
                raise _refusal(reply, content)
            if not reply.headers.get("content-type", "text/event-stream").startswith("text/event-stream"):
                stream.refuse()
                raise EngineRefused("engine_not_understood")
            async for event in self._events(reply, stream):
                yield event
        finally:
            await reply.close()

    async def _events(self, reply: Reply, stream: ChatStream) -> AsyncGenerator[ModelEvent]:
        parser = EventParser()
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + TOTAL_S
        # what counts is what it says: bytes that say nothing do not keep a call alive
        said_at = loop.time()
        while True:
            limit_s = ENDING_S if stream.is_over else IDLE_S if stream.has_text else READING_S
            limit = min(ends_at, said_at + limit_s)
            try:
                if loop.time() >= limit:  # a flood never waits, so no timer would stop it
                    raise TimeoutError
                async with asyncio.timeout_at(limit):
                    piece = await reply.piece()
            except TimeoutError:
                if stream.is_over:  # the answer is whole; only the connection was left open
                    return
                raise
            if not piece:
                break
            for event in stream.take(parser.feed(piece)):
                said_at = loop.time()
                yield event
        if not stream.is_done:
            raise EngineUnavailable("engine_died")

    async def _cancel(self, request_id: str) -> None:
        """Tell the engine; it also notices the closed connection, so failing here loses nothing."""
        with suppress(PlatformError, TimeoutError):
            async with asyncio.timeout(CANCEL_S):
                reply = await self._send("POST", f"{self.base_url}/cancel", {"request_id": request_id})
                try:
                    await _body_of(reply, ERROR_BYTES)
                finally:
                    await reply.close()

    async def _send(
        self, method: str, url: str, body: dict[str, Any] | None = None, *, once: bool = False
    ) -> Reply:
        """The head of the reply. Its body has to be read, and the reply to be closed, by the caller. The connection
        of a request sent `once` serves no other."""
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = self._headers() | ({"Connection": "close"} if once else {})
        return await self.transport.send(method, url, headers, content)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        # a name and password in the address stand for the token
        if self.token and "@" not in urlsplit(self.base_url).netloc:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    async def models(self) -> ServedModels:
        """What the server serves, and which dialect that tells. Raises EngineUnavailable or EngineRefused."""
        return served_models(await self._json("GET", f"{self.base_url}/models"))

    async def status(self) -> EngineStatus:
        """How the server is. Never raises for a server that is down, loading or strange."""
        try:
            health = await self._health()
            if health is not None and health.get("status") in {"loading", "error"}:
                return EngineStatus(str(health["status"]), error=str(health.get("detail") or ""))
            served = await self.models()
            started_at = health.get("started_at") if health is not None else None
            return EngineStatus(
                "ready",
                served.models,
                dialect=served.dialect,
                started_at=started_at if isinstance(started_at, float) else None,
            )
        except EngineUnavailable as error:
            state = "loading" if error.code == "model_loading" else "down"
            return EngineStatus(state, error=str(error.message))
        except PlatformError as error:
            return EngineStatus("error", error=str(error.message))

    async def _health(self) -> Mapping[str, Any] | None:
        """The server's own word, or None where it has no such address."""
        try:
            return await self._json("GET", f"{self.base_url.removesuffix('/v1')}/health")
        except EngineRefused:
            return None

    async def metrics(self) -> str:
        """The server's figures as Prometheus reads them; empty when it has none or is down."""
        try:
            async with asyncio.timeout(FIGURES_S):
                reply = await self._send("GET", f"{self.base_url.removesuffix('/v1')}/metrics")
                try:
                    body = await _body_of(reply, ERROR_BYTES)
                finally:
                    await reply.close()
        except (PlatformError, TimeoutError):
            return ""
        return body.decode(errors="replace") if reply.status == HTTPStatus.OK else ""

    async def tokenize(self, messages: Sequence[PromptMessage], *, model: str) -> int:
        """How many tokens the messages are once they are put into the model's template."""
        found = await self._json(
            "POST", f"{self.base_url}/tokenize", {"model": model, "messages": messages_json(messages)}
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
        body = {"model": model, "messages": messages_json(messages)}
        found = await self._json("POST", f"{self.base_url}/warm", body, timeout_s=READING_S)
        return bool(found.get("cached"))

    async def forget(self, cache_owner: str) -> None:
        """Have everything that was read for this owner forgotten, at a server of ours."""
        await self._json("POST", f"{self.base_url}/forget", {"cache_owner": cache_owner})

    async def embed(
        self, texts: Sequence[str], *, model: str, input_type: str
    ) -> tuple[list[list[float]], int, list[int]]:
        """A vector for each text, in order; the tokens that were read; and of each text those that were not, because
        it is too long: 0 where a server doesn't say. Raises ContextOverflow where one of ours can't read all of a
        passage."""
        body: dict[str, Any] = {"model": model, "input": list(texts)}
        if self.extended:
            # a long question is searched for by its beginning; a document's piece must fit
            body |= {"input_type": input_type, "truncate": input_type == "query"}
        found = await self._json("POST", f"{self.base_url}/embeddings", body, timeout_s=EMBEDDING_S)
        try:
            entries = sorted(found["data"], key=lambda entry: entry["index"])
            vectors = [[float(value) for value in entry["embedding"]] for entry in entries]
            tokens = int((found.get("usage") or {}).get("prompt_tokens", 0))
            cut = [int(entry.get("cut_tokens") or 0) for entry in entries]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EngineRefused("engine_not_understood") from error
        if len(vectors) != len(texts):
            raise EngineRefused("engine_not_understood")
        return vectors, tokens, cut

    async def rerank(self, question: str, texts: Sequence[str], *, model: str) -> tuple[list[float], int]:
        """A score for each text, in order, of how well it answers, and the tokens that were read: 0 where a server
        doesn't say. Servers of others have scales of their own."""
        body = {"model": model, "query": question, "documents": list(texts), "top_n": len(texts)}
        found = await self._json("POST", f"{self.base_url}/rerank", body, timeout_s=RERANKING_S)
        try:
            scores = {int(entry["index"]): float(entry["relevance_score"]) for entry in found["results"]}
            usage = found.get("usage") or {}
            tokens = int(usage.get("prompt_tokens") or usage.get("total_tokens") or 0)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EngineRefused("engine_not_understood") from error
        if scores.keys() != set(range(len(texts))) or not all(map(math.isfinite, scores.values())):
            raise EngineRefused("engine_not_understood")
        return [scores[place] for place in range(len(texts))], tokens

    async def _json(
        self, method: str, url: str, body: dict[str, Any] | None = None, *, timeout_s: float = PLAIN_S
    ) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._send(method, url, body)
                try:
                    content = await _body_of(reply, JSON_BYTES)
                finally:
                    await reply.close()
        except TimeoutError as error:
            raise EngineUnavailable("engine_silent") from error
        if reply.status != HTTPStatus.OK:
            raise _refusal(reply, content)
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise EngineRefused("engine_not_understood") from error
        if not isinstance(parsed, dict):
            raise EngineRefused("engine_not_understood")
        return parsed


def _refusal(reply: Reply, content: bytes) -> PlatformError:
    if reply.status < HTTPStatus.BAD_REQUEST:  # a redirect, above all: what was cleared for here stays here
        return EngineRefused("engine_not_understood")
    return error_from_response(reply.status, content, reply.headers)


async def _body_of(reply: Reply, limit: int) -> bytes:
    """The body, or its first `limit` bytes and a little more: what is cut off will not parse."""
    pieces: list[bytes] = []
    size = 0
    while size <= limit and (piece := await reply.piece()):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)

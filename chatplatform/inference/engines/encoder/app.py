"""The encoder's HTTP interface: embeddings, reranking, models, health, metrics."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from chatplatform.inference.engines.encoder.service import EncoderService
from chatplatform.inference.engines.encoder.wire import (
    MAX_BODY_BYTES,
    Refused,
    parse_embedding_request,
    parse_rerank_request,
)

Reply = tuple[int, bytes, bytes]
T = TypeVar("T")
RETRY_AFTER_S = b"5"


class _ClientGone(Exception):
    """Whoever asked has closed the connection."""


class EncoderApp:
    """An ASGI application around `service`. Every address but /health wants the token."""

    def __init__(self, service: EncoderService, *, token: str) -> None:
        self._service = service
        self._expected = f"Bearer {token}".encode()
        self._loading: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                status, content_type, body = await self._reply(scope, receive)
            except _ClientGone:
                self._service.figures.cancelled += 1
                return
            headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
            if status in (429, 503):
                headers.append((b"retry-after", RETRY_AFTER_S))
            await send(
                {"type": "http.response.start", "status": status, "headers": headers, "trailers": False}
            )
            await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _lifespan(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        self._loading = asyncio.create_task(self._service.load())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._loading.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> Reply:
        try:
            return await self._route(scope, receive)
        except Refused as refusal:
            self._service.figures.refused += 1
            return _json(refusal.body, refusal.status)

    async def _route(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> Reply:
        route = (scope["method"], scope["path"])
        if route == ("GET", "/health"):
            return _json(self._service.health())
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, self._expected):
            raise Refused(401, "unauthorized", "The token is missing or wrong.")
        match route:
            case ("POST", "/v1/embeddings"):
                self._service.figures.requests += 1
                request = parse_embedding_request(await _body(receive))
                return _json((await _unless_gone(receive, self._service.embed(request))).to_json())
            case ("POST", "/v1/rerank"):
                self._service.figures.requests += 1
                wanted = parse_rerank_request(await _body(receive))
                reranker = self._service.reranker
                if reranker is None:
                    raise Refused(404, "invalid_request", "No reranker is named: set CHATPLATFORM_RERANKER.")
                ranking = await _unless_gone(receive, reranker.rank(wanted))
                return _json(ranking.to_json(wanted.top_n))
            case ("GET", "/v1/models"):
                return _json(self._service.models())
            case ("GET", "/metrics"):
                return 200, b"text/plain; version=0.0.4", self._metrics().encode()
        raise Refused(404, "invalid_request", "There is no such address.")

    def _metrics(self) -> str:
        figures = self._service.figures
        lines = [
            f"encoder_requests_total {figures.requests}",
            f"encoder_refused_total {figures.refused}",
            f"encoder_texts_total {figures.texts}",
            f"encoder_tokens_total {self._service.pace.tokens}",
            f"encoder_cut_tokens_total {figures.cut_tokens}",
            f"encoder_cancelled_total {figures.cancelled}",
            f"encoder_batches_total {figures.batches}",
            f"encoder_busy_seconds_total {self._service.pace.busy_s:.3f}",
            f"encoder_question_seconds_sum {figures.questions_s:.3f}",
            f"encoder_question_seconds_count {figures.questions}",
            f"encoder_waiting_questions {figures.waiting_questions}",
            f"encoder_waiting_documents {figures.waiting_documents}",
            f"encoder_waiting_tokens {figures.waiting_tokens}",
        ]
        if self._service.reranker is not None:
            lines += self._service.reranker.metrics()
        return "\n".join(lines) + "\n"


async def _unless_gone(receive: ASGIReceiveCallable, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives; it is cancelled when its client closes the connection. Raises _ClientGone."""
    running, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise _ClientGone
        return await running
    finally:
        running.cancel()
        gone.cancel()


async def _gone(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: ASGIReceiveCallable) -> bytes:
    body = bytearray()
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, "invalid_request", f"The body is larger than {MAX_BODY_BYTES} bytes.")
        if not message.get("more_body"):
            return bytes(body)


def _json(content: object, status: int = 200) -> Reply:
    return status, b"application/json", json.dumps(content, ensure_ascii=False).encode()

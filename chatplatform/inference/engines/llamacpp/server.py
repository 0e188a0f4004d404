"""The engine's HTTP: a small ASGI application that speaks the OpenAI protocol."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chatplatform.inference.engines.llamacpp.answer_call import AnswerCall
from chatplatform.inference.engines.llamacpp.chat_call import (
    cache_owner,
    chat_call,
    check_biases,
    in_thread,
    read_grammar,
    read_prompt,
)
from chatplatform.inference.engines.llamacpp.chat_template import TemplateFailed
from chatplatform.inference.engines.llamacpp.generation import Event, Sink
from chatplatform.inference.engines.llamacpp.http import (
    ClientGone,
    HttpError,
    Receive,
    Scope,
    Send,
    header,
    read_json,
    send_bytes,
    send_json,
)
from chatplatform.inference.engines.llamacpp.llama_context import usable_cores
from chatplatform.inference.engines.llamacpp.metrics import Metrics
from chatplatform.inference.engines.llamacpp.model_pool import (
    ModelLoading,
    ModelPool,
    ModelRefused,
    ModelUnknown,
)
from chatplatform.inference.engines.llamacpp.served_model import ServedModel
from chatplatform.inference.engines.llamacpp.text_call import completion_call, detokenize, tokenize
from chatplatform.inference.engines.llamacpp.warm import warm
from chatplatform.inference.engines.llamacpp.wire import (
    CancelRequest,
    ChatRequest,
    ForgetRequest,
    WarmRequest,
    explain,
)
from chatplatform.inference.engines.llamacpp.wire_texts import (
    CompletionRequest,
    DetokenizeRequest,
    TokenizeRequest,
)

log = logging.getLogger(__name__)

B = TypeVar("B", bound=BaseModel)


class Courier:
    """Carries events from the schedulers' threads to the event loop."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def deliver(self, events: list[tuple[Sink, Event]]) -> None:
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(_hand_out, events)


def _hand_out(events: list[tuple[Sink, Event]]) -> None:
    for sink, event in events:
        sink(event)


class EngineApp:
    """The ASGI application. Starts and stops the model pool with its own life."""

    def __init__(
        self,
        pool: ModelPool[ServedModel],
        courier: Courier,
        *,
        token: str,
        sha256_of: Callable[[str], str] = lambda _name: "",
    ) -> None:
        """`sha256_of` gives the hash of a model's file without reading it."""
        self._pool = pool
        self._sha256_of = sha256_of
        self._courier = courier
        self._authorization = f"Bearer {token}".encode()
        self._started_at = time.time()
        self._metrics = Metrics()
        self._calls: dict[str, set[AnswerCall]] = {}
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._leaving = False
        self._routes = {
            "/health": ("GET", self._health),
            "/metrics": ("GET", self._show_metrics),
            "/v1/models": ("GET", self._models),
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/completions": ("POST", self._complete),
            "/v1/tokenize": ("POST", self._tokenize),
            "/v1/detokenize": ("POST", self._detokenize),
            "/v1/cancel": ("POST", self._cancel),
            "/v1/warm": ("POST", self._warm),
            "/v1/forget": ("POST", self._forget),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def finish_answers(self, within_s: float) -> None:
        """Take no new work, and let what is under way end, at most so long."""
        self._leaving = True
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()

    def stop_answering(self) -> None:
        """Fail what is under way, so that clients hear of it before their connections close. Blocks."""
        for model, _aliases in self._pool.models():
            model.scheduler.stop()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._courier.loop = asyncio.get_running_loop()
                self._pool.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await in_thread(self._pool.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = False

        async def noted_send(message: dict[str, object]) -> None:
            nonlocal sent
            sent = True
            await send(message)

        try:
            await self._route(scope, receive, noted_send)  # type: ignore[arg-type]
        except ClientGone:
            return
        except HttpError as error:
            headers = {"retry-after": "5"} if error.status in (429, 503) else {}
            await send_json(send, error.body(), status=error.status, headers=headers)
        except Exception as error:  # noqa: BLE001 - the last line: no traceback may reach a client
            # Values may hold content, so only the kind of error is told.
            log.error("A request failed with %s.", type(error).__name__)
            if not sent:
                failure = HttpError(500, "engine_error", "The engine met an error. Please try again.")
                await send_json(send, failure.body(), status=500)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, handler = self._routes.get(scope["path"], ("", None))
        if scope["path"] != "/health":
            given = header(scope, b"authorization")
            if not hmac.compare_digest(given, self._authorization):
                raise HttpError(401, "unauthorized", "A valid token is needed.")
        if handler is None:
            raise HttpError(404, "not_found", "This engine has no such address.")
        if scope["method"] != method:
            raise HttpError(405, "method_not_allowed", f"This address takes {method} only.")
        await handler(scope, receive, send)

    # ------------------------------------------------------------------ about the engine

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = self._pool.status()
        served = [model for model, _names in self._pool.models()]
        notices = [f"{model.id}: {model.gpu.notice}" for model in served if model.gpu.notice]
        body = {
            "status": status.status,
            "detail": "; ".join((status.detail, *notices)),
            "progress": status.progress,
            "problems": status.problems,
            "started_at": self._started_at,
            "notices": notices,
        }
        await send_json(send, body)

    async def _models(self, scope: Scope, receive: Receive, send: Send) -> None:
        data = [
            {
                "id": model.id,
                "object": "model",
                "owned_by": "local",
                "aliases": aliases,
                "sha256": model.sha256,
                "context_tokens": model.context_tokens,
                "reading_tokens_s": _rounded(model.scheduler.speed.reading_tokens_s),
                "writing_tokens_s": _rounded(model.scheduler.speed.writing_tokens_s),
                "state": "loaded",
                "gpu_layers": model.gpu.layers,
                "tuned": {
                    "threads": model.settings.threads or usable_cores(),
                    "batch": model.settings.batch,
                    "flash_attention": model.settings.flash_attention,
                    "kv_type": model.settings.kv_type,
                    "measured": model.tuned,
                },
            }
            for model, aliases in self._pool.models()
        ]
        data += [
            {
                "id": name,
                "object": "model",
                "owned_by": "local",
                "aliases": (),
                "sha256": self._sha256_of(name),
                "state": "available",
            }
            for name in self._pool.available()
        ]
        await send_json(send, {"object": "list", "data": data})

    async def _show_metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = self._metrics.text(model for model, _aliases in self._pool.models())
        await send_bytes(send, text.encode(), "text/plain; version=0.0.4; charset=utf-8")

    # ------------------------------------------------------------------ work

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(ChatRequest, await read_json(scope, receive))
        self._refuse_when_leaving()
        try:
            with self._at_work(), self._pool.use(request.model) as served:
                grammar = await read_grammar(served, request)
                check_biases(served, request)
                call = chat_call(served, request, await read_prompt(served, request), grammar)
                await self._serve(call, request.request_id, receive, send)
        except (ModelLoading, ModelRefused, ModelUnknown) as error:
            raise self._no_model(error) from None

    async def _complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(CompletionRequest, await read_json(scope, receive))
        self._refuse_when_leaving()
        try:
            with self._at_work(), self._pool.use(request.model) as served:
                call = await completion_call(served, request)
                await self._serve(call, request.request_id, receive, send)
        except (ModelLoading, ModelRefused, ModelUnknown) as error:
            raise self._no_model(error) from None

    def _refuse_when_leaving(self) -> None:
        if self._leaving:
            raise HttpError(503, "engine_stopping", "The engine is being restarted. Ask again in a moment.")

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    async def _serve(self, call: AnswerCall, request_id: str, receive: Receive, send: Send) -> None:
        if request_id:
            self._calls.setdefault(request_id, set()).add(call)
        outcome = "failed"
        try:
            await call.serve(receive, send)
            outcome = call.finished.reason if call.finished else "failed"
        except ClientGone:
            outcome = "client_gone"
            raise
        finally:
            self._metrics.ended(outcome, call.finished)
            if request_id:
                self._calls[request_id].discard(call)
                if not self._calls[request_id]:
                    del self._calls[request_id]

    async def _tokenize(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(TokenizeRequest, await read_json(scope, receive))
        try:
            with self._pool.use(request.model) as served:
                answer = await in_thread(tokenize, served, request)
        except (ModelLoading, ModelRefused, ModelUnknown) as error:
            raise self._no_model(error) from None
        except TemplateFailed as error:
            raise HttpError(400, "invalid_request", str(error)) from None
        await send_json(send, answer)

    async def _detokenize(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(DetokenizeRequest, await read_json(scope, receive))
        try:
            with self._pool.use(request.model) as served:
                answer = await in_thread(detokenize, served, request)
        except (ModelLoading, ModelRefused, ModelUnknown) as error:
            raise self._no_model(error) from None
        await send_json(send, answer)

    async def _cancel(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(CancelRequest, await read_json(scope, receive))
        calls = list(self._calls.get(request.request_id, ()))
        for call in calls:
            call.cancel()
        await send_json(send, {"cancelled": len(calls)})

    async def _warm(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(WarmRequest, await read_json(scope, receive))
        try:
            with self._pool.use(request.model) as served:
                warmed = await warm(served, [message.as_chat() for message in request.messages])
        except (ModelLoading, ModelRefused, ModelUnknown) as error:
            raise self._no_model(error) from None
        await send_json(send, {"tokens": warmed.tokens, "cached": warmed.cached})

    async def _forget(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _parsed(ForgetRequest, await read_json(scope, receive))
        for model, _aliases in self._pool.models():
            model.scheduler.forget(cache_owner(request.cache_owner))
        await send_json(send, {})

    def _no_model(self, error: ModelLoading | ModelRefused | ModelUnknown) -> HttpError:
        if isinstance(error, ModelRefused):
            return HttpError(409, "model_unavailable", str(error))
        if isinstance(error, ModelUnknown):
            return HttpError(404, "model_not_found", "This engine does not serve that model.")
        status = self._pool.status()
        done = "" if status.progress is None else f" ({status.progress:.0%})"
        return HttpError(503, "model_loading", f"The model is not ready: {status.detail}{done}.")


def _parsed(kind: type[B], body: object) -> B:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise HttpError(400, "invalid_request", explain(error)) from None


def _rounded(speed: float | None) -> float | None:
    return None if speed is None else round(speed, 1)

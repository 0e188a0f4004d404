"""One chat completion over HTTP: from the checked request to the last byte, or to whatever ends it before."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from chatplatform.inference.engines.llamacpp.chat_template import TemplateFailed
from chatplatform.inference.engines.llamacpp.completion import Completion
from chatplatform.inference.engines.llamacpp.generation import (
    Event,
    Failed,
    Finished,
    Generation,
    GenerationRequest,
    Queued,
    Started,
    Text,
)
from chatplatform.inference.engines.llamacpp.http import (
    ClientGone,
    EventStream,
    HttpError,
    Receive,
    Send,
    event,
    gone,
    send_json,
)
from chatplatform.inference.engines.llamacpp.json_grammar import SchemaRefused
from chatplatform.inference.engines.llamacpp.prompt_tokens import ChatMessage, PromptTokens
from chatplatform.inference.engines.llamacpp.sampling import GrammarRefused, check_grammar
from chatplatform.inference.engines.llamacpp.scheduler import QueueFull, Stopped, TooLong
from chatplatform.inference.engines.llamacpp.served_model import ServedModel
from chatplatform.inference.engines.llamacpp.tool_text import Call, ToolOutput, told
from chatplatform.inference.engines.llamacpp.wire import ChatRequest

P = ParamSpec("P")
R = TypeVar("R")

_CANCELLED = Failed(499, "cancelled", "The request was cancelled.")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function` on a thread. A cancelled caller waits for its end: a model must not be freed beneath it."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def read_prompt(served: ServedModel, request: ChatRequest) -> PromptTokens:
    """The request's messages as tokens of this model. Raises HttpError.

    Tools are the caller's own text: they stand in the system message, and are never shared with others.
    """
    messages = [message.as_chat() for message in request.messages]
    shared_system: str | None = None
    if tools := request.tools_shown:
        text = told([tool.as_told() for tool in tools], must=request.must_call)
        if messages[0].role == "system":
            shared_system = messages[0].content
            messages[0] = ChatMessage("system", f"{shared_system}\n\n{text}")
        else:
            shared_system = ""
            messages.insert(0, ChatMessage("system", text))
    try:
        return await in_thread(
            served.prompts.read,
            messages,
            continue_final=request.continue_final_message,
            shared_system=shared_system,
        )
    except TemplateFailed as error:
        raise HttpError(400, "invalid_request", str(error)) from None


async def read_grammar(served: ServedModel, request: ChatRequest) -> str:
    """The grammar that the answer has to follow, known to work; empty when there is none. Raises HttpError."""
    try:
        grammar = request.grammar()
        if grammar:
            await in_thread(check_grammar, grammar, served.model.vocab)
    except SchemaRefused as error:
        raise HttpError(400, "schema_refused", f"The schema cannot be used: {error}") from None
    except GrammarRefused:
        raise HttpError(400, "schema_refused", "The schema cannot be used.") from None
    return grammar


class ChatCall:
    """`serve` answers the client; `cancel` ends it from outside. Lives on the event loop's thread."""

    def __init__(
        self, served: ServedModel, request: ChatRequest, prompt: PromptTokens, grammar: str = ""
    ) -> None:
        """Queue the request. Raises HttpError when it can't be."""
        self._grammar = grammar
        names = [tool.function.name for tool in request.tools_shown]
        self._tools = ToolOutput(names) if names else None
        self._served = served
        self._request = request
        self._completion = Completion(served.id, served.sha256)
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.finished: Finished | None = None
        self._generation = self._submit(prompt)

    def _submit(self, prompt: PromptTokens) -> Generation:
        request = self._request
        generation = GenerationRequest(
            tokens=prompt.tokens,
            system_tokens=prompt.system_tokens,
            owner=f"owner {request.cache_owner}" if request.cache_owner else f"once {secrets.token_hex(8)}",
            keep=bool(request.cache_owner),
            sampling=request.sampling(self._grammar),
            max_tokens=request.answer_tokens,
            stop=(*request.stop, *self._served.prompts.extra_stop),
            priority=request.priority,
        )
        try:
            return self._served.scheduler.submit(generation, self._events.put_nowait)
        except TooLong as error:
            raise HttpError(
                400,
                "context_length_exceeded",
                f"The messages have {error.prompt_tokens} tokens; with an answer, {error.context_tokens} fit.",
                prompt_tokens=error.prompt_tokens,
                context_tokens=error.context_tokens,
            ) from None
        except QueueFull:
            raise HttpError(429, "queue_full", "Too many requests wait already. Please try again.") from None
        except Stopped:
            raise HttpError(503, "engine_stopping", "The engine is stopping. Please try again.") from None

    def cancel(self) -> None:
        self._served.scheduler.cancel(self._generation)
        self._events.put_nowait(_CANCELLED)

    async def serve(self, receive: Receive, send: Send) -> None:
        """Raises ClientGone, or HttpError before anything was sent. Frees the sequence in any case."""
        watch = asyncio.create_task(gone(receive))
        watch.add_done_callback(lambda _task: self._events.put_nowait(None))
        try:
            await (self._stream(send) if self._request.stream else self._whole(send))
        finally:
            self._served.scheduler.cancel(self._generation)
            watch.cancel()
            await asyncio.wait([watch])

    async def _next(self) -> list[Event]:
        """Everything that has happened since, at least one event. Raises ClientGone."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        if None in events:
            raise ClientGone
        return [happened for happened in events if happened is not None]

    async def _stream(self, send: Send) -> None:
        stream = EventStream(send)
        while self.finished is None:
            parts: list[bytes] = []
            failed = False
            for happened in await self._next():
                if isinstance(happened, Failed):
                    error = HttpError(happened.status, happened.code, happened.message)
                    if not stream.started and not parts:
                        raise error
                    parts.append(event(error.body()))
                    failed = True
                    break
                parts += self._chunks(happened)
            await stream.write(*parts)
            if failed:
                break
        await stream.close()

    def _chunks(self, happened: Event) -> list[bytes]:
        match happened:
            case Queued():
                return [event({"position": happened.position, "wait_s": happened.wait_s}, "queue")]
            case Started():
                return [event(self._completion.first(happened))]
            case Text():
                shown = self._tools.feed(happened.text) if self._tools else happened.text
                return [event(self._completion.text(shown))] if shown else []
            case Finished():
                rest, calls, happened = self._end(happened)
                self.finished = happened
                chunks = [event(self._completion.text(rest))] if rest else []
                chunks += [event(self._completion.calls(calls))] if calls else []
                chunks.append(event(self._completion.last(happened)))
                if self._request.with_usage:
                    chunks.append(event(self._completion.usage(happened)))
                return [*chunks, event("[DONE]")]
            case Failed():
                return []

    async def _whole(self, send: Send) -> None:
        texts: list[str] = []
        calls: list[Call] = []
        while self.finished is None:
            for happened in await self._next():
                match happened:
                    case Text():
                        texts.append(self._tools.feed(happened.text) if self._tools else happened.text)
                    case Finished():
                        rest, calls, self.finished = self._end(happened)
                        texts.append(rest)
                    case Failed():
                        raise HttpError(happened.status, happened.code, happened.message)
        await send_json(send, self._completion.whole("".join(texts), self.finished, calls))

    def _end(self, finished: Finished) -> tuple[str, list[Call], Finished]:
        """What is left to be told, and how the answer ended."""
        if self._tools is None:
            return "", [], finished
        rest, calls = self._tools.finish()
        if calls and finished.reason == "stop":
            finished = replace(finished, reason="tool_calls")
        return rest, calls, finished

"""One request for answers over HTTP: from what is to be generated to the last byte, or to whatever ends it before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from chatplatform.inference.engines.llamacpp.answer_text import AnswerText, Part
from chatplatform.inference.engines.llamacpp.completion import Shape, Usage
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
from chatplatform.inference.engines.llamacpp.refusals import QueueFull, Stopped, TooLong
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler

_CANCELLED = Failed(499, "cancelled", "The request was cancelled.")


@dataclass
class Wanted:
    """One answer that is to be made, and how its text is taken apart. `prompt` numbers the request's prompts."""

    generation: GenerationRequest
    text: AnswerText
    prompt: int = 0


@dataclass
class _Choice:
    wanted: Wanted
    told: Part = field(default_factory=Part)
    finished: Finished | None = None


class AnswerCall:
    """`serve` answers the client; `cancel` ends it from outside. Lives on the event loop's thread."""

    def __init__(
        self, scheduler: Scheduler, wanted: Sequence[Wanted], shape: Shape, *, stream: bool, with_usage: bool
    ) -> None:
        """Queue everything that is wanted, or nothing. Raises HttpError when it can't be."""
        self._scheduler = scheduler
        self._shape = shape
        self._streams = stream
        self._with_usage = with_usage
        self._events: asyncio.Queue[tuple[int, Event] | None] = asyncio.Queue()
        self._choices = [_Choice(one) for one in wanted]
        self._generations: list[Generation] = []
        self.finished: Finished | None = None
        """How all of it ended, added up; None while something is missing."""
        try:
            for place, one in enumerate(wanted):
                self._generations.append(self._submit(place, one.generation))
        except HttpError:
            self._let_go()
            raise

    def _submit(self, place: int, generation: GenerationRequest) -> Generation:
        try:
            return self._scheduler.submit(generation, partial(self._note, place))
        except TooLong as error:
            raise HttpError(
                400,
                "context_length_exceeded",
                f"The prompt has {error.prompt_tokens} tokens; with an answer, {error.context_tokens} fit.",
                prompt_tokens=error.prompt_tokens,
                context_tokens=error.context_tokens,
            ) from None
        except QueueFull:
            raise HttpError(429, "queue_full", "Too many requests wait already. Please try again.") from None
        except Stopped:
            raise HttpError(503, "engine_stopping", "The engine is stopping. Please try again.") from None

    def _note(self, place: int, happened: Event) -> None:
        self._events.put_nowait((place, happened))

    def _let_go(self) -> None:
        for generation in self._generations:
            self._scheduler.cancel(generation)

    def cancel(self) -> None:
        self._let_go()
        self._note(0, _CANCELLED)

    async def serve(self, receive: Receive, send: Send) -> None:
        """Raises ClientGone, or HttpError before anything was sent. Frees the sequences in any case."""
        watch = asyncio.create_task(gone(receive))
        watch.add_done_callback(lambda _task: self._events.put_nowait(None))
        try:
            await (self._stream(send) if self._streams else self._whole(send))
        finally:
            self._let_go()
            watch.cancel()
            await asyncio.wait([watch])

    async def _next(self) -> list[tuple[int, Event]]:
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
            for place, happened in await self._next():
                if isinstance(happened, Failed):
                    error = HttpError(happened.status, happened.code, happened.message)
                    if not stream.started and not parts:
                        raise error
                    parts.append(event(error.body()))
                    failed = True
                    break
                parts += self._chunks(place, happened)
            await stream.write(*parts)
            if failed:
                break
        await stream.close()

    def _chunks(self, place: int, happened: Event) -> list[bytes]:
        match happened:
            case Queued():
                # Several answers of one request stand one behind the other: the first one's place is told.
                news = {"position": happened.position, "wait_s": happened.wait_s}
                return [event(news, "queue")] if place == 0 else []
            case Started():
                return [event(self._shape.first(place, happened))]
            case Text():
                part = self._choices[place].wanted.text.feed(happened)
                return [] if part.is_empty else [event(self._shape.part(place, part))]
            case Finished():
                text = self._choices[place].wanted.text
                part = text.finish()
                chunks = [] if part.is_empty else [event(self._shape.part(place, part))]
                chunks.append(event(self._shape.last(place, text.reason(happened.reason))))
                self._end(place, happened)
                if self.finished is not None:
                    if self._with_usage:
                        chunks.append(event(self._shape.usage(self._usage(self.finished))))
                    chunks.append(event("[DONE]"))
                return chunks
            case Failed():
                return []

    async def _whole(self, send: Send) -> None:
        while self.finished is None:
            for place, happened in await self._next():
                choice = self._choices[place]
                match happened:
                    case Text():
                        choice.told += choice.wanted.text.feed(happened)
                    case Finished():
                        choice.told += choice.wanted.text.finish()
                        self._end(place, happened)
                    case Failed():
                        raise HttpError(happened.status, happened.code, happened.message)
        told = [
            (choice.told, choice.wanted.text.reason(choice.finished.reason))
            for choice in self._choices
            if choice.finished is not None
        ]
        await send_json(send, self._shape.whole(told, self._usage(self.finished)))

    def _end(self, place: int, finished: Finished) -> None:
        self._choices[place].finished = finished
        ended = [(choice.wanted, choice.finished) for choice in self._choices if choice.finished is not None]
        if len(ended) < len(self._choices):
            return
        # A prompt of several answers counts once.
        prompts = {wanted.prompt: one for wanted, one in reversed(ended)}
        self.finished = Finished(
            self._choices[0].wanted.text.reason(ended[0][1].reason),
            sum(one.prompt_tokens for one in prompts.values()),
            sum(one.completion_tokens for _wanted, one in ended),
            sum(one.cached_tokens for one in prompts.values()),
        )

    def _usage(self, finished: Finished) -> Usage:
        return Usage(
            finished.prompt_tokens,
            finished.completion_tokens,
            finished.cached_tokens,
            sum(choice.wanted.text.reasoning_tokens for choice in self._choices),
        )

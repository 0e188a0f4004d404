"""The model calls of a request: begun in a view, told by a body that streams after the view has returned.

Each call runs in a task of its own, inside the workspace scope. The tasks end with whoever listens: when the client
goes away, so does the engine's work.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from time import monotonic
from uuid import UUID

from chatplatform.api import errors
from chatplatform.api.callers import Caller
from chatplatform.api.errors import Unauthorized
from chatplatform.api.limits import STREAM_BEAT_S, STREAM_STUCK_S
from chatplatform.api.liveness import still_allowed
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.gateway import ModelEvent, ReasoningDelta, Sampling, TextDelta
from chatplatform.privacy.clearance import ClearedPrompt

logger = logging.getLogger(__name__)

WAITING_EVENTS = 32

_tasks: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, and of whom. What is asked `apart` is never written down by engines of ours. Without
    `shows_thinking` nothing is told of what the model thinks before it answers, nor of how likely it was."""

    cleared: ClearedPrompt
    model: str
    sampling: Sampling
    apart: UUID | None = None
    shows_thinking: bool = True


Told = tuple[int, ModelEvent | PlatformError | None]


class Answering:
    """Running calls, one for each question. `start` them, read `events`, and `close` them in any case; reading to the
    end closes them too. Where one fails, all end."""

    def __init__(self, caller: Caller, *questions: Question) -> None:
        self._caller = caller
        self._questions = questions
        self._events: asyncio.Queue[Told] = asyncio.Queue(WAITING_EVENTS)
        self._tasks: list[asyncio.Task[None]] = []
        self._first: Told | None = None

    async def start(self) -> None:
        """Ask the first, and the others once the engine gives a sign. Raises the gateway's errors."""
        self._begin(0)
        try:
            self._first = await self._events.get()
        except BaseException:
            await self.close()
            raise
        if isinstance(self._first[1], PlatformError):
            await self.close()
            raise self._first[1]
        for index in range(1, len(self._questions)):
            self._begin(index)

    def _begin(self, index: int) -> None:
        # a context of its own: nothing of the request's threads may leak into it
        task = asyncio.create_task(self._run(index), context=contextvars.Context())
        self._tasks.append(task)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    async def events(self) -> AsyncIterator[tuple[int, ModelEvent] | None]:
        """The events of all calls, each with the index of its question; None while there is nothing new. Raises the
        gateway's errors, and Unauthorized once the caller may not be here any more."""
        try:
            running = len(self._questions)
            told: Told | None = self._first
            checked_at = monotonic()
            while True:
                if told is None:
                    # it broke, and has said so in the log
                    if all(task.done() for task in self._tasks) and self._events.empty():
                        raise errors.internal_error()
                    yield None
                elif isinstance(told[1], PlatformError):
                    raise told[1]
                elif told[1] is None:
                    running -= 1
                    if not running:
                        return
                else:
                    yield told[0], told[1]
                told = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(STREAM_BEAT_S):
                        told = await self._events.get()
                if monotonic() - checked_at > STREAM_BEAT_S:
                    checked_at = monotonic()
                    if not await in_thread(still_allowed)(self._caller):
                        raise Unauthorized
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop the engine, if it still works for these calls."""
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.wait(running))

    async def _run(self, index: int) -> None:
        question = self._questions[index]
        last: PlatformError | None = None
        with workspace_scope(self._caller.workspace_id):
            try:
                stream = gateway.stream(
                    question.cleared,
                    model=question.model,
                    sampling=question.sampling,
                    apart=question.apart,
                )
                has_thought = False
                async with aclosing(stream) as events:
                    async for event in events:
                        if not question.shows_thinking:
                            if isinstance(event, ReasoningDelta):
                                has_thought = True
                                continue
                            if isinstance(event, TextDelta) and has_thought:
                                has_thought = False
                                event = replace(event, logprobs=())  # those of the thinking are among them
                        await self._put(index, event)
            except PlatformError as error:
                last = error
            except TimeoutError:
                return  # nobody reads: nobody is there
            except Exception:
                logger.exception("a call of the API broke")
                last = errors.internal_error()
        if last is not None:
            await self._put(index, last)
        await self._put(index, None)

    async def _put(self, index: int, event: ModelEvent | PlatformError | None) -> None:
        async with asyncio.timeout(STREAM_STUCK_S):
            await self._events.put((index, event))

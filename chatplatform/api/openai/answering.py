"""One model call for a request: begun in a view, told by a body that streams after the view has returned.

The call runs in a task of its own, inside the workspace scope. The task ends with whoever listens: when the client
goes away, so does the engine's work.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import monotonic

from chatplatform.api import errors
from chatplatform.api.callers import Caller
from chatplatform.api.errors import Unauthorized
from chatplatform.api.limits import STREAM_BEAT_S, STREAM_STUCK_S
from chatplatform.api.liveness import still_allowed
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.gateway import ModelEvent, Sampling
from chatplatform.privacy.clearance import ClearedPrompt

logger = logging.getLogger(__name__)

WAITING_EVENTS = 32

_tasks: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, and of whom."""

    cleared: ClearedPrompt
    model: str
    sampling: Sampling


class Answering:
    """A running call. `start` it, read `events`, and `close` it in any case; reading to the end closes it too."""

    def __init__(self, caller: Caller, question: Question) -> None:
        self._caller = caller
        self._question = question
        self._events: asyncio.Queue[ModelEvent | PlatformError | None] = asyncio.Queue(WAITING_EVENTS)
        self._task: asyncio.Task[None] | None = None
        self._first: ModelEvent | PlatformError | None = None

    async def start(self) -> None:
        """Ask, and wait for the first sign of the engine. Raises the gateway's errors."""
        # a context of its own: nothing of the request's threads may leak into it
        self._task = asyncio.create_task(self._run(), context=contextvars.Context())
        _tasks.add(self._task)
        self._task.add_done_callback(_tasks.discard)
        try:
            self._first = await self._events.get()
        except BaseException:
            await self.close()
            raise
        if isinstance(self._first, PlatformError):
            await self.close()
            raise self._first

    async def events(self) -> AsyncIterator[ModelEvent | None]:
        """The call's events; None while there is nothing new. Raises the gateway's errors, and Unauthorized once
        the caller may not be here any more."""
        try:
            if self._first is not None and not isinstance(self._first, PlatformError):
                yield self._first
            checked_at = monotonic()
            while True:
                event: ModelEvent | PlatformError | None = None
                arrived = False
                with suppress(TimeoutError):
                    async with asyncio.timeout(STREAM_BEAT_S):
                        event = await self._events.get()
                        arrived = True
                if arrived and event is None:
                    return
                if not arrived and self._task is not None and self._task.done():
                    raise errors.internal_error()  # it broke, and has said so in the log
                if isinstance(event, PlatformError):
                    raise event
                yield event
                if monotonic() - checked_at > STREAM_BEAT_S:
                    checked_at = monotonic()
                    if not await in_thread(still_allowed)(self._caller):
                        raise Unauthorized
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop the engine, if it still works for this call."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.wait([self._task]))

    async def _run(self) -> None:
        question = self._question
        last: PlatformError | None = None
        with workspace_scope(self._caller.workspace_id):
            try:
                stream = gateway.stream(question.cleared, model=question.model, sampling=question.sampling)
                async with aclosing(stream) as events:
                    async for event in events:
                        await self._put(event)
            except PlatformError as error:
                last = error
            except TimeoutError:
                return  # nobody reads: nobody is there
            except Exception:
                logger.exception("a call of the API broke")
                last = errors.internal_error()
        if last is not None:
            await self._put(last)
        await self._put(None)

    async def _put(self, event: ModelEvent | PlatformError | None) -> None:
        async with asyncio.timeout(STREAM_STUCK_S):
            await self._events.put(event)

"""A running answer for programs: begun like in the web chat, watched like by a socket, told as text.

What is told was committed before. The id of an event is the number of characters told so far, so a client that
lost its connection goes on from there, in any web process, while the answer runs and after it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync

from chatplatform.api.callers import Caller
from chatplatform.api.limits import STREAM_BEAT_S, STREAM_COMMENT_S
from chatplatform.api.liveness import still_allowed
from chatplatform.chat import process, queries, turns
from chatplatform.chat.live import Holds
from chatplatform.chat.protocol import Accepted
from chatplatform.chat.services import Submitted
from chatplatform.chat.turn_queries import TurnDetails, turn_details
from chatplatform.chat.turns import TurnWork, Unfinished
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread

Standing = tuple[str, int | None, float | None]
TurnJson = Callable[[TurnDetails], dict[str, Any]]


def begin(submitted: Submitted, *, client_id: UUID) -> None:
    """Run a turn that was just made, and tell everybody who watches. From a view, in its scope."""
    if not submitted.is_new:
        return
    turn = submitted.turn
    frame = queries.accepted(turn, client_id=client_id, replaces_message_id=submitted.replaced_message_id)
    unfinished = Unfinished(turn.id, turn.workspace_id, turn.conversation_id, turn.owner_id)
    async_to_sync(_run)(unfinished, turns.fresh_work(turn), frame)


def take_up(submitted: Submitted) -> None:
    """Run a turn that is retried."""
    turn = submitted.turn
    unfinished = Unfinished(turn.id, turn.workspace_id, turn.conversation_id, turn.owner_id)
    async_to_sync(_run)(unfinished, None, None)


async def _run(turn: Unfinished, work: TurnWork | None, frame: Accepted | None) -> None:
    chat = process.current()
    if frame is None:
        chat.runner.run(turn)
        chat.hub.resynchronise(turn.conversation_id)
        return
    chat.hub.show(turn.conversation_id, frame)
    chat.runner.run(turn, work=work)


def stop_here(turn_id: UUID) -> None:
    """Stop the turn at once if it runs in this process; another one reads the row."""
    async_to_sync(_stop)(turn_id)


async def _stop(turn_id: UUID) -> None:
    process.current().runner.stop(turn_id)


class _Watch:
    """A watcher that only learns that there is something new. Use with `with`."""

    def __init__(self, turn: TurnDetails, owner_id: UUID) -> None:
        self._turn = turn
        self._owner_id = owner_id
        self._hub = process.current().hub
        self._news = asyncio.Event()

    def __enter__(self) -> _Watch:
        self._hub.watch(self, self._turn.conversation_id)
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.unwatch(self, self._turn.conversation_id)

    def send_encoded(self, frame: str, *, holds: Holds) -> None:
        self._news.set()

    def resynchronise(self) -> None:
        self._news.set()

    async def news(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        self._news.clear()

    def live(self) -> tuple[str, Standing] | None:
        """Text, and state with place in the queue and guessed wait, if this process knows the turn."""
        found = self._hub.turns.get(self._turn.id)
        if found is None:
            return None
        return found.markdown.text, (found.state, found.queue_position, found.queue_wait_s)

    def follow(self) -> None:
        """Let this process follow a turn that another one runs."""
        self._hub.turn(self._turn.id, conversation_id=self._turn.conversation_id, owner_id=self._owner_id)


async def stream(turn: TurnDetails, caller: Caller, *, told: int, shape: TurnJson) -> AsyncIterator[bytes]:
    """The turn's events from character `told` on, until it is over or the caller may not be here any more."""
    yield event("turn", shape(turn), told)
    state: Standing = (turn.state, None, None)
    spoke_at = checked_at = monotonic()
    with _Watch(turn, caller.id) as watch:
        while True:
            live = watch.live()
            if live is None:
                turn = await in_thread(_read)(caller, turn)
                text = turn.text
                now_state: Standing = (turn.state, None, None)
                if not turn.is_over:
                    watch.follow()
            else:
                text, now_state = live
            if now_state != state and now_state[0] in {"queued", "running", "waiting"}:
                state = now_state
                told_state = {"state": state[0], "queue_position": state[1], "queue_wait_s": state[2]}
                yield event("state", told_state, told)
                spoke_at = monotonic()
            if len(text) > told:
                piece, told = text[told:], len(text)
                yield event("delta", {"text": piece}, told)
                spoke_at = monotonic()
            if live is None and turn.is_over:
                yield event("finished", shape(turn), told)
                return
            await watch.news(STREAM_BEAT_S)
            if monotonic() - checked_at > STREAM_BEAT_S:
                checked_at = monotonic()
                if not await in_thread(still_allowed)(caller):
                    yield event("ended", {"code": "unauthorized"}, told)
                    return
            if monotonic() - spoke_at > STREAM_COMMENT_S:
                spoke_at = monotonic()
                yield b": still here\n\n"


def wait(turn: TurnDetails, caller: Caller, *, timeout_s: float) -> TurnDetails:
    """The turn when it is over, or as it is after so many seconds. From a view."""
    return async_to_sync(_wait)(turn, caller, timeout_s)


async def _wait(turn: TurnDetails, caller: Caller, timeout_s: float) -> TurnDetails:
    ends_at = monotonic() + timeout_s
    with _Watch(turn, caller.id) as watch:
        while not turn.is_over and monotonic() < ends_at:
            if watch.live() is None:
                turn = await in_thread(_read)(caller, turn)
                if turn.is_over:
                    break
                watch.follow()
            await watch.news(min(STREAM_BEAT_S, max(0.01, ends_at - monotonic())))
    return await in_thread(_read)(caller, turn)


def _read(caller: Caller, turn: TurnDetails) -> TurnDetails:
    with workspace_scope(caller.workspace_id):
        try:
            return turn_details(caller.id, turn.id)
        except NotFound:  # deleted with its conversation while it was told
            return replace(turn, state="stopped")


def event(name: str, data: object, told: int) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    return f"id: {told}\nevent: {name}\ndata: {text}\n\n".encode(errors="replace")

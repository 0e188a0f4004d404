"""The chat of one web process: its live view, its turns and its tail. Started and drained with the process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from chatplatform.chat.access_watch import AccessWatch
from chatplatform.chat.live import LiveHub
from chatplatform.chat.runner import TurnRunner
from chatplatform.chat.tail import Tail
from chatplatform.chat.temporary.house import TemporaryHouse
from chatplatform.inference.endpoints.endpoint_watch import watch as watch_engines

State = Literal["stopped", "running", "draining"]


@dataclass(frozen=True, slots=True)
class Load:
    """What this process has at the moment."""

    sockets: int
    turns: int


class ChatProcess:
    def __init__(self) -> None:
        self.hub = LiveHub()
        self.runner = TurnRunner(self.hub)
        self.access = AccessWatch()
        self.temporary = TemporaryHouse(self.hub, self.runner, self.access)
        self._tail = Tail(self.hub, self.runner)
        self._watching: list[asyncio.Task[None]] = []
        self._draining: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.runner.start()
        self._watching = [
            asyncio.create_task(self._tail.run()),
            asyncio.create_task(self.access.run()),
            asyncio.create_task(self.temporary.run()),
            asyncio.create_task(watch_engines()),
        ]

    def begin_drain(self) -> None:
        """Take up no more turns; let running answers end for a while, then hand the rest over. In the loop only."""
        if self._draining is None:
            grace_s = settings.ENVIRONMENT.drain_s
            self._draining = asyncio.create_task(self.runner.hand_over(after_s=grace_s))

    async def drain(self) -> None:
        """The same, to its end; the process has nothing left to do after it."""
        self.begin_drain()
        if self._draining is not None:
            await self._draining
        # until here they brought the stops that people asked of other processes
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self.temporary.close()
        await self.runner.close()


_current: ChatProcess | None = None
_leaving = False


async def start() -> ChatProcess:
    """Start the chat of this process; once, by the ASGI server's start-up."""
    global _current, _leaving
    _current, _leaving = ChatProcess(), False
    await _current.start()
    return _current


def announce_drain() -> None:
    """Say, by `state`, that this process is about to stop: load balancers are to send people elsewhere."""
    global _leaving
    _leaving = True


def begin_drain() -> None:
    """Begin to hand over what runs here, beside what the server does to stop."""
    announce_drain()
    if _current is not None:
        _current.begin_drain()


async def drain() -> None:
    global _current
    if _current is not None:
        await _current.drain()
        _current = None


def state() -> State:
    if _current is None:
        return "stopped"
    return "draining" if _leaving else "running"


def load() -> Load:
    if _current is None:
        return Load(0, 0)
    return Load(_current.hub.open_sockets, _current.runner.running)


def current() -> ChatProcess:
    """The running chat. Raises RuntimeError before `start`: the server does not speak the lifespan protocol."""
    if _current is None:
        raise RuntimeError("the chat is not started: run the site with `manage.py web`")
    return _current

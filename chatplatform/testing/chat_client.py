"""A chat client for tests and benchmarks: speaks the websocket protocol and keeps what a person would see."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

Json = dict[str, Any]


@dataclass(slots=True)
class ShownMessage:
    """A message as it stands on the screen; `blocks` and `tail` while its turn runs, `html` when it is over."""

    id: str
    role: str
    text: str
    html: str
    turn: Json | None
    parent_id: str | None = None
    versions: list[str] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.turn is not None and self.turn["state"] in {"queued", "running", "waiting"}


@dataclass(slots=True)
class Screen:
    """The client's state, changed by frames only, as docs/websocket.md says."""

    conversation: Json | None = None
    messages: list[ShownMessage] = field(default_factory=list)
    conversations: dict[str, Json] = field(default_factory=dict)
    errors: list[Json] = field(default_factory=list)
    kept_as: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    queued: list[Json] = field(default_factory=list)
    has_gap: bool = False

    def apply(self, frame: Json) -> None:
        """Raises KeyError for a frame that the protocol does not have."""
        match frame["type"]:
            case "snapshot":
                self.conversation = frame["conversation"]
                self.messages = [_message(message) for message in frame["messages"]]
                self.queued = frame["queued"]
                self.has_gap = False
            case "accepted":
                self.conversation = frame["conversation"]
                self._accept(frame)
            case "delta":
                self._delta(frame)
            case "turn":
                turn = self.turn(frame["turn_id"])
                if turn is not None:
                    for name in ("state", "queue_position", "queue_wait_s"):
                        turn[name] = frame[name]
            case "finished":
                done = _message(frame["message"])
                self.messages = [done if m.id == done.id else m for m in self.messages]
            case "conversation":
                self.conversations[frame["conversation"]["id"]] = frame["conversation"]
            case "kept":
                self.kept_as[frame["conversation_id"]] = frame["kept_id"]
            case "removed":
                self.removed.append(frame["conversation_id"])
                self.conversations.pop(frame["conversation_id"], None)
            case "error":
                self.errors.append(frame)
            case "older":
                self.messages = [_message(message) for message in frame["messages"]] + self.messages
            case "queued":
                if frame["message"]["id"] not in {each["id"] for each in self.queued}:
                    self.queued.append(frame["message"])
            case "taken_back":
                self.queued = [each for each in self.queued if each["id"] != frame["queued_id"]]
            case "message":
                changed = _message(frame["message"])
                self.messages = [changed if m.id == changed.id else m for m in self.messages]
            case "forked":
                self.conversations[frame["conversation"]["id"]] = frame["conversation"]
            case "welcome" | "pong":
                pass
            case unknown:
                raise KeyError(unknown)

    def turn(self, turn_id: str) -> Json | None:
        return next((m.turn for m in self.messages if m.turn is not None and m.turn["id"] == turn_id), None)

    def _accept(self, frame: Json) -> None:
        question, answer = frame["question"], frame["answer"]
        self.queued = [each for each in self.queued if each["client_id"] != question["client_id"]]
        ids = [message.id for message in self.messages]
        if answer["id"] in ids:
            return
        if question["id"] in ids:
            self.messages = self.messages[: ids.index(question["id"]) + 1]
        elif frame["replaces_message_id"] in ids:
            self.messages = self.messages[: ids.index(frame["replaces_message_id"])]
        last = self.messages[-1].id if self.messages else None
        if last == question["parent_id"]:
            self.messages.append(_message(question))
        elif last != question["id"]:
            self.has_gap = True
            return
        self.messages.append(_message(answer))

    def _delta(self, frame: Json) -> None:
        turn = self.turn(frame["turn_id"])
        if turn is None or frame["sequence"] != turn["sequence"] + 1:
            self.has_gap = True
            return
        turn["sequence"] = frame["sequence"]
        turn["blocks"].extend(frame["blocks"])
        if frame["tail"] is not None:
            turn["tail"] = frame["tail"]
        else:
            turn["tail"]["text"] += frame["tail_add"]
        turn["thinking"] += frame["thinking_add"]
        turn |= {name: frame[name] for name in ("thought_s", "is_thinking")}


def _message(view: Json) -> ShownMessage:
    return ShownMessage(
        view["id"],
        view["role"],
        view["text"],
        view["html"],
        view["turn"],
        view["parent_id"],
        view["versions"],
    )


class ChatClient:
    """One connection. `async with ChatClient(url, cookie=…) as client` connects and reads the welcome."""

    def __init__(self, url: str, *, cookie: str, origin: str | None = None) -> None:
        self.screen = Screen()
        self.frames: deque[Json] = deque(maxlen=50_000)
        self._url = url
        self._origin = origin or url.replace("ws", "http", 1).split("/ws/")[0]
        self._headers = {"Cookie": cookie}
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.closed_with: int | None = None

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._url,
            origin=Origin(self._origin),
            additional_headers=self._headers,
            max_size=None,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._socket is not None
        assert self._reader is not None
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        await self._socket.close()

    def handshake_header(self, name: str) -> str | None:
        """A header of the answer to the handshake."""
        assert self._socket is not None
        response = self._socket.response
        return response.headers.get(name) if response is not None else None

    async def send_raw(self, text: str | bytes) -> None:
        assert self._socket is not None
        await self._socket.send(text)

    async def send(self, type_: str, **fields: Any) -> None:
        await self.send_raw(json.dumps({"type": type_, **fields}))

    async def ask(
        self,
        text: str,
        *,
        client_id: str | None = None,
        conversation_id: str | None = None,
        if_busy: str = "refuse",
    ) -> str:
        """Send a message, into the open conversation when there is one; gives its client id."""
        client_id = client_id or str(uuid4())
        if conversation_id is None and self.screen.conversation is not None:
            conversation_id = self.screen.conversation["id"]
        await self.send(
            "send", client_id=client_id, conversation_id=conversation_id, text=text, if_busy=if_busy
        )
        return client_id

    async def until(self, condition: Callable[[Screen], bool], *, timeout_s: float = 20) -> Screen:
        """Wait until the screen is so. Raises TimeoutError; ConnectionError when the socket closes first."""
        async with asyncio.timeout(timeout_s), self._changed:
            while not condition(self.screen):
                if self.closed_with is not None:
                    raise ConnectionError(f"closed with {self.closed_with}")
                await self._changed.wait()
        return self.screen

    async def frame(self, type_: str, *, timeout_s: float = 20) -> Json:
        """Wait for the next frame of a type that has not been taken by this method yet."""

        def found(_: Screen) -> bool:
            return any(frame["type"] == type_ for frame in self.frames)

        await self.until(found, timeout_s=timeout_s)
        taken = next(frame for frame in self.frames if frame["type"] == type_)
        self.frames.remove(taken)
        return taken

    async def finished(self, *, timeout_s: float = 60) -> ShownMessage:
        """Wait for the end of the last answer."""
        screen = await self.until(
            lambda s: (
                bool(s.messages) and s.messages[-1].role == "assistant" and not s.messages[-1].is_running
            ),
            timeout_s=timeout_s,
        )
        return screen.messages[-1]

    async def closed(self, *, timeout_s: float = 20) -> int:
        """Wait until the other side has closed the connection; gives the code. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._changed:
            while self.closed_with is None:
                await self._changed.wait()
        return self.closed_with

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for raw in self._socket:
                frame: Json = json.loads(raw)
                frame["received_at"] = perf_counter()
                self.screen.apply(frame)
                self.frames.append(frame)
                async with self._changed:
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            self.closed_with = self._socket.close_code or 1006
            async with self._changed:
                self._changed.notify_all()

"""Takes files in before Django sees the request: piece by piece, encrypted at once, cut off at the limit.

Django would keep a body in memory or in the clear in a temporary file. So the address of uploads is asked twice: first
without a body whether this person may upload so much (`Upload.is_asking`); then, when the body lies encrypted on the
disk, what is to become of it. Both answers are the view's: rights, limits and words are in one place.
Each kind of file has a `Door`: its addresses, where its files lie, and how large one may be.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from chatplatform.common.ids import new_id
from chatplatform.documents.kinds import HEAD_BYTES
from chatplatform.privacy.sealed_files import SealingWriter

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Django names its messages otherwise than Channels does
Application = Callable[[Any, Any, Any], Awaitable[None]]
Failure = Literal["", "too_many", "too_large", "too_slow", "storage"]

KEY: Final = "chatplatform.upload"
PIECE_WAIT_S: Final = 60.0
# written at once: fewer steps through a thread
WRITE_BYTES: Final = 512 * 1024
MOST_AT_ONCE: Final = 24
# so that nobody can keep all places of a process, however slowly they send
MOST_OF_ONE_PERSON: Final = 6
# what is true of the body only, and Django would look at
_OF_BODY = {b"content-length", b"transfer-encoding", b"expect"}
# what the first of the two requests must not settle
_ONCE = {b"idempotency-key"}
GO_ON = 204


@dataclass(slots=True)
class Upload:
    """What the view is told. `length` is what the client announced, None where it did not; `size` what came.

    The view sets `person_id` when it is asked, and `is_kept` when a row names the file; what is not kept is removed.
    """

    is_asking: bool
    length: int | None
    id: UUID = field(default_factory=new_id)
    size: int = 0
    head: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    failure: Failure = ""
    person_id: UUID | None = None
    is_kept: bool = False


def upload_of(request: HttpRequest) -> Upload | None:
    """The upload that this request is about; None where it came by another way."""
    scope: Scope = getattr(request, "scope", {})
    found = scope.get(KEY)
    return found if isinstance(found, Upload) else None


@dataclass(frozen=True, slots=True)
class Door:
    """Where uploads of one kind come in: the whole address matches `address`, the file is sealed at `path_of` the
    upload's id, and what is larger than `most_bytes` is cut off. Both are asked anew for each upload."""

    address: re.Pattern[str]
    path_of: Callable[[UUID], Path]
    most_bytes: Callable[[], int]


class Uploads:
    """Stands before the Django application, for POST to the addresses of `doors`; everything else passes."""

    def __init__(self, application: Application, *, doors: tuple[Door, ...]) -> None:
        self._application = application
        self._doors = doors
        self._running: Counter[UUID | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._door(scope)
        if door is None:
            await self._application(scope, receive, send)
            return
        asking = Upload(is_asking=True, length=_length(scope))
        scope = {**scope, "headers": _without(scope, _OF_BODY)}
        first = {**scope, "headers": _without(scope, _ONCE), KEY: asking}
        answer = await self._asked(first)
        if answer.status == GO_ON and self._is_full(asking.person_id):
            asking.failure = "too_many"
            answer = await self._asked(
                first
            )  # now that it is known whose it is, for the words of the refusal
        if answer.status != GO_ON:
            await answer.pass_on(send)
            return
        self._running[asking.person_id] += 1
        try:
            await self._take_in(asking, door, scope, receive, send)
        finally:
            self._running[asking.person_id] -= 1
            self._running += Counter()  # drops those that have none any more

    def _door(self, scope: Scope) -> Door | None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        return next((door for door in self._doors if door.address.fullmatch(scope["path"])), None)

    def _is_full(self, person_id: UUID | None) -> bool:
        return self._running.total() >= MOST_AT_ONCE or self._running[person_id] >= MOST_OF_ONE_PERSON

    async def _asked(self, scope: Scope) -> _Answer:
        """What the view says to an upload without its body."""
        answer = _Answer()
        await self._application(scope, _bodiless(_never), answer.take)
        return answer

    async def _take_in(self, asking: Upload, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        upload = Upload(is_asking=False, length=asking.length)
        writer: SealingWriter | None = None
        try:
            try:
                writer = await _in_thread(SealingWriter, door.path_of(upload.id))
                if not await _written(upload, writer, receive, most=door.most_bytes()):
                    return  # nobody waits for an answer any more
                if not upload.failure:
                    upload.key = await _in_thread(writer.finish)
            except TimeoutError:
                upload.failure = "too_slow"
            except OSError:
                upload.failure = "storage"
            await self._application({**scope, KEY: upload}, _bodiless(receive), _closing(send, upload))
        finally:
            if not upload.is_kept and writer is not None:
                await _in_thread(writer.discard)


async def _written(upload: Upload, writer: SealingWriter, receive: Receive, *, most: int) -> bool:
    """Take the body; False when the client went away. Stops at the limit, whatever was announced."""
    waiting = bytearray()
    more = True
    while more:
        async with asyncio.timeout(PIECE_WAIT_S):
            message = await receive()
        if message["type"] == "http.disconnect":
            return False
        piece = message.get("body", b"")
        more = message.get("more_body", False)
        upload.size += len(piece)
        if upload.size > most:
            upload.failure = "too_large"
            return True
        if len(upload.head) < HEAD_BYTES:
            upload.head += piece[: HEAD_BYTES - len(upload.head)]
        waiting += piece
        if len(waiting) >= WRITE_BYTES or not more:
            await _in_thread(writer.write, bytes(waiting))
            waiting.clear()
    return True


@dataclass(slots=True)
class _Answer:
    """An answer that waits until it is known whether it is one."""

    messages: list[Message] = field(default_factory=list)

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0].get("status", 500)) if self.messages else 500

    async def pass_on(self, send: Send) -> None:
        """The body was not read, so the connection cannot be used for anything else."""
        for message in self.messages:
            await send(_with_close(message))


def _closing(send: Send, upload: Upload) -> Send:
    """Where the body was not read to its end, the connection ends with the answer."""

    async def close(message: Message) -> None:
        await send(_with_close(message))

    return close if upload.failure else send


def _with_close(message: Message) -> Message:
    if message["type"] == "http.response.start":
        return {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
    return message


def _without(scope: Scope, names: set[bytes]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name.lower() not in names]


def _length(scope: Scope) -> int | None:
    given = dict(scope["headers"]).get(b"content-length", b"")
    return int(given) if given.isdigit() and len(given) < 19 else None


def _bodiless(receive: Receive) -> Receive:
    """The request as it looks without its body, and then whether the client is still there."""
    is_told = False

    async def receive_rest() -> Message:
        nonlocal is_told
        if not is_told:
            is_told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return message  # what comes beyond the limit is dropped

    return receive_rest


async def _never() -> Message:
    """The body is not touched while it is asked whether it may come."""
    waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await waiting


def _in_thread(function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    return sync_to_async(function, thread_sensitive=False)(*arguments)

"""Server-sent events out of bytes, wherever the network cut them."""

from __future__ import annotations

from dataclasses import dataclass

MAX_EVENT_BYTES = 1024 * 1024
MAX_NAME_BYTES = 64


class MalformedStream(ValueError):
    """What arrives is no stream of events."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """`name` is empty for an ordinary event."""

    name: str
    data: bytes


class EventParser:
    """Feed it bytes; it gives the events that became whole. Bytes of half a character or line are kept."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Raises MalformedStream for a line or an event without end."""
        # only what is new is searched: a line that comes byte by byte would cost its square otherwise
        if b"\n" not in chunk:
            self._rest += chunk
            self._bound(len(self._rest))
            return []
        lines = bytes(self._rest + chunk).split(b"\n")
        self._rest = bytearray(lines.pop())
        self._bound(len(self._rest))
        events = []
        for line in lines:
            line = line.rstrip(b"\r")
            if not line:
                if self._data:
                    events.append(ServerSentEvent(self._name, b"\n".join(self._data)))
                self._name, self._data, self._size = "", [], 0
                continue
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                self._size += len(value) + 1
                self._bound(self._size)
                self._data.append(value)
            elif field == b"event":
                self._name = value[:MAX_NAME_BYTES].decode("utf-8", "replace")
        return events

    def _bound(self, size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise MalformedStream

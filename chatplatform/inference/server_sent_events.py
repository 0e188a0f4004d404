"""Server-sent events out of bytes, wherever the network cut them."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LINE_BYTES = 1024 * 1024


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
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Raises MalformedStream for a line without end."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise MalformedStream
        events = []
        for line in lines:
            line = line.rstrip(b"\r")
            if not line:
                if self._data:
                    events.append(ServerSentEvent(self._name, b"\n".join(self._data)))
                self._name, self._data = "", []
                continue
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                self._data.append(value)
            elif field == b"event":
                self._name = value.decode("utf-8", "replace")
        return events

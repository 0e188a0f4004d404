"""XML as a stream of events, without anything that XML can do to a reader: no document types, so no entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

from chatplatform.documents.formats.failures import Unreadable

MOST_DEPTH = 400


class Event(NamedTuple):
    """`kind` is start, end or text; `name` the element's name without its namespace."""

    kind: str
    name: str
    attributes: dict[str, str]
    text: str


class _Parser:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self._depth = 0
        self._parser = ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, data: bytes, *, last: bool = False) -> list[Event]:
        try:
            self._parser.Parse(data, last)
        except ExpatError as error:
            raise Unreadable("damaged") from error
        events, self.events = self.events, []
        return events

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise Unreadable("damaged")
        self.events.append(
            Event("start", _local(name), {_local(key): value for key, value in attributes.items()}, "")
        )

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.events.append(Event("end", _local(name), {}, ""))

    def _text(self, text: str) -> None:
        self.events.append(Event("text", "", {}, text))

    def _doctype(self, *_: object) -> None:
        raise Unreadable("damaged")


def events(parts: Iterable[bytes]) -> Iterator[Event]:
    """Raises Unreadable for what is not well-formed, or begins a document type."""
    parser = _Parser()
    for part in parts:
        yield from parser.feed(part)
    yield from parser.feed(b"", last=True)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]

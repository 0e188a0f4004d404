"""What requests are to be told, gathered over a step and delivered at once."""

from __future__ import annotations

from collections.abc import Callable

from chatplatform.inference.engines.llamacpp.generation import Event, Generation, Sink

Deliver = Callable[[list[tuple[Sink, Event]]], None]


class Outbox:
    """One thread uses it; `deliver` is called on that thread."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._events: list[tuple[Sink, Event]] = []

    def tell(self, generation: Generation, event: Event) -> None:
        """A cancelled request is told nothing more."""
        if not generation.cancelled:
            self._events.append((generation.sink, event))

    def flush(self) -> None:
        if self._events:
            events, self._events = self._events, []
            self._deliver(events)

"""A scheduler over the fake context, and what its requests are told."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chatplatform.inference.engines.llamacpp.generation import (
    Event,
    Failed,
    Finished,
    Generation,
    GenerationRequest,
    Priority,
    Queued,
    Sink,
    Started,
    Text,
)
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings
from chatplatform.inference.engines.llamacpp.saved_conversations import SavedConversations
from chatplatform.inference.engines.llamacpp.saved_prefixes import SavedPrefixes
from chatplatform.inference.engines.llamacpp.scheduler import Scheduler
from tests.unit.llamacpp.fake_context import ByteVocabulary, FakeContext, as_tokens

WAIT_S = 5.0


class Told:
    """What one request has been told."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue()
        self.seen: list[Event] = []
        self.generation: Generation | None = None

    def __call__(self, event: Event) -> None:
        self._events.put(event)

    def next(self) -> Event:
        self.seen.append(self._events.get(timeout=WAIT_S))
        return self.seen[-1]

    def until(self, kind: type[Event]) -> Event:
        while not isinstance(event := self.next(), kind):
            continue
        return event

    def all(self) -> list[Event]:
        while not isinstance(self.next(), Finished | Failed):
            continue
        return self.seen

    def answer(self) -> str:
        self.all()
        return self.answer_so_far

    @property
    def answer_so_far(self) -> str:
        return "".join(event.text for event in self.seen if isinstance(event, Text))

    def quiet(self, for_s: float = 0.05) -> bool:
        time.sleep(for_s)
        return self._events.empty()

    @property
    def started(self) -> Started:
        return next(event for event in self.seen if isinstance(event, Started))

    @property
    def finished(self) -> Finished:
        return next(event for event in self.seen if isinstance(event, Finished))

    @property
    def places(self) -> list[int]:
        return [event.position for event in self.seen if isinstance(event, Queued)]


def request(
    prompt: str,
    *,
    system: str = "",
    owner: str = "someone",
    keep: bool = True,
    max_tokens: int = 8,
    stop: tuple[str, ...] = (),
    priority: Priority = "interactive",
    logprobs: int | None = None,
) -> GenerationRequest:
    return GenerationRequest(
        tokens=as_tokens(system + prompt),
        system_tokens=len(as_tokens(system)),
        owner=owner,
        keep=keep,
        sampling=SamplerSettings(temperature=0),
        max_tokens=max_tokens,
        stop=stop,
        priority=priority,
        logprobs=logprobs,
    )


class Desk:
    """Takes requests to a running scheduler."""

    def __init__(self, scheduler: Scheduler, context: FakeContext) -> None:
        self.scheduler = scheduler
        self.context = context

    def ask(self, what: GenerationRequest) -> Told:
        told = Told()
        told.generation = self.scheduler.submit(what, told)
        return told

    def cancel(self, told: Told) -> None:
        assert told.generation is not None
        self.scheduler.cancel(told.generation)

    def until_idle(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while self.scheduler.running or self.scheduler.queued:
            assert time.monotonic() < deadline, "the scheduler does not come to rest"
            time.sleep(0.002)


def _deliver(events: list[tuple[Sink, Event]]) -> None:
    for sink, event in events:
        sink(event)


@contextmanager
def desk(
    context: FakeContext | None = None,
    *,
    context_tokens: int = 1024,
    parallel: int = 8,
    kind: type[Scheduler] = Scheduler,
    conversations: SavedConversations | None = None,
    prefixes: SavedPrefixes | None = None,
) -> Iterator[Desk]:
    context = context or FakeContext()
    scheduler = kind(
        context,
        ByteVocabulary(),
        context_tokens=context_tokens,
        deliver=_deliver,
        parallel=parallel,
        conversations=conversations,
        prefixes=prefixes,
    )
    scheduler.start()
    try:
        yield Desk(scheduler, context)
    finally:
        context.let()
        scheduler.stop()

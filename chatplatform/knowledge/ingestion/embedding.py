"""Texts into vectors beside everything else: the encoder is kept busy while rows are written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Event
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError, TooMany, Unavailable
from chatplatform.inference import gateway
from chatplatform.inference.gateway import ContextOverflow, Embedded
from chatplatform.privacy.subjects import Subject

PURPOSE: Final = "knowledge.passages"
AT_ONCE: Final = 64
PATIENCE_S: Final = 60.0
"""So long an encoder that does not answer is asked again, before the job gives way and comes back later."""
PAUSE_S: Final = 2.0
TICK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Vectors:
    """In the order of the texts. `seconds` is what the encoder took, `tokens` what it read."""

    vectors: list[list[float]] = field(repr=False)
    tokens: int
    seconds: float


class Stopped(Exception):
    """Nobody wants these vectors any more."""


class Embedder:
    """One thread that asks the encoder. Use it as a context manager: the end of the block stops what still runs."""

    def __init__(self, workspace_id: UUID, actor: Actor) -> None:
        self._workspace_id = workspace_id
        self._actor = actor
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedding")
        self._stop = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def start(self, texts: Sequence[str]) -> Future[Vectors]:
        """Begin with these texts when those before are done."""
        return self._thread.submit(copy_context().run, asyncio.run, self._vectors(list(texts)))

    async def _vectors(self, texts: list[str]) -> Vectors:
        # alike in length together: the encoder fills up what is shorter
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors: list[list[float]] = [[] for _ in texts]
        tokens, seconds = 0, 0.0
        for at in range(0, len(order), AT_ONCE):
            places = order[at : at + AT_ONCE]
            began = time.monotonic()
            found = await self._patiently([texts[place] for place in places])
            seconds += time.monotonic() - began
            tokens += found.tokens
            for place, vector in zip(places, found.vectors, strict=True):
                vectors[place] = vector
        return Vectors(vectors, tokens, seconds)

    async def _patiently(self, texts: list[str]) -> Embedded:
        gives_up_at = time.monotonic() + PATIENCE_S
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return await self._embed(texts)
            except ContextOverflow:
                return await self._one_by_one(texts)
            except (Unavailable, TooMany):
                if time.monotonic() > gives_up_at:
                    raise
            await asyncio.sleep(PAUSE_S)

    async def _one_by_one(self, texts: list[str]) -> Embedded:
        """The estimate of tokens was wrong by far for one of them: its beginning stands for it."""
        vectors: list[list[float]] = []
        tokens = 0
        for text in texts:
            while True:
                try:
                    found = await self._embed([text])
                    break
                except ContextOverflow:
                    if len(text) < 2:
                        raise
                    text = text[: len(text) // 2]
            vectors += found.vectors
            tokens += found.tokens
        return Embedded(vectors, tokens)

    async def _embed(self, texts: list[str]) -> Embedded:
        return await gateway.embeddings(
            texts,
            kind="passage",
            subject=Subject.workspace(self._workspace_id),
            workspace_id=self._workspace_id,
            actor=self._actor,
            purpose=PURPOSE,
        )


def result_of(future: Future[Vectors], tick: Callable[[], None]) -> Vectors:
    """Wait for it; `tick` is called twice a second, and what it raises ends the waiting."""
    while True:
        try:
            return future.result(timeout=TICK_S)
        except NotYet:
            if future.done():
                raise  # it was the call that took too long, not the waiting
            tick()


def patiently(act: Callable[[], None], tick: Callable[[], None]) -> None:
    """Do what needs the vector store; where it does not answer, again for a minute, then raise what it raised."""
    gives_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            act()
            return
        except PlatformError as error:
            if not isinstance(error, Unavailable) or time.monotonic() > gives_up_at:
                raise
        tick()
        time.sleep(PAUSE_S)

"""Writing down what a turn sends to the model, beside the answer and never in its way."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from time import monotonic
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Max

from chatplatform.chat.inside.content import contents_of, seal
from chatplatform.chat.inside.models import SentPrompt
from chatplatform.chat.prompt_building import BuiltPrompt
from chatplatform.chat.turns import TurnWork
from chatplatform.common.clock import now
from chatplatform.common.errors import PlatformError
from chatplatform.common.threads import in_thread
from chatplatform.inference.gateway import (
    Completed,
    ModelEvent,
    ReasoningDelta,
    Sampling,
    Started,
    TextDelta,
)
from chatplatform.privacy.subjects import Subject

logger = logging.getLogger(__name__)

# The engine tells at once how much it has read before, if the call does not queue: then one write says both.
WAIT_FOR_ENGINE_S = 0.15
# How far an answer is, for whoever looks into it while it is written.
COUNTED_EVERY_S = 1.0


class PromptLog:
    """The requests of one turn that runs here. `sent`, `note` and `settle` in the event loop, `save` in a thread."""

    def __init__(self) -> None:
        self._row: SentPrompt | None = None
        self._started = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._counted_at = 0.0
        self.commitment = ""

    async def sent(self, work: TurnWork, built: BuiltPrompt, *, model: str, sampling: Sampling) -> None:
        """A request leaves now. Its row is written while the model reads."""
        await self.settle()
        if self._row is not None:
            await in_thread(self.save)()
        self._started.clear()
        self._row = SentPrompt(
            workspace_id=work.workspace_id,
            turn_id=work.id,
            number=0,
            context=built.context,
            asked_model=model,
            sampling={name: value for name, value in asdict(sampling).items() if value not in (None, (), [])},
            window_tokens=built.window,
            answer_tokens=built.answer_tokens,
            counted_tokens=built.tokens,
            sent_at=now(),
        )
        self._writing = asyncio.create_task(self._write(self._row, work, built))

    def note(self, event: ModelEvent) -> None:
        """What the engine says of the request, when it says it."""
        row = self._row
        if row is None:
            return
        match event:
            case Started() if row.started_at is None:
                row.started_at, row.model = now(), event.model
                row.prompt_tokens, row.cached_tokens = event.prompt_tokens or None, event.cached_tokens
                self._started.set()
            case TextDelta() | ReasoningDelta():
                row.first_word_at = row.first_word_at or now()
                row.completion_tokens = (row.completion_tokens or 0) + event.tokens
                self._keep_count(row)
            case Completed():
                row.model = event.model
                row.prompt_tokens, row.cached_tokens = event.prompt_tokens, event.cached_tokens
                row.completion_tokens = event.completion_tokens

    def ended(self) -> None:
        """The request is over, however it went."""
        if self._row is not None and self._row.ended_at is None:
            self._row.ended_at = now()

    async def settle(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            self._started.set()
            await self._writing
            self._writing = None

    def close(self) -> None:
        """Write nothing more: the turn is over, or another process's."""
        if self._writing is not None:
            self._writing.cancel()

    def save(self) -> None:
        """Write what is known of the last request, in the caller's transaction and workspace scope."""
        if self._row is not None and self._row.pk is not None:
            self._row.save()

    def _keep_count(self, row: SentPrompt) -> None:
        is_busy = self._writing is not None and not self._writing.done()
        if row.pk is None or is_busy or monotonic() - self._counted_at < COUNTED_EVERY_S:
            return
        self._counted_at = monotonic()
        self._writing = asyncio.create_task(self._count(row))

    async def _count(self, row: SentPrompt) -> None:
        try:
            await in_thread(_update_count)(row)
        except (DatabaseError, PlatformError):
            logger.warning("how far turn %s is could not be written down", row.turn_id, exc_info=True)

    async def _write(self, row: SentPrompt, work: TurnWork, built: BuiltPrompt) -> None:
        try:
            async with asyncio.timeout(WAIT_FOR_ENGINE_S):
                await self._started.wait()
        except TimeoutError:
            pass
        try:
            await in_thread(_insert)(row, work.id, Subject.person(work.owner_id), built)
            self.commitment = row.commitment
            if row.started_at is None:
                await self._started.wait()
                await in_thread(row.save)()
        except (DatabaseError, PlatformError):
            # the answer goes on; its drawer will say that nothing was written down
            logger.warning("what turn %s sent could not be written down", work.id, exc_info=True)


def _update_count(row: SentPrompt) -> None:
    SentPrompt.objects.filter(pk=row.pk).update(
        completion_tokens=row.completion_tokens, first_word_at=row.first_word_at
    )


def _insert(row: SentPrompt, turn_id: UUID, owner: Subject, built: BuiltPrompt) -> None:
    last = SentPrompt.objects.filter(turn_id=turn_id).aggregate(last=Max("number"))["last"]
    row.number = (last or 0) + 1
    contents = contents_of(built.prompt, built.parts)
    row.commitment = contents.commitment(built.prompt.messages)
    row.sealed = seal(contents, owner, turn_id, row.number)
    row.save()

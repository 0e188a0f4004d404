"""A turn, from its rows to its last word, on one page.

read the rows -> assemble the prompt -> clear it -> stream from the gateway -> commit each piece, then show it -> end

The pipeline can begin at any point of an answer: it continues the durable text. So a process or an engine that
dies costs time, never words.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from time import monotonic
from uuid import UUID

from chatplatform.chat import limits, queries, turns
from chatplatform.chat.leases import this_process
from chatplatform.chat.live import LiveHub, LiveTurn
from chatplatform.chat.models import Turn
from chatplatform.chat.prompt_building import CHARS_A_TOKEN, PromptBuilder
from chatplatform.chat.protocol import Finished, MessageView
from chatplatform.chat.segments import LeaseLost, SegmentWriter
from chatplatform.chat.turns import Passport, TurnWork
from chatplatform.common import measured
from chatplatform.common.actors import Actor
from chatplatform.common.errors import InvalidInput, NotAllowed, NotFound, PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.errors import (
    ContextOverflow,
    EngineUnavailable,
    QueueFull,
    RecordUnavailable,
)
from chatplatform.inference.gateway import Completed, ModelEvent, Queued, Sampling, Started, TextDelta
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.subjects import Subject

logger = logging.getLogger(__name__)

# An engine that dies this often on one prompt without a new word will not survive the next time either.
DEATHS_WITHOUT_A_WORD = 5


@dataclass(frozen=True, slots=True)
class _Request:
    cleared: ClearedPrompt
    model: str
    sampling: Sampling


class TurnRun:
    """One turn that runs in this process. `run` returns when the turn is over or no longer ours."""

    def __init__(
        self,
        live: LiveTurn,
        *,
        workspace_id: UUID,
        hub: LiveHub,
        writer: SegmentWriter,
        work: TurnWork | None = None,
    ) -> None:
        self._live = live
        self._workspace_id = workspace_id
        self._hub = hub
        self._writer = writer
        self._work = work
        self._passport = Passport()
        self._builder = PromptBuilder()
        self._segment = 0
        self._pending: list[ModelEvent] = []
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._stopping = False
        self._has_waited = False
        # of a turn taken over nobody knows when its question came
        self._asked_at = monotonic() if work is not None else None

    def stop(self) -> None:
        """End the answer with what it has."""
        self._stopping = True
        self._hurry.set()
        self._arrived.set()

    def abandon(self) -> None:
        """The turn is no longer ours: its watchers follow the rows again."""
        self._hub.forget(self._live.id)
        self._hub.resynchronise(self._live.conversation_id)

    async def run(self) -> None:
        with workspace_scope(self._workspace_id):
            try:
                state, error_code = await self._run()
                view = await in_thread(self._finish)(state, error_code)
            except LeaseLost:
                logger.info("turn %s is gone, or run by another process now", self._live.id)
                self.abandon()
                return
        measured.TURNS.add(state=state.value)
        self._hub.forget(self._live.id)
        if view is None or state == Turn.State.FAILED:
            # what went wrong is said in each reader's own language
            self._hub.resynchronise(self._live.conversation_id)
        else:
            self._hub.show(self._live.conversation_id, Finished(turn_id=self._live.id, message=view))

    async def _run(self) -> tuple[Turn.State, str]:
        """Answer, waiting for an engine that is down; gives the final state and an error code."""
        try:
            work = self._work or await self._load()
            deaths, waited_since = 0, monotonic()
            while not (self._stopping or work.stop_requested):
                spoken = self._segment
                try:
                    request = await self._request(work)
                    await self._stream(request)
                    break
                except ContextOverflow as error:
                    if not self._builder.shrink(error):
                        raise
                except (EngineUnavailable, QueueFull, RecordUnavailable):
                    progress = self._segment > spoken
                    deaths = 0 if progress else deaths + (self._live.state == "running")
                    waited_since = monotonic() if progress else waited_since
                    if deaths >= DEATHS_WITHOUT_A_WORD or monotonic() - waited_since > limits.ENGINE_WAIT_S:
                        return Turn.State.FAILED, "engine_unavailable"
                    await self._wait_for_engine()
                    work = await self._load()
            return (Turn.State.STOPPED if self._stopping or work.stop_requested else Turn.State.FINISHED), ""
        except InvalidInput:
            return Turn.State.FAILED, "context_overflow"
        except NotAllowed:
            return Turn.State.FAILED, "privacy_refused"
        except NotFound as error:
            return Turn.State.FAILED, error.code
        except PlatformError as error:
            logger.warning("turn %s failed: %s", self._live.id, error.code)
            has_words = error.code in {"engine_model_unknown", "answer_not_continued"}
            return Turn.State.FAILED, error.code if has_words else "engine_refused"
        except LeaseLost:
            raise
        except Exception:
            logger.exception("turn %s failed", self._live.id)
            return Turn.State.FAILED, "internal"

    async def _load(self) -> TurnWork:
        work = await in_thread(turns.load)(self._live.id)
        if work.segment > self._live.segment:
            # text of an earlier runner that this process has not shown yet
            self._live.feed(work.text[len(self._live.markdown.text) :], work.segment)
            self._hub.resynchronise(self._live.conversation_id)
        self._segment = work.segment
        return work

    async def _request(self, work: TurnWork) -> _Request:
        """The released prompt, the history that fits and the text so far, cleared for the engine."""
        prompt = work.prompt
        built = await self._builder.build(work)
        cleared = await in_thread(clear)(
            built.prompt,
            subject=Subject.person(work.owner_id),
            workspace_id=work.workspace_id,
            actor=Actor.person(work.owner_id, token_id=work.token_id),
            purpose="chat",
            destination=gateway.destination(prompt.model),
        )
        self._passport = replace(
            self._passport,
            assistant_id=prompt.assistant_id,
            prompt_version_id=prompt.version_id,
            prompt_sha256=prompt.sha256,
            messages_left_out=built.prompt.left_out.messages if built.prompt.left_out else 0,
            left_out_reason=built.prompt.left_out.reason if built.prompt.left_out else "",
            history_from=built.history_from,
            context_retries=self._builder.retries,
        )
        said = len(work.text) // CHARS_A_TOKEN
        limit = max(16, min(prompt.sampling.max_tokens, built.answer_tokens) - said)
        return _Request(cleared, prompt.model, replace(prompt.sampling, max_tokens=limit))

    async def _stream(self, request: _Request) -> None:
        """Take what the engine says in batches: commit, then show. Raises the gateway's errors."""
        reader = asyncio.create_task(self._read(request))
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                began = monotonic()
                events, self._pending = self._pending, []
                await self._take(events)
                if self._stopping or (reader.done() and not self._pending):
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, began + limits.BATCH_S - monotonic())):
                        await self._hurry.wait()
            if not self._stopping:
                await reader
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError, PlatformError):
                await reader

    async def _read(self, request: _Request) -> None:
        self._hurry.clear()
        try:
            stream = gateway.stream(
                request.cleared, model=request.model, sampling=request.sampling, turn_id=self._live.id
            )
            async with aclosing(stream) as events:
                async for event in events:
                    self._pending.append(event)
                    self._arrived.set()
        finally:
            self._hurry.set()
            self._arrived.set()

    async def _take(self, events: list[ModelEvent]) -> None:
        pieces: list[str] = []
        started = False
        for event in events:
            match event:
                case TextDelta():
                    pieces.append(event.text)
                case Queued():
                    self._hub.set_state(self._live, "queued", event.position, event.wait_s)
                case Started():
                    self._hub.set_state(self._live, "running")
                    started = True
                case Completed():
                    self._complete(event)
        if text := "".join(pieces):
            await self._show(text)
        if started and self._has_waited:  # after the first word: nobody waits for this row
            self._has_waited = False
            await in_thread(turns.set_state)(self._live.id, Turn.State.RUNNING)

    async def _show(self, text: str) -> None:
        await self._writer.append(
            turn_id=self._live.id,
            workspace_id=self._workspace_id,
            owner=Subject.person(self._live.owner_id),
            sequence=self._segment + 1,
            text=text,
            lease_owner=this_process(),
        )
        self._segment += 1
        if self._asked_at is not None:
            measured.FIRST_TOKEN_SECONDS.observe(monotonic() - self._asked_at)
            self._asked_at = None
        self._hub.show(self._live.conversation_id, self._live.feed(text, self._segment))

    def _complete(self, event: Completed) -> None:
        self._passport = replace(
            self._passport,
            model=event.model,
            model_sha256=event.model_sha256,
            prompt_tokens=event.prompt_tokens,
            cached_tokens=event.cached_tokens,
            completion_tokens=self._passport.completion_tokens + event.completion_tokens,
            cut_at_limit=event.finish_reason == "length",
            first_token_s=self._passport.first_token_s or event.first_token_s,
            total_s=(self._passport.total_s or 0.0) + event.total_s,
        )

    async def _wait_for_engine(self) -> None:
        self._has_waited = True
        self._hub.set_state(self._live, "waiting")
        await in_thread(turns.set_state)(self._live.id, Turn.State.WAITING)
        self._hurry.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._hurry.wait()

    def _finish(self, state: Turn.State, error_code: str) -> MessageView | None:
        turns.finish(
            self._live.id,
            state,
            self._passport,
            error_code=error_code,
            lengths=self._builder.lengths,
            lengths_of=self._builder.lengths_of,
        )
        return queries.finished_answer(self._live.id)

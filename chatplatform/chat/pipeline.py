"""A turn, from its rows to its last word, on one page.

read the rows -> assemble the prompt -> clear it -> stream from the gateway -> commit each piece, then show it -> end

The pipeline can begin at any point of an answer: it continues the durable text. So a process or an engine that
dies costs time, never words.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from time import monotonic
from uuid import UUID

from chatplatform.chat import limits
from chatplatform.chat.live import LiveHub, LiveTurn
from chatplatform.chat.models import Segment, Turn
from chatplatform.chat.prompt_building import CHARS_A_TOKEN, BuiltPrompt, PromptBuilder
from chatplatform.chat.protocol import Finished, MessageView
from chatplatform.chat.segments import LeaseLost
from chatplatform.chat.sources.queries import source_numbers
from chatplatform.chat.turn_store import TurnStore
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
from chatplatform.inference.gateway import (
    Completed,
    ModelEvent,
    Queued,
    ReasoningDelta,
    Sampling,
    Started,
    TextDelta,
)
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.outbound.recording import on_behalf_of
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.parts import AnsweredAlready

logger = logging.getLogger(__name__)

# An engine that dies this often on one prompt without a new word will not survive the next time either.
DEATHS_WITHOUT_A_WORD = 5


@dataclass(frozen=True, slots=True)
class _Request:
    cleared: ClearedPrompt
    built: BuiltPrompt
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
        store: TurnStore,
        work: TurnWork | None = None,
    ) -> None:
        self._live = live
        self._workspace_id = workspace_id
        self._hub = hub
        self._store = store
        self._work = work
        self._passport = Passport()
        self._builder = PromptBuilder()
        self._log = store.log
        # drawn here rather than by the engine, so that the answer can be tried again as it was
        self._seed = secrets.randbits(31)
        self._segment = 0
        self._shows_thinking = True
        self._thought_tokens = 0  # of the running request, as it told them
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

    @property
    def is_leased(self) -> bool:
        return self._store.is_leased

    def abandon(self) -> None:
        """The turn is no longer ours: its watchers see again what is kept of it."""
        self._store.broken_off()
        self._hub.forget(self._live.id)
        self._hub.resynchronise(self._live.conversation_id)

    async def run(self) -> None:
        with workspace_scope(self._workspace_id), on_behalf_of(self._live.conversation_id):
            try:
                state, error_code = await self._run()
                await self._log.settle()
                view = await in_thread(self._finish)(state, error_code)
            except LeaseLost:
                logger.info("turn %s is gone, or run by another process now", self._live.id)
                self.abandon()
                await in_thread(self._store.lost)()
                return
            finally:
                self._log.close()
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
                    await self._log.sent(work, request.built, model=request.model, sampling=request.sampling)
                    await self._stream(request)
                    break
                except AnsweredAlready as known:
                    await self._say(work, known.text)
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
            has_words = error.code in {"engine_model_unknown", "answer_not_continued", "files_unread"}
            return Turn.State.FAILED, error.code if has_words else "engine_refused"
        except LeaseLost:
            raise
        except Exception:
            logger.exception("turn %s failed", self._live.id)
            return Turn.State.FAILED, "internal"

    async def _load(self) -> TurnWork:
        work = await in_thread(self._store.load)()
        if not self._live.clock.has_begun:
            self._live.clock = work.clock
        if work.segment > self._live.segment:
            # text of an earlier runner that this process has not shown yet
            await self._know_sources()
            self._live.feed(
                work.text[len(self._live.markdown.text) :],
                work.segment,
                thinking=work.thinking[len(self._live.thinking) :],
            )
            self._hub.resynchronise(self._live.conversation_id)
        self._segment = work.segment
        return work

    async def _request(self, work: TurnWork) -> _Request:
        """The released prompt, the history that fits and the text so far, cleared for the engine."""
        prompt = work.prompt
        self._shows_thinking = prompt.shows_thinking
        built = await self._builder.build(work)
        if any(part.origin in {"file", "source"} for part in built.parts):
            await self._know_sources()
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
            window_tokens=built.window,
            wants_summary=built.wants_summary,
            messages_left_out=built.prompt.left_out.messages if built.prompt.left_out else 0,
            left_out_reason=built.prompt.left_out.reason if built.prompt.left_out else "",
            history_from=built.history_from,
            context_retries=self._builder.retries,
        )
        said = max(0, work.characters - work.continued_from) // CHARS_A_TOKEN
        limit = max(16, min(prompt.sampling.max_tokens, built.answer_tokens) - said)
        seed = self._seed if prompt.sampling.seed is None else prompt.sampling.seed
        return _Request(cleared, built, prompt.model, replace(prompt.sampling, max_tokens=limit, seed=seed))

    async def _say(self, work: TurnWork, text: str) -> None:
        """Answer without a model. Of a turn that was taken up again, the words may be there already."""
        prompt = work.prompt
        self._passport = replace(
            self._passport,
            assistant_id=prompt.assistant_id,
            prompt_version_id=prompt.version_id,
            prompt_sha256=prompt.sha256,
        )
        if not work.text:
            await self._know_sources()
            await self._show(text)

    async def _know_sources(self) -> None:
        """From its first word on, the answer's numbers are citations where there are sources of those numbers."""
        if not self._live.segment:
            self._live.markdown.sources = await in_thread(source_numbers)(self._live.id)

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
            self._log.ended()

    async def _read(self, request: _Request) -> None:
        self._hurry.clear()
        try:
            stream = gateway.stream(
                request.cleared,
                model=request.model,
                sampling=request.sampling,
                turn_id=self._live.id,
                apart=self._store.apart,
            )
            async with aclosing(stream) as events:
                async for event in events:
                    self._log.note(event)
                    self._pending.append(event)
                    self._arrived.set()
        finally:
            self._hurry.set()
            self._arrived.set()

    async def _take(self, events: list[ModelEvent]) -> None:
        told: list[tuple[Segment.Kind, list[str]]] = []
        started = False
        for event in events:
            match event:
                case TextDelta() if event.text:
                    _add(told, Segment.Kind.ANSWER, event.text)
                case ReasoningDelta():
                    self._thought_tokens += event.tokens
                    _add(told, Segment.Kind.THINKING, event.text)
                case Queued():
                    self._hub.set_state(self._live, "queued", event.position, event.wait_s)
                case Started():
                    self._hub.set_state(self._live, "running")
                    started = True
                case Completed():
                    self._complete(event)
        for kind, pieces in told:
            if kind == Segment.Kind.THINKING:
                await self._show_thinking("".join(pieces))
            else:
                await self._show("".join(pieces))
        if started and self._has_waited:  # after the first word: nobody waits for this row
            self._has_waited = False
            await in_thread(self._store.set_state)(Turn.State.RUNNING)

    async def _show(self, text: str) -> None:
        await self._keep(text, Segment.Kind.ANSWER)
        has_thought = self._live.clock.end()
        self._hub.show(self._live.conversation_id, self._live.feed(text, self._segment))
        if has_thought:
            await in_thread(self._store.set_thinking)(self._live.clock)

    async def _show_thinking(self, text: str) -> None:
        """What is thought is shown like the answer, beside it; or, if people are not to see it, that it is thought."""
        if self._shows_thinking:
            await self._keep(text, Segment.Kind.THINKING)
        has_begun = self._live.clock.begin()
        if self._shows_thinking:
            frame = self._live.feed("", self._segment, thinking=text)
            self._hub.show(self._live.conversation_id, frame)
        elif has_begun:
            self._hub.show(self._live.conversation_id, self._live.feed("", self._live.segment))
        if has_begun:
            await in_thread(self._store.set_thinking)(self._live.clock)

    async def _keep(self, text: str, kind: Segment.Kind) -> None:
        await self._store.append(self._segment + 1, text, kind)
        self._segment += 1
        if self._asked_at is not None:
            measured.FIRST_TOKEN_SECONDS.observe(monotonic() - self._asked_at)
            self._asked_at = None

    def _complete(self, event: Completed) -> None:
        self._passport = replace(
            self._passport,
            model=event.model,
            model_sha256=event.model_sha256,
            prompt_tokens=event.prompt_tokens,
            cached_tokens=event.cached_tokens,
            completion_tokens=self._passport.completion_tokens + event.completion_tokens,
            thinking_tokens=self._passport.thinking_tokens + (event.reasoning_tokens or self._thought_tokens),
            cut_at_limit=event.finish_reason == "length",
            first_token_s=self._passport.first_token_s or event.first_token_s,
            total_s=(self._passport.total_s or 0.0) + event.total_s,
        )
        self._thought_tokens = 0

    async def _wait_for_engine(self) -> None:
        self._has_waited = True
        self._hub.set_state(self._live, "waiting")
        await in_thread(self._store.set_state)(Turn.State.WAITING)
        self._hurry.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._hurry.wait()

    def _finish(self, state: Turn.State, error_code: str) -> MessageView | None:
        self._live.clock.end()
        return self._store.finish(
            state,
            replace(
                self._passport,
                prompt_commitment=self._log.commitment,
                thinking_tokens=self._passport.thinking_tokens + self._thought_tokens,
                thought_s=self._live.clock.thought_s,
            ),
            error_code=error_code,
            lengths=self._builder.lengths,
            lengths_of=self._builder.lengths_of,
        )


def _add(told: list[tuple[Segment.Kind, list[str]]], kind: Segment.Kind, text: str) -> None:
    """Append to the last pieces of this kind, where nothing of another came between."""
    if told and told[-1][0] == kind:
        told[-1][1].append(text)
    else:
        told.append((kind, [text]))

"""One thread per model that reads prompts and writes answers, many at once, in small steps.

Each step is one batch: a token for every answer being written, and a piece of the prompt whose turn it is.
Pieces are cut to the measured speed, so that writers hardly stumble while a prompt is read, and so that a
cancelled request gives its sequence back within a step.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from chatplatform.inference.engines.llamacpp.context import Context, DecodeAborted, Piece, Vocabulary
from chatplatform.inference.engines.llamacpp.generation import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Generation,
    GenerationRequest,
    Sink,
    Started,
    State,
    Text,
)
from chatplatform.inference.engines.llamacpp.limits import (
    IDLE_KEEP_S,
    LONGEST_STEP_S,
    MAX_BACKGROUND,
    MAX_PARALLEL,
    MAX_QUEUE_S,
    MAX_QUEUED,
    MAX_QUEUED_OF_ONE,
    MAX_RUN_S,
    MIN_PIECE,
    PATIENCE,
    SAVED_KEEP_S,
    SOLO_PIECE,
    STEP_S,
    TIDY_S,
)
from chatplatform.inference.engines.llamacpp.output_text import OutputText
from chatplatform.inference.engines.llamacpp.owned_cells import OwnedCells
from chatplatform.inference.engines.llamacpp.prompt_lookup import GUESSES, PromptLookup, StepTimes
from chatplatform.inference.engines.llamacpp.sampling import GrammarLeft
from chatplatform.inference.engines.llamacpp.saved_conversations import SavedConversations
from chatplatform.inference.engines.llamacpp.saved_prefixes import SavedPrefixes
from chatplatform.inference.engines.llamacpp.sequences import Held, Sequences
from chatplatform.inference.engines.llamacpp.speed import SpeedMeter
from chatplatform.inference.engines.llamacpp.step_figures import answered, opened, stepped
from chatplatform.inference.engines.llamacpp.work_queue import WorkQueue, queue_news

log = logging.getLogger(__name__)

Deliver = Callable[[list[tuple[Sink, Event]]], None]

_ENGINE_ERROR = Failed(500, "engine_error", "The engine met an error. Please try again.")
_STOPPING = Failed(503, "engine_stopping", "The engine is stopping. Please try again.")
_WAITED = Failed(429, "queue_full", "The engine is too busy. Please try again later.")
_TOO_SLOW = Failed(504, "timeout", "The answer took too long and was ended.")


class QueueFull(Exception):
    """Too many requests wait already."""


class Stopped(Exception):
    """The scheduler takes no more requests."""


class TooLong(Exception):
    """The prompt leaves no room for an answer in a context of `context_tokens`."""

    def __init__(self, prompt_tokens: int, context_tokens: int) -> None:
        super().__init__()
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens


class Scheduler:
    """Owns the context. `submit`, `cancel` and `stop` may be called from any thread."""

    sequences_class = Sequences

    def __init__(
        self,
        context: Context,
        vocabulary: Vocabulary,
        *,
        context_tokens: int,
        deliver: Deliver,
        name: str = "scheduler",
        parallel: int = MAX_PARALLEL,
        clock: Callable[[], float] = time.monotonic,
        conversations: SavedConversations | None = None,
        prefixes: SavedPrefixes | None = None,
    ) -> None:
        """`context_tokens` bounds one request; `deliver` gets each step's events, on the scheduler's thread.

        What has to leave the cache goes to `conversations` and `prefixes`, and comes back from there.
        """
        self._context = context
        self._vocabulary = vocabulary
        self.context_tokens = min(context_tokens, context.cells)
        self._deliver = deliver
        self._parallel = parallel
        self._clock = clock
        self.cells = OwnedCells(context)
        self._conversations = conversations
        self.sequences = self.sequences_class(self.cells, conversations, prefixes, clock=clock)
        self.speed = SpeedMeter()
        self.may_guess = context.can_trim
        """Whether answers that quote may be guessed ahead."""
        self._steps = StepTimes()
        self._wake = threading.Condition()
        self._queue = WorkQueue()
        self._running: list[Generation] = []
        self._abortable: frozenset[Generation] = frozenset()
        self._events: list[tuple[Sink, Event]] = []
        self._to_forget: set[str] = set()
        self._tidied_at = clock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    # ------------------------------------------------------------------ from any thread

    def start(self) -> None:
        self._thread.start()

    def submit(self, request: GenerationRequest, sink: Sink) -> Generation:
        """Queue a request. Raises TooLong, QueueFull or Stopped."""
        if not request.tokens or not request.owner:
            raise ValueError("a request needs tokens and an owner")
        if len(request.tokens) >= self.context_tokens:
            raise TooLong(len(request.tokens), self.context_tokens)
        generation = Generation(request, sink, self._clock(), OutputText(request.stop))
        with self._wake:
            if self._stopping:
                raise Stopped
            if len(self._queue) >= MAX_QUEUED or self._queue.of(request.owner) >= MAX_QUEUED_OF_ONE:
                raise QueueFull
            self._queue.push(generation)
            self._wake.notify()
        return generation

    def cancel(self, generation: Generation) -> None:
        """End a request; it tells nothing more. Its sequence is free after the step that is running."""
        with self._wake:
            generation.cancelled = True
            if generation in self._abortable:
                self._context.abort(True)
            self._wake.notify()

    def forget(self, owner: str) -> None:
        """Forget the kept and saved conversations of `owner`, within a step."""
        with self._wake:
            self._to_forget.add(owner)
            self._wake.notify()

    def stop(self) -> None:
        """Fail what is under way, and end the thread."""
        with self._wake:
            self._stopping = True
            if self._abortable:
                self._context.abort(True)
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def queued(self) -> int:
        return len(self._queue)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._stopping or self._running or len(self._queue) or self._to_forget):
                    if not self._wake.wait(timeout=min(TIDY_S, IDLE_KEEP_S / 4)):
                        break
                if self._stopping:
                    break
            try:
                self._tidy()
                if self._running or len(self._queue):
                    self._step()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any request
                # Values may hold content, so only the kind of error is told.
                log.error("A step failed with %s; what was under way is given up.", type(error).__name__)
                self._give_up(_ENGINE_ERROR)
            self._flush()
        self._give_up(_STOPPING)
        if self._conversations is not None:
            self._conversations.close()
        with self._wake:
            for generation in self._queue.waiting():
                self._tell(generation, _STOPPING)
                self._queue.remove(generation)
        self._flush()

    def _tidy(self) -> None:
        """Forget what was told to be forgotten, and now and then what has been kept long enough."""
        with self._wake:
            owners, self._to_forget = self._to_forget, set()
        for owner in owners:
            self.sequences.forget(owner)
        now = self._clock()
        if now - self._tidied_at >= min(TIDY_S, IDLE_KEEP_S / 4):
            self._tidied_at = now
            self.sequences.forget_before(now - IDLE_KEEP_S)
            if self._conversations is not None:
                self._conversations.forget_before(now - SAVED_KEEP_S)

    def _step(self) -> None:
        self._drop_ended()
        batch = self._compose()
        with self._wake:
            news = queue_news(
                [*self._unbegun(), *self._queue.waiting(self._running)],
                [generation for generation in self._running if generation.is_begun],
                self.speed,
                parallel=self._parallel,
                now=self._clock(),
            )
        for generation, place in news:
            self._tell(generation, place)
        self._flush()
        if not batch:
            if len(self._queue) and not self._running:
                raise RuntimeError("there is no room in an empty cache")
            return
        writing = sum(generation.state is State.WRITING for generation, _piece in batch)
        began = self._clock()
        rows = self._decode(batch)
        read = 0
        for (generation, piece), row in zip(batch, rows, strict=False):
            if generation.state is State.READING:
                read += len(piece.tokens)
            self._took_in(generation, piece)
            if row >= 0:
                self._write(generation, piece, row)
        if rows:
            seconds = self._clock() - began
            written = 1
            if writing == 1 and len(batch) == 1:
                generation, piece = batch[0]
                written = generation.settled - piece.start
                self._steps.took(seconds, guessed=piece.guessed, written=written)
            self.speed.step(read=read, writing=writing, seconds=seconds / written)
            stepped(read=read, writing=writing, seconds=seconds)

    def _drop_ended(self) -> None:
        """Let go of what was cancelled or has waited or run too long."""
        now = self._clock()
        with self._wake:
            for generation in self._queue.waiting():
                waited_too_long = now - generation.queued_at > MAX_QUEUE_S
                if generation.cancelled or waited_too_long:
                    self._queue.remove(generation)
                    generation.state = State.ENDED
                    if not generation.cancelled:
                        self._tell(generation, _WAITED)
        for generation in list(self._running):
            if generation.cancelled:
                self._close(generation)
            elif now - generation.queued_at > MAX_RUN_S:
                self._tell(generation, _TOO_SLOW)
                self._close(generation)

    # ------------------------------------------------------------------ a batch

    def _compose(self) -> list[tuple[Generation, Piece]]:
        """The next batch: every writer's token, then pieces of prompts as far as the budget goes."""
        batch: list[tuple[Generation, Piece]] = []
        for generation in self._running:
            if generation.state is State.WRITING and generation.held:
                batch.append((generation, self._next_piece(generation, generation.held)))
        self._admit()
        reading = [g for g in self._running if g.state is State.READING]
        reading.sort(key=self._reading_order)
        budget = self._budget(writers=len(batch))
        for generation in reading:
            if budget <= 0:
                break
            assert generation.held is not None
            start = len(generation.held.tokens)
            count = min(generation.unread, budget)
            tokens = generation.request.tokens[start : start + count]
            if not generation.is_begun:
                self._begin(generation)
            batch.append(
                (generation, Piece(generation.held.seq, start, tokens, sample=count == generation.unread))
            )
            budget -= count
        return batch

    def _next_piece(self, generation: Generation, held: Held) -> Piece:
        """The token that was written last, and what may follow it where guessing pays."""
        guesses: tuple[int, ...] = ()
        if self.may_guess and len(self._running) == 1 and self._steps.guessing_pays:
            if generation.lookup is None:
                generation.lookup = PromptLookup((*held.tokens, generation.next_token))
            room = generation.request.max_tokens - generation.written - 1
            guesses = generation.lookup.guess(min(GUESSES, room))
        tokens = (generation.next_token, *guesses)
        return Piece(held.seq, len(held.tokens), tokens, sample=True, guessed=len(guesses))

    def _admit(self) -> None:
        """Give sequences to those whose turn it is, while there is room.

        Whoever comes next may bring the same platform text as one who reads it now, and is to find it read.
        """
        while not any(
            _reads_platform_text(generation) and generation.request.priority == "interactive"
            for generation in self._running
        ):
            if self._open_next() is None:
                return

    def _unbegun(self) -> list[Generation]:
        """Those who have a sequence and wait for their first piece, in the order of their turns."""
        return sorted((g for g in self._running if not g.is_begun), key=self._reading_order)

    def _reading_order(self, generation: Generation) -> tuple[bool, bool, float]:
        """People before background work; what others wait for, then shorter prompts, but no long one for ever."""
        waited_s = self._clock() - generation.queued_at
        patience = waited_s * (self.speed.reading_tokens_s or 0) * PATIENCE
        return (
            generation.request.priority == "background",
            not _reads_platform_text(generation),
            generation.unread - patience,
        )

    def _budget(self, *, writers: int) -> int:
        """How many prompt tokens this step may read beside `writers` answers.

        On a slow machine a step may take twice as long as it does without reading: shorter pieces would make those
        who wait for their first word wait for many steps, each of which costs what writing costs.
        """
        speed = self.speed.reading_tokens_s or 0
        within_s = STEP_S
        if writers:
            speed = self.speed.beside_tokens_s or speed
            within_s = max(STEP_S, min(self.speed.writing_step_s, LONGEST_STEP_S))
        timed = max(MIN_PIECE, int(speed * within_s))
        return min(self._context.max_batch - writers, timed if writers else max(timed, SOLO_PIECE))

    def _open_next(self) -> Generation | None:
        """Give the next in line a sequence, if there is room."""
        if len(self._running) >= self._parallel:
            return None
        background = sum(g.request.priority == "background" for g in self._running)
        with self._wake:
            generation = self._queue.first(self._running, background=background < MAX_BACKGROUND)
            if generation is None:
                return None
            request = generation.request
            longest = min(len(request.tokens) + request.max_tokens, self.context_tokens)
            held = self.sequences.open(
                request.tokens, system_tokens=request.system_tokens, owner=request.owner, reserve=longest
            )
            if held is None:
                return None
            self._queue.remove(generation)
            self._running.append(generation)
        generation.held = held
        generation.sampler = self._context.sampler(request.sampling)
        generation.state = State.READING
        generation.cached_tokens = len(held.tokens)
        return generation

    def _begin(self, generation: Generation) -> None:
        """Tell that the first piece of a prompt is read now."""
        generation.is_begun = True
        prompt_tokens, cached_tokens = len(generation.request.tokens), generation.cached_tokens
        self._tell(generation, Started(prompt_tokens, cached_tokens))
        opened(
            priority=generation.request.priority,
            waited_s=self._clock() - generation.queued_at,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
        )

    def _decode(self, batch: list[tuple[Generation, Piece]]) -> list[int]:
        """Rows to sample from, one for each piece; none when the batch was given up."""
        entries = [(piece, g.request.owner, g.request.system_tokens) for g, piece in batch]
        with self._wake:
            if self._stopping:
                return []
            # A batch without writers may be large, and is aborted when one of its readers is cancelled; the
            # others read their pieces again. Writers never lose a step.
            if all(generation.state is State.READING for generation, _piece in batch):
                if any(generation.cancelled for generation, _piece in batch):
                    return []
                self._abortable = frozenset(generation for generation, _piece in batch)
        try:
            return self.cells.decode(entries)
        except DecodeAborted:
            for generation, _piece in batch:
                if generation.held and not self.cells.length(generation.held.seq):
                    generation.held.tokens.clear()
            return []
        finally:
            with self._wake:
                self._abortable = frozenset()
                self._context.abort(False)

    def _took_in(self, generation: Generation, piece: Piece) -> None:
        assert generation.held is not None
        generation.held.tokens.extend(piece.tokens)
        system = generation.request.system_tokens
        if piece.start < system <= len(generation.held.tokens):
            self.sequences.share_system(generation.held, system)

    def _write(self, generation: Generation, piece: Piece, row: int) -> None:
        """Write the answer's next tokens: one, and one more for every guess that comes true."""
        assert generation.held is not None
        generation.state = State.WRITING
        guesses = piece.tokens[len(piece.tokens) - piece.guessed :]
        generation.settled = len(generation.held.tokens) - piece.guessed
        for place in range(piece.guessed + 1):
            token = self._say(generation, row + place)
            if token is None:
                return
            if place == piece.guessed:
                break
            if token != guesses[place]:
                self._take_back(generation)
                if place == 0 and generation.lookup is not None:
                    generation.lookup.was_wrong()
                break
            generation.settled += 1

    def _say(self, generation: Generation, row: int) -> int | None:
        """Choose the answer's next token and tell its text; None when the answer has ended."""
        assert generation.sampler is not None
        try:
            token = self._context.sample(row, generation.sampler)
        except GrammarLeft:
            self._tell(generation, _ENGINE_ERROR)
            self._close(generation)
            return None
        if self._vocabulary.is_end(token) and not generation.request.sampling.ignore_end:
            self._finish(generation, "stop")
            return None
        generation.written += 1
        if generation.written == 1:
            answered(priority=generation.request.priority, after_s=self._clock() - generation.queued_at)
        generation.next_token = token
        if generation.lookup is not None:
            generation.lookup.add(token)
        piece = self._vocabulary.piece(token)
        asked = generation.request.logprobs
        generation.untold.add(
            len(piece), None if asked is None else self._context.logprobs(row, token, asked)
        )
        if text := generation.text.feed(piece):
            self._tell(generation, Text(text, *generation.untold.take(text)))
        if generation.text.stopped:
            self._finish(generation, "stop")
            return None
        if (
            generation.written >= generation.request.max_tokens
            or generation.settled + 1 >= self.context_tokens
        ):
            self._finish(generation, "length")
            return None
        return token

    def _take_back(self, generation: Generation) -> None:
        """Let go of guesses that did not come true."""
        held = generation.held
        if held is not None and 0 < generation.settled < len(held.tokens):
            self.cells.trim(held.seq, generation.settled)
            del held.tokens[generation.settled :]

    # ------------------------------------------------------------------ endings

    def _finish(self, generation: Generation, reason: FinishReason) -> None:
        rest = generation.text.finish()
        if rest or not generation.text.stopped:
            last = Text(rest, *generation.untold.rest())
            if last.text or last.tokens:
                self._tell(generation, last)
        self._tell(
            generation,
            Finished(reason, len(generation.request.tokens), generation.written, generation.cached_tokens),
        )
        self.speed.finished(generation.written)
        self._close(generation)

    def _close(self, generation: Generation) -> None:
        generation.state = State.ENDED
        self._running.remove(generation)
        if generation.sampler:
            generation.sampler.close()
        self._take_back(generation)
        if generation.held:
            self.sequences.close(generation.held, keep=generation.request.keep, now=self._clock())

    def _give_up(self, reason: Failed) -> None:
        """Fail everything under way and begin with an empty cache."""
        for generation in self._running:
            self._tell(generation, reason)
            generation.state = State.ENDED
            if generation.sampler:
                generation.sampler.close()
        self._running.clear()
        self.sequences.reset()

    def _tell(self, generation: Generation, event: Event) -> None:
        if not generation.cancelled:
            self._events.append((generation.sink, event))

    def _flush(self) -> None:
        if self._events:
            events, self._events = self._events, []
            self._deliver(events)


def _reads_platform_text(generation: Generation) -> bool:
    """Whether it is still to read text that others may bring too."""
    held = generation.held
    return (
        generation.state is State.READING
        and held is not None
        and len(held.tokens) < generation.request.system_tokens
    )

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

from chatplatform.inference.engines.llamacpp.answer_writer import AnswerWriter
from chatplatform.inference.engines.llamacpp.batches import Batches, Entry
from chatplatform.inference.engines.llamacpp.context import Context, DecodeAborted, Piece, Vocabulary
from chatplatform.inference.engines.llamacpp.generation import (
    Failed,
    Generation,
    GenerationRequest,
    Sink,
    State,
)
from chatplatform.inference.engines.llamacpp.limits import (
    IDLE_KEEP_S,
    MAX_PARALLEL,
    MAX_QUEUED,
    MAX_QUEUED_OF_ONE,
    SAVED_KEEP_S,
    TIDY_S,
)
from chatplatform.inference.engines.llamacpp.outbox import Deliver, Outbox
from chatplatform.inference.engines.llamacpp.output_text import OutputText
from chatplatform.inference.engines.llamacpp.owned_cells import OwnedCells
from chatplatform.inference.engines.llamacpp.refusals import (
    ENGINE_ERROR,
    STOPPING,
    QueueFull,
    Stopped,
    TooLong,
)
from chatplatform.inference.engines.llamacpp.saved_conversations import SavedConversations
from chatplatform.inference.engines.llamacpp.saved_prefixes import SavedPrefixes
from chatplatform.inference.engines.llamacpp.sequences import Sequences
from chatplatform.inference.engines.llamacpp.speed import SpeedMeter
from chatplatform.inference.engines.llamacpp.step_figures import stepped
from chatplatform.inference.engines.llamacpp.under_way import UnderWay
from chatplatform.inference.engines.llamacpp.work_queue import WorkQueue, queue_news

log = logging.getLogger(__name__)


class Scheduler:
    """Owns the context. `submit`, `cancel` and `stop` may be called from any thread."""

    cells_class = OwnedCells
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
        self.context_tokens = min(context_tokens, context.cells)
        self._parallel = parallel
        self._clock = clock
        self.cells = self.cells_class(context)
        self._conversations = conversations
        self.sequences = self.sequences_class(self.cells, conversations, prefixes, clock=clock)
        self.speed = SpeedMeter()
        self.batches = Batches(context, self.speed, clock=clock)
        self._wake = threading.Condition()
        self._queue = WorkQueue()
        self._outbox = Outbox(deliver)
        self._under_way = UnderWay(
            context,
            self.cells,
            self.sequences,
            self._queue,
            self._outbox,
            lock=self._wake,
            context_tokens=self.context_tokens,
            parallel=parallel,
            clock=clock,
        )
        self._running = self._under_way.running
        self._writer = AnswerWriter(
            context, vocabulary, self._outbox, context_tokens=self.context_tokens, clock=clock
        )
        self._abortable: frozenset[Generation] = frozenset()
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
        """Forget the kept and saved conversations of `owner`, within a step; of what runs, nothing will stay."""
        with self._wake:
            self._to_forget.add(owner)
            for generation in self._queue.waiting():
                if generation.request.owner == owner:
                    generation.forgotten = True
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
                self._under_way.give_up(ENGINE_ERROR)
            self._outbox.flush()
        self._under_way.give_up(STOPPING)
        if self._conversations is not None:
            self._conversations.close()
        with self._wake:
            for generation in self._queue.waiting():
                self._outbox.tell(generation, STOPPING)
                self._queue.remove(generation)
        self._outbox.flush()

    def _tidy(self) -> None:
        """Forget what was told to be forgotten, and now and then what has been kept long enough."""
        with self._wake:
            owners, self._to_forget = self._to_forget, set()
        for owner in owners:
            self.sequences.forget(owner)
        for generation in self._running:
            if generation.request.owner in owners:
                generation.forgotten = True
        now = self._clock()
        if now - self._tidied_at >= min(TIDY_S, IDLE_KEEP_S / 4):
            self._tidied_at = now
            self.sequences.forget_before(now - IDLE_KEEP_S)
            if self._conversations is not None:
                self._conversations.forget_before(now - SAVED_KEEP_S)

    def _step(self) -> None:
        self._under_way.drop_ended()
        batch = self._compose()
        with self._wake:
            news = queue_news(
                [*self.batches.unbegun(self._running), *self._queue.waiting(self._running)],
                [generation for generation in self._running if generation.is_begun],
                self.speed,
                parallel=self._parallel,
                now=self._clock(),
            )
        for generation, place in news:
            self._outbox.tell(generation, place)
        self._outbox.flush()
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
                self.batches.steps.took(seconds, guessed=piece.guessed, written=written)
            self.speed.step(read=read, writing=writing, seconds=seconds / written)
            stepped(read=read, writing=writing, seconds=seconds)

    # ------------------------------------------------------------------ a batch

    def _compose(self) -> list[Entry]:
        """The next batch: every writer's token, then pieces of prompts as far as the budget goes."""
        batch = self.batches.of_writers(self._running)
        self._under_way.admit()
        pieces = self.batches.of_readers(self._running, writers=len(batch))
        for generation, _piece in pieces:
            if not generation.is_begun:
                self._under_way.begin(generation)
        return batch + pieces

    def _decode(self, batch: list[Entry]) -> list[int]:
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
        ending = self._writer.write(generation, piece, row)
        if ending is None:
            self._under_way.take_back(generation)
            return
        if not isinstance(ending, Failed):
            self.speed.finished(generation.written)
        self._under_way.end(generation, ending)

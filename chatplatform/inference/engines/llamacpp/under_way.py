"""The requests that have a sequence: who is given one, and how it is given back."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chatplatform.inference.engines.llamacpp.batches import reads_platform_text
from chatplatform.inference.engines.llamacpp.context import Context
from chatplatform.inference.engines.llamacpp.generation import (
    Failed,
    Finished,
    FinishReason,
    Generation,
    Started,
    State,
    Text,
)
from chatplatform.inference.engines.llamacpp.limits import (
    MAX_BACKGROUND,
    MAX_QUEUE_S,
    MAX_RUN_S,
)
from chatplatform.inference.engines.llamacpp.outbox import Outbox
from chatplatform.inference.engines.llamacpp.owned_cells import OwnedCells
from chatplatform.inference.engines.llamacpp.refusals import TOO_SLOW, WAITED
from chatplatform.inference.engines.llamacpp.sequences import Sequences
from chatplatform.inference.engines.llamacpp.step_figures import opened
from chatplatform.inference.engines.llamacpp.work_queue import WorkQueue


class UnderWay:
    """Takes requests out of the queue. One thread uses it; `lock` guards the queue."""

    def __init__(
        self,
        context: Context,
        cells: OwnedCells,
        sequences: Sequences,
        queue: WorkQueue,
        outbox: Outbox,
        *,
        lock: threading.Condition,
        context_tokens: int,
        parallel: int,
        clock: Callable[[], float],
    ) -> None:
        """At most `parallel` are under way at a time, each with at most `context_tokens`."""
        self._context = context
        self._cells = cells
        self._sequences = sequences
        self._queue = queue
        self._outbox = outbox
        self._lock = lock
        self._context_tokens = context_tokens
        self._parallel = parallel
        self._clock = clock
        self.running: list[Generation] = []

    def admit(self) -> None:
        """Give sequences to those whose turn it is, while there is room.

        Whoever comes next may bring the same platform text as one who reads it now, and is to find it read.
        """
        while not any(
            reads_platform_text(generation) and generation.request.priority == "interactive"
            for generation in self.running
        ):
            if not self._open_next():
                return

    def _open_next(self) -> bool:
        """Give the next in line a sequence, if there is room."""
        if len(self.running) >= self._parallel:
            return False
        background = sum(g.request.priority == "background" for g in self.running)
        with self._lock:
            generation = self._queue.first(self.running, background=background < MAX_BACKGROUND)
            if generation is None:
                return False
            request = generation.request
            longest = min(len(request.tokens) + request.max_tokens, self._context_tokens)
            held = self._sequences.open(
                request.tokens, system_tokens=request.system_tokens, owner=request.owner, reserve=longest
            )
            if held is None:
                return False
            held.no_store = held.no_store or request.no_store
            self._queue.remove(generation)
            self.running.append(generation)
        generation.held = held
        generation.sampler = self._context.sampler(request.sampling)
        generation.state = State.READING
        generation.cached_tokens = len(held.tokens)
        return True

    def begin(self, generation: Generation) -> None:
        """Tell that the first piece of a prompt is read now."""
        generation.is_begun = True
        prompt_tokens, cached_tokens = len(generation.request.tokens), generation.cached_tokens
        self._outbox.tell(generation, Started(prompt_tokens, cached_tokens))
        opened(
            priority=generation.request.priority,
            waited_s=self._clock() - generation.queued_at,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
        )

    def take_back(self, generation: Generation) -> None:
        """Let go of guesses that did not come true."""
        held = generation.held
        if held is not None and 0 < generation.settled < len(held.tokens):
            self._cells.trim(held.seq, generation.settled)
            del held.tokens[generation.settled :]

    def end(self, generation: Generation, ending: FinishReason | Failed) -> None:
        """Tell how a request ended, with the text that was held back, and take its sequence."""
        if isinstance(ending, Failed):
            self._outbox.tell(generation, ending)
        else:
            rest = generation.text.finish()
            if rest or not generation.text.stopped:
                last = Text(rest, *generation.untold.rest())
                if last.text or last.tokens:
                    self._outbox.tell(generation, last)
            tokens = (len(generation.request.tokens), generation.written, generation.cached_tokens)
            self._outbox.tell(generation, Finished(ending, *tokens))
        self._close(generation)

    def drop_ended(self) -> None:
        """Let go of what was cancelled or has waited or run too long."""
        now = self._clock()
        with self._lock:
            for generation in self._queue.waiting():
                waited_too_long = now - generation.queued_at > MAX_QUEUE_S
                if generation.cancelled or waited_too_long:
                    self._queue.remove(generation)
                    generation.state = State.ENDED
                    self._outbox.tell(generation, WAITED)
        for generation in list(self.running):
            if generation.cancelled:
                self._close(generation)
            elif now - generation.queued_at > MAX_RUN_S:
                self.end(generation, TOO_SLOW)

    def give_up(self, reason: Failed) -> None:
        """Fail everything under way and begin with an empty cache."""
        for generation in self.running:
            self._outbox.tell(generation, reason)
            generation.state = State.ENDED
            if generation.sampler:
                generation.sampler.close()
        self.running.clear()
        self._sequences.reset()

    def _close(self, generation: Generation) -> None:
        generation.state = State.ENDED
        self.running.remove(generation)
        if generation.sampler:
            generation.sampler.close()
        self.take_back(generation)
        if generation.held:
            keep = generation.request.keep and not generation.forgotten
            self._sequences.close(generation.held, keep=keep, now=self._clock())

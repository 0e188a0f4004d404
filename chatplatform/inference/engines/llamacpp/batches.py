"""What one step takes in: a token of every answer being written, and pieces of the prompts whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatplatform.inference.engines.llamacpp.context import Context, Piece
from chatplatform.inference.engines.llamacpp.generation import Generation, State
from chatplatform.inference.engines.llamacpp.limits import (
    LONGEST_STEP_S,
    MIN_PIECE,
    PATIENCE,
    SOLO_PIECE,
    STEP_S,
)
from chatplatform.inference.engines.llamacpp.prompt_lookup import GUESSES, PromptLookup, StepTimes
from chatplatform.inference.engines.llamacpp.sequences import Held
from chatplatform.inference.engines.llamacpp.speed import SpeedMeter

Entry = tuple[Generation, Piece]
"""Whose piece it is, and the piece."""


class Batches:
    """Cuts prompts into pieces by the measured speed, so that writers hardly stumble. One thread uses it."""

    def __init__(self, context: Context, speed: SpeedMeter, *, clock: Callable[[], float]) -> None:
        self._max_batch = context.max_batch
        self._speed = speed
        self._clock = clock
        self.may_guess = context.can_trim
        """Whether answers that quote may be guessed ahead."""
        self.steps = StepTimes()

    def of_writers(self, running: Sequence[Generation]) -> list[Entry]:
        """Every writer's token, and for one who writes alone what may follow it."""
        return [
            (generation, self._next_piece(generation, generation.held, alone=len(running) == 1))
            for generation in running
            if generation.state is State.WRITING and generation.held
        ]

    def of_readers(self, running: Sequence[Generation], *, writers: int) -> list[Entry]:
        """Pieces of prompts as far as the budget goes beside so many writers."""
        batch: list[Entry] = []
        reading = [generation for generation in running if generation.state is State.READING]
        reading.sort(key=self._reading_order)
        budget = self._budget(writers=writers)
        for generation in reading:
            if budget <= 0:
                break
            assert generation.held is not None
            start = len(generation.held.tokens)
            count = min(generation.unread, budget)
            tokens = generation.request.tokens[start : start + count]
            is_last = count == generation.unread
            batch.append((generation, Piece(generation.held.seq, start, tokens, sample=is_last)))
            budget -= count
        return batch

    def unbegun(self, running: Sequence[Generation]) -> list[Generation]:
        """Those who have a sequence and wait for their first piece, in the order of their turns."""
        return sorted((g for g in running if not g.is_begun), key=self._reading_order)

    def _next_piece(self, generation: Generation, held: Held, *, alone: bool) -> Piece:
        """The token that was written last, and what may follow it where guessing pays."""
        guesses: tuple[int, ...] = ()
        if self.may_guess and alone and self.steps.guessing_pays:
            if generation.lookup is None:
                generation.lookup = PromptLookup((*held.tokens, generation.next_token))
            room = generation.request.max_tokens - generation.written - 1
            guesses = generation.lookup.guess(min(GUESSES, room))
        tokens = (generation.next_token, *guesses)
        return Piece(held.seq, len(held.tokens), tokens, sample=True, guessed=len(guesses))

    def _reading_order(self, generation: Generation) -> tuple[bool, bool, float]:
        """People before background work; what others wait for, then shorter prompts, but no long one for ever."""
        waited_s = self._clock() - generation.queued_at
        patience = waited_s * (self._speed.reading_tokens_s or 0) * PATIENCE
        return (
            generation.request.priority == "background",
            not reads_platform_text(generation),
            generation.unread - patience,
        )

    def _budget(self, *, writers: int) -> int:
        """How many prompt tokens this step may read beside `writers` answers.

        On a slow machine a step may take twice as long as it does without reading: shorter pieces would make those
        who wait for their first word wait for many steps, each of which costs what writing costs.
        """
        speed = self._speed.reading_tokens_s or 0
        within_s = STEP_S
        if writers:
            speed = self._speed.beside_tokens_s or speed
            within_s = max(STEP_S, min(self._speed.writing_step_s, LONGEST_STEP_S))
        timed = max(MIN_PIECE, int(speed * within_s))
        return min(self._max_batch - writers, timed if writers else max(timed, SOLO_PIECE))


def reads_platform_text(generation: Generation) -> bool:
    """Whether it is still to read text that others may bring too."""
    held = generation.held
    return (
        generation.state is State.READING
        and held is not None
        and len(held.tokens) < generation.request.system_tokens
    )

"""Writes an answer's next tokens from what a step has computed, and sees when the answer is over."""

from __future__ import annotations

from collections.abc import Callable

from chatplatform.inference.engines.llamacpp.context import Context, Piece, Vocabulary
from chatplatform.inference.engines.llamacpp.generation import Failed, FinishReason, Generation, State, Text
from chatplatform.inference.engines.llamacpp.outbox import Outbox
from chatplatform.inference.engines.llamacpp.refusals import GRAMMAR_LEFT
from chatplatform.inference.engines.llamacpp.sampling import GrammarLeft
from chatplatform.inference.engines.llamacpp.step_figures import answered


class AnswerWriter:
    """One thread uses it."""

    def __init__(
        self,
        context: Context,
        vocabulary: Vocabulary,
        outbox: Outbox,
        *,
        context_tokens: int,
        clock: Callable[[], float],
    ) -> None:
        self._context = context
        self._vocabulary = vocabulary
        self._outbox = outbox
        self._context_tokens = context_tokens
        self._clock = clock

    def write(self, generation: Generation, piece: Piece, row: int) -> FinishReason | Failed | None:
        """Write one token, and one more for every guess in `piece` that comes true; returns how the answer ended.

        `settled` then tells how much of the cache is the conversation's: guesses that did not come true stand behind.
        """
        assert generation.held is not None
        generation.state = State.WRITING
        guesses = piece.tokens[len(piece.tokens) - piece.guessed :]
        generation.settled = len(generation.held.tokens) - piece.guessed
        for place in range(piece.guessed + 1):
            if ending := self._write_token(generation, row + place):
                return ending
            if place == piece.guessed:
                break
            if generation.next_token != guesses[place]:
                if place == 0 and generation.lookup is not None:
                    generation.lookup.was_wrong()
                break
            generation.settled += 1
        return None

    def _write_token(self, generation: Generation, row: int) -> FinishReason | Failed | None:
        assert generation.sampler is not None
        try:
            token = self._context.sample(row, generation.sampler)
        except GrammarLeft:
            return GRAMMAR_LEFT
        if self._vocabulary.is_end(token) and not generation.request.sampling.ignore_end:
            return "stop"
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
            self._outbox.tell(generation, Text(text, *generation.untold.take(text)))
        if generation.text.stopped:
            return "stop"
        if (
            generation.written >= generation.request.max_tokens
            or generation.settled + 1 >= self._context_tokens
        ):
            return "length"
        return None

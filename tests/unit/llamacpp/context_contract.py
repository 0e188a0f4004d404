"""What every Context must do; the fake and the real one run the same tests."""

from __future__ import annotations

import math

import pytest

from chatplatform.inference.engines.llamacpp.context import CacheFull, Context, DecodeAborted, Piece
from chatplatform.inference.engines.llamacpp.sampling import SamplerSettings

GREEDY = SamplerSettings(temperature=0)


def say(context: Context, seq: int, start: int, tokens: list[int], count: int = 4) -> list[int]:
    """The likeliest `count` tokens after `tokens`, read at `start`."""
    sampler = context.sampler(GREEDY)
    rows = context.decode([Piece(seq, start, tokens, sample=True)])
    position = start + len(tokens)
    answer = [context.sample(rows[0], sampler)]
    while len(answer) < count:
        rows = context.decode([Piece(seq, position, [answer[-1]], sample=True)])
        answer.append(context.sample(rows[0], sampler))
        position += 1
    sampler.close()
    return answer


class ContextContract:
    """Subclasses give a fixture `context`, empty, with at least 256 cells and 8 sequences."""

    prompt = list(range(40, 70))
    other = list(range(100, 120))

    def test_rows_are_given_for_pieces_that_want_one(self, context: Context) -> None:
        rows = context.decode([Piece(0, 0, self.prompt, sample=False), Piece(1, 0, self.other, sample=True)])
        assert rows[0] == -1
        assert rows[1] >= 0

    def test_sequences_do_not_see_each_other(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.decode([Piece(1, 0, self.other, sample=False)])
        assert say(context, 2, 0, self.prompt) == alone

    def test_pieces_add_up(self, context: Context) -> None:
        whole = say(context, 0, 0, self.prompt)
        context.decode([Piece(1, 0, self.prompt[:11], sample=False)])
        assert say(context, 1, 11, self.prompt[11:]) == whole

    def test_the_likeliest_token_leads_the_probabilities(self, context: Context) -> None:
        rows = context.decode([Piece(0, 0, self.prompt, sample=True)])
        token = context.sample(rows[0], context.sampler(GREEDY))
        told = context.logprobs(rows[0], token, 3)
        assert told.token == token
        assert told.top[0] == (token, told.logprob)
        assert [logprob for _token, logprob in told.top] == sorted(
            (logprob for _token, logprob in told.top), reverse=True
        )
        assert 0 < sum(math.exp(logprob) for _token, logprob in told.top) <= 1
        assert context.logprobs(rows[0], token, 0).top == ()

    def test_a_copied_beginning_is_as_good_as_a_read_one(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.copy(0, 1, 20)
        assert say(context, 1, 20, self.prompt[20:]) == alone

    def test_a_copy_outlives_its_source(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.copy(0, 1, 20)
        context.trim(0, 0)
        context.decode([Piece(0, 0, self.other, sample=False)])
        assert say(context, 1, 20, self.prompt[20:]) == alone

    def test_a_trimmed_sequence_forgets(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.decode([Piece(1, 0, self.prompt[:10] + self.other, sample=False)])
        context.trim(1, 10)
        assert say(context, 1, 10, self.prompt[10:]) == alone

    def test_trimming_what_is_empty_does_nothing(self, context: Context) -> None:
        context.trim(5, 0)

    def test_what_was_saved_comes_back_as_it_was(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.decode([Piece(1, 0, self.prompt[:20], sample=False)])
        state = context.save(1, 0)
        context.clear()
        context.decode([Piece(0, 0, self.other, sample=False)])
        assert context.restore(3, state)
        assert say(context, 3, 20, self.prompt[20:]) == alone

    def test_an_end_comes_back_after_a_copied_beginning(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.trim(0, 0)
        context.decode([Piece(1, 0, self.prompt[:20], sample=False)])
        context.copy(1, 2, 12)
        whole, end = context.save(1, 0), context.save(1, 12)
        assert len(end) < len(whole)
        context.trim(1, 0)
        context.decode([Piece(4, 0, self.other, sample=False)])
        assert context.restore(5, end)
        context.copy(2, 5, 12)
        assert say(context, 5, 20, self.prompt[20:]) == alone
        assert say(context, 2, 12, self.prompt[12:]) == alone, "its source is as before"

    def test_a_state_that_finds_no_room_leaves_nothing(self, context: Context) -> None:
        tokens = [self.prompt[0]] * 32
        context.decode([Piece(0, 0, tokens, sample=False)])
        state = context.save(0, 0)
        for start in range(32, context.cells // 32 * 32, 32):
            context.decode([Piece(0, start, tokens, sample=False)])
        assert not context.restore(1, state)
        context.trim(0, 0)
        assert say(context, 1, 0, self.prompt)

    def test_guesses_have_rows_of_their_own(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        sampler = context.sampler(GREEDY)
        context.decode([Piece(1, 0, self.prompt, sample=False)])
        piece = Piece(1, len(self.prompt), [*alone[:2], self.other[0]], sample=True, guessed=2)
        row = context.decode([Piece(2, 0, self.other, sample=False), piece])[1]
        assert [context.sample(row + place, sampler) for place in range(2)] == alone[1:3]
        context.trim(1, len(self.prompt) + 2)
        assert say(context, 1, len(self.prompt) + 2, alone[2:3])[0] == alone[3]
        sampler.close()

    def test_clear_forgets_everything(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.clear()
        assert say(context, 0, 0, self.prompt) == alone

    def test_a_full_cache_takes_nothing_and_goes_on(self, context: Context) -> None:
        tokens = [self.prompt[0]] * 32
        for start in range(0, context.cells // 32 * 32, 32):
            context.decode([Piece(0, start, tokens, sample=False)])
        with pytest.raises(CacheFull):
            context.decode([Piece(1, 0, tokens, sample=False)])
        context.trim(0, 0)
        assert say(context, 1, 0, self.prompt)

    def test_an_aborted_decode_leaves_the_others_whole(self, context: Context) -> None:
        alone = say(context, 0, 0, self.prompt)
        context.decode([Piece(1, 0, self.prompt[:20], sample=False)])
        context.abort(True)
        with pytest.raises(DecodeAborted):
            context.decode([Piece(2, 0, self.other, sample=False)])
        context.trim(2, 0)
        context.abort(False)
        assert say(context, 1, 20, self.prompt[20:]) == alone
        assert say(context, 2, 0, self.prompt) == alone

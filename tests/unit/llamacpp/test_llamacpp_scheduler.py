"""The scheduler, over a context without a model: order, endings, limits, cancellation, reuse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from chatplatform.inference.engines.llamacpp import limits, scheduler, under_way
from chatplatform.inference.engines.llamacpp.generation import Failed, Finished, Started, Text
from chatplatform.inference.engines.llamacpp.refusals import QueueFull, Stopped, TooLong
from chatplatform.inference.engines.llamacpp.sampling import GrammarLeft
from tests.unit.llamacpp.collecting import Desk, desk, request
from tests.unit.llamacpp.fake_context import END, FakeContext, letters

SYSTEM = "You are the shop's assistant. "


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as running:
        yield running


def says(text: str) -> Callable[[Sequence[int]], int]:
    """A model that writes `text` after a prompt that ends in a question mark, then ends."""

    def next_token(tokens: Sequence[int]) -> int:
        asked = len(tokens) - list(reversed(tokens)).index(ord("?"))
        written = len(tokens) - asked
        data = text.encode()
        return data[written] if written < len(data) else END

    return next_token


# ---------------------------------------------------------------------- answers


def test_an_answer_is_told_piece_by_piece(at: Desk) -> None:
    told = at.ask(request("Hello", max_tokens=5))
    events = told.all()
    assert isinstance(events[0], Started)
    assert events[0].prompt_tokens == 5
    assert [type(event) for event in events[1:-1]] == [Text] * 5
    assert events[-1] == Finished("length", 5, 5, 0)


def test_the_models_own_end_ends_the_answer() -> None:
    with desk(FakeContext(next_token=says("Yes."))) as at:
        told = at.ask(request("Really?", max_tokens=50))
        assert told.answer() == "Yes."
        assert told.finished.reason == "stop"
        assert told.finished.completion_tokens == 4


def test_a_stop_string_ends_the_answer() -> None:
    with desk(FakeContext(next_token=says("One. Two."))) as at:
        told = at.ask(request("How?", max_tokens=50, stop=(". T",)))
        assert told.answer() == "One"
        assert told.finished.reason == "stop"


def test_characters_of_several_tokens_are_told_whole() -> None:
    with desk(FakeContext(next_token=says("天气很好😀"))) as at:
        told = at.ask(request("?", max_tokens=50))
        assert told.answer() == "天气很好😀"
        assert all("\ufffd" not in event.text for event in told.seen if isinstance(event, Text))


def test_an_answer_cut_in_a_character_leaves_it_out() -> None:
    with desk(FakeContext(next_token=says("a天"))) as at:
        assert at.ask(request("?", max_tokens=3)).answer() == "a"


def test_many_at_once_get_what_each_gets_alone(at: Desk) -> None:
    prompts = [f"Question {number} about {'tents' * number}" for number in range(20)]
    alone = [at.ask(request(prompt, keep=False, owner=prompt)).answer() for prompt in prompts]
    at.context.hold()
    together = [at.ask(request(prompt, keep=False, owner=prompt)) for prompt in prompts]
    at.context.let()
    assert [told.answer() for told in together] == alone
    assert any(len({piece.seq for piece in batch}) > 3 for batch in at.context.batches)


def test_an_answer_ends_where_the_context_ends() -> None:
    with desk(context_tokens=32) as at:
        told = at.ask(request("x" * 30, max_tokens=50))
        told.all()
        assert told.finished == Finished("length", 30, 2, 0)


def test_a_prompt_that_fills_the_context_is_refused(at: Desk) -> None:
    with pytest.raises(TooLong) as caught:
        at.ask(request("x" * 1024))
    assert (caught.value.prompt_tokens, caught.value.context_tokens) == (1024, 1024)


# ---------------------------------------------------------------------- the queue


def test_places_in_the_queue_are_told_and_move_up() -> None:
    with desk(parallel=1) as at:
        at.context.hold()
        first = at.ask(request("first", max_tokens=3))
        first.until(Started)
        waiting = [at.ask(request(f"waiting {number}", max_tokens=3)) for number in range(3)]
        at.context.let()
        for told in (first, *waiting):
            told.all()
        assert first.places == []
        assert [told.places[0] for told in waiting] == [1, 2, 3]
        assert [set(told.places) for told in waiting] == [{1}, {1, 2}, {1, 2, 3}]
        for told in waiting:
            assert told.places == sorted(told.places, reverse=True)


def test_an_expected_wait_is_told_once_speeds_are_known() -> None:
    with desk(parallel=1) as at:
        at.ask(request("x" * 40)).all()
        at.context.hold()
        at.ask(request("first")).until(Started)
        told = at.ask(request("second"))
        at.context.let(2)
        wait_s = getattr(told.next(), "wait_s", None)
        assert wait_s is not None
        assert wait_s >= 0


def test_background_work_waits_for_interactive_requests() -> None:
    with desk(parallel=1) as at:
        at.context.hold()
        at.ask(request("first")).until(Started)
        background = at.ask(request("title", priority="background"))
        interactive = at.ask(request("person"))
        at.context.let()
        interactive.all()
        assert background.quiet(0) or Started not in {type(event) for event in background.seen}
        background.all()


def test_background_work_leaves_room_for_people() -> None:
    with desk() as at:
        at.context.hold()
        jobs = [at.ask(request(f"job {n}", priority="background", owner=f"{n}")) for n in range(6)]
        at.context.let(1)
        time.sleep(0.1)
        at.context.hold()
        assert at.scheduler.running <= limits.MAX_BACKGROUND
        person = at.ask(request("person"))
        at.context.let()
        person.all()
        for job in jobs:
            job.all()


def test_a_full_queue_refuses(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "MAX_QUEUED", 2)
    at.context.hold()
    at.ask(request("x" * 200)).until(Started)
    at.ask(request("a"))
    at.ask(request("b"))
    with pytest.raises(QueueFull):
        at.ask(request("c"))


def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MAX_QUEUE_S", 0.02)
    with desk(parallel=1) as at:
        at.context.hold()
        at.ask(request("first", max_tokens=500)).until(Started)
        told = at.ask(request("second"))
        time.sleep(0.05)
        at.context.let(3)
        assert told.until(Failed) == Failed(
            429, "queue_full", "The engine is too busy. Please try again later."
        )


def test_an_answer_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MAX_RUN_S", 0.02)
    with desk() as at:
        at.context.hold()
        told = at.ask(request("first", max_tokens=500))
        told.until(Started)
        time.sleep(0.05)
        at.context.let()
        assert getattr(told.until(Failed), "code", "") == "timeout"


def test_requests_that_do_not_fit_together_take_turns() -> None:
    with desk(FakeContext(cells=128), context_tokens=128) as at:
        told = [at.ask(request("x" * 60 + str(n), owner=str(n), max_tokens=30)) for n in range(4)]
        assert len({each.answer() for each in told}) == 4


# ---------------------------------------------------------------------- cancelling


def test_cancelling_ends_the_reading_of_a_long_prompt_at_once(at: Desk) -> None:
    at.context.hold()
    told = at.ask(request("x" * 900))
    told.until(Started)
    assert at.context.decoding.wait(5)
    began = time.monotonic()
    at.cancel(told)  # no decode gets through: only the abort can end it
    at.until_idle()
    assert time.monotonic() - began < 0.1
    assert told.quiet()


@pytest.mark.parametrize("can_trim", [True, False])
def test_readers_beside_a_cancelled_one_read_on(can_trim: bool) -> None:
    with desk(FakeContext(can_trim=can_trim)) as at:
        alone = [at.ask(request(f"{n} is short", keep=False)).answer() for n in range(3)]
        at.context.hold()
        victim = at.ask(request("x" * 10))
        others = [at.ask(request(f"{n} is short", keep=False)) for n in range(3)]
        for told in (victim, *others):
            told.until(Started)
        at.cancel(victim)
        at.context.let()
        assert [told.answer() for told in others] == alone


def test_what_was_read_before_a_cancellation_is_kept_for_its_owner(at: Desk) -> None:
    at.context.hold()
    told = at.ask(request("x" * 300))
    told.until(Started)
    at.context.let(2)
    while len(at.context.batches) < 2:
        time.sleep(0.002)
    at.cancel(told)
    at.context.let()
    at.until_idle()
    again = at.ask(request("x" * 300))
    again.all()
    assert again.started.cached_tokens >= 64


def test_cancelling_a_writer_harms_no_one_else(at: Desk) -> None:
    alone = at.ask(request("other", keep=False, max_tokens=100)).answer()
    one = at.ask(request("one", max_tokens=900))
    one.until(Text)
    other = at.ask(request("other", keep=False, max_tokens=100))
    other.until(Text)
    at.cancel(one)
    assert other.answer() == alone
    at.until_idle()


def test_cancelling_a_waiting_request_moves_the_others_up() -> None:
    with desk(parallel=1) as at:
        at.context.hold()
        at.ask(request("first")).until(Started)
        second, third = at.ask(request("second")), at.ask(request("third"))
        at.cancel(second)
        at.context.let()
        third.all()
        assert 1 in third.places
        assert not any(isinstance(event, Started) for event in second.seen)


def test_a_cancelled_request_gives_its_cells_back(at: Desk) -> None:
    told = at.ask(request("x" * 200, keep=False, max_tokens=500))
    told.until(Text)
    at.cancel(told)
    at.until_idle()
    assert at.context.used == 0
    assert at.scheduler.sequences.used_cells == 0
    assert at.context.samplers[-1].closed


# ---------------------------------------------------------------------- failures and the end


def test_a_failing_decode_fails_its_requests_and_nothing_after(at: Desk) -> None:
    at.context.fail_next = True
    assert getattr(at.ask(request("one")).until(Failed), "code", "") == "engine_error"
    told = at.ask(request("two"))
    told.all()
    assert told.finished.completion_tokens == 8


def test_an_answer_that_leaves_its_grammar_ends_alone_with_its_reason(at: Desk) -> None:
    def left(row: int, sampler: object) -> int:
        raise GrammarLeft

    sample, at.context.sample = at.context.sample, left  # type: ignore[method-assign]
    failed = at.ask(request("one")).until(Failed)
    assert (getattr(failed, "status", 0), getattr(failed, "code", "")) == (422, "grammar_left")
    at.context.sample = sample  # type: ignore[method-assign]
    told = at.ask(request("three"))
    told.all()
    assert told.finished.completion_tokens == 8


def test_errors_in_the_log_hold_no_content(at: Desk, caplog: pytest.LogCaptureFixture) -> None:
    at.context.fail_next = True
    at.ask(request("canary-7c1d")).until(Failed)
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text
    assert "told to fail" not in caplog.text


def test_stopping_tells_everyone() -> None:
    with desk(parallel=1) as at:
        at.context.hold()
        running, waiting = at.ask(request("x" * 300)), at.ask(request("waiting"))
        running.until(Started)
        at.scheduler.stop()
        assert getattr(running.until(Failed), "status", 0) == 503
        assert getattr(waiting.until(Failed), "status", 0) == 503
        with pytest.raises(Stopped):
            at.ask(request("late"))


# ---------------------------------------------------------------------- never reading twice


def test_a_conversation_goes_on_from_its_cache(at: Desk) -> None:
    first = at.ask(request("Hello", system=SYSTEM))
    answer = first.answer()
    told = at.ask(request(f"Hello{answer} And then", system=SYSTEM))
    cached = told.answer() and told.started.cached_tokens
    # all but the last token written, which was never read
    assert cached == len(SYSTEM + "Hello" + answer) - 1


def test_an_answer_from_the_cache_is_the_answer_without_it(at: Desk) -> None:
    prompt = "Tell me about tents. " * 5
    fresh = at.ask(request(prompt, keep=False)).answer()
    at.ask(request(prompt[:60])).all()
    told = at.ask(request(prompt))
    assert told.answer() == fresh
    assert told.started.cached_tokens == 60


def test_the_same_prompt_again_reads_one_token(at: Desk) -> None:
    prompt = "The same question as before."
    first = at.ask(request(prompt)).answer()
    told = at.ask(request(prompt))
    assert told.answer() == first
    assert told.started.cached_tokens == len(prompt) - 1


def test_a_system_message_is_read_once_for_everyone(at: Desk) -> None:
    at.context.hold()
    told = [at.ask(request(f"I am {n}", system=SYSTEM, owner=str(n), keep=False)) for n in range(6)]
    at.context.let()
    for each in told:
        each.all()
    assert [each.started.cached_tokens for each in told] == [0] + [len(SYSTEM)] * 5


def test_models_that_forget_only_whole_sequences_go_on_from_whole_ones() -> None:
    with desk(FakeContext(can_trim=False)) as at:
        first = at.ask(request("Hello", system=SYSTEM)).answer()
        longer = at.ask(request(f"Hello{first} And then", system=SYSTEM))
        longer.all()
        assert longer.started.cached_tokens == len(SYSTEM + "Hello" + first) - 1
        other = at.ask(request("Something else", system=SYSTEM))
        other.all()
        assert other.started.cached_tokens == 0


def test_old_conversations_make_room_for_new_ones() -> None:
    with desk(FakeContext(cells=256), context_tokens=128) as at:
        for number in range(12):
            at.ask(request(f"{number:03}" + "x" * 70, owner=str(number))).all()
            assert at.context.used <= 256
        latest = at.ask(request("011" + "x" * 70, owner="11"))
        latest.all()
        assert latest.started.cached_tokens > 0
        oldest = at.ask(request("000" + "x" * 70, owner="0"))
        oldest.all()
        assert oldest.started.cached_tokens == 0


def test_an_idle_engine_forgets_and_overwrites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "IDLE_KEEP_S", 0.1)
    with desk() as at:
        at.ask(request("Hello", system=SYSTEM)).all()
        assert at.context.used > 0
        deadline = time.monotonic() + 5
        while at.context.used:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert at.context.cleared >= 1


def test_writers_go_on_while_a_long_prompt_is_read(at: Desk) -> None:
    at.ask(request("x" * 64)).all()  # so that a speed is known
    writer = at.ask(request("writer", owner="w", max_tokens=900))
    writer.until(Text)
    reader = at.ask(request("y" * 900, owner="r", max_tokens=1))
    reader.all()
    batches = [b for b in at.context.batches if len(b) == 2 and len(b[1].tokens) > 1]
    assert batches, "the prompt is read in the same batches in which the writer writes"
    assert all(len(batch[0].tokens) == 1 for batch in batches)
    at.cancel(writer)


def test_letters_depend_on_everything_before() -> None:
    assert letters([1, 2, 3]) != letters([2, 1, 3]) or letters([1, 2, 3, 4]) != letters([2, 1, 3, 4])

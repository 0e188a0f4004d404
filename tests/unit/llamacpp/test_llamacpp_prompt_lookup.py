"""Guessing spares steps and changes no answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from chatplatform.inference.engines.llamacpp.prompt_lookup import (
    GUESSES,
    RETRY_TOKENS,
    PromptLookup,
    StepTimes,
)
from tests.unit.llamacpp.collecting import Told, desk, request
from tests.unit.llamacpp.fake_context import END, FakeContext, as_tokens

POLICY = "You may return a tent within thirty days if it is dry and clean. "


def quoting(tokens: Sequence[int]) -> int:
    """Says the policy again and again, with another letter now and then."""
    at = len(tokens) % len(POLICY)
    return ord("!") if len(tokens) % 37 == 0 else ord(POLICY[at])


@pytest.fixture(params=[False, True])
def pays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    is_on: bool = request.param
    monkeypatch.setattr(StepTimes, "guessing_pays", is_on)
    return is_on


def answer(
    *,
    next_token: Callable[[Sequence[int]], int] = quoting,
    max_tokens: int = 200,
    stop: tuple[str, ...] = (),
) -> tuple[Told, int]:
    """What was told, and in how many steps."""
    with desk(FakeContext(next_token=next_token)) as at:
        told = at.ask(request(POLICY, max_tokens=max_tokens, stop=stop, owner="a"))
        told.all()
        at.until_idle()
        steps = len(at.context.batches)
        said = told.answer_so_far
        # what stays in the cache is what was said, and not a guess more
        again = at.ask(request(POLICY + said, owner="a", max_tokens=1))
        again.all()
        assert again.started.cached_tokens >= len(as_tokens(POLICY + said)) - 1 - len(stop)
        return told, steps


def test_an_answer_that_quotes_takes_fewer_steps_and_is_the_same(pays: bool) -> None:
    told, steps = answer()
    said = told.answer_so_far
    start = len(POLICY)
    expected = bytes(
        quoting([0] * (start + place)) if (start + place) % 37 else ord("!") for place in range(200)
    ).decode()
    assert said == expected
    assert told.finished.completion_tokens == 200
    assert (steps < 120) is pays


def test_it_ends_where_it_would_have_ended(pays: bool) -> None:
    def ending(tokens: Sequence[int]) -> int:
        return END if len(tokens) == len(POLICY) + 50 else quoting(tokens)

    told, _steps = answer(next_token=ending)
    assert told.finished.reason == "stop"
    assert told.finished.completion_tokens == 50


def test_a_stop_string_in_the_middle_of_guesses_ends_it(pays: bool) -> None:
    told, _steps = answer(stop=("dry",))
    assert told.finished.reason == "stop"
    assert told.answer_so_far.endswith("is ")


@pytest.mark.parametrize("max_tokens", [1, 2, 3, 7, 64])
def test_never_more_than_was_asked_for(pays: bool, max_tokens: int) -> None:
    told, _steps = answer(max_tokens=max_tokens)
    assert told.finished.completion_tokens == max_tokens
    assert len(told.answer_so_far) == max_tokens


def test_it_is_cancelled_like_any_other(pays: bool) -> None:
    with desk(FakeContext(next_token=quoting)) as at:
        told = at.ask(request(POLICY, max_tokens=900))
        told.next()
        at.cancel(told)
        at.until_idle()


def test_a_guess_goes_on_as_the_text_did() -> None:
    lookup = PromptLookup(as_tokens("the red tent is dry. Is the red"))
    assert lookup.guess() == as_tokens(" ten")
    for token in as_tokens(" hat"):
        lookup.add(token)
    assert lookup.guess() == ()
    assert len(lookup.guess(GUESSES)) <= GUESSES


def test_after_a_wrong_guess_it_rests() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 1, 2, 3])
    assert lookup.guess(1) == (4,)
    lookup.was_wrong()
    for _round in range(RETRY_TOKENS // 4):
        assert lookup.guess(1) == ()
        for token in (4, 1, 2, 3):
            lookup.add(token)
    assert lookup.guess(1) == (4,)


def test_whether_guessing_pays_is_measured() -> None:
    times = StepTimes()
    assert not times.guessing_pays, "nothing is known yet"
    times.took(1.0, guessed=0, written=1)
    assert times.guessing_pays, "it is worth a try"
    times.took(2.0, guessed=4, written=1)
    assert not times.guessing_pays
    for _step in range(2000):
        times.took(1.0, guessed=0, written=1)
    assert not times.guessing_pays, "two tokens in the time of two bring nothing"
    times.took(2.0, guessed=4, written=5)
    assert times.guessing_pays

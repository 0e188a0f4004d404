"""When a server is left alone, and when it is tried again."""

from __future__ import annotations

import pytest

from chatplatform.inference.endpoints.circuit_breaker import (
    FAILURES,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    TRIAL_S,
    CircuitBreaker,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES):
        assert breaker.admits
        breaker.failed()
    return breaker


def test_it_opens_after_some_failures_in_a_row(clock: Clock) -> None:
    assert (opened(clock).state, opened(clock).admits) == ("open", False)
    breaker = CircuitBreaker(clock)
    for _ in range(10):
        breaker.failed()
        breaker.succeeded()
    assert breaker.state == "closed"


def test_a_failure_that_is_certain_to_come_again_opens_it_at_once_and_for_long(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    breaker.failed(for_certain=True)
    clock.now += LONGEST_PAUSE_S - 1
    assert breaker.state == "open"


def test_half_open_lets_one_trial_pass_and_a_good_one_closes_it(clock: Clock) -> None:
    breaker = opened(clock)
    clock.now += FIRST_PAUSE_S
    assert (breaker.state, breaker.admits) == ("half_open", True)
    breaker.begin()
    assert not breaker.admits
    breaker.succeeded()
    assert (breaker.state, breaker.admits) == ("closed", True)


def test_a_failed_trial_opens_it_for_twice_as_long_up_to_a_limit(clock: Clock) -> None:
    breaker = opened(clock)
    pause_s = FIRST_PAUSE_S
    for _ in range(10):
        clock.now += pause_s
        breaker.begin()
        breaker.failed()
        assert breaker.state == "open"
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        clock.now += pause_s - 0.1
        assert breaker.state == "open"
        clock.now += 0.1
        assert breaker.state == "half_open"
        pause_s, clock.now = pause_s, clock.now - pause_s
    assert pause_s == LONGEST_PAUSE_S


def test_a_trial_that_told_nothing_makes_room_for_the_next(clock: Clock) -> None:
    breaker = opened(clock)
    clock.now += FIRST_PAUSE_S
    breaker.begin()
    breaker.left()
    assert breaker.admits
    breaker.begin()
    clock.now += TRIAL_S
    assert breaker.admits


def test_failures_of_requests_under_way_do_not_prolong_the_pause(clock: Clock) -> None:
    breaker = opened(clock)
    for _ in range(10):
        breaker.failed()
    clock.now += FIRST_PAUSE_S
    assert breaker.state == "half_open"

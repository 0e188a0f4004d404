"""How long a dead process waits before it is started again."""

from __future__ import annotations

from chatplatform.supervisor.backoff import Backoff


def test_the_first_restart_is_at_once_and_further_ones_wait_longer() -> None:
    backoff = Backoff(first_s=0.5, factor=2, limit_s=3)
    assert [backoff.delay_after(0.1) for _ in range(6)] == [0, 0.5, 1, 2, 3, 3]


def test_a_stable_run_forgets_what_was() -> None:
    backoff = Backoff(stable_after_s=20)
    for _ in range(5):
        backoff.delay_after(0.1)
    assert backoff.delay_after(25) == 0
    assert backoff.delay_after(0.1) > 0


def test_many_crashes_do_not_overflow() -> None:
    backoff = Backoff(failures=5000)
    assert backoff.delay_after(0) == backoff.limit_s

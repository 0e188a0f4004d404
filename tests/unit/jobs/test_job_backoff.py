"""How long a failed job waits."""

from __future__ import annotations

import pytest

from chatplatform.jobs.backoff import retry_delay_s
from chatplatform.jobs.options import JobOptions

OPTIONS = JobOptions(retry_base_s=2, retry_cap_s=60)


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (10_000, 60)])
def test_doubles_up_to_the_cap(failures: int, ceiling: float) -> None:
    delays = [retry_delay_s(failures, OPTIONS) for _ in range(200)]
    assert ceiling / 2 <= min(delays)
    assert max(delays) <= ceiling


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    assert len({retry_delay_s(3, OPTIONS) for _ in range(50)}) > 40


def test_waits_at_least_as_long_as_it_was_told() -> None:
    assert retry_delay_s(1, OPTIONS, at_least_s=90) == 90

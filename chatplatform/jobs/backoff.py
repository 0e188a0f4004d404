"""How long to wait before the next attempt."""

from __future__ import annotations

import random

from chatplatform.jobs.options import JobOptions


def retry_delay_s(failures: int, options: JobOptions, *, at_least_s: float = 0.0) -> float:
    """Seconds until attempt `failures + 1`: doubled each time, capped, and spread over its upper half.

    The spread keeps jobs that failed together from coming back together.
    """
    ceiling = min(options.retry_cap_s, options.retry_base_s * 2.0 ** min(max(failures - 1, 0), 30))
    return max(at_least_s, random.uniform(ceiling / 2, ceiling))  # noqa: S311 - no secret depends on it

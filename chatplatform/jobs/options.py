"""How patient the jobs are. `settings.JOBS` may change any of these by name; the defaults suit one machine and many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Times are seconds.

    A worker that is killed is noticed after `lease_s`; its jobs run again within `lease_s + sweep_every_s`, or,
    when it also kept the beat, within `max(lease_s, beat_lease_s) + sweep_every_s`.
    """

    queue: str = "chatplatform.jobs"
    heartbeat_s: float = 2.0
    lease_s: float = 8.0
    sweep_every_s: float = 1.0
    republish_after_s: float = 5.0
    beat_lease_s: float = 6.0
    periodic_every_s: float = 2.0
    retry_base_s: float = 2.0
    retry_cap_s: float = 600.0
    max_losses: int = 10
    """How many workers may die while they hold a job before the job is taken for the cause."""
    stop_limit_s: float = 20.0
    """How long a stopping worker waits for its handlers."""
    stuck_after_s: float = 30.0
    """How long a handler may overrun its time limit before the worker gives itself up for a fresh one."""
    urgent_threads: int = 2
    """Beside the others, for jobs that somebody waits for."""
    urgent_look_every_s: float = 0.5
    polling_s: float = 0.05
    """How often the folder broker is looked at."""


def job_options() -> JobOptions:
    """The options in force. Raises TypeError for a name that does not exist."""
    chosen: dict[str, Any] = getattr(settings, "JOBS", {})
    return JobOptions(**chosen)

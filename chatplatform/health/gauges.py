"""Gauges that are measured when somebody asks: this process's chat, and what the database says of all.

Every web process gives the same answer for what the database says: take the maximum over processes, not the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from threading import Lock
from time import monotonic

from django.db.models import Count, Min

from chatplatform.audit.sequencer import oldest_pending
from chatplatform.chat import process
from chatplatform.chat.models import Turn
from chatplatform.common.clock import now
from chatplatform.common.metrics import Gauge
from chatplatform.common.scope import all_workspaces
from chatplatform.inference.endpoints.circuit_breaker import BreakerState
from chatplatform.inference.endpoints.endpoint_choice import breaker_states
from chatplatform.jobs.models import Job, JobState

KEPT_S = 2.0
BREAKER_STATES: tuple[BreakerState, ...] = ("closed", "open", "half_open")
WHY = "metrics count over all workspaces"

Measure = Callable[[], Mapping[str, float]]


def _kept(measure: Measure) -> Measure:
    """Ask the database at most every two seconds, however often somebody looks."""
    lock = Lock()
    kept: tuple[float, Mapping[str, float]] = (-KEPT_S, {})

    @wraps(measure)
    def measured() -> Mapping[str, float]:
        nonlocal kept
        with lock:
            if monotonic() - kept[0] >= KEPT_S:
                kept = (monotonic(), measure())
            return kept[1]

    return measured


def _age(moment: datetime | None) -> dict[str, float]:
    return {"": max((now() - moment).total_seconds(), 0.0) if moment else 0.0}


@_kept
def _jobs() -> dict[str, float]:
    with all_workspaces(WHY):
        counted = Job.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING, JobState.DEAD))
        found: dict[str, float] = dict(counted.values_list("state").annotate(Count("id")))
    return {state.value: found.get(state, 0) for state in (JobState.WAITING, JobState.RUNNING, JobState.DEAD)}


@_kept
def _queue_age() -> dict[str, float]:
    with all_workspaces(WHY):
        due = Job.objects.filter(state=JobState.WAITING, available_at__lte=now())
        return _age(due.aggregate(first=Min("available_at"))["first"])


@_kept
def _audit_lag() -> dict[str, float]:
    return _age(oldest_pending())


@_kept
def _expired_leases() -> dict[str, float]:
    with all_workspaces(WHY):
        expired = Turn.objects.filter(
            state__in=Turn.UNFINISHED, lease_expires_at__lt=now() - timedelta(seconds=1)
        )
        return {"": expired.count()}


def _sockets() -> dict[str, float]:
    return {"": process.load().sockets}


def _turns() -> dict[str, float]:
    return {"": process.load().turns}


def _engines() -> dict[str, float]:
    states = breaker_states()
    return {state: states.count(state) for state in BREAKER_STATES}


SOCKETS = Gauge("chatplatform_sockets_open", "Open websockets of this process.", _sockets)
TURNS_RUNNING = Gauge("chatplatform_turns_running", "Turns that run in this process.", _turns)
JOBS = Gauge(
    "chatplatform_jobs",
    "Background jobs by state; those that are done are not counted.",
    _jobs,
    state=(JobState.WAITING.value, JobState.RUNNING.value, JobState.DEAD.value),
)
QUEUE_AGE = Gauge(
    "chatplatform_job_queue_age_seconds", "How long the oldest job that is due has waited.", _queue_age
)
AUDIT_LAG = Gauge(
    "chatplatform_audit_lag_seconds",
    "Age of the oldest audit event that has no place in the tree yet.",
    _audit_lag,
)
LEASES_EXPIRED = Gauge(
    "chatplatform_leases_expired", "Turns whose lease has ended and that nobody took up yet.", _expired_leases
)
ENGINES = Gauge(
    "chatplatform_engines",
    "Engines by their circuit, as this process finds them: closed ones answer, open ones are left alone.",
    _engines,
    state=BREAKER_STATES,
)

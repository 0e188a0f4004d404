"""What kinds of jobs and chores there are. Apps put handlers in `<app>/jobs.py` and chores in `<app>/chores.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from chatplatform.jobs.running import JobLost, RunningJob

__all__ = [
    "Chore",
    "JobKind",
    "JobLost",
    "RunningJob",
    "UnknownKind",
    "chore",
    "chores",
    "find_kind",
    "job_handler",
    "job_kind",
    "job_kinds",
    "most_losses",
    "urgent_kinds",
]

Handler = Callable[[RunningJob], None]
Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class JobKind:
    """How jobs of one kind are named and run. Times are seconds; `every_s` makes it periodic; `max_losses` is how many
    workers may die while they hold one, where that is fewer than for others; `urgent` when somebody waits for it."""

    kind: str
    title: str | Promise
    handler: Handler
    max_attempts: int
    timeout_s: float
    every_s: float | None
    max_losses: int | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Chore:
    """A light function that one worker process runs every `every_s` seconds, without a row for each run.

    It must be safe to run twice at once: a process that was paused may still be in it when another takes over.
    """

    name: str
    run: Run
    every_s: float
    limit_s: float


class UnknownKind(LookupError):
    """No handler has this name: it was never registered, or the code that had it is gone."""


_kinds: dict[str, JobKind] = {}
_chores: dict[str, Chore] = {}


def job_handler(
    kind: str,
    *,
    title: str | Promise,
    max_attempts: int = 5,
    timeout_s: float = 120,
    every_s: float | None = None,
    max_losses: int | None = None,
    urgent: bool = False,
) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of `kind` (`<app>.<what>`, at most 64 characters).

    The handler does its slow work first and commits its effect inside `with job.finishing():`. It may run more
    than once; what it commits there is committed once. After `timeout_s` the claim is taken from it, and it is
    told so at its next `progress()` or `finishing()`. What may well be the end of its worker, such as a file from
    outside, has few `max_losses`. What a person looks at until it is done is `urgent`: long queues do not hold it up,
    see urgent_lane.py. Raises ValueError for a name that is taken or too long.
    """

    def register(handler: Handler) -> Handler:
        if kind in _kinds or not 0 < len(kind) <= 64:
            raise ValueError(f"the kind of job {kind!r} is taken or has no valid length")
        _kinds[kind] = JobKind(kind, title, handler, max_attempts, timeout_s, every_s, max_losses, urgent)
        return handler

    return register


def chore(name: str, *, every_s: float, limit_s: float = 60) -> Callable[[Run], Run]:
    """Register the decorated function as a chore. One that overruns `limit_s` makes its worker start afresh.

    Raises ValueError for a name that is taken.
    """

    def register(run: Run) -> Run:
        if name in _chores:
            raise ValueError(f"the chore {name!r} is taken")
        _chores[name] = Chore(name, run, every_s, limit_s)
        return run

    return register


def find_kind(kind: str) -> JobKind | None:
    """The kind of this name, or none: rows outlive code."""
    return _kinds.get(kind)


def most_losses(kind: str) -> int | None:
    """How many workers may be lost over a job of this kind; none: as many as over any other."""
    known = find_kind(kind)
    return known.max_losses if known is not None else None


def job_kind(kind: str) -> JobKind:
    """The kind of this name; raises UnknownKind."""
    found = find_kind(kind)
    if found is None:
        raise UnknownKind(kind)
    return found


def job_kinds() -> tuple[JobKind, ...]:
    return tuple(_kinds.values())


def urgent_kinds() -> tuple[str, ...]:
    """The names of the kinds that somebody waits for."""
    return tuple(known.kind for known in _kinds.values() if known.urgent)


def chores() -> tuple[Chore, ...]:
    return tuple(_chores.values())

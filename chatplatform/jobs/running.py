"""A job as its handler sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from time import monotonic
from types import MappingProxyType
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise

from chatplatform.common.actors import Actor, ActorKind
from chatplatform.jobs import claims
from chatplatform.jobs.claims import Claim
from chatplatform.jobs.failures import source_text
from chatplatform.jobs.models import Job

SHOWN_EVERY_S = 0.5


class JobLost(Exception):
    """The job is no longer this worker's: it was cancelled, took too long, or another worker has it.

    Handlers let it pass: whatever they would commit now is not wanted any more.
    """


class RunningJob:
    """One attempt at one job. Not for use by several threads at once."""

    def __init__(self, job: Job, claim: Claim, lost: Event) -> None:
        self.id: UUID = job.id
        self.kind = job.kind
        self.args: Mapping[str, str] = MappingProxyType(dict(job.args))
        self.workspace_id = job.workspace_id
        self.actor = Actor(ActorKind(job.actor_kind), job.actor_id)
        self.attempt = job.failures + job.losses + 1
        self.finished = False
        self._claim = claim
        self._lost = lost
        self._shown = ("", 0.0)  # stage, monotonic time

    def progress(self, fraction: float, stage: str | Promise) -> None:
        """Show that `fraction` (0 to 1) is done and what is being done now; also a place to stop.

        Cheap to call often: the row is written when the stage changes, and twice a second at most otherwise.
        `stage` is at most 200 characters of the platform's own words. Raises JobLost.
        """
        text = source_text(stage)[:200]
        if self._lost.is_set():
            raise JobLost(self.id)
        if text == self._shown[0] and monotonic() - self._shown[1] < SHOWN_EVERY_S:
            return
        if not claims.report(self._claim, min(max(fraction, 0.0), 1.0), text):
            raise JobLost(self.id)
        self._shown = (text, monotonic())

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """The transaction in which the handler's effect and the job's success commit together, or not at all.

        The claim is checked first, under the row's lock, so the block runs only while the job is this worker's.
        Keep it short and last. Covers the default database. Raises JobLost, and whatever the block raises.
        """
        with transaction.atomic(durable=True):
            if not claims.succeed(self._claim):
                raise JobLost(self.id)
            yield
        self.finished = True

"""The chores of the layers up to this one. Those above have a `chores` module of their own."""

from __future__ import annotations

from chatplatform.audit.proofs import fold_subtrees
from chatplatform.audit.services import checkpoint, sequence_pending
from chatplatform.common.query_statistics import refresh_query_statistics
from chatplatform.jobs.options import job_options
from chatplatform.jobs.periodic import enqueue_due
from chatplatform.jobs.registry import chore
from chatplatform.jobs.sweeper import sweep

SEQUENCE_BATCH = 1000


@chore("audit.sequence", every_s=2)
def sequence_audit_events() -> None:
    while sequence_pending(SEQUENCE_BATCH) == SEQUENCE_BATCH:
        pass
    fold_subtrees()


@chore("audit.checkpoint", every_s=60)
def sign_audit_log() -> None:
    checkpoint()


@chore("common.query_statistics", every_s=600)
def gather_query_statistics() -> None:
    refresh_query_statistics()


@chore("jobs.sweep", every_s=job_options().sweep_every_s)
def sweep_jobs() -> None:
    sweep()


@chore("jobs.periodic", every_s=job_options().periodic_every_s)
def enqueue_periodic_jobs() -> None:
    enqueue_due()

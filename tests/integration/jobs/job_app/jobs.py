"""Handlers: a good one, and each kind of bad one."""

from __future__ import annotations

import os
import time

from chatplatform.common.errors import InvalidInput, Unavailable
from chatplatform.jobs.registry import RunningJob, job_handler
from tests.integration.jobs.job_app.models import Effect
from tests.integration.jobs.stack import CANARY


@job_handler("tests.effect", title="Leave one effect", max_attempts=3, timeout_s=60)
def effect(job: RunningJob) -> None:
    """Work for `work_s` seconds in steps, then leave one effect."""
    steps = max(1, int(float(job.args.get("work_s", "0")) / 0.05))
    for step in range(steps):
        job.progress(step / steps, f"step {step % 4}")
        time.sleep(0.05 if "work_s" in job.args else 0)
    leave_effect(job)


@job_handler("tests.urgent", title="Leave one effect while somebody waits", max_attempts=3, urgent=True)
def urgent(job: RunningJob) -> None:
    leave_effect(job)


@job_handler("tests.paused", title="Work without a look at the claim", max_attempts=3, timeout_s=60)
def paused(job: RunningJob) -> None:
    time.sleep(float(job.args["work_s"]))
    leave_effect(job)


@job_handler("tests.defect", title="Raise what nobody expects", max_attempts=2)
def defect(job: RunningJob) -> None:
    raise ValueError(CANARY)


@job_handler("tests.unavailable", title="Need what is down", max_attempts=2)
def unavailable(job: RunningJob) -> None:
    raise Unavailable("engine_down", "The engine is starting.")


@job_handler("tests.invalid", title="Be asked for the impossible", max_attempts=5)
def invalid(job: RunningJob) -> None:
    raise InvalidInput("impossible", "This cannot be done.")


@job_handler("tests.overtime", title="Take longer than it may", max_attempts=1, timeout_s=0.5)
def overtime(job: RunningJob) -> None:
    time.sleep(float(job.args["work_s"]))
    leave_effect(job)


def leave_effect(job: RunningJob) -> None:
    with job.finishing():
        Effect.objects.create(job_id=job.id, pid=os.getpid())

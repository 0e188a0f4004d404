"""Tell the broker which job is wanted. Never a reason to fail: the sweeper tells it again."""

from __future__ import annotations

import logging
from time import monotonic
from uuid import UUID

from chatplatform.jobs.celery_app import TASK, celery_app
from chatplatform.jobs.options import job_options

log = logging.getLogger(__name__)

QUIET_AFTER_FAILURE_S = 5.0
_quiet_until = 0.0  # a broker that does not answer must not delay every request that wants a job


def publish(job_id: UUID) -> bool:
    """Hand the job's id to the broker; False when it is down, or was a moment ago."""
    if monotonic() < _quiet_until:
        return False
    try:
        celery_app().send_task(TASK, args=[str(job_id)])
    except Exception as error:  # noqa: BLE001 - each transport has its own errors, and the row is safe
        _be_quiet(error)
        return False
    return True


def queue_length() -> int | None:
    """How many messages wait in the broker; none when it is down, or was a moment ago."""
    if monotonic() < _quiet_until:
        return None
    app = celery_app()
    try:
        with app.producer_or_acquire() as producer:
            queue = app.amqp.queues[job_options().queue](producer.channel)
            return int(queue.queue_declare(nowait=False).message_count)
    except Exception as error:  # noqa: BLE001 - as above
        _be_quiet(error)
        return None


def _be_quiet(error: Exception) -> None:
    global _quiet_until
    _quiet_until = monotonic() + QUIET_AFTER_FAILURE_S
    log.warning("the broker cannot be reached (%s); jobs wait for the sweeper", type(error).__name__)

"""The Celery application: one queue, one task whose only argument is a job's id, no results.

Messages are acknowledged when they are received: a lost one is published again from its row, and one that
comes twice finds the job claimed. So no broker's own notion of redelivery matters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from celery import Celery
from django.conf import settings
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from chatplatform.jobs.folder_transport import Transport, folder_options
from chatplatform.jobs.options import JobOptions, job_options

TASK = "jobs.run"
FOLDER = "folder"
# Without these a broker that is down, or silent, holds a caller for ever.
PATIENCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "connect_retries_timeout": 3}
REDIS_PATIENCE = {"socket_connect_timeout": 2, "socket_timeout": 3, "socket_keepalive": True}


@lru_cache(maxsize=1)
def celery_app() -> Celery:
    """The application of this process, configured from Django's settings. Connects to nothing."""
    options = job_options()
    app = Celery("chatplatform", fixups=(), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=False,
        task_default_queue=options.queue,
        # The nameless exchange reaches every queue by its name: nothing to bind, nothing to lose.
        task_queues=[Queue(options.queue, Exchange(""), routing_key=options.queue)],
        task_default_exchange="",
        task_default_routing_key=options.queue,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0},
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        enable_utc=True,
        **_broker(settings.CELERY_BROKER_URL, options),
    )
    return app


def uses_folder() -> bool:
    return str(settings.CELERY_BROKER_URL).startswith("filesystem:")


def _broker(url: str, options: JobOptions) -> dict[str, Any]:
    if uses_folder():
        TRANSPORT_ALIASES[FOLDER] = f"{Transport.__module__}:{Transport.__name__}"
        return {
            "broker_url": f"{FOLDER}://localhost",
            "broker_transport_options": folder_options(polling_s=options.polling_s),
        }
    if url.startswith(("redis:", "rediss:")):
        return {"broker_url": url, "broker_transport_options": {**PATIENCE, **REDIS_PATIENCE}}
    return {"broker_url": url, "broker_transport_options": PATIENCE}

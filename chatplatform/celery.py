"""The Celery application for Celery's own tools, such as `celery -A chatplatform inspect ping`.

Workers are started by `manage.py worker`, which also runs the heartbeat and the beat.
"""

from __future__ import annotations

from chatplatform.jobs.celery_app import celery_app

app = celery_app()

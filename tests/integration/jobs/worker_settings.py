"""Settings of the processes under test: the layers up to jobs, and the app with the tests' handlers."""

from __future__ import annotations

import json
import os

from chatplatform.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "chatplatform.audit",
    "chatplatform.accounts",
    "chatplatform.privacy",
    "chatplatform.jobs",
    "tests.integration.jobs.job_app",
]
JOBS = json.loads(os.environ["JOB_TESTS_OPTIONS"])

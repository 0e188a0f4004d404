"""The broker that carries background jobs to workers."""

from __future__ import annotations

import os

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.health.checks.findings import Finding, problem, right
from chatplatform.jobs.celery_app import celery_app, uses_folder

ANSWER_LIMIT_S = 3.0


def broker_takes_jobs() -> Finding:
    if uses_folder():
        folder = settings.BROKER_FOLDER
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            return problem(
                _("%(folder)s cannot be written.") % {"folder": folder},
                _("Give the folder to the user who runs the platform."),
            )
        return right(str(folder))
    try:
        with celery_app().connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=ANSWER_LIMIT_S)
    except Exception as error:  # noqa: BLE001 - each transport has errors of its own
        return problem(
            _("The broker does not answer (%(reason)s).") % {"reason": type(error).__name__},
            _("Check that it runs and that CHATPLATFORM_BROKER_URL is right. Jobs wait until then."),
        )
    return right(_("it answers"))

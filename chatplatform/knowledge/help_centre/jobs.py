"""Background work on the demo's help centre."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.knowledge.help_centre.installing import INSTALL_JOB, install


@job_handler(INSTALL_JOB, title=_("Put in the demo's help centre"), max_attempts=4, timeout_s=600)
def install_help_centre(job: RunningJob) -> None:
    """What is there already stays as it is, so it may run again."""
    install()

"""The console's own background work."""

from __future__ import annotations

from time import sleep

from django.utils.translation import gettext_lazy as _

from chatplatform.console.plug import PROBE
from chatplatform.jobs.registry import RunningJob, job_handler

PROBE_S = 4.0
STEPS = 20


@job_handler(PROBE, title=_("Test job of “Pull the plug”"), max_attempts=3, timeout_s=60)
def plug_probe(job: RunningJob) -> None:
    """Take some seconds, so that there is a job to be killed in the middle."""
    for step in range(STEPS):
        job.progress(step / STEPS, _("Working"))
        sleep(PROBE_S / STEPS)

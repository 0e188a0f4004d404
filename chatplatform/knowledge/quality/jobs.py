"""Background work on quality: runs over golden questions."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.knowledge.quality import measuring
from chatplatform.knowledge.quality.services import RUN_JOB


@job_handler(RUN_JOB, title=_("Measure a collection"), max_attempts=5, timeout_s=3600)
def measure_collection(job: RunningJob) -> None:
    measuring.measure(job)

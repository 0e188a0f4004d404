"""Background work on web pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.knowledge.web_pages import crawl, work


@job_handler(work.FETCH_JOB, title=_("Fetch web pages"), max_attempts=5, timeout_s=600)
def fetch_pages(job: RunningJob) -> None:
    crawl.fetch(job)

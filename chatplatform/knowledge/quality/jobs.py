"""Background work on quality: runs over golden questions, and proposals of new ones."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.knowledge.quality import measuring, proposing
from chatplatform.knowledge.quality.proposals import PROPOSE_JOB
from chatplatform.knowledge.quality.services import RUN_JOB


@job_handler(RUN_JOB, title=_("Measure a collection"), max_attempts=5, timeout_s=3600)
def measure_collection(job: RunningJob) -> None:
    measuring.measure(job)


@job_handler(PROPOSE_JOB, title=_("Propose golden questions"), max_attempts=5, timeout_s=3600)
def propose_questions(job: RunningJob) -> None:
    proposing.propose(job)

"""Background work on documents: reading them, putting them into indexes, and taking away what is no longer wanted."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.knowledge import work
from chatplatform.knowledge.collections import DELETE_JOB
from chatplatform.knowledge.ingestion import indexing, reading, removing


@job_handler(work.READ_JOB, title=_("Read a document"), max_attempts=reading.ATTEMPTS, timeout_s=600)
def read_document(job: RunningJob) -> None:
    reading.read(job)


@job_handler(work.INDEX_JOB, title=_("Index documents"), max_attempts=indexing.ATTEMPTS, timeout_s=3600)
def index_documents(job: RunningJob) -> None:
    indexing.index(job)


@job_handler(work.REMOVE_JOB, title=_("Remove vectors"), max_attempts=8, timeout_s=600)
def remove_vectors(job: RunningJob) -> None:
    removing.remove_vectors(job)


@job_handler(DELETE_JOB, title=_("Remove a collection"), max_attempts=8, timeout_s=3600)
def delete_collection(job: RunningJob) -> None:
    removing.delete_collection(job)

"""One attempt of a job to read a document: what it gives, or the problem that says why it gives nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from chatplatform.documents.blocks import Document
from chatplatform.documents.problems import Problem
from chatplatform.documents.reading import DocumentUnreadable
from chatplatform.jobs.registry import JobLost, RunningJob
from chatplatform.privacy.errors import ContentErased, ContentUnreadable

logger = logging.getLogger(__name__)


def attempt(
    job: RunningJob,
    document_id: UUID,
    *,
    attempts: int,
    read: Callable[[], Document],
    keep_text: Callable[[Document], bytes],
) -> tuple[Document | None, str, bytes]:
    """The document, its problem's code or empty, and what `keep_text` gave for it.

    What is no fault of the file is raised until `attempts` of them have failed; raises JobLost.
    """
    try:
        document = read()
        return document, "", keep_text(document)
    except DocumentUnreadable as error:
        return None, error.problem.value, b""
    except (ContentErased, ContentUnreadable, FileNotFoundError):
        return None, Problem.DAMAGED.value, b""
    except JobLost:
        raise
    except Exception as error:
        if job.attempt < attempts:
            raise
        # no trace and no message: they may hold what the file says
        logger.error("document %s could not be read: %s", document_id, type(error).__name__)
        return None, Problem.FAULT.value, b""

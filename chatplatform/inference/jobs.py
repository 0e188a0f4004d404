"""Background work with model files."""

from __future__ import annotations

from contextlib import nullcontext

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.errors import InvalidInput
from chatplatform.inference import model_store
from chatplatform.inference.audit_events import MODEL_FETCHED, MODEL_VERIFIED
from chatplatform.inference.model_fetch import DOWNLOAD_SHARE
from chatplatform.inference.model_services import PULL, VERIFY
from chatplatform.inference.model_sources import hub
from chatplatform.jobs.registry import RunningJob, job_handler

HOUR_S = 3600.0


@job_handler(PULL, title=_("Fetch a model"), max_attempts=5, timeout_s=12 * HOUR_S)
def pull_model(job: RunningJob) -> None:
    """What has arrived stays when the job is interrupted, and the next attempt goes on from there."""
    model_id = job.args["model"]
    hub.forget_unreachable()

    def show(fraction: float, detail: str) -> None:
        job.progress(
            fraction, _("Fetching the files") if fraction < DOWNLOAD_SHARE else _("Checking the files")
        )

    model_store.ensure(model_id, show)
    with job.finishing():
        record(
            MODEL_FETCHED,
            actor=job.actor,
            workspace_id=None,
            target=Target("model", model_id),
            details={"model": model_id, "sha256": model_store.model_sha256(model_id)},
        )


@job_handler(VERIFY, title=_("Check the files of a model"), max_attempts=2, timeout_s=HOUR_S)
def verify_model(job: RunningJob) -> None:
    """Fails for good when a file is damaged or missing, so that the job's row says it."""
    model_id = job.args["model"]
    job.progress(0.1, _("Reading the files from beginning to end"))
    is_right = all(found.state == "right" for found in model_store.verify(model_id))
    with nullcontext() if not is_right else job.finishing(), transaction.atomic():
        record(
            MODEL_VERIFIED,
            actor=job.actor,
            workspace_id=None,
            target=Target("model", model_id),
            details={"model": model_id, "is_right": is_right},
            outcome="ok" if is_right else "failed",
        )
    if not is_right:
        raise InvalidInput("model_damaged", _("A file of this model is damaged or missing. Fetch it again."))

"""Background work with model files."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import cast
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.errors import InvalidInput
from chatplatform.inference import gateway
from chatplatform.inference.audit_events import (
    CACHE_FORGOTTEN,
    MODEL_ADDED,
    MODEL_DECRYPTED,
    MODEL_ENCRYPTED,
    MODEL_FETCHED,
    MODEL_QUANTISED,
    MODEL_VERIFIED,
)
from chatplatform.inference.cache_owners import FORGET
from chatplatform.inference.model_files import model_store
from chatplatform.inference.model_files.benchmarking import bench
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.model_fetch import DOWNLOAD_SHARE
from chatplatform.inference.model_files.model_sealing import seal, unseal
from chatplatform.inference.model_files.model_services import PULL, VERIFY
from chatplatform.inference.model_files.model_sources import hub
from chatplatform.inference.model_files.model_store import home_of
from chatplatform.inference.model_files.model_work import (
    ADD,
    DECRYPT,
    ENCRYPT,
    MEASURE,
    QUANTIZE,
    TUNE,
    keep_own,
    record_act,
)
from chatplatform.inference.model_files.own_files import bring, look_into
from chatplatform.inference.model_files.quantizing import quantize
from chatplatform.inference.model_files.tuning import KINDS, tune
from chatplatform.jobs.registry import RunningJob, job_handler
from chatplatform.privacy.subjects import Subject, SubjectKind

NOTHING_FASTER = _("No other type of weights was faster by a tenth, so nothing was kept.")
FASTER_KEPT = _("A faster one was kept beside it.")
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


@job_handler(ADD, title=_("Add a model of one's own"), max_attempts=1, timeout_s=HOUR_S)
def add_model(job: RunningJob) -> None:
    """Nothing is left of it when it does not come to its end."""
    own = look_into(Path(job.args["path"]))
    model = bring(
        own,
        model_id=job.args["model"],
        title=job.args["title"],
        licence=job.args["licence"],
        languages=(),
        way="link",
        report=lambda fraction: job.progress(fraction, _("Reading the file")),
    )
    _keep(job, model, MODEL_ADDED)


@job_handler(QUANTIZE, title=_("Make a model anew with other weights"), max_attempts=1, timeout_s=HOUR_S)
def quantize_model(job: RunningJob) -> None:
    model = quantize(
        job.args["model"], job.args["kind"], lambda fraction: job.progress(fraction, _("Writing the weights"))
    )
    _keep(job, model, MODEL_QUANTISED)


@job_handler(TUNE, title=_("Tune a model for this machine"), max_attempts=1, timeout_s=HOUR_S)
def tune_model(job: RunningJob) -> None:
    """The faster model is kept beside the other; whether it answers as well, evaluate says."""
    stages = {"quantise": _("Writing the weights"), "measure": _("Measuring its speed")}
    tuned = tune(job.args["model"], KINDS, lambda fraction, what: job.progress(fraction, stages[what]))
    if tuned.kept is None:
        job.progress(1.0, NOTHING_FASTER)
        with job.finishing():
            pass
        return
    job.progress(1.0, FASTER_KEPT)
    _keep(job, tuned.kept.model, MODEL_QUANTISED)


@job_handler(MEASURE, title=_("Measure the speed of a model"), max_attempts=1, timeout_s=HOUR_S)
def measure_model(job: RunningJob) -> None:
    bench(job.args["model"], lambda fraction: job.progress(fraction, _("Measuring its speed")))
    with job.finishing():
        pass


@job_handler(ENCRYPT, title=_("Encrypt the file of a model"), max_attempts=1, timeout_s=HOUR_S)
def encrypt_model(job: RunningJob) -> None:
    seal(job.args["model"], lambda fraction: job.progress(fraction, _("Encrypting")))
    with job.finishing():
        record_act(MODEL_ENCRYPTED, job.args["model"], {}, actor=job.actor)


@job_handler(DECRYPT, title=_("Decrypt the file of a model"), max_attempts=1, timeout_s=HOUR_S)
def decrypt_model(job: RunningJob) -> None:
    unseal(job.args["model"], lambda fraction: job.progress(fraction, _("Decrypting")))
    with job.finishing():
        record_act(MODEL_DECRYPTED, job.args["model"], {}, actor=job.actor)


@job_handler(FORGET, title=_("Have engines forget what they read for somebody"), max_attempts=25)
def forget(job: RunningJob) -> None:
    """Engines that do not answer are told later: all of them are told again then, which changes nothing."""
    subject = Subject(cast(SubjectKind, job.args["subject_kind"]), UUID(job.args["subject_id"]))
    apart = job.args.get("apart")
    job.progress(0.1, _("Telling the engines"))
    told = asyncio.run(gateway.forget(subject, actor=job.actor, apart=UUID(apart) if apart else None))
    with job.finishing():
        record(
            CACHE_FORGOTTEN,
            actor=job.actor,
            workspace_id=None,
            target=Target(subject.kind, str(subject.id)),
            details={"conversation_id": apart or "", "engines": told},
        )


def _keep(job: RunningJob, model: CatalogueModel, event: AuditEventType) -> None:
    """Register what was made, unless the job was called off meanwhile: then its files go."""
    try:
        with job.finishing():
            keep_own(model, event, actor=job.actor)
    except BaseException:
        shutil.rmtree(home_of(model), ignore_errors=True)
        raise

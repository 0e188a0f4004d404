"""The model files of this machine: what the console's page of models does, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from ninja import Field, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.inference.model_files import (
    catalogue,
    model_choice,
    model_services,
    model_table,
    model_work,
)
from chatplatform.jobs.queries import JobView, newest_by_key

router = Router(tags=["Models and health"])
READ = Access(Permission.MODELS_READ)
MANAGE = Access(Permission.SYSTEM_MANAGE)

WORK = (model_services.PULL, model_services.VERIFY, *model_work.KINDS)


class WorkOut(Schema):
    """What is being done with a model, or what went wrong with it last. `progress` is 0 to 1."""

    kind: str
    title: str
    state: str
    progress: float
    stage: str
    error_code: str
    error_message: str


class ModelFileOut(Schema):
    """A model. Sizes in bytes; speeds in tokens a second on this machine, reckoned while `measured_on` is empty."""

    id: str
    title: str
    kind: Literal["chat", "embedding"]
    licence: str
    languages: list[str]
    context_tokens: int
    download_bytes: int
    memory_bytes: int
    fits: bool
    presence: Literal["here", "unread", "begun", "missing"]
    disk_bytes: int
    encrypted: bool
    own: bool
    made_from: str
    chosen_for: list[str]
    reading_tokens_s: float | None
    writing_tokens_s: float | None
    measured_on: str
    work: WorkOut | None


class ModelFileList(Schema):
    items: list[ModelFileOut]


class AddIn(Schema):
    """`path` of a GGUF file on the server. Name and licence may be left out where the file says them."""

    path: str = Field(max_length=200)
    name: str = Field("", max_length=60)
    licence: str = Field("", max_length=60)


class AddedOut(Schema):
    id: str


class PullIn(Schema):
    """`licence` is the model's licence, which you have read and accept."""

    licence: str = Field(max_length=60)


class WorkIn(Schema):
    """`stop` ends whatever is being done. `kind`, such as Q4_0, is for `quantize`."""

    act: Literal["measure", "tune", "quantize", "encrypt", "decrypt", "verify", "stop"]
    kind: str = Field("", max_length=20)


class ChooseIn(Schema):
    role: Literal["chat", "quick"]


@router.get("model-files", response=answers(ModelFileList), auth=READ, summary="List model files")
def list_model_files(request: ApiRequest) -> dict[str, Any]:
    """Every model of the catalogue and of one's own: what it is, needs, takes and does here."""
    newest = [newest_by_key(kind) for kind in WORK]
    return {"items": [_out(row, newest) for row in model_table.rows()]}


@router.post(
    "model-files",
    response=answers(AddedOut, status=202, errors=CHANGES),
    auth=MANAGE,
    summary="Add a model file of one's own",
    openapi_extra=example({"path": "/srv/models/house.gguf", "licence": "Apache-2.0"}),
)
def add_model_file(request: ApiRequest, body: AddIn) -> Status[AddedOut]:
    """The file is looked into at once, and added by a job."""
    actor = request.caller.actor
    model_id = model_work.ask_to_add(body.path, name=body.name, licence=body.licence, actor=actor)
    return Status(202, AddedOut(id=model_id))


@router.post(
    "model-files/{model_id}/pull",
    response=answers(ModelFileOut, status=202, errors=CHANGES),
    auth=MANAGE,
    summary="Fetch a model",
    openapi_extra=example({"licence": "Apache-2.0"}),
)
def pull_model_file(request: ApiRequest, model_id: str, body: PullIn) -> Status[ModelFileOut]:
    """By a job that goes on where it was interrupted; the licence is accepted with it."""
    model_services.pull(model_id, accepted_licence=body.licence, actor=request.caller.actor)
    return Status(202, _one(model_id))


@router.post(
    "model-files/{model_id}/cancel",
    response=answers(ModelFileOut, errors=CHANGES),
    auth=MANAGE,
    summary="Stop fetching a model",
)
def cancel_pull(request: ApiRequest, model_id: str) -> ModelFileOut:
    """What has arrived is kept."""
    model_services.cancel_pull(model_id, actor=request.caller.actor)
    return _one(model_id)


@router.post(
    "model-files/{model_id}/work",
    response=answers(ModelFileOut, status=202, errors=CHANGES),
    auth=MANAGE,
    summary="Measure, change or check a model",
    openapi_extra=example({"act": "measure"}),
)
def work_on_model_file(request: ApiRequest, model_id: str, body: WorkIn) -> Status[ModelFileOut]:
    """By a job; `work` in the list says how far it is."""
    actor = request.caller.actor
    match body.act:
        case "measure":
            model_work.ask_to_measure(model_id, actor=actor)
        case "tune":
            model_work.ask_to_tune(model_id, actor=actor)
        case "quantize":
            model_work.ask_to_quantize(model_id, body.kind, actor=actor)
        case "encrypt":
            model_work.ask_to_encrypt(model_id, actor=actor)
        case "decrypt":
            model_work.ask_to_decrypt(model_id, actor=actor)
        case "verify":
            model_services.verify(model_id, actor=actor)
        case "stop":
            model_work.stop_work(model_id, actor=actor)
    return Status(202, _one(model_id))


@router.post(
    "model-files/{model_id}/choose",
    response=answers(ModelFileOut, errors=CHANGES),
    auth=MANAGE,
    summary="Have a model answer",
    openapi_extra=example({"role": "chat"}),
)
def choose_model(request: ApiRequest, model_id: str, body: ChooseIn) -> ModelFileOut:
    """It takes over as soon as it is loaded; answers under way end on the other."""
    model_choice.choose(body.role, model_id, actor=request.caller.actor)
    return _one(model_id)


@router.delete(
    "model-files/{model_id}",
    response=answers(None, status=204, errors=(*FINDS, 409)),
    auth=MANAGE,
    summary="Delete the files of a model",
)
def delete_model_file(request: ApiRequest, model_id: str) -> Status[None]:
    """Refused while the model has a role."""
    model_services.remove(model_id, actor=request.caller.actor)
    return Status(204, None)


def _one(model_id: str) -> ModelFileOut:
    catalogue.get(model_id)
    row = next(row for row in model_table.rows() if row.id == model_id)
    return _out(row, [newest_by_key(kind) for kind in WORK])


def _out(row: model_table.ModelRow, newest: list[dict[str, JobView]]) -> ModelFileOut:
    found = [jobs[row.id] for jobs in newest if row.id in jobs]
    last = max(found, key=lambda job: job.created_at, default=None)
    return ModelFileOut(**asdict(row), work=_work(last) if last and last.state != "succeeded" else None)


def _work(job: JobView) -> WorkOut:
    return WorkOut(
        kind=job.kind,
        title=job.title,
        state=job.state.value,
        progress=job.progress,
        stage=job.stage,
        error_code=job.error_code,
        error_message=job.error_message,
    )

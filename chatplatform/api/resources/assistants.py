"""Assistants: what one may talk to, and, for those who manage them, what makes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Field, Query, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.schemas import Body, Moment, Text
from chatplatform.prompts import services
from chatplatform.prompts.assistant_details import AssistantDetails, assistant_details, assistant_list
from chatplatform.prompts.queries import AssistantView, assistants
from chatplatform.prompts.sampling import SamplingSettings

router = Router(tags=["Assistants"])
TALK = Access(Permission.CHAT, Permission.ASSISTANTS_READ)
MANAGE = Access(Permission.ASSISTANTS_MANAGE)


class AssistantOut(Schema):
    """An assistant in your language."""

    id: UUID
    name: str
    description: str
    starters: list[str]
    is_default: bool


class AssistantList(Schema):
    items: list[AssistantOut]


class Words(Body):
    name: Text = Field("", max_length=100)
    description: Text = Field("", max_length=300)


class SamplingIn(Body):
    """What differs from the platform's own sampling; null follows it."""

    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    top_k: int | None = Field(None, ge=0, le=1000)
    min_p: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    repeat_penalty: float | None = Field(None, ge=0.5, le=2, allow_inf_nan=False)
    seed: int | None = Field(None, ge=0, lt=2**32)
    max_tokens: int | None = Field(None, ge=1, le=32_768)
    stop: list[Text] | None = Field(None, max_length=8)
    first_word_s: float | None = Field(
        None,
        ge=0,
        le=600,
        allow_inf_nan=False,
        description="Wished time to the first word: older messages are left out of a long chat for it.",
    )
    summaries: bool | None = Field(
        None, description="False leaves out what does not fit; else it is summarised before."
    )
    thinking: bool | None = Field(
        None, description="False neither shows nor keeps what the model thinks before it answers."
    )


class AssistantIn(Body):
    """All of an assistant: what is left out becomes its default. `group_ids` null means everybody."""

    name: Text = Field(..., min_length=1, max_length=100)
    prompt_id: UUID
    description: Text = Field("", max_length=300)
    translations: dict[str, Words] = Field(default={}, description="By language: `en`, `zh-hans`.")
    starters: dict[str, list[Text]] = Field(default={}, description="By language, at most six each.")
    model: Text = Field("", max_length=200, description="A model of the engine; empty is the chat model.")
    sampling: SamplingIn = Field(default_factory=lambda: SamplingIn.model_validate({}))
    group_ids: list[UUID] | None = Field(None, max_length=100)


class AssistantFull(Schema):
    """An assistant with everything that makes it."""

    id: UUID
    name: str
    description: str
    translations: dict[str, dict[str, str]]
    starters: dict[str, list[str]]
    prompt_id: UUID
    model: str
    sampling: dict[str, Any]
    group_ids: list[UUID] | None
    is_default: bool
    is_demo: bool
    created_at: Moment
    archived_at: Moment | None


class AssistantFullList(Schema):
    items: list[AssistantFull]


class Which(Schema):
    archived: bool = False


EXAMPLE = example({"name": "Shop", "prompt_id": "00000000-0000-0000-0000-000000000000"})


@router.get("assistants", response=answers(AssistantList), auth=TALK, summary="List assistants")
def list_assistants(request: ApiRequest) -> dict[str, Any]:
    """The assistants that you may talk to, the default one first."""
    return {"items": [_out(view) for view in assistants(reader_id=request.caller.id)]}


@router.get(
    "assistants/manage",
    response=answers(AssistantFullList),
    auth=MANAGE,
    summary="List assistants with all that makes them",
)
def list_to_manage(request: ApiRequest, which: Query[Which]) -> dict[str, Any]:
    """Every assistant of the workspace, whoever may talk to it."""
    return {"items": [_full(details) for details in assistant_list(archived=which.archived)]}


@router.get(
    "assistants/{uuid:assistant_id}",
    response=answers(AssistantOut, errors=FINDS),
    auth=TALK,
    summary="Get an assistant",
)
def get_assistant(request: ApiRequest, assistant_id: UUID) -> AssistantOut:
    assistant_details(assistant_id, reader_id=request.caller.id)
    return next(_out(view) for view in assistants(reader_id=request.caller.id) if view.id == assistant_id)


@router.get(
    "assistants/{uuid:assistant_id}/manage",
    response=answers(AssistantFull, errors=FINDS),
    auth=MANAGE,
    summary="Get an assistant with all that makes it",
)
def get_to_manage(request: ApiRequest, assistant_id: UUID) -> AssistantFull:
    return _full(assistant_details(assistant_id))


@router.post(
    "assistants",
    response=answers(AssistantFull, status=201, errors=CHANGES),
    auth=MANAGE,
    summary="Make an assistant",
    openapi_extra=EXAMPLE,
)
def create_assistant(request: ApiRequest, body: AssistantIn) -> Status[AssistantFull]:
    """It speaks the prompt's `production` version, from the first turn on."""
    made = services.create_assistant(_spec(body), body.prompt_id, actor=request.caller.actor)
    return Status(201, _full(assistant_details(made)))


@router.put(
    "assistants/{uuid:assistant_id}",
    response=answers(AssistantFull, errors=CHANGES),
    auth=MANAGE,
    summary="Change an assistant",
    openapi_extra=EXAMPLE,
)
def change_assistant(request: ApiRequest, assistant_id: UUID, body: AssistantIn) -> AssistantFull:
    """Gives the assistant all of this, from the next turn on."""
    services.change_assistant(assistant_id, _spec(body), prompt_id=body.prompt_id, actor=request.caller.actor)
    return _full(assistant_details(assistant_id))


@router.post(
    "assistants/{uuid:assistant_id}/default",
    response=answers(AssistantFull, errors=CHANGES),
    auth=MANAGE,
    summary="Make an assistant the default one",
)
def make_default(request: ApiRequest, assistant_id: UUID) -> AssistantFull:
    services.make_default(assistant_id, actor=request.caller.actor)
    return _full(assistant_details(assistant_id))


@router.post(
    "assistants/{uuid:assistant_id}/archive",
    response=answers(AssistantFull, errors=CHANGES),
    auth=MANAGE,
    summary="Archive an assistant",
)
def archive(request: ApiRequest, assistant_id: UUID) -> AssistantFull:
    """Takes it out of use; its chats stay readable."""
    services.set_archived(assistant_id, True, actor=request.caller.actor)
    return _full(assistant_details(assistant_id))


@router.post(
    "assistants/{uuid:assistant_id}/restore",
    response=answers(AssistantFull, errors=CHANGES),
    auth=MANAGE,
    summary="Restore an assistant",
)
def restore(request: ApiRequest, assistant_id: UUID) -> AssistantFull:
    services.set_archived(assistant_id, False, actor=request.caller.actor)
    return _full(assistant_details(assistant_id))


def _spec(body: AssistantIn) -> services.AssistantSpec:
    return services.AssistantSpec(
        name=body.name,
        description=body.description,
        translations={code: words.model_dump() for code, words in body.translations.items()},
        starters=body.starters,
        sampling=SamplingSettings(**body.sampling.model_dump()),
        model=body.model,
        group_ids=None if body.group_ids is None else frozenset(body.group_ids),
    )


def _out(view: AssistantView) -> AssistantOut:
    return AssistantOut(
        id=view.id,
        name=view.name,
        description=view.description,
        starters=list(view.starters),
        is_default=view.is_default,
    )


def _full(details: AssistantDetails) -> AssistantFull:
    return AssistantFull(
        id=details.id,
        name=details.name,
        description=details.description,
        translations={code: dict(words) for code, words in details.translations.items()},
        starters={code: list(lines) for code, lines in details.starters.items()},
        prompt_id=details.prompt_id,
        model=details.model,
        sampling=details.sampling.stored(),
        group_ids=None if details.group_ids is None else sorted(details.group_ids),
        is_default=details.is_default,
        is_demo=details.is_demo,
        created_at=details.created_at,
        archived_at=details.archived_at,
    )

"""Engines beside the machine's own: which servers answer, and whether prompts may leave for them."""

from __future__ import annotations

from typing import Any, Literal, cast
from uuid import UUID

from ninja import Field, Router, Schema, Status

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import CHANGES, FINDS, answers, example
from chatplatform.api.schemas import Body, Text
from chatplatform.inference.endpoints import endpoint_queries as queries
from chatplatform.inference.endpoints import endpoint_services as services
from chatplatform.inference.endpoints.endpoint_queries import EndpointView
from chatplatform.inference.endpoints.endpoint_services import EndpointSpec
from chatplatform.inference.endpoints.endpoint_trial import try_endpoint

router = Router(tags=["Engines"])
READ = Access(Permission.MODELS_READ)
MANAGE = Access(Permission.SYSTEM_MANAGE)

Kind = Literal["ours", "llama_server", "vllm", "ollama", "openai"]
Place = Literal["machine", "network", "outside"]
Order = Literal["before", "beside", "after"]


class EngineEndpointOut(Schema):
    """An engine beside the machine's own. Its key is never told. `circuit` is how the process that answers finds it:
    closed, it is asked; open, it failed and is left alone; half_open, it is being tried again."""

    id: UUID
    name: str
    url: str
    kind: Kind
    place: Place
    order: Order
    chat_model: str
    quick_model: str
    context_tokens: int
    is_on: bool
    has_key: bool
    circuit: Literal["closed", "open", "half_open"]
    error: str


class EngineEndpointList(Schema):
    items: list[EngineEndpointOut]


class EngineEndpointIn(Body):
    """`order` is when it is asked, beside the machine's own engine. `key` null keeps the one that is there, unless
    address or place change; empty takes it away."""

    name: Text = Field(..., min_length=1, max_length=services.NAME_CHARS)
    url: Text = Field(..., max_length=300)
    kind: Kind
    place: Place
    order: Order = "before"
    chat_model: Text = Field("", max_length=services.MODEL_CHARS)
    quick_model: Text = Field("", max_length=services.MODEL_CHARS)
    context_tokens: int = Field(0, ge=0, le=services.MOST_CONTEXT)
    key: Text | None = Field(None, max_length=services.KEY_CHARS)


class SwitchIn(Body):
    """One that is not on this machine is switched on with `prompts_may_leave` only."""

    on: bool
    prompts_may_leave: bool = False


class TrialOut(Schema):
    """`missing` are models that are named for it and that it does not list; `error` is empty when it answered."""

    models: list[str]
    missing: list[str]
    error: str
    code: str


EXAMPLE = example(
    {
        "name": "GPU server",
        "url": "http://10.0.0.20:8000/v1",
        "kind": "vllm",
        "place": "network",
        "chat_model": "Qwen/Qwen2.5-14B-Instruct",
    }
)


@router.get("engines", response=answers(EngineEndpointList), auth=READ, summary="List engines")
def list_engines(request: ApiRequest) -> dict[str, Any]:
    """The machine's own engine is not among them: how it is, `/api/health` says."""
    return {"items": [_out(view) for view in queries.endpoint_list()]}


@router.post(
    "engines",
    response=answers(EngineEndpointOut, status=201, errors=CHANGES),
    auth=MANAGE,
    summary="Add an engine",
    openapi_extra=EXAMPLE,
)
def add_engine(request: ApiRequest, body: EngineEndpointIn) -> Status[EngineEndpointOut]:
    """One on this machine is used from now on; any other is off until it is switched on."""
    row = services.add_endpoint(_spec(body), actor=request.caller.actor)
    return Status(201, _out(queries.endpoint(row.id)))


@router.get(
    "engines/{uuid:engine_id}",
    response=answers(EngineEndpointOut, errors=FINDS),
    auth=READ,
    summary="Get an engine",
)
def get_engine(request: ApiRequest, engine_id: UUID) -> EngineEndpointOut:
    return _out(queries.endpoint(engine_id))


@router.put(
    "engines/{uuid:engine_id}",
    response=answers(EngineEndpointOut, errors=CHANGES),
    auth=MANAGE,
    summary="Change an engine",
    openapi_extra=EXAMPLE,
)
def change_engine(request: ApiRequest, engine_id: UUID, body: EngineEndpointIn) -> EngineEndpointOut:
    """Another address or place switches off what is not on this machine, and drops its key."""
    services.change_endpoint(engine_id, _spec(body), actor=request.caller.actor)
    return _out(queries.endpoint(engine_id))


@router.post(
    "engines/{uuid:engine_id}/switch",
    response=answers(EngineEndpointOut, errors=CHANGES),
    auth=MANAGE,
    summary="Switch an engine on or off",
    openapi_extra=example({"on": True, "prompts_may_leave": True}),
)
def switch_engine(request: ApiRequest, engine_id: UUID, body: SwitchIn) -> EngineEndpointOut:
    services.switch_endpoint(
        engine_id, body.on, prompts_may_leave=body.prompts_may_leave, actor=request.caller.actor
    )
    return _out(queries.endpoint(engine_id))


@router.post(
    "engines/{uuid:engine_id}/test",
    response=answers(TrialOut, errors=CHANGES),
    auth=MANAGE,
    summary="Test an engine",
)
def test_engine(request: ApiRequest, engine_id: UUID) -> TrialOut:
    """Asks it which models it has. No prompt is sent."""
    trial = try_endpoint(engine_id, actor=request.caller.actor)
    return TrialOut(
        models=list(trial.models), missing=list(trial.missing), error=str(trial.error), code=trial.code
    )


@router.delete(
    "engines/{uuid:engine_id}",
    response=answers(None, status=204, errors=CHANGES),
    auth=MANAGE,
    summary="Remove an engine",
)
def remove_engine(request: ApiRequest, engine_id: UUID) -> Status[None]:
    """Its key goes with it."""
    services.remove_endpoint(engine_id, actor=request.caller.actor)
    return Status(204, None)


def _spec(body: EngineEndpointIn) -> EndpointSpec:
    return EndpointSpec(**body.model_dump())


def _out(view: EndpointView) -> EngineEndpointOut:
    row = view.row
    return EngineEndpointOut(
        id=row.id,
        name=row.name,
        url=row.url,
        kind=cast(Kind, row.kind),
        place=cast(Place, row.place),
        order=cast(Order, row.order),
        chat_model=row.chat_model,
        quick_model=row.quick_model,
        context_tokens=row.context_tokens,
        is_on=row.is_on,
        has_key=view.has_key,
        circuit=view.circuit,
        error=view.error,
    )

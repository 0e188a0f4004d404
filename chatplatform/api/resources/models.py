"""Models of the engine, and how the engines are."""

from __future__ import annotations

from typing import Any, Literal

from asgiref.sync import async_to_sync
from ninja import Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import answers
from chatplatform.inference import gateway
from chatplatform.inference.endpoints.endpoint_queries import others_may_answer

router = Router(tags=["Models and health"])
READ = Access(Permission.MODELS_READ)
ANYBODY = Access()


class ModelOut(Schema):
    """A model that the engine serves. Speeds are measured, in tokens a second; null where unknown."""

    id: str
    aliases: list[str]
    sha256: str
    context_tokens: int | None
    reading_tokens_s: float | None
    writing_tokens_s: float | None


class ModelList(Schema):
    items: list[ModelOut]


class EngineOut(Schema):
    name: Literal["llm", "encoder"]
    state: str
    error: str


class HealthOut(Schema):
    """`can_chat` says whether an assistant can answer now."""

    can_chat: bool
    engines: list[EngineOut]


@router.get("models", response=answers(ModelList), auth=READ, summary="List models")
def list_models(request: ApiRequest) -> dict[str, Any]:
    """What the engines serve now. Assistants, as models of the OpenAI protocol, are under /v1/models."""
    found = [model for role in _roles() for model in _status(role).models]
    return {
        "items": [
            ModelOut(
                id=model.id,
                aliases=list(model.aliases),
                sha256=model.sha256,
                context_tokens=model.context_tokens,
                reading_tokens_s=model.reading_tokens_s,
                writing_tokens_s=model.writing_tokens_s,
            )
            for model in found
        ]
    }


@router.get("health", response=answers(HealthOut), auth=ANYBODY, summary="How the engines are")
def health(request: ApiRequest) -> HealthOut:
    """For programs that wait for a model. Load balancers ask /healthz and /readyz."""
    engines = [
        EngineOut(name=role, state=status.state, error=status.error)
        for role in _roles()
        for status in [_status(role)]
    ]
    return HealthOut(can_chat=engines[0].state == "ready" or others_may_answer("chat"), engines=engines)


def _roles() -> tuple[Literal["llm"], Literal["encoder"]]:
    return ("llm", "encoder")


def _status(role: Literal["llm", "encoder"]) -> gateway.EngineStatus:
    return async_to_sync(gateway.engine_status)(role)

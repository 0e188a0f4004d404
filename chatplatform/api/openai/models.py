"""`GET /v1/models`: the assistants that the caller may talk to, and the embedding model."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from ninja import Path, Router

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.openai.assistants import DEFAULT, ModelNotFound
from chatplatform.api.openai.documentation import openai_answers
from chatplatform.api.openai.shapes import ModelObject, ModelObjects
from chatplatform.prompts.queries import AssistantView, assistants

router = Router(tags=["OpenAI protocol"])
ACCESS = Access(Permission.CHAT)
EMBEDDING = "embedding"


@router.get("models", response=openai_answers(ModelObjects), auth=ACCESS, summary="List models")
def list_models(request: ApiRequest) -> dict[str, Any]:
    """Assistants as models. `default` is the workspace's default one, whichever that is."""
    return {"object": "list", "data": _models(request)}


@router.get(
    "models/{str:model}",
    response=openai_answers(ModelObject, errors=(404,)),
    auth=ACCESS,
    summary="Get a model",
)
def get_model(request: ApiRequest, model: Path[str]) -> dict[str, Any]:
    found = next((entry for entry in _models(request) if entry["id"] == model), None)
    if found is None:
        raise ModelNotFound
    return found


def _models(request: ApiRequest) -> list[dict[str, Any]]:
    found = assistants(reader_id=request.caller.id)
    entries = [_entry(str(assistant.id), assistant) for assistant in found]
    default = next((assistant for assistant in found if assistant.is_default), None)
    if default is not None:
        entries.insert(0, _entry(DEFAULT, default))
    entries.append(
        {
            **_head(EMBEDDING),
            "name": settings.ENVIRONMENT.embedding_model,
            "description": _("Turns texts into vectors."),
        }
    )
    return entries


def _entry(model: str, assistant: AssistantView) -> dict[str, Any]:
    return {**_head(model), "name": assistant.name, "description": assistant.description}


def _head(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": 0, "owned_by": "workspace"}

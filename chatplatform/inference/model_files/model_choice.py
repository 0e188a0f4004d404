"""Which model answers in which role: the environment says it, else the console, else the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.environment.variables import Environment
from chatplatform.inference.audit_events import MODEL_CHOSEN
from chatplatform.inference.model_files import catalogue, model_store
from chatplatform.inference.model_files.fit import machine_facts
from chatplatform.inference.models import ModelChoice

Role = Literal["chat", "quick"]
Source = Literal["environment", "console", "default"]
ROLES: tuple[Role, ...] = ("chat", "quick")
SETTINGS: dict[Role, str] = {"chat": "CHATPLATFORM_CHAT_MODEL", "quick": "CHATPLATFORM_QUICK_MODEL"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """`reference` is a catalogue id, or the path of a model of one's own that the environment names."""

    reference: str
    source: Source


def chosen_models() -> dict[Role, Chosen]:
    """The model of each role. One query. Raises DatabaseError."""
    rows = dict(ModelChoice.objects.values_list("role", "model_id"))
    return {role: _chosen(role, rows.get(role, "")) for role in ROLES}


def chosen_or_default() -> dict[Role, Chosen]:
    """The same where there may be no database yet, or none that answers: then without the console's word."""
    try:
        return chosen_models()
    except DatabaseError:
        return {role: _chosen(role, "") for role in ROLES}


def engine_wishes() -> tuple[list[str], str]:
    """What an engine of ours is to serve: references for chat, best first, and the one for quick.

    Raises DatabaseError: an engine that has served keeps to what it knew.
    """
    chosen = chosen_models()
    chat, quick = chosen["chat"].reference, chosen["quick"].reference
    # whatever happens to the file of the one that was chosen, somebody answers
    return list(dict.fromkeys([chat, default_model("chat"), quick, default_model("quick")])), quick


def default_model(role: Role) -> str:
    """What the settings name, or would name if nobody had set them."""
    environment = settings.ENVIRONMENT
    reference: str = environment.chat_model if role == "chat" else environment.quick_model
    return reference


def choose(role: Role, model_id: str, *, actor: Actor) -> None:
    """Have `model_id` answer in `role` from now on; the engine changes over without dropping an answer.

    Raises NotFound; InvalidInput for a model of another kind; Conflict when the environment decides, the engine
    is somebody else's, the file is not here, or the machine is too small.
    """
    model = catalogue.get(model_id)
    if model.kind != "chat":
        raise InvalidInput("model_wrong_kind", _("This model makes embeddings; it cannot answer."))
    if settings.ENVIRONMENT.llm_url:
        raise Conflict(
            "model_engine_elsewhere",
            _("The engine named by CHATPLATFORM_LLM_URL chooses its own model. Change it there."),
        )
    if _is_set(role):
        raise Conflict(
            "model_set_by_environment",
            _("The environment decides this: remove its setting and start again, then choose here."),
        )
    if model_store.presence(model_id) != "here":
        raise Conflict("model_not_here", _("The file of this model is not here yet. Fetch it first."))
    if model.memory_bytes > machine_facts().memory_bytes:
        raise Conflict("model_too_large", _("This machine has too little memory for this model."))
    with transaction.atomic():
        before = chosen_models()[role].reference
        ModelChoice.objects.update_or_create(role=role, defaults={"model_id": model_id, "changed_at": now()})
        record(
            MODEL_CHOSEN,
            actor=actor,
            workspace_id=None,
            target=Target("model", model_id),
            details={"role": role, "model": model_id, "instead_of": _printable(before)},
        )


def is_in_use(model_id: str) -> bool:
    """Whether some role has this model, or would have it when a choice falls away."""
    chosen = chosen_models()
    references = {each.reference for each in chosen.values()} | {default_model(role) for role in ROLES}
    return model_id in references | {settings.ENVIRONMENT.embedding_model}


def _chosen(role: Role, stored: str) -> Chosen:
    if _is_set(role):
        return Chosen(default_model(role), "environment")
    if stored and catalogue.find(stored) is not None:  # rows outlive catalogues
        return Chosen(stored, "console")
    return Chosen(default_model(role), "default")


def _is_set(role: Role) -> bool:
    environment: Environment = settings.ENVIRONMENT
    return ("chat_model" if role == "chat" else "quick_model") in environment.model_fields_set


def _printable(reference: str) -> str:
    """A catalogue id as it is; of a path its length only is nobody's business either."""
    return reference if catalogue.find(reference) else "own"

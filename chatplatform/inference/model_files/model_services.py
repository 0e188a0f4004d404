"""What people do with model files: have one fetched, read anew, or deleted. Each is on record."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.common.scope import all_workspaces
from chatplatform.inference.audit_events import MODEL_ASKED_FOR, MODEL_REMOVED
from chatplatform.inference.model_files import accepted_licences, catalogue, model_store
from chatplatform.inference.model_files.model_choice import is_in_use
from chatplatform.inference.model_files.model_work import unfinished_work
from chatplatform.jobs.queries import newest_by_key
from chatplatform.jobs.services import cancel, enqueue

PULL, VERIFY = "inference.pull_model", "inference.verify_model"


def pull(model_id: str, *, accepted_licence: str, actor: Actor) -> UUID:
    """Have a model fetched by a job, which can be interrupted and goes on; the job's id.

    `accepted_licence` is the licence that the person read and agreed to. Raises NotFound; InvalidInput when it
    is not this model's; Conflict when the model is here.
    """
    model = catalogue.get(model_id)
    if accepted_licence != model.licence:
        raise InvalidInput("licence_not_accepted", _("Accept the licence of the model first."))
    if model_store.presence(model_id) == "here":
        raise Conflict("model_here", _("This model is here already."))
    with transaction.atomic():
        accept_licence(model_id, actor=actor)
        return enqueue(PULL, args={"model": model_id}, actor=actor, workspace_id=None, dedupe_key=model_id)


def accept_licence(model_id: str, *, actor: Actor) -> None:
    """Remember that somebody read the licence of a model and agreed to it. Raises NotFound, ModelUnavailable."""
    model = catalogue.get(model_id)
    with transaction.atomic():
        record(
            MODEL_ASKED_FOR,
            actor=actor,
            workspace_id=None,
            target=Target("model", model_id),
            details={
                "model": model_id,
                "licence": model.licence,
                "sha256": model_store.model_sha256(model_id),
            },
        )
        try:
            accepted_licences.accept(model)
        except OSError as error:
            raise model_store.unwritable(error) from error


def cancel_pull(model_id: str, *, actor: Actor) -> None:
    """Call a fetch off; what has arrived stays, and the next one goes on from there. Raises Conflict."""
    running = newest_by_key(PULL).get(model_id)
    if running is None or not running.can_cancel:
        raise Conflict("model_not_coming", _("This model is not being fetched."))
    with all_workspaces("the platform fetches models for every workspace"):
        cancel(running.id, actor=actor)


def verify(model_id: str, *, actor: Actor) -> UUID:
    """Have the files of a model read from beginning to end by a job; its id. Raises NotFound."""
    catalogue.get(model_id)
    return enqueue(VERIFY, args={"model": model_id}, actor=actor, workspace_id=None, dedupe_key=model_id)


def remove(model_id: str, *, actor: Actor) -> int:
    """Delete the files of a model; how many bytes became free.

    Raises NotFound, Conflict while the model has a role or is being fetched, ModelUnavailable.
    """
    catalogue.get(model_id)
    if is_in_use(model_id):
        raise Conflict("model_in_use", _("This model is in use. Choose another one first."))
    running = newest_by_key(PULL).get(model_id)
    if running is not None and running.can_cancel:
        raise Conflict("model_coming", _("This model is being fetched. Stop that first."))
    if unfinished_work(model_id) is not None:
        raise Conflict("model_busy", _("Something is being done with this model. Stop that first."))
    with transaction.atomic():
        freed = model_store.remove(model_id)
        record(
            MODEL_REMOVED,
            actor=actor,
            workspace_id=None,
            target=Target("model", model_id),
            details={"model": model_id, "bytes": freed},
        )
    return freed

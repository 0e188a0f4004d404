"""Longer work with models of this machine, asked for and called off: each a job with its progress."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.inference.model_files import model_store, own_models
from chatplatform.inference.model_files.benchmarking import chat_file
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.own_files import check_is_new, id_for, look_into
from chatplatform.inference.model_files.quantizing import check_kind, file_name, quantized_id, source_of
from chatplatform.jobs.queries import JobView, newest_by_key
from chatplatform.jobs.services import ARGUMENT_LIMIT, cancel, enqueue

ADD: Final = "inference.add_model"
QUANTIZE: Final = "inference.quantize_model"
TUNE: Final = "inference.tune_model"
MEASURE: Final = "inference.measure_model"
ENCRYPT: Final = "inference.encrypt_model"
DECRYPT: Final = "inference.decrypt_model"
KINDS: Final = (ADD, QUANTIZE, TUNE, MEASURE, ENCRYPT, DECRYPT)


def ask_to_add(path: str, *, name: str, licence: str, actor: Actor) -> str:
    """Have a GGUF file of this server added as a model of one's own; the id that it gets.

    The file's header is read at once, so that a wrong file is refused at once. Raises InvalidInput, Conflict.
    """
    words = {"path": path.strip(), "title": name.strip(), "licence": licence.strip()}
    if any(len(word) > ARGUMENT_LIMIT for word in words.values()):
        raise InvalidInput("own_file_words_long", _("Path, name and licence may have 200 characters each."))
    if not Path(words["path"]).is_absolute():
        raise InvalidInput("own_file_not_absolute", _("Give the whole path of the file, from / on."))
    own = look_into(Path(words["path"]))
    words = {**words, "title": words["title"] or own.title, "licence": words["licence"] or own.licence}
    if not words["licence"]:
        raise InvalidInput("licence_missing", _("Say under which licence you have this model."))
    model_id = id_for(words["title"]) if name.strip() else own.model_id
    check_is_new(model_id, own.path.name)
    enqueue(ADD, args={"model": model_id, **words}, actor=actor, workspace_id=None, dedupe_key=model_id)
    return model_id


def ask_to_quantize(model_id: str, kind: str, *, actor: Actor) -> UUID:
    """Have a model made anew with weights of type `kind`. Raises NotFound, InvalidInput, Conflict."""
    check_kind(kind)
    _check_read(model_id)
    source_of(model_id)
    check_is_new(quantized_id(model_id, kind), file_name(quantized_id(model_id, kind)))
    return _enqueue(QUANTIZE, model_id, actor, kind=kind)


def ask_to_tune(model_id: str, *, actor: Actor) -> UUID:
    """Have the fastest type of a model for this machine found and kept. Raises NotFound, InvalidInput, Conflict."""
    _check_read(model_id)
    source_of(model_id)
    return _enqueue(TUNE, model_id, actor)


def ask_to_measure(model_id: str, *, actor: Actor) -> UUID:
    """Have a model's speeds measured here. Raises NotFound, InvalidInput, Conflict."""
    _check_read(model_id)
    chat_file(model_id)
    return _enqueue(MEASURE, model_id, actor)


def ask_to_encrypt(model_id: str, *, actor: Actor) -> UUID:
    """Have the file of a model encrypted. Raises NotFound, InvalidInput, Conflict."""
    _check_read(model_id)
    source_of(model_id)
    return _enqueue(ENCRYPT, model_id, actor)


def ask_to_decrypt(model_id: str, *, actor: Actor) -> UUID:
    """Have the file of a model decrypted. Raises NotFound, InvalidInput, Conflict."""
    _check_read(model_id)
    chat_file(model_id)
    return _enqueue(DECRYPT, model_id, actor)


def unfinished_work(model_id: str) -> JobView | None:
    """The work with this model that waits or runs, if there is one."""
    found = (newest_by_key(kind).get(model_id) for kind in KINDS)
    return next((job for job in found if job is not None and job.can_cancel), None)


def stop_work(model_id: str, *, actor: Actor) -> None:
    """Call off what is being done with a model; nothing of it is left. Raises Conflict."""
    running = unfinished_work(model_id)
    if running is None:
        raise Conflict("model_not_busy", _("Nothing is being done with this model."))
    cancel(running.id, actor=actor, of_platform=True)


def keep_own(model: CatalogueModel, event: AuditEventType, *, actor: Actor) -> None:
    """Register a model whose files are in place, on record; in the caller's transaction. Raises OSError."""
    details = {"model": model.id, "sha256": model.files[0].sha256}
    details |= {"made_from": model.made_from} if model.made_from else {"licence": model.licence}
    record_act(event, model.id, details, actor=actor)
    own_models.register(model)


def record_act(event: AuditEventType, model_id: str, details: dict[str, str], *, actor: Actor) -> None:
    """Record what was done with a model's files."""
    record(
        event,
        actor=actor,
        workspace_id=None,
        target=Target("model", model_id),
        details={"model": model_id, **details},
    )


def _check_read(model_id: str) -> None:
    """Whoever asks does not wait while gigabytes are read: a file that was never compared is compared first."""
    if model_store.presence(model_id) == "unread":
        raise Conflict("model_unread", _("The files of this model were not compared yet. Check them first."))


def _enqueue(work: str, model_id: str, actor: Actor, **more: str) -> UUID:
    with transaction.atomic():
        if unfinished_work(model_id) is not None:
            raise Conflict("model_busy", _("Something is being done with this model. Stop that first."))
        return enqueue(
            work, args={"model": model_id, **more}, actor=actor, workspace_id=None, dedupe_key=model_id
        )

"""Changes to prompts: each in one transaction with its audit event, in the open workspace scope."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.common.scope import current_workspace_id
from chatplatform.prompts import audit_events
from chatplatform.prompts.labels import locked_prompt, move_label
from chatplatform.prompts.models import Prompt, PromptLabel, PromptVersion
from chatplatform.prompts.text_format import opening_messages

MAX_PROMPT_CHARS = 100_000
MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """`created` is False when the newest version had this text already, and nothing was written."""

    prompt_id: UUID
    version_id: UUID
    number: int
    sha256: str
    created: bool


def create_prompt(name: str, text: str, *, actor: Actor, shipped_id: str = "") -> SavedVersion:
    """Make a prompt with its first version, released as `production`.

    Raises InvalidInput for an empty or overlong name or text, Conflict when the name is taken.
    """
    name = checked_name(name)
    try:
        with transaction.atomic():
            prompt = Prompt.objects.create(
                workspace_id=current_workspace_id(), name=name, shipped_id=shipped_id
            )
            record(
                audit_events.PROMPT_CREATED,
                actor=actor,
                workspace_id=prompt.workspace_id,
                target=Target("prompt", str(prompt.id)),
            )
            saved = save_version(prompt.id, text, actor=actor)
            move_label(prompt.id, PromptLabel.PRODUCTION, saved.version_id, actor=actor)
    except IntegrityError as error:
        raise Conflict("prompt_name_taken", _("There is a prompt with this name. Choose another.")) from error
    return saved


def save_version(prompt_id: UUID, text: str, *, actor: Actor, note: str = "") -> SavedVersion:
    """Keep `text` as the next version; no label moves. The text of the newest version is not saved twice.

    Raises InvalidInput for an empty or overlong text or examples that are no pairs, NotFound for an unknown prompt.
    """
    if not text.strip() or "\x00" in text or len(text) > MAX_PROMPT_CHARS:
        raise InvalidInput(
            "prompt_text_invalid",
            _("Write a prompt of 1 to %(limit)s characters.") % {"limit": f"{MAX_PROMPT_CHARS:,}"},
        )
    opening_messages(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        prompt = locked_prompt(prompt_id)
        newest = prompt.versions.order_by("-number").first()
        if newest is not None and newest.sha256 == sha256:
            return SavedVersion(prompt.id, newest.id, newest.number, sha256, created=False)
        version = PromptVersion.objects.create(
            workspace_id=prompt.workspace_id,
            prompt=prompt,
            number=(prompt.versions.aggregate(last=Max("number"))["last"] or 0) + 1,
            text=text,
            sha256=sha256,
            note=note.strip()[:200],
            created_by=actor.id,
        )
        record(
            audit_events.VERSION_SAVED,
            actor=actor,
            workspace_id=prompt.workspace_id,
            target=Target("prompt_version", str(version.id)),
            details={
                "prompt_id": str(prompt.id),
                "number": version.number,
                "sha256": sha256,
                "characters": len(text),
            },
        )
    return SavedVersion(prompt.id, version.id, version.number, sha256, created=True)


def rename_prompt(prompt_id: UUID, name: str, *, actor: Actor) -> None:
    """Give the prompt another name. Raises InvalidInput for a bad one, Conflict when it is taken, NotFound."""
    name = checked_name(name)
    try:
        with transaction.atomic():
            prompt = locked_prompt(prompt_id)
            if prompt.name == name:
                return
            prompt.name = name
            prompt.save(update_fields=["name"])
            record(
                audit_events.PROMPT_RENAMED,
                actor=actor,
                workspace_id=prompt.workspace_id,
                target=Target("prompt", str(prompt.id)),
            )
    except IntegrityError as error:
        raise Conflict("prompt_name_taken", _("There is a prompt with this name. Choose another.")) from error


def set_retired(prompt_id: UUID, retired: bool, *, actor: Actor) -> None:
    """Take a prompt out of use, or into use again; its versions stay for the answers that name them."""
    with transaction.atomic():
        prompt = locked_prompt(prompt_id)
        if (prompt.retired_at is not None) != retired:
            _write_retired(prompt, retired, actor=actor)


def _write_retired(prompt: Prompt, retired: bool, *, actor: Actor) -> None:
    prompt.retired_at = now() if retired else None
    prompt.save(update_fields=["retired_at"])
    record(
        audit_events.PROMPT_RETIRED if retired else audit_events.PROMPT_REVIVED,
        actor=actor,
        workspace_id=prompt.workspace_id,
        target=Target("prompt", str(prompt.id)),
    )


def checked_name(name: str) -> str:
    name = name.strip()
    if not name or "\x00" in name or len(name) > MAX_NAME_CHARS:
        raise InvalidInput(
            "name_invalid", _("Choose a name of 1 to %(limit)s characters.") % {"limit": MAX_NAME_CHARS}
        )
    return name

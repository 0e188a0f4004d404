"""Labels: movable names for versions of a prompt. `production` is what people get, from the next turn on.

Whoever moves a label may say where they saw it. When it stands elsewhere by then, nothing moves: of two who act at
the same time one wins, and the other is told.
"""

from __future__ import annotations

import re
from typing import Final, Literal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.prompts import audit_events
from chatplatform.prompts.models import LabelMove, Prompt, PromptLabel, PromptVersion

Anything = Literal["anything"]
ANYTHING: Final = "anything"

MAX_LABELS = 20
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# names that would promise more than a label does
_RESERVED = frozenset({"latest", "newest", "draft"})


def move_label(
    prompt_id: UUID,
    label: str,
    version_id: UUID,
    *,
    actor: Actor,
    expected_version_id: UUID | Anything | None = ANYTHING,
) -> None:
    """Point `label` at a version of the prompt; moving it to where it is changes nothing.

    `expected_version_id` is where the caller saw the label (None: nowhere). Raises Conflict when it stands
    elsewhere, InvalidInput for a bad name, NotFound when the prompt is unknown or the version not its own.
    """
    with transaction.atomic():
        prompt = locked_prompt(prompt_id)
        row = prompt.labels.filter(name=label).first()
        if row is None:
            _check_new(prompt, label)
        version = _version_of(prompt, version_id)
        _expect(row.version_id if row else None, expected_version_id)
        _move(prompt, label, version, row.version_id if row else None, LabelMove.Kind.RELEASE, actor)


def roll_back(
    prompt_id: UUID,
    *,
    actor: Actor,
    label: str = PromptLabel.PRODUCTION,
    expected_version_id: UUID | Anything = ANYTHING,
) -> int:
    """Point `label` at the version that it named before the current one was released; that version's number.

    Rolling back again goes one release further back. Raises Conflict when there is nothing before, or when the
    label does not stand at `expected_version_id` any more; NotFound for an unknown prompt or label.
    """
    with transaction.atomic():
        prompt = locked_prompt(prompt_id)
        row = prompt.labels.filter(name=label).first()
        if row is None:
            raise NotFound("label_unknown", _("This prompt has no such label."))
        _expect(row.version_id, expected_version_id)
        before = version_before(prompt.id, label, row.version_id)
        if before is None:
            raise Conflict("nothing_before", _("There is no earlier release to go back to."))
        _move(prompt, label, before, row.version_id, LabelMove.Kind.ROLLBACK, actor)
    return before.number


def remove_label(prompt_id: UUID, label: str, *, actor: Actor) -> None:
    """Take a label off the prompt. Raises Conflict for `production`, NotFound when there is none."""
    if label == PromptLabel.PRODUCTION:
        raise Conflict(
            "label_in_use", _("“production” is what people get: move it to another version instead.")
        )
    with transaction.atomic():
        prompt = locked_prompt(prompt_id)
        row = prompt.labels.filter(name=label).first()
        if row is None:
            raise NotFound("label_unknown", _("This prompt has no such label."))
        _note(prompt, label, None, row.version_id, LabelMove.Kind.REMOVAL, actor)
        record(
            audit_events.LABEL_REMOVED,
            actor=actor,
            workspace_id=prompt.workspace_id,
            target=Target("prompt", str(prompt.id)),
            details={"label": label, "from_version_id": str(row.version_id)},
        )
        row.delete()


def version_before(prompt_id: UUID, label: str, version_id: UUID) -> PromptVersion | None:
    """What stood under the label before the release that brought `version_id`; None for the first one."""
    release = (
        LabelMove.objects.filter(
            prompt_id=prompt_id, label=label, version_id=version_id, kind=LabelMove.Kind.RELEASE
        )
        .order_by("-id")
        .select_related("from_version")
        .first()
    )
    return release.from_version if release else None


def locked_prompt(prompt_id: UUID) -> Prompt:
    """The prompt, locked until the transaction ends, so that version numbers and labels go one after another."""
    prompt = Prompt.objects.select_for_update().filter(id=prompt_id).first()
    if prompt is None:
        raise NotFound("prompt_unknown", _("There is no such prompt."))
    return prompt


def _check_new(prompt: Prompt, label: str) -> None:
    if not _LABEL.fullmatch(label) or label in _RESERVED:
        raise InvalidInput(
            "label_invalid",
            _("A label has 1 to 32 small letters, digits and hyphens, and is not “latest” or “draft”."),
        )
    if prompt.labels.count() >= MAX_LABELS:
        raise Conflict(
            "too_many_labels",
            _("A prompt has at most %(limit)s labels. Take one off first.") % {"limit": MAX_LABELS},
        )


def _version_of(prompt: Prompt, version_id: UUID) -> PromptVersion:
    version = prompt.versions.filter(id=version_id).first()
    if version is None:
        raise NotFound("prompt_version_unknown", _("There is no such version of this prompt."))
    return version


def _expect(current: UUID | None, expected: UUID | Anything | None) -> None:
    if expected not in (ANYTHING, current):
        raise Conflict(
            "label_moved_meanwhile",
            _("Somebody has moved this label meanwhile. Look at the prompt again, then decide."),
        )


def _move(
    prompt: Prompt,
    label: str,
    version: PromptVersion,
    before: UUID | None,
    kind: LabelMove.Kind,
    actor: Actor,
) -> None:
    if before == version.id:
        return
    PromptLabel.objects.update_or_create(
        prompt=prompt,
        name=label,
        defaults={"version": version, "moved_at": now(), "workspace_id": prompt.workspace_id},
    )
    _note(prompt, label, version.id, before, kind, actor)
    record(
        audit_events.LABEL_MOVED,
        actor=actor,
        workspace_id=prompt.workspace_id,
        target=Target("prompt", str(prompt.id)),
        details={
            "label": label,
            "version_id": str(version.id),
            "number": version.number,
            "from_version_id": str(before) if before else None,
            "kind": str(kind),
        },
    )


def _note(
    prompt: Prompt,
    label: str,
    version_id: UUID | None,
    before: UUID | None,
    kind: LabelMove.Kind,
    actor: Actor,
) -> None:
    LabelMove.objects.create(
        workspace_id=prompt.workspace_id,
        prompt=prompt,
        label=label,
        kind=kind,
        version_id=version_id,
        from_version_id=before,
        moved_by=actor.id,
    )

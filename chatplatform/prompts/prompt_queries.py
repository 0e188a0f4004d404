"""Questions about prompts, their versions and labels, in the open workspace scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import F, Max, OuterRef, Subquery
from django.db.models.functions import Length
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import User
from chatplatform.common.errors import NotFound
from chatplatform.prompts.labels import version_before
from chatplatform.prompts.models import LabelMove, Prompt, PromptLabel, PromptVersion


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """A prompt in a list. `released` is the number of its `production` version, None when there is none."""

    id: UUID
    name: str
    released: int | None
    newest: int
    changed_at: datetime
    assistants: tuple[str, ...]
    is_retired: bool

    @property
    def has_unreleased(self) -> bool:
        return self.released is None or self.newest > self.released


@dataclass(frozen=True, slots=True)
class VersionText:
    """A saved version with its text."""

    id: UUID
    prompt_id: UUID
    prompt_name: str
    number: int
    note: str
    sha256: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version in a history. `author` is a person's name, or what the platform did it for."""

    id: UUID
    number: int
    note: str
    author: str
    created_at: datetime
    characters: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelView:
    name: str
    number: int
    version_id: UUID
    moved_at: datetime

    @property
    def is_production(self) -> bool:
        return self.name == PromptLabel.PRODUCTION


@dataclass(frozen=True, slots=True)
class MoveView:
    """A step in the history of labels; a number is None where there was, or is, no version."""

    label: str
    kind: str
    kind_label: str
    number: int | None
    from_number: int | None
    author: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class PromptView:
    """A prompt with its labels. `rollback_number` is where a rollback of `production` would go to."""

    id: UUID
    name: str
    is_retired: bool
    newest: int
    labels: tuple[LabelView, ...]
    rollback_number: int | None
    assistants: tuple[tuple[UUID, str], ...]

    @property
    def production(self) -> LabelView | None:
        return next((label for label in self.labels if label.is_production), None)

    @property
    def assistants_names(self) -> str:
        return ", ".join(name for _id, name in self.assistants)


def prompt_list() -> list[PromptSummary]:
    """All prompts by name, those in use first."""
    released = PromptLabel.objects.filter(prompt=OuterRef("pk"), name=PromptLabel.PRODUCTION)
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    rows = (
        Prompt.objects.annotate(
            newest=Subquery(newest.values("number")[:1]),
            changed_at=Subquery(newest.values("created_at")[:1]),
            released=Subquery(released.values("version__number")[:1]),
        )
        .filter(newest__isnull=False)
        .order_by(F("retired_at").asc(nulls_first=True), "name")
        .prefetch_related("assistants")
    )
    return [
        PromptSummary(
            row.id,
            row.name,
            row.released,
            row.newest,
            row.changed_at,
            tuple(sorted(one.name for one in row.assistants.all() if one.archived_at is None)),
            row.retired_at is not None,
        )
        for row in rows
    ]


def prompt_view(prompt_id: UUID) -> PromptView:
    """Raises NotFound."""
    row = Prompt.objects.filter(id=prompt_id).annotate(newest=Max("versions__number")).first()
    if row is None or row.newest is None:
        raise _unknown()
    labels = tuple(
        LabelView(label.name, label.version.number, label.version_id, label.moved_at)
        for label in row.labels.select_related("version").order_by("name")
    )
    production = next((label for label in labels if label.is_production), None)
    before = version_before(row.id, PromptLabel.PRODUCTION, production.version_id) if production else None
    return PromptView(
        id=row.id,
        name=row.name,
        is_retired=row.retired_at is not None,
        newest=row.newest,
        labels=labels,
        rollback_number=before.number if before else None,
        assistants=tuple(
            row.assistants.filter(archived_at__isnull=True).order_by("name").values_list("id", "name")
        ),
    )


def prompt_by_name(name: str) -> UUID:
    """The id of the prompt with this name, whatever the case; raises NotFound."""
    found = Prompt.objects.filter(name__iexact=name).values_list("id", flat=True).first()
    if found is None:
        raise NotFound("prompt_unknown", _("There is no prompt with this name."))
    return found


def version_text(prompt_id: UUID, number: int | None = None) -> VersionText:
    """A version by number, the newest without one. Raises NotFound."""
    rows = PromptVersion.objects.filter(prompt_id=prompt_id).select_related("prompt").order_by("-number")
    row = (rows if number is None else rows.filter(number=number)).first()
    if row is None:
        raise NotFound("prompt_version_unknown", _("There is no such version of this prompt."))
    return VersionText(row.id, prompt_id, row.prompt.name, row.number, row.note, row.sha256, row.text)


def released_text(prompt_id: UUID, label: str = PromptLabel.PRODUCTION) -> VersionText | None:
    """The version under a label, None when it is nowhere."""
    row = (
        PromptLabel.objects.filter(prompt_id=prompt_id, name=label)
        .select_related("version", "prompt")
        .first()
    )
    if row is None:
        return None
    found = row.version
    return VersionText(
        found.id, prompt_id, row.prompt.name, found.number, found.note, found.sha256, found.text
    )


def version_list(prompt_id: UUID, *, before: int | None = None, limit: int = 50) -> list[VersionView]:
    """The history, newest first; `before` pages on from a number."""
    rows = PromptVersion.objects.filter(prompt_id=prompt_id).order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    shown = list(rows.annotate(characters=Length("text")).defer("text").prefetch_related("labels")[:limit])
    names = _names(row.created_by for row in shown)
    return [
        VersionView(
            row.id,
            row.number,
            row.note,
            names.get(row.created_by, row.created_by),
            row.created_at,
            row.characters,
            tuple(sorted(label.name for label in row.labels.all())),
        )
        for row in shown
    ]


def label_history(prompt_id: UUID, *, limit: int = 20) -> list[MoveView]:
    """The last steps of all labels of the prompt, newest first."""
    rows = LabelMove.objects.filter(prompt_id=prompt_id).order_by("-id")
    shown = list(rows.select_related("version", "from_version")[:limit])
    names = _names(row.moved_by for row in shown)
    return [
        MoveView(
            row.label,
            row.kind,
            row.get_kind_display(),
            row.version.number if row.version else None,
            row.from_version.number if row.from_version else None,
            names.get(row.moved_by, row.moved_by),
            row.moved_at,
        )
        for row in shown
    ]


def _names(actor_ids: Iterable[str]) -> dict[str, str]:
    """How to call the people among the actors; others are called by what they are."""
    people: set[UUID] = set()
    for actor_id in actor_ids:
        try:
            people.add(UUID(actor_id))
        except ValueError:
            continue
    rows = User.objects.filter(id__in=people).values_list("id", "display_name", "email")
    return {str(user_id): name or email.partition("@")[0] for user_id, name, email in rows}


def _unknown() -> NotFound:
    return NotFound("prompt_unknown", _("There is no such prompt."))

"""Prompts and the assistants that use them.

A prompt is the platform's own text, written by an administrator: it is stored in clear and holds nothing about a
person. What was once saved never changes (`PromptVersion`); what is in use is said by a label that moves.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import Group
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel


class ImmutableRow(RuntimeError):
    """A saved prompt version was about to be changed or deleted: a defect, never a user's error."""


class Prompt(ScopedModel):
    """A line of versions under one name. `shipped_id` marks those that come with the platform."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100)
    shipped_id = models.CharField(max_length=32, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    retired_at = models.DateTimeField(_("out of use since"), null=True, blank=True)

    objects: ClassVar[ScopedManager[Prompt]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "name"], name="prompt_name"),
            models.UniqueConstraint(
                fields=["workspace_id", "shipped_id"], condition=~Q(shipped_id=""), name="prompt_shipped_once"
            ),
        ]


class VersionQuerySet(models.QuerySet["PromptVersion"]):
    """Rows can be added and read. The database refuses a change as well (immutability.py)."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise ImmutableRow("prompt versions never change: save a new one")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableRow("prompt versions never change: save a new one")

    def delete(self) -> NoReturn:
        raise ImmutableRow("prompt versions are kept: answers refer to them")


class VersionManager(ScopedManager["PromptVersion"]):
    _queryset_class = VersionQuerySet


class PromptVersion(ScopedModel):
    """A saved prompt, for good: passports of answers name it by id, the audit log by `sha256` of its text."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    text = models.TextField(_("text"))
    sha256 = models.CharField(max_length=64)
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[VersionManager] = VersionManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["prompt", "number"], name="prompt_version_number")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row. Raises ImmutableRow when it is there already."""
        if not self._state.adding:
            raise ImmutableRow("prompt versions never change: save a new one")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableRow("prompt versions are kept: answers refer to them")


class PromptLabel(ScopedModel):
    """A movable name for one version of a prompt. `production` is what people get."""

    PRODUCTION: ClassVar = "production"

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="labels")
    name = models.SlugField(_("label"), max_length=32)
    version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="labels")
    moved_at = models.DateTimeField(default=now)

    objects: ClassVar[ScopedManager[PromptLabel]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["prompt", "name"], name="prompt_label_name")]


class LabelMove(ScopedModel):
    """One step of a label's history: who pointed it where, and from where. Rows are only added.

    A rollback goes to what stood before the release that brought the current version, so repeated ones walk back.
    """

    class Kind(models.TextChoices):
        RELEASE = "release", _("Release")
        ROLLBACK = "rollback", _("Rollback")
        REMOVAL = "removal", _("Removal")

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="label_moves")
    label = models.SlugField(max_length=32)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    version = models.ForeignKey(PromptVersion, null=True, on_delete=models.PROTECT, related_name="+")
    from_version = models.ForeignKey(PromptVersion, null=True, on_delete=models.PROTECT, related_name="+")
    moved_by = models.CharField(max_length=64)
    moved_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[LabelMove]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        indexes = [models.Index(fields=["prompt", "label", "-id"], name="label_move_recent")]


class Assistant(ScopedModel):
    """A chat application: the released version of a prompt, with how the model samples and how the page greets.

    `starters` maps a language code to suggested first questions; `translations` maps a language code to
    `name` and `description` where these differ from the fields. `model` (empty: the chat model) and `sampling`,
    which holds what differs from the platform's own settings (sampling.py), are its model profile. Only the
    groups of `audience_groups` see it when `audience` says so; archived, nobody does.
    """

    class Audience(models.TextChoices):
        EVERYBODY = "everybody", _("Everybody in the workspace")
        GROUPS = "groups", _("Chosen groups")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    translations = models.JSONField(default=dict, blank=True)
    starters = models.JSONField(_("starters"), default=dict, blank=True)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="assistants")
    model = models.CharField(_("model"), max_length=200, blank=True)
    sampling = models.JSONField(default=dict, blank=True)
    audience = models.CharField(
        _("audience"), max_length=9, choices=Audience.choices, default=Audience.EVERYBODY
    )
    is_default = models.BooleanField(_("for new chats"), default=False)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    archived_at = models.DateTimeField(_("archived since"), null=True, blank=True)

    objects: ClassVar[ScopedManager[Assistant]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "name"], name="assistant_name"),
            models.UniqueConstraint(
                fields=["workspace_id"], condition=Q(is_default=True), name="one_default_assistant"
            ),
        ]


class AssistantGroup(ScopedModel):
    """A group that may use an assistant."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="audience_groups")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")

    objects: ClassVar[ScopedManager[AssistantGroup]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["assistant", "group"], name="assistant_group_once")]

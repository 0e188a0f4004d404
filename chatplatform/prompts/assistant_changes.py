"""Changes to assistants: each in one transaction with its audit event, in the open workspace scope.

What is written holds from the next page and the next turn on, in every process: both read the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import Group
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.prompts import audit_events
from chatplatform.prompts.labels import locked_prompt
from chatplatform.prompts.models import Assistant, AssistantGroup
from chatplatform.prompts.releases import checked_name, set_retired
from chatplatform.prompts.sampling import SamplingSettings, parse_sampling

MAX_DESCRIPTION_CHARS = 300
MAX_STARTERS = 6
MAX_STARTER_CHARS = 200
MAX_MODEL_CHARS = 200
MAX_AUDIENCE_GROUPS = 100


@dataclass(frozen=True, slots=True)
class AssistantSpec:
    """What makes an assistant, besides its prompt. Languages are codes of settings.LANGUAGES.

    `model` is a model that the engine knows, by alias or id; empty is the chat model. `group_ids` None means
    everybody in the workspace; a set, even an empty one, only those groups.
    """

    name: str
    description: str = ""
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    starters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    is_default: bool = False
    is_demo: bool = False
    model: str = ""
    group_ids: frozenset[UUID] | None = None


def create_assistant(spec: AssistantSpec, prompt_id: UUID, *, actor: Actor) -> UUID:
    """Make an assistant that speaks the prompt's `production` version; its id.

    Raises InvalidInput for a bad name, text or model, NotFound for an unknown prompt or group, Conflict when the
    name is taken or there is a default assistant already.
    """
    fields = _checked(spec)
    try:
        with transaction.atomic():
            prompt = locked_prompt(prompt_id)
            assistant = Assistant.objects.create(
                workspace_id=prompt.workspace_id,
                prompt=prompt,
                is_default=spec.is_default,
                is_demo=spec.is_demo,
                **fields,
            )
            _set_groups(assistant, spec.group_ids)
            record(
                audit_events.ASSISTANT_CREATED,
                actor=actor,
                workspace_id=prompt.workspace_id,
                target=Target("assistant", str(assistant.id)),
                details={
                    "prompt_id": str(prompt.id),
                    "is_default": assistant.is_default,
                    "is_demo": assistant.is_demo,
                },
            )
    except IntegrityError as error:
        raise _taken() from error
    return assistant.id


def change_assistant(
    assistant_id: UUID, spec: AssistantSpec, *, prompt_id: UUID | None = None, actor: Actor
) -> None:
    """Give the assistant what `spec` says, and another prompt when one is named.

    `is_default` and `is_demo` of the spec are not read: `make_default` chooses the one for new chats. Raises what
    `create_assistant` raises, and Conflict when the default assistant would no longer be everybody's.
    """
    fields = _checked(spec)
    try:
        with transaction.atomic():
            assistant = _locked(assistant_id)
            if assistant.is_default and spec.group_ids is not None:
                raise _default_is_everybodys()
            before = {name: getattr(assistant, name) for name in fields}
            groups_before = _group_ids(assistant)
            changed = [name for name, value in fields.items() if before[name] != value]
            for name, value in fields.items():
                setattr(assistant, name, value)
            if prompt_id is not None and prompt_id != assistant.prompt_id:
                assistant.prompt = locked_prompt(prompt_id)
                changed.append("prompt")
            _set_groups(assistant, spec.group_ids)
            if groups_before != (spec.group_ids or frozenset()):
                changed.append("groups")
            if not changed:
                return
            assistant.save()
            record(
                audit_events.ASSISTANT_CHANGED,
                actor=actor,
                workspace_id=assistant.workspace_id,
                target=Target("assistant", str(assistant.id)),
                details={
                    "changed": ",".join(sorted(changed)),
                    "prompt_id": str(assistant.prompt_id),
                    "model": assistant.model,
                    "audience": str(assistant.audience),
                    "groups": len(spec.group_ids or ()),
                },
            )
    except IntegrityError as error:
        raise _taken() from error


def spec_of(assistant_id: UUID | None, **changes: Any) -> AssistantSpec:
    """The assistant as it is (None: an empty one), with those of `changes` that are set; `group_ids` may be None.

    For callers that change some of it, such as commands and the API. Raises NotFound.
    """
    if assistant_id is None:
        spec = AssistantSpec("")
    else:
        row = Assistant.objects.filter(id=assistant_id).first()
        if row is None:
            raise NotFound("assistant_unknown", _("This assistant is no longer here. Choose another one."))
        everybodys = row.audience == Assistant.Audience.EVERYBODY
        spec = AssistantSpec(
            name=row.name,
            description=row.description,
            translations=row.translations,
            starters=row.starters,
            sampling=parse_sampling(row.sampling),
            is_default=row.is_default,
            is_demo=row.is_demo,
            model=row.model,
            group_ids=None if everybodys else _group_ids(row),
        )
    return replace(
        spec, **{key: value for key, value in changes.items() if value is not None or key == "group_ids"}
    )


def make_default(assistant_id: UUID, *, actor: Actor) -> None:
    """Let new chats begin with this assistant. Raises NotFound, and Conflict unless it is in use and everybody's."""
    with transaction.atomic():
        before = Assistant.objects.select_for_update().filter(is_default=True).first()
        assistant = _locked(assistant_id)
        if before is not None and before.id == assistant.id:
            return
        if assistant.archived_at is not None:
            raise Conflict("assistant_archived", _("This assistant is archived. Restore it first."))
        if assistant.audience != Assistant.Audience.EVERYBODY:
            raise _default_is_everybodys()
        Assistant.objects.filter(is_default=True).update(is_default=False)
        Assistant.objects.filter(id=assistant.id).update(is_default=True)
        record(
            audit_events.ASSISTANT_DEFAULT,
            actor=actor,
            workspace_id=assistant.workspace_id,
            target=Target("assistant", str(assistant.id)),
            details={"before": str(before.id) if before else None},
        )


def set_archived(assistant_id: UUID, archived: bool, *, actor: Actor) -> None:
    """Take an assistant out of use, or restore it; its chats stay readable. Does nothing when it is so already.

    Raises NotFound, and Conflict for the default one.
    """
    with transaction.atomic():
        assistant = _locked(assistant_id)
        if (assistant.archived_at is not None) == archived:
            return
        if assistant.is_default:
            raise Conflict(
                "assistant_is_default", _("This is the default assistant: make another one that first.")
            )
        assistant.archived_at = now() if archived else None
        assistant.save(update_fields=["archived_at"])
        record(
            audit_events.ASSISTANT_ARCHIVED if archived else audit_events.ASSISTANT_RESTORED,
            actor=actor,
            workspace_id=assistant.workspace_id,
            target=Target("assistant", str(assistant.id)),
        )


def remove_assistant(assistant_id: UUID, *, actor: Actor) -> None:
    """Delete an assistant and retire its prompt if no other one speaks it; the versions stay for passports.

    Raises NotFound for an unknown assistant, Conflict for the default one.
    """
    with transaction.atomic():
        assistant = _locked(assistant_id)
        if assistant.is_default:
            raise Conflict(
                "assistant_is_default", _("This is the default assistant: make another one that first.")
            )
        prompt = assistant.prompt
        assistant.delete()
        record(
            audit_events.ASSISTANT_REMOVED,
            actor=actor,
            workspace_id=prompt.workspace_id,
            target=Target("assistant", str(assistant_id)),
        )
        if not prompt.assistants.exists():
            set_retired(prompt.id, True, actor=actor)


def _locked(assistant_id: UUID) -> Assistant:
    assistant = (
        Assistant.objects.select_for_update(of=("self",))
        .select_related("prompt")
        .filter(id=assistant_id)
        .first()
    )
    if assistant is None:
        raise NotFound("assistant_unknown", _("This assistant is no longer here. Choose another one."))
    return assistant


def _checked(spec: AssistantSpec) -> dict[str, Any]:
    """The fields of the row. Raises InvalidInput, which says what is wrong and how it should be."""
    model = spec.model.strip()
    if len(model) > MAX_MODEL_CHARS or not model.isprintable() or model == "embedding":
        raise InvalidInput("model_invalid", _("This is not a name of a model. Choose one from the list."))
    return {
        "name": checked_name(spec.name),
        "description": _line(spec.description, MAX_DESCRIPTION_CHARS),
        "translations": {
            _language(code): {
                "name": _line(words.get("name", ""), 100),
                "description": _line(words.get("description", ""), MAX_DESCRIPTION_CHARS),
            }
            for code, words in spec.translations.items()
            if any(word.strip() for word in words.values())
        },
        "starters": {
            _language(code): found for code, lines in spec.starters.items() if (found := _starters(lines))
        },
        "sampling": spec.sampling.stored(),
        "model": model,
        "audience": (Assistant.Audience.EVERYBODY if spec.group_ids is None else Assistant.Audience.GROUPS),
    }


def _line(text: str, limit: int) -> str:
    text = text.strip()
    if len(text) > limit or "\x00" in text:
        raise InvalidInput(
            "text_too_long",
            _("“%(text)s…” is too long: %(limit)s characters at most.")
            % {"text": text[:30].replace("\x00", ""), "limit": limit},
        )
    return text


def _starters(lines: Sequence[str]) -> list[str]:
    found = [_line(line, MAX_STARTER_CHARS) for line in lines if line.strip()]
    if len(found) > MAX_STARTERS:
        raise InvalidInput(
            "too_many_starters",
            _("An assistant has at most %(limit)s starters in a language.") % {"limit": MAX_STARTERS},
        )
    return found


def _language(code: str) -> str:
    if code not in dict(settings.LANGUAGES):
        raise InvalidInput("language_unknown", _("There is no such language here."))
    return code


def _set_groups(assistant: Assistant, group_ids: frozenset[UUID] | None) -> None:
    """Make the audience's groups these, all of the workspace. Raises NotFound for another one."""
    wanted = group_ids or frozenset()
    if len(wanted) > MAX_AUDIENCE_GROUPS:
        raise InvalidInput("too_many_groups", _("Choose fewer groups."))
    known = frozenset(Group.objects.filter(id__in=wanted).values_list("id", flat=True))
    if wanted - known:
        raise NotFound("group_unknown", _("One of the groups is no longer here. Choose again."))
    current = _group_ids(assistant)
    AssistantGroup.objects.filter(assistant=assistant, group_id__in=current - wanted).delete()
    AssistantGroup.objects.bulk_create(
        AssistantGroup(workspace_id=assistant.workspace_id, assistant=assistant, group_id=group_id)
        for group_id in wanted - current
    )


def _group_ids(assistant: Assistant) -> frozenset[UUID]:
    rows = AssistantGroup.objects.filter(assistant=assistant)
    return frozenset(rows.values_list("group_id", flat=True))


def _taken() -> Conflict:
    return Conflict(
        "assistant_exists",
        _("There is an assistant with this name, or another one that is the default."),
    )


def _default_is_everybodys() -> Conflict:
    return Conflict(
        "default_is_everybodys",
        _("New chats begin with the default assistant, so it must be open to everybody."),
    )

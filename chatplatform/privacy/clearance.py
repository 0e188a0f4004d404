"""The one gate between prompts and models: engines take a ClearedPrompt, and only `clear` makes one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import NoReturn, final
from urllib.parse import urlsplit
from uuid import UUID
from weakref import WeakSet

from django.conf import settings
from django.db import transaction
from django.db.models import Exists
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import User, Workspace
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.clock import now
from chatplatform.privacy.audit_events import PROMPT_REFUSED
from chatplatform.privacy.data_keys import is_erased
from chatplatform.privacy.errors import PrivacyRefused
from chatplatform.privacy.prompt import Prompt
from chatplatform.privacy.subjects import Subject

__all__ = [
    "ClearedPrompt",
    "Destination",
    "PrivacyRefused",
    "clear",
    "permit_destinations",
    "require_cleared",
]

_PURPOSE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_TOKEN = object()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a prompt is to go. `is_local` claims that it stays on this machine; `clear` checks the claim."""

    name: str
    url: str
    is_local: bool


@final
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ClearedPrompt:
    """A prompt that may be sent to this destination, for this purpose. Only `clear` makes one."""

    prompt: Prompt = field(repr=False)
    subject: Subject
    workspace_id: UUID
    actor: Actor
    purpose: str
    destination: Destination
    cleared_at: datetime
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise TypeError("a ClearedPrompt is made by privacy.clearance.clear and by nothing else")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ClearedPrompt cannot be copied, stored or sent: clear the prompt where it is used")


Permit = Callable[[Destination], bool]
_permits: list[Permit] = []


def permit_destinations(permit: Permit) -> None:
    """Have `permit` asked, beside the settings, whether an administrator lets prompts leave this machine for a
    destination. It reads the database, each time: what was taken back holds for the next prompt."""
    if permit not in _permits:
        _permits.append(permit)


_issued: WeakSet[ClearedPrompt] = WeakSet()


def require_cleared(value: object) -> ClearedPrompt:
    """`value`, if `clear` issued exactly this object; TypeError otherwise. For whoever is about to send it."""
    if not isinstance(value, ClearedPrompt) or value not in _issued:
        raise TypeError("this prompt was not cleared")
    return value


def clear(
    prompt: Prompt,
    *,
    subject: Subject,
    workspace_id: UUID,
    actor: Actor,
    purpose: str,
    destination: Destination,
) -> ClearedPrompt:
    """Permit that `prompt`, made of the subject's content, is sent to `destination` for `purpose`.

    `purpose` is a short code such as `chat.answer`. Raises PrivacyRefused, after recording it, when the
    subject was erased, the person behind subject or actor is not active, the workspace does not exist, or the
    destination is neither on this machine nor among the permitted remote hosts; KeysUnavailable when it
    cannot be known whether the subject was erased. Synchronous: reads the databases.
    """
    if not _PURPOSE.fullmatch(purpose):
        raise ValueError("a purpose is a short code such as `chat.answer`")
    if not prompt.messages:
        raise ValueError("a prompt has one message at least")
    refusal = _refusal(subject, workspace_id, actor, destination)
    if refusal is not None:
        code, message = refusal
        with transaction.atomic():
            record(
                PROMPT_REFUSED,
                actor=actor,
                workspace_id=workspace_id,
                target=Target(subject.kind, str(subject.id)),
                details={
                    "reason": code,
                    "purpose": purpose,
                    "destination": destination.name,
                    "host": _host(destination.url),
                },
                outcome="refused",
            )
        raise PrivacyRefused(code, message)
    cleared = ClearedPrompt(prompt, subject, workspace_id, actor, purpose, destination, now(), _TOKEN)
    _issued.add(cleared)
    return cleared


def _refusal(
    subject: Subject, workspace_id: UUID, actor: Actor, destination: Destination
) -> tuple[str, str | Promise] | None:
    host = _host(destination.url)
    if destination.is_local and not _is_this_machine(destination.url):
        return "destination_not_local", _("The model is not on this machine, though it is said to be.")
    if not destination.is_local and not (
        host in settings.ENVIRONMENT.remote_hosts or any(permit(destination) for permit in _permits)
    ):
        return "destination_not_permitted", _(
            "Prompts may not be sent to this model's host. An administrator can permit it with "
            "CHATPLATFORM_REMOTE_HOSTS, or among the engines of the console."
        )
    people = {subject.id} if subject.kind == "person" else set()
    if actor.kind is ActorKind.PERSON:
        people.add(UUID(actor.id))
    workspaces = {workspace_id, subject.id} if subject.kind == "workspace" else {workspace_id}
    workspace = Workspace.objects.filter(id=workspace_id)
    active = User.objects.filter(id__in=people, is_active=True)
    # every prompt passes here: one query says that all is well, more only ask what is not
    if len(workspaces) != 1 or not people or active.filter(Exists(workspace)).count() != len(people):
        if active.count() != len(people):
            return "person_not_active", _("This account is not active. Ask an administrator.")
        if len(workspaces) != 1 or not workspace.exists():
            return "workspace_unknown", _("There is no such workspace.")
    if is_erased(subject):
        return "subject_erased", _("This content was erased and cannot be used any more.")
    return None


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_this_machine(url: str) -> bool:
    if urlsplit(url).scheme == "unix":
        return True
    host = _host(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

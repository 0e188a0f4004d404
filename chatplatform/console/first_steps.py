"""The first steps of a new workspace, each ticked by what is true, not by what was clicked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import Invitation, Membership
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.person import Person
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.catalogue import catalogue as audit_catalogue
from chatplatform.audit.models import AuditEvent
from chatplatform.audit.services import record
from chatplatform.chat.models import Turn
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import current_workspace_id
from chatplatform.console.audit_events import FIRST_STEPS_SHOWN, REMOTE_HOSTS_REVIEWED
from chatplatform.console.models import WorkspaceMark
from chatplatform.inference import gateway
from chatplatform.inference.endpoints.endpoint_queries import hosts_elsewhere
from chatplatform.prompts.models import Assistant, PromptVersion
from chatplatform.web.setup_status import read_setup_status

PUT_AWAY = "first_steps.put_away"
REVIEWED = "remote_hosts.reviewed"
BACKUP_TAKEN = "backup.taken"


@dataclass(frozen=True, slots=True)
class FirstStep:
    """`address` leads to where it is done; `command` is what to run instead, where no page does it."""

    id: str
    title: Promise
    text: Promise | str
    is_done: bool
    address: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """`applies` and `is_done` ask the database; `permission` is what somebody needs to do the step."""

    id: str
    title: Promise
    text: Promise
    permission: Permission | None
    url_name: str
    is_done: Callable[[Person], bool]
    applies: Callable[[Person], bool] = lambda person: True
    command: str = ""


def first_steps(person: Person) -> list[FirstStep]:
    """The steps that this person can take, in order, in the open workspace scope."""
    return list(_steps(person))


def are_put_away() -> bool:
    return WorkspaceMark.objects.filter(name=PUT_AWAY).exists()


def show_first_steps(shown: bool, *, actor: Actor) -> None:
    """Put the list away for everybody in the workspace, or bring it back."""
    workspace_id = current_workspace_id()
    with transaction.atomic():
        if shown:
            WorkspaceMark.objects.filter(name=PUT_AWAY).delete()
        else:
            WorkspaceMark.objects.get_or_create(workspace_id=workspace_id, name=PUT_AWAY)
        record(FIRST_STEPS_SHOWN, actor=actor, workspace_id=workspace_id, details={"shown": shown})


def remote_hosts() -> list[str]:
    """The hosts outside this machine that may be sent prompts, as the settings name them."""
    hosts = set(settings.ENVIRONMENT.remote_hosts) | hosts_elsewhere()
    for model in ("chat", "embedding"):
        place = gateway.destination(model)
        if not place.is_local:
            hosts.add(place.name)
    return sorted(hosts)


def review_remote_hosts(*, actor: Actor) -> None:
    """Note that the hosts of now were looked at; another list has to be looked at again."""
    workspace_id = current_workspace_id()
    hosts = remote_hosts()
    with transaction.atomic():
        WorkspaceMark.objects.update_or_create(
            workspace_id=workspace_id, name=REVIEWED, defaults={"value": _digest(hosts), "set_at": now()}
        )
        record(REMOTE_HOSTS_REVIEWED, actor=actor, workspace_id=workspace_id, details={"hosts": len(hosts)})


def _steps(person: Person) -> Iterator[FirstStep]:
    for kind in KINDS:
        if kind.permission is not None and not person.may(kind.permission):
            continue
        if not kind.applies(person):
            continue
        try:
            address = reverse(kind.url_name) if kind.url_name else ""
        except NoReverseMatch:
            continue
        yield FirstStep(kind.id, kind.title, kind.text, kind.is_done(person), address, kind.command)


def _model_answers(person: Person) -> bool:
    return read_setup_status().can_chat


def _somebody_asked(person: Person) -> bool:
    return Turn.objects.exists()


def _made_their_own(person: Person) -> bool:
    by_people = PromptVersion.objects.exclude(created_by__startswith="system:")
    return by_people.exists() or Assistant.objects.filter(prompt__shipped_id="").exists()


def _somebody_invited(person: Person) -> bool:
    here = Membership.objects.filter(workspace_id=person.workspace_id)
    return len(here.values_list("id", flat=True)[:2]) > 1 or Invitation.objects.exists()


def _can_come_back(person: Person) -> bool:
    """Whether the person has a password or a passkey, and needs no link from the machine's console."""
    if person.user.has_usable_password():
        return True
    from django.apps import apps

    if not apps.is_installed("allauth.mfa"):
        return False
    authenticators = apps.get_model("mfa", "Authenticator")
    return bool(authenticators._default_manager.filter(user_id=person.id, type="webauthn").exists())


def _backup_event() -> AuditEventType | None:
    return next((event for event in audit_catalogue() if event.code.endswith(BACKUP_TAKEN)), None)


def _backup_taken(person: Person) -> bool:
    event = _backup_event()
    return event is not None and AuditEvent.objects.filter(code=event.code).exists()


def _hosts_reviewed(person: Person) -> bool:
    return WorkspaceMark.objects.filter(name=REVIEWED, value=_digest(remote_hosts())).exists()


def _digest(hosts: list[str]) -> str:
    return hashlib.sha256("\n".join(hosts).encode()).hexdigest()


KINDS: tuple[_Kind, ...] = (
    _Kind(
        "signed_in",
        _("Sign in"),
        _("You are here: the workspace is in somebody's hands."),
        None,
        "",
        lambda person: True,
    ),
    _Kind(
        "model",
        _("Get a model ready"),
        _("A small model answers first; the better one takes its place when it has arrived."),
        Permission.MODELS_READ,
        "console:models",
        _model_answers,
    ),
    _Kind(
        "question",
        _("Ask a first question"),
        _("Try one of the starters, or anything that your people will ask."),
        Permission.CHAT,
        "chat",
        _somebody_asked,
    ),
    _Kind(
        "own",
        _("Make it yours"),
        _("Write a prompt of your own, or change one that came with the platform."),
        Permission.PROMPTS_EDIT,
        "console:prompts",
        _made_their_own,
    ),
    _Kind(
        "invited",
        _("Invite somebody"),
        _("By e-mail, or by a link that you hand over yourself."),
        Permission.MEMBERS_MANAGE,
        "console:members",
        _somebody_invited,
    ),
    _Kind(
        "password",
        _("Set a password or a passkey"),
        _("So that you come back in without a link from the machine's console."),
        None,
        "accounts:settings",
        _can_come_back,
    ),
    _Kind(
        "backup",
        _("Take a backup"),
        _("Database, files and vectors in one archive; the keys in one of their own."),
        Permission.SYSTEM_MANAGE,
        "",
        _backup_taken,
        applies=lambda person: _backup_event() is not None,
        command="python manage.py backup",
    ),
    _Kind(
        "remote_hosts",
        _("Look at what leaves this machine"),
        _("Some hosts outside this machine may be sent prompts. Check that you mean them."),
        Permission.SYSTEM_MANAGE,
        "console:models",
        _hosts_reviewed,
        applies=lambda person: bool(remote_hosts()),
    ),
)

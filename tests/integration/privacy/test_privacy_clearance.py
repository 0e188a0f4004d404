"""Clearance: the only way to a ClearedPrompt, and whom it refuses."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from chatplatform.accounts.models import User, Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.privacy.clearance import ClearedPrompt, Destination, PrivacyRefused, clear, require_cleared
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

CANARY = "canary-41c2"
PROMPT = Prompt((PromptMessage("user", CANARY),))
LOCAL = Destination("chat", "http://127.0.0.1:8101/v1", is_local=True)


def _clear(person: User, workspace: Workspace, **changes: Any) -> ClearedPrompt:
    arguments: dict[str, Any] = {
        "subject": Subject.person(person.id),
        "workspace_id": workspace.id,
        "actor": Actor.person(person.id),
        "purpose": "chat.answer",
        "destination": LOCAL,
    }
    return clear(PROMPT, **arguments | changes)


def _refused(person: User, workspace: Workspace, code: str, **changes: Any) -> None:
    with pytest.raises(PrivacyRefused) as raised:
        _clear(person, workspace, **changes)
    assert raised.value.code == code
    event = AuditEvent.objects.order_by("-id").first()
    assert event is not None
    assert (event.code, event.outcome) == ("privacy.prompt.refused", "refused")
    assert f'"reason":"{code}"' in event.details
    assert CANARY not in event.details


def test_a_cleared_prompt_says_what_for(person: User, workspace: Workspace) -> None:
    cleared = _clear(person, workspace)
    assert require_cleared(cleared) is cleared
    assert (cleared.prompt, cleared.purpose, cleared.destination) == (PROMPT, "chat.answer", LOCAL)
    assert (cleared.subject, cleared.workspace_id) == (Subject.person(person.id), workspace.id)
    assert CANARY not in repr(cleared)
    assert CANARY not in repr(PROMPT)
    assert CANARY not in repr(PROMPT.messages)


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "http://[::1]:1", "http://127.8.9.1"])
def test_this_machine_has_several_names(person: User, workspace: Workspace, url: str) -> None:
    _clear(person, workspace, destination=Destination("chat", url, is_local=True))


def test_it_cannot_be_made_otherwise(person: User, workspace: Workspace) -> None:
    cleared = _clear(person, workspace)
    fields = {field.name: getattr(cleared, field.name) for field in dataclasses.fields(cleared)}
    for token in (None, object(), True):
        with pytest.raises(TypeError):
            ClearedPrompt(**fields, token=token)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(cleared, purpose="other")
    with pytest.raises(dataclasses.FrozenInstanceError):
        cleared.purpose = "other"  # type: ignore[misc]
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copier(cleared)


def test_what_was_forged_below_python_is_not_accepted(person: User, workspace: Workspace) -> None:
    forged = object.__new__(ClearedPrompt)
    cleared = _clear(person, workspace)
    for field in dataclasses.fields(cleared):
        object.__setattr__(forged, field.name, getattr(cleared, field.name))
    for impostor in (forged, PROMPT, None, cleared.prompt):
        with pytest.raises(TypeError):
            require_cleared(impostor)


def test_a_remote_host_needs_permission(person: User, workspace: Workspace, settings: Any) -> None:
    remote = Destination("cloud", "https://models.example.org/v1", is_local=False)
    _refused(person, workspace, "destination_not_permitted", destination=remote)
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"remote_hosts": ("models.example.org",)})
    assert _clear(person, workspace, destination=remote).destination == remote
    for url in (
        "https://example.org/v1",
        "https://models.example.org.evil.test/",
        "https://x@evil.test/",
        "",
        "https://[/",
    ):
        _refused(
            person,
            workspace,
            "destination_not_permitted",
            destination=Destination("cloud", url, is_local=False),
        )


@pytest.mark.parametrize(
    "url",
    [
        "https://models.example.org/v1",
        "http://10.0.0.1/v1",
        "http://localhost.evil.test/",
        "http://0.0.0.0:1",
        "",
    ],
)
def test_a_claim_to_be_local_is_checked(person: User, workspace: Workspace, url: str, settings: Any) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"remote_hosts": ("models.example.org",)})
    _refused(person, workspace, "destination_not_local", destination=Destination("chat", url, is_local=True))


def test_the_erased_are_left_alone(person: User, workspace: Workspace) -> None:
    destroy_key(Subject.person(person.id), actor=Actor.system("test"))
    _refused(person, workspace, "subject_erased")


def test_an_inactive_person_is_refused_as_subject_and_as_actor(person: User, workspace: Workspace) -> None:
    active = User.objects.create_user("active@example.org")
    person.is_active = False
    person.save()
    _refused(person, workspace, "person_not_active")
    _refused(person, workspace, "person_not_active", actor=Actor.system("jobs"))
    _refused(person, workspace, "person_not_active", subject=Subject.person(active.id))
    _clear(person, workspace, subject=Subject.person(active.id), actor=Actor.person(active.id))


def test_unknown_people_and_workspaces_are_refused(person: User, workspace: Workspace) -> None:
    _refused(person, workspace, "person_not_active", subject=Subject.person(uuid4()))
    _refused(person, workspace, "workspace_unknown", workspace_id=uuid4())
    other = Workspace.objects.create(name="Other")
    _refused(person, workspace, "workspace_unknown", subject=Subject.workspace(other.id))
    _clear(person, workspace, subject=Subject.workspace(workspace.id))


def test_defects_of_the_caller_are_errors(person: User, workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="purpose"):
        _clear(person, workspace, purpose="Because I say so")
    with pytest.raises(ValueError, match="message"):
        clear(
            Prompt(()),
            subject=Subject.person(person.id),
            workspace_id=workspace.id,
            actor=Actor.person(person.id),
            purpose="chat.answer",
            destination=LOCAL,
        )


def test_clearing_is_dated(person: User, workspace: Workspace) -> None:
    assert abs((datetime.now(UTC) - _clear(person, workspace).cleared_at).total_seconds()) < 60
    assert isinstance(workspace.id, UUID)

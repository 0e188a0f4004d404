"""Two people in one workspace, one in another, and their browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.chat.services import submit_message
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.services import ensure_workspace_content


@dataclass(frozen=True)
class Someone:
    user: User
    workspace: Workspace
    browser: Client

    def asks(self, text: str) -> UUID:
        """Begin a conversation; its id."""
        with workspace_scope(self.workspace.id):
            submitted = submit_message(
                client_id=uuid4(),
                text=text,
                conversation_id=None,
                assistant_id=None,
                actor=Actor.person(self.user.id),
            )
        return submitted.conversation_id


MakePerson = Callable[..., Someone]


@pytest.fixture
def workspace(db: None) -> Workspace:
    made = Workspace.objects.get(memberships__user=bootstrap_owner())
    ensure_workspace_content(made.id, actor=Actor.system("test"))
    return made


@pytest.fixture
def make_person(workspace: Workspace) -> MakePerson:
    def make(role: Role = Role.MEMBER, *, elsewhere: bool = False) -> Someone:
        home = Workspace.objects.create(name="Elsewhere") if elsewhere else workspace
        user = User.objects.create_user(f"{uuid4().hex}@example.org")
        Membership.objects.create(user=user, workspace=home, role=role)
        browser = Client()
        browser.force_login(user)
        return Someone(user, home, browser)

    return make


@pytest.fixture
def member(make_person: MakePerson) -> Someone:
    return make_person()


@pytest.fixture
def owner(make_person: MakePerson) -> Someone:
    return make_person(Role.OWNER)

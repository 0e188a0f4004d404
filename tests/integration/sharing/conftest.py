"""Somebody with a conversation that has two branches, and a workspace that permits links or does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.chat import turns
from chatplatform.chat.content import sealed_message
from chatplatform.chat.models import Conversation, Message, Segment, Turn
from chatplatform.chat.services import regenerate, submit_message
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.jobs import publishing
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job
from chatplatform.jobs.runner import Runner
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.services import ensure_workspace_content
from chatplatform.sharing.policy import Policy, set_policy

SYSTEM = Actor.system("test")


@dataclass(frozen=True)
class Someone:
    user: User
    workspace: Workspace
    browser: Client

    @property
    def actor(self) -> Actor:
        return Actor.person(self.user.id)

    def talks(self, *exchanges: tuple[str, str], again: str = "") -> UUID:
        """A conversation of questions and answers; `again` is a second answer to the last question. Its id."""
        conversation_id: UUID | None = None
        with workspace_scope(self.workspace.id):
            for question, answer in exchanges:
                made = submit_message(
                    client_id=uuid4(),
                    text=question,
                    conversation_id=conversation_id,
                    assistant_id=None,
                    actor=self.actor,
                )
                conversation_id = made.conversation_id
                self.gets(made.turn_id, answer)
                # what a person asks in a minute is limited
                Turn.objects.filter(id=made.turn_id).update(
                    created_at=made.turn.created_at.replace(year=2024)
                )
            if again:
                made = regenerate(client_id=uuid4(), turn_id=made.turn_id, actor=self.actor)
                self.gets(made.turn_id, again)
        assert conversation_id is not None
        return conversation_id

    def gets(self, turn_id: UUID, text: str) -> None:
        """The answer, whole."""
        turn = Turn.objects.get(id=turn_id)
        turns.finish(turn_id, Turn.State.FINISHED, turns.Passport(model="scripted", completion_tokens=3))
        sealed = sealed_message(Subject.person(self.user.id), turn.answer_id, text)
        Message.objects.filter(id=turn.answer_id).update(content=sealed)
        Segment.objects.filter(turn_id=turn_id).delete()


MakePerson = Callable[..., Someone]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_quiet_until", float("inf"))


@pytest.fixture
def make_person(transactional_db: None) -> MakePerson:
    workspace = Workspace.objects.get(memberships__user=bootstrap_owner())
    ensure_workspace_content(workspace.id, actor=SYSTEM)

    def make(role: Role = Role.MEMBER, *, elsewhere: bool = False) -> Someone:
        home = Workspace.objects.create(name="Elsewhere") if elsewhere else workspace
        user = User.objects.create_user(f"{uuid4().hex}@example.org", display_name="Mo Miller")
        Membership.objects.create(user=user, workspace=home, role=role)
        browser = Client()
        browser.force_login(user)
        return Someone(user, home, browser)

    return make


@pytest.fixture
def member(make_person: MakePerson) -> Someone:
    return make_person()


@pytest.fixture
def open_policy(member: Someone) -> None:
    with workspace_scope(member.workspace.id):
        set_policy(Policy(workspace_links=True, public_links=True), actor=SYSTEM)


def run_jobs() -> list[str]:
    """Run what is waiting, as a worker does; the states after."""
    with all_workspaces("test"):
        kinds = ("sharing.export", "sharing.import")
        waiting = list(Job.objects.filter(state="waiting", kind__in=kinds).values_list("id", flat=True))
        Job.objects.filter(id__in=waiting).update(available_at=now())  # also what is to be tried again later
    for job_id in waiting:
        Runner(Heartbeat(on_stuck=lambda: None)).run(job_id)
    with all_workspaces("test"):
        return list(Job.objects.filter(id__in=waiting).values_list("state", flat=True))


def conversations(someone: Someone) -> int:
    with workspace_scope(someone.workspace.id):
        return Conversation.objects.filter(owner=someone.user).count()

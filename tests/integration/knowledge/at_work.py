"""Collections in a workspace, and their jobs run to the end, for tests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.runner import Runner
from chatplatform.knowledge.models import Document


@dataclass(frozen=True)
class Team:
    """A workspace with one person of each of these roles."""

    workspace: Workspace
    owner: User
    editor: User
    member: User


def team(name: str = "Larkfell Outdoor") -> Team:
    workspace = Workspace.objects.create(name=name)
    people = {}
    for role in (Role.OWNER, Role.PROMPT_EDITOR, Role.MEMBER):
        user = User.objects.create_user(f"{role}@{workspace.id.hex}.example.org")
        Membership.objects.create(user=user, workspace=workspace, role=role)
        people[role] = user
    return Team(workspace, people[Role.OWNER], people[Role.PROMPT_EDITOR], people[Role.MEMBER])


def acting(user: User) -> Actor:
    return Actor.person(user.id)


def run_jobs(*, rounds: int = 20, only: Collection[str] = ()) -> None:
    """Run what waits, and what that asks for, until nothing of knowledge (or of these kinds) waits any more."""
    for _ in range(rounds):
        with all_workspaces("test"):
            jobs = Job.objects.filter(kind__startswith="knowledge.", state=JobState.WAITING)
            if only:
                jobs = jobs.filter(kind__in=only)
            waiting = list(jobs.order_by("created_at").values_list("id", flat=True))
        if not waiting:
            return
        for job_id in waiting:
            Runner(Heartbeat(on_stuck=lambda: None)).run(job_id)


def states(collection_id: UUID) -> dict[str, int]:
    with all_workspaces("test"):
        found = Document.objects.filter(collection_id=collection_id).values_list("state", flat=True)
        return {state: list(found).count(state) for state in set(found)}

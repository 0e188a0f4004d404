"""A workspace with an owner, and the scope open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chatplatform.accounts.models import Group, GroupMembership, Membership, Role, User, Workspace
from chatplatform.accounts.services import add_member, bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope

SYSTEM = Actor.system("test")


@pytest.fixture
def owner(db: None) -> User:
    return bootstrap_owner()


@pytest.fixture
def workspace(owner: User) -> Iterator[Workspace]:
    place = Membership.objects.select_related("workspace").get(user=owner)
    with workspace_scope(place.workspace_id):
        yield place.workspace


@pytest.fixture
def member(workspace: Workspace) -> User:
    return add_member(workspace, "ana@example.org", role=Role.MEMBER, actor=SYSTEM, display_name="Ana")


@pytest.fixture
def group_of(workspace: Workspace) -> Callable[..., Group]:
    def make(name: str, *people: User) -> Group:
        group = Group.objects.create(workspace_id=workspace.id, name=name)
        for person in people:
            GroupMembership.objects.create(
                workspace_id=workspace.id,
                group=group,
                membership=Membership.objects.get(user=person, workspace=workspace),
            )
        return group

    return make

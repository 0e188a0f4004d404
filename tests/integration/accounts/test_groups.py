"""Groups: names, members, and that another workspace's are not found."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from chatplatform.accounts import queries
from chatplatform.accounts.groups import (
    add_to_group,
    change_group,
    create_group,
    delete_group,
    remove_from_group,
    set_members,
)
from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chatplatform.common.scope import workspace_scope

COMMAND = Actor.system("command")


@pytest.fixture
def workspace(owner: User) -> Iterator[Workspace]:
    found = Workspace.objects.get(memberships__user=owner)
    with workspace_scope(found.id):
        yield found


def person(workspace: Workspace, email: str, role: Role = Role.MEMBER) -> Membership:
    return Membership.objects.create(workspace=workspace, user=User.objects.create_user(email), role=role)


def test_a_group_is_made_changed_and_deleted(workspace: Workspace, owner: User) -> None:
    group = create_group("  Sales  team ", "Who sells", actor=COMMAND)
    assert queries.group(group.id).name == "Sales team"
    change_group(group.id, name="销售", external_name="sales@idp", actor=Actor.person(owner.id))
    change_group(group.id, name="销售", actor=COMMAND)  # nothing new
    bo = person(workspace, "bo@example.org")
    add_to_group(group.id, bo.public_id, actor=COMMAND)
    add_to_group(group.id, bo.public_id, actor=COMMAND)
    assert [(view.name, view.members) for view in queries.groups()] == [("销售", 1)]
    assert queries.groups_of(bo.user_id, workspace.id) == {group.id}
    assert queries.member(bo.public_id).groups == ("销售",)
    delete_group(group.id, actor=COMMAND)
    assert queries.groups() == []
    assert Membership.objects.filter(pk=bo.pk).exists()
    codes = AuditEvent.objects.filter(code__startswith="accounts.group.").order_by("id")
    assert list(codes.values_list("code", flat=True)) == [
        "accounts.group.created",
        "accounts.group.changed",
        "accounts.group.member_added",
        "accounts.group.deleted",
    ]
    assert "销售" not in "".join(codes.values_list("details", flat=True))


def test_exactly_these_members(workspace: Workspace) -> None:
    group = create_group("G", actor=COMMAND)
    a, b, c = (person(workspace, f"{name}@example.org").public_id for name in "abc")
    set_members(group.id, [a, b], actor=COMMAND)
    set_members(group.id, [b, c], actor=COMMAND)
    assert {view.membership_id for view in queries.members(group_id=group.id)} == {b, c}
    with pytest.raises(NotFound):
        set_members(group.id, [a, uuid4()], actor=COMMAND)
    assert {view.membership_id for view in queries.members(group_id=group.id)} == {b, c}
    remove_from_group(group.id, b, actor=COMMAND)
    remove_from_group(group.id, b, actor=COMMAND)
    assert queries.group(group.id).members == 1


def test_names_are_one_of_a_kind(workspace: Workspace) -> None:
    create_group("Support", actor=COMMAND)
    other = create_group("Other", actor=COMMAND)
    with pytest.raises(Conflict):
        create_group("SUPPORT", actor=COMMAND)
    with pytest.raises(Conflict):
        change_group(other.id, name="support", actor=COMMAND)
    for bad in ("", "  ", "\x00", "x" * 101):
        with pytest.raises(InvalidInput):
            create_group(bad, actor=COMMAND)
    with pytest.raises(InvalidInput):
        change_group(other.id, description="x" * 301, actor=COMMAND)
    assert len(queries.groups()) == 2


def test_another_workspaces_group_and_member_are_not_found(workspace: Workspace) -> None:
    elsewhere = Workspace.objects.create(name="Elsewhere")
    stranger = person(elsewhere, "s@example.org")
    with workspace_scope(elsewhere.id):
        foreign = create_group("Support", actor=COMMAND)
    own = create_group("Support", actor=COMMAND)
    for refused in (
        lambda: change_group(foreign.id, name="x", actor=COMMAND),
        lambda: delete_group(foreign.id, actor=COMMAND),
        lambda: set_members(foreign.id, [], actor=COMMAND),
        lambda: add_to_group(own.id, stranger.public_id, actor=COMMAND),
        lambda: queries.group(foreign.id),
    ):
        with pytest.raises(NotFound):
            refused()


def test_who_lacks_the_right_is_refused(workspace: Workspace) -> None:
    bo = person(workspace, "bo@example.org", Role.SUPPORT_AGENT)
    group = create_group("G", actor=COMMAND)
    actor = Actor.person(bo.user_id)
    for refused in (
        lambda: create_group("Mine", actor=actor),
        lambda: change_group(group.id, name="Mine", actor=actor),
        lambda: delete_group(group.id, actor=actor),
        lambda: add_to_group(group.id, bo.public_id, actor=actor),
    ):
        with pytest.raises(NotAllowed):
            refused()

"""API tokens: who holds one acts as its person, within its scopes and the person's role, until it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatplatform.accounts import api_tokens
from chatplatform.accounts.api_tokens import (
    SCOPE_PERMISSIONS,
    Made,
    Scope,
    authenticate,
    make_token,
    revoke_token,
    scopes_for,
)
from chatplatform.accounts.models import ApiToken, Membership, Role, User, Workspace
from chatplatform.accounts.permissions import Permission
from chatplatform.accounts.services import add_member
from chatplatform.accounts.token_queries import tokens_of, workspace_tokens
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import InvalidInput, NotFound, TooMany
from chatplatform.common.scope import workspace_scope

SYSTEM = Actor.system("test")


@pytest.fixture
def workspace(owner: User) -> Iterator[Workspace]:
    place = Membership.objects.select_related("workspace").get(user=owner)
    with workspace_scope(place.workspace_id):
        yield place.workspace


def token_for(user: User, *scopes: Scope, lives_s: int | None = None) -> Made:
    expires_at = now() + timedelta(seconds=lives_s) if lives_s else None
    return make_token("CI", scopes or (Scope.CHAT,), expires_at=expires_at, actor=Actor.person(user.id))


def codes() -> list[str]:
    return list(
        AuditEvent.objects.filter(code__startswith="accounts.api_token")
        .order_by("id")
        .values_list("code", flat=True)
    )


def test_a_token_speaks_for_its_person(workspace: Workspace, owner: User) -> None:
    made = token_for(owner, Scope.CHAT, Scope.AUDIT_READ)
    holder = authenticate(made.secret)
    assert holder is not None
    assert (holder.user, holder.workspace_id, holder.token_id) == (owner, workspace.id, made.token_id)
    assert holder.role == Role.OWNER
    assert holder.scopes == {Scope.CHAT, Scope.AUDIT_READ}
    assert holder.may(Permission.AUDIT_READ)
    assert not holder.may(Permission.JOBS_READ), "the role may, the scopes do not"
    assert codes() == ["accounts.api_token.made"]


def test_only_a_hash_is_kept(workspace: Workspace, owner: User) -> None:
    made = token_for(owner)
    assert made.secret.startswith("cp_")
    assert len(made.secret) == 59
    row = ApiToken.objects.get()
    assert bytes(row.token_hash) == hashlib.sha256(made.secret.encode()).digest()
    assert made.secret.startswith(row.prefix)
    assert len(row.prefix) == 9


def test_it_needs_no_scope_and_is_read_in_one_statement(workspace: Workspace, owner: User) -> None:
    made = token_for(owner)
    authenticate(made.secret)
    with CaptureQueriesContext(connection) as captured:
        assert authenticate(made.secret) is not None
    assert len(captured) == 1


def suspend_person(user: User) -> None:
    User.objects.filter(id=user.id).update(is_active=False)


def suspend_place(user: User) -> None:
    Membership.objects.filter(user=user).update(suspended_at=now())


def remove(user: User) -> None:
    Membership.objects.filter(user=user).delete()


def revoke(user: User) -> None:
    revoke_token(ApiToken.objects.get(user=user).id, actor=SYSTEM)


def expire(user: User) -> None:
    ApiToken.objects.filter(user=user).update(expires_at=now() - timedelta(seconds=1))


@pytest.mark.parametrize("end", [suspend_person, suspend_place, remove, revoke, expire])
def test_what_ends_a_token_ends_it_with_the_next_request(
    workspace: Workspace, end: Callable[[User], None]
) -> None:
    member = add_member(workspace, "ana@example.org", role=Role.MEMBER, actor=SYSTEM)
    made = token_for(member)
    assert authenticate(made.secret) is not None
    end(member)
    assert authenticate(made.secret) is None
    assert authenticate(made.secret) is None
    assert codes()[-1] == "accounts.api_token.refused"
    assert codes().count("accounts.api_token.refused") == 1, "a client that insists does not fill the log"


@pytest.mark.parametrize(
    "secret", ["", "cp_", "cp_" + "a" * 56, "x" * 100_000, "cp_\ud800", "cp_令牌", "Bearer"]
)
def test_what_was_never_made_is_refused_and_not_recorded(workspace: Workspace, secret: str) -> None:
    assert authenticate(secret) is None
    assert codes() == []


def test_a_demotion_takes_the_rights_along(workspace: Workspace) -> None:
    member = add_member(workspace, "ana@example.org", role=Role.ADMINISTRATOR, actor=SYSTEM)
    made = token_for(member, Scope.MEMBERS_WRITE, Scope.CHAT)
    Membership.objects.filter(user=member).update(role=Role.MEMBER)
    holder = authenticate(made.secret)
    assert holder is not None
    assert holder.may(Permission.CHAT)
    assert not holder.may(Permission.MEMBERS_MANAGE)


def test_a_token_cannot_begin_beyond_its_persons_role(workspace: Workspace) -> None:
    member = add_member(workspace, "ana@example.org", role=Role.MEMBER, actor=SYSTEM)
    assert scopes_for(Role.MEMBER) == (Scope.CHAT,)
    assert scopes_for(Role.OWNER) == tuple(Scope)
    with pytest.raises(InvalidInput) as refused:
        token_for(member, Scope.AUDIT_READ)
    assert refused.value.code == "tokens.scope_beyond_role"
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "\x00", "n" * 101])
def test_a_name_is_needed(workspace: Workspace, owner: User, name: str) -> None:
    with pytest.raises(InvalidInput):
        make_token(name, [Scope.CHAT], expires_at=None, actor=Actor.person(owner.id))


def test_an_end_in_the_past_and_no_scope_are_refused(workspace: Workspace, owner: User) -> None:
    with pytest.raises(InvalidInput):
        make_token("CI", [Scope.CHAT], expires_at=now(), actor=Actor.person(owner.id))
    with pytest.raises(InvalidInput):
        make_token("CI", [], expires_at=None, actor=Actor.person(owner.id))


def test_strangers_and_the_suspended_get_none(workspace: Workspace, owner: User) -> None:
    with pytest.raises(NotFound):
        make_token("CI", [Scope.CHAT], expires_at=None, actor=SYSTEM, user_id=uuid4())
    suspend_place(owner)
    with pytest.raises(NotFound):
        token_for(owner)


def test_living_tokens_are_counted(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "TOKENS_A_PERSON", 2)
    first = token_for(owner)
    token_for(owner)
    with pytest.raises(TooMany):
        token_for(owner)
    revoke_token(first.token_id, actor=SYSTEM)
    token_for(owner)


def test_another_persons_token_is_not_found(workspace: Workspace, owner: User) -> None:
    member = add_member(workspace, "ana@example.org", role=Role.MEMBER, actor=SYSTEM)
    made = token_for(owner)
    for wanted in (made.token_id, uuid4()):
        with pytest.raises(NotFound) as refused:
            revoke_token(wanted, actor=Actor.person(member.id), owner_id=member.id)
        assert refused.value.code == "tokens.not_found"
    assert authenticate(made.secret) is not None


def test_another_workspaces_token_is_not_found(workspace: Workspace, owner: User) -> None:
    made = token_for(owner)
    other = Workspace.objects.create(name="Other")
    with workspace_scope(other.id):
        assert tokens_of(owner.id) == []
        with pytest.raises(NotFound):
            revoke_token(made.token_id, actor=Actor.person(owner.id), owner_id=owner.id)


def test_a_place_elsewhere_opens_nothing_here(workspace: Workspace) -> None:
    member = add_member(workspace, "ana@example.org", role=Role.MEMBER, actor=SYSTEM)
    made = token_for(member)
    other = Workspace.objects.create(name="Other")
    Membership.objects.create(workspace=other, user=member, role=Role.OWNER)
    holder = authenticate(made.secret)
    assert holder is not None
    assert (holder.workspace_id, holder.role) == (workspace.id, Role.MEMBER)
    Membership.objects.filter(user=member, workspace=workspace).delete()
    assert authenticate(made.secret) is None


def test_revoking_twice_is_one_event(workspace: Workspace, owner: User) -> None:
    made = token_for(owner)
    revoke_token(made.token_id, actor=SYSTEM)
    revoke_token(made.token_id, actor=SYSTEM)
    assert codes() == ["accounts.api_token.made", "accounts.api_token.revoked"]


def used_at(token_id: UUID) -> object:
    return ApiToken.objects.get(id=token_id).last_used_at


def test_the_last_use_is_written_at_most_once_a_minute(workspace: Workspace, owner: User) -> None:
    made = token_for(owner)
    assert used_at(made.token_id) is None
    authenticate(made.secret)
    first = used_at(made.token_id)
    assert first is not None
    authenticate(made.secret)
    assert used_at(made.token_id) == first
    an_hour_ago = now() - timedelta(hours=1)
    ApiToken.objects.update(last_used_at=an_hour_ago)
    authenticate(made.secret)
    assert used_at(made.token_id) != an_hour_ago


def test_lists_show_what_there_is(workspace: Workspace, owner: User) -> None:
    member = add_member(workspace, "ana@example.org", role=Role.MEMBER, actor=SYSTEM)
    old = token_for(owner, lives_s=60)
    new = token_for(member)
    ApiToken.objects.filter(id=old.token_id).update(expires_at=now() - timedelta(days=1))
    assert [view.id for view in workspace_tokens()] == [new.token_id, old.token_id]
    [view] = tokens_of(owner.id)
    assert view.is_expired
    assert not view.is_living
    revoke_token(new.token_id, actor=SYSTEM)
    assert [view.id for view in workspace_tokens()] == [old.token_id]


def test_every_scope_means_something() -> None:
    assert set(SCOPE_PERMISSIONS) == set(Scope)
    assert all(SCOPE_PERMISSIONS.values())
    assert all(str(scope.label) for scope in Scope)

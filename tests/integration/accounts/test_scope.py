"""The workspace scope: without one nothing is read, and in one nothing of another is met, whichever way one asks.

Every SQL statement that an ordinary piece of work sends is looked at: what touches a tenant's table names the
workspace of the scope.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import Prefetch

from chatplatform.accounts import queries
from chatplatform.accounts.groups import add_to_group, create_group, delete_group, set_members
from chatplatform.accounts.invitations import accept_invitation, invite, revoke_invitation
from chatplatform.accounts.members import change_role, remove_member, suspend
from chatplatform.accounts.models import Group, GroupMembership, Invitation, Membership, Role, User, Workspace
from chatplatform.chat import queries as chat_queries
from chatplatform.chat import services
from chatplatform.chat.models import Conversation, Message, Segment, Turn
from chatplatform.chat.organising.queries import Shelf, conversation_page
from chatplatform.common.actors import ANONYMOUS, Actor
from chatplatform.common.ids import new_id
from chatplatform.common.row_security import tenant_models
from chatplatform.common.scope import NoScope, WrongScope, all_workspaces, workspace_scope
from chatplatform.prompts.models import Assistant, Prompt, PromptLabel, PromptVersion

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

COMMAND = Actor.system("command")
TABLES = {model._meta.db_table for model in tenant_models()}


@pytest.fixture
def two(owner: User) -> tuple[Workspace, Workspace]:
    """Two workspaces with the same things in each: a group with a member, a conversation with a turn."""
    first, second = Workspace.objects.get(), Workspace.objects.create(name="B")
    for workspace in (first, second):
        with workspace_scope(workspace.id):
            user = User.objects.create_user(f"{workspace.id}@example.org")
            member = Membership.objects.create(workspace=workspace, user=user)
            group = create_group("Group", actor=COMMAND)
            add_to_group(group.id, member.public_id, actor=COMMAND)
            invite(role=Role.MEMBER, group_ids=[group.id], actor=COMMAND)
            if workspace == second:
                from chatplatform.prompts.starting_content import ensure_workspace_content

                ensure_workspace_content(workspace.id, actor=COMMAND)
            services.submit_message(
                client_id=new_id(),
                text="Hello",
                conversation_id=None,
                assistant_id=None,
                actor=Actor.person(user.id),
            )
    return first, second


@contextmanager
def every_statement_carries(workspace_id: UUID) -> Iterator[list[str]]:
    """Fails for a statement on a tenant's table that does not name the workspace; gives those it has seen."""
    seen: list[str] = []
    wanted = {str(workspace_id), workspace_id.hex}

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        touched = TABLES & set(re.findall(r'"(\w+)"', sql))
        if touched:
            seen.append(sql)
            rows = params if many else [params]
            for row in rows:
                values = {str(value) for value in row or ()}
                by_key = re.match(r'(?:DELETE FROM|UPDATE) "\w+" (?:SET .+ )?WHERE "\w+"\."\w+" IN \(', sql)
                assert '"workspace_id"' in sql or by_key, f"no workspace in: {sql}"
                # work of the platform's own, such as telling engines to forget somebody, is no workspace's
                is_platforms = touched == {"jobs_job"} and (
                    '"workspace_id" IS NULL' in sql or "None" in values
                )
                if not by_key and not is_platforms:
                    assert values & wanted, f"another workspace, or none, in: {sql}"
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model.__name__)
def test_without_a_scope_every_way_to_ask_raises(db: None, model: Any) -> None:
    ways: list[Callable[[], object]] = [
        lambda: list(model.objects.all()),
        lambda: model.objects.filter(pk=None).exists(),
        lambda: model.objects.count(),
        lambda: model.objects.create(workspace_id=new_id()),
        lambda: model.objects.bulk_create([model(workspace_id=new_id())]),
        lambda: model.objects.update(workspace_id=new_id()),
        lambda: model.objects.all().delete(),
        lambda: model._base_manager.all(),
        lambda: model._default_manager.all(),
        lambda: model(workspace_id=new_id()).save(),
        lambda: model.objects.raw(f"SELECT * FROM {model._meta.db_table}"),
    ]
    for way in ways:
        with pytest.raises(NoScope):
            way()


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model.__name__)
async def test_without_a_scope_asynchronous_ways_raise_too(model: Any) -> None:
    with pytest.raises(NoScope):
        await model.objects.filter(pk=None).aexists()
    with pytest.raises(NoScope):
        await model.objects.acount()
    with pytest.raises(NoScope):
        async for _row in model.objects.all():
            pass


def test_foreign_keys_stay_in_the_scope(two: tuple[Workspace, Workspace]) -> None:
    first, second = two
    with all_workspaces("a test makes broken rows"):
        turn = Turn.objects.get(workspace_id=first.id)
        foreign = Turn.objects.get(workspace_id=second.id)
        # a row whose foreign key points into the other workspace, as a defect might leave it
        Turn.objects.filter(pk=turn.pk).update(
            conversation_id=foreign.conversation_id, state=Turn.State.FINISHED
        )
    with workspace_scope(first.id):
        broken = Turn.objects.get(pk=turn.pk)
        with pytest.raises(Conversation.DoesNotExist):
            broken.conversation  # noqa: B018 - the reading is the test
        prefetched = Turn.objects.prefetch_related("conversation").get(pk=turn.pk)
        with pytest.raises(Conversation.DoesNotExist):
            prefetched.conversation  # noqa: B018
    with pytest.raises(NoScope):
        broken.refresh_from_db()
    with pytest.raises(NoScope):
        broken.question  # noqa: B018


def test_reverse_managers_and_prefetches_stay_in_the_scope(two: tuple[Workspace, Workspace]) -> None:
    first, second = two
    with workspace_scope(second.id):
        theirs = Conversation.objects.get()
        their_group = Group.objects.get()
    for ask in (
        lambda: list(theirs.messages.all()),
        lambda: theirs.turns.count(),
        lambda: their_group.places.exists(),
    ):
        with pytest.raises(NoScope):
            ask()
        with workspace_scope(first.id):
            assert not ask()
    with workspace_scope(first.id), every_statement_carries(first.id) as seen:
        conversation = Conversation.objects.prefetch_related(
            "messages", Prefetch("turns", Turn.objects.select_related("question", "answer"))
        ).get()
        assert len(conversation.messages.all()) == 2
        assert conversation.turns.all()[0].answer.conversation == conversation
        member = Membership.objects.prefetch_related("group_places__group").get(
            workspace=first, group_places__group__name="Group"
        )
        assert member.group_places.all()[0].group.name == "Group"
        assert list(Segment.objects.filter(turn__conversation=conversation)) == []
        assert seen


def test_rows_of_another_workspace_are_not_written(two: tuple[Workspace, Workspace]) -> None:
    first, second = two
    with workspace_scope(second.id):
        theirs = Group.objects.get()
    with workspace_scope(first.id):
        theirs.name = "stolen"
        for write in (theirs.save, theirs.delete, lambda: Group(workspace_id=second.id, name="x").save()):
            with pytest.raises(WrongScope):
                write()
        assert Group.objects.filter(pk=theirs.pk).update(name="stolen") == 0
        assert Group.objects.filter(pk=theirs.pk).delete() == (0, {})
    with workspace_scope(second.id):
        assert Group.objects.get().name == "Group"


def test_cascades_stay_in_the_scope(two: tuple[Workspace, Workspace]) -> None:
    first, second = two
    with workspace_scope(first.id), every_statement_carries(first.id):
        Conversation.objects.get().delete()
        assert not Message.objects.exists()
        assert not Turn.objects.exists()
    with workspace_scope(second.id):
        assert Message.objects.count() == 2
        user = User.objects.get(email=f"{second.id}@example.org")
    # a person belongs to no workspace alone: deleting one has to say that it means them all
    with pytest.raises(NoScope):
        user.delete()
    with all_workspaces("a person and all of theirs go"):
        user.delete()
        assert not Conversation.objects.exists()


def test_what_services_and_queries_send_carries_the_workspace(two: tuple[Workspace, Workspace]) -> None:
    first, _second = two
    owner = User.objects.get(email="owner@localhost")
    actor = Actor.person(owner.id)
    with workspace_scope(first.id), every_statement_carries(first.id) as seen:
        group = queries.groups()[0]
        member = queries.members(search="@example.org")[0]
        set_members(group.id, [], actor=actor)
        set_members(group.id, [member.membership_id], actor=actor)
        assert queries.groups_of(member.user_id, first.id) == {group.id}
        invited = invite(role=Role.MEMBER, group_ids=[group.id], actor=actor)
        revoke_invitation(queries.open_invitations()[1].id, actor=actor)
        change_role(member.membership_id, Role.SUPPORT_AGENT, actor=actor)
        conversation = conversation_page(member.user_id, Shelf(), limit=5)[0]
        snapshot = chat_queries.snapshot(member.user_id, conversation.id)
        assert len(snapshot.messages) == 2
        services.rename_conversation(conversation.id, "Another", actor=Actor.person(member.user_id))
        services.delete_conversation(conversation.id, actor=Actor.person(member.user_id))
        delete_group(group.id, actor=actor)
        suspend(member.membership_id, actor=actor)
        remove_member(member.membership_id, actor=actor)
        assert list(Assistant.objects.select_related("prompt"))
        assert list(PromptLabel.objects.select_related("version", "prompt"))
        assert list(PromptVersion.objects.filter(prompt__in=Prompt.objects.all()))
    assert len(seen) > 40
    assert invited.url
    token = invited.url.rstrip("/").rpartition("/")[2]
    with pytest.raises(AssertionError), every_statement_carries(first.id):
        # finding the workspace of a link needs to look across: the wrapper would notice
        accept_invitation(token, display_name="X", email="x@example.org", actor=ANONYMOUS)


async def test_a_scope_follows_await_and_threads(db: None) -> None:
    first, second = new_id(), new_id()

    async def ask(workspace_id: UUID) -> list[str]:
        with workspace_scope(workspace_id):
            await asyncio.sleep(0)
            here = str(Group.objects.all().query)
            there = await sync_to_async(lambda: str(Group.objects.all().query))()
            return [here, there]

    for workspace_id, asked in zip(
        (first, second), await asyncio.gather(ask(first), ask(second)), strict=True
    ):
        assert all(workspace_id.hex in query.replace("-", "") for query in asked)
    with pytest.raises(NoScope):
        Group.objects.all()


def test_the_wrapper_notices_what_forgets_the_workspace(two: tuple[Workspace, Workspace]) -> None:
    first, second = two
    with every_statement_carries(first.id):
        with all_workspaces("as a forgetful piece of code would"), pytest.raises(AssertionError):
            list(GroupMembership.objects.filter(group__name="Group"))
        with workspace_scope(second.id), pytest.raises(AssertionError):
            list(Invitation.objects.all())


def test_every_model_with_a_workspace_is_scoped_or_says_why() -> None:
    from django.apps import apps

    # each with what stands in for the scope
    unscoped = {
        "Membership": "opens the scope: it says which workspaces a person may enter",
        "AuditEvent": "lies below the scope and outlives workspaces; its queries take the workspace",
    }
    with_workspace = {
        model.__name__
        for model in apps.get_models(include_auto_created=True)
        if any(field.attname == "workspace_id" for field in model._meta.concrete_fields)
    }
    scoped = {model.__name__ for model in tenant_models()}
    assert with_workspace - scoped == set(unscoped)

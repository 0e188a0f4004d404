"""Who may search and change which collection, and that a right that was taken back is gone with the next question."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pytest_django.fixtures import Settings

from chatplatform.accounts.groups import add_to_group, create_group, remove_from_group
from chatplatform.accounts.members import change_role, suspend
from chatplatform.accounts.models import Membership, Role, User
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chatplatform.common.scope import all_workspaces, workspace_scope
from chatplatform.knowledge import collections, document_acts, document_queries, documents, queries, rights
from chatplatform.knowledge.collections import Grant
from chatplatform.knowledge.models import Collection
from chatplatform.knowledge.rights import SearchScope, scope_of_assistant, scope_of_collection
from chatplatform.prompts.models import Assistant, Prompt
from tests.integration.knowledge.at_work import Team, acting, team

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

CHOSEN = Collection.Access.CHOSEN


@pytest.fixture
def people(db: None, settings: Settings, tmp_path: Path) -> Iterator[Team]:
    settings.KNOWLEDGE_DIR = tmp_path
    found = team()
    with workspace_scope(found.workspace.id):
        yield found


def assistant(people: Team, **fields: object) -> UUID:
    prompt = Prompt.objects.create(workspace_id=people.workspace.id, name=f"Prompt {uuid4()}")
    row = Assistant.objects.create(
        workspace_id=people.workspace.id, name=f"Assistant {uuid4()}", prompt=prompt, **fields
    )
    return row.id


def place_of(user: User) -> UUID:
    return Membership.objects.get(user=user).public_id


def made(people: Team, name: str = "Handbook", *grants: Grant, access: str = "everybody") -> UUID:
    return collections.create_collection(name, access=access, grants=grants, actor=acting(people.owner))


def test_everybody_searches_what_is_for_everybody(people: Team) -> None:
    handbook = made(people)
    for user in (people.owner, people.editor, people.member):
        assert scope_of_collection(user.id, handbook).collection_ids == (handbook,)
    stranger = User.objects.create_user("stranger@example.org")
    with pytest.raises(NotFound):
        scope_of_collection(stranger.id, handbook)


def test_chosen_access_opens_to_a_role_a_group_or_a_person_and_to_nobody_else(people: Team) -> None:
    group = create_group("Legal", actor=acting(people.owner))
    own = made(people, "Contracts", Grant(group_id=group.id), access=CHOSEN)
    roles = made(people, "Wages", Grant(role=Role.PROMPT_EDITOR), access=CHOSEN)
    persons = made(people, "Plans", Grant(person_id=people.member.id), access=CHOSEN)

    def found(user: User) -> set[UUID]:
        return {each for each in (own, roles, persons) if rights.may_search(user.id, each)}

    assert found(people.owner) == {own, roles, persons}, "who makes one may change it"
    assert found(people.editor) == {roles}
    assert found(people.member) == {persons}
    add_to_group(group.id, place_of(people.member), actor=acting(people.owner))
    assert found(people.member) == {own, persons}
    remove_from_group(group.id, place_of(people.member), actor=acting(people.owner))
    assert found(people.member) == {persons}
    collections.set_access(persons, CHOSEN, [Grant(role=Role.OWNER)], actor=acting(people.owner))
    assert found(people.member) == set()
    change_role(place_of(people.editor), Role.MEMBER, actor=acting(people.owner))
    assert found(people.editor) == set()


def test_a_right_that_was_taken_back_is_gone_with_the_next_question(people: Team) -> None:
    handbook = made(people, "Handbook", Grant(role=Role.MEMBER), access=CHOSEN)
    helper = assistant(people)
    collections.set_assistant(helper, [handbook], actor=acting(people.owner))
    assert scope_of_assistant(people.member.id, helper).collection_ids == (handbook,)
    collections.set_access(handbook, CHOSEN, [], actor=acting(people.owner))
    assert scope_of_assistant(people.member.id, helper).collection_ids == ()
    collections.set_access(handbook, "everybody", [], actor=acting(people.owner))
    assert scope_of_assistant(people.member.id, helper).collection_ids == (handbook,)
    suspend(place_of(people.member), actor=acting(people.owner))
    assert scope_of_assistant(people.member.id, helper).collection_ids == ()


def test_an_assistant_opens_nothing_to_who_may_not_use_it(people: Team) -> None:
    handbook = made(people)
    closed = assistant(people, audience=Assistant.Audience.GROUPS)
    collections.set_assistant(closed, [handbook], "only", actor=acting(people.owner))
    assert scope_of_assistant(people.member.id, closed).collection_ids == ()
    assert queries.assistant_use(closed) == queries.AssistantUse((handbook,), "only")
    collections.delete_collection(handbook, actor=acting(people.owner))
    assert queries.assistant_use(closed).collection_ids == ()


def test_another_workspace_has_nothing_in_common(people: Team) -> None:
    handbook = made(people)
    helper = assistant(people)
    other = team("Other")
    with workspace_scope(other.workspace.id):
        theirs = made(other)
        for person in (other.owner, people.owner):
            with pytest.raises(NotFound):
                scope_of_collection(person.id, handbook)
        with pytest.raises(NotFound):
            collections.set_assistant(helper, [theirs], actor=acting(other.owner))
        with pytest.raises(NotFound):
            documents.add_text(handbook, "Note", "Hello", actor=acting(other.owner))
    with pytest.raises(NotFound):
        collections.set_assistant(helper, [theirs], actor=acting(people.owner))


def test_a_scope_is_made_by_rights_and_by_nothing_else(people: Team) -> None:
    scope = scope_of_collection(people.member.id, made(people))
    assert rights.require_scope(scope) is scope
    with pytest.raises(TypeError):
        SearchScope(people.workspace.id, people.member.id, (uuid4(),), object())
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(scope)
    forged = object.__new__(SearchScope)
    with pytest.raises(TypeError):
        rights.require_scope(forged)


def test_who_may_change_documents(people: Team) -> None:
    handbook = made(people)
    secret = made(people, "Secret", Grant(person_id=people.member.id, level="edit"), access=CHOSEN)
    assert rights.may_edit(people.editor.id, handbook)
    assert not rights.may_edit(people.member.id, handbook)
    assert not rights.may_edit(people.editor.id, secret), "a role's right opens nothing"
    kept = documents.add_text(secret, "Note", "A grant is enough.", actor=acting(people.member))
    with pytest.raises(NotAllowed):
        documents.add_text(handbook, "Note", "Not here.", actor=acting(people.member))
    with pytest.raises(NotFound):
        document_acts.delete_documents([kept.document_id], actor=acting(people.editor))
    with pytest.raises(NotFound):
        document_queries.document_view(people.editor.id, kept.document_id)
    assert document_acts.delete_documents([kept.document_id], actor=acting(people.member)) == 1


def test_who_manages_knows_of_each_collection_and_reads_none(people: Team) -> None:
    boss = User.objects.create_user("boss@example.org")
    Membership.objects.create(user=boss, workspace=people.workspace, role=Role.ADMINISTRATOR)
    secret = made(people, "Secret", access=CHOSEN)
    documents.add_text(secret, "Note", "Hello", actor=acting(people.owner))
    view = queries.collection_view(boss.id, secret)
    assert (view.may_manage, view.may_search, view.may_edit, view.documents) == (True, False, False, 1)
    with pytest.raises(NotFound):
        document_queries.document_page(boss.id, secret)
    assert [row.name for row in queries.collection_list(people.editor.id)] == []


@pytest.mark.parametrize("who", ["editor", "member"])
def test_others_manage_nothing(people: Team, who: str) -> None:
    handbook = made(people)
    actor = acting(getattr(people, who))
    with pytest.raises(NotAllowed):
        collections.create_collection("Mine", actor=actor)
    with pytest.raises(NotAllowed):
        collections.change_collection(handbook, name="Mine", actor=actor)
    with pytest.raises(NotAllowed):
        collections.set_access(handbook, CHOSEN, actor=actor)
    with pytest.raises(NotAllowed):
        collections.delete_collection(handbook, actor=actor)
    with pytest.raises(NotAllowed):
        collections.set_assistant(assistant(people), [handbook], actor=actor)


def test_what_is_wrong_is_refused_in_words(people: Team) -> None:
    made(people, "Handbook")
    with pytest.raises(Conflict):
        made(people, "Handbook")
    for name in ("", "  ", "x" * 101):
        with pytest.raises(InvalidInput):
            made(people, name)
    for grant in (Grant(), Grant(role="king"), Grant(role=Role.MEMBER, person_id=people.member.id)):
        with pytest.raises(InvalidInput):
            made(people, "Other", grant, access=CHOSEN)
    with pytest.raises(NotFound):
        made(people, "Other", Grant(person_id=uuid4()), access=CHOSEN)
    with pytest.raises(InvalidInput):
        made(people, "Other", access="nobody")


def test_each_act_is_in_the_audit_log_without_names(people: Team) -> None:
    secret = made(people, "Secret plans", Grant(role=Role.MEMBER), access=CHOSEN)
    collections.change_collection(secret, name="Other plans", actor=Actor.system("test"))
    documents.add_text(secret, "Hush", "Nobody knows.", actor=acting(people.owner))
    collections.delete_collection(secret, actor=acting(people.owner))
    with all_workspaces("test"):
        told = list(AuditEvent.objects.filter(code__startswith="knowledge.").order_by("id"))
    assert [event.code for event in told] == [
        "knowledge.collection.created",
        "knowledge.access.set",
        "knowledge.collection.changed",
        "knowledge.document.added",
        "knowledge.collection.deleted",
    ]
    assert not any(word in event.details for event in told for word in ("plans", "Hush", "Nobody"))

"""Folders, tags, pins, the archive, acts on many: what changes, who may, and what the model is told."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Membership, User
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.audit.models import AuditEvent
from chatplatform.chat import services
from chatplatform.chat.content import sealed_title
from chatplatform.chat.models import Announcement, Conversation
from chatplatform.chat.organising import folders, limits, queries
from chatplatform.chat.organising.instructions import FolderInstructions, parts_of
from chatplatform.chat.organising.models import Folder, Tag
from chatplatform.chat.organising.queries import Shelf, conversation_page
from chatplatform.chat.organising.services import Order, organise
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.parts import PartRef

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture
def owner() -> Iterator[User]:
    owner = bootstrap_owner()
    with workspace_scope(Membership.objects.get(user=owner).workspace_id):
        yield owner


@pytest.fixture
def actor(owner: User) -> Actor:
    return Actor.person(owner.id)


def begin(actor: Actor, folder_id: UUID | None = None) -> Conversation:
    made = services.submit_message(
        client_id=uuid4(),
        text="Which tent?",
        conversation_id=None,
        assistant_id=None,
        folder_id=folder_id,
        actor=actor,
    )
    made.turn.__class__.objects.filter(id=made.turn_id).update(state="finished")
    return Conversation.objects.get(id=made.conversation_id)


def on(shelf: Shelf, actor: Actor) -> set[UUID]:
    return {view.id for view in conversation_page(UUID(actor.id), shelf, limit=100)}


def test_where_conversations_are_listed(actor: Actor) -> None:
    first, second, third, fourth = (begin(actor) for _n in range(4))
    person_id = UUID(actor.id)
    folder, tag = folders.create_folder("Trips", actor=actor), folders.create_tag("work", actor=actor)
    changed = organise([first.id, second.id], Order("move", folder_id=folder.id), actor=actor)
    assert changed.folders == {first.id: None, second.id: None}
    organise([second.id, third.id], Order("pin"), actor=actor)
    organise([first.id, fourth.id], Order("tag", tag_id=tag.id), actor=actor)
    assert on(Shelf(), actor) == {fourth.id}
    assert on(Shelf(folder_id=folder.id), actor) == {first.id, second.id}
    assert on(Shelf(tag_id=tag.id), actor) == {first.id, fourth.id}
    assert {view.id for view in queries.pinned(person_id, limit=9)} == {second.id, third.id}
    organise([first.id, third.id], Order("archive"), actor=actor)
    assert on(Shelf(archived=True), actor) == {first.id, third.id}
    assert on(Shelf(folder_id=folder.id), actor) == {second.id}
    assert [view.conversations for view in queries.folders(person_id)] == [1]
    assert [view.conversations for view in queries.tags(person_id)] == [1]
    (view,) = conversation_page(person_id, Shelf(folder_id=folder.id), limit=9)
    assert (view.folder_id, view.pinned, view.archived, view.tag_ids) == (folder.id, True, False, [])
    folders.delete_folder(folder.id, actor=actor)
    folders.delete_tag(tag.id, actor=actor)
    organise([second.id, third.id], Order("unpin"), actor=actor)
    organise([first.id, third.id], Order("restore"), actor=actor)
    assert on(Shelf(), actor) == {first.id, second.id, third.id, fourth.id}


def test_acts_tell_what_they_changed_and_are_recorded(actor: Actor) -> None:
    first, second = begin(actor), begin(actor)
    assert organise([first.id], Order("pin"), actor=actor).ids == (first.id,)
    before = AuditEvent.objects.count()
    told = Announcement.objects.count()
    assert organise([first.id, second.id], Order("pin"), actor=actor).ids == (second.id,)
    event = AuditEvent.objects.order_by("id").last()
    assert AuditEvent.objects.count() == before + 1
    assert event is not None
    assert (event.code, event.target_id) == ("chat.conversation.ordered", str(second.id))
    assert Announcement.objects.count() == told + 1
    organise([first.id, second.id], Order("delete"), actor=actor)
    assert not Conversation.objects.exists()


def test_what_is_not_ones_own_is_not_found_and_nothing_is_done(actor: Actor) -> None:
    mine = begin(actor)
    stranger = Actor.person(User.objects.create_user("other@example.org").id)
    folder, tag = folders.create_folder("Trips", actor=actor), folders.create_tag("work", actor=actor)
    for order in (Order("pin"), Order("delete"), Order("archive")):
        with pytest.raises(NotFound):
            organise([mine.id], order, actor=stranger)
    for order in (Order("move", folder_id=uuid4()), Order("tag", tag_id=uuid4())):
        with pytest.raises(NotFound):
            organise([mine.id], order, actor=actor)
    with pytest.raises(NotFound):
        organise([mine.id, uuid4()], Order("pin"), actor=actor)
    with pytest.raises(InvalidInput):
        organise([], Order("pin"), actor=actor)
    with pytest.raises(InvalidInput):
        organise([mine.id], Order("tag"), actor=actor)
    with pytest.raises(NotFound):
        folders.change_folder(folder.id, name="Mine", actor=stranger)
    with pytest.raises(NotFound):
        folders.delete_folder(folder.id, actor=stranger)
    with pytest.raises(NotFound):
        folders.rename_tag(tag.id, "Mine", actor=stranger)
    with pytest.raises(NotFound):
        folders.delete_tag(tag.id, actor=stranger)
    mine.refresh_from_db()
    assert mine.pinned_at is None
    assert queries.folders(UUID(stranger.id)) == []


def test_names_are_checked_encrypted_and_taken_once(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folders.create_folder("  Trips\n to  the 山 ", instructions=" Be brief. ", actor=actor)
    view = queries.folder_view(UUID(actor.id), folder.id)
    assert (view.name, view.instructions) == ("Trips to the 山", "Be brief.")
    assert b"Trips" not in bytes(folder.name)
    assert b"brief" not in bytes(folder.instructions)
    with pytest.raises(Conflict):
        folders.create_folder("TRIPS to the 山", actor=actor)
    with pytest.raises(InvalidInput):
        folders.create_folder(" \u200b ", actor=actor)
    with pytest.raises(InvalidInput):
        folders.create_folder("x" * (limits.NAME_CHARS + 1), actor=actor)
    with pytest.raises(InvalidInput):
        folders.change_folder(folder.id, instructions="x" * (limits.INSTRUCTIONS_CHARS + 1), actor=actor)
    folders.change_folder(folder.id, name="Trips", actor=actor)
    tag = folders.create_tag("Work", actor=actor)
    assert folders.create_tag("work", actor=actor).id == tag.id
    other, conversation = folders.create_tag("Other", actor=actor), begin(actor)
    organise([conversation.id], Order("tag", tag_id=other.id), actor=actor)
    monkeypatch.setattr(limits, "FOLDERS", 1)
    monkeypatch.setattr(limits, "TAGS", 1)
    monkeypatch.setattr(limits, "TAGS_A_CONVERSATION", 1)
    with pytest.raises(Conflict):
        folders.create_folder("Another", actor=actor)
    with pytest.raises(Conflict):
        folders.create_tag("Another", actor=actor)
    with pytest.raises(Conflict):
        organise([conversation.id], Order("tag", tag_id=tag.id), actor=actor)


def test_the_model_is_told_what_the_folder_says(actor: Actor) -> None:
    folder = folders.create_folder("Trips", instructions="Answer in one line.", actor=actor)
    conversation = begin(actor, folder.id)
    assert conversation.folder_id == folder.id
    source = FolderInstructions()
    (part,) = parts_of(conversation.id)
    assert part.origin == "folder"
    assert part.text.endswith("Answer in one line.")
    assert part.ref == f"{folder.id}:1"
    ref = PartRef("folder", part.ref, len(part.text))
    assert source.text_again(ref, owner_id=conversation.owner_id) == part.text
    folders.change_folder(folder.id, instructions="Answer at length.", actor=actor)
    assert source.text_again(ref, owner_id=conversation.owner_id) is None
    (changed,) = parts_of(conversation.id)
    assert changed.ref == f"{folder.id}:2"
    organise([conversation.id], Order("move"), actor=actor)
    assert parts_of(conversation.id) == []
    with pytest.raises(NotFound):
        begin(actor, uuid4())


def test_the_pages_do_it_in_json(owner: User, actor: Actor, client: Client) -> None:
    first, second = begin(actor), begin(actor)
    client.force_login(owner)

    def post(address: str, **fields: object) -> object:
        answer = client.post(address, fields, headers={"accept": "application/json"})
        return answer.json() if answer.content else answer.status_code

    made = post("/folders/", name="<b>Trips", instructions="Be brief.")
    assert isinstance(made, dict)
    assert post("/folders/", name="<B>trips")["code"] == "name_taken"  # type: ignore[index]
    moved = post("/c/organise/", act="move", id=[str(first.id), str(second.id)], folder_id=made["id"])
    assert moved["folders"] == {str(first.id): "", str(second.id): ""}  # type: ignore[index]
    assert moved["message"] == "2 conversations moved."  # type: ignore[index]
    assert client.get(f"/folders/{made['id']}/").json()["instructions"] == "Be brief."
    overview = client.get("/c/overview/").content.decode()
    assert "&lt;b&gt;Trips" in overview
    assert "<b>" not in overview
    assert str(first.id) in client.get(f"/c/?folder={made['id']}").content.decode()
    assert str(first.id) not in client.get("/c/").content.decode()
    found = post("/search/", q="tent", folder_id=made["id"])
    assert [hit["role"] for hit in found["messages"]] == ["user", "user"]  # type: ignore[index]
    assert found["messages"][0]["pieces"] == [["Which ", False], ["tent", True], ["?", False]]  # type: ignore[index]
    assert len(found["titles"]) == 2  # type: ignore[index]
    assert post("/c/organise/", act="sell", id=str(first.id))["code"] == "unknown_act"  # type: ignore[index]
    assert post("/c/organise/", act="pin", id="none")["code"] == "web.bad_id"  # type: ignore[index]
    tag = post("/tags/", name="work")
    assert post(f"/tags/{tag['id']}/", name="Work")["name"] == "Work"  # type: ignore[index]
    assert post(f"/tags/{tag['id']}/delete/") == 204  # type: ignore[index]
    assert post(f"/folders/{made['id']}/delete/") == 204
    assert not Folder.objects.exists()
    assert not Tag.objects.exists()


def test_the_list_stays_quick_with_thousands(
    owner: User, actor: Actor, django_assert_max_num_queries: object
) -> None:
    workspace_id = Membership.objects.get(user=owner).workspace_id
    rows = [Conversation(workspace_id=workspace_id, owner=owner, title=b"") for _n in range(300)]
    for row in rows:
        row.title = sealed_title(Subject.person(owner.id), row.id, "Tents")
    Conversation.objects.bulk_create(rows)
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        assert len(conversation_page(owner.id, Shelf(), limit=51)) == 51

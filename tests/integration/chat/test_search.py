"""The search finds what a plain search through all texts would: packed or not, renamed, edited, deleted, erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatplatform.accounts.models import Membership
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.chat import services, turns, versions
from chatplatform.chat.content import sealed_message, text_of
from chatplatform.chat.models import Conversation, Message, Segment, Turn
from chatplatform.chat.organising import folders
from chatplatform.chat.organising.search import search_conversations
from chatplatform.chat.organising.services import Order, organise
from chatplatform.chat.organising.wishes import Filters
from chatplatform.chat.searchable import enter_backlog, is_catching_up, make_findable, texts_of_messages
from chatplatform.chat.segments import segment_context
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.content import encrypt_text
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search import pack_making
from chatplatform.text_search.folding import folded
from chatplatform.text_search.models import Kind, SearchBucket, SearchEntry, SearchPack
from chatplatform.text_search.queries import Bounds, search
from chatplatform.text_search.services import erase
from chatplatform.text_search.terms import parse

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

TEXTS = [
    "Which tent is the lighter one?",
    "The Ridge tent: 1.9 kg, two persons.",
    "登山帐篷怎么选？",
    "两人帐篷重一点九公斤，适合登山。",
    "content is not attention",
    "Tents, tenths and Tentacles",
    "ＦＵＬＬ width and Größe",
    "帐 篷 apart",
    "🎒 packed",
    "the small tent by the small river",
]
QUERIES = [
    "tent",
    "TENT",
    "tents",
    "帐篷",
    "登山",
    "篷",
    '"the small tent"',
    '"tent the small"',
    "small river",
    "full",
    "grösse",
    "t",
    "🎒",
    "1.9",
    "nothing of this",
]


@pytest.fixture
def owner_id() -> Iterator[UUID]:
    owner = bootstrap_owner()
    with workspace_scope(Membership.objects.get(user=owner).workspace_id):
        yield owner.id


@pytest.fixture(autouse=True)
def small_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_making, "PACK_TEXTS", 8)
    monkeypatch.setattr(pack_making, "PACK_AT", 3)
    monkeypatch.setattr(pack_making, "MERGE_AT", 4)


def say(owner_id: UUID, texts: list[str], conversation: Conversation | None = None) -> Conversation:
    """A conversation in which the person says all this."""
    workspace_id = Membership.objects.get(user_id=owner_id).workspace_id
    owner = Subject.person(owner_id)
    if conversation is None:
        conversation = Conversation.objects.create(workspace_id=workspace_id, owner_id=owner_id, title=b"")
        with transaction.atomic():
            origin = Conversation.TitleOrigin.PERSON
            services.set_title(conversation, texts[0][:60], origin=origin, actor=Actor.person(owner_id))
    start = conversation.messages.count()
    for number, text in enumerate(texts, start=start + 1):
        message_id = uuid4()
        message = Message.objects.create(
            id=message_id,
            workspace_id=workspace_id,
            conversation=conversation,
            number=number,
            role=Message.Role.USER,
            author_id=owner_id,
            content=sealed_message(owner, message_id, text),
        )
        make_findable(conversation, message)
    return conversation


def plain(owner_id: UUID, query: str) -> list[UUID]:
    """What a search through all plain texts finds, newest first."""
    wanted = parse(query)
    rows = Message.objects.filter(conversation__owner_id=owner_id).order_by("-created_at", "-id")
    owner = Subject.person(owner_id)
    return [row.id for row in rows if wanted.matches(folded(text_of(row, owner)))]


def found(owner_id: UUID, query: str, *, limit: int = 3) -> list[UUID]:
    """All pages of what the search finds."""
    ids: list[UUID] = []
    after = None
    while True:
        page = search(owner_id, Kind.MESSAGE, parse(query), limit=limit, after=after)
        ids += [each.place.item_id for each in page.found]
        assert len(page.found) <= limit
        if page.after is None:
            return ids
        after = page.after


def same_everywhere(owner_id: UUID) -> None:
    for query in QUERIES:
        assert found(owner_id, query) == plain(owner_id, query), query


def test_it_equals_a_plain_search_before_and_after_packing(owner_id: UUID) -> None:
    for first in range(4):
        say(owner_id, TEXTS[first:] + TEXTS[:first])
    same_everywhere(owner_id)
    assert pack_making.make_due_packs(within_s=60) > 3
    assert SearchEntry.objects.filter(kind=Kind.MESSAGE, pack__isnull=True).count() < 3
    same_everywhere(owner_id)
    say(owner_id, TEXTS)
    same_everywhere(owner_id)
    pack_making.make_due_packs(within_s=60)
    same_everywhere(owner_id)
    assert max(SearchPack.objects.values_list("texts", flat=True)) == 8


def test_deleted_edited_and_renamed_texts_leave_the_index(owner_id: UUID) -> None:
    actor = Actor.person(owner_id)
    gone, kept = say(owner_id, TEXTS), say(owner_id, TEXTS)
    pack_making.make_due_packs(within_s=60)
    services.delete_conversation(gone.id, actor=actor)
    same_everywhere(owner_id)
    message = kept.messages.order_by("number")[1]
    versions.edit_text(message_id=message.id, text="Quite another river", actor=actor)
    assert found(owner_id, "another") == [message.id]
    same_everywhere(owner_id)
    services.rename_conversation(kept.id, "Bivouac 露营", actor=actor)
    titles = search_conversations(owner_id, "露营", where="titles", filters=Filters(), limit=5)
    assert [hit.conversation.id for hit in titles.hits] == [kept.id]
    assert SearchPack.objects.filter(is_stale=True).exists()
    pack_making.make_due_packs(within_s=60)
    assert not SearchPack.objects.filter(is_stale=True).exists()
    same_everywhere(owner_id)
    old = search_conversations(owner_id, TEXTS[0], where="titles", filters=Filters(), limit=5)
    assert not old.hits


def test_a_turn_is_found_by_its_question_and_its_answer(owner_id: UUID) -> None:
    actor = Actor.person(owner_id)
    asked = services.submit_message(
        client_id=uuid4(), text="Where is the 罗盘?", conversation_id=None, assistant_id=None, actor=actor
    )
    assert len(found(owner_id, "罗盘")) == 1

    Segment.objects.create(
        workspace_id=asked.turn.workspace_id,
        turn=asked.turn,
        sequence=1,
        content=encrypt_text(
            Subject.person(owner_id), "In the rucksack.", context=segment_context(asked.turn_id, 1)
        ),
    )
    turns.finish(asked.turn_id, Turn.State.FAILED, turns.Passport(), error_code="internal")
    assert found(owner_id, "rucks") == [asked.turn.answer_id]
    services.retry_turn(asked.turn_id, actor=actor)
    turns.finish(asked.turn_id, Turn.State.FINISHED, turns.Passport())
    assert found(owner_id, "rucks") == [asked.turn.answer_id]
    hits = search_conversations(owner_id, "rucks", where="messages", filters=Filters(), limit=5).hits
    assert [(hit.role, hit.conversation.id) for hit in hits] == [("assistant", asked.conversation_id)]
    assert [piece.text for piece in hits[0].pieces if piece.is_hit] == ["rucks"]


def test_nobody_finds_what_another_person_wrote(owner_id: UUID, django_user_model: type) -> None:
    say(owner_id, TEXTS)
    other = django_user_model.objects.create_user("other@example.org")  # type: ignore[attr-defined]
    pack_making.make_due_packs(within_s=60)
    assert not search(other.id, Kind.MESSAGE, parse("tent"), limit=5).found
    assert texts_of_messages(other.id, list(Message.objects.values_list("id", flat=True))) == {}


def test_filters_and_marks_narrow_it_down(owner_id: UUID) -> None:
    actor = Actor.person(owner_id)
    first, second, third = say(owner_id, TEXTS), say(owner_id, TEXTS), say(owner_id, TEXTS)
    folder = folders.create_folder("Alpine trips", actor=actor)
    tag = folders.create_tag("装备", actor=actor)
    organise([first.id], Order("move", folder_id=folder.id), actor=actor)
    organise([second.id], Order("tag", tag_id=tag.id), actor=actor)
    organise([second.id], Order("pin"), actor=actor)
    organise([third.id], Order("archive"), actor=actor)
    pack_making.make_due_packs(within_s=60)

    def where(text: str, filters: Filters | None = None) -> set[UUID]:
        hits = search_conversations(owner_id, text, where="messages", filters=filters or Filters(), limit=100)
        return {hit.conversation.id for hit in hits.hits}

    assert where("帐篷") == {first.id, second.id, third.id}
    assert where("帐篷", Filters(folder_id=folder.id)) == {first.id}
    assert where("帐篷", Filters(tag_id=tag.id)) == {second.id}
    assert where("帐篷", Filters(pinned=True)) == {second.id}
    assert where("帐篷", Filters(archived=True)) == {third.id}
    assert where("帐篷", Filters(archived=False)) == {first.id, second.id}
    assert where('帐篷 folder:"alpine trips"') == where("文件夹：Alpine 帐篷") == {first.id}
    assert where("tag:装备 tent") == where("标签:装备 tent") == {second.id}
    assert where("是:置顶 帐篷") == where("is:pinned 帐篷") == {second.id}
    assert where("is:archived 帐篷") == {third.id}
    assert where("帐篷", Filters(since=now() + timedelta(days=1))) == set()
    tomorrow = (now() + timedelta(days=1)).date().isoformat()
    assert where(f"帐篷 before:{tomorrow}") == {first.id, second.id, third.id}
    assert where(f"帐篷 after:{tomorrow}") == set()
    assert where("folder:nowhere") == set()  # words, for there is no such folder
    listed = search_conversations(owner_id, "is:pinned", where="titles", filters=Filters(), limit=5)
    assert [hit.conversation.id for hit in listed.hits] == [second.id]


def test_what_was_there_before_the_index_is_entered_later(owner_id: UUID) -> None:
    say(owner_id, TEXTS)
    SearchEntry.objects.all().delete()
    assert found(owner_id, "tent") == []
    assert is_catching_up()
    enter_backlog(within_s=60)
    assert not is_catching_up()
    same_everywhere(owner_id)
    SearchEntry.objects.all().delete()
    enter_backlog(within_s=60)  # the second look is an hour later
    assert found(owner_id, "tent") == []


def test_erasing_the_person_leaves_nothing_of_the_index(owner_id: UUID) -> None:
    say(owner_id, TEXTS)
    pack_making.make_due_packs(within_s=60)
    assert SearchBucket.objects.exists()

    erase(Subject.person(owner_id))
    assert not SearchEntry.objects.exists()
    assert not SearchPack.objects.exists()
    assert not SearchBucket.objects.exists()


def test_an_index_without_its_key_is_dropped(owner_id: UUID, transactional_db: None) -> None:
    say(owner_id, TEXTS)
    destroy_key(Subject.person(owner_id), actor=Actor.system("test"))
    assert not SearchEntry.objects.exists()


words = st.lists(
    st.sampled_from(["tent", "tents", "content", "the", "small", "帐篷", "篷帐", "登山", "a"]), max_size=6
)
spoken = words.map(" ".join) | words.map("".join)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    said=st.lists(spoken.filter(str.strip), min_size=1, max_size=12),
    asked=st.lists(spoken, min_size=1, max_size=5),
    packed=st.integers(0, 12),
)
def test_whatever_is_said_and_asked_it_equals_a_plain_search(
    owner_id: UUID, said: list[str], asked: list[str], packed: int
) -> None:
    Conversation.objects.all().delete()
    SearchEntry.objects.all().delete()
    SearchPack.objects.all().delete()
    conversation = say(owner_id, said[:packed]) if said[:packed] else None
    pack_making.make_due_packs(within_s=60)
    if said[packed:]:
        say(owner_id, said[packed:], conversation)
    for query in (*asked, *(f'"{query}"' for query in asked)):
        wanted = parse(query)
        expected = [] if wanted.is_empty else plain(owner_id, query)
        assert found(owner_id, query, limit=4) == expected
        some = {row.id for row in Conversation.objects.all()}
        within = search(owner_id, Kind.MESSAGE, wanted, limit=99, bounds=Bounds.of(some))
        assert [each.place.item_id for each in within.found] == expected


def test_the_index_holds_no_word(owner_id: UUID, tmp_path: Path) -> None:
    say(owner_id, ["xylophone-canary and 罕见词汇"] * 5)
    pack_making.make_due_packs(within_s=60)
    stored = b"".join(
        bytes(value)
        for row in (*SearchBucket.objects.values_list("postings"), *SearchPack.objects.values_list("listing"))
        for value in row
    )
    assert len(stored) > 1000
    for word in ("xylophone", "canary", "罕见"):
        assert word.encode() not in stored

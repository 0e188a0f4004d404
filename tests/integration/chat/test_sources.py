"""Sources of answers: kept with the turn and encrypted, cited where there is one, and nobody else's."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from chatplatform.accounts.models import Role
from chatplatform.chat import queries, turns
from chatplatform.chat.content import sealed_message
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.services import delete_conversation
from chatplatform.chat.sources.models import TurnSource
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.content import ContentErased
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from tests.integration.web.conftest import MakePerson, Someone, make_person, member, owner, workspace

__all__ = ["make_person", "member", "owner", "workspace"]

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

TENTS = Source(
    number=1,
    kind="file",
    document_id=uuid4(),
    title="Tents.pdf",
    passage="The Heron 2 weighs 1.9 kg.",
    before="All weights are with poles. ",
    after=" The Finch 2 is lighter.",
    start=28,
    end=54,
    page=3,
)
SHOP = Source(
    number=2, kind="web", title="<b>Shop</b>", passage="Open at ten.", url="https://shop.example/hours"
)


def answered(someone: Someone, *sources: Source, text: str = "It is light [1], says [2], not [3].") -> Turn:
    conversation_id = someone.asks("How heavy is it?")
    with workspace_scope(someone.workspace.id):
        turn = Turn.objects.get(conversation_id=conversation_id)
        keep_sources(turn.id, sources)
        turns.finish(turn.id, Turn.State.FINISHED, turns.Passport())
        content = sealed_message(Subject.person(someone.user.id), turn.answer_id, text)
        Message.objects.filter(id=turn.answer_id).update(content=content)
    return turn


def test_numbers_with_a_source_are_citations_and_lead_to_the_passage(member: Someone) -> None:
    turn = answered(member, TENTS, SHOP)
    with workspace_scope(member.workspace.id):
        message = queries.snapshot(member.user.id, turn.conversation_id).messages[-1]
    assert [(source.number, source.title, source.page) for source in message.sources] == [
        (1, "Tents.pdf", 3),
        (2, "<b>Shop</b>", None),
    ]
    assert message.html.count('class="citation"') == 2
    assert "not [3]." in message.html
    found = member.browser.get(f"/api/turns/{turn.id}/sources/1").json()
    assert found == TENTS.model_dump(mode="json")
    assert [
        item["number"] for item in member.browser.get(f"/api/turns/{turn.id}/sources").json()["items"]
    ] == [1, 2]
    assert member.browser.get(f"/api/turns/{turn.id}/sources/3").status_code == 404


def test_an_answer_without_sources_has_no_citations(member: Someone) -> None:
    turn = answered(member)
    with workspace_scope(member.workspace.id):
        message = queries.snapshot(member.user.id, turn.conversation_id).messages[-1]
    assert message.sources == []
    assert "citation" not in message.html
    assert member.browser.get(f"/api/turns/{turn.id}/sources").json() == {"items": []}


def test_they_are_encrypted_and_go_with_the_person_and_the_conversation(member: Someone) -> None:
    turn = answered(member, TENTS)
    with workspace_scope(member.workspace.id):
        row = TurnSource.objects.get(turn=turn)
        assert not any(word in bytes(row.content) for word in (b"Heron", b"Tents", b"poles"))
        # moved to another number or turn it is unreadable
        TurnSource.objects.filter(id=row.id).update(number=9)
    assert member.browser.get(f"/api/turns/{turn.id}/sources").status_code >= 400
    with workspace_scope(member.workspace.id):
        TurnSource.objects.filter(id=row.id).update(number=1)
        destroy_key(Subject.person(member.user.id), actor=Actor.system("test"))
        from chatplatform.chat.sources.queries import sources_of_turn

        with pytest.raises(ContentErased):
            sources_of_turn(member.user.id, turn.id)


def test_they_go_with_the_conversation(member: Someone) -> None:
    turn = answered(member, TENTS)
    with workspace_scope(member.workspace.id):
        delete_conversation(turn.conversation_id, actor=Actor.person(member.user.id))
        assert not TurnSource.objects.exists()


def test_keeping_again_replaces_and_numbers_are_unique(member: Someone) -> None:
    turn = answered(member, TENTS, SHOP)
    with workspace_scope(member.workspace.id):
        keep_sources(turn.id, [SHOP])
        assert list(TurnSource.objects.values_list("number", flat=True)) == [2]
        with pytest.raises(ValueError, match="same number"):
            keep_sources(turn.id, [TENTS, TENTS])
        keep_sources(UUID(int=0), [TENTS])


def test_anothers_sources_are_not_found(member: Someone, make_person: MakePerson) -> None:
    turn = answered(member, TENTS)
    for stranger in (make_person(Role.OWNER), make_person(Role.OWNER, elsewhere=True)):
        assert stranger.browser.get(f"/api/turns/{turn.id}/sources").status_code == 404
        assert stranger.browser.get(f"/api/turns/{turn.id}/sources/1").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/c/1/",
        "https://",
        "ftp://x.example",
        "http://[",
    ],
)
def test_only_whole_addresses_of_the_web_are_kept(url: str) -> None:
    assert Source(number=1, kind="web", title="x", passage="y", url=url).url == ""


@pytest.mark.parametrize(
    "wrong", [{"number": 0}, {"number": 1000}, {"kind": "dream"}, {"page": 0}, {"start": -1}]
)
def test_what_is_no_source_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Source(**{"number": 1, "kind": "file", "title": "x", "passage": "y", **wrong})

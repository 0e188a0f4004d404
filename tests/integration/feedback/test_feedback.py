"""Verdicts on answers: given, changed and taken back by their person, read by staff, and erased with the person."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.chat import turns
from chatplatform.chat.models import Conversation, Turn
from chatplatform.chat.services import delete_conversation
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.feedback import queries
from chatplatform.feedback.models import Feedback
from chatplatform.feedback.queries import FeedbackFilter
from chatplatform.feedback.services import COMMENT_CHARS, give_feedback
from chatplatform.knowledge.collections import create_collection, set_assistant
from chatplatform.knowledge.gaps.models import Gap
from chatplatform.knowledge.gaps.queries import read_gaps
from chatplatform.knowledge.gaps.services import close_gap, file_gap
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.models import Assistant
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

SECRET = "The zebra is missing."


def answer(someone: Someone, *, model: str = "small", over: bool = True) -> UUID:
    """A turn of this person's; its id."""
    conversation_id = someone.asks("How heavy is it?")
    with workspace_scope(someone.workspace.id):
        turn = Turn.objects.get(conversation_id=conversation_id)
        if over:
            passport = replace(turns.Passport(), model=model, prompt_version_id=uuid4())
            turns.finish(turn.id, Turn.State.FINISHED, passport)
    return turn.id


def put(browser: Client, turn_id: UUID, **body: Any) -> tuple[int, dict[str, Any]]:
    reply = browser.put(f"/api/turns/{turn_id}/feedback", json.dumps(body), content_type="application/json")
    return reply.status_code, reply.json()


def events(code: str) -> list[dict[str, Any]]:
    return [json.loads(row.details or "{}") for row in AuditEvent.objects.filter(code=code).order_by("id")]


def answer_from_documents(someone: Someone) -> tuple[UUID, UUID]:
    """The same by an assistant with documents; the turn's id and the assistant's."""
    turn_id = answer(someone)
    with workspace_scope(someone.workspace.id):
        shop = Assistant.objects.get(is_demo=True)
        made = create_collection("Shelf", actor=Actor.system("test"))
        set_assistant(shop.id, [made], actor=Actor.system("test"))
        Turn.objects.filter(id=turn_id).update(assistant_id=shop.id)
    return turn_id, shop.id


def shown_to(someone: Someone) -> list[tuple[str, str, int]]:
    with workspace_scope(someone.workspace.id):
        return [
            (view.question, view.cause, view.times) for view in read_gaps(actor=Actor.person(someone.user.id))
        ]


def test_a_question_is_shown_to_those_who_look_after_the_documents(owner: Someone, member: Someone) -> None:
    turn_id, assistant_id = answer_from_documents(member)
    assert put(member.browser, turn_id, verdict="bad")[0] == 200
    assert shown_to(owner) == []
    for _ in range(2):
        assert put(member.browser, turn_id, verdict="bad", reasons=["wrong"], shows_question=True)[0] == 200
    assert shown_to(owner) == [("How heavy is it?", "judged", 1)]
    assert events("knowledge.gap.filed") == [{"assistant_id": str(assistant_id), "cause": "judged"}]
    with workspace_scope(member.workspace.id):
        gap = Gap.objects.get()
        close_gap(gap.id, actor=Actor.person(owner.user.id))
    assert shown_to(owner) == []
    assert put(member.browser, turn_id, verdict="bad", shows_question=True)[0] == 200
    assert len(shown_to(owner)) == 1
    assert member.browser.delete(f"/api/turns/{turn_id}/feedback").status_code == 204
    assert shown_to(owner) == []


def test_what_was_asked_in_vain_too_stays_when_the_verdict_is_taken_back(
    owner: Someone, member: Someone
) -> None:
    turn_id, assistant_id = answer_from_documents(member)
    assert put(member.browser, turn_id, verdict="bad", shows_question=True)[0] == 200
    with workspace_scope(member.workspace.id):
        file_gap(
            "How heavy is it?",
            assistant_id=assistant_id,
            conversation_id=Turn.objects.get(id=turn_id).conversation_id,
            actor=Actor.person(member.user.id),
        )
    assert member.browser.delete(f"/api/turns/{turn_id}/feedback").status_code == 204
    assert shown_to(owner) == [("How heavy is it?", "unanswered", 2)]


def test_a_question_is_shown_to_nobody_where_there_are_no_documents(member: Someone) -> None:
    turn_id = answer(member)
    status, said = put(member.browser, turn_id, verdict="bad", shows_question=True)
    assert (status, said["code"]) == (409, "feedback.no_documents")
    assert member.browser.get(f"/api/turns/{turn_id}/feedback").status_code == 204, "nothing of it is kept"


def test_a_verdict_is_given_changed_and_taken_back(member: Someone) -> None:
    turn_id = answer(member)
    address = f"/api/turns/{turn_id}/feedback"
    assert member.browser.get(address).status_code == 204
    status, given = put(
        member.browser, turn_id, verdict="bad", reasons=["incomplete", "wrong"], comment=SECRET
    )
    assert status == 200
    assert (given["verdict"], given["reasons"], given["comment"]) == ("bad", ["wrong", "incomplete"], SECRET)
    status, given = put(member.browser, turn_id, verdict="good", reasons=["clear"])
    assert (given["verdict"], given["reasons"], given["comment"]) == ("good", ["clear"], "")
    with workspace_scope(member.workspace.id):
        conversation_id = Turn.objects.get(id=turn_id).conversation_id
    listed = member.browser.get(f"/api/conversations/{conversation_id}/feedback").json()["items"]
    assert [item["turn_id"] for item in listed] == [str(turn_id)]
    assert member.browser.delete(address).status_code == 204
    assert member.browser.delete(address).status_code == 204
    assert member.browser.get(address).status_code == 204
    assert events("feedback.given") == [
        {"verdict": "bad", "reasons": "wrong incomplete", "with_comment": True},
        {"verdict": "good", "reasons": "clear", "with_comment": False},
    ]
    assert len(events("feedback.withdrawn")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "superb"},
        {"verdict": "good", "reasons": ["wrong"]},
        {"verdict": "bad", "reasons": ["clear"]},
        {"verdict": "bad", "comment": "x" * (COMMENT_CHARS + 1)},
        {"verdict": "bad", "comment": "a\x00b"},
        {"verdict": "bad", "colour": "red"},
        {},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(member: Someone, body: dict[str, Any]) -> None:
    turn_id = answer(member)
    assert put(member.browser, turn_id, **body)[0] in (400, 422)
    assert member.browser.get(f"/api/turns/{turn_id}/feedback").status_code == 204


def test_an_answer_that_is_being_written_cannot_be_judged(member: Someone) -> None:
    status, said = put(member.browser, answer(member, over=False), verdict="good")
    assert (status, said["code"]) == (409, "answer_running")


def test_anothers_answer_is_not_found(member: Someone, make_person: MakePerson) -> None:
    turn_id = answer(member)
    for stranger in (make_person(), make_person(Role.OWNER), make_person(Role.OWNER, elsewhere=True)):
        assert put(stranger.browser, turn_id, verdict="bad")[0] == 404
        assert stranger.browser.get(f"/api/turns/{turn_id}/feedback").status_code == 404
        assert stranger.browser.delete(f"/api/turns/{turn_id}/feedback").status_code == 404


def test_the_comment_is_encrypted_and_goes_with_its_person(member: Someone, owner: Someone) -> None:
    turn_id = answer(member)
    put(member.browser, turn_id, verdict="bad", comment=SECRET)
    with workspace_scope(member.workspace.id):
        row = Feedback.objects.get(turn_id=turn_id)
        assert SECRET.encode() not in bytes(row.comment)
        destroy_key(Subject.person(member.user.id), actor=Actor.system("test"))
        (view,) = queries.read_feedback(FeedbackFilter(), limit=5, actor=Actor.person(owner.user.id))
    assert (view.verdict, view.comment) == ("bad", "")


def test_it_goes_with_its_conversation(member: Someone) -> None:
    turn_id = answer(member)
    put(member.browser, turn_id, verdict="bad", comment=SECRET)
    with workspace_scope(member.workspace.id):
        conversation = Conversation.objects.get(turns__id=turn_id)
        delete_conversation(conversation.id, actor=Actor.person(member.user.id))
        assert not Feedback.objects.exists()


def test_staff_read_and_filter_it_and_that_is_recorded(member: Someone, owner: Someone) -> None:
    small, large = answer(member, model="small"), answer(member, model="large")
    put(member.browser, small, verdict="bad", reasons=["wrong"], comment=SECRET)
    put(member.browser, large, verdict="good", reasons=["clear"])

    def listed(query: str) -> list[str]:
        return [item["turn_id"] for item in owner.browser.get(f"/api/feedback?{query}").json()["items"]]

    assert set(listed("")) == {str(small), str(large)}
    assert listed("verdict=bad") == listed("reason=wrong") == listed("model=small") == [str(small)]
    assert listed("until=2001-01-01") == []
    first = owner.browser.get("/api/feedback?limit=1").json()
    second = owner.browser.get(f"/api/feedback?limit=1&after={first['next']}").json()
    assert [first["items"][0]["turn_id"], second["items"][0]["turn_id"]] == [str(large), str(small)]
    read = events("feedback.read")
    assert read[0] == {"items": 2, "comments": 1}
    today = owner.browser.get("/api/feedback/days").json()["items"][-1]
    assert (today["good"], today["bad"], today["share"]) == (1, 1, 0.5)
    for query in (
        "since=2020-01-01&until=2026-01-01",
        "since=2026-02-01&until=2026-01-01",
        "until=9999-12-31",
    ):
        assert owner.browser.get(f"/api/feedback/days?{query}").status_code == 400


def test_the_page_shows_share_comments_and_what_answered(member: Someone, owner: Someone) -> None:
    empty = owner.browser.get("/console/feedback/").content.decode()
    assert "No feedback yet" in empty
    put(member.browser, answer(member), verdict="bad", reasons=["wrong"], comment="<b>no</b> " + SECRET)
    put(member.browser, answer(member), verdict="good")
    page = owner.browser.get("/console/feedback/").content.decode()
    assert "&lt;b&gt;no&lt;/b&gt; The zebra is missing." in page
    assert "<polyline" in page
    assert "50%" in page
    assert "Not correct" in page
    assert SECRET not in owner.browser.get("/console/feedback/?verdict=good").content.decode()
    hostile = "/console/feedback/?from=9999-99-99&to=x&assistant=x&version=%00&model=%22&before=z,z&days=9&reason=no"
    assert owner.browser.get(hostile).status_code == 200


def test_the_copy_has_everything_and_no_formulas(member: Someone, owner: Someone) -> None:
    put(
        member.browser,
        answer(member),
        verdict="bad",
        reasons=["wrong"],
        comment='=HYPERLINK("evil")\nsecond, line',
    )
    reply = owner.browser.get("/console/feedback/export/")
    assert reply.headers["Content-Disposition"].startswith("attachment")
    heading, row = csv.reader(io.StringIO(reply.content.decode("utf-8-sig"), newline=""))
    found = dict(zip(heading, row, strict=True))
    assert found["comment"] == '\'=HYPERLINK("evil")\nsecond, line'
    assert (found["verdict"], found["reasons"], found["model"]) == ("bad", "wrong", "small")
    assert events("feedback.exported") == [{"items": 1, "comments": 1}]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.SUPPORT_AGENT])
def test_others_do_not_read_it(make_person: MakePerson, role: Role) -> None:
    browser = make_person(role).browser
    assert browser.get("/console/feedback/").status_code == 403
    assert browser.get("/console/feedback/export/").status_code == 403
    assert browser.get("/api/feedback").status_code == 403


def test_another_workspace_sees_nothing_of_it(member: Someone, make_person: MakePerson) -> None:
    put(member.browser, answer(member), verdict="bad", comment=SECRET)
    elsewhere = make_person(Role.OWNER, elsewhere=True)
    assert elsewhere.browser.get("/api/feedback").json()["items"] == []
    assert SECRET not in elsewhere.browser.get("/console/feedback/").content.decode()


def test_the_service_takes_no_reason_twice(member: Someone) -> None:
    turn_id = answer(member)
    with workspace_scope(member.workspace.id):
        actor = Actor.person(member.user.id)
        give_feedback(turn_id, verdict="bad", reasons=["wrong", "wrong"], actor=actor)
        found = queries.own_feedback(member.user.id, turn_id)
    assert found is not None
    assert found.reasons == ("wrong",)

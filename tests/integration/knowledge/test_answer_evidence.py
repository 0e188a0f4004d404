"""Which sentences of an answer its sources support: asked for by its person, sealed, found out anew when it changes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from chatplatform.accounts.models import Role
from chatplatform.chat import turns
from chatplatform.chat.content import sealed_message
from chatplatform.chat.knowledge import evidence
from chatplatform.chat.knowledge.models import AnswerEvidence
from chatplatform.chat.models import Message, Turn
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.scope import workspace_scope
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.subjects import Subject
from chatplatform.testing.fixtures import ScriptedEngineProcess
from tests.integration.web.conftest import MakePerson, Someone, make_person, member, owner, workspace

__all__ = ["make_person", "member", "owner", "workspace"]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

SAYS = "The Heron tent weighs 1.9 kg and sleeps two persons."
ANSWER = f"{SAYS} [1] The Heron tent weighs 2.9 kg and sleeps two persons. Anything else?"
SOURCE = Source(number=1, kind="file", document_id=uuid4(), title="Tents", passage=f"{SAYS} It is green.")


def answered(someone: Someone, text: str = ANSWER, *, is_over: bool = True) -> UUID:
    conversation_id = someone.asks("How heavy is it?")
    with workspace_scope(someone.workspace.id):
        turn = Turn.objects.get(conversation_id=conversation_id)
        keep_sources(turn.id, [SOURCE])
        if is_over:
            turns.finish(turn.id, Turn.State.FINISHED, turns.Passport(model="small"))
        write(someone, turn, text)
    return turn.id


def write(someone: Someone, turn: Turn, text: str) -> None:
    content = sealed_message(Subject.person(someone.user.id), turn.answer_id, text)
    Message.objects.filter(id=turn.answer_id).update(content=content)


def found(someone: Someone, turn_id: UUID) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = someone.browser.get(f"/api/turns/{turn_id}/evidence").json()["items"]
    return items


def calls(someone: Someone) -> int:
    with workspace_scope(someone.workspace.id):
        return ModelCall.objects.filter(purpose="chat.evidence").count()


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, scripted_engine: ScriptedEngineProcess) -> None:
    async def encoder() -> str:
        return evidence.MEASURED_WITH

    monkeypatch.setattr(evidence, "present_encoder", encoder)


def test_each_sentence_is_told_and_kept_sealed(member: Someone, measured: None) -> None:
    turn_id = answered(member)
    items = found(member, turn_id)
    assert [(each["state"], each["number"]) for each in items] == [("supported", 1), ("unsupported", 1)]
    asked = calls(member)
    assert asked >= 1
    assert found(member, turn_id) == items
    assert calls(member) == asked, "it is found out once"
    with workspace_scope(member.workspace.id):
        assert "Heron" not in repr(AnswerEvidence.objects.values().get())
        write(member, Turn.objects.get(id=turn_id), f"{ANSWER} And it is red all over.")
    assert len(found(member, turn_id)) == 3, "an answer that grew is looked at anew"


def test_with_another_encoder_nothing_is_judged(
    member: Someone, scripted_engine: ScriptedEngineProcess
) -> None:
    assert {each["state"] for each in found(member, answered(member))} == {"closest"}


def test_nobody_else_is_told_and_nobody_before_its_end(
    member: Someone, make_person: MakePerson, measured: None
) -> None:
    turn_id = answered(member)
    for stranger in (make_person(Role.OWNER), make_person(Role.OWNER, elsewhere=True)):
        assert stranger.browser.get(f"/api/turns/{turn_id}/evidence").status_code == 404
    running = answered(member, is_over=False)
    assert member.browser.get(f"/api/turns/{running}/evidence").status_code == 409

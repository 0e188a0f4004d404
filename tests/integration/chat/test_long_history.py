"""A long conversation: what is left out is counted, and the cut stays where it is for many turns."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chatplatform.accounts.models import Membership
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.chat import limits, services, turns
from chatplatform.chat.content import sealed_message
from chatplatform.chat.models import Message, Turn
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


def ask(owner_id: UUID, conversation_id: UUID | None, number: int) -> turns.TurnWork:
    made = services.submit_message(
        client_id=uuid4(),
        text=f"question {number}",
        conversation_id=conversation_id,
        assistant_id=None,
        actor=Actor.person(owner_id),
    )
    work = turns.load(made.turn_id)
    answer = sealed_message(Subject.person(owner_id), work.answer_id, f"answer {number}")
    Message.objects.filter(id=work.answer_id).update(content=answer)
    Turn.objects.filter(id=made.turn_id).update(state=Turn.State.FINISHED)
    return work


def test_the_cut_stays_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY_MESSAGES", 6)
    monkeypatch.setattr(limits, "HISTORY_STEP", 4)
    owner = bootstrap_owner()
    workspace_id = Membership.objects.get(user=owner).workspace_id
    with workspace_scope(workspace_id):
        conversation_id, seen = None, []
        for number in range(8):
            work = ask(owner.id, conversation_id, number)
            conversation_id = work.conversation_id
            assert work.history[-1].message.content == f"question {number}"
            assert work.left_out + len(work.history) == 2 * number + 1
            assert len(work.history) <= limits.HISTORY_MESSAGES + 1
            seen.append(work.left_out)
    assert seen == [0, 0, 0, 0, 4, 4, 8, 8]

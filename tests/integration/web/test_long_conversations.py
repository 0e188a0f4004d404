"""A conversation of thousands of messages costs the server what one of fifty does, to open."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatplatform.chat.content import sealed_message
from chatplatform.chat.models import Conversation, Message
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject
from tests.integration.web.conftest import Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

SHORT, LONG = 50, 5_000


def begun(person: Someone, messages: int) -> UUID:
    """A conversation of this person's with so many messages."""
    owner = Subject.person(person.user.id)
    with workspace_scope(person.workspace.id):
        conversation = Conversation.objects.get(id=person.asks("Hello"))
        conversation.turns.all().delete()
        Message.objects.filter(conversation=conversation).delete()
        parent, rows = None, []
        for number in range(messages):
            row = Message(
                id=new_id(),
                workspace_id=person.workspace.id,
                conversation=conversation,
                parent=parent,
                number=number,
                role=("user", "assistant")[number % 2],
            )
            row.content = sealed_message(owner, row.id, f"Message {number} of **many**.")
            rows.append(row)
            parent = row
        Message.objects.bulk_create(rows, batch_size=500)
    return conversation.id


def cost(person: Someone, conversation: UUID) -> tuple[int, float]:
    """Queries of the page, and the best time of some."""
    best = 1e9
    for _ in range(5):
        began = time.perf_counter()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page = person.browser.get(f"/c/{conversation}/")
        best = min(best, time.perf_counter() - began)
        assert page.status_code == 200
    return len(asked), best


def test_a_long_conversation_opens_like_a_short_one(member: Someone) -> None:
    short, long = begun(member, SHORT), begun(member, LONG)
    page = member.browser.get(f"/c/{long}/").text
    assert f"Message {LONG - 1} of" in page
    assert f"Message {LONG - 200} of" not in page
    of_short, of_long = cost(member, short), cost(member, long)
    print(
        f"\n{SHORT} messages: {of_short[0]} queries, {1000 * of_short[1]:.0f} ms; {LONG:,}: {of_long[0]}, "
        f"{1000 * of_long[1]:.0f} ms: x {of_long[1] / of_short[1]:.2f}"
    )
    assert of_long[0] <= of_short[0] + 1
    assert of_long[1] < 1.5 * of_short[1] + 0.01

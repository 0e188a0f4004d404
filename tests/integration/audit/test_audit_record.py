"""Recording: in the transaction of the act, declared details only, or the act does not happen."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.encoding import details_digest
from chatplatform.audit.errors import AuditUnavailable, NotInTransaction
from chatplatform.audit.models import AuditEvent, SequencerState
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor

ACTOR = Actor.person(uuid4(), ip="2001:DB8::7")


def _act(text: str = "x") -> None:
    """Something to record: a row that stands for any change."""
    SequencerState.objects.update_or_create(id=1, defaults={"chain_hash": text.encode(), "frontier": b""})


@pytest.mark.django_db
def test_a_record_is_one_insert(sample_event: AuditEventType) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        record(sample_event, actor=ACTOR, workspace_id=uuid4(), details={"number": 1})
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("INSERT")


@pytest.mark.django_db
def test_what_is_recorded(sample_event: AuditEventType) -> None:
    workspace_id = uuid4()
    record(
        sample_event,
        actor=ACTOR,
        workspace_id=workspace_id,
        target=Target("turn", "t-1"),
        details={"number": 1, "word": "长椅", "share": 0.5, "flag": True, "nothing": None},
        outcome="refused",
    )
    event = AuditEvent.objects.get()
    assert (event.code, event.outcome) == ("test.sample.event", "refused")
    assert (event.actor_kind, event.actor_id, event.ip) == ("person", ACTOR.id, "2001:db8::7")
    assert (event.target_kind, event.target_id, event.workspace_id) == ("turn", "t-1", workspace_id)
    assert json.loads(event.details) == {
        "number": 1,
        "word": "长椅",
        "share": 0.5,
        "flag": True,
        "nothing": None,
    }
    assert bytes(event.digest) == details_digest(bytes(event.salt or b""), event.ip, event.details)


@pytest.mark.django_db
def test_an_address_that_is_none_is_not_kept(sample_event: AuditEventType) -> None:
    record(sample_event, actor=Actor.person(uuid4(), ip="<script>"), workspace_id=None)
    assert AuditEvent.objects.get().ip == ""


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_raises(sample_event: AuditEventType) -> None:
    with pytest.raises(NotInTransaction):
        record(sample_event, actor=ACTOR, workspace_id=None)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_record_goes_with_its_act(sample_event: AuditEventType) -> None:
    with transaction.atomic():
        record(sample_event, actor=ACTOR, workspace_id=None)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_a_record_there_is_no_act(sample_event: AuditEventType) -> None:
    """Even when the caller swallows the error."""
    too_long = Actor.person(uuid4())
    with transaction.atomic():
        _act()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_event RENAME TO audit_event_away")
        with pytest.raises(AuditUnavailable):
            record(sample_event, actor=too_long, workspace_id=None)
    assert not SequencerState.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "details",
    [
        {"undeclared": 1},
        {"word": "x" * 401},
        {"word": "two\nlines"},
        {"word": ["a", "list"]},
        {"share": float("nan")},
        {"word": b"bytes"},
    ],
)
def test_details_that_may_hold_content_are_refused(
    sample_event: AuditEventType, details: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"test\.sample\.event"):
        record(sample_event, actor=ACTOR, workspace_id=None, details=details)  # type: ignore[arg-type]
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_an_event_made_by_hand_is_refused() -> None:
    by_hand = AuditEventType("test.by.hand", "No.", frozenset(), "info", "0.1.0")
    with pytest.raises(ValueError, match="not in the catalogue"):
        record(by_hand, actor=ACTOR, workspace_id=None)

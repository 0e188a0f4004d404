"""Finding events: the same events whatever way the search takes, and proofs that do not read the whole tree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from chatplatform.audit import proofs, search
from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.merkle import inclusion_holds
from chatplatform.audit.models import AuditEvent, Subtree
from chatplatform.audit.proof_check import check_event
from chatplatform.audit.queries import EventFilter, EventPage, event, event_proof, find_events
from chatplatform.audit.services import Target, checkpoint, record, sequence_pending
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound

WORKSPACE = UUID("33333333-3333-4333-8333-333333333333")
PERSON = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")
Log = Callable[..., None]


def ids(page: EventPage) -> list[int]:
    return [each.id for each in page.events]


def walk(**asked: object) -> list[int]:
    """All events that match, page by page."""
    found: list[int] = []
    before: int | None = None
    while True:
        page = find_events(WORKSPACE, before=before, limit=4, **asked)  # type: ignore[arg-type]
        found += ids(page)
        before = page.go_on_before
        if before is None:
            return found


FILTERS = [
    EventFilter(),
    EventFilter(code="test.sample"),
    EventFilter(actor_id=str(OTHER)),
    EventFilter(code="test", actor_id=str(PERSON)),
    EventFilter(target_id="c-4", actor_id=str(PERSON)),
    EventFilter(outcome="ok", code="test.sample.event"),
    EventFilter(outcome="refused"),
    EventFilter(outcome="refused", actor_id=str(PERSON)),
]


def by_hand(matching: EventFilter) -> list[int]:
    rows = AuditEvent.objects.filter(workspace_id=WORKSPACE).order_by("-id")
    return [
        row.id
        for row in rows
        if (matching.code is None or row.code.startswith(matching.code))
        and matching.actor_id in (None, row.actor_id)
        and matching.target_id in (None, row.target_id)
        and matching.outcome in (None, row.outcome)
    ]


@pytest.mark.parametrize("matching", FILTERS, ids=str)
@pytest.mark.parametrize(("rare", "window"), [(2000, 50_000), (0, 3), (0, 50_000), (5, 7)])
def test_every_way_finds_the_same(
    log: Log, monkeypatch: pytest.MonkeyPatch, matching: EventFilter, rare: int, window: int
) -> None:
    monkeypatch.setattr(search, "RARE", rare)
    monkeypatch.setattr(search, "WINDOW", window)
    assert walk(matching=matching) == by_hand(matching)


def test_a_page_that_stopped_early_says_so(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "RARE", 0)
    monkeypatch.setattr(search, "WINDOW", 2)
    page = find_events(WORKSPACE, matching=EventFilter(target_id="c-0", actor_id=str(PERSON)))
    assert page.events == []
    assert page.is_partly_searched
    assert page.go_on_before is not None


def test_times(log: Log) -> None:
    assert len(walk(matching=EventFilter(since=now() - timedelta(hours=1)))) == 35
    assert walk(matching=EventFilter(since=now() + timedelta(hours=1))) == []
    assert len(walk(matching=EventFilter(until=now() + timedelta(hours=1)))) == 35
    assert walk(matching=EventFilter(until=now() - timedelta(hours=1))) == []
    middle = AuditEvent.objects.order_by("id")[17].at
    later = walk(matching=EventFilter(since=middle))
    earlier = walk(matching=EventFilter(until=middle))
    assert sorted(earlier + later) == sorted(by_hand(EventFilter()))
    assert min(later) > max(earlier)


def test_what_belongs_to_no_workspace_and_to_another(log: Log, sample_event: AuditEventType) -> None:
    with transaction.atomic():
        record(sample_event, actor=Actor.system("test"), workspace_id=None, target=Target("thing", "x"))
    (own,) = ids(find_events(None))
    assert own not in walk()
    assert ids(find_events(uuid4())) == []
    assert event(own, None).target_id == "x"
    for event_id, workspace_id in ((own, WORKSPACE), (walk()[0], None), (walk()[0], uuid4()), (10**30, None)):
        with pytest.raises(NotFound):
            event(event_id, workspace_id)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("leaves", [2, 4, 16, 1024])
def test_proofs_over_subtrees_hold_at_every_place(
    log: Log, monkeypatch: pytest.MonkeyPatch, leaves: int, folded: bool
) -> None:
    monkeypatch.setattr(proofs, "SUBTREE_LEAVES", leaves)
    assert checkpoint() is not None
    if folded:
        assert proofs.fold_subtrees() == 35 // leaves
        assert proofs.fold_subtrees() == 0
    for event_id in by_hand(EventFilter()):
        proof = event_proof(event_id)
        assert proof is not None
        signed = proof.checkpoint
        assert signed.size == 35
        assert inclusion_holds(proof.leaf_hash, proof.index, signed.size, proof.path, signed.root)


def test_folding_goes_on_where_it_ended(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "SUBTREE_LEAVES", 4)
    assert [proofs.fold_subtrees(limit=3) for _ in range(4)] == [3, 3, 2, 0]
    assert list(Subtree.objects.order_by("index").values_list("index", flat=True)) == list(range(8))


def test_an_event_is_checked(log: Log, sample_event: AuditEventType) -> None:
    checkpoint()
    proved = check_event(walk()[0])
    assert proved.is_proved
    assert not proved.is_damaged
    with transaction.atomic():
        record(sample_event, actor=Actor.system("test"), workspace_id=WORKSPACE)
    fresh = check_event(walk()[0])
    assert fresh.proof is None
    assert not fresh.is_proved
    assert not fresh.is_damaged
    sequence_pending()
    assert not check_event(walk()[0]).is_proved, "no checkpoint covers it yet"


@pytest.mark.parametrize("change", ["code = 'accounts.signed_in'", "ip = '192.0.2.99'"])
def test_a_changed_event_is_found_out(log: Log, without_triggers: None, change: str) -> None:
    from django.db import connection

    checkpoint()
    victim = walk()[3]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_event SET {change} WHERE id = %s", [victim])
    assert check_event(victim).is_damaged
    assert not check_event(victim).is_proved

"""Every committed event gets one leaf, without gaps, whoever asks and how many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from chatplatform.audit.encoding import EVENT_COLUMNS, encode_event
from chatplatform.audit.errors import AuditDamaged
from chatplatform.audit.merkle import CHAIN_START, chain_hash, leaf_hash, tree_root
from chatplatform.audit.models import AuditEvent, Leaf, SequencerState
from chatplatform.audit.services import checkpoint, sequence_pending


@pytest.mark.django_db
def test_leaves_are_in_the_order_of_events_and_hash_them(record_some: Callable[..., None]) -> None:
    record_some(25, sequenced=False)
    assert [sequence_pending(limit=10) for _ in range(4)] == [10, 10, 5, 0]
    chain = CHAIN_START
    for index, leaf in enumerate(Leaf.objects.order_by("index")):
        row = AuditEvent.objects.filter(id=leaf.event_id).values_list(*EVENT_COLUMNS).get()
        chain = chain_hash(chain, leaf_hash(encode_event(*row)))
        assert (leaf.index, bytes(leaf.chain_hash)) == (index, chain)
    assert Leaf.objects.count() == 25


@pytest.mark.django_db
def test_an_event_that_was_rolled_back_leaves_no_gap(record_some: Callable[..., None]) -> None:
    record_some(2)
    before = transaction.savepoint()
    record_some(3, sequenced=False)
    transaction.savepoint_rollback(before)
    record_some(2)
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == [0, 1, 2, 3]


@pytest.mark.django_db
def test_a_late_commit_with_a_lower_id_still_gets_its_leaf(record_some: Callable[..., None]) -> None:
    """On PostgreSQL a transaction may draw its id early and commit late."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    record_some(3)
    late = AuditEvent.objects.order_by("id").first()
    assert late is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_event', 'id'))")
        drawn = cursor.fetchall()[0][0]
    record_some(2)
    late.pk, late._state.adding = drawn, True
    late.save()
    assert sequence_pending() == 1
    assert Leaf.objects.get(event_id=drawn).index == 5


@pytest.mark.django_db
def test_it_stops_at_a_log_that_does_not_fit_its_notes(record_some: Callable[..., None]) -> None:
    record_some(4)
    SequencerState.objects.update(size=5, frontier=bytes(64))
    record_some(1, sequenced=False)
    with pytest.raises(AuditDamaged):
        sequence_pending()
    SequencerState.objects.update(frontier=b"rubbish")
    with pytest.raises(AuditDamaged):
        sequence_pending()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_give_each_event_one_leaf(record_some: Callable[..., None]) -> None:
    record_some(120, sequenced=False)
    counts: list[int] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while count := sequence_pending(limit=7):
                counts.append(count)
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(counts) == 120
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(120))
    state = SequencerState.objects.get()
    leaves = [bytes(leaf) for leaf in Leaf.objects.order_by("index").values_list("leaf_hash", flat=True)]
    assert state.size == 120
    signed = checkpoint()
    assert signed is not None
    assert signed.root == tree_root(leaves)


@pytest.mark.django_db
def test_checkpoints_are_made_when_the_tree_has_grown(
    record_some: Callable[..., None], data_folder: Path
) -> None:
    assert checkpoint() is None
    record_some(3)
    first = checkpoint()
    assert first is not None
    assert first.size == 3
    assert checkpoint() is None
    record_some(1)
    second = checkpoint()
    assert second is not None
    assert second.size == 4
    assert (data_folder / "secrets" / "audit-signing.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_the_witness_gets_what_a_crash_kept_from_it(
    record_some: Callable[..., None], data_folder: Path
) -> None:
    witness = data_folder / "audit-witness.jsonl"
    for count in (2, 2):
        record_some(count)
        checkpoint()
    lines = witness.read_bytes().splitlines(keepends=True)
    witness.write_bytes(lines[0] + lines[1][:20])
    record_some(2)
    checkpoint()
    again = witness.read_bytes().splitlines(keepends=True)
    assert again[:2] == lines
    assert len(again) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("rubbish", [b"rubbish\n", b"x" * 5000])
def test_a_damaged_witness_is_not_written_over(
    record_some: Callable[..., None], data_folder: Path, rubbish: bytes
) -> None:
    witness = data_folder / "audit-witness.jsonl"
    record_some(2)
    checkpoint()
    witness.write_bytes(witness.read_bytes() + rubbish)
    before = witness.read_bytes()
    record_some(2)
    with pytest.raises(AuditDamaged, match="witness"):
        checkpoint()
    assert witness.read_bytes() == before


@pytest.mark.django_db
def test_a_log_that_was_rolled_back_gets_no_checkpoint(
    record_some: Callable[..., None], data_folder: Path
) -> None:
    record_some(4)
    before = transaction.savepoint()
    record_some(3)
    checkpoint()
    transaction.savepoint_rollback(before)
    record_some(1)
    with pytest.raises(AuditDamaged, match="the witness saw 7 events and the log has 5"):
        checkpoint()

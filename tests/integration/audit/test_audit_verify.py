"""The verifier finds what an intruder does who may do anything in the database."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from chatplatform.audit import verification
from chatplatform.audit.encoding import EVENT_COLUMNS, encode_event
from chatplatform.audit.merkle import CHAIN_START, Frontier, chain_hash, leaf_hash
from chatplatform.audit.models import AuditEvent, Leaf, SequencerState
from chatplatform.audit.services import checkpoint, erase_details, sequence_pending
from chatplatform.audit.verification import Damage, Report, verify
from chatplatform.common.actors import Actor

PERSON = UUID("11111111-1111-4111-8111-111111111111")
Log = Callable[..., None]
TABLES = ("audit_event", "audit_leaf", "audit_checkpoint", "audit_sequencer")


def _sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _snapshot() -> dict[str, list[tuple[object, ...]]]:
    rows = {}
    for table in TABLES:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            rows[table] = cursor.fetchall()
    return rows


def _restore(rows: dict[str, list[tuple[object, ...]]]) -> None:
    for table in ("audit_leaf", "audit_checkpoint", "audit_sequencer", "audit_event"):
        _sql(f"DELETE FROM {table}")
    for table in TABLES:
        for row in rows[table]:
            _sql(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", *row)


def _found(report: Report) -> set[Damage]:
    return set(report.counts) - {Damage.TRIGGER}


def _event_id(index: int) -> int:
    return Leaf.objects.get(index=index).event_id


def _rebuild_tree() -> None:
    """The thorough intruder: renumber what is left and recompute all that needs no key."""
    rows = list(AuditEvent.objects.order_by("id").values_list(*EVENT_COLUMNS))
    _sql("DELETE FROM audit_leaf")
    chain, frontier = CHAIN_START, Frontier()
    leaves = []
    for row in rows:
        hashed = leaf_hash(encode_event(*row))
        chain = chain_hash(chain, hashed)
        leaves.append(Leaf(index=frontier.size, event_id=row[0], leaf_hash=hashed, chain_hash=chain))
        frontier.append(hashed)
    Leaf.objects.bulk_create(leaves)
    SequencerState.objects.update(size=frontier.size, chain_hash=chain, frontier=frontier.pack())


def test_an_untouched_log_is_intact(log: Log) -> None:
    report = verify()
    assert report.findings == []
    assert report.intact
    assert (report.events, report.pending, report.checkpoints, report.witnessed) == (35, 0, 3, 3)


def test_an_empty_log_is_intact(db: None, data_folder: Path) -> None:
    assert verify().intact


def test_events_that_await_their_leaf_are_no_damage(log: Log) -> None:
    log(3, sequenced=False)
    report = verify()
    assert report.intact
    assert report.pending == 3


CHANGES: dict[str, tuple[str, tuple[object, ...]]] = {
    "at": ("at = '2020-01-01 00:00:00'", ()),
    "code": ("code = 'accounts.signed_in'", ()),
    "outcome": ("outcome = 'refused'", ()),
    "actor_kind": ("actor_kind = 'system'", ()),
    "actor_id": ("actor_id = 'somebody else'", ()),
    "workspace_id": ("workspace_id = NULL", ()),
    "target_kind": ("target_kind = 'turn'", ()),
    "target_id": ("target_id = 'another'", ()),
    "digest": ("digest = %s", (bytes(32),)),
    "salt": ("salt = %s", (bytes(16),)),
    "ip": ("ip = '192.0.2.8'", ()),
    "details": ("details = '{}'", ()),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_change_of_any_column_is_found(log: Log, without_triggers: None, column: str) -> None:
    assignment, parameters = CHANGES[column]
    _sql(f"UPDATE audit_event SET {assignment} WHERE id = %s", *parameters, _event_id(12))
    report = verify()
    assert _found(report) == {Damage.CHANGED} | (
        {Damage.REWRITTEN} if column not in {"salt", "ip", "details"} else set()
    )
    assert f"event {_event_id(12)} (leaf 12)" in report.findings[-1].message or any(
        f"event {_event_id(12)}" in finding.message for finding in report.findings
    )


def test_every_column_of_an_event_is_tried() -> None:
    assert {"id", *CHANGES} == {field.name for field in AuditEvent._meta.concrete_fields}


def test_a_new_number_is_found(log: Log, without_triggers: None) -> None:
    _sql("UPDATE audit_event SET id = 100000 WHERE id = %s", _event_id(12))
    assert Damage.DELETED in _found(verify())


def test_a_deleted_event_is_found(log: Log, without_triggers: None) -> None:
    _sql("DELETE FROM audit_event WHERE id = %s", _event_id(7))
    assert Damage.DELETED in _found(verify())


def test_a_deleted_leaf_is_found(log: Log, without_triggers: None) -> None:
    _sql('DELETE FROM audit_leaf WHERE "index" = 7')
    found = _found(verify())
    assert Damage.DELETED in found


def test_an_event_deleted_with_its_leaf_is_found(log: Log, without_triggers: None) -> None:
    event_id = _event_id(7)
    _sql('DELETE FROM audit_leaf WHERE "index" = 7')
    _sql("DELETE FROM audit_event WHERE id = %s", event_id)
    assert Damage.DELETED in _found(verify())


def test_a_tree_rebuilt_without_an_event_is_found(log: Log, without_triggers: None) -> None:
    event_id = _event_id(7)
    _sql('DELETE FROM audit_leaf WHERE "index" = 7')
    _sql("DELETE FROM audit_event WHERE id = %s", event_id)
    _rebuild_tree()
    assert Damage.REWRITTEN in _found(verify())


def test_a_tree_rebuilt_over_a_changed_event_is_found(log: Log, without_triggers: None) -> None:
    _sql("UPDATE audit_event SET outcome = 'refused' WHERE id = %s", _event_id(7))
    _rebuild_tree()
    assert _found(verify()) == {Damage.REWRITTEN}


def test_two_leaves_that_changed_places_are_found(log: Log, without_triggers: None) -> None:
    for old, new in ((7, -1), (8, 7), (-1, 8)):
        _sql('UPDATE audit_leaf SET "index" = %s WHERE "index" = %s', new, old)
    assert Damage.REORDERED in _found(verify())


def test_two_events_that_changed_places_are_found(log: Log, without_triggers: None) -> None:
    one, other = _event_id(7), _event_id(8)
    for event_id, index in ((-1, 7), (one, 8), (other, 7)):
        _sql('UPDATE audit_leaf SET event_id = %s WHERE "index" = %s', event_id, index)
    assert Damage.CHANGED in _found(verify())


def test_a_tree_rebuilt_in_another_order_is_found(log: Log, without_triggers: None) -> None:
    one, other = _event_id(7), _event_id(8)
    _sql("DELETE FROM audit_leaf")
    for old, new in ((one, -1), (other, one), (-1, other)):
        _sql("UPDATE audit_event SET id = %s WHERE id = %s", new, old)
    _rebuild_tree()
    assert _found(verify()) == {Damage.REWRITTEN}


def test_an_inserted_event_is_found(log: Log, without_triggers: None) -> None:
    """Put where the log had passed already: the sequencer never looks there again."""
    SequencerState.objects.update(settled_through=_event_id(34))
    original = AuditEvent.objects.get(id=_event_id(7))
    original.pk, original._state.adding = -5, True
    original.save()
    report = verify()
    assert _found(report) == {Damage.INSERTED}
    assert sequence_pending() == 0


def test_a_leaf_put_behind_the_end_is_found(log: Log, without_triggers: None) -> None:
    log(1, sequenced=False)
    newest = AuditEvent.objects.order_by("-id").first()
    assert newest is not None
    Leaf(index=35, event=newest, leaf_hash=bytes(32), chain_hash=bytes(32)).save()
    assert _found(verify()) == {Damage.INSERTED}


@pytest.mark.parametrize("with_events", [True, False])
@pytest.mark.parametrize("cut", [1, 4, 9])
def test_a_truncated_tail_is_found(log: Log, without_triggers: None, cut: int, with_events: bool) -> None:
    ids = list(Leaf.objects.filter(index__gte=35 - cut).values_list("event_id", flat=True))
    _sql('DELETE FROM audit_leaf WHERE "index" >= %s', 35 - cut)
    if with_events:
        for event_id in ids:
            _sql("DELETE FROM audit_event WHERE id = %s", event_id)
    assert Damage.TRUNCATED in _found(verify())


def test_a_tail_cut_off_with_a_rebuilt_tree_is_found(log: Log, without_triggers: None) -> None:
    first = _event_id(20)
    _sql('DELETE FROM audit_leaf WHERE "index" >= 20')
    _sql("DELETE FROM audit_event WHERE id >= %s", first)
    _rebuild_tree()
    assert Damage.ROLLED_BACK in _found(verify())


def test_a_cut_off_event_that_awaited_its_leaf_is_found(log: Log, without_triggers: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL draws ids with gaps")
    log(2, sequenced=False)
    newest = AuditEvent.objects.order_by("-id").first()
    assert newest is not None
    _sql("DELETE FROM audit_event WHERE id = %s", newest.id)
    assert _found(verify()) == {Damage.TRUNCATED}


def test_an_old_copy_in_the_logs_place_is_found(log: Log, without_triggers: None) -> None:
    copy = _snapshot()
    log(5)
    checkpoint()
    _restore(copy)
    report = verify()
    assert Damage.ROLLED_BACK in _found(report)
    assert "an old copy was put in the log's place" in "".join(finding.message for finding in report.findings)


def test_an_old_copy_that_grew_again_is_found(log: Log, without_triggers: None, data_folder: Path) -> None:
    copy = _snapshot()
    log(5)
    checkpoint()
    _restore(copy)
    log(12)
    assert {Damage.REWRITTEN, Damage.CHECKPOINT} <= _found(verify())


def test_a_forged_checkpoint_is_found(log: Log, without_triggers: None) -> None:
    _sql("UPDATE audit_event SET outcome = 'refused' WHERE id = %s", _event_id(7))
    _rebuild_tree()
    frontier = Frontier()
    roots = {}
    for leaf in Leaf.objects.order_by("index").values_list("leaf_hash", flat=True):
        frontier.append(bytes(leaf))
        roots[frontier.size] = frontier.root()
    for size in (10, 20, 30):
        _sql("UPDATE audit_checkpoint SET root = %s WHERE size = %s", roots[size], size)
    found = _found(verify())
    assert Damage.CHECKPOINT in found  # its signature
    assert Damage.REWRITTEN in found  # what the witness saw


def test_a_deleted_checkpoint_is_found(log: Log, without_triggers: None) -> None:
    _sql("DELETE FROM audit_checkpoint WHERE size = 20")
    assert _found(verify()) == {Damage.CHECKPOINT}


@pytest.mark.parametrize("line", [0, 1])
def test_a_line_taken_from_the_witness_is_found(log: Log, data_folder: Path, line: int) -> None:
    witness = data_folder / "audit-witness.jsonl"
    lines = witness.read_bytes().splitlines(keepends=True)
    del lines[line]
    witness.write_bytes(b"".join(lines))
    assert _found(verify()) == {Damage.WITNESS}


@pytest.mark.parametrize("damage", ["removed", "emptied", "rubbish", "resigned", "backwards"])
def test_a_damaged_witness_is_found(log: Log, data_folder: Path, damage: str) -> None:
    witness = data_folder / "audit-witness.jsonl"
    lines = witness.read_bytes().splitlines(keepends=True)
    if damage == "removed":
        witness.unlink()
    elif damage == "emptied":
        witness.write_bytes(b"")
    elif damage == "rubbish":
        witness.write_bytes(lines[0] + b"{}\n" + lines[2])
    elif damage == "backwards":
        witness.write_bytes(b"".join(reversed(lines)))
    else:
        fields = json.loads(lines[1])
        fields["signature"] = base64.b64encode(Ed25519PrivateKey.generate().sign(b"something")).decode()
        witness.write_bytes(lines[0] + json.dumps(fields).encode() + b"\n" + lines[2])
    assert _found(verify()) == {Damage.WITNESS}


def test_another_key_is_found(log: Log, data_folder: Path) -> None:
    key = data_folder / "secrets" / "audit-signing.key"
    key.write_text(base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode())
    assert _found(verify()) == {Damage.WITNESS, Damage.CHECKPOINT}


def test_all_checkpoints_gone_while_the_key_is_here_is_found(
    log: Log, without_triggers: None, data_folder: Path
) -> None:
    (data_folder / "audit-witness.jsonl").unlink()
    _sql("DELETE FROM audit_checkpoint")
    assert _found(verify()) == {Damage.WITNESS}


def test_missing_triggers_are_found(log: Log, without_triggers: None) -> None:
    assert set(verify().counts) == {Damage.TRIGGER}


def test_erasure_keeps_the_tree_whole(log: Log) -> None:
    assert erase_details(PERSON, actor=Actor.system("test")) > 0
    log(1)
    for event in AuditEvent.objects.filter(actor_id=str(PERSON), code="test.sample.event").order_by("id")[:5]:
        assert (event.salt, event.ip, event.details) == (None, "", "")
    others = AuditEvent.objects.exclude(actor_id=str(PERSON)).filter(code="test.sample.event")
    assert all(event.salt and event.details for event in others)
    report = verify()
    assert report.findings == []
    assert report.erased > 0
    assert erase_details(PERSON, actor=Actor.system("test")) == 1  # the one event since


def test_erasure_without_a_record_is_found(log: Log) -> None:
    """The triggers let it through, since it is the one change that they permit."""
    erase_details(PERSON, actor=Actor.system("test"))
    log(1)
    newest = AuditEvent.objects.filter(actor_id=str(PERSON)).order_by("-id").first()
    assert newest is not None
    _sql("UPDATE audit_event SET salt = NULL, ip = '', details = '' WHERE id = %s", newest.id)
    assert _found(verify()) == {Damage.ERASED}


def test_any_single_byte_of_the_evidence_counts(log: Log, without_triggers: None) -> None:
    """Random single edits of leaves and checkpoints, each on a fresh copy of the log."""
    chance = random.Random(6962)
    for _ in range(40):
        table, column, where, key = chance.choice(
            [
                ("audit_leaf", "leaf_hash", '"index"', chance.randrange(35)),
                ("audit_leaf", "chain_hash", '"index"', chance.randrange(35)),
                ("audit_checkpoint", "root", "size", chance.choice([10, 20, 30])),
                ("audit_checkpoint", "signature", "size", chance.choice([10, 20, 30])),
                ("audit_event", "digest", "id", _event_id(chance.randrange(35))),
                ("audit_sequencer", "frontier", "id", 1),
            ]
        )
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM {table} WHERE {where} = %s", [key])
            value = bytearray(cursor.fetchall()[0][0])
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        point = transaction.savepoint()
        _sql(f"UPDATE {table} SET {column} = %s WHERE {where} = %s", bytes(value), key)
        assert _found(verify()), (table, column, key)
        transaction.savepoint_rollback(point)
    assert _found(verify()) == set()


@pytest.mark.parametrize("removed", ["leaf_hash", "chain_hash", "details_digest"])
def test_a_verifier_that_leaves_out_a_check_misses_something(
    log: Log, without_triggers: None, monkeypatch: pytest.MonkeyPatch, removed: str
) -> None:
    """These checks carry weight: without one of them an edit above goes unseen."""
    if removed == "details_digest":
        _sql("UPDATE audit_event SET ip = '192.0.2.8' WHERE id = %s", _event_id(33))
    elif removed == "leaf_hash":
        _sql("UPDATE audit_event SET outcome = 'refused' WHERE id = %s", _event_id(33))
    else:
        _sql('UPDATE audit_leaf SET chain_hash = %s WHERE "index" = 33', bytes(32))
    assert _found(verify())
    honest = {leaf.index: bytes(leaf.leaf_hash) for leaf in Leaf.objects.all()}
    chains = iter([bytes(leaf.chain_hash) for leaf in Leaf.objects.order_by("index")])
    leaves = iter(honest[index] for index in sorted(honest))
    digests = {bytes(event.salt or b""): bytes(event.digest) for event in AuditEvent.objects.all()}
    blind = {
        "leaf_hash": lambda data: next(leaves),
        "chain_hash": lambda previous, leaf: next(chains),
        "details_digest": lambda salt, ip, details: digests[salt],
    }
    monkeypatch.setattr(verification, removed, blind[removed])
    assert not _found(verify())


def test_the_number_of_queries_does_not_grow_with_the_log(log: Log) -> None:
    with CaptureQueriesContext(connection) as few:
        verify()
    log(200)
    with CaptureQueriesContext(connection) as many:
        verify()
    assert len(many) == len(few)


def test_the_command_says_so_in_words_and_exit_codes(log: Log, without_triggers: None) -> None:
    from chatplatform.audit.triggers import install_triggers

    install_triggers(connection)
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert "35 events checked" in out.getvalue()
    assert "The log is intact." in out.getvalue()
    SequencerState.objects.update(size=36, frontier=bytes(64))
    out = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("audit", "verify", stdout=out)
    assert raised.value.returncode == 1
    assert "truncated: the log ends after 35 events and should hold 36" in out.getvalue()
    assert "intact" not in out.getvalue()


def test_the_command_checks_against_a_witness_kept_elsewhere(log: Log, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy.jsonl"
    elsewhere.write_bytes((tmp_path / "audit-witness.jsonl").read_bytes())
    call_command("audit", "verify", witness=elsewhere, stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("audit", "verify", witness=tmp_path / "nothing", stdout=StringIO())

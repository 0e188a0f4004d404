"""Rows are added and read, nothing else: the models refuse, the database refuses, and `doctor` sees the guards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from chatplatform.audit.append_only import AppendOnlyViolation
from chatplatform.audit.models import AuditEvent, Checkpoint, Leaf
from chatplatform.audit.triggers import install_triggers, remove_triggers, trigger_problems

ATTACKS = [
    "UPDATE audit_event SET code = 'chat.turn.stopped'",
    "UPDATE audit_event SET salt = NULL",
    "UPDATE audit_event SET ip = '', details = ''",
    "UPDATE audit_event SET salt = NULL, ip = '', details = '', code = 'chat.turn.stopped'",
    "UPDATE audit_event SET salt = NULL, ip = '', details = '{}'",
    "UPDATE audit_event SET actor_id = actor_id",
    "UPDATE audit_event SET workspace_id = NULL, salt = NULL, ip = '', details = ''",
    "DELETE FROM audit_event WHERE id = (SELECT max(id) FROM audit_event)",
    "DELETE FROM audit_event",
    "UPDATE audit_leaf SET event_id = event_id",
    "DELETE FROM audit_leaf",
    "UPDATE audit_checkpoint SET size = 4",
    "DELETE FROM audit_checkpoint",
]
SQLITE_ATTACKS = [
    "INSERT OR REPLACE INTO audit_event SELECT id, at, 'other.code', outcome, actor_kind, actor_id, workspace_id,"
    " target_kind, target_id, digest, salt, ip, details FROM audit_event",
    'INSERT OR REPLACE INTO audit_leaf SELECT "index", leaf_hash, leaf_hash, event_id FROM audit_leaf',
    "REPLACE INTO audit_checkpoint SELECT size, root, at, 'x', signature FROM audit_checkpoint",
    "UPDATE OR REPLACE audit_event SET id = 1",
]
POSTGRESQL_ATTACKS = [
    "TRUNCATE audit_event CASCADE",
    "TRUNCATE audit_leaf",
    "TRUNCATE audit_checkpoint",
    "INSERT INTO audit_checkpoint SELECT * FROM audit_checkpoint ON CONFLICT (size) DO UPDATE SET key_id = 'x'",
]


def _refused(sql: str) -> bool:
    """Whether the database refuses the statement for being what it is."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # or TRUNCATE would fail for checks that are still to come
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(sql)
    except DatabaseError as error:
        return "audit rows cannot be" in str(error)
    return False


def _own_attacks() -> list[str]:
    return ATTACKS + (SQLITE_ATTACKS if connection.vendor == "sqlite" else POSTGRESQL_ATTACKS)


def test_the_database_refuses_every_change(log: Callable[..., None]) -> None:
    assert [sql for sql in _own_attacks() if not _refused(sql)] == []


@pytest.mark.parametrize("name", ["update", "delete"])
def test_without_the_triggers_the_same_test_is_red(
    log: Callable[..., None], without_triggers: None, name: str
) -> None:
    attacks = [sql for sql in _own_attacks() if sql.lower().startswith(name)]
    assert attacks
    assert not any(_refused(sql) for sql in attacks)


def test_models_and_managers_have_no_such_path(log: Callable[..., None]) -> None:
    event = AuditEvent.objects.first()
    leaf = Leaf.objects.first()
    signed = Checkpoint.objects.first()
    assert event is not None
    assert leaf is not None
    assert signed is not None
    for row in (event, leaf, signed):
        with pytest.raises(AppendOnlyViolation):
            row.save()
        with pytest.raises(AppendOnlyViolation):
            row.delete()
    rows = AuditEvent.objects.all()
    for attempt in (
        lambda: rows.update(code="x.y"),
        lambda: rows.delete(),
        lambda: rows.bulk_update([event], ["code"]),
        lambda: AuditEvent.objects.update_or_create(id=event.id, defaults={"code": "x.y"}),
        lambda: AuditEvent.objects.bulk_create([event], ignore_conflicts=True),
        lambda: AuditEvent._base_manager.all().delete(),
        lambda: AuditEvent._default_manager.all().update(code="x.y"),
    ):
        with pytest.raises(AppendOnlyViolation):
            attempt()


@pytest.mark.django_db
def test_missing_and_weakened_triggers_are_seen() -> None:
    assert trigger_problems(connection) == []
    on_table = "" if connection.vendor == "sqlite" else " ON audit_event"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER audit_event_no_delete{on_table}")
        assert trigger_problems(connection) == ["audit_event_no_delete"]
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event BEGIN SELECT 1; END"
            )
        else:
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_no_update")
    assert "audit_event_no_delete" in trigger_problems(connection)
    install_triggers(connection)
    assert trigger_problems(connection) == []


@pytest.mark.django_db
def test_migrate_puts_the_triggers_back() -> None:
    """As after a migration that made SQLite rebuild a table."""
    remove_triggers(connection)
    assert trigger_problems(connection)
    call_command("migrate", "audit", verbosity=0)
    assert trigger_problems(connection) == []


@pytest.mark.django_db(transaction=True)
def test_transactional_tests_end_with_an_empty_log(record_some: Callable[..., None]) -> None:
    """The fixture of chatplatform.testing.audit; the next test would see these rows without it."""
    record_some(3)
    assert trigger_problems(connection) == []


@pytest.mark.django_db(transaction=True)
def test_and_the_triggers_are_back_for_the_next_test() -> None:
    assert AuditEvent.objects.count() == 0
    assert trigger_problems(connection) == []

"""A log to read, verify and damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection, transaction

from chatplatform.audit.catalogue import AuditEventType, catalogue, declare
from chatplatform.audit.services import Target, checkpoint, record, sequence_pending
from chatplatform.audit.triggers import remove_triggers
from chatplatform.common.actors import Actor

PERSON = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")
WORKSPACE = UUID("33333333-3333-4333-8333-333333333333")

RecordSome = Callable[..., None]


@pytest.fixture(scope="session")
def sample_event() -> AuditEventType:
    known = {event.code: event for event in catalogue()}
    return known.get("test.sample.event") or declare(
        "test.sample.event", summary="For tests.", fields=("number", "word", "share", "flag", "nothing")
    )


@pytest.fixture
def record_some(sample_event: AuditEventType) -> RecordSome:
    """Record `count` events of two people, each in a transaction of its own."""

    def record_some(count: int = 1, *, sequenced: bool = True) -> None:
        for number in range(count):
            with transaction.atomic():
                record(
                    sample_event,
                    actor=Actor.person(OTHER if number % 3 == 2 else PERSON, ip="192.0.2.7"),
                    workspace_id=WORKSPACE,
                    target=Target("conversation", f"c-{number}"),
                    details={"number": number, "word": "bench"},
                )
        if sequenced:
            while sequence_pending():
                pass

    return record_some


@pytest.fixture
def log(db: None, record_some: RecordSome, data_folder: Path) -> RecordSome:
    """Thirty events under three checkpoints, and five beyond the last."""
    for _ in range(3):
        record_some(10)
        assert checkpoint() is not None
    record_some(5)
    return record_some


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: object) -> Path:
    """Signing key and witness file in a folder of this test's own."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    settings.AUDIT_WITNESS_FILE = tmp_path / "audit-witness.jsonl"  # type: ignore[attr-defined]
    return tmp_path


@pytest.fixture
def without_triggers(db: None) -> Iterator[None]:
    """What an intruder with the database's password does first; undone at the end with all that followed.

    Foreign keys are no help: they are checked at the end of the transaction, which in these tests never comes.
    """
    before = transaction.savepoint()
    remove_triggers(connection)
    yield
    transaction.savepoint_rollback(before)

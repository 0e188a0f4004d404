"""Lets transactional tests flush the database although the audit log refuses to be emptied.

A transactional test ends with a flush of every table, which the log's triggers refuse, as they should. Import
the fixture in `conftest.py`; it works for pytest-django's `transactional_db` and for Django's own
TransactionTestCase, and leaves the triggers in place while tests run:

    from chatplatform.testing.audit import audit_log_survives_flush as audit_log_survives_flush
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import TransactionTestCase

from chatplatform.audit.triggers import install_triggers, remove_triggers


@pytest.fixture(scope="session", autouse=True)
def audit_log_survives_flush() -> Iterator[None]:
    """Take the triggers away before each flush and put them back after it."""
    patch = pytest.MonkeyPatch()
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def flush_without_triggers(test: TransactionTestCase) -> None:
        remove_triggers(connection)
        try:
            flush(test)
            _restart_ids()
        finally:
            install_triggers(connection)

    patch.setattr(TransactionTestCase, "_fixture_teardown", flush_without_triggers)
    yield
    patch.undo()


def _restart_ids() -> None:
    """Forget the ids that were drawn: the verifier takes them for events that were cut off."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'audit_event'")

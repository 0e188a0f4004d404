"""Fixtures for all tests: the scripted engine, and transactions beside an audit log that cannot be emptied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

pytest_plugins = ["chatplatform.testing.fixtures", "chatplatform.testing.audit", "tests.skips"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's loop runs until the session ends, and asynchronous tests need theirs."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """On PostgreSQL a database in use cannot be dropped: threads of the tests may have left a connection."""
    yield
    with django_db_blocker.unblock():
        for connection in connections.all():
            made = str(connection.settings_dict["NAME"]).startswith("test_")
            if connection.vendor == "postgresql" and made:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )

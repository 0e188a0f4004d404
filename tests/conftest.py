"""Fixtures for all tests: the scripted engine, and transactions beside an audit log that cannot be emptied."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db import connections
from hypothesis import HealthCheck, settings
from pytest_django.plugin import DjangoDbBlocker

pytest_plugins = ["chatplatform.testing.fixtures", "chatplatform.testing.audit", "tests.skips"]


if "CI" not in os.environ:  # there its own profile is loaded, which has no deadline either
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")

SIDE_BY_SIDE = {"unit", "integration", "contracts", "docs", "architecture", "privacy", "security"}
# Of these, what uses no database proves the same on every kind of it; `tests.servers` leaves it out.
PERHAPS_WITHOUT_DATABASE = {"unit", "contracts"}
DATABASE = {"db", "transactional_db", "django_db_setup"}
ALONE = {"slow", "model", "browser", "faults"}


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's loop runs until the session ends, and asynchronous tests need theirs.

    Quick tests that start no processes may run on every core at once, and say so by a marker.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        folder = item.path.relative_to(item.config.rootpath).parts[1]
        if folder in SIDE_BY_SIDE and not marks & ALONE:
            item.add_marker("side_by_side")
        uses_database = "django_db" in marks or DATABASE & set(getattr(item, "fixturenames", ()))
        if folder in PERHAPS_WITHOUT_DATABASE and not uses_database:
            item.add_marker("any_database")


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

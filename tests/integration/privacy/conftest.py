"""Keys, people and a place to send prompts to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from uuid import uuid4

import pytest
from django.db import connections

from chatplatform.accounts.models import User, Workspace
from chatplatform.common import threads
from chatplatform.privacy.data_keys import forget_all
from chatplatform.privacy.subjects import Subject


@pytest.fixture(autouse=True)
def no_keys_in_memory() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


@pytest.fixture(scope="session", autouse=True)
def database_threads_let_go(django_db_setup: None) -> Iterator[None]:
    """Close the database threads' connections before PostgreSQL is asked to drop the test database."""
    yield
    together = threading.Barrier(threads.THREADS)

    def close() -> None:
        together.wait(10)  # so that each thread takes one
        connections.close_all()

    wait([threads._executor().submit(close) for _ in range(threads.THREADS)])


@pytest.fixture
def subject() -> Subject:
    return Subject.person(uuid4())


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user(f"{uuid4().hex}@example.org")


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(name="Trail & Tarn")

"""One world for each module of tests: what a request changes is rolled back behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from chatplatform.chat.process import ChatProcess
from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from tests.security.world import World, make_world

DATABASES = ("default", "keys")


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever is written inside is gone after it."""
    with ExitStack() as stack:
        for name in DATABASES:
            stack.enter_context(transaction.atomic(using=name))
        yield
        for name in DATABASES:
            transaction.set_rollback(True, using=name)


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """A scripted engine: pages show how the engines are."""
    process = ScriptedEngineProcess()
    with (
        override_settings(LLM_URL=process.url, ENCODER_URL=process.url, ENGINE_TOKEN=TOKEN),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("chatplatform.chat.process._current", ChatProcess())  # one in which nothing runs
        yield
    process.stop()


@pytest.fixture(scope="module")
def world(engine: None, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock(), rolled_back():
        yield make_world()

"""A workspace with nothing in it, open as scope."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope

ACTOR = Actor.system("test")


@pytest.fixture
def workspace(db: None) -> Iterator[Workspace]:
    made = Workspace.objects.create(name="Test")
    with workspace_scope(made.id):
        yield made

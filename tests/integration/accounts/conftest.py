"""People of the tests of accounts."""

from __future__ import annotations

import pytest

from chatplatform.accounts.models import User
from chatplatform.accounts.services import bootstrap_owner


@pytest.fixture
def owner(db: None) -> User:
    return bootstrap_owner()

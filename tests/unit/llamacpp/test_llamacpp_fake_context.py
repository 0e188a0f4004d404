"""The fake keeps the contract of the real context."""

from __future__ import annotations

import pytest

from tests.unit.llamacpp.context_contract import ContextContract
from tests.unit.llamacpp.fake_context import FakeContext


class TestFakeContext(ContextContract):
    @pytest.fixture
    def context(self) -> FakeContext:
        return FakeContext(cells=512)

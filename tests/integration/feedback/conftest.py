"""People, their browsers, and an answer of theirs."""

from __future__ import annotations

from tests.integration.web.conftest import make_person, member, owner, workspace

__all__ = ["make_person", "member", "owner", "workspace"]

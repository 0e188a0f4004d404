"""Chores of the chat that need no row of their own."""

from __future__ import annotations

from chatplatform.chat.searchable import enter_backlog
from chatplatform.jobs.registry import chore

BACKLOG_S = 15.0


@chore("chat.search_backlog", every_s=30)
def enter_search_backlog() -> None:
    enter_backlog(within_s=BACKLOG_S)

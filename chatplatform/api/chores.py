"""The chores of the API."""

from __future__ import annotations

from chatplatform.api.rates import forget_old_counts
from chatplatform.api.repetition import forget_old_calls
from chatplatform.jobs.registry import chore


@chore("api.forget", every_s=300)
def forget_old_requests() -> None:
    """Delete counts and kept answers that nothing asks for any more."""
    forget_old_counts()
    forget_old_calls()

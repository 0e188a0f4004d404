"""The chores of inference."""

from __future__ import annotations

from datetime import timedelta

from chatplatform.inference.model_calls import close_abandoned_calls
from chatplatform.jobs.registry import chore

# well above the longest answer that the client would wait for
ABANDONED_AFTER = timedelta(hours=1)


@chore("inference.abandoned_calls", every_s=300)
def close_abandoned_model_calls() -> None:
    close_abandoned_calls(ABANDONED_AFTER)

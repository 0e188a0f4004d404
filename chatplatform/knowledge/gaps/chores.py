"""What is done for gaps without anybody asking."""

from __future__ import annotations

from chatplatform.jobs.registry import chore
from chatplatform.knowledge.gaps import services


@chore("knowledge.gaps", every_s=6 * 3600)
def forget_old_gaps() -> None:
    services.forget_old()

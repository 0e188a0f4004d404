"""What is done for quality without anybody asking."""

from __future__ import annotations

from chatplatform.jobs.registry import chore
from chatplatform.knowledge.quality import by_itself


@chore("knowledge.quality", every_s=60)
def measure_new_indexes() -> None:
    by_itself.measure_new_indexes()

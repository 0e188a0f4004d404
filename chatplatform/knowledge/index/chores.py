"""Background work of the words of collections."""

from __future__ import annotations

from chatplatform.jobs.registry import chore
from chatplatform.knowledge.index.merging import merge_due_packs

WORK_S = 15.0


# a large pack takes half a minute on a busy machine
@chore("knowledge_index.packs", every_s=15, limit_s=600)
def merge_packs() -> None:
    merge_due_packs(within_s=WORK_S)

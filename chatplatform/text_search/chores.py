"""Background work of the index."""

from __future__ import annotations

from chatplatform.jobs.registry import chore
from chatplatform.text_search.pack_making import make_due_packs

WORK_S = 15.0


@chore("text_search.packs", every_s=15)
def make_packs() -> None:
    make_due_packs(within_s=WORK_S)

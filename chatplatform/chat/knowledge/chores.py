"""What is done for passages in answers without anybody asking."""

from __future__ import annotations

from chatplatform.chat.knowledge import rows
from chatplatform.jobs.registry import chore


@chore("chat.passages", every_s=900)
def forget_passages_of_gone_documents() -> None:
    """Nobody reads them from the moment on when the document is deleted; a little later they are gone, too."""
    rows.forget_gone()

"""The text of a summary, encrypted, and as it stands in a prompt."""

from __future__ import annotations

from uuid import UUID

from chatplatform.chat.summaries.models import Summary
from chatplatform.chat.summaries.words import is_chinese
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject


def sealed_summary(owner: Subject, summary_id: UUID, text: str) -> bytes:
    return encrypt_text(owner, text, context=f"summary:{summary_id}")


def text_of_summary(row: Summary, owner: Subject) -> str:
    """Empty for one that was deleted."""
    content = bytes(row.content)
    return decrypt_text(owner, content, context=f"summary:{row.id}") if content else ""


def in_prompt(text: str) -> str:
    """The summary as the model reads it, in front of the first message that is left."""
    if is_chinese(text):
        return f"【此前对话的摘要】\n{text}\n【摘要结束】"
    return f"[Summary of what was said before]\n{text}\n[End of the summary]"

"""Comments: encrypted with the key of who wrote them, so that erasing the person makes them unreadable."""

from __future__ import annotations

from uuid import UUID

from chatplatform.feedback.models import Feedback
from chatplatform.privacy.content import ContentErased, decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject


def sealed_comment(author_id: UUID, feedback_id: UUID, comment: str) -> bytes:
    if not comment:
        return b""
    return encrypt_text(Subject.person(author_id), comment, context=f"feedback:{feedback_id}")


def comment_of(row: Feedback) -> str:
    """Empty where there is none, and where its author was erased."""
    content = bytes(row.comment)
    if not content:
        return ""
    try:
        return decrypt_text(Subject.person(row.author_id), content, context=f"feedback:{row.id}")
    except ContentErased:
        return ""

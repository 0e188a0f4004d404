"""Questions of gaps, sealed and opened again; and what makes two of them alike."""

from __future__ import annotations

from uuid import UUID

from chatplatform.knowledge.gaps.models import Gap
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.errors import ContentErased, ContentUnreadable
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.folding import folded

QUESTION_CHARS = 1_000


def sealed_question(owner_id: UUID, gap_id: UUID, question: str) -> bytes:
    return encrypt_text(Subject.person(owner_id), question[:QUESTION_CHARS], context=_context(gap_id))


def question_of(gap: Gap) -> str | None:
    """None where the person's key is gone."""
    try:
        return decrypt_text(Subject.person(gap.owner_id), bytes(gap.question), context=_context(gap.id))
    except (ContentErased, ContentUnreadable):
        return None


def likeness(workspace_id: UUID, question: str) -> str:
    """The same for questions that differ in case, width, blanks and marks at their end only."""
    plain = folded(question).strip(" .!?。！？…")
    return pseudonym(Subject.workspace(workspace_id), purpose=f"knowledge.gap {plain}")


def _context(gap_id: UUID) -> str:
    return f"knowledge-gap:{gap_id}"

"""Golden questions, proposed ones too, and the passages that answer them, sealed and opened again with the
workspace's key."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from chatplatform.knowledge.content import Field, field_of
from chatplatform.knowledge.models import Document
from chatplatform.knowledge.quality.models import GoldenPlace, GoldenQuestion, Proposal
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.pseudonyms import pseudonym
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.folding import folded

QUESTION_CHARS: Final = 2_000
PASSAGE_CHARS: Final = 4_000


def sealed_question(workspace_id: UUID, question_id: UUID, question: str) -> bytes:
    """Raises KeysUnavailable, ContentErased."""
    return encrypt_text(Subject.workspace(workspace_id), question, context=_of_question(question_id))


def question_of(row: GoldenQuestion) -> str:
    """Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    return decrypt_text(
        Subject.workspace(row.workspace_id), bytes(row.question), context=_of_question(row.id)
    )


def sealed_passage(workspace_id: UUID, question_id: UUID, passage: str) -> bytes:
    """Nothing for nothing. Raises KeysUnavailable, ContentErased."""
    if not passage:
        return b""
    return encrypt_text(Subject.workspace(workspace_id), passage, context=_of_passage(question_id))


def passage_of(place: GoldenPlace) -> str:
    """Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    sealed = bytes(place.passage)
    if not sealed:
        return ""
    subject = Subject.workspace(place.workspace_id)
    return decrypt_text(subject, sealed, context=_of_passage(place.question_id))


def seal_proposal(row: Proposal, question: str, passage: str) -> None:
    """Put both into the row. Raises KeysUnavailable, ContentErased."""
    subject = Subject.workspace(row.workspace_id)
    row.question = encrypt_text(subject, question, context=_of_proposed_question(row.id))
    row.passage = encrypt_text(subject, passage, context=_of_proposed_passage(row.id))


def opened_proposal(row: Proposal) -> tuple[str, str]:
    """The question and the passage of one that is open. Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    subject = Subject.workspace(row.workspace_id)
    return (
        decrypt_text(subject, bytes(row.question), context=_of_proposed_question(row.id)),
        decrypt_text(subject, bytes(row.passage), context=_of_proposed_passage(row.id)),
    )


def title_of(document: Document) -> str:
    """What people call it. Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    return field_of(document, Field.TITLE) or field_of(document, Field.NAME)


def likeness(workspace_id: UUID, collection_id: UUID, question: str) -> str:
    """The same for questions that differ in case, width, blanks and marks at their end only."""
    plain = folded(question).strip(" .!?。！？…")
    subject = Subject.workspace(workspace_id)
    return pseudonym(subject, purpose=f"knowledge.golden {collection_id} {plain}")


def _of_question(question_id: UUID) -> str:
    return f"golden-question:{question_id}"


def _of_passage(question_id: UUID) -> str:
    return f"golden-passage:{question_id}"


def _of_proposed_question(proposal_id: UUID) -> str:
    return f"proposed-question:{proposal_id}"


def _of_proposed_passage(proposal_id: UUID) -> str:
    return f"proposed-passage:{proposal_id}"

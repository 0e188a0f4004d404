"""Content of chat rows: what is encrypted, and in which context it may be read again."""

from __future__ import annotations

from uuid import UUID

from chatplatform.chat.limits import TITLE_CHARS
from chatplatform.chat.models import Conversation, Message, QueuedMessage
from chatplatform.privacy.content import decrypt_text, encrypt_text
from chatplatform.privacy.subjects import Subject


def sealed_title(owner: Subject, conversation_id: UUID, title: str) -> bytes:
    return encrypt_text(owner, title, context=f"title:{conversation_id}")


def title_of(conversation: Conversation) -> str:
    owner = Subject.person(conversation.owner_id)
    return decrypt_text(owner, bytes(conversation.title), context=f"title:{conversation.id}")


def sealed_message(owner: Subject, message_id: UUID, text: str) -> bytes:
    return encrypt_text(owner, text, context=f"message:{message_id}")


def text_of(message: Message, owner: Subject) -> str:
    """The message's text; empty for an answer that is not finished."""
    content = bytes(message.content)
    return decrypt_text(owner, content, context=f"message:{message.id}") if content else ""


def sealed_thinking(owner: Subject, message_id: UUID, text: str) -> bytes | None:
    """None for no thinking."""
    return encrypt_text(owner, text, context=f"thinking:{message_id}") if text else None


def thinking_of(message: Message, owner: Subject) -> str:
    """What the model thought before the message; empty while its turn runs, and where nothing is kept."""
    sealed = bytes(message.thinking or b"")
    return decrypt_text(owner, sealed, context=f"thinking:{message.id}") if sealed else ""


def sealed_queued(owner: Subject, queued_id: UUID, text: str) -> bytes:
    return encrypt_text(owner, text, context=f"queued:{queued_id}")


def queued_text(message: QueuedMessage) -> str:
    owner = Subject.person(message.owner_id)
    return decrypt_text(owner, bytes(message.content), context=f"queued:{message.id}")


def first_title(question: str) -> str:
    """A title from the question's first words, until there is a better one."""
    line = " ".join(question.split())
    if len(line) <= TITLE_CHARS // 2:
        return line
    cut = line[: TITLE_CHARS // 2]
    return cut[: cut.rfind(" ")] + "…" if " " in cut[12:] else cut + "…"

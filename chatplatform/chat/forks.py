"""A conversation of its own from any message of another: the branch up to it, copied and encrypted anew."""

from __future__ import annotations

from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from chatplatform.audit.services import Target, record
from chatplatform.chat import audit_events as events
from chatplatform.chat import limits
from chatplatform.chat.announcements import announce
from chatplatform.chat.attachments.links import attach_all_again
from chatplatform.chat.beginning import own, own_message
from chatplatform.chat.content import (
    sealed_message,
    sealed_thinking,
    sealed_title,
    text_of,
    thinking_of,
    title_of,
)
from chatplatform.chat.knowledge.rows import give_all_again
from chatplatform.chat.models import Announcement, Conversation, Message, Turn
from chatplatform.chat.searchable import make_findable
from chatplatform.chat.segments import said_so_far
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.chat.tree import path_before
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.privacy.subjects import Subject

# The id of a fork is made from the client's id of the wish: sent twice, it is made once.
_FORKS = UUID("0e2c6a37-9a39-4c0f-8f0a-6f6f2a0c77d4")

# Of a turn, what its copy has too: what answered, and how. Not who runs it, nor what was counted.
_KEPT = (
    "assistant_id",
    "prompt_version_id",
    "prompt_sha256",
    "model",
    "model_sha256",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "messages_left_out",
    "left_out_reason",
    "context_retries",
    "cut_at_limit",
    "first_token_s",
    "total_s",
    "thought_s",
    "thinking_tokens",
    "asked_assistant_id",
    "asked_model",
    "created_at",
    "finished_at",
)


def fork_conversation(*, client_id: UUID, message_id: UUID, actor: Actor) -> Conversation:
    """Begin a conversation with all that led to this message, and the message. The other one stays as it is.

    An answer that runs or failed is taken with the text that it has. Sending the same `client_id` again gives the
    same conversation. Raises NotFound, and NotAllowed where every chat is temporary.
    """
    person_id = UUID(actor.id)
    owner = Subject.person(person_id)
    fork_id = uuid5(_FORKS, f"{person_id}:{client_id}")
    made = Conversation.objects.filter(id=fork_id, owner_id=person_id).first()
    if made is not None:
        return made
    require_may_keep(person_id)
    last = own_message(message_id, person_id)
    source = own(last.conversation_id, person_id)
    # decrypted and encrypted before the transaction: others need not wait for it
    fork = Conversation(
        id=fork_id,
        workspace_id=source.workspace_id,
        owner_id=person_id,
        assistant_id=source.assistant_id,
        model=source.model,
        title=sealed_title(owner, fork_id, _fork_title(title_of(source))),
        title_origin=Conversation.TitleOrigin.PERSON,
    )
    messages, turns = _copies(fork, last, owner)
    with transaction.atomic():
        made, is_new = Conversation.objects.get_or_create(
            id=fork_id,
            defaults={
                "workspace_id": fork.workspace_id,
                "owner_id": person_id,
                "assistant_id": fork.assistant_id,
                "model": fork.model,
                "title": fork.title,
                "title_origin": fork.title_origin,
            },
        )
        if not is_new:
            return made
        Message.objects.bulk_create(messages, batch_size=500)
        Turn.objects.bulk_create(turns, batch_size=500)
        before = [*path_before(last).order_by("number").values_list("id", flat=True), last.id]
        copied = dict(zip(before, (copy.id for copy in messages), strict=True))
        attach_all_again(copied, owner_id=person_id)
        give_all_again(copied, owner_id=person_id)
        make_findable(made, *messages, with_title=True)
        record(
            events.CONVERSATION_FORKED,
            actor=actor,
            workspace_id=fork.workspace_id,
            target=Target("conversation", str(fork.id)),
            details={"from_id": str(source.id), "message_id": str(message_id), "messages": len(messages)},
        )
        announce(Announcement.Kind.CONVERSATION, made)
    return made


def _copies(fork: Conversation, last: Message, owner: Subject) -> tuple[list[Message], list[Turn]]:
    rows = [*path_before(last).select_related("turn").order_by("number"), last]
    messages: list[Message] = []
    turns: list[Turn] = []
    for number, row in enumerate(rows, start=1):
        turn: Turn | None = getattr(row, "turn", None)
        text, thinking = text_of(row, owner), thinking_of(row, owner)
        if turn is not None and turn.state not in (Turn.State.FINISHED, Turn.State.STOPPED):
            text, thinking, _last = said_so_far(turn, owner)
        copy_id = new_id()
        copy = Message(
            id=copy_id,
            workspace_id=fork.workspace_id,
            conversation_id=fork.id,
            parent=messages[-1] if messages else None,
            number=number,
            role=row.role,
            author_id=row.author_id,
            content=sealed_message(owner, copy_id, text) if text else b"",
            thinking=sealed_thinking(owner, copy_id, thinking),
            tokens=row.tokens,
            tokens_of=row.tokens_of,
            created_at=row.created_at,
        )
        if turn is not None and messages:
            is_whole = turn.state == Turn.State.FINISHED
            turns.append(
                Turn(
                    workspace_id=fork.workspace_id,
                    conversation_id=fork.id,
                    owner_id=fork.owner_id,
                    question=messages[-1],
                    answer=copy,
                    state=Turn.State.FINISHED if is_whole else Turn.State.STOPPED,
                    has_thinking=bool(thinking),
                    **{name: getattr(turn, name) for name in _KEPT},
                )
            )
            turns[-1].finished_at = turns[-1].finished_at or now()
        messages.append(copy)
    return messages, turns


def _fork_title(title: str) -> str:
    """The title of the first one, marked; never longer than a title may be."""
    if not title:
        return ""
    mark = _("%(title)s (branch)") % {"title": ""}
    return _("%(title)s (branch)") % {"title": title[: limits.TITLE_CHARS - len(mark)]}

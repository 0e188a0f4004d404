"""Whether a model can read a message at all: asked before it is kept, so that nobody waits for an answer in vain."""

from __future__ import annotations

from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.chat.models import Conversation
from chatplatform.chat.prompt_building import answer_reserve, window_of
from chatplatform.common.errors import InvalidInput, NotFound, PlatformError
from chatplatform.inference import gateway
from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts.lengths import counted_tokens, estimated_tokens
from chatplatform.prompts.queries import ReleasedPrompt, released_prompt
from chatplatform.prompts.text_format import opening_messages

# shorter ones, by an estimate that is rather too high, are not looked at
CERTAIN_SHARE = 4


def require_readable(
    text: str, *, conversation_id: UUID | None, assistant_id: UUID | None, person_id: UUID
) -> None:
    """Refuse what the assistant's model cannot read even without any history.

    Raises InvalidInput, which says how long it may be. Where nobody can count now, nothing is refused. Outside a
    transaction: it may ask the engine.
    """
    if estimated_tokens(PromptMessage("user", text)) <= settings.ENVIRONMENT.context_tokens // CERTAIN_SHARE:
        return
    if conversation_id is not None:
        chosen = Conversation.objects.filter(id=conversation_id, owner_id=person_id)
        assistant_id = chosen.values_list("assistant_id", flat=True).first()
    try:
        prompt = released_prompt(assistant_id, reader_id=person_id)
        most_chars = async_to_sync(_most_chars)(text, prompt)
    except NotFound:
        return  # whoever keeps the message says what is wrong
    except PlatformError:
        return  # the engine is away: the turn waits for it
    if most_chars is not None:
        raise InvalidInput(
            "message_too_long_for_model",
            _(
                "This message is longer than the model can read: it has %(n)d characters, and about %(limit)d fit. "
                "Shorten it or send it in parts."
            )
            % {"n": len(text), "limit": most_chars},
        )


async def _most_chars(text: str, prompt: ReleasedPrompt) -> int | None:
    """How many characters of this text would fit; None when it fits, or is not known."""
    model = await gateway.served_model(prompt.model)
    window = window_of(model)
    opening = opening_messages(prompt.system_text)
    counts = await counted_tokens([*opening, PromptMessage("user", text)], model=prompt.model)
    if counts is None:
        return None
    room = window - answer_reserve(window) - sum(counts[:-1])
    if counts[-1] <= room:
        return None
    fits = max(0, len(text) * room // counts[-1])
    return fits - fits % 100

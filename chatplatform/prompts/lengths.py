"""How long messages are for a model, in tokens as it counts them."""

from __future__ import annotations

from collections.abc import Sequence

from chatplatform.inference import gateway
from chatplatform.inference.protocol.token_estimate import MESSAGE_TOKENS, estimate_tokens
from chatplatform.privacy.prompt import PromptMessage


def estimated_tokens(message: PromptMessage) -> int:
    """Rather too many."""
    return estimate_tokens([message])


async def counted_tokens(messages: Sequence[PromptMessage], *, model: str) -> list[int] | None:
    """The length of each message, with what a template puts around it: one request to the engine.

    None where no engine of ours counts for this model. Raises EngineUnavailable, EngineRefused.
    """
    counts = await gateway.count_texts([message.content for message in messages], model=model)
    return None if counts is None else [count + MESSAGE_TOKENS for count in counts]

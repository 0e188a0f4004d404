"""How long a text is in tokens, for engines that do not count."""

from __future__ import annotations

from collections.abc import Sequence

from chatplatform.privacy.prompt import PromptMessage

# Rather too many than too few: too few would be refused by the engine, too many only leaves out old history.
ASCII_CHARS_A_TOKEN = 2.5
OTHER_TOKENS_A_CHAR = 1.5
MESSAGE_TOKENS = 8


def estimate_tokens(messages: Sequence[PromptMessage]) -> int:
    """At least as many tokens as the common tokenizers make of it, for running text."""
    total = 0.0
    for message in messages:
        plain = sum(character < "\x80" for character in message.content)
        total += plain / ASCII_CHARS_A_TOKEN + (len(message.content) - plain) * OTHER_TOKENS_A_CHAR
    return int(total) + MESSAGE_TOKENS * len(messages) + 1

"""The text of a prompt: what the model is told, then, if one likes, exchanges that show how to answer.

    You answer customers of a shop. You know only these facts: …
    [user]
    How much is the tent?
    [assistant]
    The tent costs €249.

A line with nothing but `[user]` or `[assistant]` begins a message of an example. Small models follow a few examples
far better than any rule (docs/evaluation.md has the figures), if these are messages and not part of the rules.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import InvalidInput
from chatplatform.privacy.prompt import PromptMessage, Role

_MARK = re.compile(r"^\[(user|assistant)\][ \t]*\r?$", re.MULTILINE)


def opening_messages(text: str) -> tuple[PromptMessage, ...]:
    """The messages that every conversation with this prompt begins with: system text, then whole example exchanges.

    A text without marks is one system message; without anything before the first mark there is none. Raises
    InvalidInput when the examples are not exchanges, each a user's message with the answer to it.
    """
    before, *parts = _MARK.split(text)
    roles: list[Role] = ["user" if role == "user" else "assistant" for role in parts[::2]]
    contents = [content.strip() for content in parts[1::2]]
    if roles != ["user", "assistant"] * (len(roles) // 2) or not all(contents):
        raise InvalidInput(
            "prompt_examples_invalid",
            _("Examples must be pairs: a question under [user], then its answer under [assistant]."),
        )
    system = (PromptMessage("system", before.strip()),) if before.strip() else ()
    return (*system, *(PromptMessage(role, content) for role, content in zip(roles, contents, strict=True)))

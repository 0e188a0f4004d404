"""A prompt before clearance: what is to be said to a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class PromptToolCall:
    """A call that the model made earlier; `arguments` is JSON."""

    id: str
    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message. Its content never shows in a repr, so no traceback or log can hold it.

    `tool_calls` belong to an assistant's message; `tool_call_id` says which of them a `tool` message answers.
    """

    role: Role
    content: str = field(repr=False)
    tool_calls: tuple[PromptToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages in order; with `continue_final` the last, an assistant's, is continued rather than answered.

    `tools`, `tool_choice` and `response_format` are JSON as in the OpenAI protocol, empty where there are none.
    """

    messages: tuple[PromptMessage, ...]
    continue_final: bool = False
    tools: str = field(default="", repr=False)
    tool_choice: str = ""
    response_format: str = field(default="", repr=False)

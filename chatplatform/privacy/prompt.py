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
    `thinking` is what the model thought before this answer of its own: with `Prompt.continue_final` the last message
    has it, so that an engine that can goes on from there; in earlier ones it has no place.
    """

    role: Role
    content: str = field(repr=False)
    tool_calls: tuple[PromptToolCall, ...] = ()
    tool_call_id: str = ""
    thinking: str = field(default="", repr=False)


LeftOutReason = Literal["context", "first_word", "long_chat"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many of the older messages a prompt does not hold, and why.

    `context`: all of them are longer than the model can read; `first_word`: to read them would take longer than
    the wished time to the first word; `long_chat`: there are more than are looked at.
    """

    messages: int
    reason: LeftOutReason


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages in order; with `continue_final` the last, an assistant's, is continued rather than answered.

    `tools`, `tool_choice` and `response_format` are JSON as in the OpenAI protocol, empty where there are none;
    `parallel_tool_calls` says whether one turn may call several tools, None leaves it to the engine.
    `platform_messages` says how many of the first messages are the platform's own text, word for word, the same for
    everybody: an engine may share between people what it has read of these. None leaves it to the engine.
    """

    messages: tuple[PromptMessage, ...]
    continue_final: bool = False
    tools: str = field(default="", repr=False)
    tool_choice: str = ""
    response_format: str = field(default="", repr=False)
    parallel_tool_calls: bool | None = None
    platform_messages: int | None = None
    left_out: LeftOut | None = None

"""Messages as chat templates take them, with tools and their calls: in the template's own way, or as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chatplatform.inference.engines.llamacpp.chat_template import ChatTemplate, TemplateFailed
from chatplatform.inference.engines.llamacpp.tool_text import (
    parsed_arguments,
    told,
    written_call,
    written_result,
)


@dataclass(frozen=True, repr=False)
class ChatMessage:
    """`calls` are those of tools that the assistant made, each with the tool's name and its arguments in JSON.
    `thinking` came before them; it is looked at where the message is to be continued."""

    role: str
    content: str
    calls: tuple[tuple[str, str], ...] = ()
    thinking: str = ""


def as_text(
    messages: Sequence[ChatMessage], tools: Sequence[dict[str, Any]] = (), must: str | None = None
) -> list[ChatMessage]:
    """The same without anything of tools but what is said in words. `must`: see tool_text.told."""
    plain = [_plain(message) for message in messages]
    return after_system(plain, told(tools, must=must)) if tools else plain


def after_system(messages: Sequence[ChatMessage], text: str) -> list[ChatMessage]:
    """The messages with `text` at the end of the system message, which is made where there is none."""
    if messages and messages[0].role == "system":
        return [ChatMessage("system", f"{messages[0].content}\n\n{text}"), *messages[1:]]
    return [ChatMessage("system", text), *messages]


def _plain(message: ChatMessage) -> ChatMessage:
    if message.role == "tool":
        return ChatMessage("user", written_result(message.content))
    calls = (written_call(name, arguments) for name, arguments in message.calls)
    return ChatMessage(message.role, "\n".join(part for part in (message.content, *calls) if part))


def as_template_takes(message: ChatMessage, mark: Callable[[str], str]) -> dict[str, Any]:
    """For a template that knows tools. Every text that somebody may have written goes through `mark`."""
    plain: dict[str, Any] = {"role": message.role, "content": mark(message.content)}
    if message.calls:
        plain["tool_calls"] = [
            {
                "type": "function",
                "function": {"name": mark(name), "arguments": marked(parsed_arguments(arguments), mark)},
            }
            for name, arguments in message.calls
        ]
    return plain


def marked(value: Any, mark: Callable[[str], str]) -> Any:
    """A value out of JSON with every text in it marked. What is nested too deeply to walk is left out."""
    try:
        return _marked(value, mark)
    except RecursionError:
        return None


def _marked(value: Any, mark: Callable[[str], str]) -> Any:
    match value:
        case str():
            return mark(value)
        case list():
            return [_marked(one, mark) for one in value]
        case dict():
            return {mark(str(name)): _marked(one, mark) for name, one in value.items()}
        case _:
            return value


def knows_tools(template: ChatTemplate) -> bool:
    """Whether a template tells a model of tools by itself, and has calls written in the form that we read.

    Several forms are about; a template with another one is given the tools as text, which every model can follow.
    """
    name, arguments = "probe_of_tools", '{"x": 1}'
    tool = {"type": "function", "function": {"name": name, "description": "d", "parameters": {}}}
    asked = {"role": "user", "content": "u"}
    called = as_template_takes(ChatMessage("assistant", "", ((name, arguments),)), str)
    try:
        shown = template.render([asked], add_generation_prompt=True, tools=[tool])
        gone_on = template.render(
            [asked, called, {"role": "tool", "content": "given"}], add_generation_prompt=True, tools=[tool]
        )
    except TemplateFailed:
        return False
    return name in shown and written_call(name, arguments) in gone_on and "given" in gone_on

"""What the scripted engine's requests and errors look like."""

from __future__ import annotations

import json
from typing import Any

from chatplatform.testing.scripted_replies import count

MESSAGE_TOKENS = 4  # what each message costs beside its words
STATUS_OF = {
    "context_length_exceeded": 400,
    "invalid_request": 400,
    "unauthorized": 401,
    "queue_full": 429,
    "model_loading": 503,
    "internal_error": 500,
}

Messages = list[tuple[str, str]]


class Refused(Exception):
    """An answer in the shape of an error; `extra` goes into the error object."""

    def __init__(self, code: str, message: str, **extra: int) -> None:
        super().__init__(code)
        self.status = STATUS_OF.get(code, 400)
        self.body = {"error": {"message": message, "type": code, "code": code, **extra}}


def parsed_body(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; raises Refused."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise Refused("invalid_request", "The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise Refused("invalid_request", "The body is not a JSON object.")
    return parsed


def messages_of(body: dict[str, Any]) -> Messages:
    """Role and text of each message; raises Refused."""
    found = body.get("messages")
    if not isinstance(found, list) or not found:
        raise Refused("invalid_request", "messages is a list with one message or more.")
    messages: Messages = []
    for message in found:
        role = message.get("role") if isinstance(message, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if content is None and role == "assistant" and message.get("tool_calls"):
            content = json.dumps(message["tool_calls"])
        if role not in {"system", "user", "assistant", "tool"} or not isinstance(content, str):
            raise Refused("invalid_request", "A message has a role and a text as content.")
        messages.append((role, content))
    return messages


def thinking_of(body: dict[str, Any]) -> str:
    """What was thought before an answer that is to be continued."""
    last = body["messages"][-1]
    return str(last.get("reasoning_content") or "") if body.get("continue_final_message") else ""


def prompt_tokens(messages: Messages) -> int:
    """How long the messages are."""
    return sum(count(text) + MESSAGE_TOKENS for _, text in messages)


def wanted_call(body: dict[str, Any], question: str) -> dict[str, Any] | None:
    """The call to answer with, in OpenAI's shape: where one is demanded, or the question says `[[tool]]`."""
    tools = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or ()}
    choice = body.get("tool_choice")
    if not tools or choice == "none":
        return None
    if isinstance(choice, dict):
        function = tools[choice["function"]["name"]]
    elif choice == "required" or "[[tool]]" in question:
        function = next(iter(tools.values()))
    else:
        return None
    arguments = json.dumps(example_of(function.get("parameters") or {"type": "object"}))
    return {
        "index": 0,
        "id": "call_scripted",
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }


def example_of(schema: dict[str, Any]) -> object:
    """Something of the schema's shape."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            found = schema.get("properties", {})
            return {name: example_of(found[name]) for name in schema.get("required", found)}
        case "array":
            return [example_of(schema.get("items", {}))]
        case "integer" | "number":
            return 7
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "w0"

"""ChatGPT's export: a list of conversations, each a mapping of nodes with `current_node` as the end that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext as _

from chatplatform.sharing.importing.parsed import (
    ParsedConversation,
    id_in,
    mapping_in,
    optional_text,
    text_in,
    time_in,
)
from chatplatform.sharing.importing.trees import Node, messages_of

_ROLES: Mapping[object, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}


def is_chatgpt(document: object) -> bool:
    return isinstance(document, dict) and isinstance(document.get("mapping"), dict)


def parsed(document: Mapping[str, Any]) -> ParsedConversation:
    """Raises Refused. Instructions, tool calls and their output are left out; pictures are named."""
    end = document.get("current_node")
    nodes = [_node(node_id, mapping_in(node)) for node_id, node in document["mapping"].items()]
    messages, shown_end = messages_of(nodes, end if isinstance(end, str) else None)
    source = document.get("conversation_id") or document.get("id") or next(iter(document["mapping"]), "none")
    return ParsedConversation(
        source_id=id_in(source),
        title=optional_text(document.get("title")),
        created_at=time_in(document.get("create_time")),
        updated_at=time_in(document.get("update_time")),
        messages=messages,
        end=shown_end,
    )


def _node(node_id: str, node: Mapping[str, Any]) -> Node:
    parent = node.get("parent")
    parent_id = None if parent is None else id_in(parent)
    if node.get("message") is None:
        return Node(id_in(node_id), parent_id, "")
    message = mapping_in(node["message"])
    metadata = message.get("metadata")
    facts: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    role = _ROLES.get(_of(message.get("author"), "role"))
    is_hidden = facts.get("is_visually_hidden_from_conversation") is True
    is_for_tool = message.get("recipient", "all") not in ("all", None)
    if role is None or is_hidden or is_for_tool:
        return Node(id_in(node_id), parent_id, "")
    model = facts.get("model_slug")
    return Node(
        id=id_in(node_id),
        parent=parent_id,
        role=role,
        text=_text(message.get("content")),
        created_at=time_in(message.get("create_time")),
        model=text_in(model) if role == "assistant" and isinstance(model, str) else "",
    )


def _text(content: object) -> str:
    """The words of a message; other kinds of content, such as thoughts, have none."""
    if content is None:
        return ""
    values = mapping_in(content)
    if values.get("content_type") not in ("text", "multimodal_text", "code", None):
        return ""
    if values.get("content_type") == "code":
        text = optional_text(values.get("text"))
        return f"```\n{text}\n```" if text.strip() else ""
    parts = values.get("parts")
    if not isinstance(parts, list):
        return optional_text(values.get("text")).strip()
    return "\n\n".join(found for part in parts if (found := _part(part))).strip()


def _part(part: object) -> str:
    if isinstance(part, str):
        return text_in(part)
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            return text_in(part["text"])
        kind = part.get("content_type")
        if isinstance(kind, str) and "image" in kind:
            return f"[{_('a picture that the file does not hold')}]"
    return ""


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None

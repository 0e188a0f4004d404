"""Open WebUI's export: a list of chats, each with `chat.history.messages` by id and `currentId` as the shown end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from chatplatform.sharing.importing.parsed import (
    ParsedConversation,
    id_in,
    mapping_in,
    optional_text,
    text_in,
    time_in,
)
from chatplatform.sharing.importing.problems import Refused
from chatplatform.sharing.importing.trees import Node, messages_of

_ROLES: Mapping[object, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}


def is_open_webui(document: object) -> bool:
    if not isinstance(document, dict) or not isinstance(document.get("chat"), dict):
        return False
    chat = document["chat"]
    return isinstance(chat.get("history"), dict) or isinstance(chat.get("messages"), list)


def parsed(document: Mapping[str, Any]) -> ParsedConversation:
    """Raises Refused. Old exports without a tree hold a plain list of messages."""
    chat = document["chat"]
    history = chat.get("history")
    rows: object = history.get("messages") if isinstance(history, dict) else None
    end: object = history.get("currentId") if isinstance(history, dict) else None
    if isinstance(rows, dict) and rows:
        nodes = [_node(node_id, mapping_in(row)) for node_id, row in rows.items()]
    else:
        nodes = _listed(chat.get("messages"))
        end = nodes[-1].id if nodes else None
    messages, shown_end = messages_of(nodes, end if isinstance(end, str) else None)
    created = document.get("created_at", chat.get("timestamp"))
    return ParsedConversation(
        source_id=id_in(document.get("id") or chat.get("id") or (nodes[0].id if nodes else "none")),
        title=optional_text(document.get("title") or chat.get("title")),
        created_at=time_in(created),
        updated_at=time_in(document.get("updated_at")),
        messages=messages,
        end=shown_end,
    )


def _node(node_id: str, row: Mapping[str, Any]) -> Node:
    parent = row.get("parentId")
    model = row.get("model")
    return Node(
        id=id_in(node_id),
        parent=None if parent is None else id_in(parent),
        role=_ROLES.get(row.get("role"), ""),
        text=_text(row.get("content")),
        created_at=time_in(row.get("timestamp")),
        model=text_in(model) if isinstance(model, str) and row.get("role") == "assistant" else "",
    )


def _listed(rows: object) -> list[Node]:
    if not isinstance(rows, list):
        raise Refused("wrong_type")
    nodes: list[Node] = []
    for place, row in enumerate(rows):
        before = nodes[-1].id if nodes else None
        nodes.append(_node(f"message-{place}", {**mapping_in(row), "parentId": before}))
    return nodes


def _text(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n\n".join(
            text_in(part["text"])
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        ).strip()
    return text_in(content).strip()

"""The platform's own JSON, as docs/sharing-and-export.md describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from chatplatform.sharing.formats.json_format import FORMAT, VERSION
from chatplatform.sharing.importing.parsed import (
    Numbers,
    ParsedConversation,
    ParsedMessage,
    count_in,
    id_in,
    mapping_in,
    optional_text,
    seconds_in,
    text_in,
    time_in,
)
from chatplatform.sharing.importing.problems import Refused


def is_own(document: object) -> bool:
    return isinstance(document, dict) and document.get("format") == FORMAT


def parsed(document: Mapping[str, Any]) -> ParsedConversation:
    """Raises Refused. What a file says of hashes and versions is not taken over: it proves nothing."""
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise Refused("wrong_type")
    if version != VERSION:
        raise Refused("version_unknown")
    rows = document.get("messages")
    if not isinstance(rows, list):
        raise Refused("wrong_type")
    messages, end = [], None
    for row in rows:
        message = mapping_in(row)
        messages.append(_message(message))
        if message.get("shown") is True:
            end = messages[-1].id
    return ParsedConversation(
        source_id=id_in(document.get("id")),
        title=optional_text(document.get("title")),
        created_at=time_in(document.get("created_at")),
        updated_at=time_in(document.get("updated_at")),
        messages=tuple(messages),
        end=end,
    )


def _message(row: Mapping[str, Any]) -> ParsedMessage:
    role = row.get("role")
    if role not in ("user", "assistant"):
        raise Refused("role_unknown")
    parent = row.get("parent_id")
    return ParsedMessage(
        id=id_in(row.get("id")),
        parent=None if parent is None else id_in(parent),
        role=_role(role),
        text=text_in(row.get("text")),
        created_at=time_in(row.get("created_at")),
        numbers=_numbers(row.get("answer")),
        thinking=optional_text(row.get("thinking")) if role == "assistant" else "",
    )


def _role(role: object) -> Literal["user", "assistant"]:
    return "user" if role == "user" else "assistant"


def _numbers(answer: object) -> Numbers:
    if answer is None:
        return Numbers()
    values = mapping_in(answer)
    return Numbers(
        state="finished" if values.get("state") == "finished" else "stopped",
        model=optional_text(values.get("model"))[:255],
        prompt_tokens=count_in(values.get("prompt_tokens")),
        cached_tokens=count_in(values.get("cached_tokens")),
        completion_tokens=count_in(values.get("completion_tokens")),
        first_token_s=seconds_in(values.get("first_token_s")),
        total_s=seconds_in(values.get("total_s")),
        thinking_tokens=count_in(values.get("thinking_tokens")),
        thought_s=seconds_in(values.get("thought_s")),
    )

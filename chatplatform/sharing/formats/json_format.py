"""A conversation as JSON, with all its branches. The format is described in docs/sharing-and-export.md.

Version 1 of a document holds one conversation. Fields are added without a new version; what a reader must know of
before it reads gets a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from chatplatform.chat.models import Conversation, Turn
from chatplatform.common.clock import now
from chatplatform.sharing.reading import Said, everything_said, title_or_none

FORMAT = "chatplatform.conversation"
VERSION = 1
PASSPORT = (
    "assistant_id",
    "prompt_version_id",
    "prompt_sha256",
    "model",
    "model_sha256",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "messages_left_out",
    "left_out_reason",
    "cut_at_limit",
    "first_token_s",
    "total_s",
    "thinking_tokens",
    "thought_s",
)


def written(conversation: Conversation) -> Iterator[str]:
    """The document in parts."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": moment(now()),
        "id": str(conversation.id),
        "title": title_or_none(conversation),
        "created_at": moment(conversation.created_at),
        "updated_at": moment(conversation.updated_at),
        "assistant_id": str(conversation.assistant_id) if conversation.assistant_id else None,
    }
    yield _json(head)[:-2] + ',\n  "messages": ['
    comma = ""
    for said in everything_said(conversation):
        yield f"{comma}\n    {json.dumps(_message(said), ensure_ascii=False)}"
        comma = ","
    yield "\n  ]\n}\n"


def _message(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": str(said.id),
        "parent_id": str(said.parent_id) if said.parent_id else None,
        "role": said.role,
        "shown": said.is_shown,
        "created_at": moment(said.created_at),
        "text": said.text.encode(errors="replace").decode(),
    }
    if said.thinking:
        message["thinking"] = said.thinking.encode(errors="replace").decode()
    if said.files:
        message["files"] = [
            {"name": file.name, "kind": file.kind, "size_bytes": file.size_bytes} for file in said.files
        ]
    if said.turn is not None:
        message["answer"] = _passport(said.turn)
    return message


def _passport(turn: Turn) -> dict[str, Any]:
    values = {name: getattr(turn, name) for name in PASSPORT}
    return {
        "state": turn.state,
        "error_code": turn.error_code,
        "finished_at": moment(turn.finished_at) if turn.finished_at else None,
        **{name: str(value) if name.endswith("_id") and value else value for name, value in values.items()},
    }


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2).encode(errors="replace").decode()

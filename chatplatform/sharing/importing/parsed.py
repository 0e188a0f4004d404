"""A conversation of a file, in one form whatever the file's was; and whether it is one that may be kept."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from chatplatform.chat.protocol import MAX_MESSAGE_CHARS
from chatplatform.common.clock import moment_of, now
from chatplatform.sharing.importing.problems import Refused
from chatplatform.sharing.limits import (
    ANSWER_CHARS,
    CONVERSATION_BYTES,
    CONVERSATION_MESSAGES,
    NESTING,
    STRUCTURES,
)

_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a file says of how an answer came about, as far as it may be shown as such."""

    state: Literal["finished", "stopped"] = "finished"
    model: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    first_token_s: float | None = None
    total_s: float | None = None
    thinking_tokens: int = 0
    thought_s: float | None = None


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """`id` and `parent` are the file's own words for them."""

    id: str
    parent: str | None
    role: Literal["user", "assistant"]
    text: str = field(repr=False)
    created_at: datetime | None = None
    numbers: Numbers = Numbers()
    thinking: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ParsedConversation:
    """`end` is the last message of the branch that was shown; without one, the newest end is."""

    source_id: str
    title: str = field(repr=False)
    created_at: datetime | None
    updated_at: datetime | None
    messages: tuple[ParsedMessage, ...]
    end: str | None = None


def loaded(document: bytes) -> Any:
    """The JSON value of a document. Raises Refused for what is none, is too large, or costs too much to read."""
    if len(document) > CONVERSATION_BYTES:
        raise Refused("too_large", limit=CONVERSATION_BYTES // 1024**2)
    depth = structures = 0
    for mark in _BRACKETS.findall(_STRINGS.sub(b"", document)):
        depth += 1 if mark in b"{[" else -1
        structures += mark in b"{["
        if depth > NESTING:
            raise Refused("too_deep", limit=NESTING)
        if structures > STRUCTURES:
            raise Refused("too_many_parts", limit=STRUCTURES)
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("not_text") from None
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("not_json") from None


def in_order(conversation: ParsedConversation) -> tuple[ParsedMessage, ...]:
    """The messages, parents before their children and otherwise as they stand in the file.

    Raises Refused for what is no tree, and for what is too much or too long.
    """
    messages = conversation.messages
    if not messages:
        raise Refused("no_messages")
    if len(messages) > CONVERSATION_MESSAGES:
        raise Refused("too_many_messages", limit=CONVERSATION_MESSAGES)
    places = {message.id: place for place, message in enumerate(messages)}
    if len(places) != len(messages):
        raise Refused("id_twice")
    children: dict[str | None, list[int]] = {}
    for place, message in enumerate(messages):
        limit = MAX_MESSAGE_CHARS if message.role == "user" else ANSWER_CHARS
        if max(len(message.text), len(message.thinking)) > limit:
            raise Refused("message_too_long", limit=limit)
        if message.parent is not None and message.parent not in places:
            raise Refused("parent_missing")
        children.setdefault(message.parent, []).append(place)
    ordered: list[ParsedMessage] = []
    ready = list(children.get(None, ()))
    heapq.heapify(ready)
    while ready:
        message = messages[heapq.heappop(ready)]
        ordered.append(message)
        for place in children.get(message.id, ()):
            heapq.heappush(ready, place)
    if len(ordered) != len(messages):
        raise Refused("goes_in_circles")
    return tuple(ordered)


def shown_ids(conversation: ParsedConversation, ordered: tuple[ParsedMessage, ...]) -> set[str]:
    """The branch that was shown, on to its end; without a hint, the one that ends with the last message."""
    parents = {message.id: message.parent for message in ordered}
    newest_child: dict[str | None, str] = {message.parent: message.id for message in ordered}
    end = conversation.end if conversation.end in parents else ordered[-1].id
    assert end is not None
    shown: set[str] = set()
    below: str | None = newest_child.get(end)
    while below is not None:
        shown.add(below)
        below = newest_child.get(below)
    above: str | None = end
    while above is not None:
        shown.add(above)
        above = parents[above]
    return shown


# ---------------------------------------------------------------- values that nobody promised anything about


def text_in(value: object) -> str:
    """A text without what no database keeps and no page shows. Raises Refused for what is no text."""
    if not isinstance(value, str):
        raise Refused("wrong_type")
    return _HALF_PAIRS.sub("\ufffd", value.replace("\x00", ""))


def optional_text(value: object) -> str:
    return "" if value is None else text_in(value)


def id_in(value: object) -> str:
    """An id as text, of a length that an id has."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = text_in(value)
    if not 0 < len(found) <= 200:
        raise Refused("wrong_type")
    return found


def mapping_in(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused("wrong_type")
    return value


def time_in(value: object) -> datetime | None:
    """A moment from ISO 8601, or from seconds, milli- or nanoseconds since 1970; None for what cannot be one."""
    if isinstance(value, str):
        moment = moment_of(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value < 1e20:
            return None
        seconds = float(value)
        while seconds > 1e11:  # later than the year 5000: it was no count of seconds
            seconds /= 1000
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    else:
        return None
    return moment if moment is not None and _EARLIEST <= moment <= now() else None


def count_in(value: object) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_count else 0  # type: ignore[return-value]


def seconds_in(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6:
        return float(value)
    return None


def _no_number(name: str) -> float:
    raise ValueError(name)

"""docs/websocket.md names every frame and every field, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from chatplatform.chat import consumers, limits, protocol

PAGE = Path("docs/websocket.md").read_text()


def rows(heading: str) -> dict[str, set[str]]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \|([^|]*)\|", section, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in found}


def frames(union: object) -> dict[str, set[str]]:
    return {
        get_args(model.model_fields["type"].annotation)[0]: set(model.model_fields) - {"type"}
        for model in get_args(union)
    }


def test_every_frame_from_the_browser_is_described() -> None:
    assert rows("From the browser") == frames(get_args(protocol.ClientFrame)[0])


def test_every_frame_to_the_browser_is_described() -> None:
    assert rows("To the browser") == frames(protocol.ServerFrame)


def test_views_are_described() -> None:
    for view in (protocol.MessageView, protocol.TurnView, protocol.ConversationView, protocol.Tail):
        for name in view.model_fields:
            assert f"`{name}`" in PAGE, f"{view.__name__}.{name}"


def test_numbers_are_true() -> None:
    assert protocol.MAX_FRAME_BYTES == 256 * 1024
    assert f"has {limits.SOCKETS_A_PERSON} sockets open" in PAGE
    for code in (consumers.SIGNED_OUT, consumers.TOO_FAST, consumers.TOO_MANY_SOCKETS):
        assert f"| {code} |" in PAGE

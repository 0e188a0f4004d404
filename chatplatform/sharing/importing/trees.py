"""Trees of other platforms: nodes that are no messages of ours are left out, and what follows them moves up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from chatplatform.sharing.importing.parsed import Numbers, ParsedMessage
from chatplatform.sharing.importing.problems import Refused


@dataclass(frozen=True, slots=True)
class Node:
    """`role` is empty for what is left out: instructions, tool calls, notes of the other platform."""

    id: str
    parent: str | None
    role: Literal["user", "assistant", ""]
    text: str = field(default="", repr=False)
    created_at: datetime | None = None
    model: str = ""


def messages_of(nodes: Iterable[Node], end: str | None) -> tuple[tuple[ParsedMessage, ...], str | None]:
    """The messages, and the one at which the shown branch ends.

    Answers in a row, as they stand around tool calls, become one. Raises Refused for ids that come twice, for a
    missing parent and for circles.
    """
    known: dict[str, Node] = {}
    for node in nodes:
        if node.id in known:
            raise Refused("id_twice")
        known[node.id] = node
    heads = _heads(known)
    kept = {node.id: node for node in known.values() if node.role and node.text}
    children: dict[str, int] = {}
    parents: dict[str, str | None] = {}
    for node_id, node in kept.items():
        parents[node_id] = heads[node.parent] if node.parent is not None else None
        if (parent := parents[node_id]) is not None:
            children[parent] = children.get(parent, 0) + 1
    texts = {node_id: [node.text] for node_id, node in kept.items()}
    joined: dict[str, str] = {}
    for node_id in _downward(parents):
        parent = parents[node_id]
        if parent is None or kept[node_id].role != "assistant" or kept[parent].role != "assistant":
            continue
        if children[parent] == 1:
            target = joined.get(parent, parent)
            joined[node_id] = target
            texts[target].append(kept[node_id].text)
    messages = tuple(
        ParsedMessage(
            id=node_id,
            parent=_moved(parents[node_id], joined),
            role="user" if node.role == "user" else "assistant",
            text="\n\n".join(texts[node_id]),
            created_at=node.created_at,
            numbers=replace(Numbers(), model=node.model[:255]),
        )
        for node_id, node in kept.items()
        if node_id not in joined
    )
    return messages, _moved(heads.get(end) if end is not None else None, joined)


def _moved(node_id: str | None, joined: dict[str, str]) -> str | None:
    return joined.get(node_id, node_id) if node_id is not None else None


def _heads(known: dict[str, Node]) -> dict[str | None, str | None]:
    """For each node, itself if it is kept, or else the nearest one above it that is."""
    heads: dict[str | None, str | None] = {}
    for start in known:
        chain: list[str] = []
        at: str | None = start
        passed: set[str] = set()
        while at is not None and at not in heads:
            if at in passed:
                raise Refused("goes_in_circles")
            if at not in known:
                raise Refused("parent_missing")
            passed.add(at)
            chain.append(at)
            at = known[at].parent
        head = heads[at] if at is not None else None
        for node_id in reversed(chain):
            node = known[node_id]
            head = node_id if node.role and node.text else head
            heads[node_id] = head
    return heads


def _downward(parents: dict[str, str | None]) -> list[str]:
    """Ids with parents before their children; there are no circles any more."""
    depth: dict[str, int] = {}
    for start in parents:
        chain: list[str] = []
        at: str | None = start
        while at is not None and at not in depth:
            chain.append(at)
            at = parents[at]
        base = depth[at] if at is not None else 0
        for steps, node_id in enumerate(reversed(chain), start=1):
            depth[node_id] = base + steps
    return sorted(parents, key=lambda node_id: depth[node_id])

"""What a soak must never find: words that are lost, doubled, different from what is stored, or an end that never comes.

Nothing here looks at a browser or a database: rows and pages come as values, so that the judge can be tried itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from chatplatform.chat.markdown import render
from chatplatform.testing.scripted_replies import Directives, directives, reply

RUNNING = {"queued", "running", "waiting"}


@dataclass(frozen=True, slots=True)
class Row:
    """A message as it is stored; `state` is its turn's, for an answer."""

    id: str
    conversation: str
    parent: str | None
    number: int
    on_path: bool
    role: str
    text: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a page shows it."""

    id: str
    role: str
    text: str


def expected_answer(question: str) -> str:
    """What the scripted engine says to it, whole."""
    return reply(question, directives(question, Directives()))


def stored_findings(rows: Sequence[Row], sent: Iterable[str], waiting: Iterable[str] = ()) -> list[str]:
    """What is wrong with the rows, where `sent` is all that people sent, and `waiting` what they still see unsent."""
    found: list[str] = []
    by_id = {row.id: row for row in rows}
    counts = Counter(row.text for row in rows if row.role == "user")
    unsent = set(waiting)
    for text in sent:
        if counts[text] > 1:
            found.append(f"doubled: {text!r} is stored {counts[text]} times")
        if not counts[text] and text not in unsent:
            found.append(f"lost: {text!r} was sent and is nowhere")
    for row in rows:
        if row.role != "assistant":
            continue
        question = by_id[row.parent].text if row.parent in by_id else ""
        whole = expected_answer(question)
        if row.state in RUNNING:
            found.append(f"stuck: the answer to {question!r} is {row.state}")
        elif row.state == "finished" and row.text != whole:
            found.append(f"{_difference(row.text, whole)}, in the finished answer to {question!r}")
        elif row.state in {"stopped", "failed"} and not whole.startswith(row.text):
            found.append(f"{_difference(row.text, whole)}, in the {row.state} answer to {question!r}")
    return found


def shown_findings(rows: Sequence[Row], conversation: str, shown: Sequence[Shown]) -> list[str]:
    """What differs between a page and the rows: the page shows the end of the path, whole and in order."""
    path = sorted(
        (row for row in rows if row.conversation == conversation and row.on_path), key=lambda row: row.number
    )
    there = path[len(path) - len(shown) :] if len(shown) <= len(path) else path
    ids, stored = [each.id for each in shown], [row.id for row in there]
    if ids != stored:
        return [f"another order: the page shows {ids}, stored are {stored}"]
    if path and not shown:
        return ["nothing is shown of a conversation that has messages"]
    return [
        f"{_difference(each.text, visible(row))}, on the page, message {row.number} ({row.role}, {row.state})"
        for each, row in zip(shown, there, strict=True)
        if each.text != visible(row)
    ]


def growing_finding(question: str, shown: str) -> str:
    """What is wrong with the words that are shown of a running answer: they must be the beginning of the whole."""
    words, whole = " ".join(shown.split()), " ".join(expected_answer(question).split())
    return "" if whole.startswith(words) else f"{_difference(words, whole)}, while it is written"


def visible(row: Row) -> str:
    """What a page shows of a stored message, as an element's `textContent`."""
    if row.role == "user":
        return row.text
    parser = _Text()
    parser.feed(render(row.text) if row.text else "")
    parser.close()
    return "".join(parser.pieces)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _difference(one: str, other: str) -> str:
    pairs = zip(one, other, strict=False)
    at = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    near = slice(max(0, at - 20), at + 40)
    return f"different at {at}: {one[near]!r} instead of {other[near]!r}"

"""Tools in plain text: how a model is told of them, and how its calls are found in what it writes.

One form for every model: the tools in the system message, a call as JSON between two marks. Many models were trained
on these very marks; the others are shown them.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatplatform.inference.engines.llamacpp.reasoning_text import held_back

OPENING, CLOSING = "<tool_call>", "</tool_call>"
_FENCE = re.compile(r"\s*(`{1,3}|```(j|js|jso|json)?\s*)?")
"""What models like to put before a call; nobody has to see it."""
_CALL = re.compile(rf"\s*{OPENING}\s*(.*?)\s*(?:{CLOSING}|\Z)", re.DOTALL)

_TOLD = """You can use tools. Each line between the marks describes one:

<tools>
{tools}
</tools>

To use a tool, write nothing but a JSON object with its name and its arguments, between marks of its own:
<tool_call>
{{"name": "name of the tool", "arguments": {{"argument": "value"}}}}
</tool_call>
What the tool gives comes between <tool_response> and </tool_response>."""
WHEN = (
    "Call a function whenever the user asks for what one of them does, and leave out every argument that the user "
    "said nothing of. Answer everything else yourself, in words: greetings, general knowledge, advice, sums, jokes."
)
_MUST = "\nYou must use {which} now."


@dataclass(frozen=True)
class Call:
    """A call that the model made; `arguments` is JSON."""

    name: str
    arguments: str = field(repr=False)
    id: str = field(default_factory=lambda: f"call_{secrets.token_hex(12)}")


def told(tools: Sequence[dict[str, Any]], *, must: str | None) -> str:
    """What the system message says of the tools. `must` names the one to be used; "" means any one."""
    lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    text = _TOLD.format(tools=lines)
    if must is None:
        return f"{text}\n{WHEN}"
    return text + _MUST.format(which=f"the tool {must}" if must else "one of them")


def parsed_arguments(arguments: str) -> Any:
    """Arguments of a call; what is no JSON stays the text that it is."""
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments


def written_call(name: str, arguments: str) -> str:
    """A call as the model would have written it."""
    call = {"name": name, "arguments": parsed_arguments(arguments)}
    return f"{OPENING}\n{json.dumps(call, ensure_ascii=False)}\n{CLOSING}"


def written_result(content: str) -> str:
    return f"<tool_response>\n{content}\n</tool_response>"


class ToolOutput:
    """Splits what a model writes into text that may be shown at once, and calls, which are known at the end."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._held = ""
        self._calling = False
        self._at_beginning = True

    def feed(self, text: str) -> str:
        """The text that is certainly no call, perhaps none."""
        self._held += text
        if self._calling:
            return ""
        at = self._held.find(OPENING)
        self._calling = at >= 0
        if not self._calling:
            at = len(self._held) - held_back(self._held, OPENING)
        if self._at_beginning and _FENCE.fullmatch(self._held[:at]):
            self._held = self._held[at:] if self._calling else self._held
            return ""
        self._at_beginning = False
        shown, self._held = self._held[:at], self._held[at:]
        return shown

    def finish(self) -> tuple[str, list[Call]]:
        """What is left: text, or calls. What looks like a call and is none is text; a call that was cut off after
        others is left out, and so is one that says again what another has said."""
        held, self._held = self._held, ""
        if not self._calling:
            return held, []
        calls: list[Call] = []
        position = 0
        while position < len(held.rstrip()):
            found = _CALL.match(held, position)
            call = _call(found.group(1), self._names) if found else None
            if found is None or call is None:
                was_cut = found is not None and found.end() == len(held) and CLOSING not in found.group()
                return ("", calls) if calls and was_cut else (held, [])
            if (call.name, call.arguments) not in ((one.name, one.arguments) for one in calls):
                calls.append(call)
            position = found.end()
        return "", calls


def _call(text: str, names: Collection[str]) -> Call | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or parsed.get("name") not in names:
        return None
    arguments = parsed.get("arguments", {})
    if not isinstance(arguments, dict):
        return None
    return Call(parsed["name"], json.dumps(arguments, ensure_ascii=False))

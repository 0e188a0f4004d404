"""What each kind of server understands of a chat request, and what it has to be told in words of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["ours", "llama_server", "vllm", "ollama", "openai"]
# How an answer that broke off is gone on with:
#   flag      a field says that the last message, the assistant's, is to be continued
#   template  the same, and a second field keeps the template from opening a new message
#   prefix    a last message of the assistant's is continued without being told
#   restart   it cannot: the question is asked again (see continuation.py)
Continuation = Literal["flag", "template", "prefix", "restart"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`samplers` are the servers' names for what OpenAI's protocol has none for. `extended` servers are our own:
    they know our fields and addresses."""

    kind: Kind
    continuation: Continuation
    samplers: Mapping[str, str] = field(default_factory=dict)
    extended: bool = False


def _named(**names: str) -> Mapping[str, str]:
    return MappingProxyType(names)


OURS = Dialect(
    "ours",
    "flag",
    _named(top_k="top_k", min_p="min_p", repeat_penalty="repeat_penalty"),
    extended=True,
)
OPENAI = Dialect("openai", "restart")
DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "ours": OURS,
        "llama_server": Dialect(
            "llama_server",
            "prefix",
            _named(top_k="top_k", min_p="min_p", repeat_penalty="repeat_penalty"),
        ),
        "vllm": Dialect(
            "vllm",
            "template",
            _named(top_k="top_k", min_p="min_p", repeat_penalty="repetition_penalty"),
        ),
        "ollama": Dialect("ollama", "prefix"),
        "openai": OPENAI,
    }
)

_OWNERS: Mapping[str, Kind] = {"llamacpp": "llama_server", "vllm": "vllm", "library": "ollama"}


def recognised(entries: Sequence[Mapping[str, Any]]) -> Dialect:
    """The dialect of a server by what it says of its models; only our own engines name the hash of their files.

    A server that nothing is known of is sent what the OpenAI protocol has, and nothing else.
    """
    if any(entry.get("sha256") for entry in entries):
        return OURS
    owners = {str(entry.get("owned_by") or "") for entry in entries}
    return next((DIALECTS[kind] for owner, kind in _OWNERS.items() if owner in owners), OPENAI)

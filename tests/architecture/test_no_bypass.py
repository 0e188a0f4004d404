"""Hunts the source for ways round the doors: outbound HTTP, cleared prompts, the engines' client.

import-linter holds the layers; this hunt sees what it cannot: imports inside functions, dynamic imports, and who
calls what. The hunt is itself tested with planted bypasses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

NETWORK_MODULES = (
    "httpx", "httpx2", "httpcore", "requests", "urllib.request", "urllib3", "aiohttp", "socket", "http.client",
    "ftplib", "smtplib", "telnetlib", "xmlrpc.client", "websockets", "websocket", "anyio",
    "django.core.mail",
)  # fmt: skip
NETWORK_CALLS = ("open_connection", "create_connection", "open_unix_connection", "sock_connect")
# each with the reason why it is no way round
MAY_USE_THE_NETWORK = {
    "chatplatform/privacy/egress.py": "the door itself",
    "chatplatform/privacy/mail_door.py": "the door for mail",
    "chatplatform/inference/protocol/http_clients.py": "connections to engines on this machine",
    "chatplatform/inference/engines/*": "engine processes listen; they hold no keys",
    "chatplatform/inference/management/commands/engine_*.py": "the same, at their start",
    "chatplatform/inference/model_files/model_store*": "fetches model files by SHA-256, before there is a database",
    "chatplatform/inference/model_files/model_sources/*": "the same",
    "chatplatform/installation/*": "runs before the platform is there",
    "chatplatform/health/ports.py": "asks whether a port of this machine is free",
    "chatplatform/health/probes.py": "asks processes of this machine, and the addresses in the settings, how they are",
    "chatplatform/vector_store/connections.py": "the vector store on this machine; elsewhere through the door",
    "chatplatform/supervisor/web_server.py": "listens; the type of a socket is all that it imports",
    "chatplatform/supervisor/sockets.py": "the same: the frames of those who come",
    "chatplatform/testing/*": "fakes of the other side",
}
HARMLESS = {"socket": {"gethostname"}}
MAY_MAKE_CLEARED_PROMPTS = ("chatplatform/privacy/clearance.py",)
# what stands behind the gateway, and who may import it
BEHIND_THE_GATEWAY = {
    "chatplatform.inference.endpoints.engines_in_use": (
        "chatplatform/inference/gateway.py",
        "chatplatform/inference/model_stream.py",
        "chatplatform/inference/endpoints/endpoint_watch.py",
    ),
    "chatplatform.inference.protocol.openai_client": (
        "chatplatform/inference/gateway.py",
        "chatplatform/inference/endpoints/engines_in_use.py",
    ),
    "chatplatform.inference.protocol.http_clients": (
        "chatplatform/inference/protocol/openai_client.py",
        "chatplatform/inference/endpoints/engines_in_use.py",
        "chatplatform/inference/endpoints/outbound.py",
    ),
    "chatplatform.inference.endpoints.outbound": (
        "chatplatform/inference/gateway.py",
        "chatplatform/inference/model_stream.py",
        "chatplatform/inference/endpoints/engines_in_use.py",
        "chatplatform/inference/endpoints/endpoint_watch.py",
        "chatplatform/inference/endpoints/endpoint_trial.py",
        "chatplatform/health/checks/more_engines.py",
    ),
    "chatplatform.inference.model_stream": ("chatplatform/inference/gateway.py",),
}


def _permitted(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _imported(node: ast.AST) -> Iterator[str]:
    """Dotted names that a node imports, statically or by `import_module` and `__import__`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
        yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


def _uses_harmless_parts_only(tree: ast.Module, name: str) -> bool:
    """Whether the module is imported under its own name, and of it only what reaches nobody is used."""
    parts = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    ]
    mentions = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
    plain = all(
        alias.asname is None
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == name
    )
    return plain and bool(parts) and mentions == len(parts) and set(parts) <= HARMLESS.get(name, set())


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _mentions(node: ast.expr, name: str) -> bool:
    return any(
        getattr(part, "id", getattr(part, "attr", None)) == name
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    )


def bypasses(path: str, source: str) -> list[str]:
    """What the module at `path` does that only others may do, each as `path:line what`."""
    found = []
    tree = ast.parse(source)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for name in _imported(node):
            reaches_out = _is_within(name, NETWORK_MODULES) and not _uses_harmless_parts_only(tree, name)
            if reaches_out and not _permitted(path, MAY_USE_THE_NETWORK):
                found.append(f"{path}:{line} imports {name}: use privacy.egress")
            for module, importers in BEHIND_THE_GATEWAY.items():
                if _is_within(name, (module,)) and path not in importers:
                    found.append(f"{path}:{line} imports {name}: use inference.gateway")
        if not isinstance(node, ast.Call):
            continue
        called = _called(node)
        if called in NETWORK_CALLS and not _permitted(path, MAY_USE_THE_NETWORK):
            found.append(f"{path}:{line} calls {called}: use privacy.egress")
        makes = called == "ClearedPrompt" or (
            called in {"__new__", "partial", "replace", "copy", "deepcopy", "make_dataclass"}
            and any(_mentions(argument, "ClearedPrompt") for argument in node.args)
        )
        if makes and not _permitted(path, MAY_MAKE_CLEARED_PROMPTS):
            found.append(f"{path}:{line} makes a ClearedPrompt: call privacy.clearance.clear")
    return sorted(set(found))


def test_every_exception_is_still_needed() -> None:
    """An exception for a file that is gone would be a hole for the next of its name."""
    modules = [str(module.relative_to(ROOT)) for module in (ROOT / "chatplatform").rglob("*.py")]
    assert [pattern for pattern in MAY_USE_THE_NETWORK if not any(fnmatch(m, pattern) for m in modules)] == []


def test_nothing_goes_round_the_doors() -> None:
    found = []
    modules = sorted((ROOT / "chatplatform").rglob("*.py"))
    assert len(modules) > 50
    for module in modules:
        found += bypasses(str(module.relative_to(ROOT)), module.read_text())
    assert found == []


PLANTED = {
    "plain import": "import httpx",
    "other name": "import requests as r",
    "part of a package": "from urllib import request",
    "its function": "from urllib.request import urlopen",
    "inside a function": "def f():\n    import aiohttp\n",
    "by name": "import importlib\nimportlib.import_module('httpx')",
    "by dunder": "__import__('socket')",
    "mail": "from django.core.mail import send_mail",
    "a mail server": "import smtplib",
    "a socket": "import socket\nsocket.gethostname()\nsocket.create_connection(('evil.test', 80))",
    "a socket under another name": "import socket as s\ns.gethostname()",
    "a socket passed on": "import socket\nsocket.gethostname()\nf(socket)",
    "from a type check": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import httpx\n",
    "bare stream": "import asyncio\nasyncio.open_connection('evil.test', 80)",
    "bare connection": "async def f(loop):\n    await loop.create_connection(None, 'evil.test', 80)\n",
    "engine client": "from chatplatform.inference.protocol.openai_client import OpenAIClient",
    "engine client by its package": "from chatplatform.inference.protocol import openai_client",
    "the engines in use": "from chatplatform.inference.endpoints.engines_in_use import engine",
    "a cleared prompt": "from chatplatform.privacy.clearance import ClearedPrompt\nClearedPrompt(1, 2)",
    "by its module": "from chatplatform.privacy import clearance\nclearance.ClearedPrompt(1, 2)",
    "below the constructor": "object.__new__(ClearedPrompt)",
    "by a part of it": "import functools\nfunctools.partial(ClearedPrompt, 1)",
}


@pytest.mark.parametrize("source", PLANTED.values(), ids=PLANTED)
def test_the_hunt_finds_a_planted_bypass(source: str) -> None:
    assert bypasses("chatplatform/chat/planted.py", source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("chatplatform/privacy/egress.py", "import httpx"),
        ("chatplatform/inference/engines/llamacpp/server.py", "import socket"),
        ("chatplatform/inference/gateway.py", "from chatplatform.inference.protocol import openai_client"),
        ("chatplatform/privacy/clearance.py", "ClearedPrompt(1)"),
        ("chatplatform/chat/turns.py", "from urllib.parse import urlsplit"),
        ("chatplatform/chat/turns.py", "import socket\nsocket.gethostname()"),
        ("chatplatform/chat/turns.py", "def send(prompt: ClearedPrompt) -> None: ..."),
        ("chatplatform/chat/turns.py", "isinstance(value, ClearedPrompt)"),
    ],
)
def test_the_hunt_leaves_the_doors_alone(path: str, source: str) -> None:
    assert bypasses(path, source) == []

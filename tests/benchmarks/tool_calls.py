"""How well a model uses tools: the right one, with the right arguments, and none where none is needed.

usage: python -m tests.benchmarks tool_calls [--model ID_OR_PATH] [--every N]

The model is the default one unless another is named. With --every 5 only every fifth request is made.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.engine import model_path
from tests.integration.llamacpp.engine_process import EngineProcess, start_engine

MODEL = "qwen2.5-coder-1.5b"
FILE = Path(__file__).with_name("tool_requests.toml")
ANSWER_TOKENS = 160
ANSWER_S = 600


@dataclass(frozen=True)
class Request:
    """`tool` is empty when none is needed."""

    text: str
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    request: Request
    calls: tuple[tuple[str, dict[str, Any]], ...]
    content: str

    @property
    def right_tool(self) -> bool:
        return [name for name, _arguments in self.calls] == [self.request.tool]

    @property
    def right_arguments(self) -> bool:
        return self.right_tool and agrees(self.calls[0][1], self.request.arguments)

    @property
    def falsely_called(self) -> bool:
        return not self.request.tool and bool(self.calls)


def agrees(given: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a call says what it must, and nothing else. See tool_requests.toml."""
    said = {name: value for name, value in given.items() if value not in (None, "")}
    return said.keys() == wanted.keys() and all(_is(said[name], wanted[name]) for name in wanted)


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return any(_is(value, one) for one in wanted)
    if isinstance(wanted, str):
        text = str(value).strip().casefold()
        if wanted.startswith("~"):
            return wanted[1:].casefold() in text
        return wanted == "*" or text == wanted.casefold()
    return not isinstance(value, str | bool) and bool(value == wanted)


def load(path: Path = FILE) -> tuple[str, list[dict[str, Any]], list[Request]]:
    """The system message, the tools as the protocol has them, and the requests."""
    data = tomllib.loads(path.read_text())
    tools = [{"type": "function", "function": tool} for tool in data["tool"]]
    return data["system"], tools, [Request(**request) for request in data["request"]]


def ask(client: httpx.Client, system: str, tools: list[dict[str, Any]], request: Request) -> Result:
    body = {
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": request.text}],
        "tools": tools,
        "temperature": 0,
        "max_tokens": ANSWER_TOKENS,
        "cache_owner": "tool benchmark",  # what all requests begin with is read once
    }
    answer = client.post("/v1/chat/completions", json=body).raise_for_status().json()
    message = answer["choices"][0]["message"]
    calls = tuple(
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    )
    return Result(request, calls, message["content"] or "")


def results(engine: EngineProcess, requests: list[Request], system: str, tools: Any) -> Iterator[Result]:
    with httpx.Client(
        base_url=engine.url, headers=engine.headers, timeout=ANSWER_S, trust_env=False
    ) as client:
        for request in requests:
            result = ask(client, system, tools, request)
            if not (result.right_arguments or (not request.tool and not result.calls)):
                print(
                    f"  {request.text}  wanted {request.tool or 'no tool'}, got {_told(result)}", flush=True
                )
            yield result


def _told(result: Result) -> str:
    calls = ", ".join(f"{name} {json.dumps(said, ensure_ascii=False)}" for name, said in result.calls)
    return calls or f"“{result.content[:60]}”".replace("\n", " ")


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="tool_calls")
    parser.add_argument("--model", default=MODEL, help="id in the catalogue, or path")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args(arguments)
    system, tools, requests = load()
    requests = requests[:: options.every]
    model = model_path(options.model)
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as folder:
        engine = start_engine(Path(folder), models=str(model), context_tokens=4096)
        try:
            engine.until("ready")
            told = list(results(engine, requests, system, tools))
        finally:
            engine.stop()
    calling = [result for result in told if result.request.tool]
    others = [result for result in told if not result.request.tool]
    print(f"{model.name}, {len(told)} requests, {len(others)} of them need no tool, temperature 0")
    print(f"right tool       {_share([result.right_tool for result in calling])}")
    print(f"right arguments  {_share([result.right_arguments for result in calling])}")
    print(f"false calls      {_share([result.falsely_called for result in others])} of those that need none")


def _share(found: list[bool]) -> str:
    return f"{100 * sum(found) / max(1, len(found)):5.1f} %  ({sum(found)} of {len(found)})"

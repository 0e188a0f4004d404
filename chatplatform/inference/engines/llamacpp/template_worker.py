"""Renders chat templates in a process of its own that may neither run long nor grow large.

Templates come with model files and are programs. Jinja's sandbox keeps them from Python's insides but limits
neither time nor memory, so they run here: with limits of the operating system, no environment, no files to
write, and a parent that kills what does not answer. Run as a script with nothing of the platform imported.

One JSON object a line: {"template": …} sets the template, {"messages": …, …} renders it; the answer is
{"text": …} or {"error": …, "refused": bool}.
"""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any, NoReturn

import jinja2
import jinja2.exceptions
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY_BYTES = 512 * 1024 * 1024
CPU_S = 3
MAX_TEXT = 16 * 1024 * 1024


class Refused(Exception):
    """The template itself says that it can't take these messages."""


def limit_process() -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def limit_next_render() -> None:
    """A template that outlives its parent's patience dies by itself, even if the parent died first."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + CPU_S + 1, resource.RLIM_INFINITY))


def _refuse(message: str = "") -> NoReturn:
    raise Refused(str(message)[:200])


def _tojson(value: object, indent: int | None = None, **_options: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def environment() -> ImmutableSandboxedEnvironment:
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    env.filters["tojson"] = _tojson
    env.globals["raise_exception"] = _refuse
    env.globals["strftime_now"] = lambda form: datetime.datetime.now().astimezone().strftime(str(form))
    return env


def answer(env: ImmutableSandboxedEnvironment, state: dict[str, jinja2.Template], request: Any) -> Any:
    try:
        if "template" in request:
            state["template"] = env.from_string(request["template"])
            return {"text": ""}
        text = state["template"].render(request)
    except Refused as refusal:
        return {"error": str(refusal), "refused": True}
    except (jinja2.exceptions.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return {"error": type(error).__name__, "refused": False}
    except (MemoryError, RecursionError):
        return {"error": "it needs too much memory", "refused": False}
    if len(text) > MAX_TEXT:
        return {"error": "its result is too large", "refused": False}
    return {"text": text}


def main() -> None:
    limit_process()
    env = environment()
    state: dict[str, jinja2.Template] = {}
    for line in sys.stdin.buffer:
        limit_next_render()
        result = answer(env, state, json.loads(line))
        sys.stdout.buffer.write(json.dumps(result).encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

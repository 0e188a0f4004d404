"""How log lines look: text for people, or one JSON object a line for programs.

Both carry the request's id and the process's role. Content never enters logs, in neither form: nothing here adds
what the caller did not say, extra attributes of a record are left out, and so are the messages of exceptions, which
may quote what a library was given (common/tracebacks.py). `debug` shows them: a developer's own machine.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType
from typing import Literal, TypeAlias

from chatplatform.common.request_ids import request_id
from chatplatform.common.tracebacks import safe_traceback

LogFormat = Literal["text", "json"]

_ROLES = {
    "web": "web",
    "worker": "worker",
    "engine_llm": "llm",
    "engine_encoder": "encoder",
    "chroma": "chroma",
    "run": "supervisor",
}


def process_role(arguments: list[str]) -> str:
    """What this process is, by its command line (`sys.argv`): a name of the roster, or `command`."""
    if len(arguments) > 1 and PurePath(arguments[0]).name == "manage.py":
        return _ROLES.get(arguments[1], "command")
    return "command"


_ExceptionInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class _Formatter(logging.Formatter):
    """Tracebacks without messages."""

    def __init__(self, pattern: str | None = None, *, debug: bool) -> None:
        super().__init__(pattern)
        self._debug = debug

    def formatException(self, ei: _ExceptionInfo) -> str:
        if self._debug or ei[1] is None:
            return super().formatException(ei)
        return safe_traceback(ei[1])


class TextFormatter(_Formatter):
    """`time level logger [request id]: message`; without the brackets outside requests."""

    def __init__(self, role: str = "", *, debug: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(request)s: %(message)s", debug=debug)

    def format(self, record: logging.LogRecord) -> str:
        identifier = request_id()
        record.request = f" [{identifier}]" if identifier else ""
        return super().format(record)


class JsonFormatter(_Formatter):
    """One line of JSON: time (ISO 8601, UTC), level, logger, message, request_id, process, and `exception`."""

    def __init__(self, role: str = "", *, debug: bool = False) -> None:
        super().__init__(debug=debug)
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        line = json_line(
            record.levelname, record.name, record.getMessage(), role=self._role, at=record.created
        )
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def json_line(level: str, logger: str, message: str, *, role: str, at: float) -> dict[str, str]:
    """The fields of a line; `at` in seconds since 1970."""
    return {
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "logger": logger,
        "message": message,
        "request_id": request_id(),
        "process": role,
    }


def formatter_class(name: LogFormat) -> str:
    """The formatter's path, for Django's LOGGING setting."""
    kind = JsonFormatter if name == "json" else TextFormatter
    return f"{kind.__module__}.{kind.__qualname__}"

"""How log lines look: text for people, or one JSON object a line for programs.

Both carry the request's id and the process's role. Content never enters logs, in neither form: nothing here adds
what the caller did not say, and extra attributes of a record are left out.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Literal

from chatplatform.common.request_ids import request_id

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


class TextFormatter(logging.Formatter):
    """`time level logger [request id]: message`; without the brackets outside requests."""

    def __init__(self, role: str = "") -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(request)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        identifier = request_id()
        record.request = f" [{identifier}]" if identifier else ""
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """One line of JSON: time (ISO 8601, UTC), level, logger, message, request_id, process, and `exception`."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
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

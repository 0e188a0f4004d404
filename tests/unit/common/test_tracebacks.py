"""Tracebacks say where something broke, and quote nobody."""

from __future__ import annotations

import json
import logging

import pytest
from django.db import OperationalError

from chatplatform.common.errors import Conflict
from chatplatform.common.log_format import JsonFormatter, TextFormatter
from chatplatform.common.tracebacks import safe_message, safe_traceback

CANARY = "heliotrope-4711"


def _broken() -> None:
    try:
        raise KeyError(CANARY)
    except KeyError as cause:
        raise RuntimeError(f"about {CANARY}") from cause


def _broken_together() -> None:
    raise ExceptionGroup(f"about {CANARY}", [ValueError(CANARY), ExceptionGroup("", [TypeError(CANARY)])])


def _logged(formatter: logging.Formatter, error: BaseException) -> str:
    info = (type(error), error, error.__traceback__)
    return formatter.format(logging.LogRecord("a", logging.ERROR, "x.py", 1, "It broke", (), info))


def test_it_says_where_and_not_what() -> None:
    with pytest.raises(RuntimeError) as raised:
        _broken()
    text = safe_traceback(raised.value)
    assert CANARY not in text
    assert "in _broken" in text
    assert text.endswith("RuntimeError\ncaused by\n" + text.rpartition("caused by\n")[2])
    assert text.endswith("KeyError")


def test_of_several_at_once_each_is_told() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        _broken_together()
    text = safe_traceback(raised.value)
    assert CANARY not in text
    assert (
        "ExceptionGroup\none of them\nValueError\none of them\nExceptionGroup\none of them\nTypeError" in text
    )


def test_a_circle_of_causes_ends() -> None:
    one, other = ValueError("1"), KeyError("2")
    one.__cause__, other.__cause__ = other, one
    assert safe_traceback(one) == "ValueError\ncaused by\nKeyError"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Conflict("is_there", f"There is {CANARY} already."), "is_there"),
        (FileNotFoundError(2, "No such file or directory", CANARY), "No such file or directory"),
        (OSError(CANARY), ""),
        (ModuleNotFoundError("No module named 'chromadb'"), "No module named 'chromadb'"),
        (AttributeError("'X' object has no attribute 'y'"), "'X' object has no attribute 'y'"),
        (OperationalError(f"database is locked\nDETAIL: {CANARY}"), "database is locked"),
        (ValueError(CANARY), ""),
        (UnicodeEncodeError("utf-8", CANARY, 0, 1, "surrogates not allowed"), ""),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_message_is_told_where_it_cannot_quote(error: Exception, message: str) -> None:
    assert safe_message(error) == message


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
def test_no_line_of_the_log_quotes_what_broke(formatter: type[TextFormatter] | type[JsonFormatter]) -> None:
    with pytest.raises(RuntimeError) as raised:
        _broken()
    line = _logged(formatter("web"), raised.value)
    assert CANARY not in line
    assert "in _broken" in line
    assert "RuntimeError" in line
    assert CANARY in _logged(formatter("web", debug=True), raised.value), "a developer sees it"


def test_json_stays_one_line() -> None:
    with pytest.raises(RuntimeError) as raised:
        _broken()
    line = _logged(JsonFormatter("web"), raised.value)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("KeyError")

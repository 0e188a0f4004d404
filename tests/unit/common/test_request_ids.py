"""Which request ids are taken over, and what lines of the log look like."""

from __future__ import annotations

import json
import logging

import pytest

from chatplatform.common.log_format import JsonFormatter, TextFormatter, process_role
from chatplatform.common.request_ids import accepted, request_id, working_for


@pytest.mark.parametrize("given", ["a1b2c3d4", "trace-1.2_3" * 4, "x" * 64])
def test_a_short_and_plain_id_is_taken_over(given: str) -> None:
    assert accepted(given) == given


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "short",
        "x" * 65,
        "with space",
        "line\nbreak-break",
        "-begins-so",
        "ümlaut-ümlaut",
        "a" * 8 + "\n",
    ],
)
def test_anything_else_is_replaced(given: str | None) -> None:
    made = accepted(given)
    assert made != given
    assert accepted(made) == made
    assert accepted(given) != made


def _line(formatter: logging.Formatter) -> str:
    record = logging.LogRecord("a.b", logging.WARNING, "x.py", 1, "%d of “%s”", (3, "四"), None)
    return formatter.format(record)


def test_a_line_of_json_has_its_fields() -> None:
    with working_for("request-0001"):
        line = json.loads(_line(JsonFormatter("web")))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "a.b",
        "message": "3 of “四”",
        "request_id": "request-0001",
        "process": "web",
    }
    assert request_id() == ""


def test_a_line_of_text_names_the_request() -> None:
    with working_for("request-0002"):
        assert _line(TextFormatter()).endswith("WARNING a.b [request-0002]: 3 of “四”")
    assert _line(TextFormatter()).endswith("WARNING a.b: 3 of “四”")


def test_processes_are_told_by_their_command() -> None:
    assert process_role(["/srv/manage.py", "web"]) == "web"
    assert process_role(["manage.py", "engine_llm", "--port", "1"]) == "llm"
    assert process_role(["manage.py", "migrate"]) == "command"
    assert process_role(["pytest"]) == "command"
